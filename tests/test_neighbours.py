"""Entropy from nearest neighbours: against closed forms, over many clouds, so that its error is tested too."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.neighbours import _disc_within, cloud_numbers, local_entropies

SQUARE = ((0.0, 1.0), (0.0, 1.0))


def uniform(rng, n):
    return rng.random((n, 2))


def many(draw, n, bounds, clouds=200):
    rng = np.random.default_rng(0)
    return np.array([local_entropies(draw(rng, n), bounds).mean() for _ in range(clouds)])


@pytest.mark.parametrize("n", [300, 3000])
def test_uniform_in_a_box_has_the_logarithm_of_its_area(n):
    found = many(uniform, n, SQUARE, 100)
    # Unbiased to a fraction of one cloud's error, walls and corners included.
    assert abs(found.mean()) < 4 * found.std() / 10 + 1 / n
    assert many(lambda rng, n: 5 * rng.random((n, 2)), n, ((0, 5), (0, 5)), 100).mean() == pytest.approx(
        2 * np.log(5) + found.mean(), abs=1e-9)


def test_without_its_walls_a_box_looks_larger():
    assert many(uniform, 1000, None, 40).mean() > 0.02


def test_a_gaussian_has_its_closed_form():
    sigma = np.array([0.05, 0.3])
    exact = np.log(2 * np.pi * np.e * sigma.prod())
    found = many(lambda rng, n: sigma * rng.standard_normal((n, 2)), 2000, None, 100)
    error = found.std()
    # The tails' own bias (densities that change within a neighbour's distance) stays below one cloud's error.
    assert abs(found.mean() - exact) < 4 * error / 10 + 0.5 * error


def test_the_stated_error_is_the_scatter():
    surface, T, n = tv.scan(tv.DoubleWell(), resolution=41, tolerance=0), 0.25, 1000
    equilibrium, rng = surface.equilibrium(T), np.random.default_rng(3)
    clouds = [equilibrium.sample(n, rng) for _ in range(250)]
    found = [cloud_numbers(surface(x), x, T, surface.bounds) for x in clouds]
    for name, exact in (("E", equilibrium.U), ("S", equilibrium.S), ("F", equilibrium.F)):
        values = np.array([getattr(one, name) for one in found])
        errors = np.array([getattr(one, name).stderr for one in found])
        assert errors.mean() == pytest.approx(values.std(), rel=4 / np.sqrt(2 * len(values)))
        assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(len(values)) + 0.5 * errors.mean()


def test_cold_clouds_have_no_entropy():
    x = np.random.default_rng(0).normal(size=(50, 2))
    numbers = cloud_numbers(tv.Harmonic()(x), x, 0.0)
    assert numbers.S is None and numbers.F == numbers.E


def test_area_of_a_disc_within_a_box():
    rng = np.random.default_rng(2)
    radius, to_walls = rng.random(50) + 0.1, rng.random((50, 2, 2))
    u = (2 * rng.random((200_000, 1, 2)) - 1) * radius[:, None]
    inside = ((u**2).sum(-1) < radius**2) & (u > -to_walls[..., 0]).all(-1) & (u < to_walls[..., 1]).all(-1)
    share = inside.mean(axis=0)
    error = 4 * radius**2 * np.sqrt(share * (1 - share) / len(u))
    assert (np.abs(_disc_within(radius, to_walls) - 4 * radius**2 * share) < 4 * error + 3e-3 * radius**2).all()
    free = np.full((1, 2, 2), 9.0)
    assert _disc_within(np.array([0.7]), free) == pytest.approx(np.pi * 0.49, rel=1e-12)


def test_balls_in_one_place_are_survived():
    assert np.isfinite(local_entropies(np.zeros((30, 2)))).all()


def test_refusals():
    with pytest.raises(tv.TooFewSamples):
        local_entropies(np.zeros((5, 2)))
    with pytest.raises(tv.BadInput):
        local_entropies(np.zeros((30, 3)))
    with pytest.raises(tv.BadInput):
        local_entropies(np.full((30, 2), np.nan))
