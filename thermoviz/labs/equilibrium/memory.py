"""What replicas remember: displacement by waiting time, autocorrelation of the loss, averages over time."""

from typing import Any

import numpy as np

from ...core.errors import BadInput, TooFewSamples
from ...core.statistics.estimators import FEWEST, Estimate, autocorrelation, autocorrelation_time, independent_mean
from ...core.statistics.time_averages import TimeAverages, displacement, time_averages
from .agreement import NOTHING, STRIDE
from .replicas import OWN, SAME_DATA, Replicas

# Waiting times of the chart, as shares of the run; its longest lag; how many lags.
WAITS = (0.003, 0.01, 0.03, 0.1, 0.3, 0.6)
LONGEST_LAG, LAGS = 0.38, 18
# Of the verdict, as shares of the run: the early waiting time, the lag, and over how long a stretch of origins both
# displacements are averaged. The late one ends with the run.
EARLY, LAG, STRETCH = 0.1, 0.125, 0.0625
# Points of the autocorrelation.
ACF_POINTS = 60
OBSERVABLES = ("loss", "function", "aligned")


def memory(replicas: Replicas) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, numbers) of the group with own starts and the same data.

    Arrays: `waits` [w], `lags` [k] in steps, `msd`, `msd_error` [w, k] (NaN: the record ends before); `acf_lags`, `acf`
    [p] of the loss within replicas. Numbers: `ageing` [value, error]: Delta at the end over Delta early, at lag
    `ageing_lag`, of the group with own data as well; `tau`: correlation time of the loss in steps (value, error; NaN:
    too few records).
    """
    rows, T = replicas.rows(SAME_DATA), len(replicas.steps)
    waits = np.unique([max(1, round(share * T)) for share in WAITS])
    lags = np.unique(np.geomspace(1, max(1, LONGEST_LAG * T), LAGS).round().astype(int))
    x = replicas.x[:, rows]
    moved = displacement(x, waits, lags)
    acf_lags, acf, tau = _autocorrelation(replicas, rows)
    arrays = {"waits": waits * replicas.every, "lags": lags * replicas.every,
              "msd": _mean(moved), "msd_error": _error(moved), "acf_lags": acf_lags, "acf": acf}
    ageing, lag = _ageing(replicas.x[:, np.concatenate([rows, replicas.rows(OWN)])])
    return arrays, {"ageing": [ageing.value, ageing.stderr], "ageing_lag": lag * replicas.every,
                    "tau": [tau.value, tau.stderr]}


def _mean(moved: np.ndarray) -> np.ndarray:
    return moved.mean(axis=2) if moved.shape[2] else np.full(moved.shape[:2], np.nan)


def _error(moved: np.ndarray) -> np.ndarray:
    m = moved.shape[2]
    return moved.std(axis=2, ddof=1) / np.sqrt(m) if m >= FEWEST else np.full(moved.shape[:2], np.nan)


def _ageing(x: np.ndarray) -> tuple[Estimate, int]:
    """Delta late over Delta early at one lag (in records): geometric mean over replicas, so that no single one that
    hops to another valley decides."""
    T = len(x)
    early, lag, stretch = (max(1, round(share * T)) for share in (EARLY, LAG, STRETCH))
    late = T - 1 - lag - stretch
    if x.shape[1] < FEWEST or late <= early + stretch:
        return NOTHING, lag
    first, last = (displacement(x, [wait], [lag], stretch / wait)[0, 0] for wait in (early, late))
    if not (np.minimum(first, last) > 0).all():
        return NOTHING, lag
    log = independent_mean(np.log(last / first))
    return Estimate(np.exp(log.value), np.exp(log.value) * log.stderr), lag


def _autocorrelation(replicas: Replicas, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, Estimate]:
    """Of the loss around each replica's own mean: lags in steps, rho, and tau in steps."""
    chains = replicas.losses[replicas.settled:, rows].T
    if not chains.size or np.ptp(chains) == 0:
        return np.zeros(0), np.zeros(0), NOTHING
    chains = chains - chains.mean(axis=1, keepdims=True)
    rho = autocorrelation(chains)
    lags = np.unique(np.geomspace(1, max(len(rho) // 4, 1), ACF_POINTS).round().astype(int))
    lags = np.append(0, lags[lags < len(rho)])
    try:
        tau = autocorrelation_time(chains)
    except TooFewSamples:
        return lags * replicas.every, rho[lags], NOTHING
    return lags * replicas.every, rho[lags], Estimate(tau.value * replicas.every, tau.stderr * replicas.every)


def ergodicity(replicas: Replicas, seen: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, numbers): averages over time of the loss, of functions and of aligned parameters, for the same group.

    Arrays, per observable: `omega_steps_...`, `omega_...`, `omega_ref_...` [p] (see `core.memory.TimeAverages`).
    Numbers: `omega` {observable: [ratio, error, long enough, correlation time in steps]}; without an entry where
    replicas or records are too few.
    """
    arrays: dict[str, np.ndarray] = {}
    numbers: dict[str, Any] = {}
    for name in OBSERVABLES:
        every = replicas.every * (1 if name == "loss" else STRIDE)
        try:
            found: TimeAverages = time_averages(np.moveaxis(seen[name], 0, 1))
        except (TooFewSamples, BadInput):
            continue
        arrays |= {f"omega_steps_{name}": found.times * every, f"omega_{name}": found.omega,
                   f"omega_ref_{name}": found.reference}
        numbers[name] = [found.ratio.value, found.ratio.stderr, found.long_enough, found.tau * every]
    return arrays, {"omega": numbers}
