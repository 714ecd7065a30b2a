"""Two-dimensional planes in parameter space: how they are chosen, and the way in and out of them.

A cut is not a projection: on a plane one sees the energy of the points *in* it, while paths are seen
projected on it. `honesty` says how much such a slice hides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from ..arrays import BLOCK, real, row_blocks, single_or_double
from ..energies.protocol import force
from ..energies.rest import at_rest, function_difference
from ..errors import BadInput
from ..seeds import rng
from ..specs import Field, family, specification
from . import directions
from .pca import DEPENDENT, as_paths, leading_components, spans_plane

# Solutions looked at, since each is followed down to rest; networks whose answers differ by less than this (rms, nats
# or units of the target) are one function, and their distance counts a thousand times less than that between two.
MOST_SOLUTIONS, SAME_FUNCTION, COPY = 12, 0.05, 1e-3
# Directions this close to orthonormal are kept bit by bit, by the bytes of their numbers.
_ORTHONORMAL = {8: 1e-13, 4: 1e-6}
_ROUNDED_ONCE = 100_000  # parameters of a float32 plane up to which places in it are computed in float64


@dataclass(frozen=True, eq=False, repr=False)
class Plane:
    """origin + u[0] * self.u + u[1] * self.v: an orthonormal frame, float64 (float32 where all three are given so),
    lengths as in parameter space.

    origin, u, v: [d], d >= 2. Directions that are not orthonormal are made so (first u, then v), their
    lengths are kept in `tick_scale` [2]: the length that one unit has on each axis of the original
    directions. points: [m, 2], the slice coordinates of what the plane was chosen to show. explained: for
    PCA planes the share of the paths' variance that lies in the plane, else None. Raises BadInput for
    non-finite values, unequal shapes, and directions that are zero or dependent.
    """

    origin: np.ndarray
    u: np.ndarray
    v: np.ndarray
    points: np.ndarray | None = None
    tick_scale: np.ndarray = (1.0, 1.0)  # type: ignore[assignment]
    explained: float | None = None

    def __post_init__(self) -> None:
        single = all(getattr(getattr(self, name), "dtype", None) == np.float32 for name in ("origin", "u", "v"))
        origin, u, v = (_vector(getattr(self, name), name, single) for name in ("origin", "u", "v"))
        if not origin.shape == u.shape == v.shape or origin.size < 2:
            raise BadInput("origin, u and v of a plane must be vectors of the same length d >= 2, "
                           f"got lengths {origin.size}, {u.size} and {v.size}.")
        u, v, lengths = _orthonormal(u, v)
        ticks = np.asarray(self.tick_scale, dtype=np.float64)
        if ticks.shape != (2,) or not (np.isfinite(ticks) & (ticks > 0)).all():
            raise BadInput(f"tick_scale of a plane must be two positive numbers, got {self.tick_scale!r}.")
        try:
            points = None if self.points is None else real(self.points).copy()
        except (TypeError, ValueError):
            raise BadInput("points of a plane must be finite numbers with shape [m, 2].") from None
        if points is not None and (points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all()):
            raise BadInput("points of a plane must be finite numbers with shape [m, 2], "
                           f"got shape {list(points.shape)}.")
        frozen = {"origin": origin, "u": u, "v": v, "points": points, "tick_scale": ticks * lengths}
        for name, value in frozen.items():
            if value is not None:
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        explained = "" if self.explained is None else f", explained={self.explained:.4g}"
        return f"Plane(d={self.d}, tick_scale={self.tick_scale.tolist()}{explained})"

    @property
    def d(self) -> int:
        """The number of parameters."""
        return self.origin.size

    def embed(self, u: Any) -> np.ndarray:
        """Slice coordinates [..., 2] -> parameters [..., d], in the number type of the plane."""
        u = _positions(u, 2, "u")
        if self.origin.dtype == np.float64 or self.d <= _ROUNDED_ONCE:
            return (self.origin + u[..., :1] * self.u + u[..., 1:] * self.v).astype(self.origin.dtype, copy=False)
        places = np.empty((*u.shape[:-1], self.d), np.float32)
        for at in np.ndindex(u.shape[:-1]):
            a, b = u[at].astype(np.float32)
            np.multiply(self.v, b, out=places[at])
            places[at] += a * self.u
            places[at] += self.origin
        return places

    def single(self) -> "Plane":
        """The same plane with numbers of 4 bytes, for models that have those."""
        origin, u, v = (part.astype(np.float32) for part in (self.origin, self.u, self.v))
        return Plane(origin, u, v, self.points, self.tick_scale, self.explained)

    def project(self, theta: Any) -> np.ndarray:
        """Parameters [..., d] -> slice coordinates [..., 2] of the nearest point in the plane."""
        return self._by_block(theta, lambda block: self.in_plane(block - self.origin), (2,))

    def residual(self, theta: Any) -> np.ndarray:
        """Distance [...] of parameters [..., d] from the plane.

        |theta - origin|^2 = |project|^2 + residual^2. Computed from the difference vector itself, so that
        points in the plane come out at rounding error and not at its square root.
        """
        return self._by_block(theta, lambda block: self._outside(block - self.origin), ())

    def _by_block(self, theta: Any, measured: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """[..., *shape], measured in float64 on blocks of rows, so that a path beyond memory has no copy in it."""
        theta = _positions(theta, self.d, "theta", single_or_double)
        if theta.size <= BLOCK:
            return measured(np.asarray(theta, np.float64))
        rows = theta.reshape(-1, self.d)
        found = [measured(np.asarray(block, np.float64)) for _, block in row_blocks(rows)]
        return np.concatenate(found).reshape(*theta.shape[:-1], *shape)

    def _outside(self, difference: np.ndarray) -> np.ndarray:
        coordinates = self.in_plane(difference)
        outside = difference - coordinates[..., :1] * self.u - coordinates[..., 1:] * self.v
        return np.linalg.norm(outside, axis=-1)

    def in_plane(self, vector: Any) -> np.ndarray:
        """Components [..., 2] of free vectors [..., d] (forces, gradients, displacements) along u and v."""
        vector = _positions(vector, self.d, "vector")
        return np.stack([vector @ self.u, vector @ self.v], axis=-1)

    def restrict(self, energy: Any) -> "Restricted":
        """The energy on this plane: an Energy in d = 2."""
        if not callable(energy):
            raise BadInput(f"energy must be callable, x [..., d] -> [...], got {type(energy).__name__}.")
        return Restricted(energy, self)

    @classmethod
    def pca(cls, recorded: Any) -> "Plane":
        """The plane of largest variance of one or many recorded paths; its origin is their mean.

        recorded: a Trajectory, an array [T, d] or [T, n, d], or a list of those; replicas that diverged are
        left out. Each direction's largest entry is positive. Raises BadInput if the paths lie on a line.
        """
        paths = as_paths(recorded)
        mean, axes, ratios = leading_components(paths)
        if not spans_plane(paths, ratios):
            raise BadInput("the recorded paths lie on a point or a line and span no plane: "
                           "record more points or choose a random plane.")
        frame = cls(mean, *axes)
        points = np.concatenate([frame.project(path) for path in paths])
        return cls(mean, frame.u, frame.v, points, explained=float(ratios.sum()))

    @classmethod
    def random(cls, theta: Any, loss: Any = None, seed: int = 0) -> "Plane":
        """Two random directions through theta [d], filter-normalised where `loss` has layers.

        Source: Li et al. 2018. Each filter of a direction has the length of the same filter of theta. A
        filter is what enters one neuron (a column of W), or a layer's biases; so relu networks that differ
        by a factor per layer (W, b of a layer by a, the next W by 1/a) show the same surface in units of
        `tick_scale`. It is not invariant to a factor per *neuron*, which cuts through the filters of the
        next layer. The directions are orthogonal filter by filter, so that no mixing spoils this. `points`
        are the four corners at one unit: Li's range -1..1. Without layers the whole of theta is one filter.
        """
        origin = _vector(theta, "theta")
        return _with_corners(cls(origin, *directions.filter_normalised(origin, loss, rng(seed, "plane"))))

    @classmethod
    def through(cls, a: Any, b: Any, c: Any) -> "Plane":
        """The plane through three solutions [d]; origin at their mean, u along b - a.

        Source: Garipov et al. 2018. Raises BadInput if two of them coincide or all three lie on a line.
        """
        a, b, c = (_vector(one, name) for one, name in ((a, "a"), (b, "b"), (c, "c")))
        if not a.shape == b.shape == c.shape:
            raise BadInput(f"three solutions must have the same length, got {a.size}, {b.size} and {c.size}.")
        size = max(np.abs(one).max() for one in (a, b, c))
        for p, q, names in ((a, b, "a and b"), (a, c, "a and c"), (b, c, "b and c")):
            if np.linalg.norm(p - q) <= 1e-12 * size:
                raise BadInput(f"the solutions {names} coincide and span no plane: choose different ones.")
        centre = a + ((b - a) + (c - a)) / 3
        try:
            frame = cls(centre, b - a, c - a)
        except BadInput:
            raise BadInput("the three solutions lie on a line and span no plane: "
                           "choose another one.") from None
        return cls(centre, frame.u, frame.v, frame.project(np.stack([a, b, c])))

    @classmethod
    def hessian(cls, loss: Any, theta: Any) -> "Plane":
        """The plane of the two largest Hessian eigenvalues at theta [d]: the stiffest directions.

        `points` are the corners at which the loss along each direction is still below that of the network
        which knows nothing (theta = 0).
        """
        origin = _vector(theta, "theta")
        return _with_reach(cls(origin, *directions.hessian_eigenvectors(loss, origin)), loss)

    @classmethod
    def noise(cls, loss: Any, theta: Any) -> "Plane":
        """The plane of the two largest eigenvalues of the gradient noise C at theta [d]; points as `hessian`.

        Raises BadInput for an energy without samples.
        """
        origin = _vector(theta, "theta")
        return _with_reach(cls(origin, *directions.noise_eigenvectors(loss, origin)), loss)


@dataclass(frozen=True, eq=False)
class Restricted:
    """An energy on a plane, itself an Energy in d = 2: value at the embedded point, force projected."""

    energy: Any
    plane: Plane

    def __call__(self, u: Any) -> np.ndarray:
        """Energies [...] at slice coordinates [..., 2]."""
        u = _positions(u, 2, "u")
        if u.ndim < 2 or u.size // 2 * self.plane.d <= BLOCK:
            return real(self.energy(self.plane.embed(u)))
        places = u.reshape(-1, 2)
        found = [real(self.energy(self.plane.embed(block))) for _, block in row_blocks(places, 2 * (
            BLOCK // self.plane.d))]
        return np.concatenate(found).reshape(u.shape[:-1])

    def force(self, u: Any) -> np.ndarray:
        """Forces [..., 2] at slice coordinates [..., 2]."""
        return self.plane.in_plane(real(force(self.energy, self.plane.embed(u))))

    @property
    def n_samples(self) -> int:
        """Samples of the learning problem (only where the energy has them)."""
        return self.energy.n_samples

    @property
    def minibatch(self) -> Any:
        """`minibatch(indices) -> Energy` on the same plane (only where the energy has it)."""
        draw = self.energy.minibatch
        return lambda indices: Restricted(draw(indices), self.plane)


def _vector(value: Any, name: str, single: bool = False) -> np.ndarray:
    try:
        array = (single_or_double if single else real)(value).copy()
    except (TypeError, ValueError):
        array = None
    if array is None or array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise BadInput(f"{name} must be a vector of finite numbers with shape [d].")
    return array


def _positions(value: Any, d: int, name: str, read: Callable[[Any], np.ndarray] = real) -> np.ndarray:
    try:
        array = read(value)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be numbers with shape [..., {d}].") from None
    if array.ndim == 0 or array.shape[-1] != d:
        raise BadInput(f"{name} must have shape [..., {d}], got {list(array.shape)}.")
    return array


def _orthonormal(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(u, v, lengths [2] before): Gram-Schmidt, the second projection twice against rounding."""
    near, kind = _ORTHONORMAL[u.itemsize], u.dtype
    lengths = np.sqrt([_dot(u, u), _dot(v, v)])
    if not lengths.all():
        raise BadInput("a direction of the plane is zero: two independent directions are needed.")
    if np.abs(lengths - 1).max() < near and abs(_dot(u, v)) < near:
        return u, v, np.ones(2)
    u, v = u / lengths[0], v / lengths[1]
    across = v - (u @ v) * u
    sine = np.linalg.norm(across)
    if sine <= DEPENDENT:
        raise BadInput("the two directions of the plane are dependent: they must not be parallel.")
    across = across / sine
    across -= (u @ across) * u
    return u.astype(kind), (across / np.linalg.norm(across)).astype(kind), lengths


def _dot(one: np.ndarray, other: np.ndarray) -> float:
    """Their product, summed in float64."""
    if one.dtype == np.float64:
        return float(one @ other)
    return float(np.einsum("i,i->", one, other, dtype=np.float64))


_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _with_corners(plane: Plane, reach: Any = 1.0) -> Plane:
    """The plane with the corners of a box around its origin as points, `reach` times tick_scale away."""
    return Plane(plane.origin, plane.u, plane.v, _CORNERS * reach * plane.tick_scale, plane.tick_scale)


def _with_reach(plane: Plane, loss: Any) -> Plane:
    """Corners as far out as the loss stays below that of theta = 0, by halving from |theta| (or 1)."""
    ladder = (np.linalg.norm(plane.origin) or 1.0) * 0.5 ** np.arange(11)
    steps = np.concatenate([ladder, -ladder])
    grid = np.zeros((2, len(steps), 2))
    grid[0, :, 0] = grid[1, :, 1] = steps
    here, ignorant = real(loss(np.stack([plane.origin, np.zeros(plane.d)])))
    if ignorant == here:
        return _with_corners(plane, ladder[0])
    rise = (plane.restrict(loss)(grid) - here).reshape(2, 2, -1).max(1)  # the worse of both sides
    within = rise <= abs(ignorant - here)
    return _with_corners(plane, np.where(within.any(1), ladder[within.argmax(1)], ladder[-1]))


def _solutions(loss: Any, trajectories: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """(thetas [m, d], energies [m], mean energy of the starts), best first."""
    paths = as_paths(trajectories)
    finals = np.stack([path[-1] for path in paths]).astype(np.float64)
    energies = real(loss(finals))
    order = np.argsort(energies, kind="stable")
    starts = real(loss(np.stack([path[0] for path in paths])))
    return finals[order], energies[order], float(starts.mean())


@specification
class PathPCA:
    """The plane in which the recorded paths vary most. Source: Lorch 2016; Li et al. 2018, section 7."""

    kind: Literal["pca"] = Field(default="pca", kw_only=True, repr=False)

    def choose(self, loss: Any, trajectories: Any, seed: int = 0) -> Plane:
        """The PCA plane of all replicas that stayed finite."""
        return Plane.pca(trajectories)


@specification
class RandomPlane:
    """Two random filter-normalised directions around the best solution. Source: Li et al. 2018, section 4."""

    kind: Literal["random"] = Field(default="random", kw_only=True, repr=False)

    def choose(self, loss: Any, trajectories: Any, seed: int = 0) -> Plane:
        """Through the replica of lowest final loss; the directions depend on `seed`."""
        return Plane.random(_solutions(loss, trajectories)[0][0], loss, seed)


@specification
class ThroughSolutions:
    """The plane through three far-apart good solutions out of all replicas. Source: Garipov et al. 2018.

    Good: loss at most best + margin (mean start - best). With `rest` the MOST_SOLUTIONS best first go down to rest on
    the whole data set (`rest`), and copies, which compute one function, count as near each other. Of the good ones
    the three whose smallest distance from each other is largest; with fewer than three, the three best. Where all rest
    at one place: the ends as training left them.
    """

    margin: Annotated[float, Field(
        ge=0, le=1, title="Loss above the best", json_schema_extra={"ladder": [0.01, 0.03, 0.1, 0.3]},
        description="How far a good solution's loss may lie above the best, as a share of the fall")] = 0.03
    rest: Annotated[bool, Field(
        title="At rest", description="Solutions first go down to the bottom of their valleys, on all the data")] = True
    kind: Literal["solutions"] = Field(default="solutions", kw_only=True, repr=False)

    def choose(self, loss: Any, trajectories: Any, seed: int = 0) -> Plane:
        """Raises BadInput for fewer than three finite replicas, and where all ended on a point or a line."""
        thetas, energies, start = _solutions(loss, trajectories)
        if len(thetas) < 3:
            raise BadInput(f"a plane through three solutions needs at least 3 replicas that stay finite, "
                           f"got {len(thetas)}.")
        resting = self._resting(loss, thetas[:MOST_SOLUTIONS], start) if self.rest else None
        if resting is None:
            good = thetas[:max(3, int(np.sum(self._good(energies, start))))]
            resting = good[list(_far_apart(_distances(good)))]
        return Plane.through(*resting)

    def _good(self, energies: np.ndarray, start: float) -> np.ndarray:
        return energies <= energies.min() + self.margin * max(start - energies.min(), 0.0)

    def _resting(self, loss: Any, ends: np.ndarray, start: float) -> np.ndarray | None:
        """Three minima [3, d] below the ends, best first; None where all are one place."""
        thetas = at_rest(loss, ends).x
        energies = real(loss(thetas))
        order = np.argsort(energies, kind="stable")
        thetas = thetas[order][:max(3, int(np.sum(self._good(energies, start))))]
        distance = _distances(thetas)
        if hasattr(loss, "predict"):
            copies = function_difference(loss, thetas) < SAME_FUNCTION
            distance = np.where(copies, COPY * distance, distance)
        triple = list(_far_apart(distance))
        apart = distance[np.ix_(triple, triple)][~np.eye(3, dtype=bool)].min()
        return thetas[triple] if apart > 1e-3 * COPY * np.abs(thetas).max() else None


def _distances(points: np.ndarray) -> np.ndarray:
    """Between all pairs of points [m, d]: [m, m]."""
    squares = np.einsum("ij,ij->i", points, points)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0))


def _far_apart(distance: np.ndarray) -> tuple[int, int, int]:
    """Indices of the three points, from their distances [m, m], whose smallest is largest, in ascending order."""
    best, triple = -np.inf, (0, 1, 2)
    for i in range(len(distance) - 2):
        for j in range(i + 1, len(distance) - 1):
            third = np.minimum(distance[i, j + 1:], distance[j, j + 1:])
            k = int(third.argmax())
            if min(third[k], distance[i, j]) > best:
                best, triple = min(third[k], distance[i, j]), (i, j, j + 1 + k)
    return triple


@specification
class HessianPlane:
    """The two stiffest directions at the best solution. Source: Ghorbani, Krishnan & Xiao 2019."""

    kind: Literal["hessian"] = Field(default="hessian", kw_only=True, repr=False)

    def choose(self, loss: Any, trajectories: Any, seed: int = 0) -> Plane:
        """Around the replica of lowest final loss."""
        return Plane.hessian(loss, _solutions(loss, trajectories)[0][0])


@specification
class NoisePlane:
    """The two directions of strongest gradient noise at the best solution. Source: Zhu et al. 2019."""

    kind: Literal["noise"] = Field(default="noise", kw_only=True, repr=False)

    def choose(self, loss: Any, trajectories: Any, seed: int = 0) -> Plane:
        """Around the replica of lowest final loss."""
        return Plane.noise(loss, _solutions(loss, trajectories)[0][0])


AnyPlane = Annotated[PathPCA | RandomPlane | ThroughSolutions | HessianPlane | NoisePlane,
                     Field(discriminator="kind")]
PLANES: dict[str, Any] = family(AnyPlane)
