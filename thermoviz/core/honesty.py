"""How much a slice hides: the numbers that always stand beside a picture of a loss landscape."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .directions import as_numbers
from .errors import BadInput
from .pca import as_paths, random_walk_ratios
from .seeds import rng

_PATH_POINTS = 200  # energies and gradients are compared at no more than this many points of the paths
_NULL_POINTS = 200  # a null of several walks is computed for paths thinned to this many points in all
# Simulated walks where d is not large against their length: their shares scatter as 1/sqrt(d), so that few dimensions
# need many walks.
_FEWEST_WALKS, _MOST_WALKS, _WALKS_TIMES_D = 16, 256, 5000
_NOISE_POINTS = 4  # solutions at which the gradient noise is measured
_GRADIENT_NUMBERS = 20_000_000  # single-sample gradients held at a time, in numbers

POOR_R2 = "The loss on the slice does not follow the loss of the path: R2 is below 0.5."
POOR_EXPLAINED = "The plane shows hardly more of the path than it would of a random walk."


@dataclass(frozen=True)
class Honesty:
    """What a slice shows of the paths drawn on it, and of the forces that drove them. None: does not apply.

    explained: share of the paths' variance in the plane, explained_null: the same for random walks of equal
    number, length, starts and d (both for PCA planes only). r2: 1 - sum (E_slice - E)^2 / sum (E - <E>)^2
    over the path, E_slice the energy under its projection. gradient_share, noise_share: tr(P A P^T)/tr A for
    A = <g g^T> along the path and for A = C, the covariance of single-sample gradients, at its end (2/d if
    isotropic). residual_median: median distance of the path from the plane, residual_share: that over the
    median distance from the plane's origin. d: number of parameters. verdict: "good" or "poor", with the
    reasons for "poor".
    """

    explained: float | None
    explained_null: float | None
    r2: float | None
    gradient_share: float | None
    noise_share: float | None
    residual_median: float
    residual_share: float | None
    d: int
    verdict: str
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**dataclasses.asdict(self), "reasons": list(self.reasons)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Honesty":
        """The inverse of `to_json`. Raises BadInput for missing or unknown fields."""
        try:
            return cls(**{**value, "reasons": tuple(value["reasons"])})
        except (KeyError, TypeError):
            raise BadInput("these values do not hold the honesty of a slice.") from None


def honesty(loss: Any, plane: Any, traj: Any) -> Honesty:
    """How honest the slice `plane` of `loss` is about recorded paths (a Trajectory, an array, or a list of
    those).

    Poor: r2 < 0.5, or for PCA planes explained <= explained_null + 0.05. Energies are compared at up to 200
    points spread over all paths. Sources: docs/physics, "Honesty of a slice"; Antognini & Sohl-Dickstein
    2018. Raises BadInput if no path is finite or d differs.
    """
    if not callable(loss):
        raise BadInput(f"loss must be callable, theta [..., d] -> [...], got {type(loss).__name__}.")
    if not hasattr(plane, "residual"):
        raise BadInput(f"plane must be a Plane, got {type(plane).__name__}.")
    paths = as_paths(traj)
    points = _picked(paths, _PATH_POINTS)
    residuals = np.concatenate([plane.residual(path) for path in paths])
    sizes = np.concatenate([np.linalg.norm(path - plane.origin, axis=1) for path in paths])
    null = None if plane.explained is None else walk_null(paths)
    explained = None if null is None else explained_share(plane, paths)
    r2 = _determination(as_numbers(loss(points)), as_numbers(loss(plane.embed(plane.project(points)))))
    reasons = []
    if r2 is not None and r2 < 0.5:
        reasons.append(POOR_R2)
    if explained is not None and null is not None and explained <= null + 0.05:
        reasons.append(POOR_EXPLAINED)
    median = float(np.median(residuals))
    return Honesty(
        explained, null, r2, _gradient_share(loss, plane, points),
        _noise_share(loss, plane, np.stack([path[-1] for path in paths])), median,
        median / float(np.median(sizes)) if np.median(sizes) > 0 else None,
        plane.d, "poor" if reasons else "good", tuple(reasons))


def explained_share(plane: Any, paths: list[np.ndarray]) -> float | None:
    """Variance of the paths' points along u and v over their whole variance; None where nothing moves."""
    n = sum(len(path) for path in paths)
    mean = sum(path.sum(0, dtype=np.float64) for path in paths) / n
    whole = sum(np.sum((path - mean) ** 2) for path in paths) / n
    inside = np.concatenate([plane.project(path) for path in paths]).var(0).sum()
    return float(inside / whole) if whole > 0 else None


def walk_null(paths: list[np.ndarray]) -> float | None:
    """What two principal components explain of random walks with the same number, length, starts and d.

    One path: exact for d >> n (`random_walk_ratios`). Several: walks from the same starts, each with its
    path's mean squared step. Where d is below 30 times the number of points, the mean of 16 to 256
    simulations (fixed seed), since a small d holds the walk together and raises the share; above, the limit
    d -> infinity, whose Gram matrix is known: that of the starts plus step^2 min(s, t) within each walk.
    """
    d, longest = paths[0].shape[1], max(len(path) for path in paths)
    if longest < 2:
        return None
    if len(paths) == 1 and d >= 30 * longest:
        return float(random_walk_ratios(longest).sum())
    paths = _thinned(paths)
    steps = [np.sqrt(np.mean(np.sum(np.diff(path, axis=0) ** 2, axis=1))) if len(path) > 1 else 0.0
             for path in paths]
    starts = np.stack([path[0] for path in paths]).astype(np.float64)
    lengths = [len(path) for path in paths]
    if d >= 30 * sum(lengths):
        gram = _walk_gram(starts, steps, lengths)
        return _two_shares(gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean())
    generator = rng(0, "random walk null")
    walks = min(max(_WALKS_TIMES_D // d, _FEWEST_WALKS), _MOST_WALKS)
    return float(np.mean([_two_shares(_walk_sample(starts, steps, lengths, generator)) for _ in range(walks)]))


def _thinned(paths: list[np.ndarray]) -> list[np.ndarray]:
    """At most about _NULL_POINTS points in all: fewer paths where they are many, then evenly fewer points."""
    paths = paths[:_NULL_POINTS // 8]
    return [_spread(path, max(2, _NULL_POINTS // len(paths))) for path in paths]


def _walk_gram(starts: np.ndarray, steps: list[Any], lengths: list[int]) -> np.ndarray:
    """Expected Gram matrix of all points of the walks."""
    member = np.repeat(np.arange(len(lengths)), lengths)
    time = np.concatenate([np.arange(n) for n in lengths])
    within = member[:, None] == member[None]
    spread = np.minimum(time[:, None], time[None]) * np.asarray(steps)[member][:, None] ** 2
    return (starts @ starts.T)[member][:, member] + within * spread


def _walk_sample(starts: np.ndarray, steps: list[Any], lengths: list[int],
                 generator: np.random.Generator) -> np.ndarray:
    """Gram matrix of one draw of the walks, centred (of the smaller side: the shares are the same)."""
    walks = []
    for start, step, n in zip(starts, steps, lengths, strict=True):
        jumps = generator.standard_normal((n, starts.shape[1])) * (step / np.sqrt(starts.shape[1]))
        jumps[0] = start
        walks.append(np.cumsum(jumps, axis=0))
    points = np.concatenate(walks)
    points -= points.mean(0)
    return points @ points.T if len(points) <= points.shape[1] else points.T @ points


def _two_shares(gram: np.ndarray) -> float:
    """Share of the two largest eigenvalues of the Gram matrix of centred points."""
    values = np.linalg.eigvalsh(gram)
    return float(values[-2:].sum() / values.sum())


def _spread(points: np.ndarray, limit: int) -> np.ndarray:
    """At most `limit` rows, evenly spread, first and last among them."""
    if len(points) <= limit:
        return points
    return points[np.linspace(0, len(points) - 1, limit).round().astype(int)]


def _picked(paths: list[np.ndarray], limit: int) -> np.ndarray:
    """At most `limit` points in float64, evenly spread over all paths."""
    ends = np.cumsum([len(path) for path in paths])
    chosen = _spread(np.arange(ends[-1]), limit)
    member = np.searchsorted(ends, chosen, side="right")
    starts = ends - [len(path) for path in paths]
    return np.stack([paths[i][k - starts[i]] for i, k in zip(member, chosen, strict=True)]).astype(np.float64)


def _determination(true: np.ndarray, seen: np.ndarray) -> float | None:
    """R^2 of `seen` as a prediction of `true`; None where `true` does not vary."""
    finite = np.isfinite(true) & np.isfinite(seen)
    true, seen = true[finite], seen[finite]
    whole = np.sum((true - true.mean()) ** 2) if len(true) else 0.0
    return float(1 - np.sum((seen - true) ** 2) / whole) if whole > 0 else None


def _gradient_share(loss: Any, plane: Any, points: np.ndarray) -> float | None:
    """Mean squared gradient in the plane over the whole, a ratio of means over the points."""
    from .energies import force
    forces = as_numbers(force(loss, points))
    forces = forces[np.isfinite(forces).all(1)]
    whole = np.sum(forces**2)
    return float(np.sum(plane.in_plane(forces) ** 2) / whole) if whole > 0 else None


def _noise_share(loss: Any, plane: Any, finals: np.ndarray) -> float | None:
    """tr(P C P^T)/tr C, a ratio of means over a few of the final points; C itself is never formed."""
    if not hasattr(loss, "per_sample_gradients"):
        return None
    inside = whole = 0.0
    for theta in _spread(finals, _NOISE_POINTS):
        gradients = _single_gradients(loss, theta)
        gradients = gradients - gradients.mean(0)
        inside += np.sum(plane.in_plane(gradients) ** 2)
        whole += np.sum(gradients**2)
    return float(inside / whole) if whole > 0 else None


def _single_gradients(loss: Any, theta: np.ndarray) -> np.ndarray:
    """Single-sample gradients [n, d]; of evenly spread samples where all of them would not fit in memory."""
    n, limit = loss.n_samples, max(2, _GRADIENT_NUMBERS // theta.size)
    if n <= limit:
        return as_numbers(loss.per_sample_gradients(theta))
    chosen = np.linspace(0, n - 1, limit).round().astype(int)
    one_each = loss.minibatch(chosen[:, None])
    return -as_numbers(one_each.force(np.tile(theta, (limit, 1))))
