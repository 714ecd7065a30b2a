"""What a run of HeatBath decides: each claim with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.statistics.estimators import rare
from ...runs.verdict import Rule, Verdict, above, equals, judge, within
from .regression import MORE
from .specification import HeatBath

# Temperatures, thermometers and losses no farther apart than these shares are alike for all practical purposes.
ALIKE, EQUAL_LOSS = 0.1, 0.25
# How theory is said where it can be followed to the first order in lr/B.
BENT = ("Theory: the exact law at this learning rate, every sample's loss a parabola, and twice what it misses at half "
        "the rate: the bend of the valley. ")


def verdicts(spec: HeatBath, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[Verdict]:
    """All of them. Where the copies had no time to settle, those of the stationary state cannot tell.

    Numbers agree within so many standard errors (`far`) as are as rare, for this many copies, as three of many.
    """
    return [*_relations(spec, numbers), *_temperatures(spec, numbers), *_bath(spec, numbers), _rate_law(spec, numbers),
            *_currents(spec, numbers), *_regression(spec, numbers)]


def _stationary(spec: HeatBath, numbers: Mapping[str, Any], name: str, found: Any, rule: Rule, sentence: str,
                **more: Any) -> Verdict:
    """A verdict on the stationary state: open, and says why, where copies did not settle or are too few."""
    why = "" if numbers["settled"] else "The copies had too few steps to settle, so nothing is claimed. "
    if not why and not all(map(math.isfinite, found)):
        why = ("Copies diverged, so nothing is claimed. " if numbers["diverged"] else
               "Too few copies, or nothing to measure, so nothing is claimed. ")
    return judge(name, found, rule, sentence=why + sentence, known=numbers["settled"], **more)


# Fluctuation-dissipation


def _relations(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    ratios, far = numbers["stationary"]["ratios"], rare(spec.replicas)
    epochs = ratios["shuffled epochs"]
    unlike = epochs[0] if math.isfinite(epochs[0]) else 0.0

    def relation(condition: str, name: str, sentence: str) -> Verdict:
        return _stationary(spec, numbers, name, ratios[condition], equals(1, unlike, far), sentence, unit="ratio",
                           theory=1.0, control=epochs)

    return [
        relation("SGD", "SGD obeys fluctuation-dissipation",
                 "What the noise adds to the distance from the minimum, descent takes away: both sides of FDR1, with "
                 "the gradient of all samples. Control: shuffled epochs, whose batches know of each other. It says "
                 "that the state stands still, not that it is an equilibrium."),
        relation("momentum", "Momentum obeys fluctuation-dissipation in its own form",
                 "The same relation with (1 + μ)/(2 lr) times the squared step on its right side. Control: shuffled "
                 "epochs. It breaks while velocities or soft directions still remember the start."),
        relation("fresh draws", "Batches without repetition obey fluctuation-dissipation",
                 "Every batch is drawn afresh, no sample twice in it: batches stay independent, the relation holds "
                 "with less noise. Control: shuffled epochs. It breaks once a batch depends on the one before."),
        _stationary(
            spec, numbers, "Shuffled epochs obey fluctuation-dissipation", epochs, equals(1, 0, far),
            "Within an epoch every sample comes once, so the noise of one batch is paid back by the others, and the "
            "ratio falls short of 1. Theory: the closed form for noise that does not depend on the place. Control: "
            "independent batches. It fades as an epoch gets longer than the memory of the soft directions.",
            unit="ratio", theory=numbers["stationary"]["epochs"], control=ratios["SGD"])]


# Temperatures


def _temperatures(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    state, far = numbers["stationary"], rare(spec.replicas)
    found, even = (state["spread"][name] for name in ("SGD", "isotropic heat"))
    step = state["spread_step"] if math.isfinite(state["spread_step"]) else 0.0
    return [
        _stationary(
            spec, numbers, "The bath has one temperature", found, within(0, ALIKE + step, far),
            f"How much ⟨y ∂E/∂y⟩ differs between the {state['kept']} directions that samples push in: standard "
            f"deviation over mean, 0 in equilibrium, whatever the shape of the valley. {BENT}Control: isotropic heat, "
            f"of which the finite step alone makes {step:.2g}.",
            unit="of the mean", theory=state["spread_theory"], control=even),
        _stationary(
            spec, numbers, "Different thermometers agree", state["uneven"]["SGD"], within(1, ALIKE + step, far),
            "Squared slope over curvature reads stiff directions, the mean over directions reads all alike: one over "
            f"the other, 1 in equilibrium. {BENT}Control: isotropic heat. Both are averages of the same directions: "
            "this is the verdict above as two instruments see it, not a second proof.",
            unit="ratio", theory=state["uneven_theory"], control=state["uneven"]["isotropic heat"])]


# The noise itself


def _bath(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    dark, expected = numbers["dark"]
    unlike = [("with half of its units made copies", numbers["dark_copied"]), ("as it began", numbers["dark_begun"])]
    other, control = next((one for one in unlike if one[1] not in (None, expected)), ("", None))
    against = f"Control: the same network {other}. " if other else ""
    d, kurtosis = numbers["d"], numbers["kurtosis"]
    unseen = "" if dark is not None else "There is too much to count here, so temperatures divide by all. "
    return [
        judge("The noise reaches every direction", None if dark is None else (dark, 0.0), equals(0, 1),
              unit=f"of {d} directions",
              sentence=unseen + "Directions in which no sample pushes at all, so that no batch is noisy there. Theory "
              "counts them: softmax does not feel an equal shift of all outputs, and hidden units that are copies of "
              f"each other are never pulled apart. {against}Temperatures are means over the other directions.",
              theory=expected, control=control),
        judge("Kicks of a batch are Gaussian", numbers["kicks"], equals(0, kurtosis), unit="excess kurtosis",
              sentence="Along the noisiest direction, of batches drawn at random: 0 for Gaussian kicks, above it where "
              f"few samples push hard. Theory: that of one sample over the batch size {spec.batch_size}. Control: one "
              "sample. With small batches the bath is not one of many small kicks.",
              theory=kurtosis / spec.batch_size, control=kurtosis)]


def _rate_law(spec: HeatBath, numbers: Mapping[str, Any]) -> Verdict:
    state = numbers["stationary"]
    return _stationary(
        spec, numbers, "Equal lr/B, equal loss", state["equal"], within(1, EQUAL_LOSS, rare(spec.replicas)),
        "Excess loss over the minimum, over that at half the learning rate and half the batch. Theory: the exact law "
        "of both, every sample's loss a parabola: a finite step makes a difference of about lr × curvature. Control: "
        "half the rate at the same batch.",
        unit="ratio", theory=state["equal_theory"], control=state["equal_control"])


# Currents


def _currents(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    state, far = numbers["stationary"], rare(spec.replicas)
    return [
        _stationary(
            spec, numbers, "SGD breaks detailed balance", state["production_0"], above(0, far),
            "Entropy produced in the plane of the slice: how far two places in a row differ from the same two in "
            "reverse, its bias taken off. 0 in equilibrium. Theory: the exact law at this learning rate, every "
            "sample's loss a parabola; the bend of the valley changes it by a share of lr/B. Control: isotropic heat. "
            "What looks still turns without end. For SGD without momentum only: velocities turn in equilibrium too.",
            unit="nats per lr × steps", theory=state["production_theory"], control=state["production_1"]),
        _stationary(
            spec, numbers, "The cloud turns", state["turning_0"], above(0, far),
            "Areas that a copy sweeps per unit of time in all planes of the stiffest directions, over those of the "
            "exact law of parabolas at this learning rate: 0 if they do not turn. Theory: 1, and twice what is missing "
            "to 1 at half the rate: the bend of the valley. Control: isotropic heat. It needs noise that is not "
            "aligned with the curvature.",
            unit="of the exact law", theory=state["turning_theory"], control=state["turning_1"])]


# Where all is known


def _regression(spec: HeatBath, numbers: Mapping[str, Any]) -> list[Verdict]:
    linear, far = numbers["linear"], rare(MORE * spec.replicas)
    whirl, control = linear["whirl"], linear["fdr2"][3]
    return [
        judge("Linear regression obeys the second relation", linear["fdr2"][0],
              equals(1, control[0] if math.isfinite(control[0]) else 0.0, far), unit="ratio", theory=1.0,
              control=control,
              sentence="⟨|∇f|²⟩ against the curvature felt by the steps, exact where the loss is quadratic: 48 "
              "samples, 3 inputs, large steps. Control: shuffled epochs. In networks the curvature changes from place "
              "to place, and it is only near."),
        judge("Linear regression is as hot as computed", linear["heat"], equals(1, linear["heat_additive"], far),
              unit="of the exact law", theory=1.0, control=linear["heat_additive"],
              sentence="Excess loss in the stationary state over that of the exact law, in which noise depends on the "
              "place. Control: the usual theory, in which it does not, and which breaks at steps as large as these."),
        judge("Linear regression: equal lr/B, equal loss", linear["law"], within(1, EQUAL_LOSS, far), unit="ratio",
              theory=linear["law_theory"], control=linear["law_control"],
              sentence="Excess loss over that at a quarter of learning rate and batch. Theory: the exact law of both. "
              "Control: a quarter of the rate alone. Steps are large here, lr × curvature about a half, and the law "
              "is one for small steps."),
        judge("The instrument sees a known whirl", whirl["production"],
              equals(whirl["production_exact"], 0.0, rare(spec.replicas)), unit="nats per unit of time",
              theory=whirl["production_exact"], control=whirl["control"],
              sentence="Entropy production of balls in a well with a rotation added to its force, against its closed "
              "form for these steps. Control: no rotation. Gradients alone never whirl: in SGD it is the unequal "
              "noise that does.")]
