"""What a visitor reads of this lab's verdicts, by their keys."""

from collections.abc import Callable

from ...presentation.words import _
from ...runs.verdict import Told, Verdict


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


# Energies


def _data_pay(verdict: Verdict) -> Told:
    return Told(_("The data pay for an interaction"), _(
        "How fast the data energy at the minimum rises with the strength λ, from neighbouring minima. Theory needs one "
        "minimum only, where the two forces balance. The control is a random force as long as the regulariser's. It "
        "breaks where the minimum vanishes and the network falls to another."), _("loss per λ"))


def _total_energy(verdict: Verdict) -> Told:
    return Told(_("The lowest total energy grows by the regulariser alone"), _(
        "How fast the lowest total energy rises with the strength λ. Theory is the regulariser's own energy there: to "
        "first order it costs nothing that the minimum moves. The control adds what the data pay, as if it did. It "
        "breaks where minima change places."), _("loss per λ"))


# Baths


def _dropout_heats(verdict: Verdict) -> Told:
    off = "" if verdict.values["on"] else _("No unit was left out, so nothing was measured.")
    return Told(_("Dropout heats the bath"), _joined(off, _(
        "Strength of the gradient noise, tr C, with dropout over without, from drawn masks. Theory goes through all "
        "masks (up to ten hidden units); the control is the plain bath, measured against itself. This heat has the "
        "shape of the network, so it is no temperature common to all directions.")), _("ratio"))


def _labels_heat(verdict: Verdict) -> Told:
    off = "" if verdict.values["on"] else _("No label was changed, so nothing was measured.")
    return Told(_("Label noise heats the bath"), _joined(off, _(
        "The same ratio where labels are drawn anew each time. Theory goes through all labels; the control is the "
        "plain bath. Unlike heat, label noise also pulls: on average it is another loss, one that punishes being "
        "sure.")), _("ratio"))


def _labels_pull(verdict: Verdict) -> Told:
    return Told(_("Label noise is an energy too"), _(
        "Mean loss with labels drawn anew minus the loss itself: what all draws share acts as an energy. The control "
        "is the plain bath, whose mean is the loss. So noise and interaction are two parts of each regulariser. For "
        "regression the shift is the same everywhere, which pulls nowhere."), _("loss"))


# Work


def _linear_forth(verdict: Verdict) -> Told:
    return Told(_("Linear regression: the work of a ramp tells the free energy"), _(
        "Weight decay is turned up slowly; ΔF is Jarzynski's average of the work. Theory is exact. The control is the "
        "mean work of switching at once, most of which is lost as heat. Exact here: the walkers start in equilibrium "
        "and each step keeps Boltzmann's law. Refused where fewer than 50 weights count."), _("T"))


def _linear_back(verdict: Verdict) -> Told:
    return Told(_("Linear regression: the same on the way back"), _(
        "The strength is turned down again, and the average gives the same ΔF. The control is the mean work (its sign "
        "turned): less than ΔF, as on the way up it is more. Training never runs backwards: there the analogy ends."),
        _("T"))


def _loop(verdict: Verdict) -> Told:
    return Told(_("SGD has a free energy"), _(
        "Two groups of weights get weight decay of their own, and the two strengths go once around a rectangle. If "
        "there were a free energy, the way would not matter: the work of the loop would be 0. Half the difference of "
        "both directions is shown, so that what is lost to friction drops out. Theory: the exact moments of SGD on "
        "linear regression. The control is heat alike in all directions, in steps of the same size."), _("T"))


def _network(verdict: Verdict) -> Told:
    valley = verdict.values["valley"]
    before = "" if valley != "none" else _(
        "There was no ramp: the minimum vanishes, or grows too soft, right below the largest strength.")
    measured = _(
        "ΔF is Jarzynski's average for Langevin walkers around the network. Theory is the harmonic formula 1/2 Σ "
        "ln((h + λ₁)/(h + λ₀)) plus the rise of the lowest loss over T, plus what the valley lacks of a parabola at "
        "both ends (the error holds that of this part). The control is the mean work of switching at once.")
    after = {"parabolic": _("It breaks where the minimum jumps."), "bent": _(
        "Here the valley is no parabola as far as heat reaches: the formula does not apply, and nothing is claimed.")}
    return Told(_("Network: the work of a ramp tells the free energy"),
                _joined(before, measured, after.get(valley, "")), _("T"))


# Training


def _gap(verdict: Verdict) -> Told:
    few = "" if verdict.values["measured"] else _(
        "Too few networks with a test part came through, so nothing was measured.")
    return Told(_("An interaction closes the gap"), _joined(few, _(
        "Test minus train loss at the end of training: without any regulariser, minus with weight decay, over networks "
        "from equal starts. The control compares two halves of those without. A closed gap is not yet a better "
        "network: too strong an interaction fits nothing, as the minima's test loss shows.")), _("loss"))


VERDICTS: dict[str, Callable[[Verdict], Told]] = {
    "data_pay": _data_pay, "total_energy": _total_energy, "dropout_heats": _dropout_heats,
    "labels_heat": _labels_heat, "labels_pull": _labels_pull, "linear_forth": _linear_forth,
    "linear_back": _linear_back, "loop": _loop, "network": _network, "gap": _gap,
}
