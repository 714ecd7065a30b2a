"""Equilibrium: linear regression against closed forms, renamed copies, honest verdicts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from computed_runs import computed
from verdict_contract import check_all

import thermoviz as tv
from thermoviz.catalogue.shipped import load_lab
from thermoviz.core.errors import BadInput, Unstable
from thermoviz.core.fluctuations.chain import linear_chain
from thermoviz.core.specs import from_json, to_json
from thermoviz.core.statistics.chains import Chains
from thermoviz.core.statistics.estimators import Estimate, independent_mean, jackknife
from thermoviz.core.statistics.time_averages import displacement, time_averages
from thermoviz.labs.equilibrium import words
from thermoviz.labs.equilibrium.agreement import agreement, estimate, middle, observables
from thermoviz.labs.equilibrium.controls import (
    bath_temperature,
    compared,
    control_loss,
    expected_r_hat,
    heated,
    train_control,
)
from thermoviz.labs.equilibrium.heat_loop import area, expected_loops, lag, loops, rates
from thermoviz.labs.equilibrium.replicas import Replicas, curves, record_every
from thermoviz.labs.equilibrium.results import GROUPS, OWN, SAME_DATA, Agreement, Averages, Baths, Ends, Way
from thermoviz.labs.equilibrium.specification import Equilibrium
from thermoviz.labs.equilibrium.verdicts import _averages, _loss_forgets, _no_ridge
from thermoviz.presentation.names import who_diverged
from thermoviz.runs import pipeline

SGD_FORGETS = "SGD forgets the start in the parameters"
HEAT_FORGETS = "Isotropic heat of the same temperature forgets it"
SHORT = dict(steps=3000, replicas=8)
QUICK = dict(steps=200, replicas=4)


@pytest.fixture(scope="module")
def run():
    return computed(Equilibrium(**SHORT))


def named(run, start):
    return next(v for v in run.verdicts if v.name.startswith(start))


# Linear regression, where everything is known


@pytest.fixture(scope="module", params=[(0.05, 2, 0), (0.1, 3, 4)])
def chain(request):
    """(exact chain, recorded paths [T, n, d] every 10 steps, at rest) of SGD(lr) with batches of B."""
    lr, B, seed = request.param
    data = tv.load_dataset("linear_regression", n=301, seed=seed, inputs=3)
    loss = tv.NetworkLoss(tv.MLP(()), data, dtype="float64")
    exact = linear_chain(loss, lr, B)
    start = np.tile(exact.minimum, (48, 1))
    path = tv.simulate(loss, tv.SGD(lr), start, 6000, seed=seed, record_every=10, batch_size=B)
    return exact, path.x[100:]


def test_stationary_spread_of_linear_regression(chain):
    exact, x = chain
    for i in range(x.shape[2]):
        spread = independent_mean(((x[..., i] - exact.minimum[i]) ** 2).mean(axis=0))
        assert abs(spread.value - exact.covariance[i, i]) < 4 * spread.stderr


def test_displacement_of_linear_regression_whatever_the_waiting_time(chain):
    exact, x = chain
    lags = np.array([1, 2, 5, 20, 100])
    found = displacement(x, [0, 200], lags, spread=0.5)
    for row in found:
        for k, law in enumerate(exact.displacement(10 * lags)):
            moved = independent_mean(row[k])
            assert abs(moved.value - law) < 4 * moved.stderr


def test_averages_over_time_of_linear_regression(chain):
    exact, x = chain
    found = time_averages(np.moveaxis(x, 0, 1))
    assert found.long_enough and abs(found.ratio.value - 1) < 4 * found.ratio.stderr
    share = exact.variance_of_means([len(x)], 10)[0]
    means = x.mean(axis=0)
    for i in range(x.shape[2]):
        scatter = jackknife(lambda v: float(v.var(ddof=1)), means[:, i])
        assert abs(scatter.value - share[i]) < 4 * scatter.stderr
    # The reference that the chains give of themselves is the exact one, to the error of a correlation time.
    law = (exact.variance_of_means(found.times, 10) / np.diag(exact.covariance)).mean(axis=1) * 47 / 48
    window = 10 * max(found.tau, 1)
    assert np.abs(found.reference / law - 1).max() < 4 * math.sqrt(2 * (2 * window + 1) / x[..., 0].size)


def test_a_chain_that_has_no_law_is_refused():
    data = tv.load_dataset("linear_regression", n=100, seed=0)
    loss = tv.NetworkLoss(tv.MLP(()), data)
    with pytest.raises(Unstable):
        linear_chain(loss, 1.5, 1)
    with pytest.raises(BadInput, match="MLP"):
        linear_chain(tv.NetworkLoss(tv.MLP((2,)), data), 0.1, 1)


def test_covariance_is_that_of_the_exact_regression_law():
    law = pytest.importorskip("thermoviz.core.fluctuations.regression")
    loss = tv.NetworkLoss(tv.MLP(()), tv.load_dataset("linear_regression", n=100, seed=1), weight_decay=0.1)
    assert linear_chain(loss, 0.1, 2).covariance == pytest.approx(law.regression_law(loss, 0.1, 2).covariance, rel=1e-9)


def test_loops_of_linear_regression_follow_their_moments():
    loss, n, steps = control_loss(3), 64, 2000
    exact = linear_chain(loss, 0.02, 1)
    draw = np.random.default_rng(0).multivariate_normal(exact.minimum, exact.covariance, n)
    expected = expected_loops(loss, exact, 1, steps)
    found = loops(loss, draw, 0.02, 0.0, 1, steps, 5, lambda fraction: None, expected)
    # Means of few skew energies: the quickest loop's stairs hold a single moment each.
    wide = np.abs(found.loss.value - expected) / found.loss.stderr
    assert wide[1:].max() < 5 and (wide[1:] < 3).mean() > 0.9
    areas = area(found.lr, expected.T)
    assert (np.abs(found.area.value - areas) < 4 * found.area.stderr).all()
    # What the quickest loop shows of the lag in theory: all of it, and surely not nothing.
    assert (np.abs(found.lag.value - 1) < 4 * found.lag.stderr).all()
    assert found.lag.value[0] > 3 * found.lag.stderr[0]
    assert not found.diverged.any() and found.copies == n


def test_area_of_a_loop():
    stairs = rates(1.0)
    half = len(stairs) // 2 + 1
    losses = np.ones((len(stairs), 2))
    losses[:half - 1, 1] += 0.5
    assert area(stairs, losses)[0] == 0 and 0.4 < area(stairs, losses)[1] < 0.5
    assert stairs[0] == stairs[-1] and stairs.argmax() == half - 1
    law = losses[:, 1] + np.linspace(0, 1, len(stairs)) ** 2
    assert lag(law[:, None], law) == pytest.approx(1) and lag(losses[:, :1], law) == 0


@pytest.mark.parametrize("seed, problem", [(1, 0), (2, 5)])
def test_parameters_of_linear_regression_agree_as_theory_says(seed, problem):
    found, samples = train_control(24, 4000, seed, problem, lambda *told: None)
    seen = {group: observables(found, group) for group in (OWN, SAME_DATA)}
    expected = np.median(expected_r_hat(found, samples))
    own = estimate(middle, Chains(seen[OWN]["aligned"]))
    assert 1 < expected < 1.2 and abs(own.value - expected) < 4 * own.stderr


# Instruments


def test_renamed_copies_have_the_r_hat_of_the_originals():
    """Each replica's hidden units exchanged and turned round: unmatched they differ, matched they are as before."""
    loss = tv.NetworkLoss(tv.MLP((4,)), tv.load_dataset("moons", n=40, seed=0))
    draw, R, T, d = np.random.default_rng(4), 6, 41, loss.d
    centre = 2 * draw.standard_normal(d)
    x = centre + 0.1 * draw.standard_normal((T, 6 * R, d)) + 0.1 * draw.standard_normal((6 * R, d))
    renamed = np.stack([_renamed(loss, x[:, i], draw) for i in range(6 * R)], axis=1)

    def replicas(paths):
        return Replicas(loss, np.arange(T), paths.astype(np.float32), np.asarray(loss(paths)), np.full(6 * R, -1),
                        centre, 1)

    before, after = ({group: observables(replicas(paths), group) for group in range(len(GROUPS))}
                     for paths in (x, renamed))
    found, original = agreement(after)[GROUPS[OWN]], agreement(before)[GROUPS[OWN]]
    for mine, other, rel in (("aligned", "raw", 1e-4), ("loss", "loss", 1e-4), ("function", "function", 1e-3)):
        assert found[mine].value == pytest.approx(original[other].value, rel=rel)
        assert found[mine].stderr == pytest.approx(original[other].stderr, rel=rel)
    assert found["raw"] > 3 * original["raw"]


def _renamed(loss, path, draw):
    first, second = loss.layer_slices
    order, sign = draw.permutation(4), draw.choice([-1.0, 1.0], 4)
    W, b = path[:, first.weight].reshape(-1, *first.shape), path[:, first.bias]
    V, out = path[:, second.weight].reshape(-1, *second.shape), path[:, second.bias]
    return np.concatenate([(W[..., order] * sign).reshape(len(path), -1), b[:, order] * sign,
                           (V[:, order] * sign[:, None]).reshape(len(path), -1), out], axis=1)


def test_curves_leave_out_what_diverged():
    losses = np.ones((10, 12))
    losses[4:, :2] = np.nan
    losses[3:, 2] = np.inf
    band = curves(np.arange(10), losses).loss
    draw = np.random.default_rng(7).standard_normal((10, 30))
    assert curves(np.arange(10), draw).loss[2, 0, -1] == pytest.approx(np.quantile(draw[-1, 10:15], 0.1))
    assert band.shape[:2] == (6, 3) and np.isnan(band[0, :, -1]).all() and (band[1, :, -1] == 1).all()


def test_records_fit_memory():
    assert record_every(20_000, 96, 42) == 20 and record_every(50, 96, 42) == 1
    assert record_every(20_000, 96, 5000) > 100
    with pytest.raises(BadInput, match="too many to follow"):
        record_every(20_000, 384, 50_000)


# Baths and passes


@pytest.fixture(scope="module")
def two_groups():
    """make(offset, seed): replicas whose cold and far groups wander, as white noise, about places `offset` apart."""
    loss = tv.NetworkLoss(tv.MLP((3,)), tv.load_dataset("moons", n=40, seed=0), weight_decay=1e-3)
    cold = loss.init(1, 7)[0]
    direction = np.random.default_rng(1).standard_normal(loss.d)
    direction *= 0.5 / np.linalg.norm(direction)

    def make(offset, seed):
        draw, T = np.random.default_rng(seed), 40
        x = np.empty((T + 1, 6 * 8, loss.d), np.float32)
        places = np.repeat([cold] * 5 + [cold + offset * direction], 8, axis=0)
        x[:] = places + 0.02 * draw.standard_normal(x.shape)
        x[0] = np.repeat([cold] * 5 + [cold + direction], 8, axis=0)
        return Replicas(loss, np.arange(T + 1), x, np.zeros(x.shape[:2]), np.full(48, -1), cold, 1)
    return make


@pytest.mark.parametrize("offset", [0.0, 0.5, 1.0])
def test_what_is_left_of_a_start_is_unbiased(two_groups, offset):
    """The squared distance of the groups' means is offset^2 of that of the starts; below 0 as often as above, at 0."""
    found = [compared(two_groups(offset, seed), 1.0, None).baths.late["sgd"] for seed in range(40)]
    left = independent_mean(np.array(found))
    assert abs(left.value - offset**2) < 4 * left.stderr
    # What each states as its error is what they scatter by: 40 know their own scatter to 1 / sqrt(78).
    stated = math.sqrt(np.mean([one.stderr**2 for one in found]))
    assert stated == pytest.approx(left.stderr * math.sqrt(40), rel=4 / math.sqrt(78))


def test_heat_has_the_strength_of_the_noise(two_groups):
    replicas = two_groups(0.0, 3)
    replicas.x[:] = replicas.reference
    T = bath_temperature(replicas, 0.5, 4)
    loss = replicas.loss
    C = loss.gradient_covariance(replicas.reference)
    assert T.value == pytest.approx(0.5 * np.trace(C) / (2 * 4 * loss.d), rel=1e-4)


def test_isotropic_heat_is_boltzmann_heat():
    """Linear regression, no noise but heat: the covariance T / H of a harmonic well, and no start is left."""
    loss = tv.NetworkLoss(tv.MLP(()), tv.load_dataset("linear_regression", n=100, seed=0, inputs=3), dtype="float64")
    H = loss.hessian(np.zeros(loss.d))
    minimum = linear_chain(loss, 0.1, 10).minimum
    starts = np.repeat([minimum] * 5 + [minimum + 1], 16, axis=0)
    x = np.repeat(starts[None].astype(np.float32), 4001, axis=0)
    replicas = Replicas(loss, np.arange(4001), x, np.zeros(x.shape[:2]), np.full(96, -1), minimum, 1)
    heat = heated(replicas, Estimate(0.01, 0.0), 0.3, float(np.linalg.eigvalsh(H)[-1]), 0, lambda fraction: None)
    assert heat is not None and heat.times[-1] == pytest.approx(0.5 * 4000 * 0.3)
    late = heat.x[len(heat.x) // 2:] - minimum
    for i in range(loss.d):
        spread = independent_mean((late[..., i] ** 2).mean(axis=0))
        assert abs(spread.value - 0.01 * np.linalg.inv(H)[i, i]) < 4 * spread.stderr
    left = compared(replicas, 0.3, heat).baths.late["heat"]
    assert abs(left) < 4 * left.stderr < 0.1


def test_copies_are_counted_and_stay_where_nothing_parts_them(two_groups):
    replicas = two_groups(0.0, 4)
    loss = replicas.loss
    incoming, outgoing = loss.layer_slices
    for part, axis in ((incoming, 1), (outgoing, 0)):  # the second unit becomes a copy of the first, in all records
        W = replicas.x[..., part.weight].reshape(*replicas.x.shape[:2], *part.shape)
        W.swapaxes(-1, -1 - (1 - axis))[..., 1] = W.swapaxes(-1, -1 - (1 - axis))[..., 0]
        replicas.x[..., part.weight] = W.reshape(*replicas.x.shape[:2], -1)
    bias = replicas.x[..., incoming.bias]
    bias[..., 1] = bias[..., 0]
    replicas.x[..., incoming.bias] = bias
    found = compared(replicas, 1.0, None)
    units, gained = found.units.units.value, found.units.gained
    assert (units[:3][np.isfinite(units[:3])] == 2).all() and np.isnan(units[3:]).all()
    assert (gained["sgd"].value, gained["sgd"].stderr) == (0.0, 0.0) and math.isnan(gained["heat"])


def test_solutions_are_at_rest_and_the_slice_shows_a_higher_pass_than_there_is(run):
    assert run.numbers["slope"] < 1e-9
    way = run.numbers["way"]
    for k in range(2):
        assert way["climbs"][k] < way["slice"][k] <= way["line"][k] * (1 + 1e-3)
    # Both climbs end at one height.
    ends = run.arrays["way"][0], run.arrays["way"][-1]
    assert way["climbs"][0] - way["climbs"][1] == pytest.approx(ends[1] - ends[0])


# What verdicts make of numbers


def agreement_with(run, **changed):
    """Of the networks, with enough replicas of each group."""
    return replace(Agreement.expect(run, "net"), replicas=[16] * 6, **changed)


@pytest.mark.parametrize(("ratio", "error", "holds"), [
    (1.46, 0.29, None), (1.3, 0.13, None), (1.41, 0.13, False), (1.02, 0.03, True), (1.02, 0.1, None)])
def test_a_larger_error_does_not_make_a_bath_ergodic(run, ratio, error, holds):
    linear = Averages.expect(run, "lin")
    found = _averages("loss", agreement_with(run), Averages({"loss": [ratio, error, True, 20.0]}), linear)
    assert found.holds is holds
    # Where chains are too short for their correlation time, agreement shows nothing.
    short = _averages("loss", agreement_with(run), Averages({"loss": [ratio, error, False, 20.0]}), linear)
    assert short.holds in (False, None)
    # And where nothing was measured, nothing is told.
    nothing = _averages("loss", agreement_with(run), Averages({}), Averages({}))
    assert nothing.holds is None and math.isnan(nothing.measured) and nothing.values["linear"] is None


@pytest.mark.parametrize(("difference", "error", "holds"), [
    (0.06, 0.02, True), (-0.06, 0.02, True), (0.06, 0.2, None), (0.9, 0.05, False), (-0.9, 0.05, False)])
def test_a_start_is_forgotten_where_its_own_shaking_hides_it(run, difference, error, holds):
    """In units of what the loss shakes by: nobody claims that the difference is 0, and 3 % of it decide nothing."""
    shaking = {"loss": 0.013, "function": 0.02, "parameters": 0.1}
    met = {"far start": {name: [0.013 * difference, 0.013 * error, 0.0] for name in ("loss", "function", "parameters")}}
    verdict = _loss_forgets(run.spec, Ends.expect(run), agreement_with(run, met=met, shaking=shaking))
    assert (verdict.holds, verdict.theory) == (holds, None)
    assert verdict.measured == pytest.approx(difference)


def test_a_bound_of_the_pass_never_says_that_there_is_a_ridge(run):
    """A path found is an upper bound: low enough it decides, high it leaves open. A moving end is no end."""
    baths = replace(Baths.expect(run), temperature=Estimate(1e-3, 1e-5))
    for climb, slope, holds in ((2e-3, 1e-9, True), (2e-2, 1e-9, None), (2e-3, 1e-2, None)):
        way = Way({"climbs": [climb, climb / 2], "line": [0.1, 0.1], "slice": [0.05, 0.05]})
        assert _no_ridge(run.spec, Ends(True, slope), way, baths, agreement_with(run)).holds is holds


# The lab as a whole


def test_the_shipped_run_says_what_forgets_a_start_and_what_keeps_it():
    """Isotropic heat as strong as SGD forgets what SGD keeps, over a pass of few T: no ridge holds the start."""
    shipped = load_lab("equilibrium")
    check_all(shipped)
    assert {verdict.key for verdict in shipped.verdicts} == set(words.VERDICTS)
    sgd, heat, ridge = (named(shipped, name) for name in (SGD_FORGETS, HEAT_FORGETS, "No high ridge"))
    assert (sgd.holds, heat.holds, heat.confirmed, ridge.holds) == (False, True, True, True)
    assert heat.measured + 3 * heat.stderr < 0.5 < sgd.measured - 3 * sgd.stderr
    # What is inferred is called so, and no ridge is said to part anything.
    assert "inference" in heat.sentence and "Within one valley" not in " ".join(v.sentence for v in shipped.verdicts)


def test_every_verdict_keeps_the_contract_and_says_where_it_breaks(run):
    check_all(run)
    assert len(run.verdicts) == 14
    assert all(math.isfinite(v.measured) and v.stderr >= 0 and len(v.sentence) > 80 for v in run.verdicts)
    assert named(run, SGD_FORGETS).holds is False
    for name in ("Linear regression: the parameters", "Heated in a hurry"):
        assert named(run, name).confirmed is not False
    # Too short for isotropic heat to bring the softest directions to rest: nothing is claimed, and the card says why.
    short = named(run, HEAT_FORGETS)
    assert short.holds is None and short.confirmed is None and "too short" in short.sentence


def test_the_slice_carries_the_replicas(run):
    a = run.arrays
    assert run.surface.basins.n >= 1 and run.honesty.d == 42
    assert a["paths_u"].shape == (len(a["steps"]), 32, 2) and len(run.numbers["members"]) == a["member"].max() + 1
    cold = a["member"] == 2
    start = run.plane.project(run.plane.origin) + a["paths_u"][0, cold]
    assert np.ptp(start, axis=0).max() < 1e-6 and a["residual"][0, cold].max() < 1e-5


@pytest.mark.slow
def test_two_seeds_agree_within_their_errors():
    one, two = (computed(Equilibrium(seed=seed)) for seed in (0, 1))
    for a, b in zip(one.verdicts, two.verdicts, strict=True):
        assert abs(a.measured - b.measured) <= 4 * math.hypot(a.stderr, b.stderr), a.name
    for run in (one, two):
        check_all(run)
        holds = {v.name: v.holds for v in run.verdicts}
        true = {"The start is forgotten in the loss", "The start is forgotten in what the networks say", HEAT_FORGETS,
                "No high ridge parts the two solutions", "SGD leaves copies of a hidden unit together",
                "Networks agree outside and differ inside", "Heated and cooled, the loss comes back",
                "Linear regression: the parameters agree", "Linear regression does not age",
                "Heated in a hurry, linear regression lags behind"}
        assert {name for name, held in holds.items() if held} == true
        assert all(held is False for name, held in holds.items() if name not in true)
        assert all(v.confirmed in (True, None) for v in run.verdicts)
        # What SGD keeps, heat of the same strength has lost; and the pass is not what keeps it.
        assert named(run, SGD_FORGETS).measured > 1 > 0.5 > named(run, HEAT_FORGETS).measured
        assert named(run, "No high ridge").measured < 5 < named(run, "No high ridge").control
        assert run.numbers["slope"] < 1e-6


def test_too_few_replicas_cannot_tell():
    found, pair = computed(Equilibrium(**QUICK)), computed(Equilibrium(steps=100, replicas=2))
    for run in (found, pair):
        check_all(run)
        # The pass asks for no copies but for the temperature.
        assert all(v.holds is None for v in run.verdicts if not v.name.startswith("No high ridge"))
    assert pair.surface is not None


def test_one_valley_has_one_answer():
    """A network without hidden layers: the parameters forget their start, and the far start is a point far away."""
    found = computed(Equilibrium("linear_regression", tv.MLP(()), lr=0.05, batch_size=4, **SHORT))
    check_all(found)
    assert found.numbers["another"] is False and found.numbers["way"] is None
    assert named(found, SGD_FORGETS).holds
    assert named(found, "Networks agree outside and differ inside").holds is not True
    for name in ("No high ridge", "SGD leaves copies"):  # no second solution, no hidden units: said, not measured
        assert math.isnan(named(found, name).measured) and named(found, name).holds is None


def test_diverged_replicas_are_counted_and_left_out():
    found = computed(Equilibrium("sine", lr=1.0, steps=400, replicas=8))
    check_all(found)
    gone = 6 * 8 - sum(found.numbers["net"]["replicas"])
    assert sum(one["n"] for one in found.numbers["diverged"]) == gone > 0
    assert {one["of"] for one in found.numbers["diverged"]} == {8}
    assert all(f"{one['name']}: {one['n']} of 8 diverged" in who_diverged(found) for one in found.numbers["diverged"])
    assert found.lost and not np.isinf(found.arrays["net_curve"]).any()
    everyone = computed(Equilibrium("sine", lr=50.0, **QUICK))
    check_all(everyone)
    assert everyone.numbers["net"]["replicas"] == [0] * 6 and "paths_u" not in everyone.arrays
    assert all(v.holds is None for v in everyone.verdicts if not v.name.startswith(("Linear", "Heated in")))


def test_the_slice_is_shown_first_and_the_networks_as_they_train(monkeypatch):
    def listen(fraction, stage, partial):
        seen.extend([partial] * (partial is not None))
        if seen and "net_curve" in seen[-1].arrays:
            raise tv.Cancelled("enough")

    seen = []
    monkeypatch.setattr(pipeline, "INTERVAL", 0.0)  # a few steps take less than the time between two pictures
    with pytest.raises(tv.Cancelled):
        tv.run(Equilibrium(steps=2000, replicas=4), listen)
    assert seen[0].surface is not None and "net_curve" not in seen[0].arrays
    assert "net_msd" not in seen[-1].arrays


def test_specification_and_file(run, tmp_path):
    assert from_json(Equilibrium, to_json(run.spec)) == run.spec
    again = tv.open_run(run.save(tmp_path / "run.safetensors"))
    assert again.id == run.id and again.verdicts == run.verdicts and again.kind == "equilibrium"
    with pytest.raises(BadInput, match="replicas"):
        Equilibrium(replicas=1)


def test_own_data_travels_with_the_run(tmp_path):
    draw = np.random.default_rng(5)
    own = tv.Dataset(draw.standard_normal((60, 2)), draw.integers(0, 2, 60))
    found = computed(Equilibrium(own, tv.MLP((3,)), **QUICK))
    assert tv.open_run(found.save(tmp_path / "own.safetensors")).spec == found.spec


def test_steps_see_own_data_and_records_the_common_one():
    """As Bootstrapped, batch by batch."""
    from thermoviz.core.learning.resampled import Bootstrapped
    from thermoviz.labs.equilibrium.replicas import Shared

    loss = tv.NetworkLoss(tv.MLP((3,)), tv.load_dataset("moons", n=40, seed=0))
    draw = np.random.default_rng(6)
    samples, batch = (draw.integers(0, loss.n_samples, (5, size)) for size in (loss.n_samples, 7))
    theta, mine, known = loss.init(5), Shared(loss, samples), Bootstrapped(loss, samples)
    assert np.array_equal(mine.minibatch(batch).force(theta), known.minibatch(batch).force(theta))
    assert np.array_equal(mine.force(theta), known.force(theta))
    assert np.array_equal(mine(theta), loss(theta)) and len(mine.rows) == 1
