"""Stochastic area and entropy production of linear forces that are no gradients, against closed forms."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.fluctuations.currents import (
    entropy_production,
    linear_current,
    sgd_current,
    stochastic_area,
)
from thermoviz.core.thermodynamics.driven_wells import Swirl, swirl_covariance

SIGMAS, DT = 4, 0.02


def walk(A, D, n=200, steps=2500, seed=0):
    """Euler-Maruyama paths [T, n, d], started in their stationary law."""
    law, draw = linear_current(A, D, DT), np.random.default_rng(seed)
    scatter = np.linalg.cholesky(2 * DT * np.asarray(D))
    x = draw.standard_normal((n, len(A))) @ np.linalg.cholesky(law.covariance).T
    path = [x]
    for _ in range(steps):
        x = x - DT * x @ np.asarray(A).T + draw.standard_normal(x.shape) @ scatter.T
        path.append(x)
    return np.array(path)


DRIVEN = [([[1.0, 3.0], [-1.0, 4.0]], [[1.0, 0.2], [0.2, 0.5]]),
          ([[2.0, -1.0], [1.0, 0.5]], np.eye(2)),
          ([[1.0, 0.0], [0.0, 3.0]], [[1.0, 0.6], [0.6, 1.0]]),
          ([[1.0, 2.0, 0.0], [-2.0, 1.0, 0.5], [0.3, -0.5, 2.0]], np.diag([1.0, 0.5, 2.0]))]


@pytest.mark.parametrize(("A", "D"), DRIVEN)
def test_entropy_production_and_area_of_a_driven_force(A, D):
    law, path = linear_current(A, D, DT), walk(A, D)
    found = entropy_production(path, DT)
    assert abs(found - law.entropy_production) < SIGMAS * found.stderr and found > 10 * found.stderr
    area = stochastic_area(path[..., :2], DT)
    assert abs(area - law.area[0, 1]) < SIGMAS * area.stderr and abs(area) > SIGMAS * area.stderr


@pytest.mark.parametrize(("A", "D"), DRIVEN)
@pytest.mark.parametrize("dt", [0.02, 0.2])
def test_entropy_of_a_chain_is_how_far_two_places_differ_from_their_reverse(A, D, dt):
    """Kullback-Leibler divergence of (x, x') from (x', x), both normal, by its textbook formula."""
    A, d = np.asarray(A), len(A)
    step = np.eye(d) - dt * A
    S = np.eye(d)
    for _ in range(4000):
        S = step @ S @ step.T + 2 * dt * np.asarray(D)
    forward = np.block([[S, S @ step.T], [step @ S, S]])
    turned = np.kron([[0, 1], [1, 0]], np.eye(d))
    backward = turned @ forward @ turned
    exact = 0.5 * (np.trace(np.linalg.solve(backward, forward)) - 2 * d) / dt
    assert linear_current(A, D, dt).entropy_production == pytest.approx(exact, rel=1e-9)
    slow, still = (linear_current(A, D, t).entropy_production for t in (1e-6, 0.0))
    assert slow == pytest.approx(still, rel=1e-4)


def test_an_equilibrium_force_produces_nothing_once_debiased():
    """40 repetitions: the mean is 0 within its error, while squares of noisy areas alone would not be."""
    A, D = [[2.0, 0.5], [0.5, 1.0]], np.eye(2)
    path = walk(A, D, n=1600, steps=400)
    found = [entropy_production(path[:, k:k + 40], DT) for k in range(0, 1600, 40)]
    values = np.array(found)
    assert abs(values.mean()) < SIGMAS * values.std(ddof=1) / np.sqrt(len(values))
    biased = np.array([value + estimate.stderr / np.sqrt(2) for value, estimate in zip(values, found, strict=True)])
    assert biased.mean() > SIGMAS * values.std(ddof=1) / np.sqrt(len(values))
    # And the stated error, where no current is seen, is what the repetitions scatter by (40 of them: 12 % known).
    assert np.median([estimate.stderr for estimate in found]) == pytest.approx(values.std(ddof=1), rel=4 * 0.12)


def test_the_swirl_has_its_closed_form():
    swirl = Swirl((1.0, 4.0), 3.0)
    law = linear_current(swirl.drift, 0.7)
    np.testing.assert_allclose(law.covariance, swirl_covariance((1.0, 4.0), 3.0, 0.7), rtol=1e-12)
    # Entropy production = heat given off / T: <f . v> with f = A x, by another road: tr(A^T D^-1 A S) - tr A.
    A = swirl.drift
    assert law.entropy_production == pytest.approx(np.trace(A.T @ A @ law.covariance) / 0.7 - np.trace(A), rel=1e-12)
    path = tv.simulate(swirl, tv.Overdamped(DT, "euler-maruyama"), np.zeros((100, 2)), 2500, temperature=0.7).x[250:]
    found, exact = stochastic_area(path, DT), linear_current(A, 0.7, DT).area[0, 1]
    assert abs(found - exact) < SIGMAS * found.stderr


def test_sgds_closed_form_is_the_linear_force_of_its_hessian():
    h, D = np.array([0.3, 1.0, 2.5]), np.array([[1.0, 0.3, 0.1], [0.3, 2.0, -0.4], [0.1, -0.4, 0.7]])
    one, other = sgd_current(h, D), linear_current(np.diag(h), D)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-10)
    np.testing.assert_allclose(one.area, other.area, rtol=1e-9, atol=1e-15)
    assert one.entropy_production == pytest.approx(other.entropy_production, rel=1e-9)
    assert sgd_current(h, 0.5).entropy_production == pytest.approx(0, abs=1e-15)
    assert sgd_current(h, 0.5 * np.diag(h)).entropy_production == pytest.approx(0, abs=1e-15)


def test_refusals():
    with pytest.raises(tv.Unstable):
        linear_current([[-1.0, 0.0], [0.0, 1.0]], 1.0)
    with pytest.raises(tv.Unstable, match="time step"):
        linear_current([[30.0, 0.0], [0.0, 1.0]], 1.0, dt=0.1)
    with pytest.raises(tv.BadInput, match="positive"):
        linear_current(np.eye(2), np.diag([1.0, 0.0]))
    with pytest.raises(tv.TooFewSamples):
        stochastic_area(np.zeros((10, 3, 2)), 0.1)
    with pytest.raises(tv.TooFewSamples, match="areas"):
        entropy_production(np.random.default_rng(0).standard_normal((10, 5, 4)), 0.1)
    with pytest.raises(tv.BadInput):
        stochastic_area(np.zeros((10, 8, 3)), 0.1)
