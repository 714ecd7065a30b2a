"""What replicas remember: displacement by waiting time, autocorrelation of the loss, averages over time."""

import numpy as np

from ...core.errors import BadInput, TooFewSamples
from ...core.statistics.estimators import FEWEST, Estimate, autocorrelation, autocorrelation_time, independent_mean
from ...core.statistics.time_averages import TimeAverages, displacement, time_averages
from ...runs.results import Pair
from .agreement import STRIDE
from .replicas import Replicas
from .results import NOTHING, OWN, SAME_DATA, Averages, Memory

# Waiting times of the chart, as shares of the run; its longest lag; how many lags.
WAITS = (0.003, 0.01, 0.03, 0.1, 0.3, 0.6)
LONGEST_LAG, LAGS = 0.38, 18
# Of the verdict, as shares of the run: the early waiting time, the lag, and over how long a stretch of origins both
# displacements are averaged. The late one ends with the run.
EARLY, LAG, STRETCH = 0.1, 0.125, 0.0625
# Points of the autocorrelation.
ACF_POINTS = 60
OBSERVABLES = ("loss", "function", "aligned")


def memory(replicas: Replicas) -> Memory:
    """Of the group with own starts and the same data; ageing of the group with own data as well."""
    rows, T = replicas.rows(SAME_DATA), len(replicas.steps)
    waits = np.unique([max(1, round(share * T)) for share in WAITS])
    lags = np.unique(np.geomspace(1, max(1, LONGEST_LAG * T), LAGS).round().astype(int))
    x = replicas.x[:, rows]
    moved = displacement(x, waits, lags)
    acf_lags, acf, tau = _autocorrelation(replicas, rows)
    ageing, lag = _ageing(replicas.x[:, np.concatenate([rows, replicas.rows(OWN)])])
    return Memory(waits * replicas.every, lags * replicas.every, Pair(_mean(moved), _error(moved)), acf_lags, acf,
                  ageing, lag * replicas.every, tau)


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


def ergodicity(replicas: Replicas, seen: dict[str, np.ndarray]) -> Averages:
    """Averages over time of the loss, of functions and of aligned parameters, for the same group."""
    arrays: dict[str, np.ndarray] = {}
    omega: dict[str, list[float]] = {}
    for name in OBSERVABLES:
        every = replicas.every * (1 if name == "loss" else STRIDE)
        try:
            found: TimeAverages = time_averages(np.moveaxis(seen[name], 0, 1))
        except (TooFewSamples, BadInput):
            continue
        arrays |= {f"{name}_steps": found.times * every, name: found.omega, f"{name}_ergodic": found.reference}
        omega[name] = [found.ratio.value, found.ratio.stderr, found.long_enough, found.tau * every]
    return Averages(omega, **arrays)
