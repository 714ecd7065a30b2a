"""What a run of HeatBath decides: each claim with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.statistics.estimators import rare
from ...runs.verdict import Verdict, above, equals, judge, within
from .regression import MORE
from .specification import HeatBath

# Temperatures, thermometers and losses no farther apart than these shares are alike for all practical purposes.
ALIKE, EQUAL_LOSS = 0.1, 0.25


def verdicts(spec: HeatBath, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[Verdict]:
    """All of them. Where the copies had no time to settle, those of the stationary state cannot tell.

    Numbers agree within so many standard errors (`far`) as are as rare, for this many copies, as three of many.
    """
    return [*_relations(spec, numbers), *_temperatures(spec, numbers), *_bath(spec, numbers), _rate_law(spec, numbers),
            *_currents(spec, numbers), *_regression(spec, numbers)]


def _claimed(numbers: Mapping[str, Any], found: Any, **values: Any) -> dict[str, Any]:
    """What `judge` is told of a number of the stationary state: whether it may decide, and else the reason."""
    why = "" if numbers["settled"] else "unsettled"
    if not why and not all(map(math.isfinite, found)):
        why = "diverged" if numbers["diverged"] else "few"
    return {"known": numbers["settled"], "values": {"why": why, **values}}


# Fluctuation-dissipation


def _relations(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    ratios, far = numbers["stationary"]["ratios"], rare(spec.replicas)
    epochs = ratios["shuffled epochs"]
    rule = equals(1, epochs[0] if math.isfinite(epochs[0]) else 0.0, far)

    def against_epochs(condition: str) -> dict[str, Any]:
        found = ratios[condition]
        return {"found": found, "rule": rule, "theory": 1.0, "control": epochs, **_claimed(numbers, found)}

    return [
        judge("sgd_relation", **against_epochs("SGD")), judge("momentum_relation", **against_epochs("momentum")),
        judge("fresh_relation", **against_epochs("fresh draws")),
        judge("epochs_relation", epochs, equals(1, 0, far), theory=numbers["stationary"]["epochs"],
              control=ratios["SGD"], **_claimed(numbers, epochs))]


# Temperatures


def _temperatures(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    state, far = numbers["stationary"], rare(spec.replicas)
    found, even = (state["spread"][name] for name in ("SGD", "isotropic heat"))
    uneven = state["uneven"]["SGD"]
    step = state["spread_step"] if math.isfinite(state["spread_step"]) else 0.0
    return [
        judge("one_temperature", found, within(0, ALIKE + step, far), theory=state["spread_theory"], control=even,
              **_claimed(numbers, found, directions=state["kept"], step=step)),
        judge("thermometers", uneven, within(1, ALIKE + step, far), theory=state["uneven_theory"],
              control=state["uneven"]["isotropic heat"], **_claimed(numbers, uneven))]


# The noise itself


def _bath(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    dark, expected = numbers["dark"]
    unlike = (("copied", numbers["dark_copied"]), ("begun", numbers["dark_begun"]))
    other, control = next((one for one in unlike if one[1] not in (None, expected)), ("", None))
    kurtosis, B = numbers["kurtosis"], spec.batch_size
    return [
        judge("every_direction", None if dark is None else (dark, 0.0), equals(0, 1), theory=expected, control=control,
              values={"d": numbers["d"], "counted": dark is not None, "control": other}),
        judge("gaussian_kicks", numbers["kicks"], equals(0, kurtosis), theory=kurtosis / B, control=kurtosis,
              values={"batch_size": B})]


def _rate_law(spec: HeatBath, numbers: Mapping[str, Any]) -> Verdict:
    state = numbers["stationary"]
    return judge("equal_ratio", state["equal"], within(1, EQUAL_LOSS, rare(spec.replicas)),
                 theory=state["equal_theory"], control=state["equal_control"], **_claimed(numbers, state["equal"]))


# Currents


def _currents(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    state, far = numbers["stationary"], rare(spec.replicas)
    production, turning = state["production_0"], state["turning_0"]
    return [
        judge("detailed_balance", production, above(0, far), theory=state["production_theory"],
              control=state["production_1"], **_claimed(numbers, production)),
        judge("turning", turning, above(0, far), theory=state["turning_theory"], control=state["turning_1"],
              **_claimed(numbers, turning))]


# Where all is known


def _regression(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    linear, far = numbers["linear"], rare(MORE * spec.replicas)
    whirl, control = linear["whirl"], linear["fdr2"][3]
    return [
        judge("second_relation", linear["fdr2"][0], equals(1, control[0] if math.isfinite(control[0]) else 0.0, far),
              theory=1.0, control=control),
        judge("linear_excess", linear["heat"], equals(1, linear["heat_additive"], far), theory=1.0,
              control=linear["heat_additive"]),
        judge("linear_equal_ratio", linear["law"], within(1, EQUAL_LOSS, far), theory=linear["law_theory"],
              control=linear["law_control"]),
        judge("whirl", whirl["production"], equals(whirl["production_exact"], 0.0, rare(spec.replicas)),
              theory=whirl["production_exact"], control=whirl["control"])]
