"""The exact evolution of a cloud on a surface: a master equation on cells, in contact with a bath at temperature T.

From cell i to its neighbour j at the rate (T/h^2) b((E_j - E_i)/T), b(z) = z/(e^z - 1): the scheme of D. Scharfetter
and H. Gummel, IEEE Trans. Electron Devices 16, 64 (1969). Without neighbours outside, mass is kept; in detailed
balance with e^(-E/T), Boltzmann's law is its fixed point, and F = E - TS of the cells falls at every moment.
Exact for the cells; against the continuum the error is O(h^2) where E varies by at most 2 T between neighbours.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..arrays import positive
from ..errors import BadInput
from ..landscape.surfaces import Surface
from .propagation import Propagator

CELLS = 80
MOST_CELLS = 400
# Largest change of E / T between neighbours for which the rates are trusted.
RESOLVED = 2.0
# Cells more than this many T above what matters are left out: they hold less than e^-36 of the mass.
CUTOFF = 36.0


class Thermodynamics(NamedTuple):
    """Mean energy, entropy and free energy F = E - TS of densities, one number each [k]."""

    E: np.ndarray
    S: np.ndarray
    F: np.ndarray


def bernoulli(z: Any) -> Any:
    """b(z) = z / (e^z - 1), 1 at 0, with b(-z) = b(z) + z; without overflow."""
    size = np.abs(np.asarray(z, dtype=float))
    with np.errstate(invalid="ignore", over="ignore"):
        positive = np.where(size > 1e-12, size / np.expm1(np.minimum(size, 700.0)), 1 - size / 2)
    return positive + np.where(np.asarray(z) < 0, size, 0.0)


class MasterEquation:
    """dp/dt = A p for the masses p [nx, ny] of the cells of a surface's box, at temperature T > 0.

    cells: (nx, ny), or one number for both. highest: cells of higher energy are left out (as are cells without data).
    us [nx], vs [ny]: cell centres; energy [nx, ny] there; inside [nx, ny]; area: of one cell. Raises BadInput.
    """

    def __init__(self, surface: Surface, temperature: float, cells: Any = CELLS, highest: float = np.inf) -> None:
        self.T = positive("temperature of a master equation", temperature)
        self.surface = surface
        self.shape = _cells(cells)
        edges = [np.linspace(low, high, n + 1) for (low, high), n in zip(surface.bounds, self.shape, strict=True)]
        self.edges = (edges[0], edges[1])
        self.us, self.vs = ((axis[1:] + axis[:-1]) / 2 for axis in edges)
        self.size = np.array([axis[1] - axis[0] for axis in edges])
        self.area = float(self.size.prod())
        self.energy = surface.on_product(self.us, self.vs)
        with np.errstate(invalid="ignore"):
            self.inside = np.isfinite(self.energy) & (self.energy <= highest)
        if not self.inside.any():
            raise BadInput("no cell is left: highest must be above the surface's lowest energy "
                           f"{float(np.nanmin(self.energy)):.4g}, got {highest!r}.")
        self._index = np.where(self.inside, np.cumsum(self.inside).reshape(self.shape) - 1, -1)

    @cached_property
    def boltzmann(self) -> np.ndarray:
        """The fixed point: mass e^(-E/T)/Z of each cell [nx, ny]."""
        weight = np.where(self.inside, np.exp(-(self.energy - self._lowest) / self.T), 0.0)
        return np.nan_to_num(weight) / np.nansum(weight)

    @property
    def _lowest(self) -> float:
        return float(self.energy[self.inside].min())

    @cached_property
    def F(self) -> float:
        """Free energy of the fixed point, -T ln sum area e^(-E/T)."""
        weight = np.exp(-(self.energy[self.inside] - self._lowest) / self.T)
        return float(self._lowest - self.T * np.log(weight.sum() * self.area))

    @cached_property
    def generator(self) -> Any:
        """A, sparse [m, m] over the cells inside, in C order: columns sum to 0."""
        m = int(self.inside.sum())
        rows, columns, rates = [], [], []
        for axis in (0, 1):
            here, there = self._neighbours(axis)
            step = (self.energy.flat[there] - self.energy.flat[here]) / self.T
            speed = self.T / self.size[axis] ** 2
            i, j = self._index.flat[here], self._index.flat[there]
            rows += [j, i]
            columns += [i, j]
            rates += [speed * bernoulli(step), speed * bernoulli(-step)]
        row, column, rate = (np.concatenate(part) for part in (rows, columns, rates))
        leaving = np.bincount(column, rate, minlength=m)
        diagonal = np.arange(m)
        entries = (np.concatenate([rate, -leaving]),
                   (np.concatenate([row, diagonal]), np.concatenate([column, diagonal])))
        return scipy.sparse.csr_matrix(entries, shape=(m, m))

    def _neighbours(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Flat indices of all pairs of cells inside that touch along an axis."""
        flat = np.arange(self.inside.size).reshape(self.shape)
        first, second = (flat[:-1], flat[1:]) if axis == 0 else (flat[:, :-1], flat[:, 1:])
        both = self.inside.flat[first] & self.inside.flat[second]
        return first[both], second[both]

    def coarseness(self, below: float = np.inf) -> float:
        """Largest |E_i - E_j| / T between neighbours of energy up to `below`; trusted up to RESOLVED."""
        steps = [0.0]
        for axis in (0, 1):
            here, there = self._neighbours(axis)
            first, second = self.energy.flat[here], self.energy.flat[there]
            low = np.maximum(first, second) <= below
            steps.append(float(np.abs(first - second)[low].max(initial=0.0)) / self.T)
        return max(steps)

    # Starts, as masses [nx, ny] of sum 1

    def gaussian(self, centre: Any, width: float) -> np.ndarray:
        """A Gaussian of standard deviation `width` about `centre` [2], reflected at the walls of the box."""
        along = [_folded_normal(edges, float(c), width) for edges, c in zip(self.edges, centre, strict=True)]
        return self._normalised(np.outer(along[0], along[1]))

    def uniform(self) -> np.ndarray:
        """Everywhere alike."""
        return self._normalised(np.ones(self.shape))

    def in_basin(self, basin: int) -> np.ndarray:
        """Boltzmann's law within one basin of the surface (0: the deepest), nothing elsewhere. Raises BadInput."""
        basins = self.surface.basins
        if not 0 <= basin < basins.n:
            raise BadInput(f"basin must be from 0 to {basins.n - 1}, got {basin!r}.")
        centres = np.stack(np.meshgrid(self.us, self.vs, indexing="ij"), axis=-1)
        return self._normalised(self.boltzmann * (basins.label_at(centres) == basin))

    def _normalised(self, mass: np.ndarray) -> np.ndarray:
        mass = np.where(self.inside, mass, 0.0)
        total = mass.sum()
        if not total > 0:
            raise BadInput("this start holds no mass on the cells of the surface: it lies where there is no data.")
        return mass / total

    # Motion

    @cached_property
    def _propagator(self) -> Propagator:
        return Propagator(self.generator, self.boltzmann[self.inside])

    def evolve(self, p: Any, times: Any, products: float = np.inf,
               progress: Callable[[float], Any] | None = None) -> np.ndarray:
        """Masses [k, nx, ny] at `times` [k] (increasing, >= 0) of a cloud that starts as p [nx, ny].

        `products`: of the generator with a vector, at most; fewer than k rows come back where they do not reach
        further. Mass is kept to rounding (1e-12). Raises BadInput.
        """
        start = np.asarray(p, dtype=float)
        if start.shape != self.shape or not (np.isfinite(start) & (start >= 0)).all() or not start.sum() > 0:
            raise BadInput(f"p must hold masses >= 0 of shape {self.shape}, got shape {start.shape}.")
        if start[~self.inside].any():
            raise BadInput("p holds mass in cells that are left out (without data, or above `highest`).")
        moments = np.atleast_1d(np.asarray(times, dtype=float))
        if moments.ndim != 1 or not np.isfinite(moments).all() or (np.diff(moments, prepend=0.0) < 0).any():
            raise BadInput("times must be finite, increasing and at least 0.")
        rows = self._propagator.evolve(start[self.inside], moments, products, progress)
        out = np.zeros((len(rows), *self.shape))
        out[:, self.inside] = rows
        return out

    # Numbers

    def thermodynamics(self, p: Any) -> Thermodynamics:
        """E, S = -sum p ln(p / area) and F = E - TS of masses p [..., nx, ny]: arrays [...]."""
        masses = np.asarray(p, dtype=float)[..., self.inside]
        E = masses @ self.energy[self.inside]
        S = -np.where(masses > 0, masses * np.log(np.where(masses > 0, masses, 1.0) / self.area), 0.0).sum(axis=-1)
        return Thermodynamics(E, S, E - self.T * S)


def _folded_normal(edges: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Mass between edges [n + 1] of a normal law reflected at the first and the last of them: [n]."""
    low, length = edges[0], edges[-1] - edges[0]
    images = range(-int(np.ceil(9 * width / length)) - 1, int(np.ceil(9 * width / length)) + 2)
    mass = np.zeros(len(edges) - 1)
    for image in images:
        for mirrored in (centre, 2 * low - centre):
            mass += np.diff(scipy.special.ndtr((edges - mirrored - 2 * image * length) / width))
    return mass


def _cells(cells: Any) -> tuple[int, int]:
    try:
        shape = tuple(int(n) for n in np.broadcast_to(np.asarray(cells), (2,)))
    except (TypeError, ValueError):
        shape = (0, 0)
    if not all(2 <= n <= MOST_CELLS for n in shape):
        raise BadInput(f"cells must be whole numbers from 2 to {MOST_CELLS}, one or one per axis, got {cells!r}.")
    return shape[0], shape[1]
