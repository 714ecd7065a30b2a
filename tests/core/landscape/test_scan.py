"""A scan is as accurate as it says, asks for no point twice, and refuses what it cannot draw."""

from types import SimpleNamespace

import numpy as np
import pytest
from rippled import BOX, grid, inside, rippled

from thermoviz.core.errors import BadInput, Cancelled
from thermoviz.core.landscape.scan import scan
from thermoviz.core.landscape.surfaces import Surface


@pytest.fixture(scope="module")
def surface():
    return Surface.from_grid(*grid(rippled, 41, 33))


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
