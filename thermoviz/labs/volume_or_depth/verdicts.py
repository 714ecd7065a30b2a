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
    if wells.predicted is None:
        return judge("equal_widths", _lowest(control), above(0.5, among(N_TEMPERATURES)),
                     theory=float(np.min(control["control_exact"])))
    predicted = 0.5 * math.log(wells.ratio)
    found = None if crossing is None else (wells.predicted / crossing.value,
                                           wells.predicted * crossing.stderr / crossing.value**2)
    exact = wells.exact_crossing(2 * wells.barrier)
    return judge("crossing", found, equals(1.0, unlike=0.0), theory=None if exact is None else wells.predicted / exact,
                 control=None if control["ahead"] is None else control["ahead"] / predicted)


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
