"""What the two basins decide, as verdicts: where the wide one overtakes, free energies, and walkers that hop."""

import math

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.verdict import Verdict, above, among, equals, judge
from .results import Crossing, Curves, EqualWidths
from .two_wells import N_TEMPERATURES, Hops, TwoWells, share


def verdicts(wells: TwoWells, curves: Curves, crossing: Crossing, control: EqualWidths, ahead: float | None,
             hops: Hops | None) -> list[Verdict]:
    """The claims of the lab. ahead: entropy that the wide basin has more at the crossing with equal widths; hops: None
    where walkers are too few."""
    return [_crossing(wells, crossing, control, ahead), _free_energies(wells, curves), _hops(wells, hops)]


def _crossing(wells: TwoWells, found: Crossing, control: EqualWidths, ahead: float | None) -> Verdict:
    if wells.predicted is None:
        return judge("equal_widths", _lowest(control), above(0.5, among(N_TEMPERATURES)),
                     theory=float(np.min(control.exact)))
    gain = None if found.measured is None else Estimate(
        wells.predicted / found.measured, wells.predicted * found.measured.stderr / found.measured**2)
    return judge("crossing", gain, equals(1.0, unlike=0.0),
                 theory=None if found.exact is None else wells.predicted / found.exact,
                 control=None if ahead is None else ahead / (0.5 * math.log(wells.ratio)))


def _lowest(control: EqualWidths) -> Estimate:
    """The deep basin's smallest share with equal widths; NaN where nothing was measured."""
    shares, errors = control.share
    k = 0 if np.isnan(shares).all() else int(np.nanargmin(shares))
    return Estimate(shares[k], errors[k])


def _free_energies(wells: TwoWells, curves: Curves) -> Verdict:
    """Their differences against quadrature, at the temperature where they are farthest apart in their errors."""
    T, errors = curves.T, np.hypot(*curves.F.stderr.T) / curves.T
    n = int(np.isfinite(errors).sum())
    measured, exact = ((F[:, 0] - F[:, 1]) / T for F in (curves.F.value, curves.F_exact))
    off = measured - exact
    k = int(np.nanargmax(np.abs(off) / errors)) if n else 0
    depth_only = -wells.depth / float(T[k]) - float(exact[k])
    few = n < N_TEMPERATURES // 2
    return judge(
        "free_energies", (float(off[k]), float(errors[k])), equals(0.0, unlike=depth_only, far=among(2 * max(n, 1))),
        theory=0.0, control=depth_only, known=not few, values={"temperatures": n, "d": wells.d, "few": few})


def _hops(wells: TwoWells, hops: Hops | None) -> Verdict:
    claimed = np.zeros(0, bool) if hops is None else wells.claimed(hops)
    if hops is None or not claimed.any():
        return judge("hops", None, equals(1.0, unlike=0.5), values={"few": hops is None})
    k = int(np.argmax(claimed))  # the coldest
    T, both = float(hops.T[k]), hops.share[k]
    error = math.hypot(math.hypot(*hops.stderr[k]) / 2, float(hops.step_error[k]))
    theory, blind = wells.exact_share(T), share(-wells.depth, T) if wells.ratio > 1 else 0.5
    return judge(
        "hops", (float(both.mean()), error), equals(theory, unlike=blind), theory=theory, control=blind,
        values={"T": T, "narrower": wells.ratio > 1, "highest": wells.barrier / hops.T[0],
                "apart": abs(hops.share[0, 0] - hops.share[0, 1])})
