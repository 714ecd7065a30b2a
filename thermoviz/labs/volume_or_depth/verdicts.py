"""What the two basins decide, as verdicts: where the wide one overtakes, free energies, and walkers that hop."""

import math
from typing import Any

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.verdict import Verdict, above, among, equals, judge
from .two_wells import N_TEMPERATURES, Hops, TwoWells, share


def verdicts(wells: TwoWells, arrays: dict[str, np.ndarray], crossing: Estimate | None, control: dict[str, Any],
             hops: Hops | None) -> list[Verdict]:
    """The claims of the lab, from the numbers of a whole run."""
    return [_crossing(wells, crossing, control), _shares(wells, arrays), _hops(wells, hops)]


def _crossing(wells: TwoWells, crossing: Estimate | None, control: dict[str, Any]) -> Verdict:
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


def _shares(wells: TwoWells, arrays: dict[str, np.ndarray]) -> Verdict:
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


def _hops(wells: TwoWells, hops: Hops | None) -> Verdict:
    name, unit = "Walkers that hop end up where theory says", "of the walkers"
    claimed = np.zeros(0, bool) if hops is None else wells.claimed(hops)
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
