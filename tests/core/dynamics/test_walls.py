"""Walls: folding is specular reflection for any overshoot, and remembers how often it reflected."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics.walls import fold, stop, walls_for

BOX = ((-1.0, 2.0), (0.5, 0.75))


def bounced(x: float, low: float, high: float) -> tuple[float, int]:
    """The same by mirroring at one wall after the other: place and number of reflections."""
    count = 0
    while not low <= x <= high:
        x = 2 * (low if x < low else high) - x
        count += 1
    return x, count


def test_folding_is_one_reflection_after_the_other():
    rng = np.random.default_rng(0)
    x = np.array([0.5, 0.6]) + rng.standard_normal((2000, 2)) * np.array([9.0, 2.0])
    folded, sign = fold(x, walls_for(BOX, x))
    for k, (low, high) in enumerate(BOX):
        expected = np.array([bounced(value, low, high) for value in x[:, k]])
        # Each reflection rounds twice at the size of the largest position, at most 40.
        assert np.abs(folded[:, k] - expected[:, 0]).max() < 200 * 40 * np.finfo(float).eps
        assert np.array_equal(sign[:, k], np.where(expected[:, 1] % 2, -1.0, 1.0))
    assert np.array_equal(tv.reflect(x, BOX), folded)


def test_what_is_inside_keeps_every_bit_and_its_sign():
    rng = np.random.default_rng(1)
    x = np.array([[-1.0, 0.5], [2.0, 0.75], *(rng.random((500, 2)) * [3.0, 0.25] + [-1.0, 0.5]), [7.0, 0.6]])
    before = x.copy()
    folded, sign = fold(x, walls_for(BOX, x))
    assert np.array_equal(x, before)
    assert np.array_equal(folded[:-1], x[:-1]) and (sign[:-1] == 1).all()
    assert fold(x[:-1], walls_for(BOX, x[:-1]))[1] is None


def test_reflections_lost_in_rounding_are_counted_and_nothing_leaves_the_box():
    rng = np.random.default_rng(2)
    low = rng.standard_normal(5000)
    high = low + np.abs(rng.standard_normal(5000))
    box = np.stack([low, high], axis=1)
    for x in (np.nextafter(low, -np.inf), np.nextafter(high, np.inf), high + 1e3 * rng.random(5000)):
        folded, sign = fold(x, walls_for(box, x))
        assert ((folded >= low) & (folded <= high)).all()
        assert np.isin(sign, (-1.0, 1.0)).all()
    _, sign = fold(np.nextafter(low, -np.inf), walls_for(box, low))
    assert (sign == -1).all()


def test_bounds_in_all_their_forms():
    x = [[1.2, -0.3], [7.7, 0.5]]
    expected = np.array([[0.8, 0.3], [0.3, 0.5]])
    for bounds in (((0, 1), (0, 1)), (0, 1, 0, 1), (0, 1), [[0, 1], [0, 1]], np.array([[0.0, 1.0]])):
        assert np.allclose(tv.reflect(x, bounds), expected, rtol=0, atol=1e-14)
    assert np.array_equal(tv.reflect([3, -2], (0, 2.5)), [2.0, 2.0])
    assert tv.reflect(np.full((2, 3, 4), 1.5), (0, 1)).shape == (2, 3, 4)


def test_one_wall_alone_reflects_once_and_no_wall_never():
    bounds = ((0, np.inf), (-np.inf, 1), (-np.inf, np.inf))
    assert np.array_equal(tv.reflect([-3.0, 5.0, 1e30], bounds), [3.0, -3.0, 1e30])


def test_what_is_nowhere_stays_nowhere():
    assert np.isnan(tv.reflect([np.nan, np.inf, -np.inf], (0, 1))).all()


def test_tensors_fold_like_arrays():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(3).standard_normal((100, 2)) * 5
    folded, sign = fold(x, walls_for(BOX, x))
    tensor = torch.as_tensor(x)
    got, its_sign = fold(tensor, walls_for(BOX, tensor))
    assert isinstance(got, torch.Tensor) and np.allclose(got.numpy(), folded, rtol=0, atol=1e-14)
    assert np.array_equal(its_sign.numpy(), sign)


@pytest.mark.parametrize("x, bounds", [
    ([[0.0, 0.0]], ((1, 0), (0, 1))), ([[0.0, 0.0]], ((0, 1),) * 3), ([[0.0, 0.0]], None), ([[0.0, 0.0]], "box"),
    ([[0.0, 0.0]], ((0, np.nan), (0, 1))), (0.3, (0, 1)), ("here", (0, 1)), ([[1.0], [2.0, 3.0]], (0, 1)),
])
def test_refusals_are_one_sentence(x, bounds):
    with pytest.raises(tv.BadInput) as caught:
        tv.reflect(x, bounds)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


class Ramp:
    """A constant force [2]."""

    def __init__(self, force):
        self.slope = np.asarray(force, dtype=float)

    def __call__(self, x):
        return -x @ self.slope

    def force(self, x):
        return np.broadcast_to(self.slope, x.shape)


COLD = [tv.GradientDescent(lr=0.1), tv.RMSProp(lr=0.1), tv.Overdamped(dt=0.1),
        tv.Overdamped(dt=0.1, scheme="euler-maruyama")]


@pytest.mark.parametrize("dynamics", COLD, ids=lambda dynamics: f"{dynamics.kind} {getattr(dynamics, 'scheme', '')}")
def test_without_heat_and_inertia_a_wall_stops_and_what_lies_along_it_goes_on(dynamics):
    """The minimum of a ramp in a box is its edge: reached, and kept to the last bit, while the other moves."""
    x = tv.simulate(Ramp([3.0, -0.01]), dynamics, [[0.0, 0.7]], 40, bounds=BOX).x[:, 0]
    assert (x[20:, 0] == 2.0).all() and (np.diff(x[:, 0]) >= 0).all()
    assert (np.diff(x[:, 1]) < 0).all() or x[-1, 1] == 0.5


def test_heat_inertia_and_minibatches_are_thrown_back():
    """A replica with heat beside a cold one, and a body with mass: both still leave the wall that they meet."""
    ramp = Ramp([3.0, 0.0])
    both = tv.simulate(ramp, tv.Overdamped(dt=0.1, scheme="euler-maruyama"), [[1.9, 0.6]] * 2, 30, bounds=BOX,
                       temperature=[0.0, 1e-4]).x[..., 0]
    assert (both[1:, 0] == 2.0).all() and (both[1:, 1] < 2.0).all()
    thrown = tv.simulate(ramp, tv.BAOAB(dt=0.1, friction=0.0), [[1.9, 0.6]], 30, bounds=BOX).x[:, 0, 0]
    assert (np.diff(thrown) < 0).any() and thrown.max() < 2.0


def test_stopping_tells_replicas_apart_and_leaves_the_infinite_alone():
    x = np.array([[5.0, 0.6], [5.0, 0.6], [-np.inf, 9.0], [np.nan, 0.6]])
    held = stop(x, walls_for(BOX, x), np.array([True, False, True, True]))
    assert held[0].tolist() == [2.0, 0.6] and held[1].tolist() == [5.0, 0.6]
    assert held[2].tolist() == [-np.inf, 0.75] and np.isnan(held[3, 0])
    torch = pytest.importorskip("torch")
    tensor = torch.as_tensor(x)
    for who in (True, np.array([True, False, True, True])):
        expected = stop(x, walls_for(BOX, x), who)
        assert np.array_equal(stop(tensor, walls_for(BOX, tensor), who).numpy(), expected, equal_nan=True)
