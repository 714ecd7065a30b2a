"""How much a slice hides: the numbers that always stand beside a picture of a loss landscape."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import BLOCK, let_go, real, row_blocks
from ..energies.protocol import force
from ..energies.samples import single_gradients
from ..errors import BadInput
from ..seeds import rng
from .pca import as_paths, leading_components, random_walk_ratios

_PATH_POINTS = 200  # energies and gradients are compared at no more than this many points of the paths
_NULL_POINTS = 200  # a null of several walks is computed for paths thinned to this many points in all
# The null of R2: so many draws, each with so many points whose energies are compared; fewer of both beyond so many
# parameters, whose energies take long.
_R2_WALKS, _R2_POINTS, _R2_LARGE, _R2_FEW_WALKS, _R2_FEW_POINTS = 16, 20, 100_000, 8, 10
# Simulated walks where d is not large against their length: their shares scatter as 1/sqrt(d), so that few dimensions
# need many walks.
_FEWEST_WALKS, _MOST_WALKS, _WALKS_TIMES_D = 16, 256, 5000
_NOISE_POINTS = 4  # solutions at which the gradient noise is measured

# Rules: from these R2 on the slice follows the loss, and follows it closely; an error below this share of the
# surface's scale (four times the tolerance to which it is tabulated) is none that one could see.
FOLLOWS, CLOSELY, UNSEEN = 0.5, 0.9, 0.02

POOR_R2 = "The loss on the slice does not follow the loss of the path: R2 is below 0.5."
POOR_LATE = "Late in training the loss on the slice does not follow the loss of the path."
POOR_NULL = "The slice follows the loss of the path no better than it would of a random walk."
POOR_SURFACE = ("The surface has valleys or passes where the loss has others: it is steeper there than the grid can "
                "show. A smaller box (extent=) or a higher resolution shows what is there.")
# Notes: the second direction is random, since the paths lie on a line; the buffers of the paths are not known, or are
# not those of the surface.
STRAIGHT, BUFFERS_UNKNOWN, BUFFERS_MOVED = NOTES = "straight", "buffers unknown", "buffers moved"
_OF_OWN_MODELS = ("notes", "without_gradient")
POOR_EXPLAINED = "The plane shows hardly more of the path than it would of a random walk."


@dataclass(frozen=True)
class Honesty:
    """What a slice shows of the paths drawn on it, and of the forces that drove them. None: does not apply.

    explained: share of the paths' variance in the plane, explained_null: the same for random walks of equal
    number, length, starts and d (both for PCA planes only). r2: 1 - sum (E_slice - E)^2 / sum (E - <E>)^2
    over the path, E_slice the energy under its projection. r2_null: the median R2 of such random walks, each with its
    own PCA plane, on this loss (PCA planes only). r2_late: R2 over the late points, those in the second half of their
    path and, where a surface is given, below its minimum + its scale (the barrier, or where there is none the height):
    there the balls are, while r2 is mostly earned on the way down. error_late: rms of E_slice - E over the late points,
    in that scale (None without a surface). gradient_share, noise_share: tr(P A P^T)/tr A for
    A = <g g^T> along the path and for A = C, the covariance of single-sample gradients, at its end (2/d if
    isotropic). residual_median: median distance of the path from the plane, residual_share: that over the
    median distance from the plane's origin. d: number of parameters. verdict: "good" or "poor", with the
    reasons for "poor". notes: what else is to be known of an own model's slice, of NOTES. without_gradient: why
    gradient_share is not known.
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
    r2_null: float | None = None
    r2_late: float | None = None
    error_late: float | None = None
    notes: tuple[str, ...] = ()
    without_gradient: str | None = None

    @property
    def late(self) -> bool | None:
        """Whether the slice is right late in training: r2_late >= 0.5, or error_late <= 0.02. None: not known."""
        if self.r2_late is None and self.error_late is None:
            return None
        return (self.r2_late is not None and self.r2_late >= FOLLOWS) or (
            self.error_late is not None and self.error_late <= UNSEEN)

    @property
    def grade(self) -> str | None:
        """How far heights under the paths may be read: "true" (r2 >= 0.9, right late, verdict "good"), "roughly"
        (r2 >= 0.5) or "marks": at most where a network lies in the plane. None where the loss does not vary.
        """
        if self.r2 is None:
            return None
        close = self.r2 >= CLOSELY and self.late is True and self.verdict == "good"
        return "true" if close else "roughly" if self.r2 >= FOLLOWS else "marks"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what only own models have is left out where there is nothing to say."""
        said = {name: value for name, value in dataclasses.asdict(self).items() if value or name not in _OF_OWN_MODELS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Honesty":
        """The inverse of `to_json`; what older files do not hold is None. Raises BadInput for missing or unknown
        fields.
        """
        try:
            notes = tuple(map(str, value.get("notes", ())))
            return cls(**{**value, "reasons": tuple(value["reasons"]), "notes": notes})
        except (KeyError, TypeError):
            raise BadInput("these values do not hold the honesty of a slice.") from None


def honesty(loss: Any, plane: Any, traj: Any, surface: Any = None) -> Honesty:
    """How honest the slice `plane` of `loss` is about recorded paths (a Trajectory, an array, or a list of
    those). surface: the loss on the plane (a Surface), for what is low and for the unit of errors.

    Poor: r2 < 0.5; or, where it is not, wrong late in training (see `Honesty.late`) or r2 <= r2_null; or for PCA
    planes explained <= explained_null + 0.05. Energies are compared at up to 200
    points spread over all paths. Sources: docs/physics, "Honesty of a slice"; Antognini & Sohl-Dickstein
    2018. Raises BadInput if no path is finite or d differs.
    """
    if not callable(loss):
        raise BadInput(f"loss must be callable, theta [..., d] -> [...], got {type(loss).__name__}.")
    if not hasattr(plane, "residual"):
        raise BadInput(f"plane must be a Plane, got {type(plane).__name__}.")
    paths = as_paths(traj)
    member, at, second_half = _picked(paths, _PATH_POINTS)
    residuals = np.concatenate([plane.residual(path) for path in paths])
    sizes = np.concatenate([np.linalg.norm(block - plane.origin, axis=1)
                            for path in paths for _, block in row_blocks(path)])
    median = float(np.median(residuals))
    null = None if plane.explained is None else walk_null(paths)
    blocks = functools.partial(_taken, paths, member, at)
    true = np.concatenate([real(loss(points)) for points in blocks()])
    places = np.concatenate([plane.project(points) for points in blocks()])
    seen = plane.restrict(loss)(places)
    r2_late, error_late = _late(true, seen, second_half, surface)
    found = Honesty(
        None if null is None else explained_share(plane, paths), null, _determination(true, seen),
        _gradient_share(loss, plane, blocks()), _noise_share(loss, plane, paths),
        median, median / float(np.median(sizes)) if np.median(sizes) > 0 else None, plane.d, "good",
        r2_null=None if null is None else walk_r2(loss, paths), r2_late=r2_late, error_late=error_late,
        without_gradient=getattr(loss, "without_gradient", None))
    reasons = _reasons(found)
    return dataclasses.replace(found, verdict="poor" if reasons else "good", reasons=reasons)


def _reasons(found: Honesty) -> tuple[str, ...]:
    """Why a slice is poor. Where the whole path is not followed, its late part and its null say nothing more."""
    reasons = []
    if found.r2 is not None and found.r2 < FOLLOWS:
        reasons.append(POOR_R2)
    elif found.r2 is not None:
        reasons += [POOR_LATE] if found.late is False else []
        reasons += [POOR_NULL] if found.r2_null is not None and found.r2 <= found.r2_null else []
    if found.explained is not None and found.explained_null is not None:
        reasons += [POOR_EXPLAINED] if found.explained <= found.explained_null + 0.05 else []
    return tuple(reasons)


def _late(true: np.ndarray, seen: np.ndarray, second_half: np.ndarray,
          surface: Any) -> tuple[float | None, float | None]:
    """(r2_late, error_late) of energies at points of the paths."""
    late = second_half & np.isfinite(true) & np.isfinite(seen)
    if surface is not None:
        late &= true < surface.minimum + surface.scale
    if not late.any():
        return None, None
    r2 = _determination(true[late], seen[late])
    if surface is None or surface.scale <= 0:
        return r2, None
    return r2, float(np.sqrt(np.mean((seen - true)[late] ** 2)) / surface.scale)


def explained_share(plane: Any, paths: list[np.ndarray]) -> float | None:
    """Variance of the paths' points along u and v over their whole variance; None where nothing moves."""
    n = sum(len(path) for path in paths)
    mean = sum(block.sum(0, dtype=np.float64) for path in paths for _, block in row_blocks(path)) / n
    whole = sum(np.sum((block - mean) ** 2) for path in paths for _, block in row_blocks(path)) / n
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
    paths = paths[:_NULL_POINTS // 8]
    moments = [_spread(np.arange(len(path)), max(2, _NULL_POINTS // len(paths))) for path in paths]
    steps = [_mean_step(path, at) for path, at in zip(paths, moments, strict=True)]
    starts = np.stack([path[0] for path in paths]).astype(np.float64)
    lengths = [len(at) for at in moments]
    if d >= 30 * sum(lengths):
        gram = _walk_gram(starts, steps, lengths)
        return _two_shares(gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean())
    generator = rng(0, "random walk null")
    walks = min(max(_WALKS_TIMES_D // d, _FEWEST_WALKS), _MOST_WALKS)
    return float(np.mean([_two_shares(_walk_sample(starts, steps, lengths, generator)) for _ in range(walks)]))


def walk_r2(loss: Any, paths: list[np.ndarray]) -> float | None:
    """The median R2 that planes of principal components earn on random walks: `walk_null` for the energy.

    16 draws (fixed seed) of walks with the paths' number (25 at most), starts, mean squared steps and d, seen at up to
    20 moments in all (two of each at least), each with the PCA plane of what is seen; 8 draws and 10 moments beyond
    100,000 parameters. Draws scatter by about a quarter, their median by a quarter of that. None where no walk has
    energies that vary.
    """
    generator = rng(0, "random walk r2")
    paths = paths[:_NULL_POINTS // 8]
    large = paths[0].shape[1] > _R2_LARGE
    points, walks = (_R2_FEW_POINTS, _R2_FEW_WALKS) if large else (_R2_POINTS, _R2_WALKS)
    each = min(max(2, points // len(paths)), *map(len, paths))
    kind = np.float32 if large else np.float64
    steps = [_mean_step(path) * np.sqrt((len(path) - 1) / max(each - 1, 1) / path.shape[1]) for path in paths]
    starts = [path[0] for path in paths]
    found = [_r2_on_own_plane(loss, _coarse_walk(starts, steps, each, generator, kind)) for _ in range(walks)]
    known = [r2 for r2 in found if r2 is not None]
    return float(np.median(known)) if known else None


def _coarse_walk(starts: list[np.ndarray], steps: list[Any], each: int, generator: np.random.Generator,
                 kind: Any) -> np.ndarray:
    """One draw of the walks, `each` evenly spread moments of every one: [paths x each, d]."""
    walks = np.empty((len(starts), each, len(starts[0])), kind)
    for walk, start, step in zip(walks, starts, steps, strict=True):
        walk[0] = start
        generator.standard_normal(walk[1:].shape, dtype=kind, out=walk[1:])
        walk[1:] *= step
        np.cumsum(walk, axis=0, out=walk)
    return walks.reshape(-1, walks.shape[-1])


def _r2_on_own_plane(loss: Any, points: np.ndarray) -> float | None:
    mean, axes, _ = leading_components(points)
    true, seen = [], []
    for _, block in row_blocks(points):
        true.append(real(loss(block)))
        seen.append(real(loss(mean + (block - mean) @ axes.T @ axes)))
    return _determination(np.concatenate(true), np.concatenate(seen))


def _mean_step(path: np.ndarray, at: np.ndarray | None = None) -> float:
    """Root of the mean squared step between moments `at` (all) of a path [T, d]."""
    at = np.arange(len(path)) if at is None else at
    if len(at) < 2:
        return 0.0
    rows = max(1, BLOCK // path.shape[1])
    squares = []
    for start in range(0, len(at) - 1, rows):
        steps = np.diff(path[at[start:start + rows + 1]], axis=0)
        squares.append(np.sum(steps ** 2, axis=1))
        let_go(path)
    return float(np.sqrt(np.mean(np.concatenate(squares))))


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


def _picked(paths: list[np.ndarray], limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(member, index, whether it is in the second half of its path) of at most `limit` points, evenly spread."""
    ends = np.cumsum([len(path) for path in paths])
    chosen = _spread(np.arange(ends[-1]), limit)
    member = np.searchsorted(ends, chosen, side="right")
    at = chosen - (ends - [len(path) for path in paths])[member]
    return member, at, 2 * at >= np.array([len(path) for path in paths])[member]


def _taken(paths: list[np.ndarray], member: np.ndarray, at: np.ndarray) -> Iterator[np.ndarray]:
    """The picked points [n, d] in float64, block by block."""
    rows = max(1, BLOCK // paths[0].shape[1])
    for start in range(0, len(at), rows):
        chosen = slice(start, start + rows)
        yield np.stack([paths[i][k] for i, k in zip(member[chosen], at[chosen], strict=True)]).astype(np.float64)
        for path in paths:
            let_go(path)


def _determination(true: np.ndarray, seen: np.ndarray) -> float | None:
    """R^2 of `seen` as a prediction of `true`; None where `true` does not vary."""
    finite = np.isfinite(true) & np.isfinite(seen)
    true, seen = true[finite], seen[finite]
    whole = np.sum((true - true.mean()) ** 2) if len(true) else 0.0
    return float(1 - np.sum((seen - true) ** 2) / whole) if whole > 0 else None


def _gradient_share(loss: Any, plane: Any, blocks: Iterable[np.ndarray]) -> float | None:
    """Mean squared gradient in the plane over the whole, a ratio of means over the points."""
    if getattr(loss, "without_gradient", None) is not None:  # a metric, or a loss that torch cannot follow
        return None
    inside, whole = [], []
    for points in blocks:
        forces = real(force(loss, points))
        forces = forces[np.isfinite(forces).all(1)]
        inside.append(np.sum(plane.in_plane(forces) ** 2))
        whole.append(np.sum(forces**2))
    return float(sum(inside) / sum(whole)) if sum(whole) > 0 else None


def _noise_share(loss: Any, plane: Any, paths: list[np.ndarray]) -> float | None:
    """tr(P C P^T)/tr C, a ratio of means over a few of the final points; C itself is never formed."""
    if not hasattr(loss, "per_sample_gradients"):
        return None
    inside = whole = 0.0
    for theta in _spread(np.stack([path[-1] for path in paths]), _NOISE_POINTS):
        gradients = single_gradients(loss, theta)
        gradients = gradients - gradients.mean(0)
        inside += np.sum(plane.in_plane(gradients) ** 2)
        whole += np.sum(gradients**2)
    return float(inside / whole) if whole > 0 else None
