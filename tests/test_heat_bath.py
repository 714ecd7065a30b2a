"""Heat bath: the noise against enumeration, thermometers and relations against closed forms, honest verdicts."""

import math

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput, Cancelled
from thermoviz.core.estimators import rare
from thermoviz.core.specs import from_json, to_json
from thermoviz.experiments import bath as baths
from thermoviz.experiments.bath import bath_at, excess_kurtosis, shape_of_noise, turning_plane
from thermoviz.experiments.heat_bath import HeatBath
from thermoviz.experiments.heat_bath_conditions import Stationary, best_minimum
from thermoviz.experiments.rate_law import rate_law

SIGMAS = 4
QUICK = dict(dataset=tv.DATASETS["moons"](n=120), network=tv.MLP((3,)), weight_decay=0.05, steps=1500, replicas=8)

# Steps far too long for a loss without a ceiling.
LOST = dict(dataset="linear_regression", network=tv.MLP((3,), "relu"), lr=3.0, steps=300, replicas=4)


@pytest.fixture(scope="module")
def quick():
    return tv.run(HeatBath(**QUICK))


@pytest.fixture(scope="module")
def rested():
    """A small network at its best minimum, and its bath."""
    loss = tv.NetworkLoss(QUICK["network"], QUICK["dataset"].load(0), weight_decay=0.05)
    minimum = best_minimum(loss, 0, lambda fraction: None)[1]
    return loss, minimum, bath_at(loss, minimum)


def named(run, start):
    return next(v for v in run.verdicts if v.name.startswith(start))


# The bath itself


def test_the_bath_is_the_covariance_of_single_gradients(rested):
    loss, minimum, bath = rested
    gradients = loss.per_sample_gradients(minimum)
    C, H = np.cov(gradients.T, bias=True), loss.hessian(minimum)
    np.testing.assert_allclose(bath.noise, np.linalg.eigvalsh(C)[::-1], atol=1e-12)
    np.testing.assert_allclose(bath.axes.T @ C @ bath.axes, bath.heat, atol=1e-12)
    np.testing.assert_allclose(H @ bath.axes, bath.axes * bath.h, atol=1e-10)
    assert bath.trace_C == pytest.approx(np.trace(C)) and bath.complete
    assert bath.participation == pytest.approx(np.trace(C) ** 2 / np.trace(C @ C))
    assert bath.alignment == pytest.approx(np.trace(C @ H) / np.linalg.norm(C) / np.linalg.norm(H))
    assert np.abs(loss.force(minimum)).max() < 1e-6 and bath.h.min() > 0


def test_beyond_a_thousand_parameters_probes_state_their_errors(rested, monkeypatch):
    loss, minimum, exact = rested
    monkeypatch.setattr(baths, "LARGEST_MATRIX", 1)
    monkeypatch.setattr(baths, "LEADING", 5)
    found = bath_at(loss, minimum)
    np.testing.assert_allclose(found.h, exact.h[:5], rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.diag(found.heat)), np.abs(np.diag(exact.heat))[:5], rtol=1e-5, atol=1e-12)
    assert not found.complete and found.trace_C == pytest.approx(exact.trace_C)
    for name in ("trace_H", "participation", "alignment", "chance"):
        estimate = getattr(found, name)
        assert estimate.stderr > 0 and abs(estimate - getattr(exact, name)) < SIGMAS * estimate.stderr, name


def test_excess_kurtosis_of_known_laws():
    draw, n = np.random.default_rng(0), 200_000
    laws = {"normal": (draw.standard_normal(n), 0.0), "uniform": (draw.uniform(-1, 1, n), -1.2),
            "laplace": (draw.laplace(size=n), 3.0), "mean of 4": (draw.laplace(size=(n, 4)).mean(axis=1), 0.75)}
    for name, (z, exact) in laws.items():
        parts = np.array([excess_kurtosis(part) for part in z.reshape(50, -1)])
        # Of 4000 numbers each: the bias of a ratio of means is far below the scatter.
        assert abs(excess_kurtosis(z) - exact) < SIGMAS * parts.std() / math.sqrt(50) + 1e-3, name
    gradients = np.c_[laws["laplace"][0][:400], np.zeros(400)]
    found = shape_of_noise(gradients, np.array([1.0, 0.0]))
    assert found.z.std() == pytest.approx(1) and abs(found.kurtosis - 3) < SIGMAS * found.kurtosis.stderr


def test_the_plane_turns_most_where_noise_and_curvature_differ_most():
    """Correlated noise on two equal curvatures turns nowhere; on unequal ones it does."""
    heat = np.eye(4)
    heat[0, 1] = heat[1, 0] = 0.9
    heat[2, 3] = heat[3, 2] = 0.3
    one = baths.Estimate(1.0, 0.0)
    bath = baths.Bath(np.array([2.0, 2.0, 1.0, 0.1]), np.eye(4), heat, np.ones(4), 4.0, one, one, one, one)
    assert turning_plane(bath) == (2, 3)


# What the verdicts say


def test_every_verdict_of_a_settled_run(quick):
    assert quick.numbers["settled"] and quick.numbers["diverged"] is None
    for start in ("SGD obeys", "So does momentum", "So do batches"):
        verdict = named(quick, start)
        assert abs(verdict.measured - 1) < rare(8, SIGMAS) * verdict.stderr and verdict.stderr < 0.15
    epochs = named(quick, "Shuffled")
    assert epochs.measured < 1 - SIGMAS * epochs.stderr and epochs.holds
    silent = named(quick, "Without noise")
    assert silent.holds is None and silent.measured is None
    spread = named(quick, "The bath has one")
    assert spread.holds is False and spread.measured > 3 * spread.control
    whirl = named(quick, "The instrument")
    assert abs(whirl.measured - whirl.theory) < rare(8, SIGMAS) * whirl.stderr
    assert all(v.sentence and (v.holds is None or v.stderr is not None) for v in quick.verdicts)


def test_modes_are_as_hot_as_the_noise_in_their_direction(quick):
    """h <y^2> = lr C_ii / (2 B (1 - lr h / 2)) for noise that does not depend on the place, up to the place's share.

    And isotropic heat gives every direction the same T, up to the step's own factor.
    """
    a, T = quick.arrays, quick.numbers["T"]
    noisy = a["modes_theory"] > 1e-3 * a["modes_theory"].max()
    near = np.abs(a["modes_T"][0] - a["modes_theory"]) / a["modes_theory"]
    assert (near[noisy] < 0.3 + rare(8, SIGMAS) * (a["modes_T_error"][0] / a["modes_theory"])[noisy]).all()
    exact = T / (1 - quick.spec.lr * a["modes_h"] / 2)
    stiff = a["modes_h"] > 0.1  # soft ones feel that the valley is not a parabola
    assert (np.abs(a["modes_T"][1] - exact)[stiff] < rare(8, SIGMAS) * a["modes_T_error"][1][stiff]).all()


def test_linear_regression_is_the_instrument(quick):
    linear = quick.numbers["linear"]
    for relation in ("fdr1", "fdr2"):
        for value, error in linear[relation][:3]:
            assert abs(value - 1) < rare(16, SIGMAS) * error
    value, error = linear["fdr1"][3]
    assert abs(value - linear["epochs"]) < rare(16, SIGMAS) * error + 0.02 * linear["epochs"]
    a = quick.arrays
    z = (a["linear"] - a["linear_exact"]) / a["linear_error"]
    assert np.abs(z).max() < rare(16, SIGMAS) and linear["away"] < linear["away_additive"] / 2


def test_isotropic_heat_turns_nowhere_and_sgd_as_theory_says(quick):
    a = quick.arrays
    known = np.isfinite(a["area_theory"]) & (a["area_error"][0] > 1e-6 * a["area_error"][0].max())  # else no noise
    z = a["area"][1][known] / a["area_error"][1][known]
    assert np.abs(z).max() < rare(8, SIGMAS)
    away = np.abs(a["area"][0] - a["area_theory"])[known] / a["area_error"][0][known]
    assert np.abs(away).max() < rare(8, SIGMAS)


def test_too_few_copies_cannot_tell():
    found = tv.run(HeatBath(**QUICK | {"replicas": 2, "steps": 600}))
    assert all(v.holds is None for v in found.verdicts if v.name.startswith((
        "SGD", "So do", "Shuffled", "The bath", "Different", "Equal", "The cloud")))


def test_unsettled_copies_cannot_tell():
    found = tv.run(HeatBath(**QUICK | {"weight_decay": 1e-4, "steps": 600}))
    assert not found.numbers["settled"]
    for start in ("SGD obeys", "The bath", "SGD keeps", "The cloud"):
        assert named(found, start).holds is None and "too few steps" in named(found, start).sentence


def test_diverged_copies_are_counted_and_left_out():
    found = tv.run(HeatBath(**LOST))
    assert "diverged, the first at step" in found.numbers["diverged"]
    assert named(found, "SGD obeys").holds is None
    assert found.numbers["law"]["diverged"]


def test_equal_ratios_train_alike_and_unequal_ones_do_not(rested):
    """The slow half of the law, from the minimum itself: excess loss lr tr C/(4 B) to 4 errors, and four times that."""
    loss, minimum, bath = rested
    spec = HeatBath(**QUICK | {"steps": 6000, "replicas": 32, "lr": 0.2, "batch_size": 16})
    arrays, numbers = rate_law(spec, loss, minimum, float(loss(minimum)), lambda fraction: None)
    excess, error = arrays["law_excess"][0, :3], arrays["law_error"][0, :3]
    assert (np.abs(excess - excess.mean()) < SIGMAS * error).all()
    ratio = arrays["law_excess"][1, 2] / arrays["law_excess"][1, 0]
    error = ratio * np.hypot(*(arrays["law_error"] / arrays["law_excess"])[[1, 1], [2, 0]])
    assert abs(numbers["control"] - ratio) < SIGMAS * error and numbers["control"] > 2.5


# Behaviour


def test_the_same_seed_gives_the_same_verdict(quick):
    again = tv.run(HeatBath(**QUICK))
    assert again.verdicts == quick.verdicts or str(again.verdicts) == str(quick.verdicts)  # NaN is not itself
    for name, array in quick.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array, err_msg=name)


def agree(one, other):
    """Verdict by verdict, two runs differ by no more than their errors say."""
    for a, b in zip(one.verdicts, other.verdicts, strict=True):
        if None not in (a.measured, b.measured) and a.stderr > 0:
            assert abs(a.measured - b.measured) < SIGMAS * math.hypot(a.stderr, b.stderr), a.name
        assert a.holds == b.holds or None in (a.holds, b.holds) or a.name.startswith(("SGD obeys", "So do")), a.name


@pytest.mark.slow
def test_two_seeds_agree_within_their_errors():
    runs = [tv.run(HeatBath(seed=seed)) for seed in (0, 1, 2)]
    agree(runs[0], runs[1])
    agree(runs[0], runs[2])


def test_progress_shows_charts_early_and_hears_a_cancel():
    seen = []
    few = HeatBath(**QUICK | {"steps": 300, "replicas": 4})
    tv.run(few, lambda fraction, stage, partial: seen.append((fraction, stage, partial)))
    fractions = [fraction for fraction, _, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    first = next(partial for _, _, partial in seen if partial is not None)
    assert first.surface is not None and "bath_noise" in first.arrays and "fdr" not in first.arrays

    def cancel(fraction, stage, partial):
        if stage == "copies":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        tv.run(few, cancel)


def test_specification_and_file(quick, tmp_path):
    assert from_json(HeatBath, to_json(quick.spec)) == quick.spec
    again = tv.open_run(quick.save(tmp_path / "run.safetensors"))
    assert again.id == quick.id and str(again.verdicts) == str(quick.verdicts) and again.surface is not None
    with pytest.raises(BadInput, match="batch_size"):
        tv.run(HeatBath(**QUICK | {"batch_size": 64}))
    with pytest.raises(BadInput, match="weight_decay"):
        HeatBath(weight_decay=0)


def test_a_wider_problem_works_too():
    """Regression, two hidden layers, more outputs: no special case of the default."""
    found = tv.run(HeatBath("sine", tv.MLP((4, 3), "gelu"), lr=0.05, batch_size=8, weight_decay=0.1, steps=1200,
                            replicas=4))
    assert len(found.verdicts) == len(tv.run(HeatBath(**QUICK | {"steps": 300, "replicas": 4})).verdicts)


def test_conditions_share_one_batch(rested):
    loss, minimum, bath = rested
    state = Stationary(HeatBath(**QUICK), loss, minimum, bath, 1e-4)
    assert len(state.group) == 7 * QUICK["replicas"] + 4 and len(set(state.names)) == len(state.names) == 8
