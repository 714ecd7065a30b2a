"""The spline on a finer product grid: where minima, passes and stiffness are read off."""

from typing import NamedTuple

import numpy as np

from .spline import Spline

# Cells per side, at least, of the lattice.
LATTICE_CELLS = 160


class Lattice(NamedTuple):
    """A spline on a finer product grid: us [m], vs [k], energy [m, k] and its largest curvature [m, k]."""

    us: np.ndarray
    vs: np.ndarray
    energy: np.ndarray
    curvature: np.ndarray

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature, never below 0, where E <= max(E_min + 20 T, highest_start); without both everywhere."""
        if temperature is None and highest_start is None:
            return max(float(np.nanmax(self.curvature)), 0.0)
        lowest = float(np.nanmin(self.energy))
        highest_start = lowest if highest_start is None else highest_start
        top = max(lowest + 20 * (temperature or 0.0), highest_start)
        # One lattice step beyond, so that a region narrower than the lattice is met as well.
        visited = _dilated(self.energy <= top)
        return max(float(np.nanmax(self.curvature[visited])), 0.0)


def lattice_of(spline: Spline) -> Lattice:
    """The lattice of a spline, which holds every node: at least 160 cells per side."""
    cells = spline.mask.shape
    refine = [max(2, -(-LATTICE_CELLS // n)) for n in cells]
    us, vs = (np.linspace(low, high, n * r + 1)
              for (low, high), n, r in zip(spline.bounds, cells, refine, strict=True))
    xx, xy, yy = (spline.on_product(us, vs, orders) for orders in ((2, 0), (1, 1), (0, 2)))
    largest = (xx + yy) / 2 + np.hypot((xx - yy) / 2, xy)
    return Lattice(us, vs, spline.on_product(us, vs), largest)


def _dilated(region: np.ndarray) -> np.ndarray:
    """The region [m, k] and its eight neighbours."""
    wide = region.copy()
    wide[1:] |= region[:-1]
    wide[:-1] |= region[1:]
    out = wide.copy()
    out[:, 1:] |= wide[:, :-1]
    out[:, :-1] |= wide[:, 1:]
    return out
