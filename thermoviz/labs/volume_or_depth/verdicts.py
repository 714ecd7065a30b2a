"""Volume beats depth: when does a wide shallow valley win over a narrow deep one? Measured where the answer is known.

Two analytic basins in d dimensions, the slice of a landscape, and (if asked) two solutions of one learning problem.
"""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator

from ...core.errors import BadInput, TooFewSamples
from ...core.specs import Field, specification
from ...core.statistics.estimators import Estimate
from ...experiments.landscape.specification import Seed, surface_arrays, surface_numbers
from ...experiments.landscapes import AnyLandscape, Slice, surface_of
from ...runs.progress import Progress, Stages
from ...runs.run import Run
from ...runs.verdict import Verdict, above, among, equals, judge
from .two_wells import MOST_BARRIER, SOFT, Hops, Pair, TwoWells, part_of, share

# Temperatures of the curves, from the colder of these to the barrier.
COLDEST_OF_BARRIER, COLDEST_OF_CROSSING = 0.02, 0.2
N_TEMPERATURES = 15
# Where walkers are let free: barrier / T.
HOPS_AT = (10.0, 5.0, 3.5, 2.5)
# The crossing is located by a line through the points colder than barrier / this, then measured once more, with so
# many times as many walkers.
HARMONIC_UP_TO, FOCUS = 3.0, 4
# A crossing is there where the gain of entropy differs from 0 by so many standard errors.
SIGMAS = 4.0


@specification
class VolumeOrDepth:
    """A narrow deep basin against a wide shallow one: which holds more at temperature T, and where that changes.

    Harmonic theory: F_i = E_i + T/2 ln det H_i + const, equal at T* = depth / (1/2 ln(det H_deep / det H_wide)). The
    curvatures differ along one axis only, so that T* and the barrier are the same in every d. Source: Hochreiter and
    Schmidhuber 1997; Zhang, Saxe, Advani and Lee 2018.
    """

    depth: Annotated[float, Field(
        gt=0, le=10, title="Depth", json_schema_extra={"ladder": [0.1, 0.2, 0.5, 1.0, 2.0]},
        description="How much deeper the narrow basin is, in units of energy")] = 0.5
    ratio: Annotated[float, Field(
        ge=1, le=1000, title="Narrowness", json_schema_extra={"ladder": [1.0, 3.0, 10.0, 30.0, 100.0]},
        description="How many times as curved the deep basin is as the wide one; at 1 both are equally wide")] = 10.0
    d: Annotated[int, Field(
        ge=1, le=512, title="Dimensions d", json_schema_extra={"ladder": [1, 2, 8, 32, 128]},
        description="The basins differ along one direction, whatever the number of all directions")] = 8
    distance: Annotated[float, Field(
        ge=0.5, le=10, validate_default=True, title="Distance", json_schema_extra={"ladder": [1.0, 1.5, 2.0, 3.0, 5.0]},
        description="Between the two minima; the farther, the higher the barrier")] = 2.0
    walkers: Annotated[int, Field(
        ge=2, le=1000, title="Walkers", json_schema_extra={"ladder": [3, 10, 30, 100, 300]},
        description="Independent samplers per basin and temperature; with too few, no verdict")] = 100
    landscape: AnyLandscape = Slice()
    networks: Annotated[bool, Field(
        title="On real networks", description="Also two solutions of one learning problem, heated and cooled again; "
                                              "takes up to ten seconds")] = False
    seed: Seed = 0
    kind: Literal["volume_or_depth"] = Field(default="volume_or_depth", kw_only=True, repr=False)

    @field_validator("distance", mode="after")
    @classmethod
    def _two_basins(cls, distance: float, others: ValidationInfo) -> float:
        if {"depth", "ratio"} <= others.data.keys():
            try:
                TwoWells(1, others.data["depth"], others.data["ratio"], distance)
            except BadInput:
                least = math.sqrt(2 * others.data["depth"] / (SOFT * others.data["ratio"]))
                raise ValueError(
                    f"two basins of this depth and narrowness must be more than {least:.3g} apart") from None
        return distance

    @property
    def wells(self) -> TwoWells:
        """The two basins: energy, barrier, predicted T*, exact free energies."""
        return TwoWells(self.d, self.depth, self.ratio, self.distance)

    def compute(self, progress: Progress | None = None) -> Run:
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
            return Run(self, dict(arrays), dict(numbers))

        surface = surface_of(self.landscape)
        arrays, numbers = surface_arrays(surface), surface_numbers(surface)
        wells = self.wells
        arrays |= _line(wells)
        end = 0.2 if self.networks else 1.0
        curves = _curves(self, wells, stages.part("free energies", 0.0, 0.2 * end))
        crossing, at = _crossing(self, wells, curves, stages.part("crossing", 0.2 * end, 0.25 * end))
        arrays |= curves
        numbers |= {"barrier": wells.barrier, "ridge": wells.ridge, "crossing": _crossing_numbers(wells, crossing)}
        stages.tell(0.25 * end, "control", so_far, now=True)
        control = _control(self, curves["T"], at, stages.part("control", 0.25 * end, 0.45 * end))
        arrays |= {name: control[name] for name in ("control_share", "control_stderr", "control_exact")}
        numbers["slice"] = _slice_numbers(surface)
        stages.tell(0.5 * end, "hops", so_far, now=True)
        hops = _hops(self, wells, stages.part("hops", 0.5 * end, end))
        arrays |= _hop_arrays(wells, hops)
        verdicts = [_crossing_verdict(wells, crossing, control), _shares_verdict(wells, arrays),
                    _hops_verdict(wells, hops)]
        numbers["verdicts"] = [verdict.to_json() for verdict in verdicts]
        if self.networks:
            from .solutions import two_solutions

            stages.tell(end, "two solutions", so_far, now=True)
            more, numbers["networks"] = two_solutions(self.seed, stages, end)
            arrays |= more
        return Run(self, arrays, numbers)


def temperatures(wells: TwoWells) -> np.ndarray:
    """From far below the crossing to the barrier."""
    coldest = COLDEST_OF_BARRIER * wells.barrier
    if wells.predicted is not None:
        coldest = min(coldest, COLDEST_OF_CROSSING * wells.predicted)
    return np.geomspace(coldest, wells.barrier, N_TEMPERATURES)


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
    T = temperatures(wells)
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
            "hop_claimed": _claimed(wells, hops).astype(np.int8)}


def _claimed(wells: TwoWells, hops: Hops) -> np.ndarray:
    """[k]: the barrier allows hops, and both starts tell the same."""
    return (wells.barrier <= MOST_BARRIER * hops.T * (1 + 1e-9)) & hops.agree


def _slice_numbers(surface: Any) -> dict[str, Any]:
    """On the slice, exactly: where the largest share changes its valley, and where harmonic theory says so.

    `deepest`, `widest`: the two of the coldest crossing; without one the deepest, and the largest at T = the surface's
    scale. `crossing`: T, or None; `predicted`: None where one valley is both, or is not harmonic.
    """
    from ...core.thermodynamics.free_energy import crossing_temperature, curvature_of

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


def _crossing_verdict(wells: TwoWells, crossing: Estimate | None, control: dict[str, Any]) -> Verdict:
    breaks = "The analogy breaks where basins are not harmonic: flat directions, low barriers, walls."
    if wells.predicted is None:
        return judge(
            "Equally wide, the deep basin always holds more", _lowest(control), above(0.5, among(N_TEMPERATURES)),
            unit="of the walkers", theory=float(np.min(control["control_exact"])), sentence=(
                "The deep basin's smallest share at any temperature. Nothing pays for the missing depth of the other. "
                + ("Too few walkers to tell. " if math.isnan(_lowest(control)[0]) else "") + breaks))
    predicted = 0.5 * math.log(wells.ratio)
    found = None if crossing is None else (wells.predicted / crossing.value,
                                           wells.predicted * crossing.stderr / crossing.value**2)
    exact = wells.exact_crossing(2 * wells.barrier)
    return judge(
        "The wide basin overtakes where harmonic theory says", found, equals(1.0, unlike=0.0),
        unit="of the predicted gain", theory=None if exact is None else wells.predicted / exact,
        control=None if control["ahead"] is None else control["ahead"] / predicted, sentence=(
            "What the wide basin gains in entropy, depth over the measured T*, as a share of the predicted gain "
            "(1/2 ln of the ratio of determinants). Theory: T* from the exact integral. Control: with equal widths it "
            "gains nothing, and nothing crosses. "
            + ("With so few walkers no crossing can be told from none. " if found is None else "") + breaks))


def _lowest(control: dict[str, Any]) -> tuple[float, float]:
    """The deep basin's smallest share with equal widths, and its error; NaN where nothing was measured."""
    shares = control["control_share"]
    k = 0 if np.isnan(shares).all() else int(np.nanargmin(shares))
    return float(shares[k]), float(control["control_stderr"][k])


def _shares_verdict(wells: TwoWells, arrays: dict[str, np.ndarray]) -> Verdict:
    """Free-energy differences against quadrature, at the temperature where they are farthest apart in their errors."""
    T, errors = arrays["T"], np.hypot(*arrays["F_stderr"].T) / arrays["T"]
    known = np.isfinite(errors)
    n = int(known.sum())
    measured, exact = ((arrays[name][:, 0] - arrays[name][:, 1]) / T for name in ("F", "F_exact"))
    off = measured - exact
    k = int(np.nanargmax(np.abs(off) / errors)) if n else 0
    depth_only = -wells.depth / float(T[k]) - float(exact[k])
    return judge(
        "Measured free energies agree with the exact integral", (float(off[k]), float(errors[k])),
        equals(0.0, unlike=depth_only, far=among(2 * max(n, 1))), unit="T", theory=0.0, control=depth_only,
        known=n >= N_TEMPERATURES // 2, sentence=(
            f"F of the deep basin minus F of the wide one, measured minus exact, where they are farthest apart of {n} "
            f"temperatures; d = {wells.d}. Control: a theory that knows only depth, not volume, would be off by so "
            "much. " + ("Too few walkers to state errors. " if n < N_TEMPERATURES // 2 else "")
            + "The analogy breaks where a basin has no clear edge: at T near the barrier that edge decides."))


def _hops_verdict(wells: TwoWells, hops: Hops | None) -> Verdict:
    name, unit = "Walkers that hop end up where theory says", "of the walkers"
    claimed = np.zeros(0, bool) if hops is None else _claimed(wells, hops)
    if hops is None or not claimed.any():
        reason = "there are too few walkers" if hops is None else "walkers from both basins do not yet agree"
        return judge(name, None, equals(1.0, unlike=0.5), unit=unit, sentence=(
            f"Nothing is claimed: {reason}. Where barriers are higher than 5 T hardly anything hops, and only "
            "free-energy differences can tell."))
    k = int(np.argmax(claimed))  # the coldest
    T, both = float(hops.T[k]), hops.share[k]
    error = math.hypot(math.hypot(*hops.stderr[k]) / 2, float(hops.step_error[k]))
    theory, blind = wells.exact_share(T), share(-wells.depth, T) if wells.ratio > 1 else 0.5
    return judge(
        name, (float(both.mean()), error), equals(theory, unlike=blind), unit=unit, theory=theory, control=blind,
        sentence=(
            f"Share of the deep basin at T = {T:.3g}, the coldest at which walkers from both basins agree. Control: "
            + ("what depth alone would say. " if wells.ratio > 1 else "walkers that stay where they began. ")
            + f"At barrier / T = {wells.barrier / hops.T[0]:.2g} the two starts still differ by "
            f"{abs(hops.share[0, 0] - hops.share[0, 1]):.0%}, though each alone looks settled. The analogy breaks "
            "where training is too short to hop."))
