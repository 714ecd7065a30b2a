"""Averages over time of replicas that keep apart; displacements of walks and of what ages."""

import math

import numpy as np
import pytest

from thermoviz.core.errors import BadInput, TooFewSamples
from thermoviz.core.statistics.estimators import independent_mean
from thermoviz.core.statistics.time_averages import displacement, time_averages


def test_averages_see_replicas_that_keep_apart():
    """AR(1) chains with offsets: the ratio is sqrt(1 + offset variance / variance of the mean)."""
    draw, m, n, a = np.random.default_rng(1), 40, 2000, 0.8
    noise = draw.standard_normal((m, n))
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0] / math.sqrt(1 - a * a)
    for t in range(1, n):
        x[:, t] = a * x[:, t - 1] + noise[:, t]
    alike = time_averages(x)
    assert abs(alike.ratio.value - 1) < 4 * alike.ratio.stderr
    assert abs(alike.tau - (1 + a) / (1 - a)) < 4 * alike.tau * math.sqrt(2 * (10 * alike.tau + 1) / x.size)
    offsets = draw.standard_normal(m)
    apart = time_averages(x + offsets[:, None])
    law = math.sqrt(1 + 1 / (1 / (1 - a) ** 2 / n))
    assert abs(apart.ratio.value - law) < 4 * apart.ratio.stderr
    assert apart.omega[-1] > 0.5 * apart.omega[0] / 10 and apart.tau == pytest.approx(alike.tau)
    assert not time_averages(np.cumsum(noise, axis=1)).long_enough
    with pytest.raises(TooFewSamples):
        time_averages(x[:3])
    with pytest.raises(BadInput):
        time_averages(np.ones((5, 100)))


def test_displacement_of_walks_and_of_what_ages():
    draw = np.random.default_rng(2)
    steps = draw.standard_normal((401, 30, 8))
    walk = displacement(np.cumsum(steps, axis=0), [10, 200], [1, 10, 100])
    for row in walk:
        for k, steps_later in enumerate((1, 10, 100)):
            moved = independent_mean(row[k])
            assert abs(moved.value - steps_later) < 4 * moved.stderr
    slowing = displacement(np.cumsum(steps / np.sqrt(np.arange(1, 402))[:, None, None], axis=0), [4, 300], [10, 300])
    assert slowing[0, 0].mean() > 10 * slowing[1, 0].mean()
    assert np.isnan(slowing[1, 1]).all()
