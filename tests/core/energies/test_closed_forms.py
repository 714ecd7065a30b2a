"""Closed forms from textbooks, through the public functions: passages, work, stationary laws, equilibria, clouds.

They were chosen after the program had been written, to be told nothing by it.
"""

import math

import numpy as np
import pytest
from computed_runs import computed
from scipy.integrate import quad
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq
from scipy.special import gamma, ive

import thermoviz as tv
from thermoviz.core.energies.driven import Tilted, Trap
from thermoviz.core.thermodynamics.evolution import CELLS
from thermoviz.labs.second_law.specification import WIDTH

SIGMAS = 4


def within(estimate, truth, stderr=None):
    """At most SIGMAS computed standard errors apart."""
    values = np.asarray(estimate)
    error = values.std(ddof=1) / math.sqrt(values.size) if stderr is None else stderr
    return abs(values.mean() - truth) <= SIGMAS * error


# First passages


def of_a_harmonic_well(k, T, a, b):
    """sqrt(pi)/k int e^(u^2) (1 + erf u) du, u = x sqrt(k / 2T): C. W. Gardiner, Handbook, section 5.2.7."""
    scale = math.sqrt(k / (2 * T))
    return math.sqrt(math.pi) / k * quad(lambda u: math.exp(u * u) * (1 + math.erf(u)), a * scale, b * scale,
                                         epsabs=0, epsrel=1e-11)[0]


@pytest.mark.parametrize(("k", "T", "a", "b"), [(1.0, 0.5, 0.0, 1.0), (3.0, 0.2, -0.5, 0.7), (0.5, 1.0, 1.0, -2.0)])
def test_passage_out_of_a_harmonic_well(k, T, a, b):
    sign = 1 if b > a else -1
    truth = of_a_harmonic_well(k, T, sign * a, sign * b)
    assert tv.mean_first_passage_time(tv.Harmonic(k), a, b, T) == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(("slope", "T", "b"), [(1.0, 0.5, 1.0), (4.0, 1.0, 2.0)])
def test_passage_out_of_a_cone(slope, T, b):
    """E = slope |x|: tau from 0 to b is (2T/slope (e^(slope b/T) - 1) - b) / slope, both integrals by hand."""
    truth = (2 * T / slope * math.expm1(slope * b / T) - b) / slope
    assert tv.mean_first_passage_time(lambda x: slope * np.abs(x[..., 0]), 0, b, T) == pytest.approx(truth, rel=1e-9)


def test_passage_up_a_ramp_from_its_wall():
    slope, T, a, b = 2.0, 0.6, 0.2, 1.0
    upto = [T / slope**2 * math.exp(slope * y / T) - y / slope for y in (a, b)]
    found = tv.mean_first_passage_time(lambda x: slope * x[..., 0], a, b, T, wall=0.0)
    assert found == pytest.approx(upto[1] - upto[0], rel=1e-9)


def test_simulated_passages_out_of_a_harmonic_well():
    found = tv.first_passage(tv.Harmonic(1.0), 0.0, 1.0, 0.5, dt=0.005, n=2000, seed=1)
    assert within(found.mean.value, of_a_harmonic_well(1.0, 0.5, 0, 1), found.mean.stderr)


def test_drift_against_noise_has_the_law_of_the_inverse_gaussian():
    """Constant force v over a distance L: mean L/v, variance 2 T L / v^3 (E. Schroedinger, 1915)."""
    v, length, T = 2.0, 1.5, 0.5
    times = tv.first_passage(Tilted(tv.Harmonic(0.0), [-v]), 0.0, length, T, dt=0.005, n=4000, seed=1).times
    assert within(times, length / v)
    assert within((times - times.mean()) ** 2, 2 * T * length / v**3)


def test_simulated_passage_across_a_flat_box():
    """From a to b with a wall at w: ((b - w)^2 - (a - w)^2) / 2T."""
    found = tv.first_passage(tv.Harmonic(0.0), 0.3, 1.0, 0.7, dt=0.005, n=2000, seed=1, wall=-0.5)
    assert within(found.mean.value, (1.5**2 - 0.8**2) / 1.4, found.mean.stderr)


# Work and Jarzynski's equality


def settled(k, T, n, d, seed=1):
    return np.random.default_rng(seed).normal(0, math.sqrt(T / k), (n, d))


@pytest.mark.parametrize("switches", [1, 20])
def test_free_energy_of_a_stiffer_trap_in_three_dimensions(switches):
    k0, k1, T = 2.0, 3.5, 0.7
    done = tv.drive(Trap, np.linspace(k0, k1, switches + 1), tv.MALA(0.05), settled(k0, T, 8000, 3), T, seed=3)
    found = tv.jarzynski(done.work, T)
    assert within(found.value, 1.5 * T * math.log(k1 / k0), found.stderr)
    # Weighted by e^(-W/T) the balls have the law of the last trap, wherever the drive has left them.
    weights = np.exp(-done.work / T)
    weights /= weights.mean()
    square = done.x[:, 0] ** 2
    assert within(weights * square, T / k1, (weights * (square - T / k1)).std() / math.sqrt(len(square)))


def test_free_energy_of_a_tilted_harmonic_well():
    """Completing the square: dF = -|slope|^2 / 2k."""
    slope, k, T = np.array([0.8, -0.3]), 1.5, 0.7
    done = tv.drive(lambda share: Tilted(tv.Harmonic(k), share * slope), np.linspace(0, 1, 11), tv.MALA(0.05),
                    settled(k, T, 8000, 2), T, seed=4)
    found = tv.jarzynski(done.work, T)
    assert within(found.value, -(slope @ slope) / (2 * k), found.stderr)


@pytest.mark.parametrize(("family", "end", "shape"), [
    (tv.DoubleWell, 2.0, lambda x, p: p * (x * x - 1) ** 2),
    (lambda tilt: tv.TiltedDoubleWell(1.0, tilt - 1), 1.8, lambda x, p: (x * x - 1) ** 2 + (p - 1) * x)])
def test_free_energy_of_a_changed_double_well(family, end, shape):
    T, n, draw = 0.5, 8000, np.random.default_rng(5)
    trials = draw.uniform(-2.5, 2.5, 10 * n)
    x0 = trials[draw.random(10 * n) < np.exp(-shape(trials, 1.0) / T)][:n, None]
    done = tv.drive(family, np.linspace(1.0, end, 9), tv.MALA(0.02), x0, T, seed=5)
    Z = [quad(lambda x, p=p: math.exp(-shape(x, p) / T), -4, 4)[0] for p in (1.0, end)]
    found = tv.jarzynski(done.work, T)
    assert within(found.value, -T * math.log(Z[1] / Z[0]), found.stderr)


# Stationary laws


def test_virial_of_a_quartic_well():
    """E = x^4/4: <x E'> = T, and <x^2> = 2 sqrt(T) Gamma(3/4) / Gamma(1/4), for one's own callable too."""
    T = 0.8
    path = tv.simulate(lambda x: (x**4).sum(-1) / 4, tv.MALA(0.2), np.zeros((400, 1)), 600, temperature=T, seed=2,
                       record_every=10)
    late = path.x[20:, :, 0]
    assert within((late**4).mean(axis=0), T)
    assert within((late**2).mean(axis=0), 2 * math.sqrt(T) * gamma(0.75) / gamma(0.25))


def test_rosenbrocks_valley_keeps_its_exact_law():
    """e^(-E/T) is a product of normals: x about a with variance T/2, y about x^2 with variance T/2b."""
    T, n, draw = 0.3, 3000, np.random.default_rng(0)
    x = draw.normal(1, math.sqrt(T / 2), n)
    start = np.stack([x, draw.normal(x**2, math.sqrt(T / 200))], axis=1)
    x, y = tv.simulate(tv.Rosenbrock(), tv.MALA(0.002), start, 800, temperature=T, seed=1, record_every=800).x[-1].T
    assert np.abs(x - start[:, 0]).mean() > 0.2  # they have gone far
    for samples, truth in ((x, 1.0), (x**2, 1 + T / 2), (y, 1 + T / 2), ((y - x**2) ** 2, T / 200)):
        assert within(samples, truth)


# Exact equilibria


@pytest.mark.parametrize("T", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("k", [1.0, 2.5])
def test_a_harmonic_well_in_a_large_box(k, T):
    us = np.linspace(-9, 9, 181)
    equilibrium = tv.Surface.from_grid(us, us, 0.5 * k * (us[:, None] ** 2 + us**2)).equilibrium(T)
    assert equilibrium.F == pytest.approx(-T * math.log(2 * math.pi * T / k), abs=1e-6 * T)
    assert equilibrium.U == pytest.approx(T, rel=1e-6) and equilibrium.C == pytest.approx(1, rel=1e-6)
    assert equilibrium.S == pytest.approx(1 + math.log(2 * math.pi * T / k), abs=1e-6)


@pytest.mark.parametrize("T", [0.1, 0.5, 2.0])
def test_an_egg_box_has_bessel_functions(T):
    """E = -cos x - cos y over one period: Z = (2 pi I_0(1/T))^2, U = -2 I_1/I_0. The spline errs by some 1e-7."""
    us = np.linspace(-math.pi, math.pi, 81)
    equilibrium = tv.Surface.from_grid(us, us, -np.cos(us)[:, None] - np.cos(us)).equilibrium(T)
    truth = -2 * T * (math.log(2 * math.pi * ive(0, 1 / T)) + 1 / T)
    assert equilibrium.F == pytest.approx(truth, abs=1e-6)
    assert equilibrium.U == pytest.approx(-2 * ive(1, 1 / T) / ive(0, 1 / T), abs=1e-6)


@pytest.mark.parametrize("T", [0.1, 1.0, 10.0])
def test_a_ramp_between_walls(T):
    """U = T - L g / (e^(L g / T) - 1), the barometric law."""
    g, length = 1.7, 2.0
    us = np.linspace(0, length, 41)
    surface = tv.Surface.from_grid(us, np.linspace(0, 1, 41), np.broadcast_to(g * us[:, None], (41, 41)))
    equilibrium = surface.equilibrium(T)
    assert equilibrium.F == pytest.approx(-T * math.log(-T / g * math.expm1(-length * g / T)), abs=1e-6 * max(T, 1))
    assert equilibrium.U == pytest.approx(T - length * g / math.expm1(length * g / T), rel=1e-6)


# The second law


def moments_on_a_line(energy, bounds, start, T, times, n=1000):
    """E and S [t] on a line with walls, by the eigenvectors of a generator with rates e^(-dE/2T) T/h^2: another
    discretisation than the program's."""
    low, high = bounds
    h = (high - low) / n
    x = low + h * (np.arange(n) + 0.5)
    E = energy(x)
    diagonal = np.zeros(n)
    diagonal[:-1] -= T / h**2 * np.exp(-np.diff(E) / (2 * T))
    diagonal[1:] -= T / h**2 * np.exp(np.diff(E) / (2 * T))
    rates, modes = eigh_tridiagonal(diagonal, np.full(n - 1, T / h**2))
    root = np.exp((E.min() - E) / (2 * T))
    first = sum(start(mirrored) for mirrored in (x, 2 * low - x, 2 * high - x))
    p = np.stack([modes @ (np.exp(rates * t) * (modes.T @ (first / first.sum() / root))) * root for t in times])
    p = np.clip(p, 1e-300, None)
    return p @ E, -(p * np.log(p / h)).sum(axis=1)


@pytest.mark.parametrize(("landscape", "settings"), [
    (tv.TiltedDoubleWell(), {"heat": 0.25}), (tv.DoubleWell(barrier=2.0, k=3.0), {"heat": 0.25}),
    (tv.TiltedDoubleWell(tilt=0.8, k=2.0), {"heat": 0.4, "start": "point", "at": (0.7, 0.6)})])
@pytest.mark.usefixtures("parts_shared")
def test_a_cloud_in_a_double_well_is_a_product_of_two_lines(landscape, settings):
    run = computed(tv.SecondLaw(landscape, **settings, steps=300))
    surface, T, arrays = run.surface, run.numbers["T"], run.arrays
    walked = np.isfinite(arrays["cloud_F"])
    sides = np.array(surface.bounds)
    centre = (sides @ [1, 0] + np.array(settings["at"]) * (sides @ [-1, 1]) if "at" in settings
              else surface.basins.passes[0])
    width = WIDTH * (sides @ [-1, 1]).max() / CELLS
    tilt = getattr(landscape, "tilt", 0.0)
    lines = (lambda x: landscape.barrier * (x * x - 1) ** 2 + tilt * x, lambda y: 0.5 * landscape.k * y * y)
    E, S = np.sum([moments_on_a_line(
        line, side, lambda x, at=at: np.exp(-0.5 * ((x - at) / width) ** 2), T, arrays["times"][walked])
        for line, side, at in zip(lines, surface.bounds, centre, strict=True)], axis=0)
    for name, truth in (("E", E), ("S", S), ("F", E - T * S)):
        error = arrays[f"cloud_{name}_error"][walked]
        assert (np.abs(arrays[f"cloud_{name}"][walked] - truth) <= SIGMAS * error).all(), name
    # The program's cells are wider: its density begins with an entropy that errs by some 1e-2 at a point start.
    np.testing.assert_allclose(arrays["exact_F"][walked], E - T * S, atol=0.03 * T)


# Volume against depth


@pytest.mark.parametrize(("d", "depth", "ratio", "distance"), [(3, 0.2, 30.0, 2.0), (5, 1.0, 20.0, 3.0)])
def test_crossing_in_other_dimensions(d, depth, ratio, distance):
    """F of each half line by scipy, parted where E is highest; the other dimensions are common to both."""
    run = tv.run(tv.VolumeOrDepth(depth=depth, ratio=ratio, d=d, distance=distance))
    line = tv.TwoBasins(depth=depth, narrow=(4.0 * ratio,), wide=(4.0,), distance=distance)
    x = np.linspace(-distance / 2, distance / 2, 200_001)
    ridge = x[np.argmax(line(x[:, None]))]

    def lead(T):
        weight = lambda z: math.exp(-(float(line([z])) + depth) / T)  # noqa: E731
        half = distance / 2
        deep = quad(weight, ridge, half + 8, points=[half, half + math.sqrt(T / ratio)], limit=300)[0]
        return math.log(deep / quad(weight, -half - 8, ridge, points=[-half], limit=300)[0])

    truth = brentq(lead, 0.5 * run.numbers["crossing"]["predicted"], 2 * run.numbers["crossing"]["predicted"])
    assert within(run.numbers["crossing"]["measured"], truth, run.numbers["crossing"]["stderr"])
    assert run.numbers["crossing"]["stderr"] < 0.05 * truth
