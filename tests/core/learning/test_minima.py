"""The bottom of a valley: where the gradient vanishes, by a closed form where there is one."""

import numpy as np

import thermoviz as tv
from thermoviz.core.learning.minima import bottom, descended, gradient, minimum


def test_of_linear_regression_it_is_that_of_least_squares():
    data, decay = tv.load_dataset("linear_regression", n=60, seed=0), 0.1
    loss = tv.NetworkLoss(tv.MLP(()), data, weight_decay=decay)
    X = np.column_stack([data.x_train, np.ones(data.n_train)])
    # (X^T X / N + decay) theta = X^T y / N, for the loss 1/2 mean (y - f)^2.
    exact = np.linalg.solve(X.T @ X / len(X) + decay * np.eye(loss.d), X.T @ np.ravel(data.y_train) / len(X))
    np.testing.assert_allclose(bottom(loss, loss.init(1, seed=3)[0]), exact, atol=1e-9)


def test_of_a_network_it_is_at_rest_and_not_above_where_descent_ended():
    loss = tv.NetworkLoss(tv.MLP((4,)), tv.load_dataset("moons", n=60, seed=0), weight_decay=0.01, dtype="float64")
    start = loss.init(1, seed=1)
    stiffest = float(loss.leading_eigenpairs(start[0], 1)[0][0])
    rested = descended(loss, start, max(stiffest, 1.0), lambda fraction: None)[0]
    found = minimum(loss, rested)
    assert np.linalg.norm(gradient(loss, found)) < 1e-9 and loss(found) <= loss(rested) < loss(start[0])
    assert np.linalg.eigvalsh(loss.hessian(found))[0] > 0
