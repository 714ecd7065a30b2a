"""Whether chains tell the same: the potential scale reduction R-hat, of one observable or of many at once.

Source: A. Gelman and D. Rubin, Stat. Sci. 7, 457 (1992); split: Gelman et al., Bayesian Data Analysis, 3rd ed. (2013),
11.4. Of the energy, R-hat near 1 never certifies ergodicity.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BadInput, TooFewSamples
from .estimators import FEWEST, Estimate, jackknife, series_of


class Chains:
    """Observables [T, m, q] of m replicas as what R-hat needs of them: means and variances [m, parts, q] in time."""

    def __init__(self, values: np.ndarray, split: bool = False) -> None:
        values = np.asarray(values, np.float64)
        values = values[..., None] if values.ndim == 2 else values
        half = len(values) // 2
        parts = [values[:half], values[len(values) - half:]] if split else [values]
        self.n = len(parts[0])
        # About the common mean, so that a large one does not eat the digits of small differences.
        centre = values.mean(axis=(0, 1))
        self.means = np.stack([(part - centre).mean(axis=0) for part in parts], axis=1)
        self.variances = np.stack([part.var(axis=0, ddof=1) for part in parts], axis=1)

    def estimate(self, reduce: Callable[[np.ndarray], float]) -> Estimate:
        """A number read from all R-hats [q], such as their median, with its jackknife error over replicas."""
        return jackknife(lambda means, variances: reduce(r_hats(means, variances, self.n)), self.means, self.variances)


def r_hats(means: np.ndarray, variances: np.ndarray, n: int) -> np.ndarray:
    """R-hat [q] from means and variances [m, parts, q] over n records; NaN where no chain moves.

    sqrt(((n - 1)/n W + B/n) / W), W the mean variance within chains, B/n the variance of their means.
    """
    within = variances.mean(axis=(0, 1))
    between = means.reshape(-1, means.shape[-1]).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt((n - 1) / n + np.where(within > 0, between / within, np.nan))


def r_hat(chains: Any, split: bool = False) -> Estimate:
    """Potential scale reduction R-hat of chains [m, n]; near 1 where all chains tell the same.

    `split` halves each chain first, which also sees drifts. stderr: jackknife over chains (m >= 4), else NaN. Raises
    TooFewSamples, BadInput.
    """
    array = series_of(chains, "chains", (2,))
    half = array.shape[1] // 2
    parts = np.stack([array[:, :half], array[:, array.shape[1] - half:]], axis=1) if split else array[:, None]
    if len(array) < 2 or parts.shape[2] < 2:
        raise TooFewSamples(
            f"R-hat needs at least 2 chains of {4 if split else 2} samples, got {list(array.shape)}.")
    if not (np.ptp(parts, axis=2) > 0).any():
        raise BadInput("chains: every chain is constant, so that R-hat is 0/0 or infinite.")
    means, variances = parts.mean(axis=2, keepdims=True), parts.var(axis=2, ddof=1, keepdims=True)

    def of(means: np.ndarray, variances: np.ndarray) -> float:
        return float(r_hats(means, variances, parts.shape[2])[0])

    return Estimate(of(means, variances), math.nan) if len(array) < FEWEST else jackknife(of, means, variances)
