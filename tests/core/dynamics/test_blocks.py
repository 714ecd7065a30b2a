"""Blocks of compiled steps against the same steps taken one by one."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics import blocks
from thermoviz.core.dynamics.kernels import steps as kernel

N, STEPS = 5, 51


class Stepwise:
    """An energy that offers no compiled blocks."""

    def __init__(self, energy):
        self.energy = energy

    def __getattr__(self, name):
        if name == "mover":
            raise AttributeError(name)
        return getattr(self.energy, name)

    def __call__(self, x):
        return self.energy(x)


def each(*values):
    """One setting per replica."""
    return np.resize(values, N)


DYNAMICS = {
    "gradient descent": tv.GradientDescent(each(0.05, 0.1)), "sgd": tv.SGD(0.05),
    "sgd each": tv.SGD(each(0.05, 0.1)),
    "momentum": tv.SGD(0.02, 0.9), "momentum each": tv.SGD(0.02, each(0.0, 0.5, 0.9)),
    "adam": tv.Adam(each(0.01, 0.02)), "rmsprop": tv.RMSProp(0.003),
    "overdamped": tv.Overdamped(0.02), "overdamped each": tv.Overdamped(each(0.02, 0.01)),
    "euler-maruyama": tv.Overdamped(0.02, "euler-maruyama"), "baoab": tv.BAOAB(0.1, 0.7),
    "baoab each": tv.BAOAB(0.1, each(0.0, 1.0, 4.0)),
}
BATCHING = {
    "all": {}, "replacement": {"batch_size": 8}, "fresh": {"batch_size": 7, "batching": "fresh"},
    "epochs": {"batch_size": 16, "batching": "epochs"},
    "each": {"batch_size": [1, None, 4, 33, 33], "batching": ["replacement", "fresh", "epochs", "fresh", "epochs"]},
}
TEMPERATURES = {
    "number": 0.001, "each": each(0.0, 0.001, 0.01), "programme": tv.Schedule("linear", 0.001, 0.01, 30),
    "programme each": lambda step: 0.001 * (1 + step) * np.arange(N),
}


@pytest.fixture(scope="module")
def loss():
    data = tv.load_dataset("moons", n=80, seed=0)
    return tv.NetworkLoss(tv.MLP(hidden=(9, 6)), data, weight_decay=1e-3, l1=1e-4, dtype="float64")


def both_ways(loss, dynamics, steps=STEPS, **settings):
    x0 = loss.init(N, seed=3)
    return (tv.simulate(loss, dynamics, x0, steps, seed=5, **settings),
            tv.simulate(Stepwise(loss), dynamics, x0, steps, seed=5, **settings))


def equal(together, single, rtol=1e-9, atol=1e-11):
    np.testing.assert_allclose(together.x, single.x, rtol, atol)
    np.testing.assert_allclose(together.energy, single.energy, rtol, atol)
    np.testing.assert_array_equal(together.diverged_at, single.diverged_at)
    np.testing.assert_array_equal(together.steps, single.steps)


@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("name", DYNAMICS)
def test_the_same_seed_is_the_same_trajectory(loss, name, batching):
    dynamics = DYNAMICS[name]
    temperature = {"temperature": 0.002} if dynamics.heated else {}
    equal(*both_ways(loss, dynamics, record_every=7, **BATCHING[batching], **temperature))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", [name for name, one in DYNAMICS.items() if one.heated])
def test_temperatures_per_replica_and_programmes(loss, name, temperature):
    equal(*both_ways(loss, DYNAMICS[name], temperature=TEMPERATURES[temperature]))


def test_every_dynamics_has_a_form():
    assert {one.__name__ for one in blocks.FORMS} == {type(one).__name__ for one in DYNAMICS.values()}
    assert set(blocks.FORMS) == set(tv.core.dynamics.integrators.DYNAMICS.values())
    for name in ("DESCENT", "MOMENTUM", "ADAPTIVE", "HEATED", "INERTIAL"):
        assert getattr(blocks, name) == getattr(kernel, name)
