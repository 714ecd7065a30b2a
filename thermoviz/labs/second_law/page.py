"""The lab "Second law": does entropy always rise?"""

from typing import Any

from ...core.errors import BadInput
from ...presentation.page import Chart, Page
from ...presentation.words import _
from . import figures
from .results import Balls, Cloud


def page() -> Page:
    """The page as the dashboard draws it."""
    return Page(
        menu=_("Second law"),
        title=_("Does entropy always rise?"),
        sentence=_(
            "A cloud of balls spreads in a heat bath. What falls, always, is its free energy; its entropy may rise or "
            "fall."),
        answer=figures.answer,
        try_this=figures.try_this,
        charts=charts(),
        explain=explanation(),
        stage=stage_settings,
    )


def charts() -> tuple[Chart, ...]:
    """In the order of the page."""
    return (
        Chart("falling_free_energy", figures.falling_free_energy, fall, needs=Cloud.needs()),
        Chart("energy_and_entropy", figures.energy_and_entropy,
              _("Energy and entropy may each rise or fall; their difference ⟨E⟩ − TS may only fall. Time t is that of "
                "the stage's clock."), needs=Cloud.needs()),
        Chart("snapshots", figures.snapshots,
              _("Orange: some of the balls. Green: the density that the exact evolution gives at that moment."),
              needs=Balls.needs()),
        Chart("known_rises", figures.known_rises,
              _("The controls: three wells that are driven, so that F must rise by a known amount. An instrument that "
                "missed these would prove nothing above."), needs=Cloud.needs()),
    )


def stage_settings(run: Any) -> dict[str, Any]:
    """The live stage waits at the experiment's start, with as many balls, at most what runs smoothly anywhere."""
    return {"temperature": run.spec.heat * run.surface.scale, "n_balls": min(run.spec.balls, 3000),
            "seed": run.spec.seed, "title": _("The cloud"), "paused": True, **begins(run)}


def begins(run: Any) -> dict[str, Any]:
    """Where the balls of the stage begin."""
    if run.spec.start in ("uniform", "basin"):
        return {"start": run.spec.start}
    try:
        at = run.spec.centre(run.surface)
    except BadInput:  # one valley has no saddle
        return {}
    return {} if run.surface.masked(at) else {"start": "point", "at": at.tolist(), "width": run.spec.width(run.surface)}


def fall(run: Any) -> str:
    """What became of F, in one sentence."""
    if run.numbers.get("T") == 0:
        return _("Without heat F is the energy: balls only roll downhill.")
    if run.numbers.get("arrived"):
        return _("F only falls, until it is −T ln Z: then the cloud is in equilibrium.")
    return _("F only falls, but a barrier holds the balls back: equilibrium lies beyond the last moment shown.")


def explanation() -> str:
    """Every symbol of the page, in plain words."""
    return _(
        "**The balls** roll on an energy surface and are kicked at random by a bath of temperature **T**, as data kick "
        "a network in training. Where each ball goes is chance; what the cloud does as a whole is law.\n\n"
        "**⟨E⟩** is the mean energy of the balls: what a loss curve shows. **S** is their entropy, in nats: large when "
        "they are spread over much room, small when they crowd together. One nat more is 2.7 times the room. "
        "**F = ⟨E⟩ − TS** is the free energy: what it costs to be where they are, heat taken into account.\n\n"
        "**The second law** says that the entropy of *everything* rises. The balls are not everything: they trade heat "
        "with the bath. For them it says that F falls, down to **−T ln Z**, its value in thermal equilibrium, where Z "
        "adds up e^(−E/T) over all places. So balls that start everywhere alike lose entropy as they gather in the "
        "valleys, and the bath gains more than they lose.\n\n"
        "**Time t** is the same on the stage and in the charts: one step moves a ball by −dt × slope, and t is the sum "
        "of all dt. The charts' axis is logarithmic, since most of the spreading is over early.\n\n"
        "**The exact evolution** (green) does not throw dice: it moves probability from cell to cell of a fine grid. "
        "The balls (orange, with their standard errors) must agree with it, and do.\n\n"
        "**Where the analogy breaks.** F falls in one bath with one temperature. The noise of minibatches is stronger "
        "in some directions than in others, and the steps of training are not small. The lower right chart drives "
        "wells in just these ways: there F rises, by the amount that theory predicts.")
