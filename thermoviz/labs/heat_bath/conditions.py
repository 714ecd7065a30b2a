"""The copies of one network at its minimum, shaken in several ways side by side: one batch of one simulation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.dynamics import integrators
from ...core.dynamics.simulation import Trajectory, simulate
from ...core.errors import BadInput, TooFewSamples
from ...core.fluctuations.gradient_noise import Bath
from ...core.fluctuations.relations import BLOCKS, FluctuationSums, forgetting_steps
from ...core.learning.minima import bottom
from ...core.learning.networks import NetworkLoss
from ...core.learning.resampled import WithLangevinNoise
from ...core.seeds import rng
from ...runs.results import Pair
from .results import EPOCHS, EQUAL, FASTER, FRESH, FULL_BATCH, ISOTROPIC, MOMENTUM, SGD, SHOWN, SLOWER, Courses
from .specification import HeatBath

# Noisy training that looks for the best minimum: networks, steps, learning rate, batch.
STARTS, TRAINING_STEPS, TRAINING = 16, 1500, (0.3, 16)
# Copies of the condition that has no noise.
SILENT = 4
# The stationary state must last so many times as long as it took to settle.
LASTS = 1.5


def refuse_large_batches(spec: HeatBath, n_samples: int) -> None:
    """Raises BadInput where batches without replacement cannot be drawn."""
    if 2 * spec.batch_size > n_samples:
        raise BadInput(f"batch_size must be at most {n_samples // 2}, half of the training samples, got "
                       f"{spec.batch_size}.")


def best_minimum(loss: NetworkLoss, problem: int, report: Callable[[float], Any]) -> tuple[np.ndarray, np.ndarray]:
    """(start, minimum) [d]: of STARTS networks trained with noise the one that ends lowest, brought to rest."""
    lr, size = TRAINING
    starts = loss.init(STARTS, problem)
    path = simulate(loss, integrators.SGD(lr), starts, TRAINING_STEPS, seed=problem, record_every=TRAINING_STEPS,
                    batch_size=min(size, loss.n_samples), progress=lambda f: report(0.4 * f))
    energies = np.where(path.finite, path.energy[-1], np.inf)
    best = int(np.argmin(energies))
    if not np.isfinite(energies[best]):
        raise BadInput("every network diverged in training: choose smaller layers, or other data.")
    return starts[best], bottom(loss, path.x[-1, best], lambda f: report(0.4 + 0.6 * f))


@dataclass(frozen=True)
class Condition:
    """How a group of copies is shaken. temperature: of isotropic noise, beside the batches or instead of them."""

    name: str
    lr: float
    momentum: float = 0.0
    batch_size: int | None = None
    batching: str = "replacement"
    temperature: float = 0.0


def conditions(spec: HeatBath, T: float) -> list[Condition]:
    """All of them; those of one experiment differ in one thing each from the first."""
    lr, B = spec.lr, spec.batch_size
    partner = B // 2 if B > 1 else 2
    return [
        Condition(SGD, lr, 0.0, B), Condition(FRESH, lr, 0.0, B, "fresh"),
        Condition(MOMENTUM, lr * (1 - spec.momentum), spec.momentum, B),
        Condition(EPOCHS, lr, 0.0, B, "epochs"), Condition(ISOTROPIC, lr, temperature=T),
        Condition(FULL_BATCH, lr), Condition(SLOWER, lr / 2, 0.0, B), Condition(FASTER, 2 * lr, 0.0, B),
        Condition(EQUAL, lr * partner / B, 0.0, partner)]


class Copies:
    """The run of all copies, and what is summed up of it in their stationary state."""

    def __init__(self, spec: HeatBath, loss: NetworkLoss, minimum: np.ndarray, bath: Bath, T: float) -> None:
        self.spec, self.loss, self.minimum, self.bath, self.T = spec, loss, minimum, bath, T
        self.conditions = conditions(spec, T)
        self.names = [one.name for one in self.conditions]
        sizes = [SILENT if one.batch_size is None and not one.temperature else spec.replicas for one in self.conditions]
        self.group = np.repeat(np.arange(len(sizes)), sizes)
        soft = max(float(bath.h.min()), spec.weight_decay / 2) if bath.complete else spec.weight_decay
        need = forgetting_steps(spec.lr, 0.0, soft)
        self.settled = need * (1 + LASTS) <= spec.steps
        self.burn_in = need if self.settled else spec.steps // 2
        self.sums = FluctuationSums(loss, self._each("lr"), self._each("momentum"), spec.steps, self.burn_in, minimum,
                                    bath.axes)
        self.alive = np.ones(len(self.group), bool)

    def _each(self, name: str) -> np.ndarray:
        return np.array([getattr(self.conditions[k], name) for k in self.group])

    def rows(self, name: str) -> np.ndarray:
        """Indices of the copies of a condition that have not diverged."""
        return np.flatnonzero((self.group == self.names.index(name)) & self.alive)

    # Running

    def run(self, shown: int, report: Callable[[float], Any]) -> Trajectory:
        """All copies for all steps; about `shown` records of their places."""
        spec = self.spec
        push = np.sqrt(2 * self._each("temperature") / self._each("lr"))
        shaken = WithLangevinNoise(self.loss, push, rng(spec.seed, "push"))
        every = max(spec.steps // shown, 1)
        path = simulate(
            shaken, integrators.SGD(tuple(self._each("lr").tolist()), tuple(self._each("momentum").tolist())),
            np.tile(self.minimum, (len(self.group), 1)), spec.steps, seed=spec.seed, record_every=every,
            batch_size=[self.conditions[k].batch_size for k in self.group],
            batching=[self.conditions[k].batching for k in self.group], progress=report,  # type: ignore[misc]
            observe=self.sums)
        self.alive, self.last = path.finite, path.x[-1]
        self.diverged_at = path.diverged_at
        return path

    def bodies(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, member): the copies that are drawn on the slice."""
        rows = [np.flatnonzero(self.group == self.names.index(name)) for name in SHOWN]
        return np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(part) for part in rows]).astype(np.int8)

    # Fluctuation-dissipation over time

    def courses(self) -> Courses:
        """FDR1 and the identity from the end of the burn-in up to growing times, as far as the run has come."""
        done = int(np.count_nonzero(self.sums.count)) if self.sums.records else 0
        span = (self.spec.steps - self.burn_in) / BLOCKS
        found = np.full((3, len(self.names), BLOCKS), np.nan)
        for k, name in enumerate(self.names):
            for b in range(done):
                for row, relation in ((0, "fdr1"), (2, "identity")):
                    try:
                        ratio = self.sums.ratio(relation, self.rows(name), slice(0, b + 1))
                    except TooFewSamples:
                        continue
                    found[row, k, b] = ratio.value
                    if row == 0:
                        found[1, k, b] = ratio.stderr
        return Courses(self.burn_in + span * np.arange(1, BLOCKS + 1), Pair(found[0], found[1]), found[2], self.names,
                       self.burn_in, self.settled)
