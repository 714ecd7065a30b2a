"""The exact law of SGD near a minimum with a parabola for each sample: against all batches, regression, a network."""

import itertools

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput, Unstable
from thermoviz.core.fluctuations.parabolas import Parabolas, parabola_law, parabolas_at
from thermoviz.core.fluctuations.regression import regression_law
from thermoviz.core.learning.minima import bottom

SIGMAS = 4


def drawn(N=5, d=3, seed=0):
    """Parabolas of N samples whose gradients at the common minimum cancel."""
    draw = np.random.default_rng(seed)
    factors, g = draw.standard_normal((N, d, 2)), draw.standard_normal((N, d))
    each = factors @ factors.transpose(0, 2, 1) + np.eye(d) * 0.3
    h, axes = np.linalg.eigh(each.mean(axis=0))
    turned, g = axes.T @ each @ axes, (g - g.mean(axis=0)) @ axes
    return Parabolas(h, axes, g.T @ g / N, turned - turned.mean(axis=0)), turned, g


@pytest.mark.parametrize("batching", ["replacement", "fresh"])
def test_second_moments_against_all_batches_one_by_one(batching):
    """vec S = mean over batches of (M x M) vec S + vec(push), solved as a linear system, cross terms and all."""
    problem, hessians, g = drawn()
    lr, B, N, d = 0.15, 2, len(g), g.shape[1]
    batches = itertools.product(range(N), repeat=B) if batching == "replacement" else itertools.combinations(
        range(N), B)
    moved, push = [], []
    for batch in map(list, batches):
        M, kick = np.eye(d) - lr * hessians[batch].mean(axis=0), lr * g[batch].mean(axis=0)
        moved.append(np.kron(M, M))
        push.append(np.outer(kick, kick))
    exact = np.linalg.solve(np.eye(d * d) - np.mean(moved, axis=0), np.mean(push, axis=0).ravel()).reshape(d, d)
    law = parabola_law(problem, lr, B, batching)
    np.testing.assert_allclose(law.covariance, exact, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(law.pulled, exact @ np.diag(problem.h), rtol=1e-9, atol=1e-12)
    assert law.energy == pytest.approx(0.5 * np.trace(exact @ np.diag(problem.h)))


def test_linear_regression_has_the_same_law():
    loss = tv.NetworkLoss(tv.MLP(()), tv.load_dataset("linear_regression", n=60, inputs=3, noise=0.5, seed=0),
                          weight_decay=0.01, dtype="float64")
    for batching in ("replacement", "fresh"):
        law = regression_law(loss, 0.2, 4, batching)
        problem = parabolas_at(loss, law.minimum)
        found = parabola_law(problem, 0.2, 4, batching).covariance
        np.testing.assert_allclose(problem.axes @ found @ problem.axes.T, law.covariance, rtol=1e-8, atol=1e-12)


def test_isotropic_heat_has_eulers_factor():
    """h <y^2> = T / (1 - lr h / 2) where all samples agree, so that batches make no noise."""
    h = np.array([4.0, 1.0, 0.1])
    problem = Parabolas(h, np.eye(3), np.zeros((3, 3)), np.zeros((2, 3, 3)))
    law = parabola_law(problem, 0.2, 1, heat=0.7)
    np.testing.assert_allclose(np.diag(law.pulled), 0.7 / (1 - 0.1 * h), rtol=1e-12)
    np.testing.assert_allclose(law.pulled, np.diag(np.diag(law.pulled)), atol=1e-15)


def small_network():
    """Two units that differ, 12 parameters, at rest."""
    data = tv.load_dataset("xor", n=60, seed=1)
    loss = tv.NetworkLoss(tv.MLP((2,)), data, weight_decay=0.03)
    path = tv.simulate(loss, tv.SGD(0.3), loss.init(8, seed=0), 1500, seed=0, record_every=1500, batch_size=16)
    return loss, bottom(loss, path.x[-1, int(np.argmin(path.energy[-1]))])


def measured(loss, theta, axes, h, lr, B, n=200, steps=1500):
    """1/2 sum h <y^2> about the mean of n copies, and its error between them."""
    kept = []
    tv.simulate(loss, tv.SGD(lr), np.tile(theta, (n, 1)), steps, seed=3, record_every=steps, batch_size=B,
                observe=lambda step, before, after: kept.append(before) if step >= 500 else None)
    y = np.array(kept) @ axes
    energy = 0.5 * (h * (y - y.mean(axis=(0, 1))) ** 2).sum(axis=2).mean(axis=0)
    return energy.mean(), energy.std(ddof=1) / np.sqrt(n)


def test_a_network_obeys_it_up_to_its_bend():
    """The heat about the mean of a network's copies, at batches so large that they hardly feel how the valley bends."""
    loss, theta = small_network()
    problem, lr, B = parabolas_at(loss, theta), 0.6, 64
    law = parabola_law(problem, lr, B)
    found, error = measured(loss, theta, problem.axes, problem.h, lr, B)
    assert abs(found - law.energy) < SIGMAS * error < 0.03 * law.energy


def test_refusals():
    problem, _, _ = drawn()
    with pytest.raises(Unstable, match="below 2 over"):
        parabola_law(problem, 5.0, 2)
    with pytest.raises(Unstable, match="batches are too small"):
        parabola_law(problem, 0.9 * 2 / problem.h.max(), 1)
    with pytest.raises(Unstable, match="minimum"):
        parabola_law(problem._replace(h=problem.h - 10), 0.1, 2)
    with pytest.raises(BadInput, match="batching"):
        parabola_law(problem, 0.1, 2, "epochs")
