"""Free energies of basins against closed forms and quadrature, with errors that mean what they say."""

import numpy as np
import pytest
from scipy.integrate import quad

import thermoviz as tv
from thermoviz.core.errors import BadInput, TooFewSamples
from thermoviz.core.seeds import rng
from thermoviz.core.thermodynamics.free_energy import (
    Well,
    basin_free_energy,
    bennett,
    crossing_temperature,
    curvature_of,
    harmonic_free_energy,
    metropolis,
)


def within(estimate, truth, n=4):
    assert abs(estimate - truth) <= n * estimate.stderr, (estimate, truth, (estimate - truth) / estimate.stderr)


def two_basins(d, ratio=10.0, depth=0.5):
    """Curvatures differ along the first axis only, whatever d: the determinant ratio stays."""
    wide = np.full(d, 4.0)
    narrow = wide * np.where(np.arange(d) == 0, ratio, 1.0)
    return tv.TwoBasins(depth=depth, narrow=tuple(narrow), wide=tuple(wide), distance=2.0), narrow, wide


def side(sign):
    """The half space beyond the ridge of two_basins(ratio=10, depth=0.5) with distance 2."""
    ridge = (44 - np.sqrt(44**2 - 4 * 18 * 17.5)) / 36  # where the two paraboloids meet
    return lambda x: sign * (x[:, 0] - ridge) > 0


def exact(d, T, sign, ratio=10.0, depth=0.5):
    """F of one basin: quadrature along the first axis, a Gaussian integral along every other."""
    line, _, _ = two_basins(1, ratio, depth)
    ridge = (44 - np.sqrt(44**2 - 4 * 18 * 17.5)) / 36
    ends = (ridge, 1 + 12 * np.sqrt(T)) if sign > 0 else (-1 - 12 * np.sqrt(T), ridge)
    Z, _ = quad(lambda x: float(np.exp(-line(np.array([x])) / T)), *ends, points=[sign], epsabs=0, epsrel=1e-11)
    return -T * np.log(Z) + (d - 1) * T / 2 * np.log(4 / (2 * np.pi * T))


def test_a_harmonic_well_has_its_closed_form():
    T, h = 0.3, np.array([2.0, 5.0, 0.1])
    Z = np.prod(np.sqrt(2 * np.pi * T / h))
    assert harmonic_free_energy(h, T, 1.7) == pytest.approx(1.7 - T * np.log(Z), rel=1e-14)
    assert harmonic_free_energy(np.tile(h, (4, 1)), T).shape == (4,)
    assert harmonic_free_energy([2.0], T) == pytest.approx(-T / 2 * np.log(2 * np.pi * T / 2), rel=1e-14)


@pytest.mark.parametrize("h", [[1.0, 0.0], [1.0, -2.0], [np.nan], 3.0])
def test_a_basin_with_a_flat_or_falling_direction_is_not_harmonic(h):
    with pytest.raises(BadInput, match="harmonic|axis"):
        harmonic_free_energy(h, 1.0)


def test_the_crossing_is_where_two_harmonic_free_energies_are_equal():
    deep, wide, depth = np.array([40.0, 3.0]), np.array([4.0, 2.0]), 0.7
    T = crossing_temperature(depth, np.log(deep).sum() - np.log(wide).sum())
    assert harmonic_free_energy(deep, T, -depth) == pytest.approx(harmonic_free_energy(wide, T), rel=1e-13)
    assert crossing_temperature(1.0, 0.0) is None and crossing_temperature(1.0, -2.0) is None
    assert crossing_temperature(0.0, 1.0) == 0
    with pytest.raises(BadInput):
        crossing_temperature(-1.0, 1.0)


def gaussians(n, m, seed, shape=()):
    """Energy differences between two harmonic wells in d = 3 at T = 0.7 at independent samples of each."""
    T, h0, h1, shift = 0.7, np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 6.0]), np.array([0.4, 0.0, -0.3])
    g = rng(seed, "test")
    x0 = g.standard_normal((n, 3)) * np.sqrt(T / h0)
    x1 = g.standard_normal((m, 3)) * np.sqrt(T / h1) + shift

    def difference(x):
        return 2.5 + 0.5 * ((x - shift) ** 2 * h1).sum(-1) - 0.5 * (x**2 * h0).sum(-1)

    truth = harmonic_free_energy(h1, T, 2.5) - harmonic_free_energy(h0, T)
    return difference(x0), difference(x1), T, truth


def test_a_bridge_between_two_gaussians_and_its_error():
    """The pull over 200 seeds has mean 0 and variance 1, within 4 of their own standard errors."""
    pulls = []
    for seed in range(200):
        forward, reverse, T, truth = gaussians(150, 300, seed)
        estimate = bennett(forward, reverse, T)
        pulls.append((estimate.value - truth) / estimate.stderr)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(200)
    assert abs(np.var(pulls, ddof=1) - 1) < 4 * np.sqrt(2 / 199)


def test_the_error_of_correlated_walkers_is_taken_between_walkers():
    """Every sample repeated ten times in its own walker says no more than once, and claims no more."""
    forward, reverse, T, _ = gaussians(200, 200, 1)
    once = bennett(forward, reverse, T)
    repeated = bennett(np.repeat(forward[:, None], 10, 1), np.repeat(reverse[:, None], 10, 1), T)
    assert repeated.value == pytest.approx(once.value, abs=1e-9)
    assert repeated.stderr == pytest.approx(once.stderr, rel=1e-6)


def test_the_variance_is_bennetts():
    """Equation (10) of Bennett: (<f^2>/<f>^2 - 1)/n of both sides, at large n."""
    forward, reverse, T, _ = gaussians(40_000, 40_000, 2)
    estimate = bennett(forward, reverse, T)
    sides = [1 / (1 + np.exp(w / T)) for w in (forward - estimate, estimate - reverse)]
    variance = sum(((f**2).mean() / f.mean() ** 2 - 1) / f.size for f in sides)
    # Both formulas estimate one number; their difference vanishes as its own sampling error, 1/sqrt(n).
    assert estimate.stderr == pytest.approx(T * np.sqrt(variance), rel=4 / np.sqrt(40_000))


def test_a_bridge_accepts_places_without_weight():
    """Cutting half of a Gaussian away costs T ln 2."""
    x = rng(0, "half").standard_normal(4000)
    forward = np.where(x > 0, 0.0, np.inf)
    within(bennett(forward, np.zeros(4000), 2.0), 2 * np.log(2))
    within(bennett(np.zeros(4000), -forward, 2.0), -2 * np.log(2))


def test_a_bridge_is_refused_where_ensembles_do_not_overlap():
    with pytest.raises(TooFewSamples, match="overlap"):
        bennett(np.full(100, np.inf), np.zeros(100))
    with pytest.raises(TooFewSamples, match="overlap"):
        bennett(np.full(100, 30.0), np.full(100, -30.0))
    with pytest.raises(TooFewSamples, match="at least 4"):
        bennett([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(BadInput, match="NaN"):
        bennett([1.0, np.nan, 2.0, 3.0], np.zeros(4))
    with pytest.raises(BadInput, match="no weight"):
        bennett(np.full(9, -np.inf), np.zeros(9))
    with pytest.raises(BadInput, match="temperature"):
        bennett(np.zeros(9), np.zeros(9), 0.0)


@pytest.mark.parametrize("d", [1, 2, 8, 128])
@pytest.mark.parametrize("T", [0.1, 0.434, 2.0])
def test_basins_in_any_number_of_dimensions_against_quadrature(d, T):
    """The reference well knows only the width of the wide basin; the narrow one's volume is measured."""
    E, narrow, wide = two_basins(d)
    for sign, h in ((1, narrow), (-1, wide)):
        centre = sign * np.eye(d)[0]
        basin = basin_free_energy(E, centre, T, rng(3, f"basin{sign}"), h, reference=4.0, inside=side(sign))
        within(basin.F, exact(d, T, sign))


def test_errors_of_basins_mean_what_they_say():
    """Pulls over 60 seeds: mean 0 and variance at most 1 (errors hold T/n on top), within 4 standard errors."""
    E, narrow, _ = two_basins(2)
    pulls = []
    for seed in range(60):
        basin = basin_free_energy(E, [1.0, 0.0], 0.6, rng(seed, "pull"), narrow, 4.0, side(1), walkers=40, steps=20)
        pulls.append((basin.F - exact(2, 0.6, 1)) / basin.F.stderr)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(60)
    assert np.var(pulls, ddof=1) < 1 + 4 * np.sqrt(2 / 59)


def test_energy_and_entropy_of_a_well():
    """In a harmonic basin U = E + d T/2 and S = d/2 + 1/2 sum ln(2 pi T/h)."""
    T, h = 0.4, np.array([3.0, 1.0, 7.0])
    basin = basin_free_energy(tv.Harmonic(tuple(h)), np.zeros(3), T, rng(0, "well"), reference=2.0)
    within(basin.F, harmonic_free_energy(h, T))
    within(basin.U, 1.5 * T)
    within(basin.S, 1.5 + 0.5 * np.log(2 * np.pi * T / h).sum())
    assert basin.x.shape == (100, 3)


def test_any_energy_serves_and_a_curved_reference():
    """One well of the quartic, its Hessian found from the force, against quadrature."""
    T, E = 0.2, tv.DoubleWell(barrier=1.0, k=3.0)
    basin = basin_free_energy(E, [1.0, 0.0], T, rng(1, "quartic"), inside=lambda x: x[:, 0] > 0, walkers=200)
    Z, _ = quad(lambda x: np.exp(-((x * x - 1) ** 2) / T), 0, 5)
    within(basin.F, -T * np.log(Z) + T / 2 * np.log(3 / (2 * np.pi * T)))


def test_the_sampler_is_exact_for_what_is_not_harmonic():
    """Mean energy and mean of x in one quartic well at T = barrier/2, against quadrature."""
    T = 0.5
    well = Well(np.array([1.0]), 8.0, T)
    quartic = tv.DoubleWell()
    kept = [x[:, 0].copy() for k, (x, _) in enumerate(metropolis(
        lambda x: np.where(x[:, 0] > 0, quartic(x), np.inf), [well], 400, 120, rng(2, "exact"))) if k >= 20]
    per_walker = np.mean(kept, axis=0)
    weight = lambda x: np.exp(-((x * x - 1) ** 2) / T)  # noqa: E731
    mean = quad(lambda x: x * weight(x), 0, 5)[0] / quad(weight, 0, 5)[0]
    within(tv.Estimate(per_walker.mean(), per_walker.std(ddof=1) / 20), mean)


def test_a_matrix_of_curvatures_turns_the_well():
    H = np.array([[3.0, 1.0], [1.0, 2.0]])
    well = Well(np.array([1.0, -1.0]), H, 0.5)
    x = well.sample(20_000, rng(0, "turned"))
    away = x - well.centre
    np.testing.assert_allclose(well.energy(x), 0.5 * np.einsum("ni,ij,nj->n", away, H, away), rtol=1e-12)
    covariance, truth = away.T @ away / len(x), 0.5 * np.linalg.inv(H)
    errors = np.sqrt((np.outer(truth.diagonal(), truth.diagonal()) + truth**2) / len(x))
    assert (np.abs(covariance - truth) < 4 * errors).all()
    assert well.free_energy == pytest.approx(harmonic_free_energy(np.linalg.eigvalsh(H), 0.5))


def test_the_hessian_from_the_force():
    """Central differences err by h^2/6 times the fourth derivative: 24/6 h^2 for the quartic, h = 1e-4."""
    found = curvature_of(tv.DoubleWell(barrier=1.0, k=3.0), [1.0, 0.0])
    np.testing.assert_allclose(found, np.diag([8.0, 3.0]), atol=4e-8 + 1e-9)


@pytest.mark.parametrize("settings, words", [
    ({"temperature": 0.0}, "temperature"), ({"minimum": [[1.0, 0.0]]}, "one place"),
    ({"hessian": [1.0, -1.0]}, "harmonic"), ({"hessian": np.eye(3)}, "shape"),
    ({"inside": lambda x: x[:, 0] < 0}, "own basin"),
])
def test_what_makes_no_sense_is_refused_in_one_sentence(settings, words):
    asked = {"minimum": [1.0, 0.0], "temperature": 0.3, **settings}
    with pytest.raises(BadInput, match=words):
        basin_free_energy(tv.DoubleWell(), rng=rng(0, "bad"), **asked)


def test_too_few_walkers_are_refused():
    with pytest.raises(TooFewSamples, match="walkers"):
        basin_free_energy(tv.Harmonic(1.0), [0.0], 1.0, rng(0, "few"), walkers=3)
