"""What a visitor reads of this lab's verdicts, by their keys."""

import math
from collections.abc import Callable

from ...presentation.words import _
from ...runs.verdict import Told, Verdict


def _equal_widths(verdict: Verdict) -> Told:
    return Told(_("Equally wide, the deep basin always holds more"), _joined(
        _("The deep basin's smallest share at any temperature. Nothing pays for the missing depth of the other."),
        _("Too few walkers to tell.") if math.isnan(verdict.measured) else "", _breaks()), _("of the walkers"))


def _crossing(verdict: Verdict) -> Told:
    return Told(_("The wide basin overtakes where harmonic theory says"), _joined(
        _("What the wide basin gains in entropy, depth over the measured T*, as a share of the predicted gain "
          "(1/2 ln of the ratio of determinants). Theory: T* from the exact integral. Control: with equal widths it "
          "gains nothing, and nothing crosses."),
        _("With so few walkers no crossing can be told from none.") if math.isnan(verdict.measured) else "",
        _breaks()), _("of the predicted gain"))


def _breaks() -> str:
    return _("The analogy breaks where basins are not harmonic: flat directions, low barriers, walls.")


def _free_energies(verdict: Verdict) -> Told:
    told = verdict.values
    return Told(_("Measured free energies agree with the exact integral"), _joined(
        _("F of the deep basin minus F of the wide one, measured minus exact, where they are farthest apart of {n} "
          "temperatures; d = {d}. Control: a theory that knows only depth, not volume, would be off by so "
          "much.").format(n=told.get("temperatures"), d=told.get("d")),
        _("Too few walkers to state errors.") if told.get("few") else "",
        _("The analogy breaks where a basin has no clear edge: at T near the barrier that edge decides.")), _("T"))


def _hops(verdict: Verdict) -> Told:
    return Told(_("Walkers that hop end up where theory says"),
                _no_hops(verdict) if math.isnan(verdict.measured) else _seen_hops(verdict), _("of the walkers"))


def _no_hops(verdict: Verdict) -> str:
    reason = (_("there are too few walkers") if verdict.values.get("few") else
              _("walkers from both basins do not yet agree"))
    return _("Nothing is claimed: {reason}. Where barriers are higher than 5 T hardly anything hops, and only "
             "free-energy differences can tell.").format(reason=reason)


def _seen_hops(verdict: Verdict) -> str:
    told = verdict.values
    return _joined(
        _("Share of the deep basin at T = {T}, the coldest at which walkers from both basins agree.").format(
            T=f"{told['T']:.3g}"),
        _("Control: what depth alone would say.") if told["narrower"] else
        _("Control: walkers that stay where they began."),
        _("At barrier / T = {height} the two starts still differ by {share}, though each alone looks settled. The "
          "analogy breaks where training is too short to hop.").format(
            height=f"{told['highest']:.2g}", share=f"{told['apart']:.0%}"))


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


VERDICTS: dict[str, Callable[[Verdict], Told]] = {
    "equal_widths": _equal_widths, "crossing": _crossing, "free_energies": _free_energies, "hops": _hops,
}
