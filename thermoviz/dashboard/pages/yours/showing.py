"""What was brought, shown: data with what networks make of them, or a run as its file says."""

import contextlib
import dataclasses
import functools
import html
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from ....catalogue import EXPERIMENTS, LABS
from ....catalogue.links import to_query
from ....core.errors import BadInput
from ....core.learning.data import Dataset
from ....engine.brought.kept import DATA, About
from ....experiments.landscape.specification import Descent
from ....experiments.presets import DEFAULT_PRESET
from ....figures import report
from ....figures.phase import alone
from ....presentation import report as words
from ....presentation.looks import Look
from ....presentation.page import Chart, Draw
from ....presentation.reading import reading
from ....presentation.words import _, counted
from ....runs.carried import OwnData, own_data, own_slice
from ....runs.run import Run
from ... import controls, lab, panels, scene
from ...component import stage
from ...drawn import drawn
from ...menu import page_of
from ...share import address, share
from ...share import show as show_link
from ...state import Visit, engine, gone, opened, remember
from ..landscape import landscape
from .saying import plain_text, say, until
from .sketch import sketch
from .visit import Thing, YoursVisit, about_of, first_spec

MOST_CLASSES = 6  # that are named
log = logging.getLogger("thermoviz.server")


def show(house: Visit, here: YoursVisit, thing: Thing, look: Look) -> None:
    """Draws what is opened."""
    about = about_of(thing)
    assert about is not None
    if thing.kind == DATA:
        _data(house, here, thing, about, look)
    else:
        _run(house, here, thing, about, look)


def base_of(thing: Thing) -> Descent:
    """What data that were brought are learned by at first. Raises BadInput where they are gone."""
    data = _held(thing)
    return first_spec(own_data(data), data)


def _held(thing: Thing) -> Dataset:
    member = OwnData(thing.key)
    if not engine().brought.lend(Descent(dataset=member)):
        raise BadInput(gone())
    return member.load()


# Data


def _data(house: Visit, here: YoursVisit, thing: Thing, about: About, look: Look) -> None:
    here.take_up()
    data = _held(thing)
    if here.base is None:
        here.base = first_spec(own_data(data), data)
    spec, refusal = _controls(house, here)
    job, here.asked = here.ask(spec), spec
    query = here.query(spec, house)
    remember(query)
    run = here.shown
    _top(house, here, thing, about, run, query, _learned(thing, run), _hint(run))
    _say(here, refusal)
    _card(here, thing, about, _facts(data, about), "dataset", {"dataset": own_data(data)})
    with st.container(key="status"):
        scene.notice()
        if job is not None:
            scene.progress(here, job)
    with st.container(key="scene"):
        if run is not None:
            _picture(run, look, house, query, thing.title)
        else:
            st.html(f'<img class="tv-sketch" alt="{html.escape(_("Your data"))}" src="{sketch(data, look)}">')


def _controls(house: Visit, here: YoursVisit) -> tuple[Any, str]:
    """The specification that the widgets ask for. Where they are refused: the one asked for before, and why."""
    if "controls" in house.hidden:
        return here.base, ""
    with st.sidebar:
        st.subheader(_("The experiment"))
        try:
            return controls.controls(Descent, here.base, here.prefix, without=("dataset",)), ""
        except BadInput as error:
            return here.asked or here.base, panels.refused(Descent, error)


def _learned(thing: Thing, run: Run | None) -> str:
    return _("Networks learn {title}").format(title=thing.title)


def _hint(run: Run | None) -> str:
    if run is None:
        return _("The first networks are being trained; their landscape follows within seconds.")
    said = reading(run) if run.surface is not None else ""
    return f"{said} " + _("Every place of the relief is a network; low is good. Point at a valley to see what it does "
                          "with your data, and turn up the heat.")


def _facts(data: Dataset, about: About) -> list[str]:
    """What the data are, in a few words."""
    found = [_("{n:,} rows: {train:,} to train on, {test:,} held back").format(
        n=len(data.x), train=data.n_train, test=data.n_test)]
    left = int(about.more.get("rows", len(data.x))) - len(data.x)
    if left > 0:
        found.append(counted("{n} row with missing values left out", "{n} rows with missing values left out", left))
    found.append(counted("{n} input", "{n} inputs", data.n_inputs))
    if data.classes is not None:
        names = [str(one) for one in data.classes.tolist()]
        more = ", …" if len(names) > MOST_CLASSES else ""
        found.append(_("{n} classes: {names}").format(n=len(names), names=", ".join(names[:MOST_CLASSES]) + more))
    return found


# A run


def _run(house: Visit, here: YoursVisit, thing: Thing, about: About, look: Look) -> None:
    if here.shown is None:
        here.shown = engine().brought.run(thing.key)
    run = here.shown
    query = here.query(None, house)
    remember(query)
    title = thing.title
    _top(house, here, thing, about, run, query, _("The run “{title}”").format(title=title), _of_run(run))
    _say(here, "")
    if run is None:
        return
    surface = {"landscape": run} if run.surface is not None else {}
    _card(here, thing, about, [_("As its file says: nothing of it was computed here.")], "landscape", surface, run)
    with st.container(key="scene"):
        _picture(run, look, house, query, title)


def _of_run(run: Run | None) -> str:
    if run is None:
        return _("This file cannot be read any more.")
    with contextlib.suppress(Exception):
        if said := reading(run):
            return said
    return ""


# Both


def _top(house: Visit, here: YoursVisit, thing: Thing, about: About, run: Run | None, query: dict[str, str], title: str,
         hint: str) -> None:
    whole = run.id if run is not None and here.complete else ""
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        st.html(f'<h1 class="tv-headline" data-run="{whole}">{html.escape(title)}</h1>'
                f'<p class="tv-hint">{html.escape(hint.strip())}</p>')
        if thing.kind == DATA and "controls" not in house.hidden:
            panels.settings(house, _("Network, optimisers and slice, in the panel on the left"))
        if "share" not in house.hidden and run is not None:
            show_link(query, share(run, query))


def _say(here: YoursVisit, refusal: str) -> None:
    say(here)
    if refusal:
        st.warning(plain_text(refusal), icon=":material/info:")


def _card(here: YoursVisit, thing: Thing, about: About, facts: list[str], field: str, put: Mapping[str, Any],
          run: Run | None = None) -> None:
    """What it is, until when it is kept, and what can be done with it."""
    kept = _("{until}, seen only by those who have the link").format(until=until(about.until))
    with st.container(key="card_brought"), st.container(key="brought", horizontal=True, vertical_alignment="center"):
        st.html(f'<span class="tv-mine">{html.escape(" · ".join(facts))} '
                f'<span class="tv-until">{html.escape(kept[:1].upper() + kept[1:])}</span></span>')
        if put:
            _labs(here, field, put)
        if run is not None and run.kind in EXPERIMENTS:
            st.button(_("Compute it here"), key="ask_again", icon=":material/tune:", on_click=_walk,
                      args=(here, run.kind, run.spec), help=_("Opens its page, with all its settings"))
        st.button(_("Bring something else"), key="close_yours", on_click=here.close, icon=":material/add:")
        st.button(_("Delete"), key="delete_yours", on_click=here.delete, args=(thing,), icon=":material/delete:")


def _labs(here: YoursVisit, field: str, put: Mapping[str, Any]) -> None:
    """The labs whose question can be asked of these data, or of this surface."""
    kinds = [kind for kind in LABS if field in EXPERIMENTS[kind].__dataclass_fields__]
    with st.popover(_("In the labs"), icon=":material/science:"):
        st.caption(_("The same data in another experiment:") if field == "dataset" else
                   _("The same surface in another experiment:"))
        for kind in kinds:
            st.button(page_of(kind).menu, key=f"to_{kind}", width="stretch", on_click=_ask_in_lab,
                      args=(here, kind, dict(put)))


def _ask_in_lab(here: YoursVisit, kind: str, put: dict[str, Any]) -> None:
    def ask() -> None:
        if isinstance(put.get("landscape"), Run):
            surface = own_slice(put["landscape"].surface)
            engine().brought.bring(surface, _("the surface of a run"))
            put["landscape"] = surface
        _walk(here, kind, _fitting(EXPERIMENTS[kind], put))

    here.answer(ask)


def _fitting(cls: Any, put: Mapping[str, Any]) -> Any:
    """A lab's defaults on these data; batches of at most half of the samples, as labs ask for."""
    made = cls(**put)
    if "dataset" not in put or not hasattr(made, "batch_size"):
        return made
    return dataclasses.replace(made, batch_size=max(1, min(made.batch_size, put["dataset"].load().n_train // 2)))


def _walk(here: YoursVisit, kind: str, spec: Any) -> None:
    """The page of an experiment opens with this specification at the next rerun."""
    query = to_query(DEFAULT_PRESET, spec)
    if kind in LABS:
        del query["preset"]
        st.session_state[f"lab_{kind}"] = lab.opened(kind, query)
    else:
        st.session_state["visit"] = opened(query)
    here.walk = kind if kind in LABS else ""


def go(here: YoursVisit) -> None:
    """Leaves for the page that was asked for, if one was."""
    if here.walk is None:
        return
    kind, here.walk = here.walk, None
    page = (st.Page(functools.partial(lab.lab_page, kind), title=page_of(kind).menu, url_path=kind) if kind else
            st.Page(landscape, title=_("Landscape"), url_path="landscape", default=True))
    st.switch_page(page)  # which writes its own address, into an entry of its own


def _picture(run: Run, look: Look, house: Visit, query: dict[str, str], title: str) -> None:
    """Stage, what the slice hides, charts and verdicts; of a stranger's file each part may turn out not to fit."""
    if run.surface is not None:
        with _part(_("stage")):
            stage(run, look, key="stage_yours", link=address(query), title=title)
    else:
        st.caption(_("This run has no landscape; below stands what it has."))
    if run.kind == "model_report":
        with _part(_("numbers")):
            _rows(run)
    if "honesty" not in house.hidden and run.surface is not None:
        with _part(_("slice")):
            panels.honesty(run, look)
    if "charts" not in house.hidden:
        with _part(_("charts")), st.container(key="charts"):
            drawn(run, look, "charts yours", lambda: (None, _charts(run, look)))
    with _part(_("verdicts")):
        drawn(run, look, "verdicts", lambda: (None, lab.verdict_cards(run)))


def _charts(run: Run, look: Look) -> int:
    if run.kind in LABS:
        return lab.all_charts(page_of(run.kind).shown(run), run, look)
    if own := _of_its_kind(run):
        return lab.all_charts([Chart(key, draw) for key, draw in own.items()], run, look)
    return panels.run_charts(run, look)


def _of_its_kind(run: Run) -> Mapping[str, Draw]:
    """The charts of a report on a model, or of a sweep."""
    if run.kind == "model_report":
        return report.drawings(run)
    return {"phase": alone} if hasattr(run.spec, "points") else {}


def _rows(run: Run) -> None:
    """What a report measured of a model: each number, with its error, and what it says."""
    rows = "".join(f"<tr><th scope='row'>{html.escape(row.title)}</th><td>{html.escape(lab.raised(row.value))}</td>"
                   f"<td class='tv-says'>{html.escape(row.says)}</td></tr>" for row in words.rows(run))
    with st.container(key="card_rows"):
        st.html(f'<div class="tv-panel-title">{html.escape(words.headline(run))}</div>'
                f'<div class="tv-scroll"><table class="tv-table tv-whole">{rows}</table></div>')


@contextlib.contextmanager
def _part(name: str) -> Iterator[None]:
    """A part that cannot be drawn says so in one sentence, and the others stand."""
    try:
        yield
    except Exception as error:
        log.info("a part of what was brought cannot be drawn: %r", error)
        st.warning(_("This part ({name}) cannot be drawn of what the file holds.").format(name=name),
                   icon=":material/broken_image:")
