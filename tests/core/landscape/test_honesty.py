"""Honesty: 1 where the slice tells all, 2/d where nothing singles it out, poor for a random walk."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.honesty import (
    POOR_EXPLAINED,
    POOR_LATE,
    POOR_NULL,
    POOR_R2,
    Honesty,
    honesty,
    walk_null,
    walk_r2,
)
from thermoviz.core.landscape.pca import random_walk_ratios
from thermoviz.core.landscape.planes import Plane
from thermoviz.core.seeds import rng


def normal(*shape, seed=0):
    return rng(seed, "test").standard_normal(shape)


class Isotropic:
    """Mean over samples of |x - c_i|^2/2: gradient x - <c>, noise covariance that of the c_i."""

    def __init__(self, centres):
        self.centres, self.n_samples = centres, len(centres)

    def __call__(self, x):
        return np.mean(np.sum((np.asarray(x)[..., None, :] - self.centres) ** 2, axis=-1), axis=-1) / 2

    def force(self, x):
        return self.centres.mean(0) - np.asarray(x)

    def per_sample_gradients(self, theta):
        return theta - self.centres


def test_a_path_in_the_plane_is_shown_wholly():
    plane = Plane(*normal(3, 40))
    loss = Isotropic(plane.embed(normal(5, 2)))
    path = plane.embed(np.cumsum(normal(50, 2, seed=1), axis=0))
    found = honesty(loss, Plane.pca(path), path)
    assert np.isclose(found.r2, 1, atol=1e-12) and np.isclose(found.explained, 1, atol=1e-12)
    assert np.isclose(found.gradient_share, 1, atol=1e-12) and np.isclose(found.noise_share, 1, atol=1e-12)
    assert found.residual_median < 1e-12 and found.d == 40
    assert found.verdict == "good" and found.reasons == ()


@pytest.mark.parametrize("d", [5, 60])
def test_isotropic_shares_are_two_over_d(d):
    loss, points = Isotropic(normal(2000, d, seed=3)), normal(200, d, seed=5)
    plane, share = Plane(np.zeros(d), *normal(2, d, seed=4)), 2 / d
    found = honesty(loss, plane, points)
    # One vector's share is Beta(1, d/2 - 1): variance 2 share (1 - share)/(d + 2). The ratio of sums over m
    # vectors has it over m; forces point to <c>, whose square is about 1/2000 of the points'.
    for value, m in ((found.gradient_share, 200), (found.noise_share, 2000)):
        assert abs(value - share) < 4 * np.sqrt(2 * share * (1 - share) / (d + 2) / m)
    assert found.explained is None and found.explained_null is None


def test_shares_are_the_traces():
    d = 9
    loss, theta = Isotropic(normal(30, d) @ np.diag(np.arange(1, d + 1.0))), normal(2, d, seed=6)
    plane = Plane(*normal(3, d, seed=7))
    covariance, frame = np.cov(loss.centres.T, bias=True), np.stack([plane.u, plane.v])
    found = honesty(loss, plane, theta)
    expected = np.trace(frame @ covariance @ frame.T) / np.trace(covariance)
    assert np.isclose(found.noise_share, expected, rtol=1e-12)
    gradients = loss.force(theta)
    expected = np.sum((gradients @ frame.T) ** 2) / np.sum(gradients**2)
    assert np.isclose(found.gradient_share, expected, rtol=1e-12)


def test_r2_is_that_of_the_slice_as_a_prediction():
    loss, d = Isotropic(np.zeros((1, 8))), 8
    path, plane = normal(50, d, seed=8), Plane(np.zeros(8), *normal(2, 8, seed=9))
    true, seen = loss(path), loss(plane.embed(plane.project(path)))
    expected = 1 - np.sum((true - seen) ** 2) / np.sum((true - true.mean()) ** 2)
    found = honesty(loss, plane, path)
    assert np.isclose(found.r2, expected, rtol=1e-12) and found.r2 < 0.5
    assert found.verdict == "poor" and found.reasons == (POOR_R2,)
    assert np.isclose(found.residual_median, np.median(plane.residual(path)))


class Steep:
    """|x|^2/2 and, in its last direction, a hundred times as much: what a plane without it never sees."""

    def __call__(self, x):
        x = np.asarray(x)
        return np.sum(x**2, axis=-1) / 2 + 50 * x[..., -1] ** 2

    def force(self, x):
        x = np.array(x)
        return -x - 100 * np.concatenate([0 * x[..., :-1], x[..., -1:]], axis=-1)


def way_down(wiggle, d=12, n=100):
    """A path that comes from far within the plane of the first two directions and wiggles late along the last one."""
    path = np.zeros((n, d))
    path[:, 0], path[:, 1] = np.geomspace(10, 0.1, n), np.linspace(0, 0.3, n)
    path[n // 2:, -1] = wiggle * np.sin(np.arange(n - n // 2))
    return path


def test_what_is_earned_on_the_way_down_is_not_called_honest():
    """R2 of the whole path is .99; of its late half, where the balls are, it is below 0."""
    loss, path = Steep(), way_down(0.1)
    plane = Plane(np.zeros(12), *np.eye(12)[:2])
    found = honesty(loss, plane, path)
    late = path[50:]
    true, seen = loss(late), loss(plane.embed(plane.project(late)))
    expected = 1 - np.sum((true - seen) ** 2) / np.sum((true - true.mean()) ** 2)
    assert found.r2 > 0.98 and found.r2_late == pytest.approx(expected, rel=1e-12) and expected < 0
    assert found.verdict == "poor" and found.reasons == (POOR_LATE,) and found.late is False
    assert found.grade == "roughly" and found.error_late is None
    calm = honesty(loss, plane, way_down(0.0))
    assert calm.r2_late == pytest.approx(1) and (calm.verdict, calm.grade, calm.reasons) == ("good", "true", ())


def test_an_error_too_small_to_see_is_none_and_high_points_are_not_late():
    """The unit is the surface's barrier; points more than that above its minimum are not where the balls are."""
    loss, path = Steep(), way_down(0.1)
    plane = Plane(np.zeros(12), *np.eye(12)[:2])
    low = SimpleNamespace(minimum=0.0, scale=0.4)
    true, seen = loss(path), loss(plane.embed(plane.project(path)))
    late = np.concatenate([np.zeros(50, bool), true[50:] < 0.4])
    assert 5 < late.sum() < 50
    found = honesty(loss, plane, path, low)
    assert found.error_late == pytest.approx(np.sqrt(np.mean((seen - true)[late] ** 2)) / 0.4, rel=1e-12)
    expected = 1 - np.sum((true - seen)[late] ** 2) / np.var(true[late]) / late.sum()
    assert found.r2_late == pytest.approx(expected, rel=1e-12)
    unseen = honesty(loss, plane, path, SimpleNamespace(minimum=0.0, scale=100.0))
    assert unseen.r2_late < 0.5 and unseen.error_late < 0.02 and unseen.late and unseen.verdict == "good"
    assert honesty(loss, plane, path, SimpleNamespace(minimum=-9.0, scale=1.0)).late is None


def test_null_of_r2_is_what_random_walks_earn():
    """In a bowl the two leading components of a walk of d >> n steps hold 76 % of its variance, and R2 follows: against
    the exact Gram matrix of such walks, seen at the same moments."""
    d, loss = 4000, Isotropic(np.zeros((1, 4000)))
    walk = np.cumsum(normal(20, d, seed=3), axis=0)
    earned = []
    for seed in range(40):
        other = np.cumsum(normal(20, d, seed=100 + seed), axis=0)
        other += walk[0] - other[0]
        plane = Plane.pca(other)
        earned.append(honesty(loss, Plane(plane.origin, plane.u, plane.v), other).r2)
    error = np.std(earned) * np.sqrt(np.pi / 2) * np.sqrt(1 / 40 + 1 / 16)  # of two medians
    assert abs(walk_r2(loss, [walk]) - np.median(earned)) < 4 * error
    found = honesty(loss, Plane.pca(walk), walk)
    assert found.r2_null == walk_r2(loss, [walk]) and (POOR_NULL in found.reasons) == (found.r2 <= found.r2_null)
    assert honesty(loss, Plane(np.zeros(d), *normal(2, d)), walk).r2_null is None
    assert walk_r2(Isotropic(np.zeros((1, 5))), [np.ones((1, 5))]) is None


def test_the_way_down_is_not_called_honest():
    found = tv.load_preset("the-way-down").honesty
    assert found.r2 > 0.8 and found.r2_late < 0 and found.verdict == "poor" and found.reasons == (POOR_LATE,)


def test_a_random_walk_gets_the_red_badge():
    walk = np.cumsum(normal(60, 3000, seed=10), axis=0)
    loss = Isotropic(normal(4, 3000))
    found = honesty(loss, Plane.pca(walk), walk)
    assert POOR_EXPLAINED in found.reasons and found.verdict == "poor"
    assert np.isclose(found.explained_null, random_walk_ratios(60).sum())


def test_null_of_one_walk_in_few_dimensions_is_simulated_and_higher():
    walks = [[np.cumsum(normal(100, 6, seed=s), axis=0)] for s in range(60)]
    explained = np.array([Plane.pca(walk).explained for walk in walks])
    null = walk_null(walks[0])
    spread = explained.std(ddof=1)
    # Mean of 60 walks against the mean of 256 simulated ones.
    assert abs(null - explained.mean()) < 4 * spread * np.sqrt(1 / 60 + 1 / 256)
    assert null > random_walk_ratios(100).sum() + 0.05


@pytest.mark.parametrize("d", [20, 8000])
def test_null_of_several_walks_is_what_such_walks_show(d):
    starts = 3 * normal(4, d, seed=11) / np.sqrt(d)
    scale = np.array([0.2, 0.5, 1.0, 0.3])[:, None] / np.sqrt(d)

    def walk(seed):
        jumps = normal(30, 4, d, seed=seed) * scale
        jumps[0] = starts
        return list(np.cumsum(jumps, axis=0).transpose(1, 0, 2))

    explained = np.array([Plane.pca(walk(seed)).explained for seed in range(12)])
    nulls = np.array([walk_null(walk(seed)) for seed in range(4)])
    stderr = explained.std(ddof=1) * np.sqrt(1 / 12 + (1 / 16 if d == 20 else 0))
    # The simulated null repeats its draws, so its own scatter enters once; d >> n: correction of order n/d.
    assert abs(nulls.mean() - explained.mean()) < 4 * stderr + (0 if d == 20 else 120 / d)


def test_exact_null_agrees_with_the_known_ratios_for_one_walk():
    from thermoviz.core.landscape.honesty import _two_shares, _walk_gram
    n = 40
    gram = _walk_gram(normal(1, 7), [2.0], [n])
    centre = np.eye(n) - 1 / n
    assert np.isclose(_two_shares(centre @ gram @ centre), random_walk_ratios(n).sum(), rtol=1e-12)


def test_short_and_still_paths_have_what_applies():
    loss, plane = Isotropic(normal(3, 5)), Plane(*normal(3, 5))
    found = honesty(loss, plane, normal(1, 5))
    assert found.r2 is None and found.verdict == "good" and found.gradient_share is not None
    minimum = np.broadcast_to(loss.centres.mean(0), (3, 5))
    assert honesty(Isotropic(loss.centres[:1]), plane, loss.centres[:1]).noise_share is None
    assert honesty(loss, plane, minimum).r2 is None


def test_diverged_replicas_do_not_count():
    loss, plane, path = Isotropic(normal(3, 5)), Plane(*normal(3, 5)), normal(20, 2, 5)
    broken = np.concatenate([path, np.full((20, 1, 5), np.nan)], axis=1)
    assert honesty(loss, plane, broken) == honesty(loss, plane, path)
    with pytest.raises(BadInput, match="diverged"):
        honesty(loss, plane, broken[:, 2:])


def test_honesty_survives_json():
    path = np.cumsum(normal(20, 6), axis=0)
    found = honesty(Isotropic(normal(3, 6)), Plane.pca(path), path)
    assert Honesty.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    older = {name: value for name, value in found.to_json().items() if not name.startswith(("r2_", "error_"))}
    again = Honesty.from_json(older)
    assert again.r2 == found.r2 and again.late is None and again.grade != "true"
    with pytest.raises(BadInput):
        Honesty.from_json({"r2": 1})
