"""The temperature of gradient noise: how batches share it, and what chains of SGD say."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.fluctuations.gradient_noise import alignment, batch_factor, noise_temperature, participation


def test_batch_factors():
    assert batch_factor(None, "replacement", 50) == batch_factor(50, "fresh", 50) == 0
    assert batch_factor(5, "replacement", 50) == 0.2
    # The variance of a mean of 2 out of 4 numbers drawn without replacement, by listing all six pairs.
    numbers = np.array([1.0, 2.0, 4.0, 9.0])
    means = [(a + b) / 2 for i, a in enumerate(numbers) for b in numbers[i + 1:]]
    assert np.var(means) == pytest.approx(batch_factor(2, "fresh", 4) * np.var(numbers))


def test_the_temperature_is_that_of_a_chain_of_sgd():
    """Quadratic loss, small lr: <E> - E_min = T d / 2 with T = lr (1/B) tr C / 2d, to the relative lr h / 2."""
    loss = tv.NetworkLoss(tv.MLP(()), tv.load_dataset("linear_regression", n=60, seed=0), dtype="float64")
    lr, B, h = 0.01, 4, np.linalg.eigvalsh(loss.hessian(np.zeros(loss.d)))
    law = tv.regression_law(loss, lr, B)
    share = batch_factor(B, "replacement", loss.n_samples)
    C = loss.gradient_covariance(law.minimum)
    T = noise_temperature(tv.SGD(lr).noise_rate, share, float(np.trace(C)), loss.d)
    raised = 0.5 * float(np.trace(loss.hessian(law.minimum) @ law.covariance))
    # Multiplicative noise adds about lr tr H / 2B besides.
    assert 0 <= raised / (T * loss.d / 2) - 1 < 3 * lr * h.sum() / B


@pytest.mark.parametrize("name", tv.DYNAMICS)
def test_a_temperature_is_told_exactly_where_directions_share_a_rate(name):
    rate = tv.DYNAMICS[name]().noise_rate
    T = noise_temperature(rate, 0.25, 3.0, 6)
    assert (T is None) == (rate is None) and (T is None or T == pytest.approx(rate * 0.25 * 3.0 / 12))
    several = noise_temperature(tv.SGD([0.1, 0.3]).noise_rate, 1.0, 2.0, 1)
    assert several == pytest.approx(0.2)


def test_participation_and_alignment_of_known_shapes():
    H = np.diag([4.0, 2.0, 1.0])
    one = np.outer([1.0, 2.0, 2.0], [1.0, 2.0, 2.0])
    assert participation(np.eye(7)) == pytest.approx(7) and participation(one) == pytest.approx(1)
    assert alignment(0.3 * H, H) == pytest.approx(1)
    assert alignment(np.diag([0.0, 0.0, 1.0]), np.diag([1.0, 1.0, 0.0])) == 0
    assert alignment(np.eye(3), H) == pytest.approx(7 / np.sqrt(3 * 21))
