"""The command `sweep`: says what comes, computes, goes on, and writes tables and run files."""

import json

import pandas as pd
import pytest

import thermoviz as tv
from thermoviz.__main__ import main
from thermoviz.catalogue.links import sweep_from_query, sweep_over, sweep_to_query
from thermoviz.core.specs import to_json

BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=2, steps=20)
SWEEP = tv.Sweep(BASE, over={"batch_size": [8, None], "dynamics.1.lr": [0.1, 0.3]}, seeds=2)


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(to_json(BASE)))
    return str(path)


def test_a_sweep_from_the_shell(spec, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["sweep", spec, "--over", "batch_size=8,none", "--over", "dynamics.1.lr=0.1,0.3", "--seeds", "2",
               "--workers", "1", "--out", str(out)]
    assert main(command) == 0
    assert "8 runs; a few seconds" in capsys.readouterr().err
    table = pd.read_csv(out / "table.csv")
    assert len(table) == 8 and list(table["id"]) == list(SWEEP.compute().table()["id"])
    pd.testing.assert_frame_equal(pd.read_parquet(out / "table.parquet"), SWEEP.compute().table())
    [path] = [path for path in (out / "runs").iterdir() if tv.open_run(path).kind == "sweep"]
    assert tv.open_run(path).spec == SWEEP
    assert main(command) == 0
    assert "8 runs, 8 of them there already." in capsys.readouterr().err


def test_a_sweep_in_a_file(tmp_path, capsys):
    (tmp_path / "sweep.json").write_text(json.dumps(to_json(SWEEP)))
    assert main(["sweep", str(tmp_path / "sweep.json"), "--seeds", "1", "--workers", "1", "--out",
                 str(tmp_path / "out")]) == 0
    assert len(pd.read_csv(tmp_path / "out" / "table.csv")) == 4


@pytest.mark.parametrize(("more", "says"), [
    (["--over", "batchsize=3"], "no setting called 'batchsize'; it has dataset"),
    (["--over", "batch_size"], "--over needs NAME=VALUE,VALUE"),
    (["--over", "batch_size=0"], "Descent.batch_size"),
    (["--over", "steps=3", "--over", "steps=4"], "twice"),
    (["--over", "steps=3", "--seeds", "0"], "Sweep.seeds"),
    (["--over", "steps=3", "--workers", "0"], "at least one worker"),
    (["--over", "steps=3", "--scheduler", "nowhere"], "nowhere"),
    (["--over", "steps=3", "--set", "steps=0"], "Descent.steps"),
    ([], "at least one --over"),
])
def test_bad_input_is_one_sentence_and_ends_with_2(spec, tmp_path, capsys, more, says):
    assert main(["sweep", spec, "--out", str(tmp_path / "out"), *more]) == 2
    said = capsys.readouterr().err.strip()
    assert says in said and "\n" not in said


def test_a_folder_that_is_a_file_is_refused(spec, capsys):
    assert main(["sweep", spec, "--over", "steps=3", "--out", spec]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize("sweep", [
    SWEEP, tv.Sweep(tv.SecondLaw(), over={"heat": [0.1, 0.2]}, seeds=3),
    tv.Sweep(BASE, over={"network.hidden": [[4], [8, 8]], "dynamics.1": ["sgd", "adam"]}, seeds=1),
    tv.Sweep(tv.Descent(seed=5), over={"dataset": ["moons", "xor"], "steps": [5], "l1": [0.0, 1e-4]}),
], ids=lambda sweep: "_".join(sweep.settings))
def test_a_link_gives_it_back(sweep):
    link = sweep_from_query(sweep_to_query(sweep, {"look": "light"}), tv.Sweep(), known=("look",))
    assert link.spec == sweep and not link.messages and link.extra == {"look": "light"}


@pytest.mark.parametrize("query", [
    {"over.batch_size": "0"}, {"over.nothing": "1"}, {"seeds": "many"}, {"over.seed": "1,2"}, {"base": "sweep"},
    {"over.steps": ""}, {"over.steps": "[[["}, {"seeds": "1e9"}, {"steps": "0", "over.l1": "0"},
])
def test_a_link_that_cannot_be_followed_says_so(query):
    link = sweep_from_query({"kind": "sweep", **query}, SWEEP)
    assert isinstance(link.spec, tv.Sweep) and link.messages
    assert all("\n" not in message for message in link.messages)


def test_a_bare_link_opens_the_default():
    assert sweep_from_query({"kind": "sweep"}, SWEEP).spec is SWEEP


def test_more_settings_are_added_to_a_sweep():
    more = sweep_over(SWEEP, ["steps=5,10"], None)
    assert more.settings == ("batch_size", "dynamics.1.lr", "steps") and more.seeds == 2
