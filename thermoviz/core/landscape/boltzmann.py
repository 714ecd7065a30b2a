"""The exact Boltzmann equilibrium on a relief: Z, F, U, S, C, shares of the basins, samples, distance of a cloud.

Quadrature, no sampling: see `mesh`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import positive, real, whole
from ..errors import BadInput, TooFewSamples
from ..seeds import rng as seeded
from ..statistics.estimators import Estimate
from .mesh import Mesh, bernstein
from .relief import Relief

# Temperatures whose squares double precision holds.
LEAST_T, MOST_T = 1e-100, 1e100
# Energies are known to about this share of their range: rounding of the spline in double precision.
RESOLVED = 2.0**-40
# The density for drawing: sub-cells at most half of sqrt(T / k_max) wide, within this many per side.
MOST_SUBCELLS = 400


def mesh_of(surface: Relief, coldest: float, hottest: float) -> Mesh:
    """The cells that resolve a relief's equilibria from `coldest` to `hottest`."""
    return Mesh(surface, surface.lattice, surface.basins, coldest, hottest)


class BoltzmannLaw:
    """Boltzmann's equilibrium at temperature T on a surface, k_B = 1, in the units of its energy and of u.

    F = -T ln Z with Z = int exp(-E / T) d^2u; U = <E>; S = -int p ln p d^2u = (U - F) / T (differential: it
    depends on the unit of u and may be negative); C = Var(E) / T^2; shares [k] of the basins. Cells without
    data carry no mass. A cut is not a projection: this is the equilibrium of particles bound to the slice.
    Near a minimum they have covariance T (H_plane)^-1, while a network that feels all d dimensions has T
    (H^-1)_plane, which is wider. Raises BadInput unless T is a finite number > 0. Errors of F and U near 1e-8 T
    (measured against 10 points per side).
    """

    def __init__(self, surface: Relief, temperature: float, mesh: Mesh | None = None) -> None:
        self.T = positive_temperature(temperature)
        lowest = RESOLVED * float(np.nanmax(surface.E) - np.nanmin(surface.E))
        if self.T < lowest:
            raise BadInput(f"temperature of an equilibrium on this surface must be at least {lowest:.3g}, below which "
                           f"its energies are not resolved, got {self.T:g}.")
        self.surface = surface
        # The mesh is not kept: it holds megabytes, and most equilibria are asked for these numbers only.
        mesh = mesh_of(surface, self.T, self.T) if mesh is None else mesh
        total, energy, square, *shares = mesh.moments(self.T)
        mean = float(energy / total)
        self.F = float(mesh.E0 - self.T * np.log(total))
        self.U = mesh.E0 + mean
        self.S = float(mean / self.T + np.log(total))
        self.C = float(square / total - mean**2) / self.T**2
        self.shares = np.array(shares) / total
        self._partitions: dict[int, Partition] = {}

    @cached_property
    def mesh(self) -> Mesh:
        """The cells of the quadrature at this temperature."""
        return mesh_of(self.surface, self.T, self.T)

    @cached_property
    def _weights(self) -> list[np.ndarray]:
        """Boltzmann mass of each Gauss point, [c, g^2] per group of cells."""
        weights = [cells.weights(self.T) for cells in self.mesh.groups]
        total = sum(float(part.sum()) for part in weights)
        return [part / total for part in weights]

    def mean(self, f: Callable[[np.ndarray], Any]) -> Any:
        """The Boltzmann average <f> of f(u [m, 2]) -> [m, ...]: a number, or an array [...]."""
        average: Any = 0.0
        for weight, cells in zip(self._weights, self.mesh.groups, strict=True):
            value = np.asarray(f(cells.points.reshape(-1, 2)), dtype=float)
            if value.shape[:1] != (weight.size,):
                raise BadInput(f"f must map u [m, 2] to [m, ...]; it gave {list(value.shape)}.")
            average = average + np.tensordot(weight.ravel(), value, axes=1)
        return average[()]

    def density_at(self, u: Any) -> Any:
        """Probability per unit area [...] at u [..., 2]; 0 without data. BadInput outside the box."""
        return np.nan_to_num(np.exp((self.F - self.surface(u)) / self.T))[()]

    @cached_property
    def density_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Centres us [m], vs [k] of the sub-cells of `density`: half of sqrt(T / k_max), or 400 a side."""
        widest = np.sqrt(self.T / max(self.surface.k_max(self.T), 1e-300)) / 2
        axes = []
        for (low, high), cells in zip(self.surface.bounds, self.surface.mask.shape, strict=True):
            within = min((high - low) / cells / widest, max(2, MOST_SUBCELLS // cells))
            n = cells * max(2, int(np.ceil(within)))
            axes.append(low + (np.arange(n) + 0.5) * (high - low) / n)
        return axes[0], axes[1]

    @cached_property
    def density(self) -> np.ndarray:
        """Mean probability per unit area in each sub-cell of `density_axes` [m, k]: its integral is 1."""
        us, vs = self.density_axes
        half = np.array([us[1] - us[0], vs[1] - vs[0]]) / 2
        gauss = np.array([-1.0, 1.0]) / np.sqrt(3)
        energy = self.surface.on_product(
            (us[:, None] + half[0] * gauss).ravel(), (vs[:, None] + half[1] * gauss).ravel()
        )
        weight = np.nan_to_num(np.exp(-(energy - np.nanmin(energy)) / self.T))
        mass = weight.reshape(len(us), 2, len(vs), 2).sum(axis=(1, 3))
        return mass / (mass.sum() * 4 * half.prod())

    def sample(self, n: int, rng: np.random.Generator | int = 0) -> np.ndarray:
        """n exact, independent draws u [n, 2]: a cell by its mass, then rejection below the cell's bound.

        rng: a Generator, or a seed, whose stream "balls" is drawn from. Raises BadInput.
        """
        rng = rng if isinstance(rng, np.random.Generator) else seeded(rng, "balls")
        groups = self.mesh.groups
        parts = [(cells.control, cells.low, cells.size, cells.floor) for cells in groups]
        control, low, size, floor = (np.concatenate(part) for part in zip(*parts, strict=True))
        mass = np.concatenate([weight.sum(axis=1) for weight in self._weights])
        cumulative = np.cumsum(mass)
        shares = rng.random(whole("the number of samples", n, 1)) * cumulative[-1]
        cell = np.minimum(np.searchsorted(cumulative, shares, side="right"), len(mass) - 1)
        local = np.empty((len(cell), 2))
        pending = np.arange(len(cell))
        while len(pending):
            trial = rng.random((len(pending), 2))
            chosen = cell[pending]
            along_x, along_y = bernstein(trial[:, 0]), bernstein(trial[:, 1])
            energy = np.einsum("ni,nij,nj->n", along_x, control[chosen], along_y)
            accepted = rng.random(len(pending)) < np.exp((floor[chosen] - energy) / self.T)
            local[pending[accepted]] = trial[accepted]
            pending = pending[~accepted]
        return low[cell] + size[cell] * local

    def partition(self, n_cells: int) -> "Partition":
        """The box cut into n_cells rectangles of (nearly) equal Boltzmann mass, with their exact masses."""
        if n_cells not in self._partitions:
            self._partitions[n_cells] = _partition(self, whole("the number of cells", n_cells, 1))
        return self._partitions[n_cells]

    def equal_mass_labels(self, u: Any, n_cells: int) -> np.ndarray:
        """Which of n_cells rectangles of equal Boltzmann mass holds each u [..., 2]: whole numbers [...]."""
        return self.partition(n_cells).label(np.asarray(u, dtype=float))

    def kl(self, samples: Any, n_cells: int | None = None) -> Estimate:
        """Kullback-Leibler distance in nats of independent samples [n, 2] from equilibrium, as an Estimate.

        On K cells of equal Boltzmann mass (default min(n / 10, 64)): plug-in - (K - 1) / 2n, the sampling
        floor (Miller 1955). Coarse-grained, hence a lower bound of the distance of the densities. stderr:
        delta method, its own floor sqrt((K - 1) / 2) / n where the samples are in equilibrium. Raises
        TooFewSamples below 20 samples and BadInput for samples outside the surface or in cells without data.
        """
        try:
            u = real(samples)
        except (TypeError, ValueError):
            raise BadInput("samples must be an array of numbers [n, 2].") from None
        if u.ndim != 2 or u.shape[1] != 2:
            raise BadInput(f"samples must have shape [n, 2], got {list(u.shape)}.")
        n = len(u)
        if n < 20:
            raise TooFewSamples(f"a Kullback-Leibler distance needs at least 20 samples, got {n}.")
        astray = int(np.sum(self.surface.masked(u)))
        if astray:
            raise BadInput(f"{astray} of {n} samples lie outside the surface or in cells without data.")
        cells = self.partition(min(n // 10, 64) if n_cells is None else n_cells)
        observed = np.bincount(cells.label(u), minlength=len(cells.mass)) / n
        ratio = np.log(np.where(observed > 0, observed, 1.0) / cells.mass)
        plug_in = float(observed @ ratio)
        floor = (len(cells.mass) - 1) / (2 * n)
        # In equilibrium the ratios scatter by sampling alone, which adds 2 floor / n to their variance.
        spread = max(float(observed @ ratio**2) - plug_in**2 - 2 * floor, 0.0)
        return Estimate(plug_in - floor, float(np.sqrt(spread / n + floor / n)))


@dataclass(frozen=True, eq=False)
class Partition:
    """The box cut into slabs along x at `x_cuts` [s - 1], each slab along y at `y_cuts` (s arrays).

    mass [K]: exact Boltzmann mass of each rectangle, numbered slab by slab.
    """

    x_cuts: np.ndarray
    y_cuts: tuple[np.ndarray, ...]
    mass: np.ndarray

    def label(self, u: np.ndarray) -> np.ndarray:
        """The rectangle of each u [..., 2]: whole numbers [...]."""
        slab = np.searchsorted(self.x_cuts, u[..., 0], side="right")
        label = np.empty(slab.shape, dtype=np.intp)
        first = 0
        for k, cuts in enumerate(self.y_cuts):
            inside = slab == k
            label[inside] = first + np.searchsorted(cuts, u[..., 1][inside], side="right")
            first += len(cuts) + 1
        return label


def _partition(equilibrium: BoltzmannLaw, n_cells: int) -> Partition:
    groups = equilibrium.mesh.groups
    weight = np.concatenate([part.ravel() for part in equilibrium._weights])
    slabs = max(1, round(np.sqrt(n_cells)))
    per_slab = np.full(slabs, n_cells // slabs)
    per_slab[: n_cells % slabs] += 1
    spans = np.concatenate([cells.spans.reshape(-1, 2, 2) for cells in groups])
    # The cuts need only be good, since the masses are exact: points that hold 1e-5 of the mass in all are left out.
    heavy = weight > 1e-5 / len(weight)
    spans, weight = spans[heavy], weight[heavy]
    x_cuts = _quantiles(spans[:, 0], weight, np.cumsum(per_slab)[:-1] / n_cells)
    (x0, x1), (y0, y1) = equilibrium.surface.bounds
    y_cuts, mass = [], []
    for left, right, count in zip([x0, *x_cuts], [*x_cuts, x1], per_slab, strict=True):
        overlap = np.clip(spans[:, 0], left, right)
        inside = overlap[:, 1] > overlap[:, 0]
        share = np.diff(overlap[inside])[:, 0] / np.diff(spans[inside, 0])[:, 0]
        cuts = _quantiles(spans[inside, 1], weight[inside] * share, np.arange(1, count) / count)
        y_cuts.append(cuts)
        for below, above in zip([y0, *cuts], [*cuts, y1], strict=True):
            mass.append(sum(cells.mass_within(equilibrium.T, left, right, below, above) for cells in groups))
    masses = np.array(mass)
    return Partition(x_cuts, tuple(y_cuts), masses / masses.sum())


def _quantiles(spans: np.ndarray, weight: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Values [k] below which shares [k] of the weight lie, each weight [m] even over its span [m, 2]."""
    rate = weight / (spans[:, 1] - spans[:, 0])
    ends, change = spans.T.ravel(), np.concatenate([rate, -rate])
    order = np.argsort(ends, kind="stable")
    ends, slope = ends[order], np.cumsum(change[order])
    cumulative = np.concatenate([[0.0], np.cumsum(np.maximum(slope[:-1], 0.0) * np.diff(ends))])
    return np.interp(shares, cumulative / cumulative[-1], ends)


def equilibrium_curve(surface: Relief, temperatures: Iterable[float]) -> tuple[BoltzmannLaw, ...]:
    """The equilibria at many temperatures, from one mesh that resolves them all. Raises BadInput."""
    temperatures = [positive_temperature(temperature) for temperature in temperatures]
    if not temperatures:
        return ()
    mesh = mesh_of(surface, min(temperatures), max(temperatures))
    return tuple(BoltzmannLaw(surface, temperature, mesh) for temperature in temperatures)


def positive_temperature(temperature: Any) -> float:
    """The temperature as a number. Raises BadInput unless it is finite and > 0."""
    value = positive("temperature of an equilibrium", temperature)
    if not LEAST_T <= value <= MOST_T:
        raise BadInput(f"temperature of an equilibrium must lie within {LEAST_T:g} to {MOST_T:g}, got {temperature!r}.")
    return value
