"""Replica exchange keeps Boltzmann's law on every rung, and finds what a cold ball alone does not."""

import math

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics.replica_exchange import geometric_ladder, replica_exchange
from thermoviz.core.errors import BadInput
from thermoviz.core.seeds import rng
from thermoviz.core.statistics.estimators import independent_mean

DEEP = tv.TwoBasins(1.0, 12.0, 4.0, 1.6, 0.3)


def test_every_rung_keeps_its_equilibrium():
    """Started in Boltzmann's law of each rung, mean energies stay those of quadrature."""
    surface = tv.scan(DEEP, resolution=81, tolerance=0)
    T = geometric_ladder(0.3, 1.2, 4)
    equilibria = surface.equilibria(T.tolist())
    x0 = np.stack([eq.sample(1500, rng(k, "balls")) for k, eq in enumerate(equilibria)], axis=1)
    found = replica_exchange(surface, T, x0, steps=40, dt=0.02, every=2, seed=1, record_every=40)
    for k, eq in enumerate(equilibria):
        mean = independent_mean(found.energy[-1, :, k])
        assert abs(mean.value - eq.U) < 4 * mean.stderr
    assert (found.accepted > 0.2).all() and (found.accepted < 1).all()


def test_cold_balls_reach_the_deep_basin_that_they_cannot_reach_alone():
    surface = tv.scan(DEEP, resolution=81, tolerance=0)
    T = geometric_ladder(0.2, 1.4, 6)
    m, steps = 120, 1500
    x0 = np.broadcast_to(surface.basins.minima[1], (m, len(T), 2))
    found = replica_exchange(surface, T, x0, steps, dt=0.01, every=5, seed=2, record_every=10)
    late = found.x[found.steps > steps // 2, :, 0]
    share = independent_mean((surface.basins.label_at(late) == 0).mean(axis=0))
    exact = surface.equilibrium(0.2).shares[0]
    alone = tv.simulate(surface, tv.Overdamped(0.01), x0[:, 0], steps, temperature=0.2, seed=2, record_every=steps)
    assert (surface.basins.label_at(alone.x[-1]) == 0).mean() < 0.1
    assert share.value > 0.6 and share.value < exact + 4 * share.stderr


def test_acceptance_between_two_harmonic_rungs():
    """Two harmonic wells in d = 2: E/T is exponential, so <min(1, e^gain)> is 2/(1 + T2/T1), in closed form."""
    T = np.array([1.0, 2.5])
    m = 20_000
    x0 = rng(0, "start").standard_normal((m, 2, 2)) * np.sqrt(T)[:, None]
    found = replica_exchange(tv.Harmonic(1.0), T, x0, steps=1, dt=0.1, every=1)
    expected = 2 / (1 + T[1] / T[0])
    assert abs(found.accepted[0] - expected) < 4 * math.sqrt(expected * (1 - expected) / m)


def test_rungs_take_turns_and_records_have_their_shape():
    x0 = np.zeros((3, 3, 2))
    found = replica_exchange(tv.Harmonic(1.0), [0.5, 1.0, 2.0], x0, steps=1, dt=[0.1, 0.1, 0.05], every=1)
    assert found.x.shape == (2, 3, 3, 2) and found.energy.shape == (2, 3, 3)
    assert np.isfinite(found.accepted[0]) and np.isnan(found.accepted[1])
    again = replica_exchange(tv.Harmonic(1.0), [0.5, 1.0, 2.0], x0, steps=1, dt=[0.1, 0.1, 0.05], every=1)
    assert np.array_equal(found.x, again.x)


@pytest.mark.parametrize("settings, said", [
    (dict(temperatures=[1.0]), "at least two"), (dict(temperatures=[2.0, 1.0]), "larger"),
    (dict(temperatures=[0.0, 1.0]), "> 0"), (dict(temperatures="hot"), "temperatures"),
    (dict(x0=np.zeros((2, 3, 1))), "one ball for each"), (dict(every=0), "every")])
def test_refusals(settings, said):
    given = dict(temperatures=[0.5, 1.0], x0=np.zeros((2, 2, 1)), every=1) | settings
    with pytest.raises(BadInput, match=said):
        replica_exchange(tv.Harmonic(1.0), given["temperatures"], given["x0"], 1, 0.1, given["every"])
    with pytest.raises(BadInput):
        geometric_ladder(2.0, 1.0, 3)
    with pytest.raises(BadInput):
        geometric_ladder(1.0, 2.0, 1)
