"""Whether the valleys and passes that a surface shows are those of the loss: it is asked at each of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.landscape.surfaces import Surface

MOST_ASKED = 64  # valleys, deepest first, and passes, lowest first
SHARE = 0.05  # of the loss there, by which a claim may be off, beside the tolerance's share of the lower relief
LOWER = 0.25  # the lower relief reaches to this quantile of the surface: not to its walls
MOST_ZOOMS, TRIED = 12, 17  # halvings of the box, and points along the side of a box on trial
Box = tuple[float, float, float, float]


def false_claims(loss: Any, plane: Plane, surface: Surface, tolerance: float) -> int:
    """How many of the valleys and passes shown have another height in the loss, or none."""
    basins = surface.basins
    places = np.concatenate([basins.minima[:MOST_ASKED], basins.passes[:MOST_ASKED]])
    claimed = np.concatenate([basins.energies[:MOST_ASKED], basins.pass_energies[:MOST_ASKED]])
    true = plane.restrict(loss)(places)
    known = surface.E[np.isfinite(surface.E)]
    relief = float(np.quantile(known, LOWER)) - float(known.min())
    allowed = SHARE * np.abs(true) + max(tolerance, 1e-3) * relief
    return int((~(np.abs(claimed - true) <= allowed)).sum())


def scanned(loss: Any, plane: Plane, resolution: int, margin: float, extent: Box | None, tolerance: float,
            shrinks: bool, progress: Callable[..., None]) -> tuple[Surface, float, int]:
    """(surface, zoom, false claims). Where the box may shrink, it is halved until a coarse surface claims nothing
    false: valleys that are small beside their walls are found in a smaller box only.
    """
    zoom, box = 1.0, extent
    for _ in range(MOST_ZOOMS if shrinks else 0):
        trial = scan(loss, plane, min(TRIED, resolution), margin, box, tolerance=0)
        if not false_claims(loss, plane, trial, tolerance):
            break
        (u0, u1), (v0, v1) = trial.bounds
        middle, half = np.array([u0 + u1, v0 + v1]) / 2, np.array([u1 - u0, v1 - v0]) / 4
        zoom /= 2
        box = (middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1])
    surface = scan(loss, plane, resolution, margin, box, tolerance=tolerance, progress=progress, frugal=True)
    return surface, zoom, false_claims(loss, plane, surface, tolerance)
