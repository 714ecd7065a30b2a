"""The control of remembered starts: the same two starts in heat that is as strong as SGD's and alike in all directions.

SGD's noise comes from data, and directions in which no sample pulls stay dark; isotropic heat of the same temperature
lights them all. Beside it: how many hidden units of a network are no copies of one another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.dynamics.integrators import Overdamped, simulate
from ...core.learning.alignment import align, distinct_units
from ...core.learning.networks import NetworkLoss
from ...core.statistics.estimators import FEWEST, Estimate, independent_mean, jackknife
from .agreement import NOTHING, squared_distance
from .replicas import BURN_IN, COLD, FAR, SAME_DATA, Replicas, record_every

# Time in isotropic heat as a share of the networks' own, and parameters x samples x steps x copies at most.
SHARE, WORK = 0.5, 2e10
# A step is at most this share of 1 / the largest curvature: stable to 2, right to a few per cent at 1.
LONGEST = 1.0
# Copies, and looks at each, from which the temperature of SGD is read.
COPIES, LOOKS = 8, 8
# Parts of a run of which each gives a distance; times at which hidden units are counted, and in how many copies.
PARTS, COUNTS, COUNTED = 10, 14, 8


@dataclass(frozen=True, eq=False)
class Heated:
    """Copies from both starts in isotropic heat: times [T], x [T, 2 R, d] (cold first; NaN where one diverged)."""

    times: np.ndarray
    x: np.ndarray
    temperature: Estimate


def noise_temperature(replicas: Replicas, rate: float, batch_size: int) -> Estimate:
    """T = rate tr C / (2 B d) where SGD is after burn-in, its rate being lr / (1 - momentum): from the copies that
    began at both solutions; what isotropic heat must have to shake as strongly in total. NaN below 4 copies."""
    loss = replicas.loss
    at = np.unique(np.linspace(replicas.settled, len(replicas.steps) - 1, LOOKS).astype(int))
    rows = np.concatenate([replicas.rows(group)[:COPIES] for group in (COLD, FAR)])
    if len(rows) < FEWEST:
        return NOTHING
    traces = [np.mean([loss.gradient_noise_trace(replicas.x[k, i].astype(np.float64)) for k in at]) for i in rows]
    return independent_mean(rate / (2 * batch_size * loss.d) * np.array(traces))


def heated(
    replicas: Replicas, temperature: Estimate, rate: float, stiffest: float, seed: int, report: Callable[[float], Any],
) -> Heated | None:
    """The cold and the far start in isotropic heat; None where T is unknown or time allows too few steps.

    rate: time per step of SGD; stiffest: the largest curvature at the cold solution.
    """
    loss, each = replicas.loss, replicas.each
    dt = min(rate, LONGEST / stiffest)
    affordable = WORK / (loss.d * loss.n_samples * 2 * each)
    steps = int(min(SHARE * replicas.steps[-1] * min(rate / dt, 1.0), affordable))
    if not temperature.value > 0 or steps < 2 * PARTS:
        return None
    x0 = np.concatenate([replicas.x[0, [group * each] * each] for group in (COLD, FAR)])
    path = simulate(loss, Overdamped(dt), x0, steps, temperature.value, seed=seed,
                    record_every=record_every(steps, *x0.shape), progress=report)
    return Heated(path.time, path.x, temperature)


def compared(replicas: Replicas, rate: float, heat: Heated | None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, numbers) of both baths, SGD's first.

    Arrays: `left_times`, `left`, `left_error` [2, w]: the squared distance of the two groups' means over that of the
    two starts, part by part of each run; `units_times`, `units`, `units_error` [5, p]: distinct hidden units per
    network, of SGD from usual, cold and far starts, and of heat from both (without hidden layers: none). Numbers:
    `left`, `gained` (distinct units at the end minus at the start, both groups) {"sgd", "heat": [value, error]},
    `temperature` [value, error], `time` (of the heat).
    """
    start = replicas.x[0, [COLD * replicas.each, FAR * replicas.each]].astype(np.float64)
    whole = float(((start[0] - start[1]) ** 2).sum())
    times, (cold, far) = replicas.steps * rate, (replicas.x[:, replicas.rows(group)] for group in (COLD, FAR))
    baths = {"sgd": (times, cold, far), "heat": (np.zeros(0), cold[:0], far[:0])}
    if heat is not None:
        cold, far = (part[:, np.isfinite(part).all(axis=(0, 2))]
                     for part in (heat.x[:, :replicas.each], heat.x[:, replicas.each:]))
        baths["heat"] = heat.times, cold, far
    parts = [_parts(*bath, replicas, whole) for bath in baths.values()]
    arrays = _named(("left_times", "left", "left_error"), parts)
    numbers: dict[str, Any] = {
        "left": {name: _pair(_left(a[int(BURN_IN * len(a)):], b[int(BURN_IN * len(b)):], replicas, whole))
                 for name, (_times, a, b) in baths.items()},
        "temperature": None if heat is None else _pair(heat.temperature),
        "time": 0.0 if heat is None else float(heat.times[-1])}
    if replicas.loss.mlp.hidden:
        groups = [(times, replicas.x[:, replicas.rows(SAME_DATA)]), *((bath[0], x) for bath in baths.values()
                                                                     for x in bath[1:])]
        counted = [_counted(replicas.loss, *group) for group in groups]
        arrays |= _named(("units_times", "units", "units_error"), counted)
        numbers["gained"] = {name: _gained(replicas.loss, *bath[1:]) for name, bath in baths.items()}
    return arrays, numbers


def _named(names: tuple[str, ...], rows: list[np.ndarray]) -> dict[str, np.ndarray]:
    """rows of [names, p] as one array [rows, p] per name."""
    return dict(zip(names, np.stack(rows, axis=1), strict=True))


def _pair(number: Estimate) -> list[float]:
    return [number.value, number.stderr]


def _left(a: np.ndarray, b: np.ndarray, replicas: Replicas, whole: float) -> Estimate:
    """What is left of the squared distance `whole` between two groups [T, m, d]: means over time, units matched."""
    m = min(a.shape[1], b.shape[1]) if len(a) and len(b) else 0
    if m < FEWEST or not whole > 0:
        return NOTHING
    layers, activation = replicas.loss.layer_slices, replicas.loss.mlp.activation
    mine, other = (align(x[:, :m].mean(axis=0, dtype=np.float64), replicas.reference, layers, activation)
                   for x in (a, b))
    return jackknife(lambda u, v: squared_distance(u, v) / whole, mine, other)


def _parts(times: np.ndarray, a: np.ndarray, b: np.ndarray, replicas: Replicas, whole: float) -> np.ndarray:
    """[3, w]: the middle of each part of a run, what is left in it, and its error; NaN where nothing was run."""
    found = np.full((3, PARTS), np.nan)
    edges = np.linspace(0, len(times), PARTS + 1).astype(int)
    for k, (first, last) in enumerate(zip(edges, edges[1:], strict=False)):
        if last > first:
            left = _left(a[first:last], b[first:last], replicas, whole)
            found[:, k] = times[first:last].mean(), left.value, left.stderr
    return found


def _counted(loss: NetworkLoss, times: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[3, p]: times, spread evenly in their logarithm, distinct units per network there, and their error."""
    found = np.full((3, COUNTS), np.nan)
    at = np.unique(np.append(0, np.geomspace(1, max(len(times) - 1, 1), COUNTS - 1).round().astype(int)))
    if not len(times) or x.shape[1] < FEWEST:
        return found
    for k, record in enumerate(at):
        units = _units(loss, x[record, :COUNTED])
        found[:, k] = times[record], units.mean(), units.std(ddof=1) / np.sqrt(len(units))
    return found


def _units(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray:
    """Distinct hidden units of networks [m, d], all layers together: [m]."""
    return np.asarray(distinct_units(theta, loss).sum(axis=-1))


def _gained(loss: NetworkLoss, a: np.ndarray, b: np.ndarray) -> list[float]:
    """Distinct units at the end minus at the start, mean over both groups [T, m, d]."""
    x = np.concatenate([a, b], axis=1)
    if not len(x) or x.shape[1] < FEWEST:
        return _pair(NOTHING)
    return _pair(independent_mean((_units(loss, x[-1]) - _units(loss, x[0])).astype(np.float64)))
