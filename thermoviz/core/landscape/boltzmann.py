"""The exact Boltzmann equilibrium on a surface: Z, F, U, S, C, shares of the basins, samples, distance of a
cloud.

Quadrature, no sampling: cells of the spline are halved until the energy varies by little more than T in each
(the Bernstein coefficients bound it), cells whose weight vanishes are dropped, and in each cell left stands a
Gauss-Legendre rule. So the work follows the weight, at any temperature.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import real
from ..errors import BadInput, TooFewSamples
from ..seeds import rng as seeded
from .basins import labels_at, on_ridge
from .bicubic import BERNSTEIN

if TYPE_CHECKING:
    from ..statistics.estimators import Estimate
    from .surfaces import Surface

# Temperatures whose squares double precision holds.
LEAST_T, MOST_T = 1e-100, 1e100
# Energies are known to about this share of their range: rounding of the spline in double precision.
RESOLVED = 2.0**-40
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
# The density for drawing: sub-cells at most half of sqrt(T / k_max) wide, within this many per side.
MOST_SUBCELLS = 400

# de Casteljau: Bernstein coefficients of the lower and upper half of an interval.
LOWER = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.5, 0.25, 0], [0.125, 0.375, 0.375, 0.125]])
UPPER = LOWER[::-1, ::-1].copy()


class Cells:
    """Rectangular cells with a Gauss-Legendre rule of `gauss` x `gauss` points in each, sorted by `floor`.

    control [c, 4, 4]: Bernstein coefficients of E - E0; low [c, 2], size [c, 2]: corners and sides in u;
    floor [c]: lower bound of E - E0.
    """

    def __init__(
        self, surface: "Surface", control: np.ndarray, low: np.ndarray, size: np.ndarray, floor: np.ndarray,
        gauss: int
    ) -> None:
        order = np.argsort(floor, kind="stable")
        self.surface = surface
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
        return labels_at(self.surface, self.points.reshape(-1, 2)) + 1

    def moments(self, temperature: float) -> np.ndarray:
        """Integrals of e^(-(E - E0) / T) times (1, E - E0, (E - E0)^2, in basin 0, 1, ...): [3 + k]."""
        n = self.below(temperature) * len(self._nodes) ** 2
        weight = np.exp(self.energy.reshape(-1)[:n] / -temperature)
        mass = np.bincount(self._basin[:n], weight * self._moments[:n, 0], self.surface.basins.n + 1)
        return np.concatenate([weight @ self._moments[:n], mass[1:]])

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
    """Cells on which E is resolved for every temperature from `coldest` to `hottest`, in groups by Gauss
    rule.

    E0: a reference close to the minimum. Cells without data are left out.
    """

    def __init__(self, surface: "Surface", coldest: float, hottest: float) -> None:
        self.E0 = float(np.nanmin(surface.lattice.energy))
        step = surface.step
        control = BERNSTEIN @ surface.blocks[~surface.mask] @ BERNSTEIN.T - self.E0
        low = np.argwhere(~surface.mask) * step + np.array(surface.bounds)[:, 0]
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
            ridge = on_ridge(surface, low, size) if depth < RIDGE_HALVINGS else np.zeros(len(low), bool)
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
            Cells(surface, control[rule == k], low[rule == k], size[rule == k], floor[rule == k], gauss)
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


class BoltzmannLaw:
    """Boltzmann's equilibrium at temperature T on a surface, k_B = 1, in the units of its energy and of u.

    F = -T ln Z with Z = int exp(-E / T) d^2u; U = <E>; S = -int p ln p d^2u = (U - F) / T (differential: it
    depends on the unit of u and may be negative); C = Var(E) / T^2; shares [k] of the basins. Cells without
    data carry no mass. A cut is not a projection: this is the equilibrium of particles bound to the slice.
    Near a minimum they have covariance T (H_plane)^-1, while a network that feels all d dimensions has T
    (H^-1)_plane, which is wider. Raises BadInput unless T is a finite number > 0. Errors of F and U near 1e-8 T
    (measured against 10 points per side).
    """

    def __init__(self, surface: "Surface", temperature: float, mesh: Mesh | None = None) -> None:
        self.T = positive_temperature(temperature)
        lowest = RESOLVED * float(np.nanmax(surface.E) - np.nanmin(surface.E))
        if self.T < lowest:
            raise BadInput(f"temperature of an equilibrium on this surface must be at least {lowest:.3g}, below which "
                           f"its energies are not resolved, got {self.T:g}.")
        self.surface = surface
        # The mesh is not kept: it holds megabytes, and most equilibria are asked for these numbers only.
        mesh = Mesh(surface, self.T, self.T) if mesh is None else mesh
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
        return Mesh(self.surface, self.T, self.T)

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
        shares = rng.random(_count(n)) * cumulative[-1]
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
            self._partitions[n_cells] = _partition(self, _count(n_cells))
        return self._partitions[n_cells]

    def equal_mass_labels(self, u: Any, n_cells: int) -> np.ndarray:
        """Which of n_cells rectangles of equal Boltzmann mass holds each u [..., 2]: whole numbers [...]."""
        return self.partition(n_cells).label(np.asarray(u, dtype=float))

    def kl(self, samples: Any, n_cells: int | None = None) -> "Estimate":
        """Kullback-Leibler distance in nats of independent samples [n, 2] from equilibrium, as an Estimate.

        On K cells of equal Boltzmann mass (default min(n / 10, 64)): plug-in - (K - 1) / 2n, the sampling
        floor (Miller 1955). Coarse-grained, hence a lower bound of the distance of the densities. stderr:
        delta method, its own floor sqrt((K - 1) / 2) / n where the samples are in equilibrium. Raises
        TooFewSamples below 20 samples and BadInput for samples outside the surface or in cells without data.
        """
        from ..statistics.estimators import Estimate

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


def _count(n: Any) -> int:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise BadInput(f"the number must be a whole number >= 1, got {n!r}.")
    return int(n)


def equilibrium_curve(surface: "Surface", temperatures: Iterable[float]) -> tuple[BoltzmannLaw, ...]:
    """The equilibria at many temperatures, from one mesh that resolves them all. Raises BadInput."""
    temperatures = [positive_temperature(temperature) for temperature in temperatures]
    if not temperatures:
        return ()
    mesh = Mesh(surface, min(temperatures), max(temperatures))
    return tuple(BoltzmannLaw(surface, temperature, mesh) for temperature in temperatures)


def positive_temperature(temperature: Any) -> float:
    """The temperature as a number. Raises BadInput unless it is finite and > 0."""
    try:
        value = float(temperature)
    except (TypeError, ValueError):
        value = 0.0
    if not LEAST_T <= value <= MOST_T:
        raise BadInput("temperature of an equilibrium must be a finite number > 0 "
                       f"(within {LEAST_T:g} to {MOST_T:g}), got {temperature!r}.")
    return value
