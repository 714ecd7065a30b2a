"""Volume against depth: shares and crossings against scipy's quadrature, verdicts that can say "cannot tell"."""

import numpy as np
import pytest
from computed_runs import computed
from scipy.integrate import dblquad, quad
from scipy.optimize import brentq
from verdict_contract import check_all

import thermoviz as tv
from thermoviz.catalogue.links import from_query, to_query
from thermoviz.core.learning.alignment import align
from thermoviz.core.learning.minima import descended, minimum
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.volume_or_depth import figures
from thermoviz.labs.volume_or_depth.solutions import (
    COPIES,
    DATA,
    DECAY,
    NETWORK,
    harmonic_up_to,
    harmonic_widths,
    two_solutions,
)
from thermoviz.labs.volume_or_depth.specification import SOFT
from thermoviz.labs.volume_or_depth.two_wells import TwoWells
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.pipeline import Report

DIMENSIONS = (1, 2, 8, 128)
SIGMAS = 4


def paraboloids(spec):
    """Curvature along the line, half the distance, and the place of the pass, by hand."""
    stiff, a = SOFT * spec.ratio, spec.distance / 2
    if spec.ratio == 1:
        return stiff, a, spec.depth / (2 * SOFT * a) * -1
    roots = np.roots([(stiff - SOFT) / 2, -(stiff + SOFT) * a, (stiff - SOFT) * a * a / 2 - spec.depth])
    return stiff, a, float(roots[np.abs(roots) < a][0])


def difference(spec, T):
    """F_deep - F_wide by scipy along the line; the other directions are common factors. The pass is where the two
    paraboloids meet, which differs from the rounded pass by less than the rounding's width."""
    stiff, a, ridge = paraboloids(spec)
    line = tv.TwoBasins(depth=spec.depth, narrow=(stiff,), wide=(SOFT,), distance=spec.distance)
    weight = lambda x: float(np.exp(-(line(np.array([x])) + spec.depth) / T))  # noqa: E731
    far = a + 12 * np.sqrt(T / SOFT)
    settings = {"epsabs": 0, "epsrel": 1e-10, "limit": 500}
    Z = [quad(weight, ridge, far, points=[a, a + 6 * np.sqrt(T / stiff)], **settings)[0],
         quad(weight, -far, ridge, points=[-a], **settings)[0]]
    return -T * np.log(Z[0] / Z[1])


@pytest.fixture(scope="module")
def runs():
    return {d: computed(tv.VolumeOrDepth(d=d)) for d in DIMENSIONS}


@pytest.mark.parametrize("d", DIMENSIONS)
def test_shares_are_right_in_any_number_of_dimensions(runs, d):
    run = runs[d]
    T, F, stderr = (run.arrays[name] for name in ("T", "F", "F_stderr"))
    errors = np.hypot(*stderr.T)
    truth = np.array([difference(run.spec, t) for t in T])
    assert (np.abs(F[:, 0] - F[:, 1] - truth) <= SIGMAS * errors).all()
    np.testing.assert_allclose(run.arrays["share"], 1 / (1 + np.exp((F[:, 0] - F[:, 1]) / T)), rtol=1e-12)
    assert (np.abs(run.arrays["share"] - 1 / (1 + np.exp(truth / T)))
            <= SIGMAS * run.arrays["share_stderr"] + 1e-6).all()
    assert (errors < 0.1 * T).all()  # so that the comparison means something


@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_crossing_temperature_in_any_number_of_dimensions(runs, d):
    run = runs[d]
    found = run.numbers["crossing"]
    truth = brentq(lambda T: difference(run.spec, T), 0.3, 0.6, rtol=1e-10)
    assert found["predicted"] == pytest.approx(2 * 0.5 / np.log(10), rel=1e-12)
    assert found["exact"] == pytest.approx(truth, rel=1e-6)
    assert abs(found["measured"] - truth) <= SIGMAS * found["stderr"] and found["stderr"] < 0.03 * truth
    verdict = run.verdicts[0]
    assert verdict.holds is True and verdict.confirmed and abs(verdict.control) < 0.1
    assert verdict.measured == pytest.approx(found["predicted"] / found["measured"])
    assert verdict.theory == pytest.approx(found["predicted"] / truth, rel=1e-6)


def test_verdicts_of_the_default_whatever_the_seed(runs):
    for run in (runs[8], *(computed(tv.VolumeOrDepth(seed=seed)) for seed in (1, 2))):
        assert [(v.holds, v.confirmed) for v in run.verdicts] == [(True, True)] * 3
        check_all(run)


@pytest.mark.parametrize("settings", [
    {"walkers": 2}, {"walkers": 7, "d": 1}, {"ratio": 1.0, "walkers": 10}, {"ratio": 1.0, "walkers": 3},
    {"depth": 0.1, "ratio": 1000.0, "walkers": 10}, {"depth": 5.0, "distance": 5.0, "walkers": 30, "d": 1},
])
def test_every_verdict_keeps_the_contract(settings):
    check_all(computed(tv.VolumeOrDepth(**settings)))


def test_a_theory_of_depth_alone_would_be_refuted(runs):
    """The free energies that are called right would be called wrong by many errors without the volume."""
    for run in runs.values():
        told = run.verdicts[1]
        assert told.holds and abs(told.measured - told.control) > 10 * told.stderr


def test_answer_and_hint_follow_the_run(runs):
    assert figures.answer(runs[8]).startswith("No: below T* = 0.4")
    assert "set Narrowness to 100 (Experiment): T* goes from 0.434 to 0.217." in figures.try_this(runs[8])
    equal = computed(tv.VolumeOrDepth(ratio=1.0, walkers=3))
    assert figures.answer(equal).startswith("Yes") and "wins above T* = 0.217" in figures.try_this(equal)


def test_the_exact_shares_hold_in_two_dimensions_as_a_whole():
    """The factor along the second direction is common: the same ratio from a plane integral."""
    spec, T = tv.VolumeOrDepth(d=2, distance=1.0), 0.5
    wells = TwoWells.of(spec)
    weight = lambda y, x: float(np.exp(-(wells.energy(np.array([x, y])) + spec.depth) / T))  # noqa: E731
    far = wells.a + 8 * np.sqrt(T / SOFT)
    deep, wide = (dblquad(weight, *ends, -far, far, epsabs=0, epsrel=1e-7)[0]
                  for ends in ((wells.ridge, far), (-far, wells.ridge)))
    F_deep, F_wide = wells.exact(T)
    assert F_deep - F_wide == pytest.approx(-T * np.log(deep / wide), rel=1e-5)


@pytest.mark.parametrize("depth, ratio, distance", [(0.5, 10, 2), (0.1, 100, 3), (2.0, 3, 4), (1.0, 1, 5)])
def test_the_pass_and_the_exact_free_energies(depth, ratio, distance):
    """E is highest at the pass; far below the barrier F is harmonic up to e^(-barrier/T)."""
    wells = TwoWells(3, depth, ratio, distance)
    x = np.linspace(-wells.a, wells.a, 100_001)
    assert wells.ridge == pytest.approx(x[np.argmax(wells.line(x[:, None]))], abs=2 * (x[1] - x[0]))
    assert wells.barrier == pytest.approx(float(wells.line(x[:, None]).max()) + depth, abs=1e-3)
    T = wells.barrier / 30
    np.testing.assert_allclose(wells.exact(T), wells.harmonic(T), atol=1e-4 * T)


@pytest.mark.parametrize("settings", [
    {"ratio": 3.0, "d": 2}, {"ratio": 100.0, "d": 2}, *(pytest.param(settings, marks=pytest.mark.slow) for settings in (
        {"depth": 0.1}, {"depth": 2.0, "distance": 3.0}, {"d": 32, "ratio": 30.0}))])
def test_other_basins_cross_where_quadrature_says(settings):
    run = computed(tv.VolumeOrDepth(**settings))
    found = run.numbers["crossing"]
    assert abs(found["measured"] - found["exact"]) <= SIGMAS * found["stderr"]
    errors = np.hypot(*run.arrays["F_stderr"].T)
    gap = np.diff(run.arrays["F"] - run.arrays["F_exact"], axis=1)[:, 0]
    assert (np.abs(gap) <= SIGMAS * errors).all()


@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_energy_as_a_sum_is_that_of_two_basins(d):
    wells = TwoWells(d, 0.5, 10.0, 2.0)
    whole = tv.TwoBasins(depth=0.5, narrow=tuple(wells.deep), wide=tuple(wells.wide), distance=2.0)
    x = np.random.default_rng(d).normal(0, 1, (4, 50, d))
    np.testing.assert_allclose(wells.energy(x), whole(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(wells.energy.force(x), whole.force(x), rtol=1e-9, atol=1e-9)
    assert wells.energy.k_max() == whole.k_max()


def test_first_numbers_come_before_the_control_and_the_hops():
    seen = []
    tv.run(tv.VolumeOrDepth(walkers=10), lambda fraction, stage, partial: partial and seen.append((fraction, partial)))
    fraction, first = seen[0]
    assert fraction <= 0.25 and np.isfinite(first.arrays["F"]).all() and "control_share" not in first.arrays
    figures.basin_free_energies(first, LOOKS["dark"])


def test_with_equal_widths_the_deeper_always_wins():
    run = computed(tv.VolumeOrDepth(ratio=1.0, d=2))
    assert run.numbers["crossing"] == {"predicted": None, "exact": None, "measured": None, "stderr": None}
    verdict = run.verdicts[0]
    assert verdict.holds is True and verdict.measured > 0.5
    assert abs(verdict.measured - verdict.theory) <= SIGMAS * verdict.stderr
    control, error = run.arrays["control_share"], run.arrays["control_stderr"]
    assert (np.abs(control - run.arrays["control_exact"]) <= SIGMAS * error + 1e-6).all()
    assert (run.arrays["control_exact"] > 0.5).all()


@pytest.mark.parametrize("walkers", [2, 3])
def test_too_few_walkers_cannot_tell(walkers):
    run = computed(tv.VolumeOrDepth(walkers=walkers))
    assert [verdict.holds for verdict in run.verdicts] == [None, None, None]
    assert np.isnan(run.arrays["F"]).all() and not len(run.arrays["hop_T"])
    assert all("few" in verdict.sentence for verdict in run.verdicts)


def test_few_walkers_claim_no_hops():
    assert computed(tv.VolumeOrDepth(walkers=7, d=1)).verdicts[2].holds is None


def test_a_run_survives_its_file(runs, tmp_path):
    path = runs[8].save(tmp_path / "run.safetensors")
    again = tv.open_run(path)
    assert again.spec == runs[8].spec and again.verdicts == runs[8].verdicts and again.id == runs[8].id
    assert again.surface.barrier == runs[8].surface.barrier


# Hops


def test_hops_are_claimed_only_where_the_barrier_is_low_and_both_starts_agree(runs):
    for run in runs.values():
        T, claimed = run.arrays["hop_T"], run.arrays["hop_claimed"].astype(bool)
        share, error = run.arrays["hop_share"], run.arrays["hop_stderr"]
        high = run.numbers["barrier"] > 5.001 * T
        assert high.any() and not claimed[high].any()
        apart = np.abs(share[:, 0] - share[:, 1])
        assert (apart[claimed] <= 3 * np.hypot(*error[claimed].T)).all()
        assert apart[0] > 0.8  # at barrier / T = 10 the starts have forgotten nothing


def test_what_free_walkers_are_claimed_to_say_is_right(runs):
    for run in runs.values():
        verdict = run.verdicts[2]
        assert verdict.holds is not False
        if verdict.holds:
            assert abs(verdict.measured - verdict.theory) <= SIGMAS * verdict.stderr


def test_inhabitants_of_a_basin_have_its_energy():
    """Deep in both wells: d/2 T above the bottom, within 4 standard errors of n independent energies."""
    wells, T, n = TwoWells(6, 0.5, 10.0, 5.0), 0.3, 400
    for sign, bottom in ((1, -0.5), (-1, 0.0)):
        E = wells.energy(wells.inhabitants(sign, T, n, 0)) - bottom
        assert abs(E.mean() - 3 * T) <= SIGMAS * E.std(ddof=1) / np.sqrt(n)


# The slice


def test_on_the_default_slice_the_widest_overtakes_the_deepest_exactly_where_it_says(runs):
    found, surface = runs[8].numbers["slice"], tv.load_preset("three-minds").surface
    assert found["deepest"] != found["widest"]
    shares = surface.equilibrium(found["crossing"]).shares
    assert shares[found["widest"]] == pytest.approx(shares[found["deepest"]], rel=1e-4)
    for factor, sign in ((0.5, -1), (2.0, 1)):
        shares = surface.equilibrium(factor * found["crossing"]).shares
        assert sign * (shares[found["widest"]] - shares[found["deepest"]]) > 0
    np.testing.assert_array_equal(runs[8].surface.E, surface.E)


def test_on_an_analytic_landscape_harmonic_theory_is_close():
    """Two harmonic basins in the plane: the slice's curvatures give TwoBasins' own T*."""
    energy = tv.TwoBasins(depth=0.4, narrow=16, wide=2, distance=3.0)
    run = computed(tv.VolumeOrDepth(walkers=3, landscape=energy))
    found = run.numbers["slice"]
    assert found["predicted"] == pytest.approx(energy.crossing_temperature, rel=1e-3)
    # Exact and harmonic differ by what a box and a barrier of 14 T do.
    assert found["crossing"] == pytest.approx(found["predicted"], rel=0.02)


def test_two_equal_valleys_are_drawn_without_a_crossing():
    run = computed(tv.VolumeOrDepth(walkers=3, landscape="double_well"))
    assert run.numbers["slice"]["crossing"] is None
    assert figures.slice_shares(run, LOOKS["dark"]).to_json() and "does not overtake" in figures.slice_sentence(run)


def test_one_valley_has_nothing_to_overtake():
    run = computed(tv.VolumeOrDepth(walkers=3, landscape="harmonic"))
    assert run.numbers["slice"]["crossing"] is None
    assert "nothing to overtake" in figures.slice_sentence(run)


def test_the_slice_of_another_run_serves():
    mine = computed(tv.Potential("himmelblau", resolution=41))
    run = computed(tv.VolumeOrDepth(walkers=3, landscape=mine))
    np.testing.assert_array_equal(run.surface.E, mine.surface.E)


# Specification, progress, links


@pytest.mark.parametrize("settings, words", [
    ({"depth": 0}, "depth"), ({"ratio": 0.5}, "ratio"), ({"d": 0}, "d"), ({"walkers": 1}, "walkers"),
    ({"depth": 10, "distance": 1.0, "ratio": 1.0}, "distance"), ({"landscape": "nowhere"}, "landscape"),
])
def test_what_makes_no_sense_is_refused_in_one_sentence(settings, words):
    with pytest.raises(tv.BadInput, match=words) as refusal:
        tv.VolumeOrDepth(**settings)
    assert "\n" not in str(refusal.value)


def test_a_link_leads_back_to_the_specification():
    spec = tv.VolumeOrDepth(d=128, ratio=30.0, networks=True, seed=7, landscape="mueller_brown")
    link = from_query(to_query("three-minds", spec))
    assert link.spec == spec and not link.messages


def test_progress_rises_and_a_cancel_is_heard():
    told = []
    tv.run(tv.VolumeOrDepth(d=1, walkers=4), lambda fraction, stage, partial: told.append((fraction, stage, partial)))
    fractions = [fraction for fraction, _, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] <= 1 and len(told) > 20
    partial = next(partial for _, _, partial in told if partial is not None)
    assert "share" in partial.arrays and partial.surface is not None and not partial.verdicts

    def cancel(fraction, stage, partial):
        if fraction > 0.1:
            raise tv.Cancelled

    with pytest.raises(tv.Cancelled):
        tv.run(tv.VolumeOrDepth(), cancel)


# Networks


@pytest.fixture(scope="module")
def network_run():
    return computed(tv.VolumeOrDepth(walkers=3, networks=True))


def test_two_solutions_are_minima_with_their_free_energies(network_run):
    found, arrays = network_run.numbers["networks"], network_run.arrays
    assert found["d"] == arrays["net_h"].shape[1] == 2 * 8 + 8 + 8 * 2 + 2
    assert not found["same"] and found["aligned"] <= found["distance"]
    assert (arrays["net_h"] > 0).all()
    F = (np.array(found["loss"]) + arrays["net_T"][:, None] / 2 * np.log(arrays["net_h"]).sum(axis=1)
         - arrays["net_T"][:, None] * found["ln_copies"])
    np.testing.assert_allclose(arrays["net_F"], F, rtol=1e-12)
    np.testing.assert_allclose(found["harmonic_up_to"], (arrays["net_h"] * arrays["net_width"] ** 2).min(axis=1))
    deep, high = np.argsort(found["loss"])
    at = found["crossing"]
    if at is not None:
        F_at = [found["loss"][k] + at * (found["half_ln_det"][k] - found["ln_copies"][k]) for k in (deep, high)]
        assert F_at[0] == pytest.approx(F_at[1], rel=1e-6)


def test_copies_go_home_when_they_are_hardly_heated(network_run):
    fate = network_run.arrays["net_fate"]
    assert (fate.sum(axis=2) == COPIES).all()
    assert fate[0, 0, 0] == fate[0, 1, 1] == COPIES
    stayed = fate[:, 0, 0] + fate[:, 1, 1]
    assert stayed[-1] < stayed[0]


def test_one_solution_under_two_names_is_recognised():
    """With this seed both batch sizes end in one minimum, its hidden units in another order."""
    found = two_solutions(2, Report(lambda *told: None))
    assert found.same and found.distance > 1 and found.crossing is None
    assert found.fate[:, 0, 1].sum() == 0 and found.fate[0, 1, 1] == COPIES
    np.testing.assert_allclose(found.h[0], found.h[1], rtol=1e-6)


def test_cooling_ends_in_a_minimum():
    loss = tv.NetworkLoss(NETWORK, DATA.load(0), weight_decay=DECAY)
    start = loss.init(3, 0)
    stiffest = 2 * max(loss.leading_eigenpairs(theta, 1)[0][0] for theta in start)
    bottoms = descended(loss, start, stiffest, lambda fraction: None)
    polished = minimum(loss, bottoms[0])
    gradient = loss.per_sample_gradients(polished).mean(axis=0) + DECAY * polished
    # Newton's last step was below 1e-9 and the largest curvature is of order 1.
    assert np.linalg.norm(gradient) < 1e-8
    assert (loss(bottoms) < loss(start)).all()
    aligned = align(bottoms[0], polished, loss.layer_slices, NETWORK.activation)
    assert np.linalg.norm(aligned - polished) < 0.1 * np.linalg.norm(polished)


class Bent:
    """E = 1/2 sum h x^2 + x_0^4: harmonic along every axis but the first, where the quartic doubles the parabola at
    x^2 = h / 2."""

    def __init__(self, h):
        self.h = np.asarray(h)

    def __call__(self, x):
        x = np.asarray(x)
        return 0.5 * (x**2 * self.h).sum(-1) + x[..., 0] ** 4

    def hessian(self, x):
        return np.diag(self.h)


def test_the_width_of_a_basin_is_where_the_parabola_ends():
    h, width = harmonic_widths(Bent([2.0, 0.5, -1.0]), np.zeros(3))
    by_curvature = dict(zip(h.round(6), width, strict=True))
    assert by_curvature[-1.0] == 0 and by_curvature[0.5] == 30
    # The lengths tried are 25 % apart: the last one within the factor lies below 1, the next beyond.
    assert 1 / 1.26 < by_curvature[2.0] <= 1.0
    assert harmonic_up_to(h, width) == 0
    assert harmonic_up_to(np.array([2.0, 0.5]), np.array([1.0, 30.0])) == 2


# Figures


@pytest.mark.parametrize("look", LOOKS)
def test_every_chart_draws_whatever_the_run_knows(network_run, runs, look):
    for run in (network_run, *runs.values()):
        for name, draw in page_of("volume_or_depth").drawings.items():
            if run.spec.networks or not name.startswith(("network", "spectra", "fates")):
                assert draw(run, LOOKS[look]).to_json()
    with pytest.raises(tv.BadInput, match="networks=True"):
        figures.fates(runs[8], LOOKS[look])
    assert "harmonic" in figures.network_sentence(network_run) and "T =" in figures.slice_sentence(runs[8])
