"""Tabulating an energy on a plane: nested grids, refined until the spline through them is close enough."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import as_numpy
from ..errors import BadInput, ThermovizError
from ..seeds import rng
from .surfaces import Surface

# The coarsest nested grid has at least this many points per side, and the error is checked on a product of this many
# off-grid coordinates per side: 256 points. Where each energy takes long, fewer of both.
COARSEST, CHECKS = 17, 16
FRUGAL_COARSEST, FRUGAL_CHECKS = 11, 10
# Points per call, so that progress is told and cancel is heard several times a second; numbers per call of a
# plain callable, so that points in many dimensions fit into memory.
CHUNK_POINTS = 1024
CHUNK_NUMBERS = 2**22
# One level finer a smooth surface is 16 times closer; at most half of that is claimed.
GAIN_PER_LEVEL = 8
# Single precision cannot be refined away: errors below this share of the energies in the valleys count as none.
ROUNDING = 2.0**-22
# Sides of a box and margins beyond this leave what single precision can hold.
MOST_MARGIN = 1e6

Grid = Callable[[np.ndarray, np.ndarray], np.ndarray]


def scan(
    energy: Any, plane: Any = None, resolution: int = 81, margin: float = 0.3,
    extent: tuple[float, float, float, float] | None = None, tolerance: float = 5e-3,
    progress: Callable[[float, Surface], None] | None = None, frugal: bool = False,
) -> Surface:
    """Tabulate an energy on a plane, or a two-dimensional energy, as a Surface.

    energy: any batched callable x [..., d] -> [...] (numpy, else torch); its `on_plane(plane, us, vs) -> [m,
    k]` is used if it has one. extent: (u0, u1, v0, v1), in pairs too; else the box of `plane.points` widened on
    each side by `margin` x its larger side, or without a plane `energy.bounds`. resolution: most points per axis. Grids
    are nested (21, 41, 81 points), each keeping the earlier points; refining stops when the estimated error
    of the energy is at most tolerance x `surface.scale`. The estimate, reported as `surface.error`, is the
    larger of two: the largest error at 256 off-grid points; the previous level's largest error at the new
    points, divided by 8 (by the fall of the off-grid error, if that is less). tolerance=0 takes every grid
    point and measures no error. frugal: for energies that take long: grids begin with half as many points per axis, and
    there are 100 off-grid points. progress(fraction, partial surface) follows each level, and each 1024 points,
    and may raise Cancelled. Raises BadInput.
    """
    _check_settings(resolution, margin, tolerance)
    if progress is not None and not callable(progress):
        raise BadInput(f"progress must be callable, progress(fraction, surface), or None, got {progress!r}.")
    u0, u1, v0, v1 = _box(energy, plane, margin) if extent is None else checked_extent(extent)
    report = _Report(progress, resolution**2)
    grid = _grid(energy, plane)
    checks = _off_grid(u0, u1, v0, v1, FRUGAL_CHECKS if frugal else CHECKS) if tolerance > 0 else None
    true_checks = None if checks is None else grid(*checks)
    coarsest = FRUGAL_COARSEST if frugal else COARSEST
    levels = _levels(resolution, coarsest) if tolerance > 0 or progress else [resolution]
    values: np.ndarray | None = None
    for level, n in enumerate(levels):
        us, vs = np.linspace(u0, u1, n), np.linspace(v0, v1, n)
        values = _refined(grid, us, vs, values, report)
        coarse, surface = report.surface, Surface(us, vs, values, levels=tuple(levels[: level + 1]))
        enough = checks is not None and _accurate(surface, coarse, checks, true_checks, tolerance)
        report.finished(surface, last=enough or n == resolution)
        if enough:
            break
    return surface


class _Report:
    """Tells progress: after each level, and between chunks once there is a surface to show."""

    def __init__(self, progress: Callable[[float, Surface], None] | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0
        self.surface: Surface | None = None

    def points(self, n: int) -> None:
        self.done += n
        if self.progress and self.surface is not None:
            self.progress(min(self.done / self.total, 0.99), self.surface)

    def finished(self, surface: Surface, last: bool) -> None:
        self.surface = surface
        if self.progress:
            self.progress(1.0 if last else self.done / self.total, surface)


def _refined(
    grid: Grid, us: np.ndarray, vs: np.ndarray, known: np.ndarray | None, report: _Report
) -> np.ndarray:
    """Energies [m, k] on the product of us and vs, of which every second row and column may be known."""
    if known is None:
        return _in_chunks(grid, us, vs, report)
    out = np.empty((len(us), len(vs)))
    out[::2, ::2] = known
    out[1::2] = _in_chunks(grid, us[1::2], vs, report)
    out[::2, 1::2] = _in_chunks(grid, us[::2], vs[1::2], report)
    return out


def _in_chunks(grid: Grid, us: np.ndarray, vs: np.ndarray, report: _Report) -> np.ndarray:
    rows = max(1, CHUNK_POINTS // len(vs)) if report.progress else len(us)
    parts = []
    for start in range(0, len(us), rows):
        part = us[start : start + rows]
        parts.append(grid(part, vs))
        report.points(len(part) * len(vs))
    return np.concatenate(parts)


def _accurate(
    surface: Surface, coarse: Surface | None, checks: tuple[np.ndarray, np.ndarray],
    true_checks: np.ndarray | None, tolerance: float,
) -> bool:
    """Measure surface.error; whether it is within tolerance and every hole was seen by the coarser grid."""
    off_grid, unseen = _difference(surface.on_product(*checks), true_checks)
    if coarse is None:
        surface.error = off_grid
        return False
    before, unseen_before = _difference(coarse.on_product(surface.xs, surface.ys), surface.E)
    # Where the off-grid error fell by less than the gain of a smooth surface, no more than that fall is claimed.
    fall = _difference(coarse.on_product(*checks), true_checks)[0] / max(off_grid, 1e-300)
    surface.error = max(off_grid, before / min(max(fall, 1.0), GAIN_PER_LEVEL))
    allowed = max(tolerance * surface.scale, ROUNDING * (abs(surface.minimum) + surface.scale))
    return surface.error <= allowed and not unseen and not unseen_before


def _difference(predicted: np.ndarray, true: Any) -> tuple[float, bool]:
    """Largest difference where both are numbers, and whether a prediction covers a hole."""
    both = np.isfinite(predicted) & np.isfinite(true)
    largest = float(np.abs(predicted[both] - true[both]).max()) if both.any() else 0.0
    return largest, bool((np.isfinite(predicted) & ~np.isfinite(true)).any())


def _levels(resolution: int, coarsest: int) -> list[int]:
    levels = [resolution]
    while levels[0] % 2 == 1 and (levels[0] + 1) // 2 >= coarsest:
        levels.insert(0, (levels[0] + 1) // 2)
    return levels


def _off_grid(u0: float, u1: float, v0: float, v1: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """One random coordinate in each of n strata per axis, always the same shares of the box."""
    shares = (np.arange(n) + rng(0, "scan checks").random((2, n))) / n
    return u0 + shares[0] * (u1 - u0), v0 + shares[1] * (v1 - v0)


def _grid(energy: Any, plane: Any) -> Grid:
    """The energy as a function of the product of us [m] and vs [k]."""
    on_plane = getattr(energy, "on_plane", None) if plane is not None else None

    if on_plane is not None:
        return lambda us, vs: _shaped(on_plane(plane, us, vs), (len(us), len(vs)))

    def pointwise(us: np.ndarray, vs: np.ndarray) -> np.ndarray:
        u = np.stack(np.meshgrid(us, vs, indexing="ij"), axis=-1).reshape(-1, 2)
        size = max(1, CHUNK_NUMBERS // (2 if plane is None else plane.d))
        parts = [u[start : start + size] for start in range(0, len(u), size)]
        parts = [_energy_at(energy, part if plane is None else plane.embed(part)) for part in parts]
        return np.concatenate(parts).reshape(len(us), len(vs))

    return pointwise


def _energy_at(energy: Any, x: np.ndarray) -> np.ndarray:
    """Energies [m] at x [m, d]: numpy first; a callable that refuses numpy is offered torch tensors."""
    try:
        return _shaped(energy(x), x.shape[:1])
    except ThermovizError:
        raise
    except Exception as refusal:
        # Whoever wrote a callable for torch has imported it; nobody else needs to wait for it.
        torch: Any = sys.modules.get("torch")
        for dtype in ("float64", "float32") if torch is not None else ():
            try:
                return _shaped(energy(torch.as_tensor(x, dtype=getattr(torch, dtype))), x.shape[:1])
            except Exception:  # noqa: S112 - whatever torch made of it, numpy's refusal is what is reported
                continue
        raise BadInput(
            f"the energy must be a batched callable x [..., {x.shape[1]}] -> [...], but for {list(x.shape)} "
            f"it failed with {type(refusal).__name__}: {refusal}"
        ) from refusal


def _shaped(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Energies of numpy or torch as float64, checked to have this shape."""
    energies = np.asarray(as_numpy(values), dtype=float)
    if energies.shape != shape:
        raise BadInput(
            f"the energy must map x [..., d] to [...]: for {list(shape)} points it gave shape "
            f"{list(energies.shape)}."
        )
    return energies


def _is_share(value: Any, most: float) -> bool:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.complexfloating))
    return number and 0 <= value <= most and value < np.inf


def _check_settings(resolution: int, margin: float, tolerance: float) -> None:
    whole = isinstance(resolution, (int, np.integer)) and not isinstance(resolution, bool)
    if not whole or not 4 <= resolution <= 2001:
        raise BadInput(f"resolution must be a whole number of points from 4 to 2001, got {resolution!r}.")
    if not _is_share(margin, MOST_MARGIN):
        raise BadInput(f"margin must be a share of the larger side, from 0 to {MOST_MARGIN:g}, got {margin!r}.")
    if not _is_share(tolerance, np.inf):
        raise BadInput(f"tolerance must be a share >= 0 of the scale, got {tolerance!r}.")


def checked_extent(extent: Any) -> tuple[float, float, float, float]:
    """A box (u0, u1, v0, v1), in pairs too. Raises BadInput."""
    try:
        # As objects, so that each edge is judged as it was given: numpy would round or shorten some in silence.
        u0, u1, v0, v1 = (float(edge) for edge in np.ravel(np.asarray(extent, dtype=object)))
    except (TypeError, ValueError):
        raise BadInput(f"extent must be four numbers (u0, u1, v0, v1), got {extent!r}.") from None
    if not (np.isfinite([u1 - u0, v1 - v0]).all() and u0 < u1 and v0 < v1):
        raise BadInput(f"extent must be finite with u0 < u1 and v0 < v1, got {extent!r}.")
    return u0, u1, v0, v1


def _box(energy: Any, plane: Any, margin: float) -> tuple[float, float, float, float]:
    """The default box: around the plane's points, or the energy's own bounds."""
    if plane is None:
        bounds = getattr(energy, "bounds", None)
        if bounds is None:
            raise BadInput("this energy has no natural box: give extent=(u0, u1, v0, v1).")
        return checked_extent(np.asarray(bounds, dtype=float).ravel().tolist())
    points = getattr(plane, "points", None)
    if points is None or len(points) == 0:
        raise BadInput("this plane was chosen without points to show: give extent=(u0, u1, v0, v1).")
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    side = (high - low).max()
    # Around a single point: one unit of the original directions to each side.
    room = margin * side if side > 0 else np.asarray(plane.tick_scale, dtype=float)
    low, high = low - room, high + room
    return checked_extent((low[0], high[0], low[1], high[1]))
