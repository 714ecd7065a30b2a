"""Verdicts of the lab "interactions", from the numbers of a whole run."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.errors import TooFewSamples
from ...core.statistics.estimators import independent_mean, rare
from ...runs.verdict import Verdict, above, equals, judge
from .baths import BATHS, draws_of
from .specification import Interactions
from .training import late

# What a slope between minima may be off by, as a share of it: minima are settled to about this.
SETTLED = 1e-6


def verdicts(
    spec: Interactions, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any],
) -> list[Verdict]:
    """The claims of the lab."""
    far = rare(draws_of(numbers["d"]))
    return [_paid(numbers), _envelope(numbers), _heats(
        spec.dropout, numbers, far, "dropout", "Dropout heats the bath",
        "Strength of the gradient noise, tr C, with dropout over without, from drawn masks. Theory goes through all "
        "masks (up to ten hidden units); the control is the plain bath, measured against itself. This heat has the "
        "shape of the network, so it is no temperature common to all directions.",
        "No unit was left out, so nothing was measured."),
        _heats(spec.label_noise, numbers, far, "labels", "Label noise heats the bath",
               "The same ratio where labels are drawn anew each time. Theory goes through all labels; the control is "
               "the plain bath. Unlike heat, label noise also pulls: on average it is another loss, one that punishes "
               "being sure.", "No label was changed, so nothing was measured."),
        _pulls(spec, numbers, far), _linear(numbers), _linear_back(numbers), _loop(numbers), _network(numbers),
        _gap(arrays)]


# Energies


def _slope(numbers: Mapping[str, Any], name: str) -> tuple[float, float]:
    """A derivative along the minima and its error, from halving the step and from how well minima are settled."""
    found = numbers["forces"]
    return found[name], max(found[f"{name}_error"], SETTLED * abs(found[f"{name}_theory"]))


def _paid(numbers: Mapping[str, Any]) -> Verdict:
    forces = numbers["forces"]
    return judge(
        "The data pay for an interaction", _slope(numbers, "data"), above(0.0), unit="loss per λ",
        theory=forces["data_theory"], control=forces["random"], sentence=(
            "How fast the data energy at the minimum rises with the strength λ, from neighbouring minima. Theory needs "
            "one minimum only, where the two forces balance. The control is a random force as long as the "
            "regulariser's. It breaks where the minimum vanishes and the network falls to another."))


def _envelope(numbers: Mapping[str, Any]) -> Verdict:
    forces = numbers["forces"]
    return judge(
        "The lowest total energy grows by the regulariser alone", _slope(numbers, "total"),
        equals(forces["total_theory"], unlike=forces["total_theory"] + forces["data"]), unit="loss per λ",
        theory=forces["total_theory"], control=forces["total_theory"] + forces["data"], sentence=(
            "How fast the lowest total energy rises with the strength λ. Theory is the regulariser's own energy there: "
            "to first order it costs nothing that the minimum moves. The control adds what the data pay, as if it "
            "did. It breaks where minima change places."))


# Baths


def _heats(p: float, numbers: Mapping[str, Any], far: float, name: str, title: str, sentence: str,
           off: str) -> Verdict:
    found, theory = numbers["baths"][name]["measured"], numbers["baths"][name]["theory"]
    measured = (found["ratio"], found["ratio_error"]) if p > 0 else None
    return judge(
        title, measured, above(1.0, far), unit="ratio", theory=None if theory is None or p == 0 else theory["ratio"],
        control=numbers["baths"]["none"]["measured"]["ratio"], sentence=sentence if p > 0 else f"{off} {sentence}")


def _pulls(spec: Interactions, numbers: Mapping[str, Any], far: float) -> Verdict:
    found, theory = numbers["baths"]["labels"]["measured"], numbers["baths"]["labels"]["theory"]
    on = spec.label_noise > 0
    return judge(
        "Label noise is an energy too", (found["loss_shift"], found["loss_shift_error"]) if on else None,
        above(0.0, far), unit="loss", theory=None if theory is None or not on else theory["loss_shift"],
        control=numbers["baths"]["none"]["measured"]["loss_shift"], sentence=(
            "Mean loss with labels drawn anew minus the loss itself: what all draws share acts as an energy. The "
            "control is the plain bath, whose mean is the loss. So noise and interaction are two parts of each "
            "regulariser. For regression the shift is the same everywhere, which pulls nowhere."))


# Work


def _work(found: Mapping[str, Any], T: float) -> tuple[float, float] | None:
    """Jarzynski's dF over T and its error; None where too few weights count."""
    return None if found["dF"] is None else (found["dF"] / T, found["dF_error"] / T)


def _linear(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    T, dF = found["T"], found["dF"]
    return judge(
        "Linear regression: the work of a ramp tells the free energy", _work(found["groups"][-1], T),
        equals(dF / T, unlike=found["sudden"] / T), unit="T", theory=dF / T,
        control=(found["sudden"] / T, found["sudden_error"] / T), sentence=(
            "Weight decay is turned up slowly; ΔF is Jarzynski's average of the work. Theory is exact. The control is "
            "the mean work of switching at once, most of which is lost as heat. Exact here: the walkers start in "
            "equilibrium and each step keeps Boltzmann's law. Refused where fewer than 50 weights count."))


def _linear_back(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    T, dF, back = found["T"], found["dF"], found["back"]
    control = None if back["work"] is None else (back["work"] / T, back["work_error"] / T)
    return judge(
        "Linear regression: the same on the way back", _work(back, T),
        equals(dF / T, unlike=control[0] if control else math.nan), unit="T", theory=dF / T, control=control,
        sentence=("The strength is turned down again, and the average gives the same ΔF. The control is the mean work "
                  "(its sign turned): less than ΔF, as on the way up it is more. Training never runs backwards: there "
                  "the analogy ends."))


def _loop(numbers: Mapping[str, Any]) -> Verdict:
    loop = numbers["linear"]["loop"]
    sgd, isotropic = loop["sgd"], loop["isotropic"]
    none = equals(0.0, unlike=sgd["exact"], far=rare(loop["walkers"]))
    return judge(
        "SGD has a free energy", (sgd["work"], sgd["error"]), none, unit="T",
        theory=sgd["exact"], control=(isotropic["work"], isotropic["error"]), sentence=(
            "Two groups of weights get weight decay of their own, and the two strengths go once around a rectangle. If "
            "there were a free energy, the way would not matter: the work of the loop would be 0. Half the difference "
            "of both directions is shown, so that what is lost to friction drops out. Theory: the exact moments of "
            "SGD on linear regression. The control is heat alike in all directions, in steps of the same size."))


def _network(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers.get("network")
    title = "Network: the work of a ramp tells the free energy"
    words = ("ΔF is Jarzynski's average for Langevin walkers around the network. Theory is the harmonic formula 1/2 Σ "
             "ln((h + λ₁)/(h + λ₀)) plus the rise of the lowest loss over T, plus what the valley lacks of a parabola "
             "at both ends (the error holds that of this part). The control is the mean work of switching at once. ")
    if found is None:
        return judge(title, None, equals(0.0, unlike=math.nan), unit="T", sentence=(
            "There was no ramp: the minimum vanishes, or grows too soft, right below the largest strength. " + words))
    T, known, measured = found["T"], found["anharmonic"] is not None, _work(found["slow"], found["T"])
    lack, its_error = (found["anharmonic"] / T, found["anharmonic_error"] / T) if known else (0.0, 0.0)
    end = "It breaks where the minimum jumps." if known else (
        "Here the valley is no parabola as far as heat reaches: the formula does not apply, and nothing is claimed.")
    theory, control = found["dF"] / T + lack, found["sudden"] / T
    return judge(
        title, None if measured is None else (measured[0], math.hypot(measured[1], its_error)),
        equals(theory, unlike=control), unit="T", theory=theory, control=control, known=known, sentence=words + end)


# Training


def _gap(arrays: Mapping[str, np.ndarray]) -> Verdict:
    gap = late(arrays, "gap")
    plain, decayed = gap[BATHS.index("none")], gap[BATHS.index("l2")]
    both = np.isfinite(plain) & np.isfinite(decayed)
    half = int(both.sum()) // 2
    words = ("Test minus train loss at the end of training: without any regulariser, minus with weight decay, over "
             "networks from equal starts. The control compares two halves of those without. A closed gap is not yet a "
             "better network: too strong an interaction fits nothing, as the minima's test loss shows.")
    try:
        found = independent_mean((plain - decayed)[both])
        halves = [independent_mean(plain[both][:half]), independent_mean(plain[both][half:])]
    except (TooFewSamples, ValueError):
        return judge("An interaction closes the gap", None, above(0.0), unit="loss",
                     sentence="Too few networks with a test part came through, so nothing was measured. " + words)
    control = (halves[0].value - halves[1].value, math.hypot(*(one.stderr for one in halves)))
    return judge("An interaction closes the gap", found, above(0.0, rare(int(both.sum()))), unit="loss",
                 control=control, sentence=words)
