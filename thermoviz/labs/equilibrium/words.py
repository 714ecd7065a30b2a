"""What a visitor reads of this lab's verdicts, by their keys.

A value that an older file lacks is told as "unknown", so that its claims are still found by their names.
"""

import math
from collections.abc import Callable

from ...presentation.words import _
from ...runs.verdict import Told, Verdict


def _said(value: float | None, digits: int = 3) -> str:
    return _("unknown") if value is None or not math.isfinite(value) else f"{value:.{digits}g}"


def _starts(verdict: Verdict) -> str:
    if verdict.values.get("another", True):
        return _("Cold: begun at the lowest solution found; far: at another solution.")
    return _("Cold: begun at the lowest solution found; far: at a place far away.")


# Is the start forgotten?


def _loss_start(verdict: Verdict) -> Told:
    return Told(_("The start is forgotten in the loss"), _(
        "Mean loss of the far start minus that of the cold one, in units of what the loss of one network shakes by. "
        "{starts} A small difference is hidden by the shaking. The loss alone cannot tell two equally good "
        "places apart.").format(starts=_starts(verdict)), _("of its own shaking"))


def _function_start(verdict: Verdict) -> Told:
    return Told(_("The start is forgotten in what the networks say"), _(
        "Root mean square difference of both groups' mean answers at test points, in units of what the answers of one "
        "network shake by. {starts} Away from the data they may say other things.").format(starts=_starts(verdict)),
        _("of its own shaking"))


def _parameter_start(verdict: Verdict) -> Told:
    kept = verdict.values.get("linear")
    return Told(_("SGD forgets the start in the parameters"), _(
        "What is left of the squared distance between both starts, in the groups' means over the second half "
        "of the run, hidden units matched: 1 at the start, 0 if it is forgotten. {starts} "
        "Linear regression keeps {share}. A longer run may forget more.").format(
            starts=_starts(verdict), share=f"{math.nan if kept is None else kept:.2f}"), _("of the squared distance"))


def _heat_start(verdict: Verdict) -> Told:
    sentence = _(
        "The same two starts in heat as strong as SGD's noise in total (T = lr tr C / 2 B d = {T}), but alike in all "
        "directions, for half the time. Theory: at equilibrium nothing is left. Control: SGD. Where heat forgets and "
        "SGD does not, it is no ridge that holds the start. That SGD's dark directions are the cause is an inference "
        "from this and the next two cards, no proof.").format(T=_said(verdict.values.get("T"), 2))
    if verdict.values.get("short"):
        sentence += " " + _("This run was too short, or had too few copies, for the softest directions to settle.")
    return Told(_("Isotropic heat of the same temperature forgets it"), sentence, _("of the squared distance"))


def _ridge(verdict: Verdict) -> Told:
    told = verdict.values
    if told.get("solutions") == 1:
        sentence = _("Only one solution was found. So there is no pass to measure.")
    elif told.get("T") is None:
        sentence = _("Without a temperature there is no unit. So there is no pass to measure.")
    else:
        sentence = _(
            "Height of the best path found above its lower end; above the other end it is {other} T. The straight line "
            "climbs {line} T. Units are matched; both ends are at rest (gradients below {slope}). Control: the "
            "lowest pass on the slice, the ridge in the picture. A better path may lie lower, so the claim is "
            "never called false. Over a pass of {high} T heat needs about e⁵ = 150 tries.").format(
                other=_said(told["other"], 2), line=_said(told["line"], 2), slope=_rounded_up(told["slope"]),
                high=f"{told['high']:g}")
    return Told(_("No high ridge parts the two solutions"), sentence, _("T"))


def _rounded_up(value: float) -> str:
    """The next power of ten, as it is written by hand."""
    return f"10^{math.ceil(math.log10(max(value, 1e-12)))}".replace("-", "−")


def _unit_copies(verdict: Verdict) -> Told:
    told = verdict.values
    if told.get("units") == 0:
        sentence = _("There are no hidden units.")
    else:
        sentence = _(
            "How many more hidden units are no copies of one another at the end than at the start, cold and far "
            "starts; at the start {begun} of {units}. Control: isotropic heat. Every sample pulls "
            "copies alike, so SGD's noise cannot part them: it is dark there (collapse to invariant sets, Chen "
            "and others, 2023). Where the solutions have no copies nothing is tested.").format(
                begun=_said(told.get("begun"), 2), units=told.get("units"))
    return Told(_("SGD leaves copies of a hidden unit together"), sentence, _("units per network"))


# Do replicas agree?


def _outside_inside(verdict: Verdict) -> Told:
    return Told(_("Networks agree outside and differ inside"), _(
        "R-hat of the loss ({loss}) over R-hat of the parameters (median, hidden units "
        "matched: {parameters}): 1 where outside and inside tell the same. Starts and samples "
        "of the data differ. Control: linear regression, whose parameters agree as well. R-hat near 1 for a "
        "loss never shows that all states are visited.").format(
            loss=_said(verdict.values.get("loss")), parameters=_said(verdict.values.get("parameters"))), _("ratio"))


def _loss_averages(verdict: Verdict) -> Told:
    return Told(_("Ergodic: averages of the loss over time agree"), _averaged(verdict), _("of the scatter"))


def _parameter_averages(verdict: Verdict) -> Told:
    return Told(_("Ergodic: averages of the parameters over time agree"), _averaged(verdict), _("of the scatter"))


def _averaged(verdict: Verdict) -> str:
    return _(
        "How much of the scatter between {n} networks of one data set, from four kinds of starts, their own "
        "shaking explains (Thirumalai and Mountain; standard deviations of averages over the second half): 1 "
        "if every network visits all that there is, less if each keeps to itself. Linear regression: "
        "{linear}. What is not ergodic now may be in a longer run.").format(
            n=verdict.values.get("networks"), linear=_said(verdict.values.get("linear"), 2))


def _linear_parameters(verdict: Verdict) -> Told:
    return Told(_("Linear regression: the parameters agree"), _(
        "R-hat of its parameters (median), own starts and own data. Theory: √(1 + between/within), from the "
        "exact optimum of each resampled data set and the exact spread of SGD around it. Control: the "
        "networks. In a colder bath it breaks: there resampling moves the optimum farther than SGD wanders."),
        _("R-hat"))


# Does age matter?


def _ageing(verdict: Verdict) -> Told:
    return Told(_("Networks do not age"), _(
        "How far parameters move in {lag} steps at the end, over the same after a tenth of the run "
        "(geometric mean over networks): 1 where age is forgotten, below 1 where they still slow down, like "
        "a glass. Linear regression: {linear}. A run too short has no end to compare with.").format(
            lag=f"{verdict.values.get('lag', 0):,}", linear=_said(verdict.values.get("linear"))), _("ratio"))


def _linear_ageing(verdict: Verdict) -> Told:
    return Told(_("Linear regression does not age"), _(
        "The same ratio for linear regression. Theory: once at rest, the displacement depends on the lag t "
        "alone, 2 tr[(1 − (1 − lr H)^t) Σ]/d. Control: the networks."), _("ratio"))


# Is the heat's history forgotten?


def _heat_loop(verdict: Verdict) -> Told:
    return Told(_("Heated and cooled, the loss comes back"), _(
        "Loss on the way up minus loss on the way down of the learning rate, averaged over its logarithm, in "
        "units of what the loss of one network shakes by; slowest loop. Above 0 the heat has let the networks "
        "out of something worse. Linear regression: {linear}. It says nothing of the parameters.").format(
            linear=_said(verdict.values.get("linear"), 2)), _("of its own shaking"))


def _linear_loop(verdict: Verdict) -> Told:
    return Told(_("Heated in a hurry, linear regression lags behind"), _(
        "The gap between the way up and the way down in the quickest loop, as a share of the gap that theory "
        "predicts, stair by stair. Theory: the exact evolution of second moments. Control: no lag. Even one "
        "valley lags when hurried: a loop alone is no sign of many valleys."), _("of the lag in theory"))


VERDICTS: dict[str, Callable[[Verdict], Told]] = {
    "loss_start": _loss_start, "function_start": _function_start, "parameter_start": _parameter_start,
    "heat_start": _heat_start, "ridge": _ridge, "unit_copies": _unit_copies, "outside_inside": _outside_inside,
    "loss_averages": _loss_averages, "parameter_averages": _parameter_averages, "ageing": _ageing,
    "heat_loop": _heat_loop, "linear_parameters": _linear_parameters, "linear_ageing": _linear_ageing,
    "linear_loop": _linear_loop,
}
