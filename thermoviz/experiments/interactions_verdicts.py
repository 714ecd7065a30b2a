"""Verdicts of the lab "interactions", from the numbers of a whole run."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import TooFewSamples
from ..core.estimators import independent_mean
from .interactions_training import late
from .noisy_baths import BATHS
from .verdict import Verdict

if TYPE_CHECKING:
    from .interactions import Interactions

# Standard errors that agree; networks below which nothing is said; the largest error, as a share of the number.
AGREE, FEWEST, SURE = 3.0, 4, 0.2
# What sums in another order may differ by.
ROUNDING = 1e-9
NAN = math.nan


def verdicts(
    spec: "Interactions", arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any],
) -> list[Verdict]:
    """The claims of the lab."""
    return [_paid(numbers), _envelope(numbers), _decay_heats_nothing(numbers), _heats(
        spec.dropout, numbers, "dropout", "Dropout heats the bath",
        "Of tr C, the strength of the gradient noise, with dropout over without, from drawn masks; theory goes through "
        "all masks (up to ten hidden units). The control is weight decay, which adds no noise at all. The analogy "
        "breaks here: this heat has the shape of the network, so it is no temperature common to all directions."),
        _heats(spec.label_noise, numbers, "labels", "Label noise heats the bath",
               "The same ratio where labels are drawn anew each time; theory goes through all labels. Unlike heat, it "
               "also pulls: on average it is another loss, one that punishes being sure."),
        _pulls(spec, numbers), _linear(numbers), _linear_back(numbers), _sgd(numbers), _network(numbers),
        _gap(arrays)]


def agrees(found: float, error: float, theory: float) -> bool:
    """Within three standard errors."""
    return abs(found - theory) <= AGREE * error


# Energies


def _slope(numbers: Mapping[str, Any], name: str, title: str, control: float, sentence: str) -> Verdict:
    found = numbers["forces"]
    value, error, theory = found[name], found[f"{name}_error"], found[f"{name}_theory"]
    rounding = 1e-6 * abs(theory)
    known = math.isfinite(value) and error <= SURE * max(abs(value), abs(theory))
    return Verdict(title, value, max(error, rounding), theory, control,
                   agrees(value, error + rounding, theory) if known else None, sentence)


def _paid(numbers: Mapping[str, Any]) -> Verdict:
    return _slope(
        numbers, "data", "The data pay for an interaction", numbers["forces"]["random"],
        "How fast the data energy of the minimum rises with the strength, from neighbouring minima (error: by halving "
        "the step); theory needs one minimum only, where the two forces balance. The control is a random slope as long "
        "as the regulariser's force. It breaks where the minimum vanishes and the network falls to another.")


def _envelope(numbers: Mapping[str, Any]) -> Verdict:
    return _slope(
        numbers, "total", "The lowest total energy grows by the regulariser alone", numbers["forces"]["data"],
        "How fast the lowest total energy rises with the strength; theory is the regulariser's own energy there (the "
        "envelope theorem: to first order the motion of the minimum costs nothing). The control is the data's share, "
        "which is another number. It breaks where minima change places.")


# Baths


def _decay_heats_nothing(numbers: Mapping[str, Any]) -> Verdict:
    found, other = numbers["baths"]["l2"]["measured"], numbers["baths"]["labels"]["measured"]
    ratio = found["ratio"]
    off = abs(ratio - 1)
    return Verdict(
        "Weight decay heats nothing", ratio, off if off > ROUNDING else 0.0, 1.0, other["ratio"], off <= ROUNDING,
        "tr C with weight decay over without: every sample is pulled alike, so the noise is the same to the last "
        "digit. The control is label noise. Heat stays as it is only while the network does: after training under "
        "decay it stands elsewhere, and so does its noise.")


def _heats(p: float, numbers: Mapping[str, Any], name: str, title: str, sentence: str) -> Verdict:
    bath = numbers["baths"][name]
    found, theory = bath["measured"], bath["theory"]
    value, error = found["ratio"], found["ratio_error"]
    exact = None if theory is None else theory["ratio"]
    holds: bool | None = None
    if p > 0 and error > 0 and abs(value - 1) > 2 * error:
        holds = value > 1 and (exact is None or agrees(value, error, exact))
    return Verdict(title, value, error, exact, numbers["baths"]["l2"]["measured"]["ratio"], holds, sentence)


def _pulls(spec: "Interactions", numbers: Mapping[str, Any]) -> Verdict:
    bath = numbers["baths"]["labels"]
    found, theory = bath["measured"], bath["theory"]
    value, error = found["loss_shift"], found["loss_shift_error"]
    exact = None if theory is None else theory["loss_shift"]
    holds: bool | None = None
    if spec.label_noise > 0 and error > 0 and value > 2 * error:
        holds = exact is None or agrees(value, error, exact)
    return Verdict(
        "Label noise is an energy too", value, error, exact, numbers["baths"]["none"]["measured"]["loss_shift"], holds,
        "Mean loss with labels drawn anew minus the loss itself: what is the same in every draw acts as an energy. The "
        "control is the plain bath, whose mean is the loss. So noise and interaction are not two kinds of regulariser "
        "but two parts of each. For regression this shift is a constant, which pulls nowhere.")


# Work


def _work(found: Mapping[str, Any], T: float, exact: float, lack: float, control: float | None, title: str,
          sentence: str) -> Verdict:
    """Jarzynski's dF of a group of ramps, in units of T; `lack`: how far theory itself may be off."""
    dF, expected = found["dF"], exact / T
    control = None if control is None else control / T
    if dF is None:
        return Verdict(title, NAN, NAN, expected, control, None, sentence)
    error = math.hypot(found["dF_error"], lack) / T
    return Verdict(title, dF / T, error, expected, control, agrees(dF / T, error, expected), sentence)


def _linear(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    return _work(
        found["groups"][-1], found["T"], found["dF"], 0.0, found["sudden"],
        "Linear regression: free energy from ramping weight decay",
        "ΔF/T by Jarzynski's average over the slowest ramp, against the exact one; the control is the mean work of the "
        "sudden ramp, which dissipates. Exact, since the walkers start in equilibrium and each step keeps Boltzmann's "
        "law; refused where fewer than 50 weights count. For minibatches it breaks: see below.")


def _linear_back(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    return _work(
        found["back"], found["T"], found["dF"], 0.0, found["back"]["work"],
        "Linear regression: the same on the way back",
        "The interaction is turned down again: Jarzynski's average gives the same ΔF/T, while the mean work (control; "
        "its sign is turned) stays below it, as on the way up it stays above. Training never runs backwards: there the "
        "analogy ends.")


def _sgd(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    sgd, T, langevin = found["sgd"], found["T"], found["groups"][-1]["dF"]
    value, error = (sgd["dF"] / T, sgd["dF_error"] / T) if sgd["dF"] is not None else (NAN, NAN)
    far = sgd["dF"] is not None and abs(value - found["dF"] / T) > AGREE * error
    return Verdict(
        "SGD has no such free energy", value, error, found["dF"] / T, None if langevin is None else langevin / T,
        True if far else None,
        "The same ramp by SGD, its temperature taken from lr tr C/(2 B d): the average must miss the free energy "
        "(theory), which Langevin steps find (control). Holds means that it misses. The analogy breaks here: SGD's "
        "noise follows the data, so no single temperature describes it.")


def _network(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers.get("network")
    title = "Network: free energy from ramping weight decay"
    words = ("ΔF/T by Jarzynski's average for Langevin walkers around the network, against the harmonic formula "
             "1/2 Σ ln((h + λ₁)/(h + λ₀)) plus the rise of the lowest loss over T; the error holds what the valley "
             "lacks of a parabola. The control is the mean work of switching at once. ")
    if found is None:
        return Verdict(title, NAN, NAN, None, None, None, words +
                       "Here the minimum vanishes, or grows too soft, right below the largest strength: no ramp.")
    known = found["anharmonic"] is not None
    lack = math.hypot(found["anharmonic"], found["anharmonic_error"]) if known else 0.0
    end = ("It breaks where the minimum jumps, and for SGD." if known else
           "Here the valley is no parabola as far as heat reaches: the formula does not apply.")
    verdict = _work(found["slow"], found["T"], found["dF"], lack, found["sudden"], title, words + end)
    return verdict if known else dataclasses.replace(verdict, holds=None)


# Training


def _gap(arrays: Mapping[str, np.ndarray]) -> Verdict:
    gap = late(arrays, "gap")
    plain, decayed = gap[BATHS.index("none")], gap[BATHS.index("l2")]
    both = np.isfinite(plain) & np.isfinite(decayed)
    title = "An interaction closes the gap"
    sentence = ("Test minus train loss at the end of training, without any regulariser minus with weight decay, over "
                "networks from equal starts. The control compares two halves of those without. A closed gap is not yet "
                "a better network: too strong an interaction fits nothing, as the minima's test loss shows.")
    try:
        found = independent_mean((plain - decayed)[both])
    except (TooFewSamples, ValueError):
        return Verdict(title, NAN, NAN, None, None, None, sentence)
    half = int(both.sum()) // 2
    control = float(plain[both][:half].mean() - plain[both][half:].mean()) if half else NAN
    sure = both.sum() >= FEWEST and abs(found.value) > 2 * found.stderr
    return Verdict(title, found.value, found.stderr, None, control, found.value > 0 if sure else None, sentence)
