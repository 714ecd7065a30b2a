"""Leading eigenvalues and spectral density of a symmetric operator given by its products with blocks of vectors [n, d].

Eigenvalues by implicitly restarted Lanczos (ARPACK; R. Lehoucq, D. Sorensen and C. Yang, 1998), their errors by the
residual |A q - theta q|: within it of theta there is an eigenvalue (B. Parlett, The symmetric eigenvalue problem,
theorem 4.5.1). Density by stochastic Lanczos quadrature (S. Ubaru, J. Chen and Y. Saad, SIAM J. Matrix Anal. Appl. 38,
1075 (2017)) of what is left when the leading directions are taken out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..errors import BadInput
from ..seeds import rng

Products = Callable[[np.ndarray], np.ndarray]
TOLERANCE = 1e-3  # of an eigenvalue's residual, relative to it
DENSE = 60  # up to so many dimensions the whole matrix is cheaper
CHECKED = 10  # steps of a Lanczos run beside the pairs that were found, which asks whether one was missed
MOST_NUMBERS = 2**25  # in the vectors of runs that are side by side
ROUNDS = 4  # of taking up those that were


class Pairs(NamedTuple):
    """Eigenvalues [k], largest first, unit vectors [k, d], residuals [k]."""

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray


class Quadrature(NamedTuple):
    """Nodes [v, m] and weights [v, m] of each probe, their sum the number of dimensions that was asked; of the smallest
    node its residual: within it there is an eigenvalue."""

    nodes: np.ndarray
    weights: np.ndarray
    smallest: float
    residual: float


def leading(apply: Products, d: int, k: int, dtype: Any = np.float64, seed: int = 0,
            start: np.ndarray | None = None, tolerance: float = TOLERANCE) -> Pairs:
    """The k largest eigenvalues of the operator; all of them where k >= d. start [d]: where to begin, if known.

    One run of Lanczos sees a multiple eigenvalue once: a second one, beside what was found, asks for those that were
    missed. Raises BadInput where they do not converge.
    """
    k = min(k, d)
    if d <= max(DENSE, 3 * k):
        return _dense(apply, d, k, dtype)
    found = _with_residuals(apply, _arpack(apply, d, k, dtype, seed, start, tolerance))
    for round in range(ROUNDS if start is None else 0):
        beside = outside(apply, found.vectors)
        probe = outside_of(_unit(d, dtype, seed, f"beside {round}"), found.vectors)
        top = lanczos(beside, probe[None] / np.linalg.norm(probe), CHECKED)[0].max()
        if top <= found.values[-1] + found.residuals[-1] + tolerance * abs(found.values[-1]):
            break
        more = _arpack(beside, d, 1, dtype, seed + round + 1, None, tolerance)
        basis = np.concatenate([found.vectors, outside_of(more[0], found.vectors)[None]])
        found = _first(_rotated(apply, basis), k)
    return found


def _dense(apply: Products, d: int, k: int, dtype: Any) -> Pairs:
    matrix = apply(np.eye(d, dtype=dtype)).astype(np.float64)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    vectors = vectors.T[::-1][:k]
    return Pairs(values[::-1][:k], vectors.astype(dtype),
                 np.linalg.norm(vectors @ matrix - values[::-1][:k, None] * vectors, axis=1))


def _arpack(apply: Products, d: int, k: int, dtype: Any, seed: int, start: np.ndarray | None,
            tolerance: float) -> np.ndarray:
    operator = scipy.sparse.linalg.LinearOperator((d, d), matvec=lambda x: apply(np.ravel(x)[None])[0], dtype=dtype)
    first = _unit(d, dtype, seed, "lanczos") if start is None else start.astype(dtype)
    try:
        _, vectors = scipy.sparse.linalg.eigsh(operator, k=k, which="LA", tol=tolerance, v0=first)
    except scipy.sparse.linalg.ArpackError as error:
        raise BadInput(f"leading eigenvalues were not found ({error}).") from None
    return np.ascontiguousarray(vectors.T)


def _with_residuals(apply: Products, vectors: np.ndarray) -> Pairs:
    return _rotated(apply, np.linalg.qr(vectors.T.astype(np.float64))[0].T.astype(vectors.dtype))


def _rotated(apply: Products, basis: np.ndarray) -> Pairs:
    """The best pairs within an orthonormal basis [k, d], and their residuals."""
    applied = apply(basis)
    inner = (basis @ applied.T).astype(np.float64)
    values, mix = np.linalg.eigh((inner + inner.T) / 2)
    mix, values = mix[:, ::-1].astype(basis.dtype), values[::-1]
    vectors = mix.T @ basis
    residuals = np.linalg.norm(mix.T @ applied - values[:, None].astype(basis.dtype) * vectors, axis=1)
    return Pairs(values, vectors, residuals)


def _first(pairs: Pairs, k: int) -> Pairs:
    return Pairs(*(part[:k] for part in pairs))


def outside(apply: Products, vectors: np.ndarray) -> Products:
    """The operator on what is at right angles to orthonormal vectors [k, d]."""
    def applied(block: np.ndarray) -> np.ndarray:
        return outside_of(apply(outside_of(block, vectors)), vectors)

    return applied


def outside_of(block: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """What of vectors [n, d] is at right angles to orthonormal ones [k, d]."""
    return block - (block @ vectors.T) @ vectors if len(vectors) else block


def signs(d: int, n: int, dtype: Any, seed: int, name: str) -> np.ndarray:
    """n random vectors [n, d] of +-1."""
    draw = rng(seed, name)
    return np.stack([2 * draw.integers(0, 2, d, dtype=np.int8) - 1 for _ in range(n)]).astype(dtype)


def _unit(d: int, dtype: Any, seed: int, name: str) -> np.ndarray:
    vector = rng(seed, name).standard_normal(d)
    return np.asarray(vector / np.linalg.norm(vector), dtype=dtype)


def lanczos(apply: Products, starts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(nodes [v, m], weights [v, m], last couplings times last components [v, m]) of runs from unit starts [v, d].

    Side by side, three vectors each: without a second orthogonalisation copies of converged eigenvalues come up, which
    share the weight of the one that they are copies of (G. Golub and G. Meurant, Matrices, moments and quadrature,
    2010, chapter 4). A run whose start spans few directions ends early: further nodes have no weight.
    """
    before, here = np.zeros_like(starts), starts
    n = len(starts)
    diagonal, beside = np.zeros((n, steps)), np.zeros((n, steps))
    coupling, ended = np.zeros(n), np.zeros(n, bool)
    scale = np.zeros(n)
    for m in range(steps):
        new = apply(here) - coupling[:, None].astype(here.dtype) * before
        diagonal[:, m] = _dots(new, here)
        new = new - diagonal[:, m, None].astype(here.dtype) * here
        coupling = np.sqrt(_dots(new, new))
        scale = np.maximum(scale, np.abs(diagonal[:, m]) + coupling)
        ended |= coupling <= 4 * np.finfo(here.dtype).eps * scale
        coupling[ended] = 0.0
        beside[:, m] = coupling
        before, here = here, np.where(ended[:, None], 0, new / np.maximum(coupling, 1e-300)[:, None]).astype(here.dtype)
    nodes, weights, ends = np.zeros((3, n, steps))
    for k in range(n):
        until = steps if not (beside[k] == 0).any() else int((beside[k] == 0).argmax()) + 1
        values, mix = scipy.linalg.eigh_tridiagonal(diagonal[k, :until], beside[k, :until - 1])
        nodes[k], nodes[k, :until] = values[0], values
        weights[k, :until] = mix[0] ** 2
        ends[k, :until] = beside[k, until - 1] * np.abs(mix[-1])
    return nodes, weights, ends


def _dots(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", some, others, dtype=np.float64)


def quadrature(apply: Products, d: int, without: np.ndarray, probes: int, steps: int, dtype: Any,
               seed: int = 0) -> Quadrature:
    """The spectrum of the operator beside the orthonormal vectors `without` [k, d], by random probes."""
    steps, rest = min(steps, d - len(without)), outside(apply, without)
    together = max(1, min(probes, MOST_NUMBERS // d))
    found = []
    for first in range(0, probes, together):
        starts = outside_of(signs(d, min(together, probes - first), dtype, seed, f"density {first}"), without)
        found.append(lanczos(rest, starts / np.sqrt(_dots(starts, starts))[:, None].astype(dtype), steps))
    nodes, weights, ends = (np.concatenate(parts) for parts in zip(*found, strict=True))
    alive = np.where(weights > 0, nodes, np.inf)
    at = np.unravel_index(alive.argmin(), alive.shape)
    return Quadrature(nodes, weights * (d - len(without)), float(nodes[at]), float(ends[at]))


def broadened(at: np.ndarray, nodes: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    """The density [..., g] at values `at` [g] of nodes [..., m] with weights, each a normal curve of that width."""
    z = (at - nodes[..., None]) / width
    return (weights[..., None] * np.exp(-z**2 / 2)).sum(axis=-2) / (width * np.sqrt(2 * np.pi))
