"""Volume beats depth: when does a wide shallow valley win over a narrow deep one? Measured where the answer is known.

Two analytic basins in d dimensions, the slice of a landscape, and (if asked) two solutions of one learning problem.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import TooFewSamples
from ...core.statistics.estimators import Estimate
from ...core.thermodynamics.free_energy import crossing_temperature, curvature_of
from ...experiments.landscape.specification import surface_arrays, surface_numbers
from ...experiments.landscapes import surface_of
from ...runs.progress import Progress, Stages
from ...runs.run import Run
from .solutions import two_solutions
from .specification import VolumeOrDepth
from .two_wells import Hops, Pair, TwoWells, part_of, share
from .verdicts import verdicts

# Where walkers are let free: barrier / T.
HOPS_AT = (10.0, 5.0, 3.5, 2.5)
# The crossing is located by a line through the points colder than barrier / this, then measured once more, with so
# many times as many walkers.
HARMONIC_UP_TO, FOCUS = 3.0, 4
# A crossing is there where the gain of entropy differs from 0 by so many standard errors.
SIGMAS = 4.0


def measure(spec: VolumeOrDepth, progress: Progress | None = None) -> Run:
    """A Run of kind "volume_or_depth".

    Arrays: `T` [t]; `F`, `F_stderr`, `F_exact`, `F_harmonic` [t, 2] of the deep and the wide basin, counted from
    one common well; `share`, `share_stderr`, `share_exact`, `share_harmonic` [t] of the deep basin;
    `control_share`, `control_stderr`, `control_exact` [t] with equal curvatures; `hop_T` [k], `hop_share`,
    `hop_stderr` [k, 2] by start, `hop_claimed` [k]; `line_x`, `line_E` [m]; xs, ys, U, temperatures of the slice.
    With `networks` those of `solutions.two_solutions`. NaN: too few samples. Numbers: `crossing`, `barrier`,
    `ridge` (the pass on the line), `slice`, `networks`, `verdicts`.
    """
    stages = Stages(progress, interval=0.0)

    def so_far() -> Run:
        return Run(spec, dict(arrays), dict(numbers))

    surface = surface_of(spec.landscape)
    arrays, numbers = surface_arrays(surface), surface_numbers(surface)
    wells = TwoWells.of(spec)
    arrays |= _line(wells)
    end = 0.2 if spec.networks else 1.0
    curves = _curves(spec, wells, stages.part("free energies", 0.0, 0.2 * end))
    crossing, at = _crossing(spec, wells, curves, stages.part("crossing", 0.2 * end, 0.25 * end))
    arrays |= curves
    numbers |= {"barrier": wells.barrier, "ridge": wells.ridge, "crossing": _crossing_numbers(wells, crossing)}
    stages.tell(0.25 * end, "control", so_far, now=True)
    control = _control(spec, curves["T"], at, stages.part("control", 0.25 * end, 0.45 * end))
    arrays |= {name: control[name] for name in ("control_share", "control_stderr", "control_exact")}
    numbers["slice"] = _slice_numbers(surface)
    stages.tell(0.5 * end, "hops", so_far, now=True)
    hops = _hops(spec, wells, stages.part("hops", 0.5 * end, end))
    arrays |= _hop_arrays(wells, hops)
    numbers["verdicts"] = [one.to_json() for one in verdicts(wells, arrays, crossing, control, hops)]
    if spec.networks:
        stages.tell(end, "two solutions", so_far, now=True)
        more, numbers["networks"] = two_solutions(spec.seed, stages, end)
        arrays |= more
    return Run(spec, arrays, numbers)


def _line(wells: TwoWells) -> dict[str, np.ndarray]:
    """The energy along the axis that joins the minima, for drawing."""
    x = np.linspace(-1.9 * wells.a, 1.9 * wells.a, 241)
    return {"line_x": x, "line_E": wells.line(x[:, None])}


def _measured(
    wells: TwoWells, T: float, walkers: int, seed: int, stream: str, heard: Callable[[float], Any] | None = None
) -> Pair | None:
    try:
        return wells.measure(T, walkers, seed, stream, heard)
    except TooFewSamples:
        return None


def _curves(spec: VolumeOrDepth, wells: TwoWells, report: Any) -> dict[str, np.ndarray]:
    """Free energies and shares at every temperature: measured, exact, and by harmonic theory."""
    T = wells.temperatures()
    F, stderr = np.full((2, len(T), 2), np.nan)
    for k, t in enumerate(T):
        pair = _measured(wells, float(t), spec.walkers, spec.seed, "bridge", part_of(report, k, len(T)))
        if pair is not None:
            F[k], stderr[k] = (pair.deep.F, pair.wide.F), (pair.deep.F.stderr, pair.wide.F.stderr)
    exact, harmonic = (np.array([f(t) for t in T]) for f in (wells.exact, wells.harmonic))
    measured = _shares(F, T)
    return {"T": T, "F": F, "F_stderr": stderr, "F_exact": exact, "F_harmonic": harmonic, "share": measured,
            "share_stderr": measured * (1 - measured) * np.hypot(*stderr.T) / T,
            "share_exact": _shares(exact, T), "share_harmonic": _shares(harmonic, T)}


def _shares(F: np.ndarray, T: np.ndarray) -> np.ndarray:
    return np.array([share(deep - wide, t) for (deep, wide), t in zip(F, T, strict=True)])


def _crossing(
    spec: VolumeOrDepth, wells: TwoWells, curves: dict[str, np.ndarray], report: Callable[[float], Any]
) -> tuple[Estimate | None, float | None]:
    """The measured T*, and where it was looked for; the first None where there is none, both where none is seen.

    Located by (F_deep - F_wide)/T = -depth/T + const, which holds in harmonic basins, fitted to the cold points; then
    measured there with more walkers, and one Newton step along dF/dT = -S.
    """
    T, difference = curves["T"], curves["F"][:, 0] - curves["F"][:, 1]
    errors = np.hypot(*curves["F_stderr"].T)
    cold = (T <= wells.barrier / HARMONIC_UP_TO) & np.isfinite(difference)
    if cold.sum() < 3:
        return None, None
    weight = T[cold] / errors[cold]
    design = np.stack([1 / T[cold], np.ones(cold.sum())], axis=1) * weight[:, None]
    (slope, constant), *_ = np.linalg.lstsq(design, difference[cold] / T[cold] * weight, rcond=None)
    covariance = np.linalg.inv(design.T @ design)
    if slope >= 0 or constant <= SIGMAS * math.sqrt(covariance[1, 1]) or not T[0] <= -slope / constant <= T[-1]:
        return None, None
    at = float(-slope / constant)
    pair = _measured(wells, at, FOCUS * spec.walkers, spec.seed, "crossing", report)
    if pair is None:
        return None, at
    climb = pair.wide.S - pair.deep.S
    return Estimate(at - pair.difference / climb, pair.difference.stderr / abs(climb)), at


def _control(spec: VolumeOrDepth, T: np.ndarray, at: float | None, report: Any) -> dict[str, Any]:
    """Equal curvatures: the deep basin's shares, and how much entropy the wide one has ahead at the crossing."""
    equal = TwoWells(spec.d, spec.depth, 1.0, spec.distance)
    differences = []
    for k, t in enumerate(T):
        pair = _measured(equal, float(t), spec.walkers, spec.seed, "control", part_of(report, k, len(T) + 1))
        differences.append(Estimate(np.nan, np.nan) if pair is None else pair.difference)
    shares = np.array([share(difference, t) for difference, t in zip(differences, T, strict=True)])
    errors = np.array([difference.stderr for difference in differences]) / T
    pair = None if at is None else _measured(equal, at, FOCUS * spec.walkers, spec.seed, "control crossing",
                                             part_of(report, len(T), len(T) + 1))
    ahead = None if pair is None or at is None else (pair.difference + spec.depth) / at
    return {"control_share": shares, "control_stderr": shares * (1 - shares) * errors, "ahead": ahead,
            "control_exact": np.array([equal.exact_share(float(t)) for t in T])}


def _crossing_numbers(wells: TwoWells, crossing: Estimate | None) -> dict[str, Any]:
    return {"predicted": wells.predicted, "exact": wells.exact_crossing(2 * wells.barrier),
            "measured": None if crossing is None else crossing.value,
            "stderr": None if crossing is None else crossing.stderr}


def _hops(spec: VolumeOrDepth, wells: TwoWells, report: Any) -> Hops | None:
    try:
        return wells.hop(wells.barrier / np.array(HOPS_AT), spec.walkers, spec.seed, report)
    except TooFewSamples:
        report(1.0)
        return None


def _hop_arrays(wells: TwoWells, hops: Hops | None) -> dict[str, np.ndarray]:
    if hops is None:
        return {"hop_T": np.empty(0), "hop_share": np.empty((0, 2)), "hop_stderr": np.empty((0, 2)),
                "hop_claimed": np.empty(0, np.int8)}
    return {"hop_T": hops.T, "hop_share": hops.share, "hop_stderr": hops.stderr,
            "hop_claimed": wells.claimed(hops).astype(np.int8)}


def _slice_numbers(surface: Any) -> dict[str, Any]:
    """On the slice, exactly: where the largest share changes its valley, and where harmonic theory says so.

    `deepest`, `widest`: the two of the coldest crossing; without one the deepest, and the largest at T = the surface's
    scale. `crossing`: T, or None; `predicted`: None where one valley is both, or is not harmonic.
    """
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
    return {"deepest": deepest, "widest": widest, "crossing": crossing, "predicted": predicted}
