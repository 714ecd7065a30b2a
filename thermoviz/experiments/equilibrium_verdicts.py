"""What replicas show, as verdicts: each with its error, its theory and linear regression as control."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .linear_control import LR
from .replica_memory import EARLY
from .replicas import BURN_IN, COLD, FAR, GROUPS, HOT, OWN, SAME_DATA
from .verdict import Verdict

if TYPE_CHECKING:
    from .equilibrium import Equilibrium

# Replicas of a group below which nothing is decided.
FEWEST = 8
# Standard errors within which a number agrees with a theory, and those by which a difference is sure.
AGREE, SURE = 3.0, 2.0
# R-hat above which chains tell different things (A. Vehtari et al., Bayesian Analysis 16, 667 (2021) ask for less).
APART = 1.1
# An error of a ratio above which agreement means nothing, and what counts as the same: relative loss, probability, and
# distance of parameters over their length.
VAGUE, SAME = 0.3, 0.03
# Relaxation times that the control must have had.
SETTLED = 5.0

Numbers = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]


def verdicts(spec: "Equilibrium", arrays: Arrays, numbers: Numbers) -> list[Verdict]:
    """The claims of the lab, from the numbers of a whole run."""
    return [
        _macro_and_micro(numbers), _one_data_set(numbers), _linear_agrees(spec, numbers), _ageing(spec, numbers),
        _linear_moves(spec, arrays, numbers), _averages(numbers, "loss"), _averages(numbers, "aligned"),
        _loop(spec, arrays, numbers), _linear_loop(spec, arrays, numbers), _start(spec, numbers, "loss"),
        _start(spec, numbers, "function"), _start(spec, numbers, "parameters")]


def enough(numbers: Numbers, *groups: int, systems: tuple[str, ...] = ("net", "lin")) -> bool:
    """Whether enough replicas of these groups came through, of the networks and of the control."""
    return all(numbers[system]["replicas"][group] >= FEWEST for system in systems for group in groups)


def above(value: float, error: float, level: float) -> bool | None:
    """True: surely above; False: surely not; None: cannot tell."""
    if not math.isfinite(value) or not math.isfinite(error):
        return None
    if value - SURE * error > level:
        return True
    return False if value + SURE * error < level else None


def is_one(ratio: float, error: float) -> bool | None:
    """Whether a ratio is 1: True within two errors that are small; False above it by three; else None."""
    if not (math.isfinite(ratio) and math.isfinite(error) and ratio > 0 and error > 0):
        return None
    # Ratios scatter like their logarithms: a small one has a small error.
    away = abs(math.log(ratio)) * ratio / error
    if away > SURE:
        return False if away > AGREE and ratio > 1 else None
    return True if error <= VAGUE * max(ratio, 1.0) and ratio < 1 + SURE * VAGUE else None


def agrees(value: float, error: float, theory: float) -> bool | None:
    """Within three standard errors."""
    return abs(value - theory) <= AGREE * error if math.isfinite(value) and math.isfinite(error) else None


def _macro_and_micro(numbers: Numbers) -> Verdict:
    group = GROUPS[OWN]
    net, lin = (numbers[system]["r_hat"][group] for system in ("net", "lin"))
    value, error = net["ratio"]
    known = enough(numbers, OWN) and lin["ratio"][0] < APART
    return Verdict(
        "Same macro, different micro", value, error, None, lin["ratio"][0],
        above(value, error, APART) if known else None,
        f"R-hat of the parameters (median, hidden units matched: {_said(net['aligned'][0])}) over R-hat of the loss "
        f"({_said(net['loss'][0])}): other starts and other samples of the data end alike outside and unlike inside. "
        "The control is linear regression, where the parameters agree as well. The analogy breaks where a model has "
        "one valley; and R-hat near 1 for a loss never shows that all states are visited: equal valleys hide from it.")


def _said(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "unknown"


def _one_data_set(numbers: Numbers) -> Verdict:
    group = GROUPS[SAME_DATA]
    net, lin = (numbers[system]["r_hat"][group] for system in ("net", "lin"))
    value, error = net["aligned"]
    return Verdict(
        "Different micro, even with the same data", value, error, None, lin["aligned"][0],
        above(value, error, APART) if enough(numbers, SAME_DATA) and lin["aligned"][0] < APART else None,
        f"R-hat of the parameters (median) where replicas see the same data, hidden units matched; unmatched it is "
        f"{_said(net['raw'][0])}: most of the difference is a difference of names. What is left are other "
        "valleys. Within one valley, and in linear regression, it is 1: the claim holds between basins only.")


def _linear_agrees(spec: "Equilibrium", numbers: Numbers) -> Verdict:
    value, error = numbers["lin"]["r_hat"][GROUPS[OWN]]["aligned"]
    theory = numbers["lin"]["r_hat_theory"][0]
    return Verdict(
        "Linear regression: the parameters agree", value, error, theory, None,
        agrees(value, error, theory) if _control_known(spec, numbers, OWN) else None,
        "R-hat of its parameters (median), own starts and own data. Theory: 1 + between/within under the root, from "
        "the exact optimum of each resampled data set and the exact spread of SGD around it. It breaks in a colder "
        "bath: there resampling moves the optimum farther than SGD wanders.")


def _settled(spec: "Equilibrium", share: float) -> bool:
    """Whether that share of the run is long for the slowest direction of the control (curvature about 1)."""
    return share * spec.steps * LR > SETTLED


def _control_known(spec: "Equilibrium", numbers: Numbers, group: int) -> bool:
    """Whether the control has enough replicas and has come to rest."""
    return enough(numbers, group, systems=("lin",)) and _settled(spec, BURN_IN)


def _ageing(spec: "Equilibrium", numbers: Numbers) -> Verdict:
    value, error = numbers["net"]["ageing"]
    return Verdict(
        "No ageing", value, error, 1.0, numbers["lin"]["ageing"][0],
        is_one(value, error) if enough(numbers, SAME_DATA) and _settled(spec, EARLY) else None,
        f"How far parameters move in {numbers['net']['ageing_lag']:,} steps, begun after a tenth of the run, over the "
        "same at its end (geometric mean over replicas): 1 where the age is forgotten. The control is linear "
        "regression. Above 1 the networks still slow down, like a glass. The analogy breaks for runs too short to "
        "have an end.")


def _linear_moves(spec: "Equilibrium", arrays: Arrays, numbers: Numbers) -> Verdict:
    theory, found, error = arrays["lin_msd_theory"], arrays["lin_msd"][-1], arrays["lin_msd_error"][-1]
    k = int(np.argmin(np.abs(np.log(arrays["lin_lags"] * LR))))  # about one relaxation time
    value, stderr = float(found[k] / theory[k]), float(error[k] / theory[k])
    return Verdict(
        "Linear regression: how far it moves", value, stderr, 1.0, None,
        agrees(value, stderr, 1.0) if _control_known(spec, numbers, SAME_DATA) else None,
        f"Mean squared displacement in {int(arrays['lin_lags'][k])} steps over its closed form, 2 tr[(1 − (1 − lr "
        "H)^t) Σ]/d. Exact for SGD without momentum on a quadratic loss, whatever the step; other losses have none.")


def _averages(numbers: Numbers, name: str) -> Verdict:
    net, lin = (numbers[system]["omega"].get(name, [math.nan, math.nan, False, math.nan]) for system in ("net", "lin"))
    value, error, long_enough, _tau = net
    known = enough(numbers, SAME_DATA)
    told = "of the loss" if name == "loss" else "of the parameters"
    holds = is_one(value, error)
    # Where chains are short the reference is a bound from above: the ratio can only be too small.
    if not long_enough and holds:
        holds = None
    return Verdict(
        f"Ergodic: time averages {told} agree", value, error, 1.0, lin[0], holds if known else None,
        "Standard deviation of time averages between replicas of one data set, over what their own fluctuations "
        "explain (Thirumalai and Mountain): 1 if every replica visits all that there is, more if each keeps to itself. "
        + ("The loss may pass while the parameters do not. " if name == "loss" else
           "Between valleys it fails; within one it may hold. ")
        + "The analogy breaks at the length of the run: what is not ergodic now may be in a longer one.")


def _loop(spec: "Equilibrium", arrays: Arrays, numbers: Numbers) -> Verdict:
    scale = _scale(numbers, "net") / 100
    value, error = float(arrays["net_loop_area"][-1]) / scale, float(arrays["net_loop_area_error"][-1]) / scale
    control = float(arrays["lin_loop_area"][-1]) / _scale(numbers, "lin") * 100
    return Verdict(
        "Heated and cooled, the loss comes back", value, error, 0.0, control,
        _same(value, error) if enough(numbers, SAME_DATA) and _settled(spec, BURN_IN) else None,
        "Loss on the way up minus loss on the way down of the learning rate, averaged over its logarithm, in % of "
        f"the loss; slowest loop. It holds if less than {SAME:.0%} is left. Above 0 the heat has let the networks "
        "out of something worse. It breaks for heat that throws them into other valleys; parameters it leaves open.")


def _scale(numbers: Numbers, system: str) -> float:
    return float(numbers[system]["loss"][0])


def _linear_loop(spec: "Equilibrium", arrays: Arrays, numbers: Numbers) -> Verdict:
    from .heat_loop import area

    scale = _scale(numbers, "lin") / 100
    theory = float(area(arrays["lin_loop_lr"], arrays["lin_loop_theory"][0])) / scale
    value, error = float(arrays["lin_loop_area"][0]) / scale, float(arrays["lin_loop_area_error"][0]) / scale
    return Verdict(
        "Linear regression: the quickest loop", value, error, theory, None,
        agrees(value, error, theory) if _control_known(spec, numbers, SAME_DATA) else None,
        "The same in %, where every stair is shorter than a relaxation time, against the exact evolution of second "
        "moments. Even one valley lags behind its heat when hurried: a loop alone is no sign of many valleys.")


def _same(value: float, error: float) -> bool | None:
    """Whether a difference in % is below what counts as the same; None where the error does not allow to say."""
    return {True: False, False: True, None: None}[above(abs(value), error, 100 * SAME)]


def _start(spec: "Equilibrium", numbers: Numbers, name: str) -> Verdict:
    titles = {"loss": "in the loss", "function": "in what the networks say", "parameters": "in the parameters"}
    net, lin = (numbers[system]["met"]["far start"][name][:2] for system in ("net", "lin"))
    scale, control = ((_scale(numbers, system) if name == "loss" else 1.0) / 100 for system in ("net", "lin"))
    value, error = net[0] / scale, net[1] / scale
    what = {"loss": "Mean loss of the far start minus that of the cold one, in % of the loss",
            "function": "Root mean square difference of both groups' mean outputs at the test points, in %",
            "parameters": "Distance of both groups' mean parameters, units matched, in % of their length"}[name]
    ends = {"loss": "It breaks where one of the valleys is worse: loss alone does not tell them apart.",
            "function": "Probabilities, or values for regression. Other valleys may say other things elsewhere, where "
                        "there are no data.",
            "parameters": "A start is forgotten within its basin only; how long it takes to leave it is not seen."}
    far = "another solution" if numbers["another"] else "a place far away from it"
    return Verdict(
        f"The start is forgotten {titles[name]}", value, error, 0.0, lin[0] / control,
        _same(value, error) if enough(numbers, HOT, COLD, FAR) and _settled(spec, BURN_IN) else None,
        f"{what}. Cold: the lowest solution found; far: {far}. It holds below {SAME:.0%}. {ends[name]}")
