"""A surface is one function with an exact derivative, and a scan is as accurate as it says."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from thermoviz.core.errors import BadInput, Cancelled
from thermoviz.core.landscape.scan import scan
from thermoviz.core.landscape.surfaces import Surface

BOX = (-1.6, 1.8, -1.1, 1.3)


def rippled(u):
    """A double well with a ripple that no grid of this file resolves exactly."""
    x, y = u[..., 0], u[..., 1]
    return (x * x - 1) ** 2 + 0.7 * y * y + 0.3 * np.sin(2 * x + 3 * y)


def rippled_force(u):
    x, y = u[..., 0], u[..., 1]
    wave = np.cos(2 * x + 3 * y)
    return -np.stack([4 * x * (x * x - 1) + 0.6 * wave, 1.4 * y + 0.9 * wave], axis=-1)


def grid(f, n, m=None, box=BOX):
    xs, ys = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], m or n)
    return xs, ys, f(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))


def inside(n, seed=0, box=BOX):
    return np.random.default_rng(seed).uniform(box[::2], box[1::2], (n, 2))


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


def test_stiffness_of_a_quadratic():
    curvature = np.array([[3.0, 1.0], [1.0, 2.0]])
    bowl = Surface.from_grid(*grid(lambda u: 0.5 * np.einsum("...i,ij,...j", u, curvature, u), 21))
    largest = np.linalg.eigvalsh(curvature)[-1]
    for k in (bowl.k_max(), bowl.k_max(0.01), bowl.k_max(0.0, highest_start=1.0)):
        np.testing.assert_allclose(k, largest, rtol=1e-4)  # from single-precision values, h = .1
    np.testing.assert_allclose(bowl.suggested_dt(1e-6), 0.5 / largest, rtol=1e-4)
    np.testing.assert_allclose(bowl.suggested_dt(1e-6, "euler-maruyama"), 0.1 / largest, rtol=1e-4)
    np.testing.assert_allclose(bowl.suggested_dt(10.0), (2.4 / 20) ** 2 / 20, rtol=1e-12)
    with pytest.raises(BadInput, match="scheme must be one of"):
        bowl.suggested_dt(0.1, "heun")
    with pytest.raises(BadInput, match="temperature"):
        bowl.suggested_dt(-1)


def test_stiffness_grows_with_what_balls_can_reach():
    quartic = scan(lambda u: (u**4).sum(-1), extent=(-2, 2, -2, 2), tolerance=0)
    near, far = quartic.k_max(0.001), quartic.k_max(0.1)
    # E <= 20 T allows |x| <= (20 T)^(1/4), where E'' = 12 x^2; the region is read on a lattice of step 1/40.
    np.testing.assert_allclose(far, 12 * np.sqrt(2.0), rtol=2 * 2 / 40 / 2**0.25)
    assert near < far < quartic.k_max() == pytest.approx(48, rel=1e-3)
    assert quartic.k_max(0.001, highest_start=2.0) == far
    flat = Surface.from_grid(range(5), range(5), np.ones((5, 5)))
    assert flat.k_max() == 0 and flat.suggested_dt(0.5) == (4 / 20) ** 2 and flat.suggested_dt(0) > 0


# scan


class Counted:
    """An energy that counts where it is asked."""

    def __init__(self, f, bounds=None):
        self.f, self.points, self.bounds = f, [], bounds

    def __call__(self, u):
        self.points.append(np.array(u))
        return self.f(u)


def fine_error(surface, f, box, n=331):
    us, vs = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], n)
    true = f(np.stack(np.meshgrid(us, vs, indexing="ij"), axis=-1))
    return float(np.abs(surface.on_product(us, vs) - true).max())


@pytest.mark.parametrize(("f", "box"), [
    (rippled, BOX),
    (lambda u: np.cos(3 * u[..., 0]) * np.cos(4 * u[..., 1]), (-2, 2, -1, 1)),
    (lambda u: np.exp(-8 * ((u - 0.3) ** 2).sum(-1)) - np.exp(-8 * ((u + 0.4) ** 2).sum(-1)), (-1.5, 1.5, -1,
    1)), (lambda u: np.log1p(20 * (u**2).sum(-1)), (-1, 1, -1, 1)),
    (lambda u: np.abs(u[..., 0] + 0.37 * u[..., 1]) + (u**2).sum(-1), (-1, 1, -1, 1)),  # a kink, as of relu
])
@pytest.mark.parametrize("tolerance", [2e-2, 5e-3, 5e-4])
def test_the_reported_error_bounds_the_true_one(f, box, tolerance):
    surface = scan(f, extent=box, tolerance=tolerance)
    assert fine_error(surface, f, box) <= 1.2 * surface.error  # 256 points may miss the very worst one
    if surface.levels[-1] < 81:
        assert surface.error <= tolerance * surface.scale
        assert fine_error(surface, f, box) <= tolerance * surface.scale


def test_levels_are_nested_and_no_point_is_asked_twice():
    energy = Counted(rippled)
    surface = scan(energy, extent=BOX, resolution=81, tolerance=1e-9)
    assert surface.levels == (21, 41, 81) and len(surface.xs) == 81
    points = np.round(np.concatenate(energy.points), 9)
    assert len(points) == 81**2 + 256 == len(np.unique(points, axis=0))
    everywhere = scan(rippled, extent=BOX, resolution=81, tolerance=0)
    assert np.array_equal(everywhere.E, surface.E) and everywhere.error is None


@pytest.mark.parametrize(("resolution", "levels"), [(161, (21, 41, 81, 161)), (101, (26, 51, 101)), (61, (31,
61)),
                                                    (40, (40,)), (4, (4,)), (33, (17, 33))])
def test_halving_stops_at_seventeen_points(resolution, levels):
    shown = []
    scan(lambda u: u[..., 0] * u[..., 1], extent=BOX, resolution=resolution, tolerance=0,
         progress=lambda fraction, partial: shown.append(len(partial.xs)))
    assert tuple(dict.fromkeys(shown)) == levels


def test_a_smooth_energy_needs_few_points():
    energy = Counted(lambda u: 0.5 * (u**2).sum(-1))
    surface = scan(energy, extent=BOX)
    assert surface.levels == (21, 41) and sum(map(len, energy.points)) == 41**2 + 256
    constant = scan(lambda u: np.full(u.shape[:-1], 0.1), extent=BOX)
    assert constant.levels == (21, 41) and constant.scale == 0


def test_tolerance_zero_is_one_pass():
    energy = Counted(rippled)
    surface = scan(energy, extent=BOX, resolution=50, tolerance=0)
    assert [len(points) for points in energy.points] == [2500] and surface.levels == (50,)


def test_progress_follows_each_level_and_cancels():
    heard = []

    def listen(fraction, partial):
        heard.append((fraction, partial.levels))

    surface = scan(rippled, extent=BOX, tolerance=1e-9, progress=listen)
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert [levels for _, levels in heard][-1] == surface.levels and (21,) in [levels for _, levels in heard]
    # Silence between two calls is at most one chunk of 1024 points.
    assert len(heard) >= 81**2 // 1024

    def leave(fraction, partial):
        if len(partial.xs) == 41:
            raise Cancelled("left")

    energy = Counted(rippled)
    with pytest.raises(Cancelled):
        scan(energy, extent=BOX, tolerance=1e-9, progress=leave)
    assert sum(map(len, energy.points)) == 41**2 + 256


def plane(points, d=5):
    frame = np.linalg.qr(np.random.default_rng(0).normal(size=(d, 2)))[0].T
    return SimpleNamespace(points=points, d=d, tick_scale=np.array([2.0, 3.0]), embed=lambda u: u @ frame)


def test_the_box_surrounds_the_planes_points():
    points = np.array([[0.0, 1.0], [4.0, 2.0], [1.0, 1.5]])
    surface = scan(lambda x: (x**2).sum(-1), plane(points), margin=0.25, resolution=21, tolerance=0)
    np.testing.assert_allclose(surface.bounds, [(-1, 5), (0, 3)])
    assert surface.E.shape == (21, 21)
    u = inside(100, box=(-1, 5, 0, 3))
    np.testing.assert_allclose(surface(u), (u**2).sum(-1), atol=1e-5)
    pairs = scan(lambda x: (x**2).sum(-1), extent=surface.bounds, resolution=21, tolerance=0)
    assert pairs.bounds == surface.bounds
    single = scan(lambda x: (x**2).sum(-1), plane(np.zeros((1, 2))), resolution=21, tolerance=0)
    np.testing.assert_allclose(single.bounds, [(-2, 2), (-3, 3)])


def test_the_fast_grid_of_an_energy_is_used_on_product_grids():
    asked = []

    def on_plane(where, us, vs):
        asked.append(len(us) * len(vs))
        return np.add.outer(us**2, vs**2).astype(np.float32)

    energy = SimpleNamespace(on_plane=on_plane)
    surface = scan(energy, plane(np.array([[0, 0], [1, 1.0]])), tolerance=1e-9)
    assert sum(asked) == len(surface.xs) ** 2 + 256 and len(asked) <= 6


def test_an_energys_own_box_and_chunks_in_many_dimensions():
    surface = scan(Counted(rippled, bounds=((-2, 2), (-1, 1))), resolution=21, tolerance=0)
    assert surface.bounds == ((-2, 2), (-1, 1))
    again = scan(surface, resolution=21, tolerance=0)
    np.testing.assert_allclose(again.E, surface.E, atol=1e-6)
    energy = Counted(lambda x: (x**2).sum(-1))
    d = 2**14
    where = SimpleNamespace(points=None, d=d, embed=lambda u: np.pad(u, ((0, 0), (0, d - 2))))
    scan(energy, where, extent=BOX, resolution=21, tolerance=0)
    assert max(points.size for points in energy.points) <= 2**22


def test_torch_callables():
    torch = pytest.importorskip("torch")
    weights = torch.nn.Linear(2, 1).requires_grad_(True)
    with torch.no_grad():
        weights.weight.copy_(torch.tensor([[1.0, 2.0]]))
        weights.bias.fill_(0.5)
    surface = scan(lambda u: weights(u)[..., 0], extent=BOX, resolution=21, tolerance=0)
    u = inside(50)
    np.testing.assert_allclose(surface(u), u @ [1, 2] + 0.5, atol=1e-5)
    double = scan(lambda u: torch.sin(u).sum(dim=-1), extent=BOX, resolution=41, tolerance=0)
    np.testing.assert_allclose(double(u), np.sin(u).sum(-1), atol=1e-5)


def test_holes_are_refined_and_shown():
    us, vs = np.linspace(*BOX[:2], 41), np.linspace(*BOX[2:], 41)
    for centre, radius, levels in (((0, 0), 0.5, (21, 41)), ((us[7], vs[9]), 0.02, (21, 41, 81))):
        def holed(u, centre=centre, radius=radius):
            return np.where(((u - centre) ** 2).sum(-1) < radius**2, np.nan, rippled(u))

        surface = scan(holed, extent=BOX, tolerance=0.02)
        # The second hole is seen at 41 points only, so that it is looked at once more.
        assert surface.levels == levels and np.isfinite(surface.error)
        assert surface.masked(centre) and not surface.masked([1.0, 1.0])


@pytest.mark.parametrize(("settings", "message"), [
    ({}, "no natural box"),
    ({"extent": (0, 1, 2)}, "extent must be four numbers"),
    ({"extent": (1, 0, 0, 1)}, "u0 < u1"),
    ({"extent": (0, np.inf, 0, 1)}, "finite"),
    ({"extent": BOX, "resolution": 3}, "resolution"),
    ({"extent": BOX, "resolution": 21.5}, "resolution"),
    ({"extent": BOX, "tolerance": -1}, "tolerance"),
    ({"extent": BOX, "margin": np.nan}, "margin"),
    ({"plane": plane(None)}, "without points"),
])
def test_bad_scans_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        scan(rippled, **settings)


def test_unbatched_energies_are_refused():
    with pytest.raises(BadInput, match="must map"):
        scan(lambda u: u[0] ** 2 + u[1] ** 2, extent=BOX)
    with pytest.raises(BadInput, match="batched callable.*ZeroDivisionError"):
        scan(lambda u: 1 / 0, extent=BOX)
    with pytest.raises(BadInput, match="at least one cell"):
        scan(lambda u: np.full(u.shape[:-1], np.nan), extent=BOX)


def test_few_points_and_scales_load_no_compiler():
    """The web process reads basins and equilibria of a surface without numba, torch or scikit-learn."""
    code = """
import json, sys
import numpy as np
from thermoviz.core.landscape.surfaces import Surface
xs = np.linspace(-2, 2, 41)
surface = Surface.from_grid(xs, xs, (xs[:, None]**2 - 1)**2 + xs**2)
surface(np.zeros((50, 2))); surface.barrier; surface.suggested_dt(.1)
e = surface.equilibrium(.2); e.shares, e.density, e.sample(500, np.random.default_rng(0))
surface.equilibria([.1, 1])
print(json.dumps([name for name in ("numba", "torch", "sklearn") if name in sys.modules]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []
