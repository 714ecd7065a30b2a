"""The exact evolution under a temperature programme, and loop areas, against closed forms and other solvers."""

import math

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.core.seeds import rng
from thermoviz.core.statistics.estimators import independent_mean
from thermoviz.core.thermodynamics.annealing import anneal, harmonic_loop_area, loop_area
from thermoviz.core.thermodynamics.evolution import MasterEquation


@pytest.fixture(scope="module")
def surface():
    return tv.scan(tv.TwoBasins(1.0, 12.0, 4.0, 1.6, 0.3), resolution=81, tolerance=0)


def test_boltzmann_stays_as_it_is(surface):
    held = anneal(surface, lambda share: 0.4, 30.0)
    assert np.ptp(held.E) < 1e-10 and np.ptp(held.mass) < 1e-10 and held.error_mass < 1e-10


@pytest.mark.parametrize("T, time", [(0.6, 0.5), (0.6, 5.0), (0.3, 40.0)])
def test_at_one_temperature_it_is_the_master_equation(surface, T, time):
    """From one basin, against another solver (Chebyshev) of the same cells; within the error that halving measured."""
    grid = MasterEquation(surface, T, 40)
    start = grid.in_basin(1)
    reference = grid.evolve(start, [time])[0]
    centres = np.stack(np.meshgrid(grid.us, grid.vs, indexing="ij"), axis=-1)
    deep = reference[surface.basins.label_at(centres) == 0].sum()
    found = anneal(surface, lambda share: T, time, start=start, cells=40)
    assert abs(found.mass[-1] - deep) < found.error_mass
    assert abs(found.E[-1] - grid.thermodynamics(reference).E) < found.error_E


def test_extrapolation_is_of_second_order(surface):
    def last(steps):
        return anneal(surface, lambda share: 1.2 - 1.0 * share, 2.0, steps=steps, cells=20).mass[-1]

    true = last(6400)
    errors = [abs(last(steps) - true) for steps in (200, 400, 800)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


@pytest.mark.parametrize("time", [0.3, 1.5, 10.0])
def test_loop_of_a_harmonic_well(time):
    """Curvatures 1 and 4 in a wide box; the error of the cells is measured by taking fewer of them."""
    well = tv.scan(tv.Harmonic((1.0, 4.0)), extent=(-5, 5, -3, 3), resolution=81, tolerance=0)
    exact = harmonic_loop_area((1.0, 4.0), 0.2, 0.6, time)

    def area(cells, steps):
        found = anneal(well, lambda share: 0.6 - 0.4 * abs(1 - 2 * share), 2 * time, cells=cells, steps=steps)
        return loop_area(found.temperatures, found.E)

    best = area(80, 400)
    error = abs(best - area(40, 400)) + abs(best - area(80, 200))
    assert abs(best - exact) < error < 0.1 * exact


def test_limits_of_the_harmonic_loop():
    """Slow: (T1 - T0)^2/(2 k tau); fast: 2 (T1 - T0)^2 k tau/3; the two branches meet; modes add; sign-free."""
    assert harmonic_loop_area(2.0, 1.0, 3.0, 1e6) == pytest.approx(4 / (2 * 2e6), rel=1e-5)
    assert harmonic_loop_area(2.0, 1.0, 3.0, 1e-6) == pytest.approx(4 * 2 * 2e-6 / 3, rel=1e-5)
    below, above = (harmonic_loop_area(1.0, 0.0, 1.0, 5e-4 * (1 + s)) for s in (-1e-9, 1e-9))
    assert below == pytest.approx(above, rel=1e-6)
    assert harmonic_loop_area((1.0, 3.0), 0.5, 1.0, 2.0) == pytest.approx(
        harmonic_loop_area(1.0, 0.5, 1.0, 2.0) + harmonic_loop_area(3.0, 0.5, 1.0, 2.0))
    assert harmonic_loop_area(1.0, 0.5, 1.0, 2.0) == pytest.approx(harmonic_loop_area(1.0, 1.0, 0.5, 2.0))


def test_balls_in_a_harmonic_well_make_that_loop():
    """Three dimensions, Langevin; with the error of the time step measured by halving it."""
    k, cold, hot, time, n = (1.0, 2.0, 5.0), 0.2, 1.0, 2.0, 4000

    def area(dt, seed):
        steps = round(2 * time / dt)
        x0 = rng(seed, "start").standard_normal((n, 3)) * np.sqrt(cold / np.array(k))
        schedule = tv.Schedule("cycle", cold, hot, steps)
        path = tv.simulate(tv.Harmonic(k), tv.Overdamped(dt), x0, steps, temperature=schedule, seed=seed)
        T = np.array([schedule(int(step)) for step in path.steps[:-1]] + [cold])
        return independent_mean(loop_area(T, path.energy))

    coarse, fine = area(0.04, 1), area(0.02, 2)
    assert abs(fine.value - harmonic_loop_area(k, cold, hot, time)) < 4 * fine.stderr + abs(fine.value - coarse.value)
    assert fine.value > 10 * fine.stderr


def test_loop_area_of_known_figures():
    turn = np.linspace(0, 2 * math.pi, 400_001)
    T, E = 1 + 0.3 * np.cos(turn), 2 + 0.5 * np.sin(turn)
    assert loop_area(T, E) == pytest.approx(math.pi * 0.15, rel=1e-9)  # anticlockwise in (T, E)
    assert loop_area(T[::-1], E[::-1]) == pytest.approx(-math.pi * 0.15, rel=1e-9)
    assert loop_area([1, 2, 1], np.ones((3, 4))).shape == (4,)


def test_slow_cooling_gathers_more_in_the_deep_basin(surface):
    masses = [anneal(surface, lambda share: 1.2 - 1.0 * share, time).mass[-1] for time in (0.1, 1.0, 10.0, 100.0)]
    assert (np.diff(masses) > 0).all()
    assert masses[0] == pytest.approx(surface.equilibrium(1.2).shares[0], abs=0.02)


def test_cells_without_data_are_closed():
    xs = np.linspace(-2, 2, 41)
    U = 0.5 * (xs[:, None] ** 2 + xs[None] ** 2)
    U[26:30, 10:30] = np.nan
    holed = tv.Surface.from_grid(xs, xs, U)
    found = anneal(holed, lambda share: 0.5, 5.0)
    assert np.isfinite(found.E).all() and np.ptp(found.mass) < 1e-10


def test_refusals(surface):
    with pytest.raises(BadInput, match="above 0"):
        anneal(surface, lambda share: 1 - share, 1.0)
    with pytest.raises(BadInput, match="time"):
        anneal(surface, lambda share: 1.0, 0.0)
    with pytest.raises(BadInput, match="start"):
        anneal(surface, lambda share: 1.0, 1.0, start=np.ones(3))
    with pytest.raises(BadInput, match="loop"):
        loop_area([1, 2], [1, 2, 3])
    with pytest.raises(BadInput, match="curvatures"):
        harmonic_loop_area(0.0, 1, 2, 3)
