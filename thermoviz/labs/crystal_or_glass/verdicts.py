"""What cooling and driving show, as verdicts: each with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.statistics.estimators import rare
from ...runs.verdict import Verdict, above, below, equals, judge
from .networks import left_over, means, near_best, over_problems, unseen_directions

# A gain of less than this share of the balls counts as none.
NO_GAIN = 0.05


def verdicts(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[Verdict]:
    """The claims of the lab, from the numbers of a whole run."""
    return [_gain(arrays, numbers), _exchange(arrays, numbers), _work(arrays, numbers), _no_gain(numbers),
            _loop(numbers), _dragged(numbers["traps"]["dragged"]), _stiffening(numbers["traps"]["stiffening"])]


def _gain(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    mass, error, exact, its_error = (arrays[f"mass{end}"] for end in ("", "_error", "_exact", "_exact_error"))
    return judge(
        "slow_cooling", (float(mass[-1] - mass[0]), math.hypot(error[0], error[-1])), above(NO_GAIN),
        theory=(float(exact[-1] - exact[0]), math.hypot(its_error[0], its_error[-1])), control=numbers["waited"])


def _exchange(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    found, slow, its_error = numbers["exchange"], float(arrays["mass"][-1]), float(arrays["mass_error"][-1])
    return judge(
        "exchange", (found["mass"] - slow, math.hypot(found["mass_error"], its_error)),
        above(NO_GAIN, rare(found["ladders"])), theory=numbers["share_cold"] - float(arrays["mass_exact"][-1]),
        control=float(arrays["mass"][0]) - slow)


def _work(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    T, exact = numbers["drive"]["T"], numbers["drive"]["dF_exact"] / numbers["drive"]["T"]
    quick = float(arrays["work_mean"][0]) / T
    return judge(
        "work", (float(arrays["drive_dF"][-1]) / T, float(arrays["drive_dF_error"][-1]) / T),
        equals(exact, unlike=quick), theory=exact, control=(quick, float(arrays["work_error"][0]) / T))


def _no_gain(numbers: Mapping[str, Any]) -> Verdict:
    control = numbers["control"]
    return judge("convex_gain", (control["gain"], control["gain_error"]), equals(0.0, unlike=control["gain_at_once"]),
                 theory=control["gain_exact"], control=control["gain_at_once"])


def _loop(numbers: Mapping[str, Any]) -> Verdict:
    control = numbers["control"]
    area, error, exact = (control[name][1] for name in ("loop_area", "loop_area_error", "loop_area_exact"))
    return judge("convex_loop", (area, error), above(0.0), theory=exact, control=control["curve_area"][-1])


def _dragged(found: Mapping[str, float]) -> Verdict:
    return judge("dragged_trap", (found["work"], found["work_error"]), above(found["dF_exact"]),
                 theory=found["work_exact"], control=(found["dF"], found["dF_error"]))


def _stiffening(found: Mapping[str, float]) -> Verdict:
    return judge("stiffening_trap", (found["work"], found["work_error"]), above(found["dF_exact"]),
                 theory=found["work_exact"], control=(found["dF"], found["dF_error"]))


def network_verdicts(arrays: Mapping[str, np.ndarray], hot: float) -> list[Verdict]:
    """The claims about networks that were cooled from the temperature `hot`."""
    final = arrays["net_final"]
    gain, none = (over_problems(means(ends[0] - ends[-1])) for ends in (final, arrays["net_control"]))
    near = near_best(final)
    more = over_problems(near[-1] - near[0])
    far = rare(int(np.isfinite(means(final[0] - final[-1])).sum()))
    too_few = {"too_few": gain is None}
    return [
        judge("networks_lower", gain, above(0.0, far), control=none, values=too_few),
        judge("networks_best", more, above(0.0, far), values=too_few),
        judge("linear_network", none, below(0.0, far), theory=-unseen_directions() * left_over(hot), control=gain,
              values=too_few)]
