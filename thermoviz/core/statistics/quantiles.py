"""Quantiles of what is finite, all rows at once."""

from collections.abc import Sequence

import numpy as np


def finite_quantiles(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Quantiles [q, T] of the finite numbers in each row of values [T, n]; NaN where a row has none.

    Between two ranks the value is linear: number 7 of R. J. Hyndman & Y. Fan, "Sample quantiles in statistical
    packages", Am. Stat. 50 (1996), as numpy's own, whose `nanquantile` goes through the rows one by one.
    """
    if not values.size:
        return np.full((len(shares), len(values)), np.nan)
    finite = np.isfinite(values)
    ranked = np.sort(np.where(finite, values, np.nan), axis=1)  # NaN go to the end
    last = np.maximum(finite.sum(axis=1) - 1, 0)
    place = np.outer(shares, last)
    below = place.astype(int)
    rows, t = np.arange(len(values)), place - below
    low, high = ranked[rows, below], ranked[rows, np.minimum(below + 1, last)]
    # From whichever end is the nearer, so that the quantiles of equal numbers are these numbers.
    return np.where(t < 0.5, low + (high - low) * t, high - (high - low) * (1 - t))
