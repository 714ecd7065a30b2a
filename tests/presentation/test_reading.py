"""Runs read for the visitor: real trainings that go as their settings make them go; and the presets, unalarmed."""

import dataclasses

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.__main__ import summary
from thermoviz.catalogue.links import with_settings
from thermoviz.presentation.names import dynamics_names
from thermoviz.presentation.reading import Course, reading, readings
from thermoviz.runs.run import Run

MOONS = tv.Descent(tv.DATASETS["moons"](n=500, noise=0.2), tv.MLP((16, 16), "tanh"), (tv.SGD(0.2, 0.9),),
                   weight_decay=1e-3, batch_size=32, replicas=6, steps=1000, plane="random", resolution=9,
                   tolerance=0.5)


def trained(**settings) -> Run:
    """Two moons with some settings changed, dotted as in a link (with __ for the dots)."""
    return tv.run(with_settings(MOONS, {name.replace("__", "."): value for name, value in settings.items()}))


@pytest.mark.parametrize("kind, told, settings", [
    ("learned", "of the answers to unseen data are right", {}),
    ("learned", "of the variance of unseen data", {"dataset": "sine"}),
    ("too fast", "The learning rate is too high: try 0.3.", {"dynamics__1__lr": "3"}),
    ("too fast", "too high for batches of 1: try 0.02, or larger batches", {"batch_size": "1"}),
    ("diverged", "all left the finite numbers, the first at step", {"dataset": "sine", "dynamics__1__lr": "30"}),
    ("not finished", "Take more steps, or a learning rate of 0.01.", {"dynamics__1__lr": "0.001"}),
    ("not finished", "still falls by", {"dynamics__1": "adam", "dynamics__1__lr": "0.0001"}),
    ("too slow", "The steps are small: try a learning rate of 0.001.", {"dynamics__1__lr": "0.0001", "steps": "100"}),
    ("held down", "Try a weight decay of 0.01.", {"weight_decay": "1"}),
    ("stuck", "one answer for all would lose 0.69. Try a larger network", {"dataset": "xor", "network__hidden": "[]"}),
    ("noisy", "Larger batches or a learning rate of 0.03 would calm it", {
        "batch_size": "1", "dynamics__1__lr": "0.3", "dynamics__1__momentum": "0"}),
    ("by heart", "that of unseen data went from", {
        "dataset__n": "60", "dataset__noise": "1.5", "weight_decay": "0", "network__hidden": "64_64", "steps": "4000",
        "dynamics__1__momentum": "0"}),
])
def test_what_became_of_a_training_is_said(kind, told, settings):
    run = trained(**settings)
    found, = readings(run)
    assert found.kind == kind and told in found.sentence and "{" not in found.sentence
    assert run.reading == found.sentence == reading(run) and found.sentence in summary(run)
    course = Course(run, 0)
    if kind not in ("diverged", "by heart"):  # the numbers are the run's own
        end = np.median(run.arrays["data_losses"][-course.tenth:].mean(axis=0))
        assert course.end == pytest.approx(end, rel=1e-6)
        assert f"{course.start:#.2g} to " in found.sentence


def test_advice_that_is_followed_helps():
    """The rate that the sentence names is tried, and then they learn."""
    for settings, rate in (({"dynamics__1__lr": "3"}, "0.3"), ({"dynamics__1__lr": "0.001"}, "0.01"),
                           ({"batch_size": "1"}, "0.02")):
        assert rate in reading(trained(**settings))
        before, after = (Course(trained(**{**settings, **more}), 0) for more in ({}, {"dynamics__1__lr": rate}))
        assert after.end < 0.5 * after.start and after.end < before.end


def test_some_that_diverge_are_counted_and_the_others_read():
    run = tv.run(dataclasses.replace(MOONS, dataset="linear_regression", dynamics=tv.GradientDescent(1.05),
                                     batch_size=None, replicas=32))
    (_k, count, step), = run.lost
    assert 0 < count < 32
    said = reading(run)
    assert f"{count} of 32 networks left the finite numbers, the first at step {step}" in said
    assert "The others: These networks" in said


def test_each_optimiser_is_read_for_itself():
    run = tv.run(dataclasses.replace(MOONS, dynamics=(tv.SGD(0.2, 0.9), tv.SGD(3.0, 0.9)), replicas=3))
    good, bad = readings(run)
    assert (good.kind, bad.kind) == ("learned", "too fast")
    assert good.sentence.startswith("SGD lr 0.2 learned") and bad.sentence.startswith("SGD lr 3 did not learn")


@pytest.mark.parametrize("key", tv.PRESETS)
def test_no_false_alarm_on_a_preset(key):
    run = tv.load_preset(key)
    assert {found.kind for found in readings(run)} <= {"learned"}
    assert bool(readings(run)) == (run.kind == "descent")


def made(losses, tests=None, **more):
    """A run whose losses [T, n] are given, every tenth step recorded."""
    T, n = losses.shape
    arrays = {"steps": np.arange(T) * 10, "losses": losses, "data_losses": losses, "member": np.zeros(n, np.int8),
              "diverged_at": np.full(n, -1, np.int32), **({} if tests is None else {"test_losses": tests}), **more}
    return Run(dataclasses.replace(MOONS, replicas=n, plane="pca"), arrays, {"d": 3})


def test_over_training_is_dated_by_the_lowest_tenth():
    t = np.linspace(0, 1, 100)[:, None] * np.ones((1, 3))
    train, test = 0.7 * np.exp(-5 * t), 0.1 + 0.2 * np.abs(t - 0.35) + 0.6 * np.exp(-20 * t)
    found, = readings(made(train, test))
    assert found.kind == "overfitted" and "near step 345" in found.sentence
    course = Course(made(train, test), 0)
    assert course.lowest_test == (pytest.approx(test[30:40].mean()), pytest.approx(345))
    # A rise that is a trifle of what was learned is none: here a thousandth of the start.
    assert readings(made(train, 0.7e-3 + 0.002 * np.abs(t - 0.35) + 0.7 * np.exp(-60 * t)))[0].kind != "overfitted"


def test_the_fall_in_the_last_tenth_is_that_of_a_line_with_its_error():
    rng = np.random.default_rng(0)
    t = np.arange(120.0)
    line = (1 - 0.5 * t / 119)[:, None] * np.ones((1, 40))  # falls by .05 in a tenth, from .525 on average late
    share, error = Course(made(line + 0.01 * rng.standard_normal(line.shape)), 0).falling
    exact = 0.5 * 0.1 / line[-12:].mean()
    assert abs(share - exact) < 4 * error and 0 < error < 0.01
    flat = 0.5 + 0.05 * rng.standard_normal((120, 40))
    share, error = Course(made(flat), 0).falling
    assert abs(share) < 4 * error
    one = Course(made(line[:, :1] + 0.01 * rng.standard_normal((120, 1))), 0).falling  # its error from residuals
    assert abs(one[0] - exact) < 4 * one[1]


def test_files_from_before_the_parts_were_kept_open_and_are_read():
    """No parts of the losses and no honesty late in training: what is shown says what it holds."""
    run = tv.load_preset("three-minds")
    arrays = {name: array for name, array in run.arrays.items() if name not in ("data_losses", "regulariser")}
    late = ("r2_null", "r2_late", "error_late")
    found = {name: value for name, value in run.numbers["honesty"].items() if name not in late}
    old = Run.from_bytes(Run(run.spec, arrays, {**run.numbers, "honesty": found}, numerics_version=2).to_bytes())
    assert old.honesty.late is None and old.honesty.r2 == run.honesty.r2
    assert reading(old).startswith("These networks learned") and "R2" in summary(old)
    names = {trace.name for trace in old.figure(figure="losses").data}
    sgd = dynamics_names(run.spec.dynamics)[0]
    assert f"{sgd}, train, with weight decay" in names and f"{sgd}, train" not in names


def test_own_models_and_very_short_runs_are_read_without_numbers_they_lack():
    import torch

    model = torch.nn.Linear(2, 1)
    x, y = torch.randn(30, 2), torch.randn(30, 1)
    own = tv.explore(model, lambda m: ((m(x) - y) ** 2).mean(), np.random.default_rng(0).standard_normal((12, 3)),
                     resolution=9)
    assert reading(own).startswith("Your model")
    short = trained(steps="1")
    assert reading(short) and "{" not in reading(short)
