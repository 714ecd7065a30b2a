"""How long somebody waits, in plain words."""

from .words import _, counted

FEW_SECONDS = 7.5


def about(seconds: float) -> str:
    """A wait as one would say it: no finer than it can be known."""
    if seconds < FEW_SECONDS:
        return _("a few seconds")
    if seconds < 57.5:
        return _("about {n} s").format(n=5 * round(seconds / 5))
    return counted("about a minute", "about {n} minutes", round(seconds / 60))


def in_line(place: int, wait: float | None) -> str:
    """Where a job stands in the queue (1 is next; 0 is not in it any more) and when it begins, if that is known."""
    if not place:
        return _("getting ready to compute")
    names = {1: _("Next in line"), 2: _("Second in line"), 3: _("Third in line")}
    where = names.get(place) or _("Number {n} in line").format(n=place)
    return where if wait is None else _("{place}, {wait}").format(place=where, wait=about(wait))
