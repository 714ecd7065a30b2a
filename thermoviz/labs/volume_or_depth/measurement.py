"""Volume beats depth: when does a wide shallow valley win over a narrow deep one? Measured where the answer is known.

Two analytic basins in d dimensions, the slice of a landscape, and (if asked) two solutions of one learning problem.
"""

import math
from typing import NamedTuple

import numpy as np

from ...core.errors import TooFewSamples
from ...core.landscape.surfaces import Surface
from ...core.statistics.estimators import Estimate
from ...core.thermodynamics.free_energy import crossing_temperature, curvature_of
from ...experiments.landscapes import surface_of
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Grid
from ...runs.results import Pair
from ...runs.run import Run
from ...runs.verdict import Verdict
from .results import Crossing, Curves, EqualWidths, FreeWalkers, Line, Overtaking
from .solutions import two_solutions
from .specification import VolumeOrDepth
from .two_wells import Basins, Hops, TwoWells, share
from .verdicts import verdicts

# Where walkers are let free: barrier / T.
HOPS_AT = (10.0, 5.0, 3.5, 2.5)
# The crossing is located by a line through the points colder than barrier / this, then measured once more, with so
# many times as many walkers.
HARMONIC_UP_TO, FOCUS = 3.0, 4
# A crossing is there where the gain of entropy differs from 0 by so many standard errors.
SIGMAS = 4.0


def measure(spec: VolumeOrDepth, progress: Progress | None = None) -> Run:
    """A Run of kind "volume_or_depth": the results of `.results`, the slice's `Grid`, and verdicts. Raises BadInput."""
    networks = (Step("two solutions", 400, two_solutions),) if spec.networks else ()
    return Pipeline(spec, progress, (
        Step("surface", 0, surface), Step("surface", 0, grid), Step("surface", 0, wells), Step("surface", 0, line),
        Step("free energies", 20, curves), Step("crossing", 5, crossing), Step("control", 25, equal_widths),
        Step("hops", 0, overtaking), Step("hops", 50, hops), Step("hops", 0, judged), *networks)).run()


def surface(landscape: object) -> Surface:
    """The slice, on which shares are exact."""
    return surface_of(landscape)


def grid(surface: Surface) -> Grid:
    """What the run keeps of it."""
    return Grid.of(surface)


def wells(d: int, depth: float, ratio: float, distance: float) -> TwoWells:
    """The two basins."""
    return TwoWells(d, depth, ratio, distance)


def line(wells: TwoWells) -> Line:
    """The energy along the axis that joins the minima."""
    x = np.linspace(-1.9 * wells.a, 1.9 * wells.a, 241)
    return Line(x, wells.line(x[:, None]), wells.ridge, wells.barrier)


# Free energies


def curves(wells: TwoWells, walkers: int, seed: int, report: Report) -> Curves:
    """Free energies and shares at every temperature: measured, exact, and by harmonic theory."""
    T = wells.temperatures()
    F = Pair(*np.full((2, len(T), 2), np.nan))
    for k, t in enumerate(T):
        found = _measured(wells, float(t), walkers, seed, "bridge", report.part(k / len(T), (k + 1) / len(T)))
        if found is not None:
            F.value[k], F.stderr[k] = (found.deep.F, found.wide.F), (found.deep.F.stderr, found.wide.F.stderr)
    exact, harmonic = (np.array([f(t) for t in T]) for f in (wells.exact, wells.harmonic))
    measured = _shares(F.value, T)
    errors = measured * (1 - measured) * np.hypot(*F.stderr.T) / T
    return Curves(T, F, exact, harmonic, Pair(measured, errors), _shares(exact, T), _shares(harmonic, T))


def _measured(wells: TwoWells, T: float, walkers: int, seed: int, stream: str, report: Report) -> Basins | None:
    try:
        return wells.measure(T, walkers, seed, stream, report)
    except TooFewSamples:
        return None


def _shares(F: np.ndarray, T: np.ndarray) -> np.ndarray:
    return np.array([share(deep - wide, t) for (deep, wide), t in zip(F, T, strict=True)])


class Located(NamedTuple):
    """The crossing, and the temperature at which it was measured; None where none is seen."""

    crossing: Crossing
    at: float | None


def crossing(wells: TwoWells, walkers: int, seed: int, curves: Curves, report: Report) -> Located:
    """T*: located among the curves, measured there with more walkers, and one Newton step along dF/dT = -S."""
    at, measured = _located(wells, curves), None
    found = None if at is None else _measured(wells, at, FOCUS * walkers, seed, "crossing", report)
    if at is not None and found is not None:
        climb = found.wide.S - found.deep.S
        measured = Estimate(at - found.difference / climb, found.difference.stderr / abs(climb))
    return Located(Crossing(wells.predicted, wells.exact_crossing(2 * wells.barrier), measured), at)


def _located(wells: TwoWells, curves: Curves) -> float | None:
    """Where the curves cross: (F_deep - F_wide)/T = -depth/T + const, which holds in harmonic basins, fitted to the
    cold points. None where no crossing is seen."""
    T, difference = curves.T, curves.F.value[:, 0] - curves.F.value[:, 1]
    cold = (T <= wells.barrier / HARMONIC_UP_TO) & np.isfinite(difference)
    if cold.sum() < 3:
        return None
    weight = T[cold] / np.hypot(*curves.F.stderr.T)[cold]
    design = np.stack([1 / T[cold], np.ones(cold.sum())], axis=1) * weight[:, None]
    (slope, constant), *_ = np.linalg.lstsq(design, difference[cold] / T[cold] * weight, rcond=None)
    covariance = np.linalg.inv(design.T @ design)
    if slope >= 0 or constant <= SIGMAS * math.sqrt(covariance[1, 1]) or not T[0] <= -slope / constant <= T[-1]:
        return None
    return float(-slope / constant)


# The control, the slice, the walkers


class Compared(NamedTuple):
    """The control's shares, and how much entropy the wide basin has ahead at the crossing (None: not measured)."""

    shares: EqualWidths
    ahead: float | None


def equal_widths(d: int, depth: float, distance: float, walkers: int, seed: int, curves: Curves, crossing: Located,
                 report: Report) -> Compared:
    """Equal curvatures: nothing crosses."""
    T, equal, at = curves.T, TwoWells(d, depth, 1.0, distance), crossing.at
    parts = [report.part(k / (len(T) + 1), (k + 1) / (len(T) + 1)) for k in range(len(T) + 1)]
    found = [_measured(equal, float(t), walkers, seed, "control", part) for t, part in zip(T, parts, strict=False)]
    differences = [Estimate(np.nan, np.nan) if one is None else one.difference for one in found]
    shares = np.array([share(difference, t) for difference, t in zip(differences, T, strict=True)])
    errors = shares * (1 - shares) * (np.array([difference.stderr for difference in differences]) / T)
    exact = np.array([equal.exact_share(float(t)) for t in T])
    there = None if at is None else _measured(equal, at, FOCUS * walkers, seed, "control crossing", parts[-1])
    ahead = None if there is None or at is None else (there.difference + depth) / at
    return Compared(EqualWidths(Pair(shares, errors), exact), ahead)


def overtaking(surface: Surface) -> Overtaking:
    """On the slice, exactly: where the widest valley overtakes the deepest, and where harmonic theory says so."""
    basins = surface.basins
    if surface.crossings:
        deepest, widest, crossing = surface.crossings[0]
    else:
        deepest, widest = int(np.argmin(basins.energies)), int(np.argmax(surface.equilibrium(surface.scale).shares))
        crossing = None
    curvatures = [np.linalg.eigvalsh(curvature_of(surface, basins.minima[k])) for k in (deepest, widest)]
    predicted, depth = None, float(basins.energies[widest] - basins.energies[deepest])
    if depth > 0 and all((h > 0).all() for h in curvatures) and not basins.open[[deepest, widest]].any():
        ratio = float(np.log(curvatures[0]).sum() - np.log(curvatures[1]).sum())
        predicted = crossing_temperature(depth, ratio)
    return Overtaking(deepest, widest, crossing, predicted)


class Walked(NamedTuple):
    """What walkers that hop see (None: they are too few), and what the run keeps of it."""

    hops: Hops | None
    kept: FreeWalkers


def hops(wells: TwoWells, walkers: int, seed: int, report: Report) -> Walked:
    """Walkers that move freely, at the temperatures at which they may hop."""
    try:
        found = wells.hop(wells.barrier / np.array(HOPS_AT), walkers, seed, report)
    except TooFewSamples:
        return Walked(None, FreeWalkers(np.empty(0), Pair(*np.empty((2, 0, 2))), np.empty(0)))
    return Walked(found, FreeWalkers(found.T, Pair(found.share, found.stderr), wells.claimed(found)))


def judged(wells: TwoWells, curves: Curves, crossing: Located, equal_widths: Compared, hops: Walked) -> list[Verdict]:
    """What the two basins decide."""
    return verdicts(wells, curves, crossing.crossing, equal_widths.shares, equal_widths.ahead, hops.hops)
