"""e^(tA) p for the generator A of a reversible Markov chain, at many times in one pass, whatever its stiffness.

Two polynomial expansions, each where it is strong. Uniformisation, e^(tA) = sum_k Poisson(k; q t) (1 + A/q)^k, adds
nothing but positive numbers, so it keeps every digit wherever the chain starts, for q t products with A. Chebyshev's
expansion of the symmetrised generator takes about sqrt(40 q t) products only, but its rounding errors grow with the
distance chi from equilibrium, chi^2 = sum p^2/p_eq - 1; so it takes over once chi allows it.
Sources: A. Jensen, Skand. Aktuarietidskr. 36, 87 (1953); H. Tal-Ezer and R. Kosloff, J. Chem. Phys. 81, 3967 (1984).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy

# Chebyshev is used once chi is below this: its rounding is then below 1e-16 x CHI = 1e-10.
CHI = 1e6
# From this distance on the chain counts as arrived.
ARRIVED = 1e-12
# q t of one uniformisation; and how much further than its first time (or than that) a Chebyshev expansion reaches.
UNIFORM_SPAN = 2000.0
CHEBYSHEV_SPAN = 30.0
# Vectors gathered before they are weighed: one matrix product instead of many.
BLOCK = 64
# Cells weighed by one product: so few that BLAS wakes no threads, which on a busy machine cost more than they give.
STRIP = 128
# Chebyshev's coefficients e^-z I_k(z) fall as e^(-k^2/2z): beyond sqrt(80 z) they are below 1e-17.
DEGREE = 80.0
TAIL = 40


class Propagator:
    """e^(tA) p for A = `generator` (sparse [m, m], columns sum to 0), in detailed balance with `equilibrium` [m]."""

    def __init__(self, generator: Any, equilibrium: np.ndarray) -> None:
        self._root = np.sqrt(equilibrium)
        self._rate = float(-generator.diagonal().min())
        rate = max(self._rate, 1e-300)
        identity = scipy.sparse.identity(len(equilibrium), format="csr")
        self._jump = (identity + generator / rate).tocsr()
        # Detailed balance makes sqrt(A_ij A_ji) the generator seen from the roots of the equilibrium.
        pairs = generator.tocoo()
        mirrored = np.asarray(generator.T.tocsr()[pairs.row, pairs.col]).ravel()
        symmetric = np.where(pairs.row == pairs.col, pairs.data, np.sqrt(np.abs(pairs.data * mirrored)))
        # Spectrum in [-2 q, 0] by Gershgorin on the generator, which has the same eigenvalues.
        scaled = scipy.sparse.csr_matrix((symmetric / rate, (pairs.row, pairs.col)),
                                   shape=generator.shape)
        self._twice = (2 * (identity + scaled)).tocsr()

    def evolve(self, p: np.ndarray, times: np.ndarray, products: float = np.inf,
               progress: Callable[[float], Any] | None = None) -> np.ndarray:
        """p at `times` (increasing, from 0) as rows [k, m]; fewer rows where `products` with A do not reach further."""
        if self._rate == 0:  # a single cell
            return np.repeat(p[None], len(times), axis=0)
        total = p.sum()
        rows: list[np.ndarray] = []
        p, now = p / total, 0.0
        while len(rows) < len(times):
            rest = (times[len(rows):] - now) * self._rate
            chi = self._distance(p)
            if chi < ARRIVED:
                rows += [self._root**2] * len(rest)
                break
            uniform = chi > CHI
            spans = _uniform_spans(rest) if uniform else _chebyshev_spans(rest)
            spans = spans[[cost(span, uniform) <= products for span in spans]]
            if not len(spans):
                break
            products -= cost(spans[-1], uniform)
            ends = (self._uniform if uniform else self._chebyshev)(p, spans)
            reached = min(len(spans), int(np.searchsorted(rest, spans[-1], side="right")))
            rows += list(ends[:reached])
            p, now = ends[-1], now + spans[-1] / self._rate
            if progress:
                progress(len(rows) / len(times))
        return total * np.array(rows).reshape(-1, len(p))

    def _distance(self, p: np.ndarray) -> float:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            excess = np.where(p > 0, p / self._root, 0.0) - self._root * (p.sum())
        size = float(np.linalg.norm(excess))
        return size if np.isfinite(size) else np.inf

    def _uniform(self, p: np.ndarray, spans: np.ndarray) -> np.ndarray:
        k = np.arange(int(cost(spans[-1], True)) + 1)
        weights = np.exp(scipy.special.xlogy(k, spans[:, None]) - spans[:, None] - scipy.special.gammaln(k + 1))
        weights /= weights.sum(axis=1, keepdims=True)

        def powers() -> Iterator[np.ndarray]:
            power = p
            yield power
            while True:
                power = self._jump @ power
                yield power

        return _weighed(powers(), weights)

    def _chebyshev(self, p: np.ndarray, spans: np.ndarray) -> np.ndarray:
        # e^(z (B - 1)) with B = 1 + A/q, whose spectrum lies in [-1, 1].
        k = np.arange(int(cost(spans[-1], False)) + 1)
        weights = scipy.special.ive(k, spans[:, None]) * np.where(k == 0, 1.0, 2.0)
        # What is in equilibrium stays: only the rest is expanded, so that mass is kept to rounding.
        share = p.sum()
        rest = np.where(self._root > 0, p / np.where(self._root > 0, self._root, 1.0), 0.0) - share * self._root

        def polynomials() -> Iterator[np.ndarray]:
            before, now = rest, 0.5 * (self._twice @ rest)
            yield before
            while True:
                yield now
                before, now = now, self._twice @ now - before

        out = _weighed(polynomials(), weights)
        out -= np.outer(out @ self._root, self._root)
        return self._root * (out + share * self._root)


def _uniform_spans(rest: np.ndarray) -> np.ndarray:
    """The next spans within one uniformisation, or a step on the way to the first of them."""
    within = rest[rest <= UNIFORM_SPAN]
    return within if len(within) else np.array([UNIFORM_SPAN])


def _chebyshev_spans(rest: np.ndarray) -> np.ndarray:
    """Spans far apart take turns, so that a chain that arrives early costs nothing further."""
    return rest[rest <= max(rest[0], UNIFORM_SPAN) * CHEBYSHEV_SPAN]


def cost(span: float, uniform: bool) -> float:
    """Products with A that an expansion over `span` (in units of 1/q) takes."""
    poisson = span + 9 * np.sqrt(span) + TAIL
    return float(np.ceil(poisson if uniform else min(np.sqrt(DEGREE * span) + TAIL, poisson)))


def _weighed(vectors: Iterator[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """sum_k weights[:, k] vectors[k]: rows [t, m]; only the times that a block of vectors matters to are touched."""
    block: list[np.ndarray] = []
    out: np.ndarray | None = None
    for k, vector in zip(range(weights.shape[1]), vectors, strict=False):
        out = np.zeros((len(weights), len(vector))) if out is None else out
        block.append(vector)
        if len(block) == BLOCK or k == weights.shape[1] - 1:
            share = weights[:, k + 1 - len(block):k + 1]
            active = np.abs(share).max(axis=1) > 1e-19
            gathered, weighty = np.array(block), share[active]
            for start in range(0, gathered.shape[1], STRIP):
                out[active, start:start + STRIP] += weighty @ gathered[:, start:start + STRIP]
            block = []
    assert out is not None
    return out
