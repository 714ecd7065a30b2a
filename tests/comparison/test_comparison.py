"""Two runs side by side: what differs in words, numbers equal to the runs' own, and errors that are standard errors."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from figure_schema import checked

import thermoviz as tv
from thermoviz.comparison import common, differences
from thermoviz.comparison.pair import stage_settings
from thermoviz.core.statistics.estimators import rare
from thermoviz.figures.pairs import pair_losses
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.run import Run

BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=6, steps=120, resolution=33)


@pytest.fixture(scope="module")
def runs():
    """One training and three that differ from it in one thing each."""
    other = dataclasses.replace(BASE, dynamics=(tv.Adam(0.02),))
    return {"sgd": BASE.compute(), "adam": other.compute(), "small": dataclasses.replace(BASE, batch_size=4).compute(),
            "seed": dataclasses.replace(BASE, seed=1).compute(),
            "both": dataclasses.replace(BASE, dynamics=(*BASE.dynamics, *other.dynamics)).compute()}


def row(found, what):
    return next(one for one in found if one.what == what)


def test_settings_that_differ_are_named_as_the_controls_name_them(runs):
    assert differences.settings(BASE, BASE) == []
    (batch,) = differences.settings(runs["sgd"].spec, runs["small"].spec)
    assert (batch.name, batch.title, batch.a, batch.b) == ("batch_size", "Batch size", "32", "4")
    (optimiser,) = differences.settings(runs["sgd"].spec, runs["adam"].spec)
    assert (optimiser.title, optimiser.a, optimiser.b) == ("Optimiser", "SGD lr 0.1", "Adam lr 0.02")
    (second,) = differences.settings(runs["sgd"].spec, runs["both"].spec)
    assert (second.title, second.a, second.b) == ("Optimiser 2", "–", "Adam lr 0.02")
    data, = differences.settings(BASE, dataclasses.replace(BASE, dataset=tv.DATASETS["circles"](n=80)))
    assert (data.title, data.a, data.b) == ("Data", "Moons", "Circles")


def test_numbers_are_the_runs_own(runs):
    a, b = runs["sgd"], runs["small"]
    found = differences.numbers(a, b)
    loss = row(found, "Loss at the end")
    for number, run in ((loss.a, a), (loss.b, b)):
        late = run.arrays["data_losses"][-(len(run.arrays["steps"]) // 10):].astype(float).mean(axis=0)
        assert number.value == pytest.approx(late.mean(), rel=1e-12)
        assert number.error == pytest.approx(late.std(ddof=1) / math.sqrt(len(late)), rel=1e-12)
    assert loss.difference == loss.b.value - loss.a.value and loss.in_errors == loss.difference / loss.error
    assert row(found, "Temperature on the slice").a.value == a.numbers["T_slice"][0]
    assert row(found, "Barrier out of the deepest valley").b.value == b.surface.barrier
    low = row(found, "Lowest energy on the surface")
    assert low.error == pytest.approx(a.surface.error + b.surface.error) and low.far == 1


def test_networks_that_began_alike_are_compared_one_by_one(runs):
    a, b = (runs[name].arrays["data_losses"][-12:].astype(float).mean(axis=0) for name in ("sgd", "small"))
    apart = row(differences.numbers(runs["sgd"], runs["small"]), "Loss at the end")
    assert apart.error == pytest.approx((b - a).std(ddof=1) / math.sqrt(6), rel=1e-12) and apart.far == rare(6)
    others = row(differences.numbers(runs["sgd"], runs["seed"]), "Loss at the end")
    assert others.error == pytest.approx(math.hypot(others.a.error, others.b.error))


def test_no_more_differences_are_called_real_than_the_rule_says():
    """Means of normal numbers that do not differ: |difference| > far errors as rarely as 3 of a normal one."""
    draws = np.random.default_rng(0).normal(size=(2, 20_000, 4))
    called = sum(next(differences._of_means("x", "", (a, b), True, True)).differs
                 for a, b in zip(*draws, strict=True))
    p = 2 * (1 - 0.9986501)
    assert abs(called - 20_000 * p) < 5 * math.sqrt(20_000 * p)


def test_the_same_run_twice_differs_in_nothing(runs):
    for run in (runs["sgd"], tv.load_preset("narrow-deep")):
        found = differences.numbers(run, run)
        assert found and all(one.difference == 0 and one.differs is not True for one in found)


def test_one_network_has_no_error_and_no_judgement(runs):
    alone = dataclasses.replace(BASE, replicas=1, steps=20)
    loss = row(differences.numbers(alone.compute(), dataclasses.replace(alone, batch_size=2).compute()),
               "Loss at the end")
    assert loss.difference is not None and loss.error is None and loss.differs is None


def test_verdicts_are_compared_claim_by_claim():
    spec = tv.EXPERIMENTS["second_law"]()
    told = {"key": "theirs", "name": "A claim", "sentence": "", "unit": ""}
    run = Run(spec, {}, {"verdicts": [{**told, "measured": 2.0, "stderr": 0.3, "holds": True}]})
    other = Run(spec, {}, {"verdicts": [{**told, "measured": 4.0, "stderr": 0.4, "holds": None}]})
    (claim,) = differences.numbers(run, other)
    assert claim.in_errors == pytest.approx(4) and claim.differs
    assert (claim.a.words, claim.b.words) == ("true", "cannot tell")


def test_of_two_kinds_only_what_both_have_is_compared(runs):
    found = differences.numbers(runs["sgd"], tv.load_preset("mueller-brown"))
    assert {one.what for one in found} == {"Lowest energy on the surface", "Barrier out of the deepest valley",
                                           "Valleys", "Sharpness: steepest curvature where it is lowest"}
    assert row(found, "Lowest energy on the surface").difference is None  # nats are no energies


def test_reports_on_two_models_are_compared_number_by_number():
    """`tv.report` gives [value, error], of eigenvalues a list of them."""
    first, second = (Run(BASE, {}, {"loss": loss, "trace": [trace, 0.3], "eigenvalues": [[9.0, 0.1], [2.0, 0.1]]},
                         "model_report") for loss, trace in ((0.2, 5.0), (0.1, 9.0)))
    found = differences.numbers(first, second)
    trace = next(one for one in found if one.a.value == 5.0)
    assert trace.in_errors == pytest.approx(4 / math.hypot(0.3, 0.3)) and trace.differs
    top = next(one for one in found if one.a.value == 9.0)
    assert top.a.error == 0.1 and top.difference == 0 and top.differs is False


def test_sharpness_is_that_of_the_potential():
    """E = k x^2 / 2 in both directions: its Hessian is known."""
    soft, hard = (tv.run(tv.Potential(tv.POTENTIALS["harmonic"](k=k))) for k in (3.0, 7.0))
    sharp = row(differences.numbers(soft, hard), "Sharpness: steepest curvature where it is lowest")
    assert (sharp.a.value, sharp.b.value) == (pytest.approx(3.0, rel=1e-6), pytest.approx(7.0, rel=1e-6))


def test_both_are_drawn_between_the_same_energies_unless_one_would_look_flat(runs):
    a, b = stage_settings(runs["sgd"], runs["small"])
    low, high = a["shown"]
    assert a["shown"] == b["shown"] and a["coupled"] == b["coupled"] and a["temperature"] == b["temperature"]
    assert low == min(run.surface.minimum for run in (runs["sgd"], runs["small"]))
    assert high == max(run.surface.ceiling for run in (runs["sgd"], runs["small"]))
    far = stage_settings(runs["sgd"], tv.load_preset("mueller-brown"))
    assert all("shown" not in one for one in far) and "different quantities" in common.why_apart(
        runs["sgd"], tv.load_preset("mueller-brown"))
    deep = tv.load_preset("narrow-deep"), tv.load_preset("mueller-brown")
    assert "factor of ten" in common.why_apart(*deep) and "shown" in stage_settings(*deep, one_scale=True)[0]


def test_both_on_one_plane_trains_the_same_networks(runs):
    together = common.one_plane(runs["sgd"].spec, runs["adam"].spec)
    assert together.spec == runs["both"].spec
    losses = runs["both"].arrays["data_losses"]
    for k, name in enumerate(("sgd", "adam")):
        np.testing.assert_allclose(losses[:, 6 * k:6 * k + 6], runs[name].arrays["data_losses"], rtol=1e-5)
    refused = common.one_plane(runs["sgd"].spec, runs["small"].spec)
    assert refused.spec is None and "Batch size" in refused.why
    assert common.same_plane(runs["sgd"], runs["sgd"]) and not common.same_plane(runs["sgd"], runs["small"])


def test_a_table_and_a_file_from_python(runs, tmp_path):
    compared = tv.compare(runs["sgd"], runs["adam"])
    table = compared.table()
    assert list(table.columns) == ["what", "a", "b", "difference", "error", "in errors", "differs"]
    lines = table.set_index("what")
    assert lines.loc["Optimiser", "a"] == "SGD lr 0.1"
    assert lines.loc["Loss at the end", "difference"] == row(compared.numbers, "Loss at the end").difference
    text = compared.to_html(tmp_path / "two.html")
    assert (tmp_path / "two.html").read_text(encoding="utf-8") == text
    messages = json.loads(re.search(r'id="thermoviz-payload">(.*?)</script>', text, re.DOTALL)[1])
    assert [one["id"] for one in messages] == [runs["sgd"].id, runs["adam"].id]
    assert messages[0]["coupled"] == messages[1]["coupled"]
    with pytest.raises(tv.BadInput, match="needs two runs, got Descent"):
        tv.compare(runs["sgd"], BASE)
    with pytest.raises(tv.BadInput, match="cannot be written"):
        compared.to_html(tmp_path / "no" / "folder" / "two.html")


@pytest.mark.parametrize("look", list(LOOKS))
def test_losses_stand_on_common_axes(runs, look):
    figure = checked(pair_losses(runs["sgd"], runs["adam"], LOOKS[look]))
    named = [trace.name for trace in figure.data if trace.name]
    assert named == ["A: SGD lr 0.1, train", "A: SGD lr 0.1, test", "B: Adam lr 0.02, train", "B: Adam lr 0.02, test"]
    assert {trace.yaxis for trace in figure.data} == {None}
    by_letter = {name[0]: {trace.line.color for trace in figure.data if str(trace.name)[:1] == name[0]}
                 for name in named}
    assert all(len(colours) == 1 for colours in by_letter.values()) and by_letter["A"] != by_letter["B"]


def test_losses_of_two_units_have_an_axis_each(runs):
    regression = dataclasses.replace(BASE, dataset=tv.DATASETS["sine"](n=60)).compute()
    figure = checked(pair_losses(runs["sgd"], regression, LOOKS["dark"]))
    assert {trace.yaxis for trace in figure.data if str(trace.name).startswith("B")} == {"y2"}
    assert figure.layout.yaxis.title.text != figure.layout.yaxis2.title.text
