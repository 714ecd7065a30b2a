"""Curvature and noise: torch.func and numpy's dense eigensolver as oracles, in float64."""

import numpy as np
import pytest
from test_networks import ACTIVATIONS, TASKS, make, torch_loss, torch_value_and_gradient

import thermoviz as tv

torch = pytest.importorskip("torch")


@pytest.fixture(params=[(a, *t) for a in ACTIVATIONS for t in (TASKS[0], TASKS[1], TASKS[3])],
                ids=lambda p: f"{p[0]}-{p[1]}-{p[2]}")
def loss(request):
    activation, task, outputs = request.param
    return make((4, 3), activation, task, outputs, n=40, weight_decay=0.03)


def point(loss, seed=1):
    return 1.5 * loss.init(1, seed=seed)[0]


def torch_gradients(loss, theta):
    """Single-sample gradients of the data loss by torch.func, [N, d]."""
    decay = 0.03 * theta
    return np.stack([torch_value_and_gradient(loss, theta, loss.data.x_train[[i]], loss.data.y_train[[i]])[1] - decay
                     for i in range(loss.n_samples)])


def torch_hessian(loss, theta):
    of = torch_loss(loss, loss.data.x_train, loss.data.y_train)
    return torch.func.hessian(of)(torch.tensor(theta)).numpy()


def test_single_sample_gradients(loss):
    theta = point(loss)
    gradients = loss.per_sample_gradients(theta)
    assert np.abs(gradients - torch_gradients(loss, theta)).max() < 1e-12
    assert np.abs(gradients.mean(0) + loss.force(theta) + 0.03 * theta).max() < 1e-13


def test_covariance_of_gradients(loss):
    theta = point(loss)
    expected = np.cov(torch_gradients(loss, theta).T, bias=True)
    C = loss.gradient_covariance(theta)
    assert np.abs(C - expected).max() < 1e-13
    assert np.array_equal(C, C.T) and np.linalg.eigvalsh(C).min() > -1e-14
    assert abs(loss.gradient_noise_trace(theta) - np.trace(expected)) < 1e-12


def test_hessian_and_its_products(loss):
    theta, v = point(loss), np.random.default_rng(0).normal(size=(2, 3, loss.d))
    expected = torch_hessian(loss, theta)
    assert np.abs(loss.hessian(theta) - expected).max() < 1e-12
    assert np.abs(loss.hvp(theta, v) - v @ expected).max() < 1e-12
    assert np.abs(loss.hvp(theta, v[0, 0]) - expected @ v[0, 0]).max() < 1e-12


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("task", "outputs"), [TASKS[0], TASKS[1], TASKS[3]])
def test_hessian_of_one_hidden_layer_is_that_of_its_products(activation, task, outputs):
    loss = make((4,), activation, task, outputs, n=40, weight_decay=0.03)
    theta = point(loss)
    assert np.abs(loss.hessian(theta) - loss.hvp(theta, np.eye(loss.d))).max() < 1e-13
    assert np.array_equal(loss.hessian(theta), loss.hessian(theta).T)


@pytest.mark.parametrize("hidden", [(5,), (4, 3), (40,)], ids=str)
@pytest.mark.parametrize(("task", "outputs"), [TASKS[0], TASKS[1], TASKS[3]])
def test_sharpness_and_noise_of_many_networks_are_those_of_each(hidden, task, outputs):
    """The largest eigenvalue of the Hessian and the trace of the noise: dense matrices as the oracle."""
    loss = make(hidden, "tanh", task, outputs, n=60, weight_decay=0.03)
    thetas = loss.init(6, seed=3).reshape(2, 3, loss.d)
    sharpness = [[np.linalg.eigvalsh(loss.hessian(theta))[-1] for theta in row] for row in thetas]
    traces = [[np.trace(loss.gradient_covariance(theta)) for theta in row] for row in thetas]
    np.testing.assert_allclose(loss.sharpness(thetas), sharpness, rtol=1e-9)
    np.testing.assert_allclose(loss.gradient_noise_trace(thetas), traces, rtol=1e-10)
    assert abs(loss.sharpness(thetas[0, 0]) - sharpness[0][0]) < 1e-9
    thetas[1, 2, 0] = np.nan
    with pytest.raises(tv.BadInput, match="not finite"):
        loss.sharpness(thetas)


def test_hessians_of_single_samples(loss):
    """Of each sample by torch, whose mean is the Hessian of the data energy."""
    theta = point(loss)
    found = loss.sample_hessians(theta)
    for i in (0, 17):
        of = torch_loss(loss, loss.data.x_train[[i]], loss.data.y_train[[i]])
        expected = torch.func.hessian(of)(torch.tensor(theta)).numpy() - 0.03 * np.eye(loss.d)
        assert np.abs(found[i] - expected).max() < 1e-12
    assert np.abs(found.mean(axis=0) + 0.03 * np.eye(loss.d) - loss.hessian(theta)).max() < 1e-12


def test_hessian_is_the_slope_of_the_force(loss):
    """A second route, without torch: central differences, error about 1e-9 (relu: away from its kinks)."""
    theta, v = point(loss), np.random.default_rng(0).normal(size=loss.d)
    h = 1e-5
    slope = (loss.force(theta - h * v) - loss.force(theta + h * v)) / (2 * h)
    assert np.abs(loss.hvp(theta, v) - slope).max() < 1e-7


@pytest.mark.parametrize("of", ["hessian", "noise"])
@pytest.mark.parametrize("hidden", [(5,), (12, 8)])
@pytest.mark.parametrize("k", [1, 4])
def test_leading_eigenpairs(of, hidden, k):
    """Dense for small d, Lanczos for larger: both against numpy's dense solver."""
    loss = make(hidden, "tanh", outputs=3, weight_decay=0.03)
    theta = point(loss)
    matrix = loss.hessian(theta) if of == "hessian" else loss.gradient_covariance(theta)
    expected, directions = np.linalg.eigh(matrix)
    values, vectors = loss.leading_eigenpairs(theta, k, of=of)
    assert values.shape == (k,) and vectors.shape == (k, loss.d)
    assert np.allclose(values, expected[::-1][:k], rtol=1e-9)
    assert np.allclose(vectors @ vectors.T, np.eye(k), atol=1e-10)
    assert np.abs(vectors @ matrix - values[:, None] * vectors).max() < 1e-8
    assert np.allclose(np.abs(np.sum(vectors * directions.T[::-1][:k], axis=1)), 1, atol=1e-7)
    again = loss.leading_eigenpairs(theta, k, of=of)
    assert np.array_equal(again[0], values) and np.array_equal(again[1], vectors)


def test_lanczos_beyond_the_dense_limit():
    """d = 2762 > 1000: the pair must solve H v = h v, with H v by the R-operator."""
    loss = make((40, 60), "gelu", outputs=2, n=60)
    theta = point(loss)
    assert loss.d > 1000
    values, vectors = loss.leading_eigenpairs(theta, 3)
    assert np.abs(loss.hvp(theta, vectors) - values[:, None] * vectors).max() < 1e-9
    assert (np.diff(values) <= 0).all()
    noise, directions = loss.leading_eigenpairs(theta, 2, of="noise")
    gradients = loss.per_sample_gradients(theta)
    singular = np.linalg.svd((gradients - gradients.mean(0)) / np.sqrt(len(gradients)), full_matrices=False)
    assert np.allclose(noise, singular[1][:2] ** 2, rtol=1e-9)
    assert np.allclose(np.abs(np.sum(directions * singular[2][:2], axis=1)), 1, atol=1e-7)


def test_all_eigenvalues_can_be_asked_for():
    loss = make((5,), "tanh")
    theta = point(loss)
    values, vectors = loss.leading_eigenpairs(theta, loss.d)
    assert np.allclose(values[::-1], np.linalg.eigvalsh(loss.hessian(theta)), atol=1e-12)


def test_noise_of_batches_has_the_stated_covariance():
    """E[g g^T] - grad grad^T = C/B with replacement: trace over 4000 batches within 4 standard errors."""
    loss = make((4,), "tanh", n=40)
    theta, B, draws = point(loss), 5, 4000
    indices = np.random.default_rng(0).integers(0, loss.n_samples, (draws, B))
    forces = loss.minibatch(indices).force(np.tile(theta, (draws, 1)))
    squares = ((forces - loss.force(theta)) ** 2).sum(1)
    expected = loss.gradient_noise_trace(theta) / B
    assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(draws)


def test_linear_regression_has_a_constant_hessian():
    """E = mean (x w + b - y)^2/2: Hessian mean of (x, 1)(x, 1)^T, the same everywhere."""
    loss = make((), task="regression", outputs=1, n=50)
    design = np.c_[loss.data.x_train, np.ones(50)]
    for seed in (0, 1):
        assert np.allclose(loss.hessian(point(loss, seed)), design.T @ design / 50, atol=1e-13)


def test_the_covariance_times_a_vector(loss):
    theta, v = point(loss), np.random.default_rng(2).standard_normal((3, loss.d))
    assert np.allclose(loss.cvp(theta, v), v @ loss.gradient_covariance(theta), atol=1e-12)
    assert loss.cvp(theta, v[0]).shape == (loss.d,)
