"""Linear regression under SGD: exact stationary laws against long runs and against enumeration of all batches."""

import itertools

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.fluctuations import regression as laws
from thermoviz.core.fluctuations.regression import epoch_law, quadratic, regression_law

SIGMAS = 4


def problem(n=60, inputs=3, seed=0, weight_decay=0.01):
    """48 x 3 by default, and a bias."""
    data = tv.load_dataset("linear_regression", n=n, inputs=inputs, noise=0.5, seed=seed, test_fraction=0.2)
    return tv.NetworkLoss(tv.MLP(()), data, weight_decay=weight_decay, dtype="float64")


CASES = [(problem(), 0.2, 4, "replacement", 0.0), (problem(), 0.2, 4, "fresh", 0.0),
         (problem(), 0.05, 4, "replacement", 0.9), (problem(), 0.2, 8, "fresh", 0.5),
         (problem(200, 6, 3), 0.1, 3, "replacement", 0.3), (problem(40, 1, 2, 0.1), 0.5, 2, "fresh", 0.0)]


@pytest.mark.parametrize(("loss", "lr", "B", "batching", "momentum"), CASES)
def test_covariance_of_a_long_run(loss, lr, B, batching, momentum):
    """3000 replicas after at least 12 relaxation times; errors of second moments from their own scatter."""
    law, n = regression_law(loss, lr, B, batching, momentum), 3000
    start = np.tile(law.minimum, (n, 1))
    path = tv.simulate(loss, tv.SGD(lr, momentum), start, 250, seed=2, record_every=249, batch_size=B,
                       batching=batching)
    x, step = path.x[1] - law.minimum, path.x[2] - path.x[1]
    for found, exact in ((x, law.covariance), (step, law.step_covariance)):
        each = found[:, :, None] * found[:, None, :]
        error = each.std(axis=0) / np.sqrt(n)
        assert (np.abs(each.mean(axis=0) - exact) < SIGMAS * error).all()


@pytest.mark.parametrize(("loss", "lr", "B", "batching", "momentum"), CASES)
def test_both_relations_hold_exactly_in_the_law(loss, lr, B, batching, momentum):
    law = regression_law(loss, lr, B, batching, momentum)
    H, weight = law.hessian, (1 + momentum) / (2 * lr)
    assert np.trace(H @ law.covariance) == pytest.approx(weight * np.trace(law.step_covariance), rel=1e-9)
    assert np.trace(H @ H @ law.covariance) == pytest.approx(weight * np.trace(H @ law.step_covariance), rel=1e-9)


def test_small_rates_give_the_continuous_law():
    """lr C/(2 B) = (H S + S H)/2 as lr -> 0, with an error proportional to lr."""
    errors = []
    for lr in (1e-2, 5e-3):
        law = regression_law(problem(), lr, 4)
        lyapunov = law.hessian @ law.covariance + law.covariance @ law.hessian
        errors.append(np.abs(lyapunov / (lr / 4) - law.noise).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1) and errors[1] < 0.02 * np.abs(law.noise).max()


@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("batching", ["replacement", "fresh"])
def test_fourth_moments_against_all_batches_one_by_one(batching, momentum):
    N, d, B, lr = 5, 2, 2, 0.3
    factors = np.random.default_rng(0).standard_normal((N, 1, d))
    draws = (itertools.product(range(N), repeat=B) if batching == "replacement"
             else itertools.permutations(range(N), B))
    powers = []
    for batch in draws:
        M = laws._mean_matrix(sum(factors[i].T @ factors[i] for i in batch) / B, lr, momentum)
        powers.append(np.kron(np.kron(M, M), np.kron(M, M)))
    whole, m = np.mean(powers, axis=0), len(M)
    places = np.arange(m**4).reshape((m,) * 4)
    project = np.mean([np.eye(m**4)[places.transpose(order).ravel()] for order in itertools.permutations(range(4))],
                      axis=0)
    expected = np.abs(np.linalg.eigvals(project @ whole @ project)).max()
    mean = laws._mean_matrix(np.einsum("nci,ncj->ij", factors, factors) / N, lr, momentum)
    found = laws._fourth_moment(factors, mean, d, lr / B, laws._batch_moments(N, B, batching))
    assert found == pytest.approx(expected, rel=1e-9)


def test_what_has_no_law_is_refused():
    with pytest.raises(tv.Unstable, match="second moments"):
        regression_law(problem(500, 10), 0.3, 2)
    with pytest.raises(tv.Unstable, match="even without noise"):
        regression_law(problem(), 5.0, 40)
    with pytest.raises(tv.BadInput, match="linear regression only"):
        quadratic(tv.NetworkLoss(tv.MLP((3,)), tv.load_dataset("sine", n=40)))
    with pytest.raises(tv.BadInput, match="epoch_law"):
        regression_law(problem(), 0.1, 4, "epochs")


def test_several_outputs_share_one_law():
    """Two outputs are two regressions with half the gradient each."""
    data = problem().data
    twice = tv.NetworkLoss(tv.MLP(()), tv.Dataset(data.x_train, np.hstack([data.y_train] * 2), "regression"),
                           weight_decay=0.005, dtype="float64")
    law, one = regression_law(twice, 0.2, 4), regression_law(problem(), 0.1, 4)
    np.testing.assert_allclose(np.diag(law.covariance)[::2], np.diag(one.covariance), rtol=1e-9)


@pytest.mark.parametrize(("N", "B", "lr"), [(48, 6, 0.1), (60, 4, 0.05), (50, 8, 0.2)])
def test_shuffled_epochs_with_additive_noise(N, B, lr):
    """One parabola for all samples: x <- (1 - lr h) x - lr xi, noise xi of shuffled epochs, to 4 standard errors."""
    h, n, draw = np.array([0.5, 2.0]), 4000, np.random.default_rng(1)
    noise = draw.standard_normal((N, 2)) * [1.0, 0.5]
    noise -= noise.mean(axis=0)
    law, M = epoch_law(np.diag(h), noise.T @ noise / N, lr, B, N), N // B
    x, left, right = np.zeros((n, 2)), np.zeros(n), np.zeros(n)
    epochs = int(np.ceil(5 / (lr * h.min() * M))) + 3
    for epoch in range(epochs):
        order = draw.permuted(np.tile(np.arange(N), (n, 1)), axis=1)
        for k in range(M):
            gradient = x * h + noise[order[:, k * B:(k + 1) * B]].mean(axis=1)
            if epoch == epochs - 1:
                left, right = left + (x * x * h).sum(1), right + (gradient**2).sum(1)
            x = x - lr * gradient
    error = np.sqrt(2 / n) * law.end_variance
    assert (np.abs((x**2).mean(axis=0) - law.end_variance) < SIGMAS * error).all()
    ratio = left.mean() / (0.5 * lr * right.mean())
    spread = np.std(left / left.mean() - right / right.mean()) / np.sqrt(n)
    assert abs(ratio / law.fdr1 - 1) < SIGMAS * spread and law.fdr1 < 0.6


def test_epochs_of_one_batch_have_no_noise_and_of_independent_batches_all_of_it():
    H, C = np.diag([1.0, 0.3]), np.eye(2)
    alone = epoch_law(H, C, 0.1, 40, 40)
    assert alone.end_variance == pytest.approx(0, abs=1e-15) and np.isnan(alone.fdr1)
    # Batches of a very large set know nothing of each other: the ratio of one epoch's first steps grows to 1.
    assert epoch_law(H, C, 0.1, 1, 10**4).fdr1 == pytest.approx(1, abs=0.02)
