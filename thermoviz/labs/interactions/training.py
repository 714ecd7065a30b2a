"""Training with and without regularisers from the same starts, all conditions in one batch: what each does to the gap.

Train and test loss are those of the data alone, whole networks and clean labels; so none of the conditions is charged
for its own energy or noise.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.dynamics.simulation import simulate
from ...core.errors import TooFewSamples
from ...core.learning.networks import NetworkLoss
from ...core.learning.perturbed import LabelStates, PerturbedLoss, hidden_units
from ...core.seeds import rng
from ...core.statistics.estimators import independent_mean
from .baths import BATCH, BATHS, MOMENTUM

RECORDS = 40
# The gap is averaged over this last share of the records.
LATE = 0.25
SCORED_AT_ONCE = 32  # networks, so that a cancel is heard soon


def train(loss: NetworkLoss, labels: LabelStates, strength: float, dropout: float, rate: float, networks: int,
          steps: int, problem: int, seed: int, report: Callable[[float], Any]) -> dict[str, np.ndarray]:
    """`train_steps` [T]; `train_loss`, `test_loss` [T, 5, m] for the conditions BATHS; `train_diverged_at` [5, m].

    loss: the data's in working precision, without regularisers. NaN where a network has diverged, and in `test_loss`
    where there is no test part. The starts belong to the problem, the batches, masks and labels to the seed.
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
    return {"train_steps": path.steps, "train_loss": path.energy.reshape(shape), "test_loss": test.reshape(shape),
            "train_diverged_at": path.diverged_at.reshape(shape[1:])}


def late(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """[5, m]: mean over the last quarter of the records of "train_loss", "test_loss", or of "gap" = test - train."""
    values = arrays["test_loss"] - arrays["train_loss"] if name == "gap" else arrays[name]
    kept = max(1, round(LATE * len(values)))
    return values[-kept:].mean(axis=0)


def gaps(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean over the networks that stayed finite, and its error, at the end: `gap`, `end_train`, `end_test` [5] and
    `..._error` [5]; NaN below four networks. `lost` [5]: how many diverged."""
    out: dict[str, np.ndarray] = {}
    for name, source in (("gap", "gap"), ("end_train", "train_loss"), ("end_test", "test_loss")):
        values, errors = np.full(len(BATHS), np.nan), np.full(len(BATHS), np.nan)
        for k, row in enumerate(late(arrays, source)):
            finite = row[np.isfinite(row)]
            try:
                found = independent_mean(finite)
            except TooFewSamples:
                continue
            except ValueError:  # no network is left
                continue
            values[k], errors[k] = found.value, found.stderr
        out |= {name: values, f"{name}_error": errors}
    return out | {"lost": (arrays["train_diverged_at"] >= 0).sum(axis=1)}
