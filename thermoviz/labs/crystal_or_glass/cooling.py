"""Clouds of balls that are cooled and heated again, each group in its own time, all of them in one batch.

The groups end together: the slowest starts first, the others join it when their time has come. So many cooling times
cost hardly more steps than the slowest of them alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.schedules import ProgrammeKind, Schedule
from ...core.dynamics.simulation import simulate
from ...core.seeds import rng
from ...core.thermodynamics.annealing import loop_area

# Records of each group's energy between two turning points of the batch, at least where it has so many steps.
RECORDS = 50


class Cycle(NamedTuple):
    """One group of n balls: `steps` of cooling and as many of heating.

    cold_x [n, d], cold_E [n]: at the coldest moment. share [p]: of the cycle, 0 to 2, coldest at 1; T [p] of the bath;
    E [p] mean energy of the group; area [n]: signed area of each ball's loop.
    """

    steps: int
    cold_x: np.ndarray
    cold_E: np.ndarray
    share: np.ndarray
    T: np.ndarray
    E: np.ndarray
    area: np.ndarray


def bath(programme: ProgrammeKind, hot: float, cold: float, steps: int) -> Callable[[int], float]:
    """Temperature at step 0 ... 2 steps of a cycle: down by the programme in `steps`, and the same way back."""
    schedule = Schedule(programme, hot, cold, steps)
    return lambda step: schedule(min(step, 2 * steps - step))


def cycles(
    energy: Any, start: Callable[[int, np.random.Generator], np.ndarray], programme: ProgrammeKind, hot: float,
    cold: float, lengths: list[int], balls: int, dt: float, seed: int, report: Callable[[float], Any] | None = None,
) -> list[Cycle]:
    """Cools and heats `balls` balls for each of `lengths` (steps of cooling, one way).

    They begin at start(n, rng) [n, d] in a bath at `hot`. Leimkuhler-Matthews steps of `dt`. The results stand in the
    order of `lengths`. report(fraction) may raise.
    """
    order = sorted(range(len(lengths)), key=lambda k: -lengths[k])
    groups = [_Group(lengths[k], bath(programme, hot, cold, lengths[k]), max(lengths)) for k in order]
    moments = sorted({moment for group in groups for moment in (group.start, group.turn, group.end)})
    draw = rng(seed, "balls")
    # Streams of noise that are independent from segment to segment.
    seeds = rng(seed, "segments").integers(0, 2**32, size=len(moments))
    x = np.empty((0, 2))
    for k, (begin, end) in enumerate(zip(moments[:-1], moments[1:], strict=True)):
        active = [group for group in groups if group.start <= begin]
        joining = [start(balls, draw) for group in active if group.start == begin]
        x = np.concatenate([x.reshape(-1, joining[0].shape[1]) if joining else x, *joining])
        every = max(1, (end - begin) // RECORDS)
        path = simulate(energy, Overdamped(dt), x, end - begin, _temperatures(active, begin, balls), seed=int(seeds[k]),
                        record_every=every,
                        progress=None if report is None else _part(report, begin / moments[-1], end / moments[-1]))
        x = path.x[-1]
        for place, group in enumerate(active):
            mine = slice(place * balls, (place + 1) * balls)
            group.take(begin + path.steps, path.energy[:, mine], x[mine])
    done = dict(zip(order, (group.cycle() for group in groups), strict=True))
    return [done[k] for k in range(len(lengths))]


class _Group:
    """The balls of one cooling time within the batch."""

    def __init__(self, steps: int, bath: Callable[[int], float], longest: int) -> None:
        self.steps, self.bath = steps, bath
        self.start, self.turn, self.end = 2 * (longest - steps), 2 * longest - steps, 2 * longest
        self.at: list[np.ndarray] = []
        self.energies: list[np.ndarray] = []
        self.cold: tuple[np.ndarray, np.ndarray] | None = None

    def temperature(self, step: int) -> float:
        """Of the batch's step."""
        return self.bath(step - self.start)

    def take(self, steps: np.ndarray, energies: np.ndarray, x: np.ndarray) -> None:
        """Records of a segment; the first repeats the last of the segment before."""
        first = 1 if self.at else 0
        self.at.append(steps[first:] - self.start)
        self.energies.append(energies[first:])
        if steps[-1] == self.turn:
            self.cold = x, energies[-1]

    def cycle(self) -> Cycle:
        assert self.cold is not None
        at, energies = np.concatenate(self.at), np.concatenate(self.energies)
        T = np.array([self.bath(int(step)) for step in at])
        return Cycle(self.steps, *self.cold, at / self.steps, T, energies.mean(axis=1), loop_area(T, energies))


def _temperatures(groups: list[_Group], begin: int, balls: int) -> Callable[[int], np.ndarray]:
    # The noise drawn in a step acts in equal parts in it and in the next: its time is the moment between them.
    return lambda step: np.repeat([group.temperature(begin + step + 1) for group in groups], balls)


def _part(report: Callable[[float], Any], start: float, end: float) -> Callable[[float], Any]:
    return lambda fraction: report(start + (end - start) * fraction)
