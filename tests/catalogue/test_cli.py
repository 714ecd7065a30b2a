"""The command line: the same specifications, one-sentence mistakes, exit codes."""

import json
import subprocess
import sys

import pytest

import thermoviz as tv
from thermoviz.__main__ import main
from thermoviz.core.specs import to_json


def test_run_from_a_file_and_show(tmp_path, capsys):
    spec = tv.Potential("double_well", resolution=21, tolerance=0.1)
    (tmp_path / "spec.json").write_text(json.dumps(to_json(spec)))
    assert main(["run", str(tmp_path / "spec.json"), "--set", "seed=3", "--out", str(tmp_path / "out")]) == 0
    run = tv.open_run(tmp_path / "out")
    assert run.spec.seed == 3 and run.spec.potential == spec.potential
    assert main(["show", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert run.id in shown and "barrier" in shown and "valleys" in shown


def test_run_from_a_preset(tmp_path):
    assert main(["run", "--preset", "mueller-brown", "--set", "resolution=21", "--out", str(tmp_path / "out")]) == 0
    assert tv.open_run(tmp_path / "out").spec.resolution == 21


@pytest.mark.parametrize("arguments, words", [
    (["run"], "--preset"),
    (["run", "--preset", "nowhere"], "three-minds"),
    (["run", "missing.json"], "missing.json"),
    (["run", "--preset", "mueller-brown", "--set", "resolution=9999"], "resolution"),
    (["run", "--preset", "mueller-brown", "--set", "resolution"], "NAME=VALUE"),
    (["run", "--preset", "mueller-brown", "--set", "colour=red"], "colour"),
    (["show", "missing.safetensors"], "cannot be read"),
    (["presets", "nowhere"], "nowhere"),
])
def test_mistakes_are_one_sentence_and_exit_code_2(arguments, words, capsys):
    assert main(arguments) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("thermoviz: ") and complaint.count("\n") == 1 and words in complaint


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"kind": "dance"}', '{"kind": "potential", "resolution": 1}'])
def test_bad_specification_files(text, tmp_path, capsys):
    (tmp_path / "spec.json").write_text(text)
    assert main(["run", str(tmp_path / "spec.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_wrong_usage_exits_with_2():
    with pytest.raises(SystemExit) as stop:
        main(["fly"])
    assert stop.value.code == 2


def test_show_starts_as_a_program_and_loads_no_heavy_library():
    code = ("import sys; from thermoviz.__main__ import main; main(['show', 'mueller-brown']); "
            "print({'torch', 'sklearn', 'numba', 'streamlit'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip().endswith("set()"), done.stderr


def test_what_is_nested_too_deeply_is_said_in_words(tmp_path, capsys):
    (tmp_path / "deep.json").write_text("[" * 5000 + "]" * 5000)
    assert main(["run", str(tmp_path / "deep.json")]) == 2
    said = capsys.readouterr().err
    assert "nested too deeply" in said and said.count("\n") == 1


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0 and capsys.readouterr().out == f"thermoviz {tv.__version__}\n"


def test_a_reader_who_has_enough_is_no_error():
    command = [sys.executable, "-m", "thermoviz", "show", "three-minds"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # before a word was written
        said = process.stderr.read()
    assert process.returncode == 0 and not said
