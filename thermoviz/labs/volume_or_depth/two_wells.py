"""A narrow deep basin against a wide shallow one, in any d: measured, hopped between, and known exactly.

The curvatures differ along the first axis only, so that the ratio of determinants is the same in every d, every other
axis is a factor common to both basins, and quadrature along one line is exact for all of them.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.energies.potentials import TwoBasins
from ...core.errors import TooFewSamples
from ...core.seeds import rng
from ...core.statistics.estimators import FEWEST, Estimate
from ...core.thermodynamics.free_energy import (
    Basin,
    Well,
    basin_free_energy,
    crossing_temperature,
    harmonic_free_energy,
    metropolis,
)
from .specification import SOFT, VolumeOrDepth, along_the_line

# Temperatures of the curves, from the colder of these to the barrier.
COLDEST_OF_BARRIER, COLDEST_OF_CROSSING = 0.02, 0.2
N_TEMPERATURES = 15
# Samples of each walker, after as many that are forgotten.
SAMPLES = 30
# Gauss-Legendre cells between the ends of the line, its minima and its pass, and points in each.
CELLS, NODES = 300, 6
# The line ends so many thermal widths of the wide basin beyond the minima: e^-72 is left out.
ENDS = 12.0
# Direct hopping is claimed up to this barrier, in units of T.
MOST_BARRIER = 5.0
HOP_STEPS, HOP_RECORDS, HOP_NUMBERS = 4000, 200, 8192
# Both starts agree where their shares differ by at most so many errors, and the error is no larger than this.
AGREE, VAGUE = 3.0, 0.07


class Basins(NamedTuple):
    """Both basins at one temperature, F counted from a common well that knows nothing of either."""

    deep: Basin
    wide: Basin

    @property
    def difference(self) -> Estimate:
        """F_deep - F_wide: below 0 the deep basin holds more."""
        return Estimate(self.deep.F - self.wide.F, math.hypot(self.deep.F.stderr, self.wide.F.stderr))


class Hops(NamedTuple):
    """Shares of the deep basin [k, 2] seen by walkers that started in it and in the wide one, at temperatures T [k].

    stderr [k, 2]: between walkers. step_error [k]: |share(dt) - share(dt/2)|. agree [k]: both starts tell the same.
    """

    T: np.ndarray
    share: np.ndarray
    stderr: np.ndarray
    step_error: np.ndarray
    agree: np.ndarray


class _Factored:
    """TwoBasins that differ along the first axis only, as the sum that it then is: E(x) = line(x_0) + SOFT/2 sum x_i^2.

    The same energy, at the cost of one dimension whatever d.
    """

    def __init__(self, line: TwoBasins) -> None:
        self.line = line

    def __call__(self, x: np.ndarray) -> np.ndarray:
        across = x[..., 1:]
        return self.line(x[..., :1]) + 0.5 * SOFT * np.einsum("...i,...i->...", across, across)

    def force(self, x: np.ndarray) -> np.ndarray:
        """-grad E [..., d]."""
        out = -SOFT * x
        out[..., :1] = self.line.force(x[..., :1])
        return out

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature: along the first axis, where both basins are at least as narrow as along the others."""
        return self.line.k_max()


class TwoWells:
    """TwoBasins whose curvatures are SOFT, but ratio x SOFT along the deep basin's first axis."""

    def __init__(self, d: int, depth: float, ratio: float, distance: float) -> None:
        self.d, self.depth, self.ratio, self.a = d, depth, ratio, distance / 2
        self.wide = np.full(d, SOFT)
        self.deep = self.wide.copy()
        self.deep[0] *= ratio
        self.line = along_the_line(depth, ratio, distance)
        self.energy = _Factored(self.line)
        self.predicted = crossing_temperature(depth, math.log(ratio))
        self.ridge = self._pass()
        self.barrier = float(self.line([self.ridge]) - self.line([self.a]))

    def _pass(self) -> float:
        """Where E is highest between the two minima, along the line that joins them."""
        low, high = -self.a, self.a
        for _ in range(3):  # each time 1000 times finer
            x = np.linspace(low, high, 2001)
            k = int(np.argmax(self.line(x[:, None])))
            low, high = x[max(k - 1, 0)], x[min(k + 1, 2000)]
        return float(low + high) / 2

    @classmethod
    def of(cls, spec: VolumeOrDepth) -> "TwoWells":
        """The two basins that a specification asks about."""
        return cls(spec.d, spec.depth, spec.ratio, spec.distance)

    def temperatures(self) -> np.ndarray:
        """[N_TEMPERATURES] from far below the crossing to the barrier."""
        coldest = COLDEST_OF_BARRIER * self.barrier
        if self.predicted is not None:
            coldest = min(coldest, COLDEST_OF_CROSSING * self.predicted)
        return np.geomspace(coldest, self.barrier, N_TEMPERATURES)

    def inside(self, sign: int) -> Callable[[np.ndarray], np.ndarray]:
        """What belongs to the deep basin (+1) or to the wide one (-1): the half space beyond the pass."""
        return lambda x: sign * (x[:, 0] - self.ridge) > 0

    def centre(self, sign: int) -> np.ndarray:
        """The minimum of the deep (+1) or the wide basin (-1), [d]."""
        return sign * self.a * np.eye(self.d)[0]

    def exact(self, T: float) -> np.ndarray:
        """(F_deep, F_wide) from the common well, by quadrature along the line."""
        beyond = self.a + ENDS * math.sqrt(T / SOFT)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        Z = []
        for ends in ((self.ridge, self.a, beyond), (-beyond, -self.a, self.ridge)):
            edges = np.concatenate([np.linspace(*pair, CELLS + 1) for pair in zip(ends, ends[1:], strict=False)])
            left, size = edges[:-1, None], np.diff(edges)[:, None]
            x = left + size * (nodes + 1) / 2
            Z.append(float((np.exp(-(self.line(x[..., None]) + self.depth) / T) * size * weights / 2).sum()))
        return -T * np.log(Z) - self.depth - harmonic_free_energy([SOFT], T)

    def exact_share(self, T: float) -> float:
        """Share of the deep basin at equilibrium, by quadrature."""
        deep, wide = self.exact(T)
        return share(deep - wide, T)

    def exact_crossing(self, hottest: float) -> float | None:
        """The lowest temperature up to `hottest` at which both basins hold half, by quadrature; None: there is none."""
        def difference(T: float) -> float:
            deep, wide = self.exact(T)
            return float(deep - wide)

        grid = np.geomspace(hottest / 1000, hottest, 60)
        signs = np.array([difference(T) for T in grid]) > 0
        if signs[0] or not signs.any():
            return None
        k = int(np.argmax(signs))
        return float(scipy.optimize.brentq(difference, grid[k - 1], grid[k], rtol=1e-10))

    def harmonic(self, T: float) -> np.ndarray:
        """(F_deep, F_wide) of harmonic theory from the common well."""
        return np.array([-self.depth + T / 2 * math.log(self.ratio), 0.0])

    def measure(self, T: float, walkers: int, seed: int, stream: str,
                progress: Callable[[float], Any] | None = None) -> Basins:
        """Both basins by a bridge from one common isotropic well, which knows neither width. Raises TooFewSamples."""
        common = float(harmonic_free_energy(np.full(self.d, SOFT), T))
        basins = []
        for k, (sign, curvatures) in enumerate(((1, self.deep), (-1, self.wide))):
            basin = basin_free_energy(
                self.energy, self.centre(sign), T, rng(seed, f"{stream} {sign} {T:.6g}"), curvatures, SOFT,
                self.inside(sign), walkers, SAMPLES, part_of(progress, k, 2))
            basins.append(basin._replace(F=Estimate(basin.F - common, basin.F.stderr)))
        return Basins(*basins)

    def inhabitants(self, sign: int, T: float, n: int, seed: int) -> np.ndarray:
        """n independent places [n, d] at equilibrium within one basin."""
        belongs, curvatures = self.inside(sign), self.deep if sign > 0 else self.wide
        wells = [Well(self.centre(sign), h, T) for h in (curvatures, SOFT)]
        chain = metropolis(lambda x: np.where(belongs(x), self.energy(x), np.inf), wells, n, 2 * SAMPLES,
                           rng(seed, f"inhabitants {sign} {T:.6g}"))
        return [x for x, _energy in chain][-1]

    def hop(self, T: np.ndarray, walkers: int, seed: int, progress: Callable[[float], None] | None = None) -> Hops:
        """Walkers move freely at each T [k], half from each basin, half of those at half the time step.

        Shares are averages over the second half of the time. Raises TooFewSamples below 4 walkers of a kind.
        """
        n = min(walkers // 2, max(2 * FEWEST, HOP_NUMBERS // (4 * len(T) * self.d)))
        if n < FEWEST:
            raise TooFewSamples(f"{walkers} walkers are too few to see hops; at least {2 * FEWEST} are needed.")
        dt = 0.5 / self.energy.k_max()
        starts = [self.inhabitants(sign, t, 2 * n, seed) for t in T for sign in (1, -1)]
        steps = np.tile(np.repeat([dt, dt / 2], n), 2 * len(T))
        path = simulate(self.energy, Overdamped(dt=tuple(steps)), np.concatenate(starts), HOP_STEPS,
                        np.repeat(T, 4 * n), seed, HOP_STEPS // HOP_RECORDS, progress=progress)
        deep = (path.x[len(path.x) // 2:, :, 0] > self.ridge).mean(axis=0).reshape(len(T), 2, 2, n)
        seen = deep.mean(axis=(2, 3))
        stderr = np.sqrt(deep.var(axis=3, ddof=1).sum(axis=2) / (4 * n))
        by_step = deep.mean(axis=(1, 3))
        apart, error = np.abs(seen[:, 0] - seen[:, 1]), np.hypot(stderr[:, 0], stderr[:, 1])
        return Hops(T, seen, stderr, np.abs(by_step[:, 0] - by_step[:, 1]), (apart <= AGREE * error) & (error < VAGUE))

    def claimed(self, hops: Hops) -> np.ndarray:
        """[k]: the barrier allows hops, and both starts tell the same."""
        return (self.barrier <= MOST_BARRIER * hops.T * (1 + 1e-9)) & hops.agree


def part_of(progress: Callable[[float], Any] | None, k: int, n: int) -> Callable[[float], Any] | None:
    """The k-th of n equal parts of a progress."""
    return None if progress is None else lambda fraction: progress((k + fraction) / n)


def share(difference: float, T: float) -> float:
    """Share of the first of two states whose free energies differ by `difference` = F_1 - F_2."""
    return 0.5 * (1 - math.tanh(0.5 * difference / T))
