"""What a run of HeatBath decides: each claim with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Callable
from typing import Any

from ...core.statistics.estimators import Estimate, rare
from ...runs.verdict import Verdict, above, equals, judge, within
from .regression import MORE
from .results import EPOCHS, FRESH, ISOTROPIC, MOMENTUM, SGD, Courses, Dark, EqualRatio, Kicks, Linear, Noise, Outcome
from .specification import HeatBath
from .stationary import Stationary

# Temperatures, thermometers and losses no farther apart than these shares are alike for all practical purposes.
ALIKE, EQUAL_LOSS = 0.1, 0.25
# What `judge` is told of a number of the stationary state: whether it may decide, and else the reason.
Claimed = Callable[..., dict[str, Any]]


def verdicts(spec: HeatBath, noise: Noise, dark: Dark, kicks: Kicks, shaken: Any, stationary: Stationary,
             linear: Linear) -> list[Verdict]:
    """All of them. Where the copies had no time to settle, those of the stationary state cannot tell.

    Numbers agree within so many standard errors (`far`) as are as rare, for this many copies, as three of many.
    """
    courses, outcome, *_bodies = shaken.kept
    far, claimed = rare(spec.replicas), _claimed(courses, outcome)
    return [*_relations(stationary, far, claimed), *_temperatures(stationary, far, claimed), _dark(noise, dark),
            _kicks(spec, kicks), _equal_ratio(stationary.equal, far, claimed), *_currents(stationary, far, claimed),
            *_regression(spec, linear)]


def _claimed(courses: Courses, outcome: Outcome) -> Claimed:
    def claimed(found: Estimate, **values: Any) -> dict[str, Any]:
        why = "" if courses.settled else "unsettled"
        if not why and not (math.isfinite(found.value) and math.isfinite(found.stderr)):
            why = "diverged" if outcome.diverged else "few"
        return {"known": courses.settled, "values": {"why": why, **values}}

    return claimed


# Fluctuation-dissipation


def _relations(stationary: Stationary, far: float, claimed: Claimed) -> list[Verdict]:
    ratios, theory = stationary.relations.ratios, stationary.relations.epochs
    epochs = ratios[EPOCHS]
    rule = equals(1, _or_zero(epochs), far)

    def against_epochs(condition: str) -> dict[str, Any]:
        found = ratios[condition]
        return {"found": found, "rule": rule, "theory": 1.0, "control": epochs, **claimed(found)}

    return [
        judge("sgd_relation", **against_epochs(SGD)), judge("momentum_relation", **against_epochs(MOMENTUM)),
        judge("fresh_relation", **against_epochs(FRESH)),
        judge("epochs_relation", epochs, equals(1, 0, far), theory=theory, control=ratios[SGD], **claimed(epochs))]


def _or_zero(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0


# Temperatures


def _temperatures(stationary: Stationary, far: float, claimed: Claimed) -> list[Verdict]:
    modes, thermometers = stationary.modes, stationary.thermometers
    spread, uneven, step = modes.spread[SGD], thermometers.uneven[SGD], _or_zero(modes.spread_step)
    return [
        judge("one_temperature", spread, within(0, ALIKE + step, far), theory=modes.spread_theory,
              control=modes.spread[ISOTROPIC], **claimed(spread, directions=modes.directions, step=step)),
        judge("thermometers", uneven, within(1, ALIKE + step, far), theory=thermometers.uneven_theory,
              control=thermometers.uneven[ISOTROPIC], **claimed(uneven))]


# The noise itself


def _dark(noise: Noise, dark: Dark) -> Verdict:
    unlike = (("copied", dark.copied), ("begun", dark.begun))
    other, control = next((one for one in unlike if one[1] not in (None, dark.computed)), ("", None))
    return judge("every_direction", None if dark.counted is None else (dark.counted, 0.0), equals(0, 1),
                 theory=dark.computed, control=control,
                 values={"d": noise.d, "counted": dark.counted is not None, "control": other})


def _kicks(spec: HeatBath, kicks: Kicks) -> Verdict:
    return judge("gaussian_kicks", kicks.kicks, equals(0, kicks.kurtosis), theory=kicks.kurtosis / spec.batch_size,
                 control=kicks.kurtosis, values={"batch_size": spec.batch_size})


def _equal_ratio(equal: EqualRatio, far: float, claimed: Claimed) -> Verdict:
    return judge("equal_ratio", equal.measured, within(1, EQUAL_LOSS, far), theory=equal.theory,
                 control=equal.control, **claimed(equal.measured))


# Currents


def _currents(stationary: Stationary, far: float, claimed: Claimed) -> list[Verdict]:
    found = stationary.currents
    return [
        judge("detailed_balance", found.production, above(0, far), theory=found.production_theory,
              control=found.production_control, **claimed(found.production)),
        judge("turning", found.turning, above(0, far), theory=found.turning_theory, control=found.turning_control,
              **claimed(found.turning))]


# Where all is known


def _regression(spec: HeatBath, linear: Linear) -> list[Verdict]:
    far, whirl, control = rare(MORE * spec.replicas), linear.whirl, linear.fdr2[linear.names.index(EPOCHS)]
    return [
        judge("second_relation", linear.fdr2[linear.names.index(SGD)], equals(1, _or_zero(control), far), theory=1.0,
              control=control),
        judge("linear_excess", linear.excess, equals(1, linear.excess_additive, far), theory=1.0,
              control=linear.excess_additive),
        judge("linear_equal_ratio", linear.equal, within(1, EQUAL_LOSS, far), theory=linear.equal_theory,
              control=linear.equal_control),
        judge("whirl", whirl.production, equals(whirl.production_exact, 0.0, rare(spec.replicas)),
              theory=whirl.production_exact, control=whirl.control)]
