"""Two controls: the same two starts in isotropic heat, and linear regression under the same protocol.

Isotropic heat is as strong as SGD's noise and alike in all directions. SGD's noise comes from data, and directions in
which no sample pulls stay dark; isotropic heat of the same temperature lights them all. Beside it: how many hidden
units of a network are no copies of one another. Of linear regression every number that should come out is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import SGD, Overdamped
from ...core.dynamics.simulation import simulate
from ...core.fluctuations.chain import LinearChain, linear_chain
from ...core.fluctuations.gradient_noise import noise_temperature
from ...core.learning.alignment import align, distinct_units
from ...core.learning.data import Dataset
from ...core.learning.datasets import LinearRegression
from ...core.learning.networks import MLP, NetworkLoss
from ...core.seeds import rng
from ...core.statistics.estimators import FEWEST, Estimate, independent_mean, jackknife
from ...runs.results import Pair
from .agreement import ALIKE, STRIDE, squared_distance
from .replicas import BURN_IN, Replicas, own_samples, record_every, starts, train
from .results import COLD, FAR, NOTHING, OWN, SAME_DATA, Baths, LinearTheory, Units

# Time in isotropic heat as a share of the networks' own, and parameters x samples x steps x copies at most.
HEATED_SHARE, WORK = 0.5, 2e10
# A step is at most this share of 1 / the largest curvature: stable to 2, right to a few per cent at 1.
LONGEST = 1.0
# Copies, and looks at each, from which the temperature of SGD is read.
COPIES, LOOKS = 8, 8
# Parts of a run of which each gives a distance; times at which hidden units are counted, and in how many copies.
PARTS, COUNTS, COUNTED = 10, 14, 8

# A bath so hot that its shaking is larger than what resampling moves the optimum by: lr/B well above 2/(N h).
DATA, LR, BATCH = LinearRegression(n=2000), 0.02, 1
# The control forgets within some hundred steps: this share of the networks' steps is many times that.
LINEAR_SHARE = 0.4
# The far start: so many lengths of the optimum away from it.
FAR_LENGTHS = 2.0


# Isotropic heat


@dataclass(frozen=True, eq=False)
class Heated:
    """Copies from both starts in isotropic heat: times [T], x [T, 2 R, d] (cold first; NaN where one diverged)."""

    times: np.ndarray
    x: np.ndarray
    temperature: Estimate


def bath_temperature(replicas: Replicas, rate: float, batch_size: int) -> Estimate:
    """`noise_temperature` where SGD is after burn-in, its rate being lr / (1 - momentum): from the copies that began at
    both solutions; what isotropic heat must have to shake as strongly in total. NaN below 4 copies."""
    loss = replicas.loss
    at = np.unique(np.linspace(replicas.settled, len(replicas.steps) - 1, LOOKS).astype(int))
    rows = np.concatenate([replicas.rows(group)[:COPIES] for group in (COLD, FAR)])
    if len(rows) < FEWEST:
        return NOTHING
    traces = [float(np.mean([loss.gradient_noise_trace(replicas.x[k, i].astype(np.float64)) for k in at]))
              for i in rows]
    return independent_mean(np.array([noise_temperature(rate, 1 / batch_size, trace, loss.d) for trace in traces]))


def heated(
    replicas: Replicas, temperature: Estimate, rate: float, stiffest: float, seed: int, report: Callable[[float], Any],
) -> Heated | None:
    """The cold and the far start in isotropic heat; None where T is unknown or time allows too few steps.

    rate: time per step of SGD; stiffest: the largest curvature at the cold solution.
    """
    loss, each = replicas.loss, replicas.each
    dt = min(rate, LONGEST / stiffest)
    affordable = WORK / (loss.d * loss.n_samples * 2 * each)
    steps = int(min(HEATED_SHARE * replicas.steps[-1] * min(rate / dt, 1.0), affordable))
    if not temperature.value > 0 or steps < 2 * PARTS:
        return None
    x0 = np.concatenate([replicas.x[0, [group * each] * each] for group in (COLD, FAR)])
    path = simulate(loss, Overdamped(dt), x0, steps, temperature.value, seed=seed,
                    record_every=record_every(steps, *x0.shape), progress=report)
    return Heated(path.time, path.x, temperature)


class Compared(NamedTuple):
    """What both baths leave of the starts, and of copies of hidden units (None: there are no hidden units)."""

    baths: Baths
    units: Units | None


def compared(replicas: Replicas, rate: float, heat: Heated | None) -> Compared:
    """Both baths: what is left of the distance between both starts, and how many hidden units are distinct."""
    start = replicas.x[0, [COLD * replicas.each, FAR * replicas.each]].astype(np.float64)
    whole = float(((start[0] - start[1]) ** 2).sum())
    times, (cold, far) = replicas.steps * rate, (replicas.x[:, replicas.rows(group)] for group in (COLD, FAR))
    baths = {"sgd": (times, cold, far), "heat": (np.zeros(0), cold[:0], far[:0])}
    if heat is not None:
        cold, far = (part[:, np.isfinite(part).all(axis=(0, 2))]
                     for part in (heat.x[:, :replicas.each], heat.x[:, replicas.each:]))
        baths["heat"] = heat.times, cold, far
    left_times, *left = np.stack([_parts(*bath, replicas, whole) for bath in baths.values()], axis=1)
    late = {name: _left(a[int(BURN_IN * len(a)):], b[int(BURN_IN * len(b)):], replicas, whole)
            for name, (_times, a, b) in baths.items()}
    found = Baths(Pair(*left), left_times, late, None if heat is None else heat.temperature,
                  0.0 if heat is None else float(heat.times[-1]))
    if not replicas.loss.mlp.hidden:
        return Compared(found, None)
    groups = [(times, replicas.x[:, replicas.rows(SAME_DATA)]), *((bath[0], x) for bath in baths.values()
                                                                 for x in bath[1:])]
    units_times, *units = np.stack([_counted(replicas.loss, *group) for group in groups], axis=1)
    gained = {name: _gained(replicas.loss, *bath[1:]) for name, bath in baths.items()}
    return Compared(found, Units(Pair(*units), units_times, gained))


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


def _gained(loss: NetworkLoss, a: np.ndarray, b: np.ndarray) -> Estimate:
    """Distinct units at the end minus at the start, mean over both groups [T, m, d]."""
    x = np.concatenate([a, b], axis=1)
    if not len(x) or x.shape[1] < FEWEST:
        return NOTHING
    return independent_mean((_units(loss, x[-1]) - _units(loss, x[0])).astype(np.float64))


# Linear regression


def control_loss(problem: int) -> NetworkLoss:
    """The quadratic loss [d = 5] of a linear model, without weight decay."""
    return NetworkLoss(MLP(()), DATA.load(problem))


def control_steps(steps: int) -> int:
    """Steps of the control beside networks that take `steps`."""
    return max(1, round(LINEAR_SHARE * steps))


def train_control(each: int, steps: int, seed: int, problem: int, report: Callable[..., None]) -> tuple[
        Replicas, np.ndarray]:
    """(the six groups of linear models, what each of them saw [6 R, N]); same protocol, own learning rate and steps."""
    loss = control_loss(problem)
    minimum = linear_chain(loss, LR, BATCH).minimum
    away = rng(problem, "far").standard_normal(loss.d)
    far = minimum + FAR_LENGTHS * np.linalg.norm(minimum) * away / np.linalg.norm(away)
    samples = own_samples(loss, each, seed)
    x0 = starts(loss, each, seed, problem, minimum, far)
    return train(loss, x0, samples, SGD(LR), BATCH, steps, seed, minimum, report), samples


def resampled(loss: NetworkLoss, samples: np.ndarray) -> NetworkLoss:
    """The loss of one resampled training set [N]."""
    data = loss.data
    return NetworkLoss(loss.mlp, Dataset(data.x_train[samples], data.y_train[samples], "regression"))


def expected_r_hat(replicas: Replicas, samples: np.ndarray) -> np.ndarray:
    """R-hat [d] of each parameter that these very data sets must give: 1 + between/within, from the exact optimum and
    stationary covariance of every replica with its own data."""
    rows = replicas.rows(OWN)
    n = len(replicas.steps) - replicas.settled
    n = -(-n // STRIDE)
    chains = [linear_chain(resampled(replicas.loss, samples[i]), LR, BATCH) for i in rows]
    of_mean = np.mean([one.variance_of_means([n], replicas.every * STRIDE)[0] for one in chains], axis=0)
    within = n / (n - 1) * (np.mean([np.diag(one.covariance) for one in chains], axis=0) - of_mean)
    between = np.var([one.minimum for one in chains], axis=0, ddof=1) + of_mean
    return np.sqrt((n - 1) / n + between / within)


def linear_theory(replicas: Replicas, samples: np.ndarray, lags: np.ndarray, times: np.ndarray) -> LinearTheory:
    """What must come out: displacement at lags [k] in steps, averages of the parameters over times [p] in steps, R-hat
    of the parameters for what each replica saw, samples [6 R, N]."""
    expected = expected_r_hat(replicas, samples)
    chain: LinearChain = linear_chain(replicas.loss, LR, BATCH)
    every = replicas.every * STRIDE
    m = sum(len(replicas.rows(group)) for group in ALIKE)
    share = chain.variance_of_means(np.asarray(times) // every, every) / np.diag(chain.covariance)
    return LinearTheory(chain.displacement(lags), (m - 1) / max(m, 1) * share.mean(axis=1),
                        [float(np.median(expected)), float(expected.max())])
