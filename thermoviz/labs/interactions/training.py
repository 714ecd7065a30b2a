"""Training with and without regularisers from the same starts, all conditions in one batch: what each does to the gap.

Train and test loss are those of the data alone, whole networks and clean labels; so none of the conditions is charged
for its own energy or noise.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.dynamics.simulation import simulate
from ...core.errors import TooFewSamples
from ...core.learning.networks import NetworkLoss
from ...core.learning.perturbed import LabelStates, PerturbedLoss, hidden_units
from ...core.seeds import rng
from ...core.statistics.estimators import independent_mean
from ...runs.results import Pair
from .baths import BATCH, MOMENTUM
from .results import BATHS, Gaps, Training

RECORDS = 40
# The gap is averaged over this last share of the records.
LATE = 0.25
SCORED_AT_ONCE = 32  # networks, so that a cancel is heard soon


def train(loss: NetworkLoss, labels: LabelStates, strength: float, dropout: float, rate: float, networks: int,
          steps: int, problem: int, seed: int, report: Callable[[float], Any]) -> Training:
    """Networks under each of BATHS.

    loss: the data's in working precision, without regularisers. The starts belong to the problem, the batches, masks
    and labels to the seed.
    """
    kind = np.repeat(np.arange(len(BATHS)), networks)
    share = {name: kind == k for k, name in enumerate(BATHS)}
    conditions = PerturbedLoss(
        loss, labels, strength * share["l2"], strength * share["l1"],
        dropout * share["dropout"] * (hidden_units(loss) > 0), share["labels"], rng(seed, "masks and labels"))
    starts = np.tile(loss.init(networks, problem), (len(BATHS), 1))
    path = simulate(conditions, SGD(rate, MOMENTUM), starts, steps, seed=seed, record_every=max(1, steps // RECORDS),
                    batch_size=min(BATCH, loss.n_samples), progress=lambda f: report(0.9 * f))
    shape = (len(path.steps), len(BATHS), networks)
    test = np.full(path.energy.shape, np.nan)
    if loss.data.n_test:
        for k, thetas in enumerate(path.x):
            for start in range(0, len(thetas), SCORED_AT_ONCE):
                some = thetas[start:start + SCORED_AT_ONCE]
                alive = np.isfinite(some).all(axis=1)
                if alive.any():
                    test[k, start:start + SCORED_AT_ONCE][alive] = loss.test_energy(some[alive])
            report(0.9 + 0.1 * (k + 1) / len(path.x))
    return Training(path.steps, path.energy.reshape(shape), test.reshape(shape), path.diverged_at.reshape(shape[1:]))


def late(values: np.ndarray) -> np.ndarray:
    """[5, m]: mean of losses [T, 5, m] over the last quarter of the records."""
    return values[-max(1, round(LATE * len(values))):].mean(axis=0)


def gaps(training: Training) -> Gaps:
    """Train and test loss at the end, and the gap between them."""
    return Gaps(_means(training.test - training.train), _means(training.train), _means(training.test),
                (training.diverged_at >= 0).sum(axis=1))


def _means(losses: np.ndarray) -> Pair:
    """Late means [5] over the networks that stayed finite, and their errors; NaN below four networks."""
    found = Pair(*np.full((2, len(BATHS)), np.nan))
    for k, row in enumerate(late(losses)):
        try:
            mean = independent_mean(row[np.isfinite(row)])
        except (TooFewSamples, ValueError):  # the latter: no network is left
            continue
        found.value[k], found.stderr[k] = mean.value, mean.stderr
    return found
