"""What replicas show, as verdicts: each with its error, and a theory or a control wherever there is one."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.statistics.estimators import Estimate, rare
from ...runs.verdict import Verdict, above, below, equals, judge, within
from .agreement import ALIKE, NOTHING
from .controls import FAR_LENGTHS, LR, control_steps
from .memory import EARLY
from .replicas import BURN_IN, COLD, FAR, GROUPS, OWN, SAME_DATA
from .specification import Equilibrium

# Replicas of a group below which nothing is decided.
FEWEST = 8
# R-hat above which chains tell different things (A. Vehtari et al., Bayesian Analysis 16, 667 (2021) ask for less).
APART = 1.1
# A difference below this share of what the quantity itself shakes by does not show.
HIDDEN = 0.5
# True is said only if surely more than this share of the scatter is explained.
MOST = 0.8
# A pass of fewer T than this holds nobody for long: e^5 is 150.
HIGH = 5.0
# Relaxation times that the control must have had, and the softest directions of networks in isotropic heat.
SETTLED = 5.0

Numbers = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]


def verdicts(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> list[Verdict]:
    """The claims of the lab, from the numbers of a whole run."""
    return [
        _loss_forgets(spec, numbers), _function_forgets(spec, numbers), _sgd_forgets(spec, numbers),
        _heat_forgets(spec, numbers), _no_ridge(spec, numbers), _copies_stay(spec, arrays, numbers),
        _macro_and_micro(numbers), _averages(numbers, "loss"), _averages(numbers, "aligned"),
        _ageing(spec, numbers), _loop(spec, arrays, numbers),
        _linear_agrees(spec, numbers), _linear_ageing(spec, numbers), _linear_loop(spec, arrays, numbers)]


def enough(numbers: Numbers, *groups: int, system: str = "net") -> bool:
    """Whether enough replicas of these groups came through, of the networks or of the control."""
    return copies(numbers, *groups, system=system) >= FEWEST


def copies(numbers: Numbers, *groups: int, system: str = "net") -> int:
    """Replicas of the smallest of these groups."""
    return int(min(numbers[system]["replicas"][group] for group in groups))


def _far(n: int) -> float:
    """Standard errors of n copies that are as rare as three of a normal number."""
    return rare(max(n, 4))


def _said(value: float | None, digits: int = 3) -> str:
    return "unknown" if value is None or not math.isfinite(value) else f"{value:.{digits}g}"


def _settled(steps: float) -> bool:
    """Whether so many steps are long for the slowest direction of the control (curvature about 1)."""
    return steps * LR > SETTLED


# Is the start forgotten?


def _started(numbers: Numbers) -> str:
    where = "another solution" if numbers["another"] else "a place far away"
    return f"Cold: begun at the lowest solution found; far: at {where}."


def _loss_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return _start(spec, numbers, "loss", within, "The start is forgotten in the loss", (
        "Mean loss of the far start minus that of the cold one, in units of what the loss of one network shakes by. "
        f"{_started(numbers)} A small difference is hidden by the shaking. The loss alone cannot tell two equally good "
        "places apart."))


def _function_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return _start(spec, numbers, "function", lambda _zero, share, far: below(share, far),
                  "The start is forgotten in what the networks say", (
        "Root mean square difference of both groups' mean answers at test points, in units of what the answers of one "
        f"network shake by. {_started(numbers)} Away from the data they may say other things."))


def _start(spec: Equilibrium, numbers: Numbers, name: str, rule: Any, claim: str, sentence: str) -> Verdict:
    value, error = numbers["net"]["met"]["far start"][name][:2]
    scale = numbers["net"]["shaking"][name]
    found = (value / scale, error / scale) if scale > 0 else None
    return judge(claim, found, rule(0.0, HIDDEN, far=_far(copies(numbers, COLD, FAR))), unit="of its own shaking",
                 sentence=sentence, known=_sgd_known(spec, numbers))


def _sgd_known(spec: Equilibrium, numbers: Numbers) -> bool:
    return enough(numbers, COLD, FAR) and _settled(BURN_IN * spec.steps)


def _left(numbers: Numbers, bath: str) -> Estimate:
    return Estimate(*numbers["heat"]["left"][bath])


def _sgd_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return judge(
        "SGD forgets the start in the parameters", _left(numbers, "sgd"),
        equals(0.0, unlike=1.0, far=_far(copies(numbers, COLD, FAR))), unit="of the squared distance",
        sentence="What is left of the squared distance between both starts, in the groups' means over the second half "
                 f"of the run, hidden units matched: 1 at the start, 0 if it is forgotten. {_started(numbers)} "
                 f"Linear regression keeps {_lin_left(numbers):.2f}. A longer run may forget more.",
        known=_sgd_known(spec, numbers))


def _lin_left(numbers: Numbers) -> float:
    """Squared distance that linear regression keeps, of its own start's: far starts lie so many lengths away."""
    return float((numbers["lin"]["met"]["far start"]["parameters"][0] / FAR_LENGTHS) ** 2)


def _heat_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    heat, sgd = _left(numbers, "heat"), _left(numbers, "sgd")
    softest = (1 - BURN_IN) * numbers["heat"]["time"] * spec.weight_decay
    known = enough(numbers, COLD, FAR) and softest >= SETTLED * (1 - 1e-9)
    temperature = (numbers["heat"]["temperature"] or [None])[0]
    short = "" if known else " This run was too short, or had too few copies, for the softest directions to settle."
    return judge(
        "Isotropic heat of the same temperature forgets it", heat,
        equals(0.0, unlike=1.0, far=_far(copies(numbers, COLD, FAR))), unit="of the squared distance", theory=0.0,
        control=sgd if math.isfinite(sgd) else None,
        sentence="The same two starts in heat as strong as SGD's noise in total (T = lr tr C / 2 B d = "
                 f"{_said(temperature, 2)}), but alike in all directions, for half the time. Theory: at equilibrium "
                 "nothing is left. Control: SGD. Where heat forgets and SGD does not, it is no ridge that holds the "
                 "start. That SGD's dark directions are the cause is an inference from this and the next two cards, "
                 f"no proof.{short}",
        known=known)


def _no_ridge(spec: Equilibrium, numbers: Numbers) -> Verdict:
    name, unit = "No high ridge parts the two solutions", "T"
    way, heat = numbers["way"], numbers["heat"]["temperature"]
    if way is None or heat is None:
        why = "Only one solution was found." if way is None else "Without a temperature there is no unit."
        return judge(name, None, below(HIGH), unit=unit, sentence=f"{why} So there is no pass to measure.")
    T, error = heat
    climbs, slope = sorted(way["climbs"]), numbers["slope"]
    found = (climbs[1] / T, climbs[1] / T * error / T)
    rule = below(HIGH, far=_far(copies(numbers, COLD, FAR)))
    return judge(
        name, found, rule, unit=unit, control=None if way["slice"] is None else max(way["slice"]) / T,
        sentence="Height of the best path found above its lower end; above the other end it is "
                 f"{_said(climbs[0] / T, 2)} T. The straight line climbs {_said(max(way['line']) / T, 2)} T. Units are "
                 f"matched; both ends are at rest (gradients below {_rounded_up(slope)}). Control: the "
                 "lowest pass on the slice, the ridge in the picture. A better path may lie lower, so the claim is "
                 f"never called false. Over a pass of {HIGH:g} T heat needs about e⁵ = 150 tries.",
        known=rule.decide(*found) is True and _at_rest(spec, numbers))


def _at_rest(spec: Equilibrium, numbers: Numbers) -> bool:
    """Whether the solutions have less than a tenth of T to fall, if nothing is softer than the weight decay."""
    fall = numbers["slope"] ** 2 / (2 * spec.weight_decay) if spec.weight_decay > 0 else math.inf
    return bool(fall < 0.1 * numbers["heat"]["temperature"][0])


def _rounded_up(value: float) -> str:
    """The next power of ten, as it is written by hand."""
    return f"10^{math.ceil(math.log10(max(value, 1e-12)))}".replace("-", "−")


def _copies_stay(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> Verdict:
    name, unit = "SGD leaves copies of a hidden unit together", "units per network"
    gained, whole = numbers["heat"].get("gained"), sum(spec.network.hidden)
    if gained is None:
        return judge(name, None, equals(0.0, unlike=1.0), unit=unit, sentence="There are no hidden units.")
    sgd, heat = Estimate(*gained["sgd"]), Estimate(*gained["heat"])
    begun = float(np.mean(arrays["units"][1:3, 0]))
    return judge(
        name, sgd, equals(0.0, unlike=1.0, far=_far(copies(numbers, COLD, FAR))), unit=unit,
        control=heat if math.isfinite(heat) else None,
        sentence="How many more hidden units are no copies of one another at the end than at the start, cold and far "
                 f"starts; at the start {_said(begun, 2)} of {whole}. Control: isotropic heat. Every sample pulls "
                 "copies alike, so SGD's noise cannot part them: it is dark there (collapse to invariant sets, Chen "
                 "and others, 2023). Where the solutions have no copies nothing is tested.",
        known=_sgd_known(spec, numbers) and begun < whole)


# Do replicas agree?


def _macro_and_micro(numbers: Numbers) -> Verdict:
    group = GROUPS[OWN]
    net, lin = (numbers[system]["r_hat"][group] for system in ("net", "lin"))
    control = _explained(lin["ratio"])
    return judge(
        "Networks agree outside and differ inside", _explained(net["ratio"]),
        below(1 / APART, far=_far(copies(numbers, OWN))), unit="ratio", control=control,
        sentence=f"R-hat of the loss ({_said(net['loss'][0])}) over R-hat of the parameters (median, hidden units "
                 f"matched: {_said(net['aligned'][0])}): 1 where outside and inside tell the same. Starts and samples "
                 "of the data differ. Control: linear regression, whose parameters agree as well. R-hat near 1 for a "
                 "loss never shows that all states are visited.",
        known=enough(numbers, OWN) and control.value > 1 / APART)


def _averages(numbers: Numbers, name: str) -> Verdict:
    net, lin = (numbers[system]["omega"].get(name, [math.nan, math.nan, False, math.nan]) for system in ("net", "lin"))
    explained, long_enough = _explained(net), bool(net[2])
    n = sum(numbers["net"]["replicas"][group] for group in ALIKE)
    rule = equals(1.0, unlike=MOST, far=_far(n))
    told = "the loss" if name == "loss" else "the parameters"
    # Where chains are short the reference is a bound from above: more seems explained than is.
    known = enough(numbers, *ALIKE) and (long_enough or rule.decide(explained.value, explained.stderr) is False)
    return judge(
        f"Ergodic: averages of {told} over time agree", explained, rule, unit="of the scatter",
        sentence=f"How much of the scatter between {n} networks of one data set, from four kinds of starts, their own "
                 "shaking explains (Thirumalai and Mountain; standard deviations of averages over the second half): 1 "
                 "if every network visits all that there is, less if each keeps to itself. Linear regression: "
                 f"{_said(_explained(lin).value, 2)}. What is not ergodic now may be in a longer run.",
        known=known)


def _explained(ratio_and_error: list[Any]) -> Estimate:
    """1 / ratio: what lies between 0 and 1 has a more normal error than what has no upper end."""
    ratio, error = ratio_and_error[:2]
    return Estimate(1 / ratio, error / ratio**2) if ratio > 0 else NOTHING


# Does age matter?


def _ageing(spec: Equilibrium, numbers: Numbers) -> Verdict:
    lag, lin = numbers["net"]["ageing_lag"], numbers["lin"]["ageing"][0]
    return judge(
        "Networks do not age", numbers["net"]["ageing"], _ageless(numbers, "net"), unit="ratio",
        sentence=f"How far parameters move in {lag:,} steps at the end, over the same after a tenth of the run "
                 "(geometric mean over networks): 1 where age is forgotten, below 1 where they still slow down, like "
                 f"a glass. Linear regression: {_said(lin)}. A run too short has no end to compare with.",
        known=enough(numbers, SAME_DATA, OWN) and _settled(EARLY * spec.steps))


def _ageless(numbers: Numbers, system: str) -> Any:
    return equals(1.0, unlike=0.5, far=_far(sum(numbers[system]["replicas"][group] for group in (SAME_DATA, OWN))))


def _linear_ageing(spec: Equilibrium, numbers: Numbers) -> Verdict:
    net = numbers["net"]["ageing"][0]
    return judge(
        "Linear regression does not age", numbers["lin"]["ageing"], _ageless(numbers, "lin"), unit="ratio", theory=1.0,
        control=net if math.isfinite(net) else None,
        sentence="The same ratio for linear regression. Theory: once at rest, the displacement depends on the lag t "
                 "alone, 2 tr[(1 − (1 − lr H)^t) Σ]/d. Control: the networks.",
        known=enough(numbers, SAME_DATA, OWN, system="lin") and _settled(EARLY * control_steps(spec.steps)))


# Is the heat's history forgotten?


def _loop(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> Verdict:
    scale, lin = numbers["net"]["shaking"]["loss"], numbers["lin"]["shaking"]["loss"]
    area, error = float(arrays["net_loop_area"][-1]), float(arrays["net_loop_area_error"][-1])
    control = float(arrays["lin_loop_area"][-1]) / lin if lin > 0 else math.nan
    return judge(
        "Heated and cooled, the loss comes back", (area / scale, error / scale) if scale > 0 else None,
        within(0.0, HIDDEN, far=_far(copies(numbers, SAME_DATA))), unit="of its own shaking",
        sentence="Loss on the way up minus loss on the way down of the learning rate, averaged over its logarithm, in "
                 "units of what the loss of one network shakes by; slowest loop. Above 0 the heat has let the networks "
                 f"out of something worse. Linear regression: {_said(control, 2)}. It says nothing of the parameters.",
        known=enough(numbers, SAME_DATA) and _settled(BURN_IN * spec.steps))


def _linear_loop(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> Verdict:
    found = float(arrays["lin_loop_lag"][0]), float(arrays["lin_loop_lag_error"][0])
    return judge(
        "Heated in a hurry, linear regression lags behind", found, above(0.0, far=_far(int(arrays["lin_loop_copies"]))),
        unit="of the lag in theory", theory=1.0, control=0.0,
        sentence="The gap between the way up and the way down in the quickest loop, as a share of the gap that theory "
                 "predicts, stair by stair. Theory: the exact evolution of second moments. Control: no lag. Even one "
                 "valley lags when hurried: a loop alone is no sign of many valleys.",
        known=_control_known(spec, numbers, *ALIKE))


def _control_known(spec: Equilibrium, numbers: Numbers, *groups: int) -> bool:
    """Whether the control has enough replicas and has come to rest."""
    return enough(numbers, *groups, system="lin") and _settled(BURN_IN * control_steps(spec.steps))


def _linear_agrees(spec: Equilibrium, numbers: Numbers) -> Verdict:
    group = GROUPS[OWN]
    net, lin = (numbers[system]["r_hat"][group]["aligned"] for system in ("net", "lin"))
    return judge(
        "Linear regression: the parameters agree", lin, below(APART, far=_far(copies(numbers, OWN, system="lin"))),
        unit="R-hat", theory=numbers["lin"]["r_hat_theory"][0], control=net[0] if math.isfinite(net[0]) else None,
        sentence="R-hat of its parameters (median), own starts and own data. Theory: √(1 + between/within), from the "
                 "exact optimum of each resampled data set and the exact spread of SGD around it. Control: the "
                 "networks. In a colder bath it breaks: there resampling moves the optimum farther than SGD wanders.",
        known=_control_known(spec, numbers, OWN))

