"""The controls of the second law: harmonic wells driven out of equilibrium, in which F must rise by a known amount."""

import math
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.energies.potentials import Harmonic
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate
from ...core.thermodynamics.clouds import cloud_numbers
from ...core.thermodynamics.driven_wells import Swirl, gaussian_rise, measured_rise, swirl_covariance
from ...runs.pipeline import Report
from .results import Bath

# Heat of the two directions in units of T; curvatures, and the rotation beside them.
NOISE = (4.0, 0.25)
CURVATURES, OMEGA = (1.0, 4.0), 3.0
# Steps times curvature: of the accurate chains, and of the one that is to be too hot. Steps of the wells in unequal
# heat, and between two looks at them; of the whirl; and of the large ones.
FINE, COARSE = 0.1, 1.0
STEPS, EVERY = 80, 8
WHIRL_STEPS, LARGE_STEPS = 240, 40
MOST_BALLS = 10_000


class Heated(NamedTuple):
    """A harmonic well whose directions got heat of their own: the rise of F at the end, F and S over time, in T.

    F, S: values and their standard errors, [2, m].
    """

    rise: Estimate
    F: np.ndarray
    S: np.ndarray


class Wells:
    """Harmonic wells driven out of equilibrium, n balls each, from Boltzmann's law at T; F in units of T."""

    def __init__(self, T: float, n: int, seed: int) -> None:
        self.T, self.n = T, n
        self._draw, self._seeds = rng(seed, "wells"), rng(seed, "well noise")

    def _walk(self, energy: Any, scheme: Any, dt: float, x: np.ndarray, steps: int, T: Any, every: int) -> np.ndarray:
        return simulate(energy, Overdamped(dt, scheme), x, steps, T, int(self._seeds.integers(2**32)), every).x

    def _boltzmann(self, k: Any) -> np.ndarray:
        return np.sqrt(self.T / np.asarray(k)) * self._draw.standard_normal((self.n, len(k)))

    def _rise(self, x: np.ndarray, k: Any) -> Estimate:
        found = measured_rise(x, k, self.T)
        return Estimate(found.value / self.T, found.stderr / self.T)

    def heated(self, noise: tuple[float, float]) -> Heated:
        """The two directions are balls of one dimension each, at their own temperatures (in T)."""
        x = self._boltzmann((1.0, 1.0)).T.reshape(-1, 1)
        heat = np.repeat(np.array(noise) * self.T, self.n)
        path = self._walk(Harmonic(1.0), "leimkuhler-matthews", FINE, x, STEPS, heat, EVERY)
        clouds = np.moveaxis(path.reshape(-1, 2, self.n), 1, 2)
        well = Harmonic(1.0)
        seen = [cloud_numbers(well(x), x, self.T) for x in clouds]
        F, S = (_series(series) for series in ([one.F for one in seen], [one.S for one in seen]))
        return Heated(self._rise(clouds[-1], 1.0), F / self.T, S)

    def whirl(self, omega: float) -> Estimate:
        """The rise of F, in T, where a rotation is added to the forces."""
        dt = FINE / max(CURVATURES)
        path = self._walk(Swirl(CURVATURES, omega), "euler-maruyama", dt, self._boltzmann(CURVATURES), WHIRL_STEPS,
                          self.T, WHIRL_STEPS)
        return self._rise(path[-1], CURVATURES)

    def ratio(self, scheme: str) -> Estimate:
        """The variance over its right value, for steps as large as 1/k."""
        x = self._walk(Harmonic(1.0), scheme, COARSE, self._boltzmann((1.0, 1.0)), LARGE_STEPS, self.T,
                       LARGE_STEPS)[-1]
        squares = (x**2).ravel() / self.T
        return Estimate(squares.mean(), squares.std(ddof=1) / math.sqrt(squares.size))


class Driven(NamedTuple):
    """What was found in the wells: under unequal and under equal heat, with a whirl and without, with large steps."""

    unequal: Heated
    equal: Heated
    whirled: Estimate
    still: Estimate
    hot: Estimate
    accurate: Estimate


def driven(bath: Bath, balls: int, seed: int, report: Report) -> Driven | None:
    """All wells; None without heat, where there is no free energy to lift."""
    if bath.T == 0:
        return None
    wells = Wells(bath.T, min(balls, MOST_BALLS), seed)
    report(0.1)
    unequal, equal = wells.heated(NOISE), wells.heated((1.0, 1.0))
    report(0.5)
    whirled, still = wells.whirl(OMEGA), wells.whirl(0.0)
    hot, accurate = wells.ratio("euler-maruyama"), wells.ratio("leimkuhler-matthews")
    report(0.9)
    return Driven(unequal, equal, whirled, still, hot, accurate)


def whirl_rise() -> float:
    """What theory says of `Wells.whirl` at OMEGA: the solution of its Lyapunov equation for steps of this size."""
    covariance = swirl_covariance(CURVATURES, OMEGA, 1.0, FINE / max(CURVATURES))
    return float(gaussian_rise(covariance, CURVATURES, 1.0))


def _series(found: list[Any]) -> np.ndarray:
    """Estimates [m] as values and standard errors, [2, m]."""
    return np.array([[one.value, one.stderr] for one in found]).T
