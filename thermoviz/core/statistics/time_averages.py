"""What replicas remember: two-time displacements, and how soon averages over time agree from replica to replica."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import BadInput, TooFewSamples
from .estimators import FEWEST, WINDOW, Estimate, jackknife

# Origins averaged over for one waiting time.
ORIGINS = 48
# Correlation times that a chain must last before its averages can be predicted from itself.
LONG_ENOUGH = 10.0


def displacement(x: Any, waits: Any, lags: Any, spread: float = 0.25) -> np.ndarray:
    """Two-time mean squared displacement Delta(t_w, t) = |x(t_w + t) - x(t_w)|^2 / d, per replica: [w, k, n].

    x [T, n, d], in records; waits [w], lags [k]: whole numbers of records. Each waiting time stands for the origins
    from t_w to (1 + spread) t_w, at most 48 of them. NaN where the record ends before. Ageing means that Delta depends
    on t_w (M. Baity-Jesi et al., ICML 2018). Raises BadInput.
    """
    path = np.asarray(x)
    if path.ndim != 3:
        raise BadInput(f"x must have shape [T, n, d], got {list(path.shape)}.")
    found = np.full((len(waits), len(lags), path.shape[1]), np.nan)
    for i, wait in enumerate(np.asarray(waits, int)):
        for j, lag in enumerate(np.asarray(lags, int)):
            last = min(int(wait * (1 + spread)), len(path) - 1 - lag)
            if last >= wait:
                at = np.unique(np.linspace(wait, last, min(ORIGINS, last - wait + 1)).astype(int))
                found[i, j] = ((path[at + lag] - path[at]).astype(np.float64) ** 2).mean(axis=(0, 2))
    return found


class TimeAverages(NamedTuple):
    """How averages over a growing time agree between replicas, in units of the variance within them.

    times [p], in records; omega [p]: Thirumalai-Mountain metric; reference [p]: what it would be if every replica went
    everywhere; ratio: sqrt(omega / reference) over the whole chain, how many times as much averages scatter as they
    should, with its jackknife error over replicas; long_enough: whether the chains last for so many correlation times
    that the reference can be trusted (else it is a bound from above: the variance within); tau: correlation time in
    records.
    """

    times: np.ndarray
    omega: np.ndarray
    reference: np.ndarray
    ratio: Estimate
    long_enough: bool
    tau: float


def time_averages(chains: Any, points: int = 60) -> TimeAverages:
    """Ergodicity of observables recorded as [m, n] or [m, n, q] (m replicas, n records, q observables, pooled).

    Omega: population variance over replicas of running means (D. Thirumalai and R. Mountain, Phys. Rev. A 42, 4574
    (1990)); each observable counts in units of its variance within chains. The reference (m - 1)/m v(t), v the variance
    of a mean over t records, comes from fluctuations *within* chains alone, so that a difference between replicas
    cannot hide in it: autocovariances up to Sokal's window, freed of the bias of centring each chain on its own mean.
    Raises TooFewSamples below 4 replicas or 16 records, BadInput for a constant.
    """
    series = np.asarray(chains, dtype=np.float64)
    series = series[..., None] if series.ndim == 2 else series
    if series.ndim != 3 or not np.isfinite(series).all():
        raise BadInput("chains must be finite numbers of shape [m, n] or [m, n, q].")
    m, n = series.shape[:2]
    if m < FEWEST or n < 16:
        raise TooFewSamples(f"{m} replicas of {n} records are too few for averages over time.")
    size = series.var(axis=1).mean(axis=0)
    if not (size > 0).any():
        raise BadInput("chains: no observable moves.")
    series = series[..., size > 0] / np.sqrt(size[size > 0])
    covariance = _autocovariance(series)  # [m, n]
    window, tau = _window(covariance.mean(axis=0))
    at = np.unique(np.geomspace(1, n, points).round().astype(int))
    running = np.cumsum(series - series.mean(axis=(0, 1)), axis=1)[:, at - 1] / at[:, None]
    omega = running.var(axis=0).mean(axis=1)
    kept = covariance[:, :window + 1]

    def share(means: np.ndarray, kept: np.ndarray) -> float:
        expected = _reference(kept.mean(axis=0), len(means), n, np.array([n]))[0]
        return float(np.sqrt(means.var(axis=0).mean() / expected))

    ratio = jackknife(share, running[:, -1], kept)
    return TimeAverages(at, omega, _reference(kept.mean(axis=0), m, n, at), ratio, n >= LONG_ENOUGH * tau, tau)


def _autocovariance(series: np.ndarray) -> np.ndarray:
    """About each chain's own mean, averaged over observables: [m, n, q] -> [m, n]."""
    m, n, q = series.shape
    size = 1 << (2 * n - 1).bit_length()
    total = np.zeros((m, size // 2 + 1))
    for k in range(q):
        total += np.abs(np.fft.rfft(series[..., k] - series[..., k].mean(axis=1, keepdims=True), size, axis=1)) ** 2
    return np.fft.irfft(total / q, size, axis=1)[:, :n] / np.arange(n, 0, -1)


def _window(covariance: np.ndarray) -> tuple[int, float]:
    """Sokal's window, at most a third of the record, and the correlation time that it gives, bias taken off."""
    n = len(covariance)
    sums = 2 * np.cumsum(covariance / covariance[0]) - 1
    reached = np.arange(n) >= WINDOW * np.maximum(np.maximum.accumulate(sums), 1.0)
    window = min(int(np.argmax(reached)) if reached.any() else n, n // 3)
    lags = np.arange(window + 1)
    unbiased = _unbiased(covariance[:window + 1], n)
    return window, float((2 * (1 - lags / n) * unbiased).sum() / unbiased[0] - 1)


def _unbiased(covariance: np.ndarray, n: int) -> np.ndarray:
    """Autocovariances [W + 1] plus the variance of a chain's mean, which centring on it has taken off every one."""
    weight = np.where(np.arange(len(covariance)) > 0, 2.0, 1.0) * (1 - np.arange(len(covariance)) / n)
    lost = max(float(weight @ covariance), 0.0) / max(n - weight.sum(), 1.0)
    return covariance + min(lost, float(covariance[0]))


def _reference(covariance: np.ndarray, m: int, n: int, at: np.ndarray) -> np.ndarray:
    """(m - 1)/m times the variance of a mean over `at` [p] records, at most the variance within a chain."""
    unbiased = _unbiased(covariance, n)
    lags = np.arange(len(unbiased))
    weight = np.where(lags > 0, 2.0, 1.0) * np.clip(1 - lags / at[:, None], 0, None)
    return (m - 1) / m * np.minimum(np.maximum(weight @ unbiased, 1e-12) / at, unbiased[0])
