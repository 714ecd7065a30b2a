"""Principal components of recorded paths, and what they would show of a random walk."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy

from ..arrays import column_blocks, row_blocks, single_or_double
from ..errors import BadInput
from ..seeds import rng

DEPENDENT = 1e-8  # two directions whose sine is below this span no plane
_DENSE = 400  # up to this many rows or columns a dense eigensolver is faster than Lanczos
_GRAM = 2000  # the same where what is multiplied is read anew each time
# Recordings of more numbers are read in blocks: a float64 copy would not fit into a worker.
_DOUBLE = 5_000_000


def as_paths(recorded: Any) -> list[np.ndarray]:
    """The recorded paths, one array [T, d] (float32 or float64) per replica, without the replicas that left
    the finite numbers.

    recorded: a Trajectory, an array [T, d] or [T, n, d], or a list or tuple of those. Raises BadInput if no
    replica is finite throughout or if paths differ in d.
    """
    several = isinstance(recorded, (list, tuple)) and any(_is_path(one) for one in recorded)
    paths = [path for one in (recorded if several else [recorded]) for path in _replicas(one)]
    finite = [path for path in paths if all(np.isfinite(block).all() for _, block in row_blocks(path))]
    if not finite:
        raise BadInput("no recorded path is finite throughout: every replica diverged.")
    if len({path.shape[1] for path in finite}) > 1:
        raise BadInput("recorded paths must have the same number of parameters, "
                       f"got {sorted({path.shape[1] for path in finite})}.")
    return finite


def _is_path(one: Any) -> bool:
    return hasattr(one, "energy") or np.ndim(one) >= 2


def _replicas(one: Any) -> list[np.ndarray]:
    try:
        x = single_or_double(one.x if hasattr(one, "energy") else one)
    except (TypeError, ValueError):
        raise BadInput("a recorded path must be a Trajectory or an array [T, d] or [T, n, d].") from None
    if x.ndim == 2:
        x = x[:, None]
    if x.ndim != 3 or x.size == 0:
        raise BadInput("a recorded path must be a Trajectory or a non-empty array [T, d] or [T, n, d], "
                       f"got shape {list(np.shape(x))}.")
    return [x[:, i] for i in range(x.shape[1])]


def leading_components(points: Any, k: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean [d], directions [k, d], ratios [k]): PCA of points [m, d], or of several such arrays together, ratios as
    shares of the whole variance.

    The sign makes each direction's largest entry positive. Works through the smaller of the two Gram
    matrices, never d x d where m < d; large ones by Lanczos with a fixed start. Squaring limits it to
    components above 1e-8 of the first one's length. Large recordings are read in blocks, from memory or from mapped
    files: beside them stand a block and the smaller Gram matrix.
    """
    parts = [points] if isinstance(points, np.ndarray) else list(points)
    m, d = sum(map(len, parts)), parts[0].shape[1]
    k = min(k, m, d)
    mean, values, directions, total = (_in_memory if m * d <= _DOUBLE else _in_blocks)(parts, k)
    if total == 0:
        return mean, np.zeros((k, d)), np.zeros(k)
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    directions /= np.where(lengths > 0, lengths, 1)
    largest = directions[np.arange(k), np.abs(directions).argmax(1)]
    directions *= np.where(largest < 0, -1.0, 1.0)[:, None]
    return mean, directions, np.maximum(values, 0) / total


Components = tuple[np.ndarray, np.ndarray, np.ndarray, float]


def _in_memory(parts: list[np.ndarray], k: int) -> Components:
    """(mean [d], eigenvalues [k], directions [k, d] of any length, the whole)."""
    points = np.concatenate(parts) if len(parts) > 1 else parts[0]
    mean = points.mean(0, dtype=np.float64)
    centred = points - mean
    total = float(np.sum(np.einsum("ij,ij->i", centred, centred), dtype=np.float64))
    m, d = centred.shape
    if total == 0:
        return mean, np.zeros(k), np.zeros((k, d)), total
    factor = centred if m <= d else centred.T  # [small, large]
    values, vectors = _leading_eigenpairs(factor, k)
    directions = (vectors.T @ factor) if m <= d else vectors.T
    return mean, values, directions.astype(np.float64), total


def _in_blocks(parts: list[np.ndarray], k: int) -> Components:
    """The same, without a copy of what may not fit."""
    m, d = sum(map(len, parts)), parts[0].shape[1]
    mean = _mean(parts)
    if min(m, d) > _GRAM:
        return mean, *_by_lanczos(parts, mean, k)
    gram = np.zeros((min(m, d),) * 2)
    for centred in _centred(parts, mean, by_rows=m > d):
        gram += centred[1].T @ centred[1] if m > d else centred[1] @ centred[1].T
    found, vectors = np.linalg.eigh(gram)
    values, vectors = found[::-1][:k], vectors[:, ::-1][:, :k]
    directions = np.empty((k, d))
    if m > d:
        directions[:] = vectors.T
    else:
        for columns, block in _centred(parts, mean, by_rows=False):
            directions[:, columns] = vectors.T @ block
    return mean, values, directions, float(np.trace(gram))


def _mean(parts: list[np.ndarray]) -> np.ndarray:
    total = np.zeros(parts[0].shape[1])
    for part in parts:
        for _, block in row_blocks(part):
            total += block.sum(0, dtype=np.float64)
    return total / sum(map(len, parts))


def _centred(parts: list[np.ndarray], mean: np.ndarray, by_rows: bool) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows or columns, the block of these in float64, without the mean)."""
    if not by_rows:
        for columns, block in column_blocks(parts):
            block -= mean[columns]
            yield columns, block
        return
    at = 0
    for part in parts:
        for _, block in row_blocks(part):
            yield slice(at, at + len(block)), block - mean
            at += len(block)


def _by_lanczos(parts: list[np.ndarray], mean: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(eigenvalues [k], directions [k, d], the whole), where both sides are long."""
    m, d = sum(map(len, parts)), len(mean)

    def across(x: np.ndarray) -> np.ndarray:
        return sum((block.T @ x[rows] for rows, block in _centred(parts, mean, True)), np.zeros(d))

    def along(x: np.ndarray) -> np.ndarray:
        return np.concatenate([block @ x for _, block in _centred(parts, mean, True)])

    def product(x: np.ndarray) -> np.ndarray:
        return along(across(np.ravel(x))) if m <= d else across(along(np.ravel(x)))

    small = min(m, d)
    gram = scipy.sparse.linalg.LinearOperator((small, small), dtype=np.float64, matvec=product)
    values, vectors = scipy.sparse.linalg.eigsh(gram, k=k, which="LA", v0=rng(0, "pca").standard_normal(small))
    order = np.argsort(values)[::-1]
    directions = [across(vector) if m <= d else vector for vector in vectors.T[order]]
    total = sum(float(np.sum(block**2)) for _, block in _centred(parts, mean, True))
    return values[order], np.stack(directions), total


def _leading_eigenpairs(factor: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest eigenvalues, descending, and eigenvectors [small, k] of factor @ factor.T."""
    small = len(factor)
    if small <= max(_DENSE, k + 1):
        values, vectors = np.linalg.eigh(factor @ factor.T)
    else:
        kind = factor.dtype
        gram = scipy.sparse.linalg.LinearOperator(
            (small, small), dtype=kind, matvec=lambda x: factor @ (factor.T @ x.astype(kind, copy=False)))
        start = rng(0, "pca").standard_normal(small).astype(kind)
        values, vectors = scipy.sparse.linalg.eigsh(gram, k=k, which="LA", v0=start)
        order = np.argsort(values)
        values, vectors = values[order], vectors[:, order]
    return values[::-1][:k], vectors[:, ::-1][:, :k]


def spans_plane(points: Any, ratios: np.ndarray) -> bool:
    """Whether the second component stands above the rounding of the numbers the points [m, d], one array or several,
    were recorded in.
    """
    parts = [points] if isinstance(points, np.ndarray) else list(points)
    squares = [np.einsum("ij,ij->i", block, block) for part in parts for _, block in row_blocks(part)]
    square = np.mean(np.concatenate(squares), dtype=np.float64)
    variance = (square - np.sum(_mean(parts) ** 2)) * ratios[0]
    if len(ratios) < 2 or variance <= 0:
        return False
    rounding = 4 * np.finfo(parts[0].dtype).eps * np.sqrt(square / variance)
    return bool(np.sqrt(ratios[1] / ratios[0]) > max(DEPENDENT, rounding))


def random_walk_ratios(n: int, k: int = 2) -> np.ndarray:
    """Expected PCA ratios [k] of a random walk of n points in d >> n dimensions: 3 / (2 (n^2-1) sin^2(pi
    j/2n)).

    The centred walk's covariance has the eigenvalues 1/(4 sin^2(pi j/2n)), j = 1..n-1, whose sum is
    (n^2-1)/6. Tends to 6/(pi^2 j^2). Source: Antognini & Sohl-Dickstein 2018. Raises BadInput for n < 2.
    """
    if n < 2:
        raise BadInput(f"a random walk needs at least two points, got {n}.")
    j = np.arange(1, k + 1)
    return np.where(j < n, 1.5 / ((n**2 - 1) * np.sin(np.pi * np.minimum(j, n - 1) / (2 * n)) ** 2), 0.0)
