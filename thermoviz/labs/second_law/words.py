"""What a visitor reads of this lab's verdicts, by their keys."""

from collections.abc import Callable

from ...presentation.words import _
from ...runs.verdict import Told, Verdict


def _no_heat(verdict: Verdict) -> Told:
    return Told(_("Without heat the energy never rises"), _(
        "The largest rise of the mean energy from one moment to the next. Without heat the free energy is the "
        "energy, and balls only roll downhill; entropy is not defined for balls that end in single points. "
        "Training is never this cold."), _("of the barrier"))


def _free_energy(verdict: Verdict) -> Told:
    return Told(_("The free energy never rises"), _(
        "The largest rise of F between any two moments. More than half a T would count; chance alone makes a few "
        "hundredths. Control: a well with unequal heat, where F must rise. The law holds in one bath of one "
        "temperature, and the noise of SGD is no such bath."), _("T"))


def _equilibrium(verdict: Verdict) -> Told:
    return Told(_("F falls to −T ln Z"), _(
        "How far F of the balls stands above its equilibrium value at the last moment. Theory: the same of the "
        "exact evolution. Control: a well with unequal heat, which never comes to rest there. A barrier of many T "
        "can hold balls back for longer than any training lasts."), _("T"))


def _exact(verdict: Verdict) -> Told:
    return Told(_("Balls and exact evolution agree"), _(
        "The distance between F of the balls and F of the exactly evolved density, at the moment at which it is "
        "largest in its errors. Control: a cloud that stood in equilibrium all along would be off by so much. So "
        "the balls show the physics of this surface; they say nothing of the network's other dimensions. Where the "
        "grid is too coarse for this cold, nothing is claimed."), _("T"))


def _entropy(verdict: Verdict) -> Told:
    return Told(_("The entropy never falls"), _(
        "The largest fall of the cloud's entropy between any two moments. Theory: the exact evolution between the "
        "same two. Control: a cloud in equilibrium, where only chance makes it fall. The entropy of cloud and bath "
        "together does rise: by the fall of F divided by T."), _("nats"))


def _unequal_heat(verdict: Verdict) -> Told:
    return Told(_("Unequal heat lifts F"), _(
        "A round well in equilibrium; then one direction is heated to 4 T, the other cooled to T/4. Control: both "
        "at T. The noise of minibatches is unequal like this, so in SGD no free energy with a single T need fall."),
        _("T"))


def _whirl(verdict: Verdict) -> Told:
    return Told(_("A whirl lifts F"), _(
        "A rotation added to the forces of a well with unequal curvatures; theory solves its Lyapunov equation "
        "for steps of this size. Control: no rotation, only what the steps themselves do. Gradients alone "
        "never whirl, but the noise of SGD makes its parameters do so."), _("T"))


def _large_steps(verdict: Verdict) -> Told:
    return Told(_("Large steps are too hot"), _(
        "Variance in a harmonic well over its right value, for steps of Euler as large as 1/k: theory says "
        "1/(1 − k dt/2). Control: the balls' own, more accurate steps of that size. A learning rate is such a "
        "step: part of what looks like heat in training is the step itself."), _("ratio"))


VERDICTS: dict[str, Callable[[Verdict], Told]] = {
    "no_heat": _no_heat, "free_energy": _free_energy, "equilibrium": _equilibrium, "exact": _exact,
    "entropy": _entropy, "unequal_heat": _unequal_heat, "whirl": _whirl, "large_steps": _large_steps,
}
