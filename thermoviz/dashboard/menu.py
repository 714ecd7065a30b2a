"""The pages in the order of the menu: how each is called there, what it asks, and what it shows, in one sentence.

The first page, the labs (their own `page.py` says all that is to be said of them), and what the house is about.
"""

import dataclasses
import functools
from typing import Any

from ..catalogue.kinds import EXPERIMENTS, LABS, in_one_line, leave_out
from ..catalogue.links import COMPARE
from ..experiments.presets import PRESETS
from ..presentation.page import Page
from ..presentation.words import _, language, term
from ..runs.late import sibling


@dataclasses.dataclass(frozen=True)
class Entry:
    """One page. `name`: its address. `title`, `sentence`: its headline, and what is seen there; `stage`: it has one.

    The first page has neither title nor sentence: it says what its preset says.
    """

    name: str
    menu: str
    title: str = ""
    sentence: str = ""
    stage: bool = True


FIRST = Entry("landscape", "Landscape")
SWEEP, YOURS, LAST = "sweep", "yours", "about"
APART = (SWEEP, YOURS, COMPARE)  # pages that are of no one experiment, and whose links say what they show


def menu() -> dict[str, Entry]:
    """All pages by their names, in the language of the visitor of now."""
    return _menu(language(), tuple((kind, EXPERIMENTS[kind]) for kind in lab_pages()))


@functools.lru_cache(maxsize=16)
def _menu(language: str, labs: tuple[tuple[str, Any], ...]) -> dict[str, Entry]:
    pages = {kind: _page(experiment, language) for kind, experiment in labs}
    entries = [Entry(kind, page.menu, page.title, page.sentence, page.stage is not None)
               for kind, page in pages.items()]
    sweep = Entry(SWEEP, _("Phase diagram"),
                  _("Where networks freeze, where they stay warm, and where they are thrown out"),
                  _("One experiment over a grid of its settings, each cell many runs: a phase diagram of training."),
                  stage=False)
    yours = Entry(YOURS, _("Yours"), _("Bring your own: a table, a drawing, a run"), _(
        "Your own data become a loss landscape within seconds, and a run that somebody saved opens again."),
                  stage=False)
    compare = Entry(COMPARE, _("Compare"), _("Two runs side by side"), _(
        "One camera, one heat and one scale of heights for both; their losses on the same axes; and what differs, with "
        "errors."), stage=False)
    about = Entry(LAST, _("About"), _("A loss landscape is an energy surface, and data are a heat bath"), _(
        "thermoviz trains small networks, cuts slices through their loss landscapes, and lets particles roll on them "
        "under heat that you turn up and down. It makes a physicist's view of machine learning visible, and measures "
        "where that view holds and where it breaks."), stage=False)
    return {entry.name: entry for entry in (FIRST, *entries, sweep, yours, compare, about)}


def lab_pages() -> dict[str, Page]:
    """The page of every lab. A lab whose page cannot be made is left out from now on, and the log says why."""
    pages: dict[str, Page] = {}
    for kind in tuple(LABS):
        try:
            pages[kind] = page_of(kind)
        except (Exception, SystemExit) as error:  # a stranger's module
            leave_out(kind, in_one_line(error))
    return pages


def page_of(kind: str) -> Page:
    """The page of one lab, in the language of the visitor of now."""
    if kind in (FIRST.name, *APART, LAST):
        raise ValueError("there is another page of that name")
    return _page(EXPERIMENTS[kind], language())


@functools.lru_cache(maxsize=64)
def _page(experiment: Any, language: str) -> Page:
    found: Any = sibling(experiment, "page").page()
    if not isinstance(found, Page):
        raise TypeError(f"page() gives a {type(found).__name__}, no Page")
    return found


def document_title(page: Entry, preset: str, own: bool = False) -> str:
    """What the browser's tab, its history and a link's preview call a page. `own`: it is not the preset as it is."""
    name = page.title or term(PRESETS[preset].title)
    if own and not page.title:
        name = _("An experiment from “{preset}”").format(preset=name)
    return f"{name} · thermoviz"


def document_description(page: Entry, preset: str, own: bool = False, changed: str = "") -> str:
    """One or two sentences for who has not opened the link yet. `changed`: against the preset, in words."""
    if page.title:
        return page.sentence
    landscape = PRESETS[preset]
    if not own:
        return f"{term(landscape.sentence)} {term(landscape.hint)}"
    started = _("Balls on the loss landscape of networks, under heat that you turn up and down. Started from "
                "“{preset}”").format(preset=term(landscape.title))
    return f"{started}{': ' if changed else ''}{changed}."
