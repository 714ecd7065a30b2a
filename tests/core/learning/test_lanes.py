"""Networks side by side, one in each lane, against the same networks one by one."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core import threads
from thermoviz.core.learning import compiled

# Two full groups of single precision and a part of one; more samples than a block of lanes holds.
N, SAMPLES = 37, 75
EXACT = {"float32": 3e-6, "float64": 1e-13}


@pytest.fixture
def alone(monkeypatch):
    """alone(f, ...): f's result where no networks are computed side by side."""
    def ask(f, *arguments):
        with monkeypatch.context() as here:
            here.setattr(compiled, "_NARROW", 0)
            return f(*arguments)

    return ask


def made(hidden, activation, task, dtype, classes=2):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((SAMPLES, 3))
    y = rng.integers(0, classes, SAMPLES) if task == "classification" else rng.standard_normal((SAMPLES, 2))
    return tv.NetworkLoss(tv.MLP(hidden, activation), tv.Dataset(x, y, task), weight_decay=0.02, l1=0.003, dtype=dtype)


CASES = [((), "tanh", "regression", 2), ((5,), "tanh", "classification", 2), ((4, 7), "gelu", "classification", 3),
         ((6, 2), "relu", "regression", 2), ((9,), "sigmoid", "classification", 4), ((3, 3), "linear", "regression", 2)]


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize(("hidden", "activation", "task", "classes"), CASES)
def test_energies_and_forces_are_those_of_networks_one_by_one(alone, hidden, activation, task, classes, dtype):
    loss = made(hidden, activation, task, dtype, classes)
    theta, rng = 2 * loss.init(N, seed=2), np.random.default_rng(3)
    for energy in (loss, loss.minibatch(rng.integers(0, SAMPLES, (N, 11))), loss.minibatch(np.arange(40))):
        found, expected = energy.value_and_force(theta), alone(energy.value_and_force, theta)
        np.testing.assert_allclose(found[0], expected[0], EXACT[dtype])
        np.testing.assert_allclose(found[1], expected[1], 0, EXACT[dtype] * np.abs(expected[1]).max())
        np.testing.assert_allclose(energy(theta), expected[0], EXACT[dtype])


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_what_is_not_finite_stays_in_its_lane(alone, activation):
    loss = made((5,), activation, "classification", "float32")
    theta = loss.init(N, seed=2)
    theta[[3, 20], 7] = np.nan, np.inf
    energies, forces = loss.value_and_force(theta)
    gone = np.isin(np.arange(N), [3, 20])
    assert np.isnan(energies[gone]).all() and np.isnan(forces[gone]).all()
    expected = alone(loss.value_and_force, theta)
    np.testing.assert_allclose(energies[~gone], expected[0][~gone], 3e-6)
    np.testing.assert_allclose(forces[~gone], expected[1][~gone], 0, 1e-6)


def test_a_network_does_not_depend_on_its_neighbours():
    """Nor on how many there are, as long as they stand side by side."""
    loss = made((5,), "tanh", "classification", "float32")
    theta = loss.init(N, seed=2)
    few, many = loss.force(theta[-5:]), loss.force(theta)[-5:]
    np.testing.assert_array_equal(few, many)


def test_threads_take_whole_groups(monkeypatch):
    loss = made((5,), "tanh", "classification", "float32")
    theta = loss.init(N, seed=2)
    whole = loss.value_and_force(theta)
    monkeypatch.setattr(threads, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(threads, "n_threads", lambda: 3)
    for found, expected in zip(loss.value_and_force(theta), whole, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", EXACT)
def test_linear_regression_is_a_parabola_of_its_moments(dtype):
    """As the same samples one by one give it, also where an input stands twice."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((SAMPLES, 3))
    data = tv.Dataset(np.column_stack([x, x[:, 0]]), rng.standard_normal((SAMPLES, 2)), "regression")
    loss = tv.NetworkLoss(tv.MLP(()), data, weight_decay=0.02, l1=0.003, dtype=dtype)
    theta = 2 * rng.standard_normal((5, loss.d))
    found, expected = loss.value_and_force(theta), loss.minibatch(np.arange(loss.n_samples)).value_and_force(theta)
    np.testing.assert_allclose(found[0], expected[0], EXACT[dtype])
    np.testing.assert_allclose(found[1], expected[1], 0, EXACT[dtype] * np.abs(expected[1]).max())
    theta[2, 1] = np.inf
    assert not np.isfinite(loss(theta)[2]) and np.isfinite(loss(theta)[[0, 1, 3, 4]]).all()
