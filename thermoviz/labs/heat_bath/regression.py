"""Linear regression under minibatches and a known whirl: the heat bath's instruments, where all is known exactly."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import SGD, Overdamped
from ...core.dynamics.simulation import simulate
from ...core.errors import BadInput, TooFewSamples
from ...core.fluctuations.currents import entropy_production, linear_current
from ...core.fluctuations.regression import RegressionLaw, epoch_law, regression_law
from ...core.fluctuations.relations import FluctuationSums, forgetting_steps
from ...core.learning.datasets import LinearRegression
from ...core.learning.networks import MLP, NetworkLoss
from ...core.seeds import rng
from ...core.statistics.estimators import FEWEST, ratio_of_means
from ...core.thermodynamics.driven_wells import Swirl
from .specification import HeatBath

# 48 samples of 3 inputs; a rate and a batch at which single samples' own curvatures matter.
DATA = LinearRegression(n=60, inputs=3, noise=0.5, test_fraction=0.2)
RATE, BATCH, MOMENTUM, STEPS = 0.2, 4, 0.8, 4000
# The instrument is cheap: so many times as many copies as the experiment has.
MORE = 2
# Shuffled epochs go slower, so that their theory (additive noise) is exact to about one in a hundred.
EPOCH_RATE, EPOCH_BATCH = 0.02, 6
QUARTER = 4


class Shaking(NamedTuple):
    """How a group of copies is shaken."""

    name: str
    lr: float
    momentum: float
    batch_size: int
    batching: str = "replacement"


SHAKINGS = (
    Shaking("SGD", RATE, 0.0, BATCH), Shaking("fresh draws", RATE, 0.0, BATCH, "fresh"),
    Shaking("momentum", RATE * (1 - MOMENTUM), MOMENTUM, BATCH),
    Shaking("shuffled epochs", EPOCH_RATE, 0.0, EPOCH_BATCH, "epochs"),
    Shaking("a quarter of rate and batch", RATE / QUARTER, 0.0, BATCH // QUARTER),
    Shaking("a quarter of the rate", RATE / QUARTER, 0.0, BATCH))
# The whirl: curvatures, rotation, temperature, time step, steps, balls per copy of the experiment.
CURVATURES, OMEGA, TEMPERATURE, DT, WHIRLS, BALLS = (1.0, 4.0), 3.0, 1.0, 0.02, 1000, 4


def linear_bath(spec: HeatBath, report: Callable[[float], Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays `linear_...` (entries of three covariances, in units of their diagonals) and numbers.

    Numbers: `fdr1`, `fdr2` of the conditions `names`, `epochs` (theory), `away` (root mean square distance from
    the exact covariances, in standard errors), `away_additive` (the same from theory without multiplicative noise),
    `entries`; `heat` (excess loss of SGD over the exact law's), `heat_additive` (that of the additive theory); `law`,
    `law_control` (excess loss over that at a quarter of rate and batch, and of the rate alone), `law_theory`,
    `law_control_theory`; `whirl`, `diverged`.
    """
    loss = NetworkLoss(MLP(()), DATA.load(0))
    laws = {one.name: regression_law(loss, one.lr, one.batch_size, one.batching, one.momentum)
            for one in SHAKINGS if one.batching != "epochs"}
    group = np.repeat(np.arange(len(SHAKINGS)), MORE * spec.replicas)
    lr, momentum = (np.array([getattr(SHAKINGS[k], name) for k in group]) for name in ("lr", "momentum"))
    law = laws["SGD"]
    softest = float(np.linalg.eigvalsh(law.hessian)[0])
    burn_in = forgetting_steps(EPOCH_RATE, 0.0, softest)
    sums = FluctuationSums(loss, lr, momentum, STEPS, burn_in, law.minimum, np.eye(loss.d), law.hessian)
    path = simulate(
        loss, SGD(tuple(lr.tolist()), tuple(momentum.tolist())), np.tile(law.minimum, (len(group), 1)), STEPS,
        seed=spec.seed, record_every=STEPS, batch_size=[SHAKINGS[k].batch_size for k in group],
        batching=[SHAKINGS[k].batching for k in group],  # type: ignore[misc]
        progress=lambda f: report(0.8 * f), observe=sums, observe_every=1)
    epochs = epoch_law(law.hessian, law.noise, EPOCH_RATE, EPOCH_BATCH, loss.n_samples)
    numbers: dict[str, Any] = {"names": [one.name for one in SHAKINGS], "epochs": epochs.fdr1,
                               "diverged": int((~path.finite).sum())}
    for relation in ("fdr1", "fdr2"):
        numbers[relation] = [_ratio(sums, relation, np.flatnonzero(group == k)) for k in range(len(SHAKINGS))]
    additive = _additive(law.hessian, law.noise)
    arrays = _entries(sums, group, [laws[one.name].covariance for one in SHAKINGS[:3]], additive)
    numbers |= _away(arrays) | _excess_losses(sums, group, laws, additive)
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


def _excess_losses(sums: FluctuationSums, group: np.ndarray, laws: dict[str, RegressionLaw], additive: np.ndarray
           ) -> dict[str, Any]:
    """Excess losses 1/2 tr(H <x x^T>): measured over exact, and of pairs with equal lr/B over each other."""
    names, H = ("SGD", "a quarter of rate and batch", "a quarter of the rate"), laws["SGD"].hessian
    all_names = [one.name for one in SHAKINGS]
    sgd, pair, alone = ((H * sums.second[group == all_names.index(name)]).sum(axis=(1, 2)) / sums.records
                        for name in names)
    exact, pair_exact, alone_exact = (float((H * laws[name].covariance).sum()) for name in names)
    return {"heat": _over(sgd, np.full_like(sgd, exact)), "heat_additive": float((H * additive).sum()) / exact,
            "law": _over(sgd, pair), "law_theory": exact / pair_exact,
            "law_control": _over(sgd, alone), "law_control_theory": exact / alone_exact}


def _over(numerator: np.ndarray, denominator: np.ndarray) -> list[float]:
    try:
        found = ratio_of_means(numerator, denominator)
    except (TooFewSamples, BadInput):
        return [math.nan, math.nan]
    return [found.value, found.stderr]


def _whirl(spec: HeatBath) -> dict[str, Any]:
    """Entropy production of a well with a rotation added, and of the same well without."""
    n = BALLS * spec.replicas
    found: dict[str, Any] = {}
    for name, omega in (("production", OMEGA), ("control", 0.0)):
        swirl = Swirl(CURVATURES, omega)
        law = linear_current(swirl.drift, TEMPERATURE, DT)
        start = rng(spec.seed, "whirl").standard_normal((n, 2)) @ np.linalg.cholesky(law.covariance).T
        path = simulate(swirl, Overdamped(DT, "euler-maruyama"), start, WHIRLS, TEMPERATURE, spec.seed)
        estimate = entropy_production(path.x, DT)
        found |= {name: [estimate.value, estimate.stderr], f"{name}_exact": law.entropy_production}
    return found
