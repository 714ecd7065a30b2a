"""Entropy of a cloud from the distances to its nearest neighbours, without cells: as fine as the balls lie.

Source: L. F. Kozachenko and N. N. Leonenko, Probl. Inf. Transm. 23, 95 (1987). With it come: distances in each
patch's own measure (`patches`), so that thin and tilted valleys are round; ellipses cut by walls and by holes; and the
estimates from the k-th neighbours extrapolated to k = 0 by a + b sqrt(k), the law of their bias where a cloud ends
sharply, and about that of a Gaussian's tails.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy

from ..errors import BadInput, TooFewSamples
from .patches import patches, shapes

# Below this many balls the nearest is not near.
FEWEST = 20
# Neighbours used: one for each six balls of a patch, within limits; below FITTED of them only the nearest.
MOST_NEIGHBOURS, BALLS_PER_NEIGHBOUR, FITTED = 12, 6, 6
# n Var of the entropy beyond the variance of its terms, since balls may be each other's neighbours: constants of the
# method in the plane, from 3000 clouds of 1000 uniform balls on a torus (for one neighbour .539; for K = 6 ... 12 of
# them, K times it is 6.9 ... 6.2; each to 3 %).
SHARED_ONE, SHARED_FITTED = 0.54, 6.5
# This share of what the extrapolation takes away counts as its own error.
UNSURE = 0.2
# Areas of discs about which a wall or a hole cuts: points of a spiral in each.
SPIRAL = 64
# Distances are told apart down to this share of the largest coordinate.
RESOLVED = 2.0**-40


class LocalEntropies(NamedTuple):
    """terms [n], whose mean is the entropy in nats; shared: n Var of the mean beyond theirs; bias: its likely size.

    resolved: False where balls coincide to rounding, or lie on a line; then the mean is an upper bound.
    """

    terms: np.ndarray
    shared: float
    bias: float
    resolved: bool


class Box(Protocol):
    """What has a box ((x0, x1), (y0, y1)) with cells [nx, ny], of which those in `mask` hold no data: a Surface."""

    bounds: Any
    mask: Any


class Region(NamedTuple):
    """Where balls can be: a box ((x0, x1), (y0, y1)), and the cells of it [nx, ny] that are shut."""

    bounds: Any
    mask: Any = None

    @classmethod
    def of(cls, surface: Box) -> "Region":
        """The box of a surface without its cells that have no data."""
        return cls(surface.bounds, surface.mask if surface.mask.any() else None)

    def holds(self, u: np.ndarray) -> np.ndarray:
        """Whether the region holds u [..., 2]."""
        low, high = np.asarray(self.bounds, dtype=float).T
        inside = ((u >= low) & (u <= high)).all(axis=-1)
        if self.mask is not None:
            inside[inside] = ~self.mask[tuple(self._cell(u[inside]).T)]
        return inside

    def cuts(self, u: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Which boxes about u [..., 2], with these half sides [..., 2], are not in the region altogether."""
        low, high = np.asarray(self.bounds, dtype=float).T
        cut = ((u - half < low) | (u + half > high)).any(axis=-1)
        if self.mask is not None:
            shut = np.pad(self.mask.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
            (a, b), (c, d) = (np.moveaxis(self._cell(u + side), -1, 0) for side in (-half, half))
            cut |= shut[c + 1, d + 1] - shut[a, d + 1] - shut[c + 1, b] + shut[a, b] > 0
        return cut

    def _cell(self, u: np.ndarray) -> np.ndarray:
        low, high = np.asarray(self.bounds, dtype=float).T
        cells = np.array(np.shape(self.mask))
        return np.clip((u - low) / (high - low) * cells, 0, cells - 1).astype(np.intp)


def local_entropies(x: Any, region: Region | None = None) -> LocalEntropies:
    """The entropy -int p ln p of independent points x [n, 2] of a region (None: the plane), ball by ball.

    From neighbour k, s_i = psi(n) - psi(k) + ln a_i, where a_i is the area of the ellipse about ball i that reaches to
    it, as far as it lies in the region. Raises TooFewSamples below 20 points, BadInput.
    """
    points = np.asarray(x, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise BadInput(f"x must hold finite positions [n, 2], got shape {list(points.shape)}.")
    n = len(points)
    if n < FEWEST:
        raise TooFewSamples(f"{n} balls are too few for an entropy; at least {FEWEST} are needed.")
    box = points.T if region is None else np.asarray(region.bounds, dtype=float)
    finest, sides = RESOLVED * max(float(np.abs(box).max()), 1e-140), np.ptp(box, axis=1)
    sides = np.maximum(np.full(2, sides.max()) if region is None else sides, finest)
    least = (finest / float(sides.min())) ** 2
    y = (points - points.mean(axis=0)) / sides
    patch = patches(y, least)
    shape = shapes(y, patch, int(patch.max()) + 1, least)
    terms, taken, shared, resolved = np.empty(n), np.empty(n), 0.0, True
    for k in range(len(shape.n)):
        members = np.flatnonzero(patch == k)
        fit = extrapolation(shape.n[k])
        areas = _Patch(sides, shape, k).log_areas(points, y, members, len(fit), region)
        resolved &= bool(areas.min() > np.log(np.pi * finest**2) and shape.variance[k, 1] > least)
        of_neighbour = scipy.special.digamma(n) - scipy.special.digamma(1 + np.arange(len(fit)))
        of_neighbour = of_neighbour + np.maximum(areas, np.log(np.pi * finest**2))
        terms[members] = of_neighbour @ fit
        taken[members] = of_neighbour[:, -1] - terms[members]
        shared += (SHARED_FITTED / len(fit) if len(fit) > 1 else SHARED_ONE) * len(members) / n
    return LocalEntropies(terms, shared, UNSURE * abs(float(taken.mean())), resolved)


def extrapolation(n: int) -> np.ndarray:
    """Weights [K] of the entropies from neighbours 1 ... K of a patch of n balls, at which a + b sqrt(k) is a.

    Generalised least squares: the steps from k to k + 1 are independent, of variance 1 / k^2, since areas are sums of
    exponential numbers. They sum to 1, and to 0 with sqrt(k).
    """
    K = min(MOST_NEIGHBOURS, int(n) // BALLS_PER_NEIGHBOUR)
    if K < FITTED:
        return np.ones(1)
    k = np.arange(1, K)
    step = np.sqrt(k) - np.sqrt(k + 1)
    of_steps = k**2 * step / (k**2 * step**2).sum()
    weights = np.zeros(K)
    weights[-1] = 1
    weights[:-1] -= np.sqrt(K) * of_steps
    weights[1:] += np.sqrt(K) * of_steps
    return weights


class _Patch:
    """Patch k of the points: the map from a place to where the patch is a round Gaussian of variance 1."""

    def __init__(self, sides: np.ndarray, shape: Any, k: int) -> None:
        (c, s), width = shape.axis[k], np.sqrt(shape.variance[k])
        self.mean = shape.mean[k]
        self.to_round = np.array([[c, s], [-s, c]]) / width[:, None]
        self.from_round = sides[:, None] * np.array([[c, -s], [s, c]]) * width
        self.log_area = np.log(np.pi) + np.log(sides).sum() + np.log(width).sum()

    def log_areas(self, points: np.ndarray, y: np.ndarray, members: np.ndarray, K: int, region: Region | None) -> Any:
        """ln of the area of the ellipses to the neighbours 1 ... K of each member [m, K], as far as in the region."""
        places = (y - self.mean) @ self.to_round.T
        radius = scipy.spatial.cKDTree(places).query(places[members], k=np.arange(2, K + 2))[0]
        radius = np.maximum(radius, 1e-150)
        areas = self.log_area + 2 * np.log(radius)
        if region is not None:
            half = radius[..., None] * np.hypot(*self.from_round.T)
            ball, k = np.nonzero(region.cuts(points[members][:, None], half))
            spread = radius[ball, k][:, None, None] * (spiral() @ self.from_round.T)
            held = region.holds(points[members][ball][:, None] + spread).mean(axis=1)
            areas[ball, k] += np.log(np.maximum(held, 0.5 / SPIRAL))
        return areas


def spiral() -> np.ndarray:
    """Points [64, 2] that fill the unit disc evenly: H. Vogel, Math. Biosci. 44, 179 (1979)."""
    k = np.arange(SPIRAL)
    angle = k * np.pi * (3 - np.sqrt(5))
    return np.sqrt((k + 0.5) / SPIRAL)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
