"""A spline is one function with an exact derivative, compiled or not, beside holes and at its edge."""

import numpy as np
import pytest
from rippled import BOX, grid, inside, rippled, rippled_force

from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.surfaces import Surface


@pytest.fixture(scope="module")
def surface():
    return Surface.from_grid(*grid(rippled, 41, 33))


def test_first_index_is_x():
    xs, ys, U = grid(lambda u: u[..., 0] + 10 * u[..., 1], 7, 5)
    surface = Surface.from_grid(xs, ys, U)
    assert surface.E.shape == surface.Ex.shape == surface.Ey.shape == surface.Exy.shape == (7, 5)
    np.testing.assert_allclose(surface([xs[2], ys[3]]), U[2, 3], rtol=1e-6)
    np.testing.assert_allclose(surface.force([0.3, 0.2]), [-1, -10], rtol=1e-6)


def test_single_precision_values_are_the_surface(surface):
    for values in (surface.E, surface.Ex, surface.Ey, surface.Exy):
        assert values.dtype == np.float64
        assert np.array_equal(values, values.astype(np.float32))
    nodes = np.stack(np.meshgrid(surface.xs, surface.ys, indexing="ij"), axis=-1)
    energy, force = surface.value_and_force(nodes)
    # Positions are rounded: a few ulp of the coordinate times the slope.
    np.testing.assert_allclose(energy, surface.E, atol=1e-13)
    np.testing.assert_allclose(force, -np.stack([surface.Ex, surface.Ey], axis=-1), atol=1e-12)


def test_the_stored_grid_gives_the_same_surface():
    xs, ys, U = grid(rippled, 31)
    for hole in (False, True):
        U[3:5, 7] = np.nan if hole else U[3:5, 7]
        surface = Surface.from_grid(xs, ys, U)
        again = Surface.from_grid(surface.xs, surface.ys, surface.E.astype(np.float32))
        for name in ("xs", "ys", "E", "Ex", "Ey", "Exy", "mask"):
            assert np.array_equal(getattr(surface, name), getattr(again, name), equal_nan=name != "mask"), name


def test_energies_too_steep_for_single_precision_are_refused():
    U = np.zeros((5, 5))
    U[2, 2] = 1e29
    with pytest.raises(BadInput, match="too steep"):
        Surface.from_grid(np.arange(5) * 1e-10, np.arange(5) * 1e-10, U)


@pytest.mark.parametrize("degree", [(0, 0), (1, 2), (3, 3), (2, 1)])
def test_cubics_are_exact_up_to_single_precision(degree):
    def power(u):
        return u[..., 0] ** degree[0] * u[..., 1] ** degree[1]

    surface = Surface.from_grid(*grid(power, 6, 9))
    u = inside(500)
    # Rounded E, hEx, hEy, h^2Exy with Hermite weights that sum to at most 2.
    assert np.abs(surface(u) - power(u)).max() < 8 * 2.0**-24 * np.abs(surface.E).max()


def test_force_is_the_derivative(surface):
    u, h = inside(400, 1), 1e-5
    for k, e in enumerate(np.eye(2)):
        slope = (surface(np.clip(u + h * e, BOX[::2], BOX[1::2])) - surface(u - h * e)) / (2 * h)
        interior = (u[:, k] + h < BOX[2 * k + 1]) & (u[:, k] - h > BOX[2 * k])
        # Central differences: h^2 E''' / 6 + eps |E| / h, E''' < 30; third derivatives jump across cells.
        np.testing.assert_allclose(surface.force(u)[interior, k], -slope[interior], atol=3e-9)


def test_hessian_is_the_derivative_of_the_force(surface):
    u, h = inside(60, 2, (-1.5, 1.7, -1, 1.2)), 1e-5
    slopes = [surface.force(u - h * e) - surface.force(u + h * e) for e in np.eye(2)]
    numeric = np.stack(slopes, axis=-1) / (2 * h)
    # Within a cell exact to O(h); where the step crosses a cell, rounding makes second derivatives jump a
    # little.
    np.testing.assert_allclose(surface.hessian(u), numeric, atol=5e-3)
    np.testing.assert_allclose(np.median(np.abs(surface.hessian(u) - numeric)), 0, atol=1e-6)


def test_a_closed_loop_does_no_work(surface):
    nodes, weights = np.polynomial.legendre.leggauss(8)
    corners = np.array([[-1.1, -0.7], [1.2, -0.7], [1.2, 0.9], [-1.1, 0.9], [-1.1, -0.7]])
    work = size = 0.0
    for start, end in zip(corners[:-1], corners[1:], strict=True):
        axis = int(np.argmax(np.abs(end - start)))
        lines = (surface.xs, surface.ys)[axis]
        low, high = sorted((start[axis], end[axis]))
        stops = np.concatenate([[low], lines[(lines > low) & (lines < high)], [high]])
        stops = stops if end[axis] > start[axis] else stops[::-1]
        for a, b in zip(stops[:-1], stops[1:], strict=True):  # the force is a polynomial between grid lines
            u = np.tile(start, (8, 1))
            u[:, axis] = (a + b) / 2 + (b - a) / 2 * nodes
            piece = (b - a) / 2 * float(weights @ surface.force(u)[:, axis])
            work, size = work + piece, size + abs(piece)
    assert abs(work) < 1e-12 * size


def test_energy_and_force_are_continuous_across_cells(surface):
    y = inside(50, 3)[:, 1]
    eps = 1e-12
    for x in surface.xs[1:-1]:
        left, right = (surface.value_and_force(np.stack([np.full(50, x + s), y], 1)) for s in (-eps, eps))
        np.testing.assert_allclose(left[0], right[0], atol=1e-10)
        np.testing.assert_allclose(left[1], right[1], atol=1e-9)


def test_orders_of_convergence():
    u = inside(4000, 4, (-1.4, 1.6, -0.9, 1.1))
    errors = []
    for n in (11, 21, 41):
        surface = Surface.from_grid(*grid(rippled, n))
        errors.append([np.sqrt(np.mean((surface(u) - rippled(u)) ** 2)),
                       np.sqrt(np.mean((surface.force(u) - rippled_force(u)) ** 2))])
    orders = np.log2(np.array(errors)[:-1] / np.array(errors)[1:])
    assert (orders[:, 0] > 3.7).all() and (orders[:, 1] > 2.7).all(), orders


def test_spline_agrees_with_scipy(surface):
    from scipy.interpolate import RectBivariateSpline

    xs, ys, U = grid(rippled, 41, 33)
    other = RectBivariateSpline(xs, ys, U, kx=3, ky=3)  # interpolating, not-a-knot
    u = inside(300, 5)
    # Rounding: Hermite weights of the four energies sum to 1, their derivatives to 3 / h, slopes add as much.
    energy, slope = 2.0**-23 * np.abs(surface.E).max(), 2.0**-23 * np.abs([surface.Ex, surface.Ey]).max()
    np.testing.assert_allclose(surface(u), other.ev(*u.T), atol=2 * energy)
    for k, order in enumerate(({"dx": 1}, {"dy": 1})):
        atol = 3 * energy / surface.step[k] + 3 * slope
        np.testing.assert_allclose(surface.force(u)[:, k], -other.ev(*u.T, **order), atol=atol)


def test_compiled_and_array_evaluation_agree(surface, monkeypatch):
    edges = np.array([[-1.6, -1.1], [1.8, 1.3], [-1.6, 1.3], [np.nan, 0], [surface.xs[3], surface.ys[4]]])
    u = np.concatenate([inside(1000, 6), edges])
    compiled = surface.value_and_force(u)
    monkeypatch.setenv("THERMOVIZ_NO_NUMBA", "1")
    arrays = surface.value_and_force(u)
    for one, other in zip(compiled, arrays, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_product_grid_agrees_with_points(surface):
    us, vs = np.sort(inside(23, 7)[:, 0]), np.sort(inside(17, 8)[:, 1])
    u = np.stack(np.meshgrid(us, vs, indexing="ij"), axis=-1)
    np.testing.assert_allclose(surface.on_product(us, vs), surface(u), atol=1e-13)
    np.testing.assert_allclose(surface.on_product(us, vs, (0, 1)), -surface.force(u)[..., 1], atol=1e-12)
    np.testing.assert_allclose(surface.on_product(us, vs, (1, 1)), surface.hessian(u)[..., 0, 1], atol=1e-11)


def test_shapes_and_lists(surface):
    assert np.ndim(surface([0.1, 0.2])) == 0 and surface.force([0.1, 0.2]).shape == (2,)
    assert surface(np.zeros((3, 4, 2))).shape == (3, 4)
    assert surface.force(np.zeros((3, 4, 2))).shape == (3, 4, 2)
    assert surface(np.zeros((0, 2))).shape == (0,)
    u = inside(200, 9)
    # One point alone and 200 points together: the same bits up to rounding.
    np.testing.assert_allclose(surface(u), [surface(one) for one in u], rtol=1e-14, atol=1e-14)
    before = u.copy()
    surface.value_and_force(u)
    assert np.array_equal(u, before)


@pytest.mark.parametrize("n", [1, 500])
def test_outside_is_refused_and_rounding_is_not(surface, n):
    u = np.tile([1.8, 0.0], (n, 1))
    with pytest.raises(BadInput, match=r"outside the surface.*\[-1\.6, 1\.8\]"):
        surface(u + [0.01, 0])
    with pytest.raises(BadInput):
        surface.force(np.tile([0.0, np.inf], (n, 1)))
    np.testing.assert_allclose(surface(u + [1e-9, 0]), surface(u))
    assert np.isnan(surface(u * np.nan)).all() and np.isnan(surface.force(u * np.nan)).all()
    assert surface.masked(u + [0.01, 0]).all() and surface.masked(u * np.nan).all()
    assert not surface.masked(u).any()


def test_cells_that_touch_a_bad_node_are_masked():
    xs, ys, U = grid(rippled, 31)
    U[10, 20] = np.inf
    U[0, 0] = np.nan
    U[30, 5] = -1e31
    surface = Surface.from_grid(xs, ys, U)
    expected = np.zeros((30, 30), dtype=bool)
    expected[9:11, 19:21] = expected[0, 0] = expected[29, 4:6] = True
    assert np.array_equal(surface.mask, expected)
    u = inside(3000, 10)
    masked = surface.masked(u)
    assert np.array_equal(np.isnan(surface(u)), masked)
    assert np.array_equal(np.isnan(surface.force(u)).any(axis=-1), masked)
    few = u[:50]
    assert np.array_equal(np.isnan(surface(few)), masked[:50])
    # The filled values continue the surface smoothly, so that the cells around stay accurate: single holes at
    # worst as a grid twice as coarse (16 times the error), where the error is C h^4.
    full = Surface.from_grid(xs, ys, grid(rippled, 31)[2])
    away = ~masked & (u < [1.5, 2]).all(axis=1)
    assert np.abs(surface(u) - rippled(u))[away].max() < 16 * np.abs(full(u) - rippled(u)).max()


def test_a_large_hole_and_few_good_nodes():
    xs, ys, U = grid(rippled, 21)
    U[:, 5:] = np.nan
    surface = Surface.from_grid(xs, ys, U)
    assert surface.mask[:, 4:].all() and not surface.mask[:, :4].any()
    assert np.isfinite(surface.k_max(0.1)) and np.isfinite(surface.scale)
    u = inside(500, 11)
    good = ~surface.masked(u)
    assert np.isfinite(surface(u)[good]).all()


@pytest.mark.parametrize(("xs", "ys", "shape", "message"), [
    ([0, 1, 2], range(5), (3, 5), "xs must be a list of at least 4"),
    ([0, 1, 3, 4], range(5), (4, 5), "xs must be equidistant"),
    ([0, 1, 1, 2], range(5), (4, 5), "xs must be finite and strictly increasing"),
    (range(5), [3, 2, 1, 0], (5, 4), "ys must be finite and strictly increasing"),
    (range(5), [0, 1, np.nan, 3], (5, 4), "ys must be finite"),
    (range(5), range(6), (6, 5), r"U must have shape.*\[5, 6\], got \[6, 5\]"),
    ("grid", range(6), (6, 5), "xs must be a list of numbers"),
])
def test_bad_grids_are_refused(xs, ys, shape, message):
    with pytest.raises(BadInput, match=message):
        Surface.from_grid(xs, ys, np.zeros(shape))


def test_a_grid_without_any_cell_is_refused():
    U = np.full((5, 5), np.nan)
    with pytest.raises(BadInput, match="at least one cell"):
        Surface.from_grid(range(5), range(5), U)
    with pytest.raises(BadInput, match="U must be an array of numbers"):
        Surface.from_grid(range(5), range(5), [["a"] * 5] * 5)


@pytest.mark.parametrize("u", [3.0, [1, 2, 3], "ab", np.zeros((4, 3))])
def test_bad_points_are_refused(surface, u):
    with pytest.raises(BadInput, match="u must"):
        surface(u)
