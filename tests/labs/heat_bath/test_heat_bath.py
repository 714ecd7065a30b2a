"""Heat bath: the noise against enumeration, thermometers and relations against closed forms, honest verdicts."""

import math

import numpy as np
import pytest
from computed_runs import computed
from verdict_contract import check_all

import thermoviz as tv
from thermoviz.core.errors import BadInput, Cancelled
from thermoviz.core.fluctuations import gradient_noise as baths
from thermoviz.core.fluctuations.gradient_noise import (
    bath_at,
    dark,
    excess_kurtosis,
    shape_of_noise,
    turning_plane,
    with_copies,
)
from thermoviz.core.learning.alignment import distinct_units
from thermoviz.core.specs import from_json, to_json
from thermoviz.core.statistics.estimators import rare
from thermoviz.labs.heat_bath.conditions import Copies, best_minimum
from thermoviz.labs.heat_bath.rate_law import rate_law
from thermoviz.labs.heat_bath.specification import HeatBath
from thermoviz.labs.heat_bath.stationary import Measured
from thermoviz.presentation.names import who_diverged

SIGMAS = 4
QUICK = dict(dataset=tv.DATASETS["moons"](n=120), network=tv.MLP((3,)), weight_decay=0.05, steps=1500, replicas=8)

# Steps far too long for a loss without a ceiling.
LOST = dict(dataset="linear_regression", network=tv.MLP((3,), "relu"), lr=3.0, steps=300, replicas=4)


@pytest.fixture(scope="module")
def quick():
    return computed(HeatBath(**QUICK))


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
    np.testing.assert_allclose(bath.axes.T @ C @ bath.axes, bath.covariance, atol=1e-12)
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
    np.testing.assert_allclose(np.abs(np.diag(found.covariance)), np.abs(np.diag(exact.covariance))[:5], rtol=1e-5,
                               atol=1e-12)
    assert not found.complete and found.trace_C == pytest.approx(exact.trace_C)
    assert found.dark == exact.dark and (found.lit == exact.lit[:5]).all()
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


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_kicks_of_a_batch_have_so_many_times_less_kurtosis(batch_size):
    """Exact for the samples at hand: of a mean of B independent draws 1/B of one sample's, whatever other data do."""
    z = np.random.default_rng(0).laplace(size=300)
    found = shape_of_noise(np.c_[z, np.zeros(300)], np.array([1.0, 0.0]), batch_size)
    centred = z - z.mean()
    exact = (centred**4).mean() / (centred**2).mean() ** 2 - 3
    assert found.z.std() == pytest.approx(1) and found.kurtosis == pytest.approx(exact)
    assert abs(found.kicks - exact / batch_size) < SIGMAS * found.kicks.stderr < 0.2


def test_dark_directions_are_counted_and_computed(rested):
    """(H - D)(inputs + 1 + outputs) + D + 1 for softmax; by the rank of the pushes, in the bath as in its modes."""
    loss, minimum, bath = rested
    H, units = 3, int(distinct_units(minimum, loss)[0])
    assert bath.dark == (H - units) * 5 + units + 1 == (~bath.lit).sum()
    gradients = loss.per_sample_gradients(minimum)
    assert loss.d - np.linalg.matrix_rank(gradients - gradients.mean(axis=0), tol=1e-7) == bath.dark
    theta = loss.init(1, seed=3)[0]
    copied = loss.per_sample_gradients(with_copies(loss, theta))
    random = loss.per_sample_gradients(theta)
    assert dark(random - random.mean(axis=0)) == 4 and dark(copied - copied.mean(axis=0)) == 5 + 3
    assert with_copies(tv.NetworkLoss(tv.MLP(()), loss.data), np.zeros(6)) is None


def test_the_plane_turns_most_where_noise_and_curvature_differ_most():
    """Correlated noise on two equal curvatures turns nowhere; on unequal ones it does."""
    heat = np.eye(4)
    heat[0, 1] = heat[1, 0] = 0.9
    heat[2, 3] = heat[3, 2] = 0.3
    one = baths.Estimate(1.0, 0.0)
    bath = baths.Bath(np.array([2.0, 2.0, 1.0, 0.1]), np.eye(4), heat, np.ones(4), 4.0, one, one, one, one,
                      np.ones(4, bool), 0)
    assert turning_plane(bath) == (2, 3)


# What the verdicts say


def test_every_verdict_of_a_settled_run(quick):
    assert quick.numbers["settled"] and quick.numbers["diverged"] is None
    check_all(quick)
    for start in ("SGD obeys", "Momentum obeys", "Batches without"):
        verdict = named(quick, start)
        assert abs(verdict.measured - 1) < rare(8, SIGMAS) * verdict.stderr and verdict.stderr < 0.15
    epochs = named(quick, "Shuffled")
    assert epochs.measured < 1 - SIGMAS * epochs.stderr and epochs.holds is False
    silent = quick.numbers["stationary"]["ratios"]["full batch"]
    assert silent == [None, None]  # without noise there is nothing to tell
    spread = named(quick, "The bath has one")
    assert spread.holds is False and spread.measured > 3 * spread.control
    whirl = named(quick, "The instrument")
    assert abs(whirl.measured - whirl.theory) < rare(8, SIGMAS) * whirl.stderr
    assert named(quick, "The noise reaches").confirmed and named(quick, "Kicks").confirmed
    assert all(v.sentence for v in quick.verdicts)


@pytest.mark.parametrize("settings", [
    {"replicas": 2, "steps": 300}, {"batch_size": 1, "steps": 600}, {"weight_decay": 1e-4, "steps": 600}, LOST,
    {"network": tv.MLP(()), "steps": 600}, {"network": tv.MLP((2, 2), "relu"), "steps": 600},
    {"network": tv.MLP((2,), "linear"), "steps": 600}, {"dataset": "sine", "lr": 0.1, "steps": 600}],
    ids=lambda settings: "-".join(settings))
def test_verdicts_keep_the_contract_whatever_is_asked(settings):
    check_all(computed(HeatBath(**QUICK | settings)))


def stationary(loss, minimum, bath, **settings):
    """A settled run of all conditions, and what is measured of it."""
    spec = HeatBath(**QUICK | settings)
    state = Copies(spec, loss, minimum, bath, spec.lr * bath.trace_C / (2 * spec.batch_size * bath.lit.sum()))
    state.run(2, lambda fraction: None)
    return state, Measured(state)


@pytest.fixture(scope="module")
def hot(rested):
    """Of batches so small that the copies feel how the valley bends."""
    return stationary(*rested, batch_size=4, steps=4000, replicas=24)


def test_temperatures_and_areas_are_those_of_the_exact_law(rested):
    """Against own numpy: single samples' Hessians by differences of gradients, vec Sigma from one linear system.

    Steps so short and batches so large that the bend of the valley, O(lr/B), is below the errors.
    """
    loss, minimum, bath = rested
    lr, B, d, e = 0.2, 90, loss.d, 1e-5
    H = np.stack([(loss.per_sample_gradients(minimum + e * v) - loss.per_sample_gradients(minimum - e * v)) / (2 * e)
                  for v in np.eye(d)], axis=2)
    g = loss.per_sample_gradients(minimum)
    g, H = g - g.mean(axis=0), H + 0.05 * np.eye(d)
    A = np.eye(d) - lr * H.mean(axis=0)
    away = H - H.mean(axis=0)
    moved = np.kron(A, A) + lr**2 / B * np.mean([np.kron(one, one) for one in away], axis=0)
    Sigma = np.linalg.solve(np.eye(d * d) - moved, (lr**2 / B * g.T @ g / len(g)).ravel()).reshape(d, d)
    pulled = bath.axes.T @ Sigma @ H.mean(axis=0) @ bath.axes
    state, found = stationary(loss, minimum, bath, lr=lr, batch_size=B, steps=4000, replicas=24)
    np.testing.assert_allclose(found.laws["SGD"].pulled[0], pulled, rtol=1e-4, atol=1e-4 * np.abs(pulled).max())
    far, heat = rare(24, SIGMAS), found.groups["SGD"].mode_T
    error = heat.std(axis=0, ddof=1) / math.sqrt(len(heat))
    assert (np.abs(heat.mean(axis=0) - np.diag(pulled))[bath.lit] < far * error[bath.lit]).all()
    all = found.all(lambda fraction: None)
    currents, equal = all.currents, all.equal
    i, j = currents.pairs.T
    np.testing.assert_allclose(currents.theory, 0.5 * (pulled[j, i] - pulled[i, j]), rtol=1e-3,
                               atol=1e-4 * np.abs(pulled).max())
    assert abs(currents.turning - 1) < far * currents.turning.stderr < 0.5
    assert abs(currents.turning_control) < far * currents.turning_control.stderr
    assert abs(currents.production - currents.production_theory) < far * currents.production.stderr
    assert abs(equal.measured - equal.theory) < far * equal.measured.stderr < 0.3


def test_isotropic_heat_is_even_where_it_is_read_by_the_slope(rested, hot):
    """<y dE/dy> = T + lr/2 <(dE/dy)^2> exactly, Euler's term, where h <y^2> feels how the valley bends."""
    bath, (state, found) = rested[2], hot
    moments, far = found.groups["isotropic heat"], rare(24, SIGMAS)
    exact = moments.mode_T - 0.5 * state.spec.lr * moments.steep
    error = exact.std(axis=0, ddof=1) / math.sqrt(len(exact))
    assert (np.abs(exact.mean(axis=0) - state.T) < far * error).all()
    assert np.median(error) < 0.1 * state.T
    square = bath.h * np.einsum("nii->ni", moments.covariance)
    off = square.mean(axis=0) - state.T / (1 - state.spec.lr * bath.h / 2)
    assert (np.abs(off) > far * square.std(axis=0, ddof=1) / math.sqrt(len(square))).any()


def test_heat_is_about_the_mean_and_not_about_the_minimum(hot):
    """The cloud's mean lies -H^-1 grad tr(H(theta) Sigma)/2 off the minimum, and that is no heat."""
    state, found = hot
    rows, n = state.rows("SGD"), state.sums.records
    first = state.sums.first[rows] / n
    far, error = rare(24, SIGMAS), first.std(axis=0, ddof=1) / math.sqrt(len(rows))
    moved = np.abs(first.mean(axis=0)) > far * error
    assert moved.any()
    about = np.einsum("nii->ni", state.sums.second[rows] / n).mean(axis=0)
    inside = np.einsum("nii->ni", found.groups["SGD"].covariance).mean(axis=0)
    np.testing.assert_allclose(about - inside, first.mean(axis=0) ** 2, rtol=1e-8, atol=1e-15)


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


def test_equal_ratios_on_linear_regression_by_the_exact_law(quick):
    linear = quick.numbers["linear"]
    for name in ("law", "law_control"):
        value, error = linear[name]
        assert abs(value - linear[f"{name}_theory"]) < rare(16, SIGMAS) * error < 0.25 * value
    assert abs(linear["heat"][0] - 1) < rare(16, SIGMAS) * linear["heat"][1] < 1 - linear["heat_additive"]


def test_isotropic_heat_turns_nowhere(quick):
    a = quick.arrays
    known = np.isfinite(a["area_theory"]) & a["modes_lit"][a["area_pairs"]].astype(bool).all(axis=1)
    z = a["area"][1][known] / a["area_error"][1][known]
    assert np.abs(z).max() < rare(8, SIGMAS)


def test_too_few_copies_cannot_tell():
    found = computed(HeatBath(**QUICK | {"replicas": 2, "steps": 600}))
    assert all(v.holds is None for v in found.verdicts if v.name.startswith((
        "SGD", "Momentum", "Batches", "Shuffled", "The bath", "Different", "Equal", "The cloud")))


def test_unsettled_copies_cannot_tell():
    found = computed(HeatBath(**QUICK | {"weight_decay": 1e-4, "steps": 600}))
    assert not found.numbers["settled"]
    for start in ("SGD obeys", "The bath", "SGD breaks", "The cloud"):
        assert named(found, start).holds is None and "too few steps" in named(found, start).sentence


def test_diverged_copies_are_counted_and_left_out():
    found = computed(HeatBath(**LOST))
    first = found.numbers["diverged"][0]
    assert f"{first['n']} of {first['of']} diverged, the first at step {first['first']}" in who_diverged(found)
    assert named(found, "SGD obeys").holds is None
    assert found.numbers["law"]["diverged"]


def test_equal_ratios_train_alike_and_unequal_ones_do_not(rested):
    """The slow half of the law, from the minimum itself: equal excess loss for equal lr/B, four times that for four
    times the rate alone."""
    loss, minimum, bath = rested
    spec = HeatBath(**QUICK | {"steps": 6000, "replicas": 64, "lr": 0.2, "batch_size": 16})
    law = rate_law(spec, loss, minimum, float(loss(minimum)), lambda fraction: None)
    excess, error = law.excess, law.excess_error
    assert (np.abs(excess[0, :3] - excess[0, :3].mean()) < SIGMAS * error[0, :3]).all()
    assert excess[1, 2] > 2 * excess[0, 2] + SIGMAS * error[1, 2]
    late = (law.time > law.time[-1] / 2) & (law.time < 0.95 * law.time[-1])
    assert np.isfinite(law.curves[0, 0][late]).all() and not law.diverged


# Behaviour


@pytest.mark.slow
def test_two_seeds_agree_within_their_errors():
    """Numbers, claims and theory of the default run, seed by seed."""
    runs = [computed(HeatBath(seed=seed)) for seed in (0, 1, 2)]
    for a, b in ((runs[0], runs[1]), (runs[0], runs[2])):
        for one, other in zip(a.verdicts, b.verdicts, strict=True):
            assert abs(one.measured - other.measured) <= SIGMAS * math.hypot(one.stderr, other.stderr), one.name
            assert one.holds == other.holds and one.confirmed == other.confirmed is True, one.name


@pytest.mark.slow
def test_the_default_network_has_no_copies():
    """All its hidden units differ, so that its dark directions are softmax's own."""
    run = computed(HeatBath(steps=300, replicas=4))
    assert run.numbers["distinct"] == [4] and run.numbers["dark"] == [5, 5] and run.numbers["dark_copied"] == 13


def test_the_slice_and_the_noise_are_shown_first():
    def listen(fraction, stage, partial):
        if partial is not None:
            seen.append(partial)
            raise Cancelled("enough")

    seen = []
    with pytest.raises(Cancelled):
        tv.run(HeatBath(**QUICK | {"steps": 300, "replicas": 4}), listen)
    first, = seen
    assert first.surface is not None and "bath_noise" in first.arrays and "fdr" not in first.arrays


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
    found = computed(HeatBath("sine", tv.MLP((4, 3), "gelu"), lr=0.05, batch_size=8, weight_decay=0.1, steps=1200,
                            replicas=4))
    assert len(found.verdicts) == len(computed(HeatBath(**QUICK | {"steps": 300, "replicas": 4})).verdicts)


def test_conditions_share_one_batch(rested):
    loss, minimum, bath = rested
    state = Copies(HeatBath(**QUICK), loss, minimum, bath, 1e-4)
    assert len(state.group) == 8 * QUICK["replicas"] + 4 and len(set(state.names)) == len(state.names) == 9
