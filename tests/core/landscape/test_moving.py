"""Balls on a surface in blocks of compiled steps: as if each step were taken by itself."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics import blocks
from thermoviz.core.errors import BadInput

N, STEPS = 60, 51
SETTINGS = {
    "descent": (tv.GradientDescent(0.01), {}),
    "descent each": (tv.GradientDescent(tuple(np.resize([0.01, 0.03], N))), {}),
    "momentum": (tv.SGD(0.003, 0.9), {}), "adam": (tv.Adam(0.05), {}), "rmsprop": (tv.RMSProp(0.03), {}),
    "overdamped": (tv.Overdamped(0.01), {"temperature": 0.5}),
    "overdamped cold": (tv.Overdamped(0.01), {}),
    "overdamped each": (tv.Overdamped(0.01), {"temperature": np.resize([0.0, 0.5, 2.0], N)}),
    "overdamped programme": (tv.Overdamped(0.01), {"temperature": tv.Schedule("quench", 2.0, 0.0, 20)}),
    "euler-maruyama": (tv.Overdamped(0.01, "euler-maruyama"), {"temperature": tv.Schedule("linear", 0.1, 1.0, 30)}),
    "baoab": (tv.BAOAB(0.1, 0.7), {"temperature": 0.5}),
    "baoab programme each": (tv.BAOAB(0.1, 0.7), {"temperature": lambda step: 0.01 * (step + 1) * np.arange(N)}),
}


class Stepwise(tv.Surface):
    """A surface that offers no blocks."""

    def mover(self, walls):
        return None


def hills(kind, holes=False):
    """A saddle that falls towards its walls, so that balls are thrown against them; with holes in it if asked."""
    xs, ys = np.linspace(-1, 1, 17), np.linspace(-1.5, 1.5, 21)
    U = np.cos(3 * xs)[:, None] * (1 + 0.3 * ys) - 1.5 * ys**2
    if holes:
        U[4:6, 9:13] = U[12, 3] = np.nan
    return kind(xs, ys, U)


def both_ways(holes, dynamics, **settings):
    surface = hills(tv.Surface, holes)
    u = np.random.default_rng(1).uniform(*np.array(surface.bounds).T, (4 * N, 2))
    u = u[~surface.masked(u)][:N]
    return [tv.simulate(hills(kind, holes), dynamics, u, STEPS, seed=4, record_every=6, **settings)
            for kind in (tv.Surface, Stepwise)]


@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
@pytest.mark.parametrize("name", SETTINGS)
def test_blocks_take_the_steps_that_single_steps_take(name, holes):
    dynamics, settings = SETTINGS[name]
    together, single = both_ways(holes, dynamics, **settings)
    np.testing.assert_allclose(together.x, single.x, 1e-8, 1e-9)
    np.testing.assert_allclose(together.energy, single.energy, 1e-8, 1e-9)
    assert np.array_equal(together.steps, single.steps) and (together.diverged_at < 0).all()
    moved = np.abs(np.diff(together.x, axis=0)).max(axis=(0, 2))
    assert (moved > 0).mean() > 0.9


def test_blocks_know_narrower_walls_and_leave_wider_ones_to_single_steps():
    bounds = ((-0.5, 0.4), (-0.3, 0.6))
    u = np.random.default_rng(1).uniform(*np.array(bounds).T, (N, 2))
    together, single = (tv.simulate(hills(kind), tv.Overdamped(0.01), u, STEPS, temperature=1.0, bounds=bounds)
                        for kind in (tv.Surface, Stepwise))
    np.testing.assert_allclose(together.x, single.x, 1e-8, 1e-9)
    assert (together.x[..., 0].max() <= 0.4) and (together.x[..., 1].min() >= -0.3)
    with pytest.raises(BadInput, match="outside the surface"):
        tv.simulate(hills(tv.Surface), tv.Overdamped(0.01), u, 500, temperature=9.0, bounds=(-9, 9))


def test_a_ball_that_leaves_the_finite_numbers_is_marked_at_the_same_step():
    """Heat beyond all numbers at step 20: a wall cannot fold infinity."""
    third = np.arange(N) % 3 == 0
    together, single = both_ways(False, tv.Overdamped(0.01), temperature=lambda step: np.where(
        third & (step == 20), 1.7e308, 0.1))
    assert np.array_equal(single.diverged_at, np.where(third, 21, -1))
    assert np.array_equal(together.diverged_at, single.diverged_at)
    assert np.array_equal(np.isnan(together.x), np.isnan(single.x))


def test_blocks_show_what_is_observed_and_neither_threads_nor_lengths_change_a_bit(monkeypatch):
    surface, seen = hills(tv.Surface), []
    u = np.random.default_rng(1).uniform(*np.array(surface.bounds).T, (2000, 2))

    def run(threads, most):
        monkeypatch.setenv("THERMOVIZ_THREADS", threads)
        monkeypatch.setattr(blocks, "MOST_AHEAD", most)
        seen.clear()
        path = tv.simulate(surface, tv.BAOAB(0.1), u, 60, temperature=0.5, seed=2, record_every=10,
                           observe=lambda step, before, after: seen.append((before, after)), observe_every=10)
        assert all(np.array_equal(before, x) for (before, _), x in zip(seen, path.x, strict=False)) and len(seen) == 6
        return path.x

    first = run("1", 2**20)
    assert all(np.array_equal(first, run(*settings)) for settings in (("2", 2**20), ("2", 2**17), ("3", 4000)))
