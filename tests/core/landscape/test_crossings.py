"""Where the largest share changes hands: against closed forms, at several crossings, and the same everywhere."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erf

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.crossings import crossings
from thermoviz.core.landscape.surfaces import Surface
from thermoviz.core.thermodynamics.free_energy import crossing_temperature


def bowls(*wells, n=161):
    """A surface through the lowest of some harmonic wells (x, depth, curvature), in a box that holds them all."""
    side = max(abs(x) for x, _E, _k in wells) + 2.5
    xs, ys = np.linspace(-side, side, n), np.linspace(-2.5, 2.5, n)
    u, v = np.meshgrid(xs, ys, indexing="ij")
    return Surface.from_grid(xs, ys, np.min([E + 0.5 * k * ((u - x) ** 2 + v**2) for x, E, k in wells], axis=0))


def random_surface(seed, n=41):
    """Waves with random phases above a bowl: several valleys."""
    generator = np.random.default_rng(seed)
    xs = np.linspace(-2, 2, n)
    x, y = np.meshgrid(xs, xs, indexing="ij")
    energy = 0.1 * (x**2 + y**2)
    for _ in range(8):
        kx, ky = generator.normal(0, 2, 2)
        energy += generator.uniform(0.1, 0.5) * np.cos(kx * x + ky * y + generator.uniform(0, 2 * np.pi))
    return Surface.from_grid(xs, xs, energy)


def theory(deep, wide):
    """T* of two wells (x, E, k) in two dimensions: ln det H = 2 ln k."""
    return crossing_temperature(wide[1] - deep[1], 2 * np.log(deep[2] / wide[2]))


def unequal(surface, crossing):
    """Relative difference of the two shares that should be equal, by an equilibrium made anew."""
    shares = surface.equilibrium(crossing.T).shares
    return abs(shares[crossing.cold] - shares[crossing.hot]) / shares[crossing.cold]


def leaders(surface, temperatures):
    return [int(np.argmax(law.shares)) for law in surface.equilibria(list(temperatures))]


def test_two_harmonic_wells_cross_where_their_free_energies_are_equal():
    """The ridge is 27 T* high: what the wells lack beyond it is e^-27 of their mass."""
    deep, wide = (-1.5, 0.0, 20.0), (1.5, 0.3, 4.0)
    surface = bowls(deep, wide)
    (found,) = surface.crossings
    assert (found.cold, found.hot) == (0, 1)
    # Energies are float32 numbers below 60, so that the depth is known to 2^-19 of itself or so.
    assert found.T == pytest.approx(theory(deep, wide), rel=2e-5)
    assert unequal(surface, found) < 1e-10


@pytest.mark.parametrize("middle", [0.1340, 0.12])
def test_three_wells_cross_twice_and_a_short_lead_is_not_missed(middle):
    """The first middle well leads within 4 % of T only, far less than a step of the search."""
    wells = (-4.0, 0.0, 40.0), (0.0, middle, 13.0), (4.0, 0.25, 5.0)
    expected = theory(wells[0], wells[1]), theory(wells[1], wells[2])
    assert expected[0] < expected[1]
    found = crossings(bowls(*wells), 0.02, 1.0)
    assert [(one.cold, one.hot) for one in found] == [(0, 1), (1, 2)]
    np.testing.assert_allclose([one.T for one in found], expected, rtol=1e-3)


def test_a_part_of_the_range_holds_its_own_crossings():
    surface = random_surface(4)
    assert len(surface.crossings) > 1
    for low, high in itertools.pairwise(np.geomspace(0.01, 10, 7) * surface.scale):
        whole = [one.T for one in surface.crossings if low < one.T < high]
        np.testing.assert_allclose([one.T for one in crossings(surface, low, high)], whole, rtol=1e-9)


def test_no_crossing_where_one_valley_wins_or_there_is_one_only():
    assert bowls((0.0, 0.0, 4.0)).crossings == ()
    assert bowls((-1.5, 0.0, 4.0), (1.5, 0.3, 4.0)).crossings == ()
    assert bowls((-1.5, 0.0, 4.0), (1.5, 0.3, 20.0)).crossings == ()
    assert tv.run(tv.Potential(tv.Harmonic())).crossing is None
    assert tv.run(tv.Potential("double_well")).crossing is None  # equal by symmetry
    flat = Surface.from_grid(np.arange(9.0), np.arange(9.0), np.ones((9, 9)))
    assert flat.crossings == ()


@pytest.mark.parametrize("seed", range(20))
def test_the_leaders_of_a_fine_scan_change_exactly_at_the_crossings(seed):
    """In steps of 6 % of T, a quarter of the search's: a lead that the search missed and that lasts longer is seen."""
    surface = random_surface(seed)
    found = surface.crossings
    assert all(unequal(surface, one) < 1e-10 for one in found)
    assert all(one.hot == other.cold for one, other in itertools.pairwise(found))
    temperatures = surface.scale * np.geomspace(0.01, 10, 120)
    seen = leaders(surface, temperatures)
    changes = [(seen[k - 1], seen[k], temperatures[k - 1], temperatures[k])
               for k in range(1, 120) if seen[k] != seen[k - 1]]
    assert len(changes) == len(found)
    for one, (cold, hot, low, high) in zip(found, changes, strict=True):
        assert (one.cold, one.hot) == (cold, hot) and low * (1 - 1e-6) <= one.T <= high * (1 + 1e-6)


def test_it_converges_to_quadrature_of_the_energy_itself():
    """E = (x^2 - 1)^2 + k(x) y^2 / 2 + .02 x, whose y is integrated in closed form and x by scipy. The spline is of
    fourth order: of its fall of 16 per halving of the mesh at least 8 is asked for, down to float32's rounding. The
    ridge, which is not quite at x = 0, lies 19 T* high."""
    def stiffness(x):
        return 3 - 2.5 * np.tanh(x)

    def excess(T):
        """ln of the two sides' weights."""
        def weight(x):
            k = stiffness(x)
            return np.exp(-((x**2 - 1) ** 2 + 0.02 * x) / T) * np.sqrt(2 * np.pi * T / k) * erf(2 * np.sqrt(k / 2 / T))
        return np.log(quad(weight, -1.8, 0, epsabs=0)[0] / quad(weight, 0, 1.8, epsabs=0)[0])

    truth, errors = brentq(excess, 0.03, 0.2, xtol=1e-14), []
    for n in (11, 21, 41):
        xs, ys = np.linspace(-1.8, 1.8, n), np.linspace(-2, 2, n)
        x, y = np.meshgrid(xs, ys, indexing="ij")
        surface = Surface.from_grid(xs, ys, (x**2 - 1) ** 2 + stiffness(x) / 2 * y**2 + 0.02 * x)
        errors.append(abs(crossings(surface, 0.02, 0.5)[0].T / truth - 1))
    assert errors[1] < errors[0] / 8 and errors[2] < max(errors[1] / 8, 1e-6), errors


def test_temperatures_are_checked():
    surface = bowls((-1.5, 0.0, 20.0), (1.5, 0.3, 4.0))
    with pytest.raises(BadInput, match="temperature"):
        crossings(surface, 0.0, 1.0)
    assert crossings(surface, 1.0, 0.5) == ()
