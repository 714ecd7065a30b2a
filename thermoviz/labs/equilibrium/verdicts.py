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
from .replicas import BURN_IN
from .results import COLD, FAR, GROUPS, OWN, SAME_DATA
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


def _settled(steps: float) -> bool:
    """Whether so many steps are long for the slowest direction of the control (curvature about 1)."""
    return steps * LR > SETTLED


# Is the start forgotten?


def _loss_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return judge("loss_start", _apart(numbers, "loss"), within(0.0, HIDDEN, far=_far(copies(numbers, COLD, FAR))),
                 known=_sgd_known(spec, numbers), values={"another": numbers["another"]})


def _function_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return judge("function_start", _apart(numbers, "function"), below(HIDDEN, far=_far(copies(numbers, COLD, FAR))),
                 known=_sgd_known(spec, numbers), values={"another": numbers["another"]})


def _apart(numbers: Numbers, name: str) -> Estimate | None:
    """How far the far start ends from the cold one, in what the observable itself shakes by."""
    value, error = numbers["net"]["met"]["far start"][name][:2]
    scale = numbers["net"]["shaking"][name]
    return Estimate(value / scale, error / scale) if scale > 0 else None


def _sgd_known(spec: Equilibrium, numbers: Numbers) -> bool:
    return enough(numbers, COLD, FAR) and _settled(BURN_IN * spec.steps)


def _left(numbers: Numbers, bath: str) -> Estimate:
    return Estimate(*numbers["heat"]["left"][bath])


def _sgd_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return judge(
        "parameter_start", _left(numbers, "sgd"), equals(0.0, unlike=1.0, far=_far(copies(numbers, COLD, FAR))),
        known=_sgd_known(spec, numbers), values={"another": numbers["another"], "linear": _lin_left(numbers)})


def _lin_left(numbers: Numbers) -> float:
    """Squared distance that linear regression keeps, of its own start's: far starts lie so many lengths away."""
    return float((numbers["lin"]["met"]["far start"]["parameters"][0] / FAR_LENGTHS) ** 2)


def _heat_forgets(spec: Equilibrium, numbers: Numbers) -> Verdict:
    heat, sgd = _left(numbers, "heat"), _left(numbers, "sgd")
    softest = (1 - BURN_IN) * numbers["heat"]["time"] * spec.weight_decay
    known = enough(numbers, COLD, FAR) and softest >= SETTLED * (1 - 1e-9)
    return judge(
        "heat_start", heat, equals(0.0, unlike=1.0, far=_far(copies(numbers, COLD, FAR))), theory=0.0,
        control=sgd if math.isfinite(sgd) else None, known=known,
        values={"T": (numbers["heat"]["temperature"] or [None])[0], "short": not known})


def _no_ridge(spec: Equilibrium, numbers: Numbers) -> Verdict:
    way, heat = numbers["way"], numbers["heat"]["temperature"]
    if way is None or heat is None:
        return judge("ridge", None, below(HIGH), values={"solutions": 1 if way is None else 2, "T": None})
    T, error = heat
    climbs = sorted(way["climbs"])
    found = (climbs[1] / T, climbs[1] / T * error / T)
    rule = below(HIGH, far=_far(copies(numbers, COLD, FAR)))
    return judge(
        "ridge", found, rule, control=None if way["slice"] is None else max(way["slice"]) / T,
        known=rule.decide(*found) is True and _at_rest(spec, numbers),
        values={"solutions": 2, "T": T, "other": climbs[0] / T, "line": max(way["line"]) / T,
                "slope": numbers["slope"], "high": HIGH})


def _at_rest(spec: Equilibrium, numbers: Numbers) -> bool:
    """Whether the solutions have less than a tenth of T to fall, if nothing is softer than the weight decay."""
    fall = numbers["slope"] ** 2 / (2 * spec.weight_decay) if spec.weight_decay > 0 else math.inf
    return bool(fall < 0.1 * numbers["heat"]["temperature"][0])


def _copies_stay(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> Verdict:
    gained, whole = numbers["heat"].get("gained"), sum(spec.network.hidden)
    if gained is None:
        return judge("unit_copies", None, equals(0.0, unlike=1.0), values={"units": 0})
    sgd, heat = Estimate(*gained["sgd"]), Estimate(*gained["heat"])
    begun = float(np.mean(arrays["units"][1:3, 0]))
    return judge(
        "unit_copies", sgd, equals(0.0, unlike=1.0, far=_far(copies(numbers, COLD, FAR))),
        control=heat if math.isfinite(heat) else None, known=_sgd_known(spec, numbers) and begun < whole,
        values={"begun": begun, "units": whole})


# Do replicas agree?


def _macro_and_micro(numbers: Numbers) -> Verdict:
    group = GROUPS[OWN]
    net, lin = (numbers[system]["r_hat"][group] for system in ("net", "lin"))
    control = _explained(lin["ratio"])
    return judge(
        "outside_inside", _explained(net["ratio"]), below(1 / APART, far=_far(copies(numbers, OWN))), control=control,
        known=enough(numbers, OWN) and control.value > 1 / APART,
        values={"loss": net["loss"][0], "parameters": net["aligned"][0]})


def _averages(numbers: Numbers, name: str) -> Verdict:
    net, lin = (numbers[system]["omega"].get(name, [math.nan, math.nan, False, math.nan]) for system in ("net", "lin"))
    explained, long_enough = _explained(net), bool(net[2])
    n = sum(numbers["net"]["replicas"][group] for group in ALIKE)
    rule = equals(1.0, unlike=MOST, far=_far(n))
    # Where chains are short the reference is a bound from above: more seems explained than is.
    known = enough(numbers, *ALIKE) and (long_enough or rule.decide(explained.value, explained.stderr) is False)
    of_loss = name == "loss"
    return judge("loss_averages" if of_loss else "parameter_averages", explained, rule, known=known,
                 values={"networks": n, "linear": _explained(lin).value})


def _explained(ratio_and_error: list[Any]) -> Estimate:
    """1 / ratio: what lies between 0 and 1 has a more normal error than what has no upper end."""
    ratio, error = ratio_and_error[:2]
    return Estimate(1 / ratio, error / ratio**2) if ratio > 0 else NOTHING


# Does age matter?


def _ageing(spec: Equilibrium, numbers: Numbers) -> Verdict:
    return judge(
        "ageing", numbers["net"]["ageing"], _ageless(numbers, "net"),
        known=enough(numbers, SAME_DATA, OWN) and _settled(EARLY * spec.steps),
        values={"lag": numbers["net"]["ageing_lag"], "linear": numbers["lin"]["ageing"][0]})


def _ageless(numbers: Numbers, system: str) -> Any:
    return equals(1.0, unlike=0.5, far=_far(sum(numbers[system]["replicas"][group] for group in (SAME_DATA, OWN))))


def _linear_ageing(spec: Equilibrium, numbers: Numbers) -> Verdict:
    net = numbers["net"]["ageing"][0]
    return judge(
        "linear_ageing", numbers["lin"]["ageing"], _ageless(numbers, "lin"), theory=1.0,
        control=net if math.isfinite(net) else None,
        known=enough(numbers, SAME_DATA, OWN, system="lin") and _settled(EARLY * control_steps(spec.steps)))


# Is the heat's history forgotten?


def _loop(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> Verdict:
    scale, lin = numbers["net"]["shaking"]["loss"], numbers["lin"]["shaking"]["loss"]
    area, error = float(arrays["net_loop_area"][-1]), float(arrays["net_loop_area_error"][-1])
    control = float(arrays["lin_loop_area"][-1]) / lin if lin > 0 else math.nan
    return judge(
        "heat_loop", (area / scale, error / scale) if scale > 0 else None,
        within(0.0, HIDDEN, far=_far(copies(numbers, SAME_DATA))),
        known=enough(numbers, SAME_DATA) and _settled(BURN_IN * spec.steps), values={"linear": control})


def _linear_loop(spec: Equilibrium, arrays: Arrays, numbers: Numbers) -> Verdict:
    found = float(arrays["lin_loop_lag"][0]), float(arrays["lin_loop_lag_error"][0])
    return judge("linear_loop", found, above(0.0, far=_far(int(arrays["lin_loop_copies"][0]))), theory=1.0, control=0.0,
                 known=_control_known(spec, numbers, *ALIKE))


def _control_known(spec: Equilibrium, numbers: Numbers, *groups: int) -> bool:
    """Whether the control has enough replicas and has come to rest."""
    return enough(numbers, *groups, system="lin") and _settled(BURN_IN * control_steps(spec.steps))


def _linear_agrees(spec: Equilibrium, numbers: Numbers) -> Verdict:
    net, lin = (numbers[system]["r_hat"][GROUPS[OWN]]["aligned"] for system in ("net", "lin"))
    return judge(
        "linear_parameters", lin, below(APART, far=_far(copies(numbers, OWN, system="lin"))),
        theory=numbers["lin"]["r_hat_theory"][0], control=net[0] if math.isfinite(net[0]) else None,
        known=_control_known(spec, numbers, OWN))
