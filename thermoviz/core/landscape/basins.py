"""Basins of a surface by persistence: minima that matter, the passes between them, barrier and ceiling.

A minimum's persistence is the height of the lowest pass to a deeper one above it (Edelsbrunner, Letscher &
Zomorodian 2002, Discrete Comput. Geom. 28, 511). Found on the spline's finer lattice (8 neighbours), then
polished on the spline.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .lattice import Lattice
from .spline import Spline

# A minimum is kept if its persistence is at least these shares of the largest finite one and of the surface's
# spread (60 % quantile - minimum).
SHARE_OF_PERSISTENCE = 0.05
SHARE_OF_SPREAD = 1e-3
SPREAD_QUANTILE = 0.6
# A valley less deep than this share of its pass's energy is rounding: sixteen units in the last place of a single-
# precision sum. The peaks elsewhere do not matter: valleys of .05 below walls of 1e8 are valleys.
ROUNDING = 2.0**-19
# Newton steps to a stationary point, and how many lattice steps away it may lie.
NEWTON_STEPS = 20
REACH = 2.0

# Half of the eight neighbours; the other half are their opposites.
DIRECTIONS = ((1, -1), (1, 0), (1, 1), (0, 1))


@dataclass(frozen=True, eq=False)
class Basins:
    """The kept basins of a surface, deepest first, k of them.

    minima [k, 2], energies [k]; open [k]: the minimum lies on the edge of the box. persistence [k]: infinite
    for the deepest (and for minima cut off by cells without data). curvatures [k, 2]: Hessian eigenvalues at
    the minima. areas [k]: area that descends to each. passes [p, 2], pass_energies [p], pass_pairs [p, 2]:
    the lowest passes that connect the basins, each with the two basins it joins, lowest first. labels [m,
    l]: basin of each point (us [m], vs [l]) of the finer lattice, -1 without data. barrier: lowest pass out
    of the deepest basin above its minimum, None with one basin. minimum: lowest energy. ceiling: minimum + 2
    (highest pass - minimum), else the 60 % quantile of the energy. scale: barrier, else ceiling - minimum.
    """

    minima: np.ndarray
    energies: np.ndarray
    open: np.ndarray
    persistence: np.ndarray
    curvatures: np.ndarray
    areas: np.ndarray
    passes: np.ndarray
    pass_energies: np.ndarray
    pass_pairs: np.ndarray
    us: np.ndarray
    vs: np.ndarray
    labels: np.ndarray
    minimum: float
    barrier: float | None
    ceiling: float

    @property
    def n(self) -> int:
        """How many basins are kept."""
        return len(self.energies)

    @property
    def scale(self) -> float:
        """The energy that tolerances are shares of: the barrier, else ceiling - minimum."""
        return self.ceiling - self.minimum if self.barrier is None else self.barrier

    def label_at(self, u: Any) -> Any:
        """The basin [...] that holds u [..., 2] (by lattice point); -1 outside the box or without data."""
        points = np.asarray(u, dtype=float)
        # Axis by axis, since reductions over a last axis of two are slow.
        places = [(points[..., k] - axis[0]) / (axis[1] - axis[0]) for k, axis in enumerate((self.us, self.vs))]
        within = np.logical_and(*((place >= -1e-3) & (place <= len(axis) - 1 + 1e-3)
                                  for place, axis in zip(places, (self.us, self.vs), strict=True)))
        i, j = (np.where(within, place, 0.0) for place in places)
        label = self.labels[np.rint(i).astype(np.intp), np.rint(j).astype(np.intp)]
        if self._whole:
            return np.where(within, label, -1)[()]
        # Beside a hole the nearest lattice point may be across its rim; the one below shares u's cell.
        of_cell = self.labels[i.astype(np.intp), j.astype(np.intp)]
        return np.where(within & (of_cell >= 0), np.where(label < 0, of_cell, label), -1)[()]

    @cached_property
    def _whole(self) -> bool:
        """Whether there are data everywhere."""
        return bool((self.labels >= 0).all())


def on_ridge(basins: Basins, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Which rectangles [n], from low [n, 2] and of this size [n, 2], have corners in several basins."""
    if basins.n < 2:
        return np.zeros(len(low), dtype=bool)
    corners = [np.asarray(basins.label_at(low + size * (i, j))) for i in (0, 1) for j in (0, 1)]
    return (np.ptp(corners, axis=0) > 0) & (np.min(corners, axis=0) >= 0)


def labels_at(spline: Spline, basins: Basins, u: np.ndarray) -> np.ndarray:
    """The basin [n] of each u [n, 2], told apart at ridges more finely than the lattice does; -1 as `label_at`.

    A lattice point on a ridge belongs to one side with all its surroundings, half a step too many. So where a
    lattice cell has corners in several basins, u first goes one step downhill along the most negative curvature.
    """
    label = np.asarray(basins.label_at(u))
    step = np.array([basins.us[1] - basins.us[0], basins.vs[1] - basins.vs[0]])
    near_ridge = np.flatnonzero(on_ridge(basins, u - 0.5 * step, step))
    places = u[near_ridge]
    curvature, axes = np.linalg.eigh(spline.hessian(places))
    across = axes[:, :, 0]
    downhill = np.where((spline.gradient(places) * across).sum(axis=1) > 0, -1.0, 1.0)
    away = places + (downhill * (curvature[:, 0] < 0))[:, None] * across * step.max()
    (x0, x1), (y0, y1) = spline.bounds
    label[near_ridge] = basins.label_at(np.clip(away, (x0, y0), (x1, y1)))
    return label


def find_basins(spline: Spline, lattice: Lattice) -> Basins:
    """The basins of a spline, found on its finer lattice."""
    us, vs, energy, _ = lattice
    valid = np.isfinite(energy)
    filled = np.where(valid, energy, np.inf)
    root = descend(filled, us[1] - us[0], vs[1] - vs[0])
    heights, nodes, ends = lowest_passes(filled, root)
    lowest = float(filled.min())
    middle = float(np.quantile(energy[valid], SPREAD_QUANTILE))
    middle = lowest if middle - lowest <= ROUNDING * max(abs(middle), abs(lowest)) else middle
    merged = _merge(filled.ravel(), root, heights, ends, SHARE_OF_SPREAD * (middle - lowest))

    minima, energies = _polished(spline, lattice, np.array(merged.kept), downhill=0)
    order = np.argsort(energies, kind="stable")
    rank = {merged.kept[kept]: k for k, kept in enumerate(order)}
    label_of_root = np.full(energy.size, -1, dtype=np.int16)
    for minimum, kept in merged.label.items():
        label_of_root[minimum] = rank[kept]
    labels = np.where(valid, label_of_root[root].reshape(energy.shape), np.int16(-1))

    passes, pass_energies = _polished(spline, lattice, nodes[merged.edges], downhill=1)
    dies = np.isfinite([merged.persistence[kept] for kept in merged.kept])
    persistence = np.full(len(dies), np.inf)
    persistence[dies] = pass_energies - energies[dies]
    pairs = np.sort(label_of_root[ends[merged.edges]].astype(np.intp), axis=1)
    upward = np.argsort(pass_energies, kind="stable")
    passes, pass_energies, pairs = passes[upward], pass_energies[upward], pairs[upward]

    minima, energies = minima[order], energies[order]
    lowest = float(energies[0])
    out_of_deepest = pass_energies[(pairs == 0).any(axis=1)]
    edges = np.array(spline.bounds)
    return Basins(
        minima=minima, energies=energies, open=(minima[:, :, None] == edges).any(axis=(1, 2)),
        persistence=persistence[order],
        curvatures=np.linalg.eigvalsh(spline.hessian(minima)), areas=_areas(labels, us, vs, len(energies)),
        passes=passes, pass_energies=pass_energies, pass_pairs=pairs, us=us, vs=vs, labels=labels,
        minimum=lowest, barrier=float(out_of_deepest.min() - lowest) if len(out_of_deepest) else None,
        ceiling=float(lowest + 2 * (pass_energies.max() - lowest)) if len(pass_energies) else max(middle, lowest),
    )


def descend(energy: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """For each point of energy [m, k] the flat index [m k] of the minimum it descends to, steepest of 8 ways.

    Equal energies descend to the smaller index, so that a plateau has one minimum.
    """
    m, k = energy.shape
    padded = np.pad(energy, 1, constant_values=np.inf)
    index = np.arange(m * k).reshape(m, k)
    target, steepest = index.copy(), np.full((m, k), -1.0)
    for a, b in (*DIRECTIONS, *((-a, -b) for a, b in DIRECTIONS)):
        neighbour = padded[1 + a : 1 + a + m, 1 + b : 1 + b + k]
        offset = a * k + b
        lower = neighbour < energy if offset > 0 else (neighbour <= energy) & (neighbour < np.inf)
        slope = np.full((m, k), -2.0)
        np.subtract(energy, neighbour, out=slope, where=lower)
        slope[lower] /= np.hypot(a * dx, b * dy)
        better = slope > steepest
        steepest[better] = slope[better]
        target[better] = (index + offset)[better]
    root = target.ravel()
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return root
        root = further


def lowest_passes(energy: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lowest pass between each two touching basins, lowest first: heights [p], points [p], roots [p, 2].

    energy [m, k], root [m k] as from `descend`; a point is a flat index, the higher one of the step across.
    """
    flat = energy.ravel()
    index = np.arange(flat.size).reshape(energy.shape)
    m, k = energy.shape
    from_, to = [], []
    for a, b in DIRECTIONS:
        here, there = index[: m - a, max(0, -b) : k - max(0, b)], index[a:, max(0, b) : k + min(0, b)]
        across = root[here] != root[there]
        from_.append(here[across])
        to.append(there[across])
    first, second = np.concatenate(from_), np.concatenate(to)
    real = np.isfinite(flat[first]) & np.isfinite(flat[second])
    first, second = first[real], second[real]
    point = np.where(flat[first] >= flat[second], first, second)
    roots = np.sort(np.stack([root[first], root[second]], axis=1), axis=1)
    order = np.lexsort((point, flat[point], roots[:, 1], roots[:, 0]))
    point, roots = point[order], roots[order]
    new = np.ones(len(point), dtype=bool)
    new[1:] = (roots[1:] != roots[:-1]).any(axis=1)
    point, roots = point[new], roots[new]
    upward = np.argsort(flat[point], kind="stable")
    return flat[point[upward]], point[upward], roots[upward]


@dataclass(frozen=True)
class _Merged:
    """Kept minima (flat indices), persistence and kept minimum of every minimum, kept passes."""

    kept: list[int]
    persistence: dict[int, float]
    label: dict[int, int]
    edges: list[int]


def _merge(
    energy: np.ndarray, root: np.ndarray, heights: np.ndarray, ends: np.ndarray, least: float
) -> _Merged:
    """Flood upwards (Kruskal): where two lakes meet the shallower dies; the rejected join over that pass."""
    minima = [int(r) for r in np.unique(root) if np.isfinite(energy[r])]
    lake = {r: r for r in minima}

    def deepest(r: int) -> int:
        while lake[r] != r:
            lake[r] = lake[lake[r]]
            r = lake[r]
        return r

    persistence = dict.fromkeys(minima, np.inf)
    death: dict[int, tuple[int, int]] = {}
    rounding: dict[int, float] = {}
    for edge, (height, (a, b)) in enumerate(zip(heights.tolist(), ends.tolist(), strict=True)):
        one, other = deepest(a), deepest(b)
        if one == other:
            continue
        dies, across = (one, b) if (energy[one], one) > (energy[other], other) else (other, a)
        lake[dies] = other if dies == one else one
        persistence[dies] = height - float(energy[dies])
        death[dies] = (edge, across)
        rounding[dies] = ROUNDING * max(abs(height), abs(float(energy[dies])))
    finite = [p for p in persistence.values() if np.isfinite(p)]
    least = max(least, SHARE_OF_PERSISTENCE * max(finite, default=0.0))
    kept = [r for r in minima if persistence[r] == np.inf or (
        persistence[r] >= max(least, rounding[r]) and persistence[r] > 0)]
    label, survivors = {}, set(kept)
    for r in minima:
        end = r
        while end not in survivors:
            end = death[end][1]
        label[r] = end
    return _Merged(kept, persistence, label, [death[r][0] for r in kept if r in death])


def _polished(
    spline: Spline, lattice: Lattice, nodes: np.ndarray, downhill: int
) -> tuple[np.ndarray, np.ndarray]:
    """Stationary points [n, 2] of the spline beside lattice points (flat indices [n]), their energies [n].

    `downhill`: in how many directions it falls away from them (0: minima, 1: passes). Newton's method within two
    lattice steps, else the lattice point itself. A coordinate on the edge of the box is held there, and let go
    only where the force at the edge's own stationary point leads inwards.
    """
    us, vs, energy, _ = lattice
    i, j = np.unravel_index(np.asarray(nodes, dtype=np.intp), energy.shape)
    start = np.stack([us[i], vs[j]], axis=1)
    reach = REACH * np.array([us[1] - us[0], vs[1] - vs[0]])
    low, high = np.array(spline.bounds).T
    held = (start == low) | (start == high)
    found = _newton(spline, start, ~held, reach, downhill)
    force = spline.evaluate_few(found)[1]
    inwards = held & (np.where(start == low, force, -force) > 0)
    found = _newton(spline, found, (~held | inwards) & inwards.any(axis=1)[:, None], reach, downhill)
    return found, spline.evaluate_few(found)[0]


def _newton(
    spline: Spline, start: np.ndarray, free: np.ndarray, reach: np.ndarray, downhill: int
) -> np.ndarray:
    """Newton's method from start [n, 2] on the free coordinates [n, 2].

    A point that leaves the box, the reach or the cells with data, or that ends at another kind of stationary
    point, stays at its start.
    """
    low, high = np.array(spline.bounds).T
    u, lost = start.copy(), np.zeros(len(start), dtype=bool)
    both = free[:, :, None] & free[:, None, :]
    curvature = np.eye(2) + np.zeros((len(start), 1, 1))
    for _ in range(NEWTON_STEPS):
        # A held coordinate has no force and a unit curvature: it does not move.
        curvature = np.where(both, spline.hessian(u), np.eye(2))
        lost |= ~np.isfinite(curvature).all(axis=(1, 2))
        curvature[lost] = np.eye(2)
        force = np.where(free & ~lost[:, None], spline.evaluate_few(u)[1], 0.0)
        step = np.einsum("nij,nj->ni", np.linalg.pinv(curvature, rcond=1e-10, hermitian=True), force)
        lost |= ((np.abs(u + step - start) > reach) | (u + step < low) | (u + step > high)).any(axis=1)
        u = np.where(lost[:, None], start, u + step)
        if (lost | (np.abs(step) <= 1e-9 * reach).all(axis=1)).all():
            break
    # Rounding may bend a flat direction down by this much.
    least = -1e-6 * np.abs(curvature).max(axis=(1, 2))
    lost |= (np.linalg.eigvalsh(curvature) < least[:, None]).sum(axis=1) != downhill
    return np.where((lost | spline.masked(u))[:, None], start, u)


def _areas(labels: np.ndarray, us: np.ndarray, vs: np.ndarray, n: int) -> np.ndarray:
    """Area [n] of each basin: lattice points with their share of the box, half at its edges."""
    along_x, along_y = (np.full(len(axis), axis[1] - axis[0]) for axis in (us, vs))
    for weights in (along_x, along_y):
        weights[[0, -1]] /= 2
    held = labels >= 0
    return np.bincount(labels[held], weights=np.outer(along_x, along_y)[held], minlength=n)
