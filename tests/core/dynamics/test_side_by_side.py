"""Runs side by side in one `simulate`: each draws what it would draw alone."""

import numpy as np
import pytest

import thermoviz as tv

SEEDS = (3, 8, 3)
RATES, SIZES = (0.05, 0.2, 0.1), (8, 8, 32)


def shares(values, n):
    return tuple(value for value in values for _ in range(n))


@pytest.fixture(scope="module")
def loss():
    return tv.NetworkLoss(tv.MLP((6,)), tv.load_dataset("moons", seed=0, n=60), weight_decay=1e-3)


@pytest.mark.parametrize("batching", ["replacement", "fresh", "epochs"])
def test_each_run_is_the_same_as_alone(loss, batching):
    n = 4
    starts = np.concatenate([loss.init(n, seed=seed) for seed in SEEDS])
    together = tv.simulate(loss, tv.SGD(shares(RATES, n)), starts, 40, seed=SEEDS, record_every=10,
                           batch_size=shares(SIZES, n), batching=batching)
    for k, seed in enumerate(SEEDS):
        alone = tv.simulate(loss, tv.SGD(RATES[k]), loss.init(n, seed=seed), 40, seed=seed, record_every=10,
                            batch_size=SIZES[k], batching=batching)
        np.testing.assert_allclose(together.energy[:, k * n:(k + 1) * n], alone.energy, rtol=1e-5)
        np.testing.assert_allclose(together.x[:, k * n:(k + 1) * n], alone.x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dynamics", [tv.Overdamped, tv.BAOAB])
def test_heat_is_drawn_run_by_run(dynamics):
    energy, starts = tv.DoubleWell(), np.zeros((6, 2))
    together = tv.simulate(energy, dynamics(0.02), starts, 30, temperature=0.3, seed=SEEDS)
    for k, seed in enumerate(SEEDS):
        alone = tv.simulate(energy, dynamics(0.02), starts[:2], 30, temperature=0.3, seed=seed)
        np.testing.assert_allclose(together.x[:, 2 * k:2 * k + 2], alone.x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seeds", [(), (1, 2, 3, 4)])
def test_runs_must_have_equal_shares(seeds):
    with pytest.raises(tv.BadInput, match="equal runs"):
        tv.simulate(tv.DoubleWell(), tv.Overdamped(0.01), np.zeros((6, 2)), 3, seed=seeds)
