"""What cooling and driving show, as verdicts: each with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Mapping

import numpy as np

from ...core.statistics.estimators import rare
from ...runs.verdict import Verdict, above, below, equals, judge
from .networks import left_over, means, near_best, over_problems, unseen_directions
from .results import Controls, Cooled, Drives, Exact, Exchange, Networks

# A gain of less than this share of the balls counts as none.
NO_GAIN = 0.05


def verdicts(exact: Exact, cooled: Cooled, exchange: Exchange, drives: Drives, controls: Controls) -> list[Verdict]:
    """The claims of the lab."""
    return [_gain(exact, cooled), _exchange(exact, cooled, exchange), _work(drives), _no_gain(controls),
            _loop(controls), _dragged(controls.traps["dragged"]), _stiffening(controls.traps["stiffening"])]


def _gain(exact: Exact, cooled: Cooled) -> Verdict:
    (found, error), (theory, its_error) = cooled.mass, exact.mass
    return judge(
        "slow_cooling", (float(found[-1] - found[0]), math.hypot(error[0], error[-1])), above(NO_GAIN),
        theory=(float(theory[-1] - theory[0]), math.hypot(its_error[0], its_error[-1])), control=exact.waited)


def _exchange(exact: Exact, cooled: Cooled, found: Exchange) -> Verdict:
    slow, its_error = float(cooled.mass.value[-1]), float(cooled.mass.stderr[-1])
    return judge(
        "exchange", (found.mass.value - slow, math.hypot(found.mass.stderr, its_error)),
        above(NO_GAIN, rare(found.ladders)), theory=exact.share_cold - float(exact.mass.value[-1]),
        control=float(cooled.mass.value[0]) - slow)


def _work(drives: Drives) -> Verdict:
    T, exact = drives.T, drives.dF_exact / drives.T
    quick = float(drives.mean.value[0]) / T
    return judge(
        "work", (float(drives.dF.value[-1]) / T, float(drives.dF.stderr[-1]) / T), equals(exact, unlike=quick),
        theory=exact, control=(quick, float(drives.mean.stderr[0]) / T))


def _no_gain(control: Controls) -> Verdict:
    return judge("convex_gain", control.gain, equals(0.0, unlike=control.gain_at_once), theory=control.gain_exact,
                 control=control.gain_at_once)


def _loop(control: Controls) -> Verdict:
    area, error, exact = control.loop_area[1], control.loop_area_error[1], control.loop_area_exact[1]
    return judge("convex_loop", (area, error), above(0.0), theory=exact, control=control.curve_area[-1])


def _dragged(found: Mapping[str, float]) -> Verdict:
    return judge("dragged_trap", (found["work"], found["work_error"]), above(found["dF_exact"]),
                 theory=found["work_exact"], control=(found["dF"], found["dF_error"]))


def _stiffening(found: Mapping[str, float]) -> Verdict:
    return judge("stiffening_trap", (found["work"], found["work_error"]), above(found["dF_exact"]),
                 theory=found["work_exact"], control=(found["dF"], found["dF_error"]))


def network_verdicts(networks_cooled: Networks, network_hot: float) -> list[Verdict]:
    """The claims about networks that were cooled from the temperature `network_hot`."""
    final = networks_cooled.final
    gain, none = (over_problems(means(ends[0] - ends[-1])) for ends in (final, networks_cooled.control))
    near = near_best(final)
    more = over_problems(near[-1] - near[0])
    far = rare(int(np.isfinite(means(final[0] - final[-1])).sum()))
    too_few = {"too_few": gain is None}
    return [
        judge("networks_lower", gain, above(0.0, far), control=none, values=too_few),
        judge("networks_best", more, above(0.0, far), values=too_few),
        judge("linear_network", none, below(0.0, far), theory=-unseen_directions() * left_over(network_hot),
              control=gain, values=too_few)]
