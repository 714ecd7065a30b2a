"""Cells on which a surface's energy is resolved at a range of temperatures: the quadrature of its equilibria.

Cells of the spline are halved until the energy varies by little more than T in each (the Bernstein coefficients bound
it), cells whose weight vanishes are dropped, and in each cell left stands a Gauss-Legendre rule. So the work follows
the weight, at any temperature.
"""

from functools import cached_property

import numpy as np

from .basins import Basins, labels_at, on_ridge
from .bicubic import BERNSTEIN
from .lattice import Lattice
from .spline import Spline

# Cells CUTOFF T above the minimum are dropped: e^-36 = 2e-16.
CUTOFF = 36.0
# Largest variation of E / T within a cell; cells more than MINOR T above the minimum, of weight below e^-8,
# may be coarser in proportion to their height. So one mesh serves all higher temperatures.
VARIATION = 4.0
MINOR = 8.0
# Gauss points per side, by the variation of E / T up to which each rule serves: errors of F, U near 1e-8 T.
GAUSS = ((0.15, 3), (0.5, 4), (np.inf, 6))
# Halvings of a cell of the spline, at most: beyond lies rounding.
DEEPEST = 48
# Halvings of the cells that a ridge crosses.
RIDGE_HALVINGS = 3
# Along a cliff the cells double with each halving; beyond so many the strip that they resolve has no mass to speak of.
MOST_CELLS = 30_000

# de Casteljau: Bernstein coefficients of the lower and upper half of an interval.
LOWER = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.5, 0.25, 0], [0.125, 0.375, 0.375, 0.125]])
UPPER = LOWER[::-1, ::-1].copy()


class Cells:
    """Rectangular cells with a Gauss-Legendre rule of `gauss` x `gauss` points in each, sorted by `floor`.

    control [c, 4, 4]: Bernstein coefficients of E - E0; low [c, 2], size [c, 2]: corners and sides in u;
    floor [c]: lower bound of E - E0.
    """

    def __init__(
        self, spline: Spline, basins: Basins, control: np.ndarray, low: np.ndarray, size: np.ndarray,
        floor: np.ndarray, gauss: int
    ) -> None:
        order = np.argsort(floor, kind="stable")
        self.spline, self.basins = spline, basins
        self.control, self.low, self.size, self.floor = control[order], low[order], size[order], floor[order]
        nodes, weights = np.polynomial.legendre.leggauss(gauss)
        self._nodes, self._weights = (nodes + 1) / 2, weights / 2

    @cached_property
    def energy(self) -> np.ndarray:
        """E - E0 at the Gauss points [c, g^2]."""
        basis = bernstein(self._nodes)
        return (basis @ self.control @ basis.T).reshape(-1, len(self._nodes) ** 2)

    def lower(self, energy: float) -> None:
        """Moves the zero of energy up by this much. Only before the moments have been taken."""
        self.control = self.control - energy
        self.floor = self.floor - energy
        del self.energy

    @cached_property
    def area(self) -> np.ndarray:
        """Quadrature weights [c, g^2], an area each."""
        return self.size.prod(axis=1)[:, None] * np.outer(self._weights, self._weights).ravel()

    @cached_property
    def points(self) -> np.ndarray:
        """The Gauss points u [c, g^2, 2]."""
        return self._product(self._nodes)

    @property
    def spans(self) -> np.ndarray:
        """The rectangle that each Gauss point stands for: [c, g^2, 2, 2], axis by its (lower, upper) end."""
        ends = np.concatenate([[0.0], np.cumsum(self._weights)])
        return np.stack([self._product(ends[:-1]), self._product(ends[1:])], axis=-1)

    def _product(self, shares: np.ndarray) -> np.ndarray:
        """Points [c, g^2, 2] at these shares [g] of each cell's sides."""
        along = self.low[:, None] + self.size[:, None] * shares[:, None]
        g = len(shares)
        return np.stack([np.repeat(along[..., 0], g, axis=1), np.tile(along[..., 1], (1, g))], axis=-1)

    @cached_property
    def _moments(self) -> np.ndarray:
        """Per Gauss point (flat): area x (1, E - E0, (E - E0)^2)."""
        area, energy = self.area.reshape(-1, 1), self.energy.reshape(-1, 1)
        return area * np.concatenate([np.ones_like(energy), energy, energy**2], axis=1)

    @cached_property
    def _basin(self) -> np.ndarray:
        """Per Gauss point (flat): its basin + 1, 0 for none."""
        return labels_at(self.spline, self.basins, self.points.reshape(-1, 2)) + 1

    def moments(self, temperature: float) -> np.ndarray:
        """Integrals of e^(-(E - E0) / T) times (1, E - E0, (E - E0)^2, in basin 0, 1, ...): [3 + k]."""
        weight = self._boltzmann(temperature)
        return np.concatenate([weight @ self._moments[:len(weight)], self._masses(weight)[1:]])

    def masses(self, temperature: float) -> np.ndarray:
        """Integrals of e^(-(E - E0) / T) over no basin and over basin 0, 1, ...: [1 + k]."""
        return self._masses(self._boltzmann(temperature))

    def _boltzmann(self, temperature: float) -> np.ndarray:
        """e^(-(E - E0) / T) at the first Gauss points (flat), beyond which it vanishes."""
        n = self.below(temperature) * len(self._nodes) ** 2
        weight = self.energy.reshape(-1)[:n] / -temperature
        return np.exp(weight, out=weight)

    def _masses(self, weight: np.ndarray) -> np.ndarray:
        return np.bincount(self._basin[:len(weight)], weight * self.area.reshape(-1)[:len(weight)], self.basins.n + 1)

    def weights(self, temperature: float) -> np.ndarray:
        """e^(-(E - E0) / T) dA at the Gauss points [c, g^2]."""
        return np.exp(self.energy / -temperature) * self.area

    def mass_within(self, temperature: float, left: float, right: float, below: float, above: float) -> float:
        """Integral of e^(-(E - E0) / T) over the rectangle [left, right] x [below, above]."""
        (x, y), (end_x, end_y) = self.low.T, (self.low + self.size).T
        touched = np.flatnonzero((x < right) & (end_x > left) & (y < above) & (end_y > below))
        low, size = self.low[touched], self.size[touched]
        start = np.maximum((np.array([left, below]) - low) / size, 0.0)
        extent = np.minimum((np.array([right, above]) - low) / size, 1.0) - start
        along_x, along_y = (bernstein(start[:, k, None] + extent[:, k, None] * self._nodes) for k in (0, 1))
        energy = along_x @ self.control[touched] @ np.swapaxes(along_y, 1, 2)
        inner = np.einsum("cij,i,j->c", np.exp(energy / -temperature), self._weights, self._weights)
        return float(inner @ (extent * size).prod(axis=1))

    def below(self, temperature: float) -> int:
        """How many cells matter at this temperature."""
        return int(np.searchsorted(self.floor, CUTOFF * temperature, side="right"))


class Mesh:
    """Cells on which E is resolved for every temperature from `coldest` to `hottest`, in groups by Gauss rule.

    E0: a reference close to the minimum. Cells without data are left out.
    """

    def __init__(
        self, spline: Spline, lattice: Lattice, basins: Basins, coldest: float, hottest: float
    ) -> None:
        self.E0 = float(np.nanmin(lattice.energy))
        step = spline.step
        control = BERNSTEIN @ spline.blocks[~spline.mask] @ BERNSTEIN.T - self.E0
        low = np.argwhere(~spline.mask) * step + np.array(spline.bounds)[:, 0]
        size = np.broadcast_to(step, low.shape)
        leaves = []
        for depth in range(DEEPEST + 1):
            floor = control.min(axis=(1, 2))
            alive = floor <= CUTOFF * hottest
            control, low, size, floor = control[alive], low[alive], size[alive], floor[alive]
            resolved = np.maximum(coldest, floor / MINOR)
            along_x = np.ptp(control, axis=1).max(axis=1) / resolved
            along_y = np.ptp(control, axis=2).max(axis=1) / resolved
            variation = np.maximum(along_x, along_y)
            # At a ridge the shares' integrands jump, which no Gauss rule sees: smaller cells there.
            ridge = on_ridge(basins, low, size) if depth < RIDGE_HALVINGS else np.zeros(len(low), bool)
            done = (variation <= VARIATION) & ~ridge | (depth == DEEPEST) | (len(control) > MOST_CELLS)
            leaves.append((control[done], low[done], size[done], floor[done], variation[done]))
            rest = ~done
            split_x, split_y = (ridge[rest] | (along[rest] > VARIATION) for along in (along_x, along_y))
            control, low, size = _halved(control[rest], low[rest], size[rest], split_x, axis=0)
            split_y = np.concatenate([split_y, split_y[split_x]])
            control, low, size = _halved(control, low, size, split_y, axis=1)
            if not len(control):
                break
        control, low, size, floor, variation = (np.concatenate(parts) for parts in zip(*leaves, strict=True))
        rule = np.searchsorted([limit for limit, _ in GAUSS], variation)
        self.groups = tuple(
            Cells(spline, basins, control[rule == k], low[rule == k], size[rule == k], floor[rule == k], gauss)
            for k, (_, gauss) in enumerate(GAUSS) if (rule == k).any()
        )
        # The reference again, now that it is resolved: a spline may undershoot its lattice by many T.
        lowest = min(float(cells.energy.min()) for cells in self.groups)
        for cells in self.groups:
            cells.lower(lowest)
        self.E0 += lowest

    def moments(self, temperature: float) -> np.ndarray:
        """Integrals of e^(-(E - E0) / T) times (1, E - E0, (E - E0)^2, in basin 0, 1, ...): [3 + k]."""
        return np.sum([cells.moments(temperature) for cells in self.groups], axis=0)

    def masses(self, temperature: float) -> np.ndarray:
        """Integrals of e^(-(E - E0) / T) over no basin and over basin 0, 1, ...: [1 + k]."""
        return np.sum([cells.masses(temperature) for cells in self.groups], axis=0)


def bernstein(s: np.ndarray) -> np.ndarray:
    """The cubic Bernstein polynomials [..., 4] at s [...]."""
    p = 1 - s
    return np.stack([p**3, 3 * s * p**2, 3 * s**2 * p, s**3], axis=-1)


def _halved(
    control: np.ndarray, low: np.ndarray, size: np.ndarray, chosen: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The chosen cells replaced by their lower halves along axis, the upper halves appended."""
    parent = control[chosen]
    halves = [half @ parent if axis == 0 else parent @ half.T for half in (LOWER, UPPER)]
    size = size.copy()
    size[chosen, axis] /= 2
    upper = low[chosen].copy()
    upper[:, axis] += size[chosen, axis]
    control = control.copy()
    control[chosen] = halves[0]
    low, size = np.concatenate([low, upper]), np.concatenate([size, size[chosen]])
    return np.concatenate([control, halves[1]]), low, size
