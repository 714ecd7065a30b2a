"""What a visitor reads of this lab's verdicts, by their keys."""

from collections.abc import Callable

from ...presentation.words import _
from ...runs.verdict import Told, Verdict


def _slow_cooling(verdict: Verdict) -> Told:
    return Told(_("Slow cooling brings more into the deepest valley"), _(
        "Share of the balls in the deepest valley, slowest minus quickest cooling; theory is the exact evolution. "
        "Control: what a quench gains that then waits in the cold for as long as the slowest cooling takes. So it "
        "is the warmth on the way that counts, not the time. In training both go together: a network trained "
        "longer at one learning rate may gain as much."), _("of the balls"))


def _exchange(verdict: Verdict) -> Told:
    return Told(_("Replica exchange finds more than slow cooling, in a tenth of the steps"), _(
        "Share in the deepest valley at the cold end, where balls at eight temperatures trade places, minus that "
        "after the slowest cooling. Theory: Boltzmann's share, minus the exact evolution's. Control: the quickest "
        "cooling instead. It is a way to sample, not something that training does."), _("of the balls"))


def _work(verdict: Verdict) -> Told:
    return Told(_("Work gives back the free energy (Jarzynski)"), _(
        "From the work of the slowest pull. Control: the mean work of the quickest, which dissipates and is no "
        "free energy. Where fewer than 50 weights count, nothing is stated. Exact for steps that keep Boltzmann's "
        "law; SGD does not."), _("T"))


def _convex_gain(verdict: Verdict) -> Told:
    return Told(_("Convex well: slow cooling gains nothing"), _(
        "Energy after a quench minus that after slow cooling, both held for five relaxation times: with one valley "
        "there is no glass. Theory: exactly what has not relaxed by then. Control: the same without the hold."),
        _("of the barrier"))


def _convex_loop(verdict: Verdict) -> Told:
    return Told(_("A convex well has a heat-cool loop as well"), _(
        "Even one valley lags behind its bath, by a known area. So a loop alone is no sign of a glass: what counts "
        "is whether it outlasts the slowest relaxation of a valley. Control: cycles a hundred times slower than "
        "that, whose loop has all but closed."), _("energy²"))


def _dragged_trap(verdict: Verdict) -> Told:
    return Told(_("Dragging a trap takes work, but no free energy"), _(
        "Mean work of dragging a trap, whose closed form is theory. Control: Jarzynski's free energy of the "
        "same pulls, 0 but for its error: moving a trap changes nothing but the place."), _("T"))


def _stiffening_trap(verdict: Verdict) -> Told:
    return Told(_("Stiffening a trap takes more work than free energy"), _(
        "Mean work of stiffening a trap fourfold, whose closed form is theory. Control: Jarzynski's free "
        "energy of the same pulls, which should be 1/2 ln 4 = 0.693."), _("T"))


def _networks_lower(verdict: Verdict) -> Told:
    return Told(_("Networks: slow cooling ends lower"), _(
        "Mean loss after a quench minus that after the slowest cooling, with equally many steps; the error is "
        "between problems, each a new draw of the data. Control: a linear network, whose loss has one valley. It "
        "holds for heat that is the same in all directions; the heat of minibatches is not.") + _too_few(verdict),
        _("nats of loss"))


def _networks_best(verdict: Verdict) -> Told:
    return Told(_("Networks: slow cooling finds more of the best"), _(
        "Share of networks within 2 % of the lowest loss of their problem, slowest minus quenched: the crystals "
        "among them.") + _too_few(verdict), _("of the networks"))


def _linear_network(verdict: Verdict) -> Told:
    return Told(_("Linear network: slow cooling gains nothing"), _(
        "The same where the loss is convex. It even loses a little: the last descent has not ended in the "
        "directions that the data do not see. Theory: exactly what is left over in these. Control: the gain "
        "of the networks above.") + _too_few(verdict), _("nats of loss"))


def _too_few(verdict: Verdict) -> str:
    if not verdict.values.get("too_few"):
        return ""
    return " " + _("Too few networks came through here: they diverge at this temperature.")


VERDICTS: dict[str, Callable[[Verdict], Told]] = {
    "slow_cooling": _slow_cooling, "exchange": _exchange, "work": _work, "convex_gain": _convex_gain,
    "convex_loop": _convex_loop, "dragged_trap": _dragged_trap, "stiffening_trap": _stiffening_trap,
    "networks_lower": _networks_lower, "networks_best": _networks_best, "linear_network": _linear_network,
}
