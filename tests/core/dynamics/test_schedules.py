"""Programmes of temperature: followed step by step, of the right form."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.specs import from_json, to_json

SAMPLES = 20_000


def test_a_schedule_is_followed_step_by_step():
    asked = []

    def schedule(step):
        asked.append(step)
        return 0.1

    tv.simulate(tv.Harmonic(), tv.Overdamped(dt=0.1), np.zeros((2, 2)), 25, temperature=schedule)
    assert asked[-25:] == list(range(25))
    hot = tv.Schedule("quench", T0=1.0, T1=0.0, steps=100)
    traj = tv.simulate(tv.Harmonic(), tv.Overdamped(dt=0.1), np.zeros((SAMPLES, 1)), 200, hot, record_every=100)
    assert abs(traj.x[1].var() - 1) < 4 * np.sqrt(2 / SAMPLES)
    assert np.abs(traj.x[2]).max() < 6 * 0.9**99 * 1.1


@pytest.mark.parametrize("kind, steps, expected", [
    ("hold", (0, 7, 99), (2, 2, 2)), ("quench", (0, 9, 10, 50), (2, 2, 0.5, 0.5)),
    ("linear", (0, 5, 10, 99), (2, 1.25, 0.5, 0.5)), ("exponential", (0, 5, 10, 99), (2, 1, 0.5, 0.5)),
    ("cycle", (0, 5, 10, 15, 12.5), (2, 0.5, 2, 0.5, 1.25)),
])
def test_programmes(kind, steps, expected):
    schedule = tv.Schedule(kind, 2.0, 0.5, 10)
    assert [schedule(s) for s in steps] == pytest.approx(list(expected))
    assert from_json(tv.Schedule, to_json(schedule)) == schedule
