"""A sweep is a specification like any other: checked before any work, with an id, a JSON form and a file."""

import json

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.specs import canonical, from_json, identity, to_json
from thermoviz.experiments.sweep.pieces import parts
from thermoviz.experiments.sweep.specification import MOST_RUNS, Piece, Sweep

BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=4, steps=40)


def test_runs_are_the_experiment_with_other_values():
    sweep = tv.Sweep(BASE, over={"batch_size": [8, None], "dynamics.1.lr": [0.1, 0.3], "dataset": ["moons", "xor"]},
                     seeds=3)
    assert sweep.shape == (2, 2, 2) and sweep.n_runs == 24
    last = sweep.run_of(sweep.n_points - 1, 2)
    assert (last.batch_size, last.dynamics[0].lr, last.dataset.kind, last.seed) == (None, 0.3, "xor", BASE.seed + 2)
    assert last.network == BASE.network
    assert sweep.points[1] == (8, 0.1, "xor") and sweep.run_of(1).dataset == tv.DATASETS["xor"]()


@pytest.mark.parametrize("over", [
    {"batch_size": [8, 16]}, {"network.hidden": [[4], (8, 8)]}, {"dynamics.1": ["sgd", "adam"], "steps": [3]},
    {"dynamics.1.lr": np.geomspace(0.01, 1, 5)},
])
def test_json_and_file_give_it_back(over):
    sweep = tv.Sweep(BASE, over=over, seeds=2)
    again = from_json(Sweep, json.loads(canonical(sweep)))
    assert again == sweep and identity(again) == identity(sweep)
    for part in parts(sweep):
        piece = from_json(Piece, json.loads(canonical(part.piece)))
        assert identity(piece) == identity(part.piece)
        assert list(piece.specifications()) == [sweep.run_of(row // 2, row % 2) for row in part.rows]


def test_a_name_or_a_json_form_stands_for_the_experiment():
    assert tv.Sweep("second_law", over=_one_of("second_law")).base == tv.SecondLaw()
    assert tv.Sweep(to_json(BASE), over={"steps": [3, 4]}).base == BASE


def _one_of(kind):
    spec = tv.EXPERIMENTS[kind]()
    name = next(name for name in to_json(spec) if isinstance(to_json(spec)[name], (int, float)) and name != "seed")
    return {name: [to_json(spec)[name]]}


def test_parts_hold_every_run_once():
    sweep = tv.Sweep(BASE, over={"batch_size": list(range(1, 30)), "dynamics.1.lr": [0.1, 0.2]}, seeds=5)
    rows = [row for part in parts(sweep) for row in part.rows]
    assert sorted(rows) == list(range(sweep.n_runs)) and len(parts(sweep)) >= 8


def test_pieces_are_shared_between_servers():
    sweep = tv.Sweep(BASE, over={"steps": [3, 4]}, seeds=2)
    assert [identity(part.piece) for part in parts(sweep)] == [
        identity(part.piece) for part in parts(from_json(Sweep, to_json(sweep)))]


@pytest.mark.parametrize(("settings", "says"), [
    ({"over": {"batchsize": [1]}}, "Sweep.over: Descent has no setting called 'batchsize'; it has dataset"),
    ({"over": {"batch_size": [0]}}, "Descent.batch_size: input should be greater than or equal to 1"),
    ({"over": {"dynamics.1.lr": ["fast"]}}, "Descent.dynamics"),
    ({"over": {"dynamics.2.lr": [0.1]}}, "no setting called 'dynamics.2.lr'"),
    ({"over": {"seed": [1, 2]}}, "seed is moved by seeds"),
    ({"over": {}}, "at least 1 item"),
    ({"over": {"steps": []}}, "at least 1 item"),
    ({"over": {"steps": [1], "batch_size": [1], "l1": [0], "weight_decay": [0]}}, "at most 3"),
    ({"over": [("steps", [1])]}, "Sweep.over"),
    ({"over": [{"setting": "steps", "values": [1]}, {"setting": "steps", "values": [2]}]}, "named once only"),
    ({"seeds": 0}, "Sweep.seeds"),
    ({"seeds": 2**40}, "Sweep.seeds"),
    ({"over": {"steps": list(range(1, 900)), "batch_size": list(range(1, 100))}}, f"at most {MOST_RUNS:,} runs"),
    ({"base": tv.Descent(seed=2**32 - 2), "seeds": 5}, "Descent.seed"),
    ({"base": 3}, "should be an experiment, one of descent"),
    ({"base": {"kind": "descent", "steps": 0}}, "Descent.steps"),
    ({"base": tv.Descent}, "should be an experiment"),
])
def test_what_cannot_be_is_refused_in_a_sentence(settings, says):
    with pytest.raises(tv.BadInput) as refusal:
        tv.Sweep(**{"base": BASE, "over": {"steps": [3]}, **settings})
    said = str(refusal.value)
    assert says in said and "\n" not in said and said.endswith(".") and len(said) < 800


def test_a_sweep_of_sweeps_is_refused():
    with pytest.raises(tv.BadInput, match="should be an experiment"):
        tv.Sweep(tv.Sweep(BASE, over={"steps": [3]}), over={"seeds": [3]})
