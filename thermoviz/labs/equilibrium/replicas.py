"""Replicas of one learning problem: six groups that differ in where they start and what they see, in one batch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.dynamics.simulation import simulate
from ...core.errors import BadInput
from ...core.learning.alignment import matchings
from ...core.learning.networks import NetworkLoss
from ...core.learning.resampled import Bootstrapped, bootstrap
from ...core.seeds import rng
from .results import GROUPS, Course

# How much larger a hot start is than a usual one.
HOT_TIMES = 4.0
# Points of a path that are kept, bytes of all, and how few are too few.
RECORDS, RECORDED_BYTES, FEWEST_RECORDS = 1000, 320 * 2**20, 100
# The share of the run that is not counted: it forgets the start, or should.
BURN_IN = 0.5
# Points of the curves of the loss, and their quantiles over replicas.
CURVE_POINTS = 120
QUANTILES = (0.1, 0.5, 0.9)
# Test points at which functions are compared.
PLACES = 24


class Shared:
    """The energy that replicas train on: steps see each one's own data, records the loss on the data of all.

    `simulate` asks for energies at its records only; `rows` remembers what it was told, for charts that fill.
    """

    def __init__(self, loss: NetworkLoss, samples: np.ndarray) -> None:
        self.loss, self.d, self.n_samples = loss, loss.d, loss.n_samples
        self._own = Bootstrapped(loss, samples)
        self.rows: list[np.ndarray] = []

    def __call__(self, theta: Any) -> Any:
        """[n, d] -> [n], on the common data."""
        return self.of_records(theta[None])[0]

    def of_records(self, theta: Any) -> Any:
        """[k, n, d] -> [k, n], on the common data."""
        values = self.loss(theta)
        self.rows += list(np.asarray(values, np.float32))
        return values

    def force(self, theta: Any) -> Any:
        """[n, d] -> [n, d], on each replica's own data."""
        return self._own.force(theta)

    def minibatch(self, indices: Any) -> Any:
        """The Energy in which replica i sees the samples indices[i] of its own data."""
        return self._own.minibatch(indices)

    def mover(self, walls: Any) -> Any:
        """Blocks of steps on each replica's own data."""
        return self._own.mover(walls)


@dataclass(frozen=True, eq=False)
class Replicas:
    """What training left of all groups, group by group: n = 6 R.

    loss: on the common data; steps [T]; x [T, n, d] float32; losses [T, n] on the common data (regularisers included);
    diverged_at [n] (-1: never); reference [d]: the network to which hidden units are matched; every: steps between
    records.
    """

    loss: NetworkLoss
    steps: np.ndarray
    x: np.ndarray
    losses: np.ndarray
    diverged_at: np.ndarray
    reference: np.ndarray
    every: int

    @property
    def each(self) -> int:
        """R, replicas of a group."""
        return len(self.diverged_at) // len(GROUPS)

    @cached_property
    def settled(self) -> int:
        """The first record after burn-in."""
        return int(np.ceil(BURN_IN * (len(self.steps) - 1)))

    def rows(self, group: int) -> np.ndarray:
        """Indices of the replicas of a group that did not diverge."""
        mine = np.arange(group * self.each, (group + 1) * self.each)
        return mine[self.diverged_at[mine] < 0]

    @cached_property
    def names(self) -> list[Any]:
        """The Matching [n] that renames each replica's units throughout; None where it diverged.

        It is found from the replica's mean after burn-in.
        """
        layers, activation = self.loss.layer_slices, self.loss.mlp.activation
        alive = self.diverged_at < 0
        means = self.x[self.settled:].mean(axis=0, dtype=np.float64)
        found = iter(matchings(means[alive], self.reference, layers, activation))
        return [next(found) if here else None for here in alive]

    def aligned(self, rows: np.ndarray, first: int = 0, stride: int = 1) -> np.ndarray:
        """Paths [T', len(rows), d] of these replicas from record `first` on, their units renamed."""
        paths = np.empty((len(self.x[first::stride]), len(rows), self.loss.d), np.float32)
        for k, i in enumerate(rows):
            paths[:, k] = self.names[i].apply(self.x[first::stride, i])
        return paths


def starts(loss: NetworkLoss, each: int, seed: int, problem: int, cold: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Where all groups begin, [6 R, d]; the common start belongs to the problem, so that seeds can be compared."""
    random = loss.init(3 * each, seed)
    return np.concatenate([
        random[:2 * each], np.repeat(loss.init(1, problem), each, axis=0), HOT_TIMES * random[2 * each:],
        np.tile(cold, (each, 1)), np.tile(far, (each, 1))])


def own_samples(loss: NetworkLoss, each: int, seed: int) -> np.ndarray:
    """What each replica sees, [6 R, N]: resampled in the first and third group, all of it as it is in the others."""
    N = loss.n_samples
    drawn = bootstrap(2 * each, N, rng(seed, "resampled"))
    same = np.broadcast_to(np.arange(N), (each, N))
    return np.concatenate([drawn[:each], same, drawn[each:], same, same, same])


def record_every(steps: int, n: int, d: int) -> int:
    """Steps between records: 1000 of them, or as many as memory holds. Raises BadInput where those are too few."""
    records = min(RECORDS, steps, RECORDED_BYTES // (4 * n * d))
    if records < min(FEWEST_RECORDS, steps):
        raise BadInput(f"{n} networks of {d} parameters are too many to follow (at most "
                       f"{RECORDED_BYTES // (4 * FEWEST_RECORDS):,} numbers): choose fewer replicas or a smaller "
                       "network.")
    return -(-steps // records)


def train(
    loss: NetworkLoss, x0: np.ndarray, samples: np.ndarray, dynamics: SGD, batch_size: int, steps: int, seed: int,
    reference: np.ndarray, report: Callable[..., None],
) -> Replicas:
    """All groups in one batch of `simulate`. report(fraction, make): `make()` gives the networks' curves so far."""
    energy, every = Shared(loss, samples), record_every(steps, *x0.shape)

    def progress(fraction: float) -> None:
        report(fraction, lambda: curves(
            np.minimum(np.arange(len(energy.rows)) * every, steps), np.stack(energy.rows)))

    path = simulate(energy, dynamics, x0.astype(np.float32), steps, seed=seed, record_every=every,
                    batch_size=batch_size, progress=progress)
    return Replicas(loss, path.steps, path.x, path.energy, path.diverged_at, reference, every)


def curves(steps: np.ndarray, losses: np.ndarray) -> Course:
    """Quantiles of the losses [T, n] over the finite replicas of each group, at steps evenly spread in their
    logarithm."""
    at = np.unique(np.geomspace(1, len(steps), CURVE_POINTS).round().astype(int)) - 1
    values = np.where(np.isfinite(losses[at]), losses[at], np.nan).reshape(len(at), len(GROUPS), -1)
    return Course(steps[at], np.stack([_quantile(values, q).T for q in QUANTILES], axis=1))


def _quantile(values: np.ndarray, q: float) -> np.ndarray:
    """Of the finite ones along the last axis [..., n] -> [...], as numpy's (many times as quick); NaN without any."""
    ordered, count = np.sort(values, axis=-1), np.isfinite(values).sum(axis=-1)
    place = q * np.maximum(count - 1, 0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = (np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in (below, above))
    return low + (place - below) * (high - low)


def places(loss: NetworkLoss) -> np.ndarray:
    """Inputs [m, p] at which functions are compared: test points, or training points where there are none."""
    data = loss.data
    return (data.x_test if data.n_test else data.x_train)[:PLACES]


def functions(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray:
    """What networks say at those places, [..., d] -> [..., q]: probabilities of all classes but one, or values."""
    said = loss.predict(theta, places(loss))
    if loss.data.task == "classification":
        said = np.exp(said - said.max(axis=-1, keepdims=True))
        said = (said / said.sum(axis=-1, keepdims=True))[..., 1:]
    return said.reshape(*theta.shape[:-1], -1)
