"""Linear regression under minibatches and a known whirl: the heat bath's instruments, where all is known exactly."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.currents import entropy_production, linear_current
from ..core.datasets import LinearRegression
from ..core.dynamics import SGD, Overdamped, simulate
from ..core.errors import TooFewSamples
from ..core.estimators import FEWEST
from ..core.fluctuations import FluctuationSums, forgetting_steps
from ..core.networks import MLP, NetworkLoss
from ..core.nonequilibrium import Swirl
from ..core.regression_law import epoch_law, regression_law
from ..core.seeds import rng

if TYPE_CHECKING:
    from .heat_bath import HeatBath

# 48 samples of 3 inputs; a rate and a batch at which single samples' own curvatures matter.
DATA = LinearRegression(n=60, inputs=3, noise=0.5, test_fraction=0.2)
RATE, BATCH, MOMENTUM, STEPS = 0.2, 4, 0.8, 4000
# The instrument is cheap: so many times as many copies as the experiment has.
MORE = 2
# Shuffled epochs go slower, so that their theory (additive noise) is exact to about one in a hundred.
EPOCH_RATE, EPOCH_BATCH = 0.02, 6
NAMES = ("SGD", "fresh draws", "momentum", "shuffled epochs")
# The whirl: curvatures, rotation, temperature, time step, steps, balls per copy of the experiment.
CURVATURES, OMEGA, HEAT, DT, WHIRLS, BALLS = (1.0, 4.0), 3.0, 1.0, 0.02, 1000, 4


def linear_bath(spec: "HeatBath", report: Callable[[float], Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays `linear_...` (entries of three covariances, in units of their diagonals) and numbers.

    Numbers: `fdr1`, `fdr2` of the four conditions `names`, `epochs` (theory), `away` (root mean square distance from
    the exact covariances, in standard errors), `away_additive` (the same from theory without multiplicative noise),
    `entries`, `whirl`, `diverged`.
    """
    loss = NetworkLoss(MLP(()), DATA.load(0))
    laws = [regression_law(loss, RATE, BATCH), regression_law(loss, RATE, BATCH, "fresh"),
            regression_law(loss, RATE * (1 - MOMENTUM), BATCH, momentum=MOMENTUM)]
    group = np.repeat(np.arange(len(NAMES)), MORE * spec.replicas)
    lr = np.array([RATE, RATE, RATE * (1 - MOMENTUM), EPOCH_RATE])[group]
    momentum = np.array([0.0, 0.0, MOMENTUM, 0.0])[group]
    law = laws[0]
    softest = float(np.linalg.eigvalsh(law.hessian)[0])
    burn_in = forgetting_steps(EPOCH_RATE, 0.0, softest)
    sums = FluctuationSums(loss, lr, momentum, STEPS, burn_in, law.minimum, np.eye(loss.d), law.hessian)
    path = simulate(
        loss, SGD(tuple(lr.tolist()), tuple(momentum.tolist())), np.tile(law.minimum, (len(group), 1)), STEPS,
        seed=spec.seed, record_every=STEPS, batch_size=np.array([BATCH, BATCH, BATCH, EPOCH_BATCH])[group].tolist(),
        batching=np.array(["replacement", "fresh", "replacement", "epochs"])[group].tolist(),
        progress=lambda f: report(0.8 * f), observe=sums, observe_every=1)
    epochs = epoch_law(law.hessian, law.noise, EPOCH_RATE, EPOCH_BATCH, loss.n_samples)
    numbers: dict[str, Any] = {"names": list(NAMES), "epochs": epochs.fdr1, "diverged": int((~path.finite).sum())}
    for relation in ("fdr1", "fdr2"):
        numbers[relation] = [_ratio(sums, relation, np.flatnonzero(group == k)) for k in range(len(NAMES))]
    additive = _additive(law.hessian, law.noise)
    arrays = _entries(sums, group, [one.covariance for one in laws], additive)
    numbers |= _away(arrays)
    numbers["whirl"] = _whirl(spec)
    report(1.0)
    return arrays, numbers


def _ratio(sums: FluctuationSums, relation: str, rows: np.ndarray) -> list[float]:
    try:
        ratio = sums.ratio(relation, rows)
    except TooFewSamples:
        return [math.nan, math.nan]
    return [ratio.value, ratio.stderr]


def _additive(hessian: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The covariance that theory with C alone gives, S H + H S = lr C / B."""
    from scipy.linalg import solve_continuous_lyapunov

    return solve_continuous_lyapunov(hessian, RATE / BATCH * noise)


def _entries(sums: FluctuationSums, group: np.ndarray, exact: list[np.ndarray], additive: np.ndarray
             ) -> dict[str, np.ndarray]:
    rows, columns = np.triu_indices(len(additive))
    columns_of: dict[str, list[np.ndarray]] = {name: [] for name in ("linear", "linear_error", "linear_exact",
                                                                     "linear_additive")}
    for k, law in enumerate(exact):
        each = (sums.second[group == k] / sums.records)[:, rows, columns]
        unit = np.sqrt(np.diag(law)[rows] * np.diag(law)[columns])
        error = each.std(axis=0, ddof=1) / math.sqrt(len(each)) if len(each) >= FEWEST else np.full(len(rows), np.nan)
        for name, values in (("linear", each.mean(axis=0)), ("linear_error", error),
                             ("linear_exact", law[rows, columns]), ("linear_additive", additive[rows, columns])):
            columns_of[name].append(values / unit)
    return {name: np.concatenate(values) for name, values in columns_of.items()}


def _away(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Root mean squares of the distances in standard errors."""
    known = np.isfinite(arrays["linear_error"])
    found: dict[str, Any] = {"entries": int(known.sum())}
    for name, theory in (("away", "linear_exact"), ("away_additive", "linear_additive")):
        z = ((arrays["linear"] - arrays[theory]) / arrays["linear_error"])[known]
        found[name] = float(np.sqrt((z**2).mean())) if z.size else math.nan
    return found


def _whirl(spec: "HeatBath") -> dict[str, Any]:
    """Entropy production of a well with a rotation added, and of the same well without."""
    n = BALLS * spec.replicas
    found: dict[str, Any] = {}
    for name, omega in (("production", OMEGA), ("control", 0.0)):
        swirl = Swirl(CURVATURES, omega)
        law = linear_current(swirl.drift, HEAT, DT)
        start = rng(spec.seed, "whirl").standard_normal((n, 2)) @ np.linalg.cholesky(law.covariance).T
        path = simulate(swirl, Overdamped(DT, "euler-maruyama"), start, WHIRLS, HEAT, spec.seed)
        estimate = entropy_production(path.x, DT, HEAT)
        found |= {name: [estimate.value, estimate.stderr], f"{name}_exact": law.entropy_production}
    return found
