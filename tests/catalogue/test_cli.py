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
def test_mistakes_are_one_sentence_and_exit_code_1(arguments, words, capsys):
    assert main(arguments) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("thermoviz: ") and complaint.count("\n") == 1 and words in complaint


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"kind": "dance"}', '{"kind": "potential", "resolution": 1}'])
def test_bad_specification_files(text, tmp_path, capsys):
    (tmp_path / "spec.json").write_text(text)
    assert main(["run", str(tmp_path / "spec.json")]) == 1
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
