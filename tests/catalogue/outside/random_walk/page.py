"""The page, as the dashboard draws it."""

from typing import Any

from thermoviz.presentation.page import Chart, Page
from thermoviz.presentation.words import _

from .figures import distance
from .results import Walk


def page() -> Page:
    """One chart, one thing to try."""
    return Page(
        menu=_("Random walk"),
        title=_("How far does a random walker come?"),
        sentence=_("The mean squared distance grows by one with every step."),
        answer=answer,
        try_this=_("set Steps to 10."),
        charts=(Chart("distance", distance, needs=Walk.needs(), wide=True),),
        explain=_("Each walker steps by +1 or −1."),
    )


def answer(run: Any) -> str:
    """Of the run that is shown."""
    walk = Walk.read(run)
    return _("After {n} steps the mean squared distance is {d:.0f}.").format(
        n=walk.steps[-1], d=walk.squared.value[-1]) if walk else _("They walk.")
