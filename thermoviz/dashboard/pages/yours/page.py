"""The page "Yours": the doors by which things are brought, and what was brought, shown."""

import html
from typing import Any

import streamlit as st

from ....core.settings import settings
from ....engine.brought.kept import DATA
from ....experiments.tables.limits import MIB, MOST_BYTES, MOST_COLUMNS, MOST_ROWS
from ....presentation.looks import LOOKS, Look
from ....presentation.words import _, counted, read_in
from ....runs.files import MAX_BYTES
from ...drawn import style
from ...menu import YOURS, menu
from ...state import Visit, remember, visit
from ...style import stylesheet
from . import columns, showing
from .drawing import drawn_points, plane
from .saying import say, until
from .style import rules
from .visit import Thing, YoursVisit, about_of, yours_visit

FILES = ["csv", "tsv", "txt", "npy", "npz", "safetensors"]


def yours() -> None:
    """Draws the page."""
    read_in(st.context.locale)
    house, here = visit(), yours_visit()
    showing.go(here)
    look = LOOKS[house.look]
    style(look, "style and yours", lambda: stylesheet(look) + rules(look))
    if here.opened is not None and about_of(here.opened) is not None:
        showing.show(house, here, here.opened, look)
        return
    if here.opened is not None:  # its time is over, or somebody deleted it
        here.leave_gone()
    _doors(house, here, look)


def _doors(house: Visit, here: YoursVisit, look: Look) -> None:
    remember(here.query(None, house))
    entry = menu()[YOURS]
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        st.html(f'<h1 class="tv-headline" data-run="">{html.escape(entry.title)}</h1>'
                f'<p class="tv-hint">{html.escape(_promise())}</p>')
    say(here)
    if here.table is not None:
        columns.choose(here, here.table, look)
        return
    left, right = st.columns(2, gap="medium")
    with left, st.container(key="card_file"):
        _file(here)
    with right, st.container(key="card_drawing"):
        st.html(_title(_("Draw your own data"), _(
            "Two classes that a network learns to tell apart, or a curve that it learns to follow.")))
        plane(look, list(here.points), here.points_task, lambda: here.learn_drawn(*drawn_points()))
    with left:
        _mine(here)


def _promise() -> str:
    hours = settings().brought_hours
    return _("It is kept for {hours}, is seen only by those who have its link, and you can delete it at any time. "
             "Nothing in a file is ever run.").format(hours=counted("{n} hour", "{n} hours", round(hours)))


def _title(title: str, said: str) -> str:
    return f'<h2 class="tv-door">{html.escape(title)}</h2><p class="tv-hint">{html.escape(said)}</p>'


def _file(here: YoursVisit) -> None:
    st.html(_title(_("Bring a file"), _(
        "A table becomes a landscape within seconds: you choose what to predict, and from which columns. A run file, "
        "from “Share” or from Python, opens as it was saved.")))
    st.file_uploader(_("A table or a run file"), FILES, key=here.upload, on_change=here.take_file,
                     max_upload_size=MAX_BYTES // MIB, label_visibility="collapsed")
    st.html('<ul class="tv-kinds">' + "".join(
        f"<li><b>{html.escape(name)}</b> <span>{html.escape(said)}</span></li>" for name, said in (
            (_("Table"), _("CSV, TSV, .npy or .npz: up to {mb} MB, {rows:,} rows and {columns} columns").format(
                mb=MOST_BYTES // MIB, rows=MOST_ROWS, columns=MOST_COLUMNS)),
            (_("Run file"), _(".safetensors: up to {mb} MB").format(mb=MAX_BYTES // MIB)),
            (_("In Python"), _("tv.table(\"flowers.csv\", \"species\") reads the same tables, and "
                               "tv.explore(model, loss_fn).save(\"mine.safetensors\") makes a run file")))) + "</ul>")


def _mine(here: YoursVisit) -> None:
    """What this visitor brought before, as long as it is here."""
    found = [(thing, about) for thing in here.mine if (about := about_of(thing)) is not None]
    if not found:
        return
    with st.container(key="card_mine"):
        st.html(f'<div class="tv-panel-title">{html.escape(_("What you brought"))}</div>')
        for thing, about in found:
            with st.container(horizontal=True, vertical_alignment="center", key=f"mine_{thing.key[:16]}"):
                st.html(f'<span class="tv-mine">{html.escape(thing.title)} <span>{html.escape(until(about.until))}'
                        "</span></span>")
                st.button(_("Open"), key=f"open_{thing.key}", on_click=_reopen, args=(here, thing))
                st.button(_("Delete"), key=f"delete_{thing.key}", on_click=here.delete, args=(thing,),
                          icon=":material/delete:")


def _reopen(here: YoursVisit, thing: Thing) -> None:
    base: Any = None
    if thing.kind == DATA:
        base = showing.base_of(thing)
    here.open(thing, base)
