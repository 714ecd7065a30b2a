"""Minima that matter, the passes between them, and what barrier and ceiling mean on odd surfaces."""

import numpy as np
import pytest
from scipy.optimize import minimize

from thermoviz.core.landscape.scan import scan
from thermoviz.core.landscape.surfaces import Surface


def mueller_brown(u):
    """Mueller & Brown 1979, Theor. Chim. Acta 53, 75."""
    x, y = u[..., 0], u[..., 1]
    return sum(
        depth * np.exp(a * (x - x0) ** 2 + b * (x - x0) * (y - y0) + c * (y - y0) ** 2)
        for depth, a, b, c, x0, y0 in ((-200, -1, 0, -10, 1, 0), (-100, -1, 0, -10, 0, 0.5),
                                       (-170, -6.5, 11, -6.5, -0.5, 1.5), (15, 0.7, 0.6, 0.7, -1, 1))
    )


def double_well(u):
    return (u[..., 0] ** 2 - 1) ** 2 + u[..., 1] ** 2


def tabulated(f, box, n=81, m=None):
    xs, ys = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], m or n)
    return Surface.from_grid(xs, ys, f(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1)))


def test_mueller_brown():
    surface = tabulated(mueller_brown, (-1.5, 1.2, -0.3, 2.0), 161)
    basins = surface.basins
    # Stationary points as in the literature; here the spline's error at h = .017, which falls as h^4.
    np.testing.assert_allclose(basins.energies, [-146.6995, -108.1667, -80.7678], atol=1e-3)
    minima = [[-0.5582, 1.4417], [0.6235, 0.0280], [-0.0500, 0.4667]]
    np.testing.assert_allclose(basins.minima, minima, atol=2e-4)
    np.testing.assert_allclose(basins.pass_energies, [-72.2489, -40.6648], atol=1e-3)
    np.testing.assert_allclose(basins.passes, [[0.2125, 0.2930], [-0.8220, 0.6243]], atol=2e-4)
    assert basins.pass_pairs.tolist() == [[1, 2], [0, 2]] and not basins.open.any()
    np.testing.assert_allclose(basins.persistence[1:], [-40.6648 + 108.1667, -72.2489 + 80.7678], atol=2e-3)
    assert basins.persistence[0] == np.inf
    np.testing.assert_allclose(surface.barrier, 146.6995 - 40.6648, atol=2e-3)
    np.testing.assert_allclose(surface.ceiling, -146.6995 + 2 * (146.6995 - 40.6648), atol=4e-3)
    assert surface.scale == surface.barrier
    np.testing.assert_allclose(basins.areas.sum(), 2.7 * 2.3)


def test_basins_are_where_steepest_descent_ends():
    surface = tabulated(mueller_brown, (-1.5, 1.2, -0.3, 2.0))
    basins = surface.basins
    u = np.random.default_rng(0).uniform([-1.4, -0.2], [1.1, 1.9], (60, 2))
    x = u.copy()
    for _ in range(4000):  # steps of at most .002, far below the width of the basins
        force = surface.force(x)
        rate = np.minimum(1e-4, 2e-3 / np.linalg.norm(force, axis=1, keepdims=True))
        x = np.clip(x + force * rate, [-1.5, -0.3], [1.2, 2.0])
    ends = np.argmin(np.linalg.norm(basins.minima - x[:, None], axis=2), axis=1)
    # Eight directions bend a path of descent; only starts beside a watershed may differ.
    assert np.mean(basins.label_at(u) == ends) >= 0.9
    assert basins.label_at(basins.minima).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n", "m"), [(41, 41), (81, 50), (24, 90)])
def test_stationary_points_are_those_of_the_spline(n, m):
    surface = tabulated(lambda u: double_well(u) + 0.3 * u[..., 0] + 0.2 * u[..., 0] * u[..., 1],
                        (-1.7, 1.6, -1.2, 1.1), n, m)
    basins = surface.basins
    assert basins.n == 2
    for u in (*basins.minima, *basins.passes):
        assert np.abs(surface.force(u)).max() < 1e-8
    found = minimize(lambda u: float(surface(u)), [-1, 0], jac=lambda u: -surface.force(u), tol=1e-12)
    np.testing.assert_allclose(basins.minima[0], found.x, atol=1e-5)
    np.testing.assert_allclose(np.linalg.eigvalsh(surface.hessian(basins.minima)), basins.curvatures)
    at_pass = np.linalg.eigvalsh(surface.hessian(basins.passes[0]))
    assert at_pass[0] < 0 < at_pass[1]
    assert surface.barrier == pytest.approx(basins.pass_energies[0] - basins.energies[0])


@pytest.mark.parametrize("tilt", [0.0, 0.2, 1.0, 1.8])
def test_tilt_takes_the_second_basin_away(tilt):
    surface = tabulated(lambda u: double_well(u) + tilt * u[..., 0], (-1.8, 1.8, -1.2, 1.2))
    roots = np.roots([4, 0, -4, tilt])
    real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    height = [(x * x - 1) ** 2 + tilt * x for x in real]
    if tilt < 8 / (3 * np.sqrt(3)):
        assert surface.basins.n == 2
        np.testing.assert_allclose(surface.barrier, height[1] - min(height), atol=1e-4)
        np.testing.assert_allclose(np.sort(surface.basins.minima[:, 0]), real[[0, 2]], atol=1e-3)
    else:
        assert surface.basins.n == 1 and surface.barrier is None


def test_one_basin_has_no_barrier():
    surface = tabulated(lambda u: (u**2).sum(-1), (-1, 2, -1, 1))
    basins = surface.basins
    assert basins.n == 1 and basins.barrier is None and surface.barrier is None
    assert basins.passes.shape == basins.pass_pairs.shape == (0, 2) and basins.pass_energies.shape == (0,)
    np.testing.assert_allclose(basins.minima, [[0, 0]], atol=1e-7)
    np.testing.assert_allclose(surface.ceiling, np.quantile(surface.lattice.energy, 0.6))
    assert surface.scale == surface.ceiling - basins.minimum
    assert (basins.labels == 0).all()


@pytest.mark.parametrize("level", [0.0, 0.1, -3.0, 1e6])
def test_a_constant_surface_has_one_basin_and_no_scale(level):
    surface = Surface.from_grid(range(21), range(11), np.full((21, 11), level))
    assert surface.basins.n == 1 and surface.barrier is None and surface.scale == 0
    assert surface.ceiling == pytest.approx(level)


def test_ripples_below_the_threshold_are_no_basins():
    def rippled(amplitude):
        def f(u):
            return double_well(u) + amplitude * np.cos(12 * u[..., 0]) * np.cos(12 * u[..., 1])
        return tabulated(f, (-1.6, 1.6, -1.2, 1.2), 121).basins

    # Persistence of a ripple is at most 2 x amplitude; the wells' is 1, of which 5 % count.
    assert rippled(0.024).n == 2
    assert rippled(0.2).n > 2
    basins = rippled(0.2)
    least = basins.persistence[1:].min()
    assert least >= 0.05 * basins.persistence[1:].max()
    assert set(np.unique(basins.labels)) == set(range(basins.n))


def test_minima_on_the_edge_are_open():
    slope = Surface.from_grid(range(21), range(21), np.add.outer(np.arange(21), 0.5 * np.arange(21)))
    assert slope.basins.open.tolist() == [True] and slope.basins.minima.tolist() == [[0, 0]]
    surface = tabulated(double_well, (-0.8, 2, -1, 1))
    assert surface.basins.open.tolist() == [False, True]
    np.testing.assert_allclose(surface.basins.minima, [[1, 0], [-0.8, 0]], atol=1e-4)
    np.testing.assert_allclose(surface.barrier, 1, atol=1e-4)
    # On the edge the minimum along the edge is found between lattice points.
    valley = tabulated(lambda u: u[..., 0] + (u[..., 1] - 0.123) ** 2, (0, 1, -1, 1))
    np.testing.assert_allclose(valley.basins.minima, [[0, 0.123]], atol=1e-6)


def test_barrier_is_the_lowest_way_out_of_the_deepest_basin():
    def three_wells(u):
        x, y = u[..., 0], u[..., 1]
        wells = [(-1.5, 0, 1.0), (0.0, 0, 0.6), (1.2, 0.0, 0.8)]
        return -sum(d * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.18) for a, b, d in wells)

    surface = tabulated(three_wells, (-2.2, 2, -1, 1), 101)
    basins = surface.basins
    assert basins.n == 3 and basins.pass_pairs.tolist() == [[1, 2], [0, 2]]
    np.testing.assert_allclose(basins.minima[:, 0], [-1.5, 1.2, 0], atol=0.02)
    assert surface.barrier == pytest.approx(basins.pass_energies[1] - basins.energies[0])
    assert surface.ceiling == pytest.approx(basins.minimum + 2 * (basins.pass_energies.max() -
    basins.minimum))


def test_cells_without_data_cut_basins_apart():
    xs, ys = np.linspace(-1.6, 1.6, 65), np.linspace(-1, 1, 41)
    U = double_well(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))
    U[31:34] = np.nan
    surface = Surface.from_grid(xs, ys, U)
    basins = surface.basins
    assert basins.n == 2 and basins.barrier is None and (basins.persistence == np.inf).all()
    assert basins.label_at([0.0, 0.0]) == -1 and basins.label_at([5.0, 0.0]) == -1
    u = np.random.default_rng(1).uniform([-1.6, -1], [1.6, 1], (2000, 2))
    # Only a point with data has a basin, and all of them do.
    assert np.array_equal(basins.label_at(u) >= 0, ~surface.masked(u))
    with_data = 3.2 * 2 - surface.mask.sum() * np.prod(surface.step)
    np.testing.assert_allclose(basins.areas.sum(), with_data, rtol=0.02)
    gap = U.copy()
    gap[31:34, 18:23] = 0.3
    assert Surface.from_grid(xs, ys, gap).barrier is not None


def test_noise_on_every_node_is_handled_quickly():
    U = np.random.default_rng(0).normal(size=(81, 81))
    surface = Surface.from_grid(range(81), range(81), U)
    basins = surface.basins
    assert basins.n > 100 and (np.diff(basins.energies) >= 0).all() and basins.barrier > 0
    assert basins.pass_energies.shape == (basins.n - 1,)
    assert (basins.pass_energies >= basins.energies[basins.pass_pairs].max(axis=1) - 1e-9).all()


def test_equal_wells_and_scan_agree():
    surface = scan(double_well, extent=(-1.6, 1.6, -1, 1))
    assert surface.basins.n == 2
    np.testing.assert_allclose(surface.basins.areas, [3.2, 3.2], rtol=0.02)
    np.testing.assert_allclose(surface.barrier, 1, atol=surface.error)
