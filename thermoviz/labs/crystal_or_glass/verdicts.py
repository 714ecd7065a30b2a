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
            _loop(numbers), _dragged(numbers), _stiffening(numbers)]


def _gain(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    mass, error, exact, its_error = (arrays[f"mass{end}"] for end in ("", "_error", "_exact", "_exact_error"))
    return judge(
        "Slow cooling brings more into the deepest valley",
        (float(mass[-1] - mass[0]), math.hypot(error[0], error[-1])), above(NO_GAIN), unit="of the balls",
        theory=(float(exact[-1] - exact[0]), math.hypot(its_error[0], its_error[-1])), control=numbers["waited"],
        sentence=(
            "Share of the balls in the deepest valley, slowest minus quickest cooling; theory is the exact evolution. "
            "Control: what a quench gains that then waits in the cold for as long as the slowest cooling takes. So it "
            "is the warmth on the way that counts, not the time. In training both go together: a network trained "
            "longer at one learning rate may gain as much."))


def _exchange(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    found, slow, its_error = numbers["exchange"], float(arrays["mass"][-1]), float(arrays["mass_error"][-1])
    return judge(
        "Replica exchange finds more than slow cooling, in a tenth of the steps",
        (found["mass"] - slow, math.hypot(found["mass_error"], its_error)), above(NO_GAIN, rare(found["ladders"])),
        unit="of the balls", theory=numbers["share_cold"] - float(arrays["mass_exact"][-1]),
        control=float(arrays["mass"][0]) - slow, sentence=(
            "Share in the deepest valley at the cold end, where balls at eight temperatures trade places, minus that "
            "after the slowest cooling. Theory: Boltzmann's share, minus the exact evolution's. Control: the quickest "
            "cooling instead. It is a way to sample, not something that training does."))


def _work(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    T, exact = numbers["drive"]["T"], numbers["drive"]["dF_exact"] / numbers["drive"]["T"]
    quick = float(arrays["work_mean"][0]) / T
    return judge(
        "Work gives back the free energy (Jarzynski)",
        (float(arrays["drive_dF"][-1]) / T, float(arrays["drive_dF_error"][-1]) / T), equals(exact, unlike=quick),
        unit="T", theory=exact, control=(quick, float(arrays["work_error"][0]) / T), sentence=(
            "From the work of the slowest pull. Control: the mean work of the quickest, which dissipates and is no "
            "free energy. Where fewer than 50 weights count, nothing is stated. Exact for steps that keep Boltzmann's "
            "law; SGD does not."))


def _no_gain(numbers: Mapping[str, Any]) -> Verdict:
    control = numbers["control"]
    return judge(
        "Convex well: slow cooling gains nothing", (control["gain"], control["gain_error"]),
        equals(0.0, unlike=control["gain_at_once"]), unit="of the barrier", theory=control["gain_exact"],
        control=control["gain_at_once"], sentence=(
            "Energy after a quench minus that after slow cooling, both held for five relaxation times: with one valley "
            "there is no glass. Theory: exactly what has not relaxed by then. Control: the same without the hold."))


def _loop(numbers: Mapping[str, Any]) -> Verdict:
    control = numbers["control"]
    area, error, exact = (control[name][1] for name in ("loop_area", "loop_area_error", "loop_area_exact"))
    return judge(
        "A convex well has a heat-cool loop as well", (area, error), above(0.0), unit="energy²", theory=exact,
        control=control["curve_area"][-1], sentence=(
            "Even one valley lags behind its bath, by a known area. So a loop alone is no sign of a glass: what counts "
            "is whether it outlasts the slowest relaxation of a valley. Control: cycles a hundred times slower than "
            "that, whose loop has all but closed."))


def _trap(numbers: Mapping[str, Any], name: str, title: str, sentence: str) -> Verdict:
    found = numbers["traps"][name]
    return judge(title, (found["work"], found["work_error"]), above(found["dF_exact"]), unit="T",
                 theory=found["work_exact"], control=(found["dF"], found["dF_error"]), sentence=sentence)


def _dragged(numbers: Mapping[str, Any]) -> Verdict:
    return _trap(numbers, "dragged", "Dragging a trap takes work, but no free energy",
                 "Mean work of dragging a trap, whose closed form is theory. Control: Jarzynski's free energy of the "
                 "same pulls, 0 but for its error: moving a trap changes nothing but the place.")


def _stiffening(numbers: Mapping[str, Any]) -> Verdict:
    return _trap(numbers, "stiffening", "Stiffening a trap takes more work than free energy",
                 "Mean work of stiffening a trap fourfold, whose closed form is theory. Control: Jarzynski's free "
                 "energy of the same pulls, which should be 1/2 ln 4 = 0.693.")


def network_verdicts(arrays: Mapping[str, np.ndarray], hot: float) -> list[Verdict]:
    """The claims about networks that were cooled from the temperature `hot`."""
    final = arrays["net_final"]
    gain, none = (over_problems(means(ends[0] - ends[-1])) for ends in (final, arrays["net_control"]))
    near = near_best(final)
    more = over_problems(near[-1] - near[0])
    far = rare(int(np.isfinite(means(final[0] - final[-1])).sum()))
    few = "" if gain is not None else " Too few networks came through here: they diverge at this temperature."
    return [
        judge("Networks: slow cooling ends lower", gain, above(0.0, far), unit="nats of loss", control=none, sentence=(
            "Mean loss after a quench minus that after the slowest cooling, with equally many steps; the error is "
            "between problems, each a new draw of the data. Control: a linear network, whose loss has one valley. It "
            "holds for heat that is the same in all directions; the heat of minibatches is not." + few)),
        judge("Networks: slow cooling finds more of the best", more, above(0.0, far), unit="of the networks", sentence=(
            "Share of networks within 2 % of the lowest loss of their problem, slowest minus quenched: the crystals "
            "among them." + few)),
        judge("Linear network: slow cooling gains nothing", none, below(0.0, far), unit="nats of loss",
              theory=-unseen_directions() * left_over(hot), control=gain, sentence=(
                  "The same where the loss is convex. It even loses a little: the last descent has not ended in the "
                  "directions that the data do not see. Theory: exactly what is left over in these. Control: the gain "
                  "of the networks above." + few))]
