"""What replicas show, as verdicts: each with its error, and a theory or a control wherever there is one."""

import math
from typing import NamedTuple

from ...core.statistics.estimators import Estimate, rare
from ...runs.verdict import Rule, Verdict, above, below, equals, judge, within
from .agreement import ALIKE
from .controls import FAR_LENGTHS, LR, control_steps
from .memory import EARLY
from .replicas import BURN_IN
from .results import (
    COLD,
    FAR,
    GROUPS,
    NOTHING,
    OWN,
    SAME_DATA,
    Agreement,
    Averages,
    Baths,
    Ends,
    LinearTheory,
    Loops,
    Memory,
    Units,
    Way,
)
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

class System(NamedTuple):
    """What the networks, or linear regression, show."""

    agreement: Agreement
    memory: Memory
    averages: Averages
    loops: Loops


def verdicts(spec: Equilibrium, ends: Ends, way: Way, baths: Baths, units: Units | None, net: System, lin: System,
             theory: LinearTheory) -> list[Verdict]:
    """The claims of the lab, from the results of a whole run."""
    return [
        _loss_forgets(spec, ends, net.agreement), _function_forgets(spec, ends, net.agreement),
        _sgd_forgets(spec, ends, baths, net.agreement, lin.agreement), _heat_forgets(spec, baths, net.agreement),
        _no_ridge(spec, ends, way, baths, net.agreement), _copies_stay(spec, units, net.agreement),
        _macro_and_micro(net.agreement, lin.agreement), _averages("loss", net.agreement, net.averages, lin.averages),
        _averages("aligned", net.agreement, net.averages, lin.averages), _ageing(spec, net, lin),
        _loop(spec, net, lin), _linear_agrees(spec, net.agreement, lin.agreement, theory),
        _linear_ageing(spec, net, lin), _linear_loop(spec, lin)]


def enough(agreement: Agreement, *groups: int) -> bool:
    """Whether enough replicas of these groups came through."""
    return copies(agreement, *groups) >= FEWEST


def copies(agreement: Agreement, *groups: int) -> int:
    """Replicas of the smallest of these groups."""
    return int(min(agreement.replicas[group] for group in groups))


def _far(n: int) -> float:
    """Standard errors of n copies that are as rare as three of a normal number."""
    return rare(max(n, 4))


def _settled(steps: float) -> bool:
    """Whether so many steps are long for the slowest direction of the control (curvature about 1)."""
    return steps * LR > SETTLED


def _or_none(found: Estimate) -> Estimate | None:
    """What was measured, with its error; None where nothing was."""
    return found if math.isfinite(found) else None


# Is the start forgotten?


def _loss_forgets(spec: Equilibrium, ends: Ends, net: Agreement) -> Verdict:
    return judge("loss_start", _apart(net, "loss"), within(0.0, HIDDEN, far=_far(copies(net, COLD, FAR))),
                 known=_sgd_known(spec, net), values={"another": ends.another})


def _function_forgets(spec: Equilibrium, ends: Ends, net: Agreement) -> Verdict:
    return judge("function_start", _apart(net, "function"), below(HIDDEN, far=_far(copies(net, COLD, FAR))),
                 known=_sgd_known(spec, net), values={"another": ends.another})


def _apart(net: Agreement, name: str) -> Estimate | None:
    """How far the far start ends from the cold one, in what the observable itself shakes by."""
    return _in_units(net.apart(GROUPS[FAR], name), net.shaking[name])


def _in_units(found: Estimate, scale: float) -> Estimate | None:
    return Estimate(found.value / scale, found.stderr / scale) if scale > 0 else None


def _sgd_known(spec: Equilibrium, net: Agreement) -> bool:
    return enough(net, COLD, FAR) and _settled(BURN_IN * spec.steps)


def _sgd_forgets(spec: Equilibrium, ends: Ends, baths: Baths, net: Agreement, lin: Agreement) -> Verdict:
    return judge(
        "parameter_start", baths.late["sgd"], equals(0.0, unlike=1.0, far=_far(copies(net, COLD, FAR))),
        known=_sgd_known(spec, net), values={"another": ends.another, "linear": _kept(lin)})


def _kept(lin: Agreement) -> float:
    """Squared distance that linear regression keeps, of its own start's: far starts lie so many lengths away."""
    return float((lin.apart(GROUPS[FAR], "parameters").value / FAR_LENGTHS) ** 2)


def _heat_forgets(spec: Equilibrium, baths: Baths, net: Agreement) -> Verdict:
    softest = (1 - BURN_IN) * baths.time * spec.weight_decay
    known = enough(net, COLD, FAR) and softest >= SETTLED * (1 - 1e-9)
    return judge(
        "heat_start", baths.late["heat"], equals(0.0, unlike=1.0, far=_far(copies(net, COLD, FAR))), theory=0.0,
        control=_or_none(baths.late["sgd"]), known=known,
        values={"T": None if baths.temperature is None else baths.temperature.value, "short": not known})


def _no_ridge(spec: Equilibrium, ends: Ends, way: Way, baths: Baths, net: Agreement) -> Verdict:
    climbs, temperature = way.climbs, baths.temperature
    if climbs is None or temperature is None:
        return judge("ridge", None, below(HIGH), values={"solutions": 1 if climbs is None else 2, "T": None})
    T, error = temperature.value, temperature.stderr
    lower, higher = sorted(climbs["climbs"])
    found = (higher / T, higher / T * error / T)
    rule = below(HIGH, far=_far(copies(net, COLD, FAR)))
    return judge(
        "ridge", found, rule, control=None if climbs["slice"] is None else max(climbs["slice"]) / T,
        known=rule.decide(*found) is True and _at_rest(spec, ends, T),
        values={"solutions": 2, "T": T, "other": lower / T, "line": max(climbs["line"]) / T, "slope": ends.slope,
                "high": HIGH})


def _at_rest(spec: Equilibrium, ends: Ends, T: float) -> bool:
    """Whether the solutions have less than a tenth of T to fall, if nothing is softer than the weight decay."""
    fall = ends.slope ** 2 / (2 * spec.weight_decay) if spec.weight_decay > 0 else math.inf
    return bool(fall < 0.1 * T)


def _copies_stay(spec: Equilibrium, units: Units | None, net: Agreement) -> Verdict:
    if units is None:
        return judge("unit_copies", None, equals(0.0, unlike=1.0), values={"units": 0})
    begun, whole = float(units.units.value[1:3, 0].mean()), sum(spec.network.hidden)
    return judge(
        "unit_copies", units.gained["sgd"], equals(0.0, unlike=1.0, far=_far(copies(net, COLD, FAR))),
        control=_or_none(units.gained["heat"]), known=_sgd_known(spec, net) and begun < whole,
        values={"begun": begun, "units": whole})


# Do replicas agree?


def _macro_and_micro(net: Agreement, lin: Agreement) -> Verdict:
    found, control = net.r_hat[GROUPS[OWN]], _explained(lin.r_hat[GROUPS[OWN]]["ratio"])
    return judge(
        "outside_inside", _explained(found["ratio"]), below(1 / APART, far=_far(copies(net, OWN))), control=control,
        known=enough(net, OWN) and control.value > 1 / APART,
        values={"loss": found["loss"].value, "parameters": found["aligned"].value})


def _averages(name: str, agreement: Agreement, net: Averages, lin: Averages) -> Verdict:
    explained, n = _explained(net.ratio(name)), sum(agreement.replicas[group] for group in ALIKE)
    rule = equals(1.0, unlike=MOST, far=_far(n))
    # Where chains are short the reference is a bound from above: more seems explained than is.
    decided = net.long_enough(name) or rule.decide(explained.value, explained.stderr) is False
    of_loss = name == "loss"
    return judge("loss_averages" if of_loss else "parameter_averages", explained, rule,
                 known=enough(agreement, *ALIKE) and decided,
                 values={"networks": n, "linear": _explained(lin.ratio(name)).value})


def _explained(ratio: Estimate) -> Estimate:
    """1 / ratio: what lies between 0 and 1 has a more normal error than what has no upper end."""
    return Estimate(1 / ratio.value, ratio.stderr / ratio.value**2) if ratio > 0 else NOTHING


# Does age matter?


def _ageing(spec: Equilibrium, net: System, lin: System) -> Verdict:
    return judge(
        "ageing", net.memory.ageing, _ageless(net.agreement),
        known=enough(net.agreement, SAME_DATA, OWN) and _settled(EARLY * spec.steps),
        values={"lag": net.memory.ageing_lag, "linear": lin.memory.ageing.value})


def _ageless(agreement: Agreement) -> Rule:
    return equals(1.0, unlike=0.5, far=_far(sum(agreement.replicas[group] for group in (SAME_DATA, OWN))))


def _linear_ageing(spec: Equilibrium, net: System, lin: System) -> Verdict:
    control = net.memory.ageing.value
    return judge(
        "linear_ageing", lin.memory.ageing, _ageless(lin.agreement), theory=1.0,
        control=control if math.isfinite(control) else None,
        known=enough(lin.agreement, SAME_DATA, OWN) and _settled(EARLY * control_steps(spec.steps)))


# Is the heat's history forgotten?


def _loop(spec: Equilibrium, net: System, lin: System) -> Verdict:
    control = _in_units(_slowest(lin.loops), lin.agreement.shaking["loss"])
    return judge(
        "heat_loop", _in_units(_slowest(net.loops), net.agreement.shaking["loss"]),
        within(0.0, HIDDEN, far=_far(copies(net.agreement, SAME_DATA))),
        known=enough(net.agreement, SAME_DATA) and _settled(BURN_IN * spec.steps),
        values={"linear": math.nan if control is None else control.value})


def _slowest(loops: Loops) -> Estimate:
    """Area of the slowest loop."""
    return Estimate(loops.area.value[-1], loops.area.stderr[-1])


def _linear_loop(spec: Equilibrium, lin: System) -> Verdict:
    lag = lin.loops.lag
    return judge(
        "linear_loop", None if lag is None else Estimate(lag.value[0], lag.stderr[0]),
        above(0.0, far=_far(int(lin.loops.copies[0]))), theory=1.0, control=0.0,
        known=_control_known(spec, lin.agreement, *ALIKE))


def _control_known(spec: Equilibrium, lin: Agreement, *groups: int) -> bool:
    """Whether the control has enough replicas and has come to rest."""
    return enough(lin, *groups) and _settled(BURN_IN * control_steps(spec.steps))


def _linear_agrees(spec: Equilibrium, net: Agreement, lin: Agreement, theory: LinearTheory) -> Verdict:
    found, control = (one.r_hat[GROUPS[OWN]]["aligned"] for one in (lin, net))
    return judge(
        "linear_parameters", found, below(APART, far=_far(copies(lin, OWN))), theory=theory.r_hat[0],
        control=control.value if math.isfinite(control) else None, known=_control_known(spec, lin, OWN))
