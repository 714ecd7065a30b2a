"""What a run of SecondLaw decides."""

import math
from typing import Any, NamedTuple

import numpy as np

from ...core.landscape.surfaces import Surface
from ...core.statistics.estimators import Estimate
from ...core.thermodynamics.driven_wells import anisotropic_rise, euler_temperature_ratio
from ...core.thermodynamics.evolution import RESOLVED
from ...runs.verdict import Verdict, above, among, equals, judge, within
from .controls import COARSE, NOISE, Driven, Heated, whirl_rise
from .results import Bath, Cloud, Evolution

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


def verdicts(surface: Surface, bath: Bath, exact: Any, walked: Any, driven: Driven | None) -> list[Verdict]:
    """All verdicts of a run whose cloud has been walked. At T = 0 one: the energy never rises."""
    cloud: Cloud = walked.cloud
    if exact is None or driven is None:
        return [_falls_without_heat(surface, cloud)]
    T, course = bath.T, exact.course
    step = step_error(surface, T, bath.dt) / T
    return [
        _never_rises(T, cloud, course, driven.unequal),
        _reaches_equilibrium(T, cloud, course, driven.unequal.rise, step),
        _agrees(T, cloud, course, step), _entropy(cloud, course, driven.equal),
        judge("unequal_heat", driven.unequal.rise, above(0.0), theory=anisotropic_rise(NOISE, 1.0),
              control=driven.equal.rise),
        judge("whirl", driven.whirled, above(0.0), theory=whirl_rise(), control=driven.still),
        judge("large_steps", driven.hot, above(1.0), theory=euler_temperature_ratio(1.0, COARSE),
              control=driven.accurate)]


def _falls_without_heat(surface: Surface, cloud: Cloud) -> Verdict:
    largest = max(float(np.diff(cloud.E.value).max()), 0.0) / surface.scale
    return judge("no_heat", (largest, 0.0), within(0.0, ROUNDING), theory=0.0)


def _never_rises(T: float, cloud: Cloud, course: Evolution, unequal: Heated) -> Verdict:
    known = np.isfinite(cloud.F.value)
    found = largest_rise(cloud.F.value[known] / T, cloud.F.stderr[known] / T)
    return judge("free_energy", found.size, within(0.0, RISE, found.far), theory=_exactly(course.F / T, found),
                 control=largest_rise(*unequal.F).size)


def _exactly(values: np.ndarray, change: Change) -> float:
    """What the exact evolution says of a change (NaN beyond its last moment)."""
    return float(values[change.end] - values[change.start])


def _reaches_equilibrium(T: float, cloud: Cloud, course: Evolution, rise: Estimate, step: float) -> Verdict:
    last = int(np.flatnonzero(np.isfinite(cloud.F.value))[-1])
    found, error, exact = (float(values[last]) for values in (*cloud.F, course.F))
    return judge("equilibrium", ((found - course.F_eq) / T, math.hypot(error / T, step)),
                 equals(0.0, unlike=float(rise)), control=rise,
                 theory=(exact - course.F_eq) / T if course.coarseness <= RESOLVED else None)


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


def _agrees(T: float, cloud: Cloud, course: Evolution, step: float) -> Verdict:
    known = np.isfinite(cloud.F.value) & np.isfinite(course.F)
    error = np.hypot(cloud.F.stderr[known] / T, step)
    away = (cloud.F.value - course.F)[known] / T
    k = int(np.argmax(np.abs(away) / error))
    at_rest = float(np.abs(course.F - course.F_eq)[known].max()) / T
    return judge("exact", (away[k], error[k]), equals(0.0, at_rest, among(2 * len(away))), theory=0.0,
                 control=at_rest, known=course.coarseness <= RESOLVED)


def _entropy(cloud: Cloud, course: Evolution, equal: Heated) -> Verdict:
    assert cloud.S is not None  # there is heat
    known = np.isfinite(cloud.S.value)
    found = largest_rise(-cloud.S.value[known], cloud.S.stderr[known])
    S, error = equal.S
    return judge("entropy", found.size, within(0.0, FALL, found.far), theory=_exactly(-course.S, found),
                 control=largest_rise(-S, error).size)
