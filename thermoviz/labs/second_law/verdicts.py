"""What a run of SecondLaw decides."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.landscape.surfaces import Surface
from ...core.statistics.estimators import Estimate
from ...core.thermodynamics.driven_wells import anisotropic_rise, euler_heat
from ...core.thermodynamics.evolution import RESOLVED
from ...runs.verdict import Verdict, above, among, equals, judge, within
from .controls import COARSE, MOST_BALLS, NOISE, OMEGA, Heated, Wells, whirl_rise
from .specification import SecondLaw

# What counts as a rise of F, in T, and as a fall of S, in nats; unequal heat (the control) lifts F by 1.1 T.
RISE, FALL = 0.5, 0.1
# Rounding of energies, as a share of the surface's scale.
ROUNDING = 1e-7


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
    spec: SecondLaw, surface: Surface, T: float, arrays: dict[str, np.ndarray], numbers: dict[str, Any],
    report: Callable[[float], None],
) -> list[Verdict]:
    """All verdicts of a run whose cloud has been walked. At T = 0 one: the energy never rises."""
    if T == 0:
        return [_falls_without_heat(surface, arrays)]
    wells = Wells(T, min(spec.balls, MOST_BALLS), spec.seed)
    report(0.1)
    unequal, equal = wells.heated(NOISE), wells.heated((1.0, 1.0))
    report(0.5)
    whirled, still = wells.whirl(OMEGA), wells.whirl(0.0)
    hot, accurate = wells.ratio("euler-maruyama"), wells.ratio("leimkuhler-matthews")
    report(0.9)
    step = step_error(surface, T, numbers["dt"]) / T
    return [
        _never_rises(T, arrays, unequal), _reaches_equilibrium(T, arrays, numbers, unequal.rise, step),
        _agrees(T, arrays, numbers, step), _entropy(arrays, equal), _unequal_heat(unequal.rise, equal.rise),
        judge("whirl", whirled, above(0.0), theory=whirl_rise(), control=still),
        judge("large_steps", hot, above(1.0), theory=euler_heat(1.0, COARSE), control=accurate)]


def _falls_without_heat(surface: Surface, arrays: dict[str, np.ndarray]) -> Verdict:
    largest = max(float(np.diff(arrays["cloud_E"]).max()), 0.0) / surface.scale
    return judge(
        "no_heat", (largest, 0.0), within(0.0, ROUNDING), theory=0.0)


def _never_rises(T: float, arrays: dict[str, np.ndarray], unequal: Heated) -> Verdict:
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


def _entropy(arrays: dict[str, np.ndarray], equal: Heated) -> Verdict:
    known = np.isfinite(arrays["cloud_S"])
    found = largest_rise(-arrays["cloud_S"][known], arrays["cloud_S_error"][known])
    S, error = equal.S
    return judge(
        "entropy", found.size, within(0.0, FALL, found.far),
        theory=_exactly(-arrays["exact_S"], found), control=largest_rise(-S, error).size)


def _unequal_heat(rise: Estimate, equal: Estimate) -> Verdict:
    return judge(
        "unequal_heat", rise, above(0.0), theory=anisotropic_rise(NOISE, 1.0), control=equal)
