"""Linear regression under minibatches and a known whirl: the heat bath's instruments, where all is known exactly."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics import integrators
from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.errors import TooFewSamples
from ...core.fluctuations.currents import entropy_production, linear_current
from ...core.fluctuations.regression import RegressionLaw, epoch_law, regression_law
from ...core.fluctuations.relations import FluctuationSums, forgetting_steps
from ...core.learning.datasets import LinearRegression
from ...core.learning.networks import MLP, NetworkLoss
from ...core.seeds import rng
from ...core.statistics.estimators import FEWEST, Estimate
from ...core.thermodynamics.driven_wells import Swirl
from ...runs.results import Pair
from .results import (
    EPOCHS,
    FRESH,
    MOMENTUM,
    NOTHING,
    QUARTER_OF_BOTH,
    QUARTER_OF_RATE,
    SGD,
    Linear,
    Whirl,
    ratio_or_nothing,
)

# 48 samples of 3 inputs; a rate and a batch at which single samples' own curvatures matter.
DATA = LinearRegression(n=60, inputs=3, noise=0.5, test_fraction=0.2)
RATE, BATCH, MU, STEPS = 0.2, 4, 0.8, 4000
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
    Shaking(SGD, RATE, 0.0, BATCH), Shaking(FRESH, RATE, 0.0, BATCH, "fresh"),
    Shaking(MOMENTUM, RATE * (1 - MU), MU, BATCH),
    Shaking(EPOCHS, EPOCH_RATE, 0.0, EPOCH_BATCH, "epochs"),
    Shaking(QUARTER_OF_BOTH, RATE / QUARTER, 0.0, BATCH // QUARTER),
    Shaking(QUARTER_OF_RATE, RATE / QUARTER, 0.0, BATCH))
# The whirl: curvatures, rotation, temperature, time step, steps, balls per copy of the experiment.
CURVATURES, OMEGA, TEMPERATURE, DT, WHIRLS, BALLS = (1.0, 4.0), 3.0, 1.0, 0.02, 1000, 4


def linear_bath(replicas: int, seed: int, report: Callable[[float], Any]) -> Linear:
    """Copies of linear regression under all SHAKINGS, against the exact law; `replicas`: of the experiment."""
    loss = NetworkLoss(MLP(()), DATA.load(0))
    laws = {one.name: regression_law(loss, one.lr, one.batch_size, one.batching, one.momentum)
            for one in SHAKINGS if one.batching != "epochs"}
    group = np.repeat(np.arange(len(SHAKINGS)), MORE * replicas)
    lr, momentum = (np.array([getattr(SHAKINGS[k], name) for k in group]) for name in ("lr", "momentum"))
    law = laws[SGD]
    softest = float(np.linalg.eigvalsh(law.hessian)[0])
    burn_in = forgetting_steps(EPOCH_RATE, 0.0, softest)
    sums = FluctuationSums(loss, lr, momentum, STEPS, burn_in, law.minimum, np.eye(loss.d), law.hessian)
    path = simulate(
        loss, integrators.SGD(tuple(lr.tolist()), tuple(momentum.tolist())), np.tile(law.minimum, (len(group), 1)),
        STEPS, seed=seed, record_every=STEPS, batch_size=[SHAKINGS[k].batch_size for k in group],
        batching=[SHAKINGS[k].batching for k in group],  # type: ignore[misc]
        progress=lambda f: report(0.8 * f), observe=sums, observe_every=1)
    epochs = epoch_law(law.hessian, law.noise, EPOCH_RATE, EPOCH_BATCH, loss.n_samples)
    fdr1, fdr2 = ([_ratio(sums, relation, np.flatnonzero(group == k)) for k in range(len(SHAKINGS))]
                  for relation in ("fdr1", "fdr2"))
    additive = _additive(law.hessian, law.noise)
    entries = _entries(sums, group, [laws[one.name].covariance for one in SHAKINGS[:3]], additive)
    whirl = _whirl(replicas, seed)
    report(1.0)
    return Linear(
        entries.measured, entries.exact, entries.additive, [one.name for one in SHAKINGS], epochs.fdr1,
        int((~path.finite).sum()), fdr1, fdr2, int(np.isfinite(entries.measured.stderr).sum()),
        _away(entries.measured, entries.exact), _away(entries.measured, entries.additive),
        **_excess_losses(sums, group, laws, additive), whirl=whirl)


def _ratio(sums: FluctuationSums, relation: str, rows: np.ndarray) -> Estimate:
    try:
        return sums.ratio(relation, rows)
    except TooFewSamples:
        return NOTHING


def _additive(hessian: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The covariance that theory with C alone gives, S H + H S = lr C / B."""
    from scipy.linalg import solve_continuous_lyapunov

    return solve_continuous_lyapunov(hessian, RATE / BATCH * noise)


class Entries(NamedTuple):
    """Entries of covariances in units of their diagonals: measured, by the exact law, by additive noise."""

    measured: Pair
    exact: np.ndarray
    additive: np.ndarray


def _entries(sums: FluctuationSums, group: np.ndarray, exact: list[np.ndarray], additive: np.ndarray) -> Entries:
    rows, columns = np.triu_indices(len(additive))
    found: list[np.ndarray] = []
    for k, law in enumerate(exact):
        each = (sums.second[group == k] / sums.records)[:, rows, columns]
        unit = np.sqrt(np.diag(law)[rows] * np.diag(law)[columns])
        error = each.std(axis=0, ddof=1) / math.sqrt(len(each)) if len(each) >= FEWEST else np.full(len(rows), np.nan)
        found.append(np.stack([each.mean(axis=0), error, law[rows, columns], additive[rows, columns]]) / unit)
    value, stderr, by_law, by_additive = np.concatenate(found, axis=1)
    return Entries(Pair(value, stderr), by_law, by_additive)


def _away(measured: Pair, theory: np.ndarray) -> float:
    """Root mean square of the distances in standard errors; NaN where there are none."""
    z = ((measured.value - theory) / measured.stderr)[np.isfinite(measured.stderr)]
    return float(np.sqrt((z**2).mean())) if z.size else math.nan


def _excess_losses(sums: FluctuationSums, group: np.ndarray, laws: dict[str, RegressionLaw], additive: np.ndarray
           ) -> dict[str, Any]:
    """Excess losses 1/2 tr(H <x x^T>): measured over exact, and of pairs with equal lr/B over each other."""
    names, H = (SGD, QUARTER_OF_BOTH, QUARTER_OF_RATE), laws[SGD].hessian
    all_names = [one.name for one in SHAKINGS]
    sgd, pair, alone = ((H * sums.second[group == all_names.index(name)]).sum(axis=(1, 2)) / sums.records
                        for name in names)
    exact, pair_exact, alone_exact = (float((H * laws[name].covariance).sum()) for name in names)
    return {"excess": ratio_or_nothing(sgd, np.full_like(sgd, exact)),
            "excess_additive": float((H * additive).sum()) / exact,
            "equal": ratio_or_nothing(sgd, pair), "equal_theory": exact / pair_exact,
            "equal_control": ratio_or_nothing(sgd, alone), "equal_control_theory": exact / alone_exact}


def _whirl(replicas: int, seed: int) -> Whirl:
    """Entropy production of a well with a rotation added, and of the same well without."""
    n, measured, exact = BALLS * replicas, [], []
    for omega in (OMEGA, 0.0):
        swirl = Swirl(CURVATURES, omega)
        law = linear_current(swirl.drift, TEMPERATURE, DT)
        start = rng(seed, "whirl").standard_normal((n, 2)) @ np.linalg.cholesky(law.covariance).T
        path = simulate(swirl, Overdamped(DT, "euler-maruyama"), start, WHIRLS, TEMPERATURE, seed)
        measured.append(entropy_production(path.x, DT))
        exact.append(law.entropy_production)
    return Whirl(measured[0], exact[0], measured[1], exact[1])
