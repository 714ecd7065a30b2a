"""Traces of symmetric operators by random probes, once their leading directions are taken out.

tr A = tr Q^T A Q + E z^T P A P z for any orthonormal Q and P = 1 - Q Q^T, z of random signs (M. Hutchinson, Commun.
Stat. Simul. 19, 433 (1990)); with Q of leading directions little is left to chance (R. Meyer, C. Musco, C. Musco and
D. Woodruff, Hutch++, SOSA 2021). Traces of squares and products likewise.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..statistics.estimators import Estimate, jackknife
from .lanczos import Products, outside_of, signs

TOGETHER = 4  # probes in one block of products
NAMES = ("A", "A2", "C", "C2", "AC")


class Traces(NamedTuple):
    """Traces of A, A^2, C, C^2 and A C: what leading directions give of each [5], and what each probe adds [5, n]."""

    known: np.ndarray
    rest: np.ndarray

    def estimate(self, function: Callable[..., float], rounding: float = 0.0) -> Estimate:
        """function(tr A, tr A^2, tr C, tr C^2, tr A C) with its error, jackknifed over probes, which also takes off its
        leading bias. rounding: the error of the numbers themselves, relative to it.
        """
        def of_means(*parts: Any) -> float:
            return function(*(known + float(np.mean(part)) for known, part in zip(self.known, parts, strict=True)))

        found = jackknife(of_means, *self.rest)
        n = self.rest.shape[1]
        without = [of_means(*np.delete(self.rest, k, axis=1)) for k in range(n)]
        value = n * found.value - (n - 1) * float(np.mean(without))
        return Estimate(value, math.hypot(found.stderr, rounding * abs(value)))


def of_matrices(A: np.ndarray, C: np.ndarray | None) -> Traces:
    """The same, exactly, of matrices [d, d]."""
    known = [np.trace(A), (A**2).sum(), *(
        [math.nan] * 3 if C is None else [np.trace(C), (C**2).sum(), (A * C).sum()])]
    return Traces(np.array(known, dtype=np.float64), np.zeros((len(NAMES), TOGETHER)))


def probed(A: Products, C: Products | None, directions: np.ndarray, n: int, seed: int = 0,
           tell: Callable[[float], None] = lambda share: None) -> Traces:
    """By n random probes, beside orthonormal directions [k, d] that are asked exactly."""
    known = np.array([part.sum() for part in _moments(A, C, directions)])
    rest = []
    for start in range(0, n, TOGETHER):
        probes = signs(directions.shape[1], min(TOGETHER, n - start), directions.dtype, seed, f"probes {start}")
        rest.append(_moments(A, C, outside_of(probes, directions)))
        tell(min(start + TOGETHER, n) / n)
    return Traces(known, np.concatenate(rest, axis=1))


def _moments(A: Products, C: Products | None, block: np.ndarray) -> np.ndarray:
    """[5, n] of vectors [n, d]."""
    def dots(some: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.einsum("nd,nd->n", some, others, dtype=np.float64)

    curved = A(block)
    found = [dots(block, curved), dots(curved, curved)]
    if C is None:
        return np.array([*found, *np.full((3, len(block)), np.nan)])
    shaken = C(block)
    return np.array([*found, dots(block, shaken), dots(shaken, shaken), dots(curved, shaken)])
