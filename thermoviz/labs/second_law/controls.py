"""What a run of SecondLaw decides, and the controls without which it would decide nothing: wells where F must rise."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.energies.potentials import Harmonic
from ...core.landscape.surfaces import Surface
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate
from ...core.thermodynamics.clouds import cloud_numbers
from ...core.thermodynamics.driven_wells import (
    Swirl,
    anisotropic_rise,
    euler_heat,
    gaussian_rise,
    measured_rise,
    swirl_covariance,
)
from ...core.thermodynamics.evolution import RESOLVED
from ...runs.verdict import Verdict, above, among, equals, judge, within

if TYPE_CHECKING:
    from .measurement import SecondLaw

# What counts as a rise of F, in T, and as a fall of S, in nats; unequal heat (the control) lifts F by 1.1 T.
RISE, FALL = 0.5, 0.1
# Rounding of energies, as a share of the surface's scale.
ROUNDING = 1e-7
# The controls: heat of the two directions in units of T; curvatures, and the rotation beside them.
NOISE = (4.0, 0.25)
CURVATURES, OMEGA = (1.0, 4.0), 3.0
# Steps times curvature: of the accurate chains, and of the one that is to be too hot. Steps of the wells in unequal
# heat, and between two looks at them.
FINE, COARSE = 0.1, 1.0
STEPS, EVERY = 80, 8
MOST_BALLS = 10_000


class Change(NamedTuple):
    """The largest rise among the moments of a series, in its standard errors: from moment `start` to moment `end`.

    far: standard errors by which it must differ from 0, since it was chosen among all pairs of moments.
    """

    size: Estimate
    start: int
    end: int
    far: float


def largest_rise(values: Any, errors: Any) -> Change:
    """The largest rise of values [m], m > 1, whose standard errors [m] are independent of each other (or safe)."""
    value, error = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    start, end = np.triu_indices(len(value), 1)
    size, stderr = value[end] - value[start], np.hypot(error[start], error[end])
    k = int(np.argmax(size / stderr))
    return Change(Estimate(size[k], stderr[k]), int(start[k]), int(end[k]), among(len(size)))


def verdicts(
    spec: "SecondLaw", surface: Surface, T: float, arrays: dict[str, np.ndarray], numbers: dict[str, Any],
    report: Callable[[float], None],
) -> list[Verdict]:
    """All verdicts of a run whose cloud has been walked. At T = 0 one: the energy never rises."""
    if T == 0:
        return [_falls_without_heat(surface, arrays)]
    wells = _Wells(T, min(spec.balls, MOST_BALLS), spec.seed)
    report(0.1)
    unequal, equal = wells.heated(NOISE), wells.heated((1.0, 1.0))
    report(0.5)
    swirl, euler = wells.swirl(), wells.euler()
    report(0.9)
    step = step_error(surface, T, numbers["dt"]) / T
    return [
        _never_rises(T, arrays, unequal), _reaches_equilibrium(T, arrays, numbers, unequal.rise, step),
        _agrees(T, arrays, numbers, step), _entropy(arrays, equal), _unequal_heat(T, unequal.rise, equal.rise), swirl,
        euler]


def _falls_without_heat(surface: Surface, arrays: dict[str, np.ndarray]) -> Verdict:
    largest = max(float(np.diff(arrays["cloud_E"]).max()), 0.0) / surface.scale
    return judge(
        "no_heat", (largest, 0.0), within(0.0, ROUNDING), theory=0.0)


def _never_rises(T: float, arrays: dict[str, np.ndarray], unequal: "Heated") -> Verdict:
    known = np.isfinite(arrays["cloud_F"])
    found = largest_rise(arrays["cloud_F"][known] / T, arrays["cloud_F_error"][known] / T)
    return judge(
        "free_energy", found.size, within(0.0, RISE, found.far),
        theory=_exactly(arrays["exact_F"] / T, found), control=largest_rise(*unequal.F).size)


def _exactly(values: np.ndarray, change: Change) -> float:
    """What the exact evolution says of a change (NaN beyond its last moment)."""
    return float(values[change.end] - values[change.start])


def _reaches_equilibrium(
    T: float, arrays: dict[str, np.ndarray], numbers: dict[str, Any], rise: Estimate, step: float,
) -> Verdict:
    last = int(np.flatnonzero(np.isfinite(arrays["cloud_F"]))[-1])
    found, error, exact = (float(arrays[name][last]) for name in ("cloud_F", "cloud_F_error", "exact_F"))
    return judge(
        "equilibrium", ((found - numbers["F_eq"]) / T, math.hypot(error / T, step)),
        equals(0.0, unlike=float(rise)), control=rise,
        theory=(exact - numbers["F_eq"]) / T if numbers["coarseness"] <= RESOLVED else None)


def step_error(surface: Surface, T: float, dt: float) -> float:
    """|F(dt) - F(dt/2)| of Euler's chain at rest, from the energy that it samples instead of E.

    E + dt (T lap E / 2 - |grad E|^2 / 4): its law lies Var / 2T above F_eq to leading order.
    """
    us, vs = (np.linspace(low, high, 161) for low, high in surface.bounds)
    energy, ex, ey, exx, eyy = (surface.on_product(us, vs, orders)
                                for orders in ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2)))
    weight = np.nan_to_num(np.exp(-(energy - np.nanmin(energy)) / T))
    weight /= weight.sum()
    shift = np.nan_to_num(dt * (T * (exx + eyy) / 2 - (ex**2 + ey**2) / 4))
    variance = float((weight * shift**2).sum() - (weight * shift).sum() ** 2)
    return 0.75 * max(variance, 0.0) / (2 * T)


def _agrees(T: float, arrays: dict[str, np.ndarray], numbers: dict[str, Any], step: float) -> Verdict:
    known = np.isfinite(arrays["cloud_F"]) & np.isfinite(arrays["exact_F"])
    error = np.hypot(arrays["cloud_F_error"][known] / T, step)
    away = (arrays["cloud_F"] - arrays["exact_F"])[known] / T
    k = int(np.argmax(np.abs(away) / error))
    at_rest = float(np.abs(arrays["exact_F"] - numbers["F_eq"])[known].max()) / T
    return judge(
        "exact", (away[k], error[k]), equals(0.0, at_rest, among(2 * len(away))),
        theory=0.0, control=at_rest, known=numbers["coarseness"] <= RESOLVED)


def _entropy(arrays: dict[str, np.ndarray], equal: "Heated") -> Verdict:
    known = np.isfinite(arrays["cloud_S"])
    found = largest_rise(-arrays["cloud_S"][known], arrays["cloud_S_error"][known])
    S, error = equal.S
    return judge(
        "entropy", found.size, within(0.0, FALL, found.far),
        theory=_exactly(-arrays["exact_S"], found), control=largest_rise(-S, error).size)


def _unequal_heat(T: float, rise: Estimate, equal: Estimate) -> Verdict:
    return judge(
        "unequal_heat", rise, above(0.0), theory=anisotropic_rise(NOISE, 1.0), control=equal)


class Heated(NamedTuple):
    """A harmonic well whose directions got heat of their own: the rise of F at the end, F and S over time, in T.

    F, S: values and their standard errors, [2, m].
    """

    rise: Estimate
    F: np.ndarray
    S: np.ndarray


class _Wells:
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

    def swirl(self) -> Verdict:
        dt, steps = FINE / max(CURVATURES), 240
        whirled, still = (self._rise(self._walk(Swirl(CURVATURES, omega), "euler-maruyama", dt,
                                                self._boltzmann(CURVATURES), steps, self.T, steps)[-1], CURVATURES)
                          for omega in (OMEGA, 0.0))
        theory = gaussian_rise(swirl_covariance(CURVATURES, OMEGA, 1.0, dt), CURVATURES, 1.0)
        return judge(
            "whirl", whirled, above(0.0), theory=theory, control=still)

    def euler(self) -> Verdict:
        hot, accurate = (self._ratio(scheme) for scheme in ("euler-maruyama", "leimkuhler-matthews"))
        return judge(
            "large_steps", hot, above(1.0), theory=euler_heat(1.0, COARSE), control=accurate)

    def _ratio(self, scheme: str) -> Estimate:
        x = self._walk(Harmonic(1.0), scheme, COARSE, self._boltzmann((1.0, 1.0)), 40, self.T, 40)[-1]
        squares = (x**2).ravel() / self.T
        return Estimate(squares.mean(), squares.std(ddof=1) / math.sqrt(squares.size))


def _series(found: list[Any]) -> np.ndarray:
    """Estimates [m] as values and standard errors, [2, m]."""
    return np.array([[one.value, one.stderr] for one in found]).T
