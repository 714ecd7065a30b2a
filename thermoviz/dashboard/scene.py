"""The stage on the page, and the progress of what is being computed."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from ..engine import JobState
from ..presentation.looks import Look
from ..presentation.waits import in_line
from ..presentation.words import _, read_in, term
from .component import stage
from .share import address, show
from .state import STAGE, Visit, Watching, engine, remember
from .style import DIMMED

POLL_SECONDS = 0.25
NOTICE_SECONDS = 2.0


def progress(visit: Watching, job: JobState) -> None:
    """Where the awaited run stands, with a way back; or in one sentence why there is none."""
    if job.status == "failed":
        with st.container(horizontal=True, vertical_alignment="center", key="failed"):
            if job.again:
                st.warning(job.message, icon=":material/hourglass_empty:")
                st.button(_("Try again"), on_click=visit.leave, key="again", icon=":material/refresh:")
            else:
                st.error(job.message, icon=":material/error:")
            if visit.can_go_back:
                st.button(_("Back to what is shown"), on_click=visit.cancel, key="back")
    elif job.status == "cancelled":
        st.info(_("This computation was cancelled; change a control to ask for another."))
    else:
        if visit.complete and visit.shown is not None:  # the former picture
            st.html(f"<style>{DIMMED}</style>")
        watch(visit, lambda job: stands(job) + _below(visit))


def _below(visit: Watching) -> str:
    """What stands below the progress meanwhile."""
    if visit.shown is None:
        return ""
    return " · " + (_("below is still the former picture") if visit.complete else _("below is a coarse one"))


def notice() -> None:
    """What visitors should know of how it is computed just now. It goes by itself when that is over."""
    if engine().notice():
        _notice()


@st.fragment(run_every=NOTICE_SECONDS)
def _notice() -> None:
    read_in(st.context.locale)
    if said := engine().notice():
        st.warning(said, icon=":material/cloud_off:")


def watch(visit: Watching, said: Callable[[JobState], str], which: str = "") -> None:
    """The progress of what a visit waits for, and a button to cancel it. said: the words; which: of several."""
    _watch(visit, said, which, bool(engine().notice()))


@st.fragment(run_every=POLL_SECONDS)
def _watch(visit: Watching, said: Callable[[JobState], str], which: str, noticed: bool) -> None:
    """Polls the engine; draws the page anew when there is something new to draw, or nothing to wait for."""
    read_in(st.context.locale)
    if visit.waiting is None or bool(engine().notice()) > noticed:
        st.rerun()
    job = engine().state(visit.waiting)
    if job.finished or job.version > visit.version:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key=f"progress{which}"):
        st.progress(min(max(job.fraction, 0.0), 1.0), text=said(job))
        # A callback, since it is heard before the poll above can draw the page anew and forget the click.
        st.button(_("Cancel"), key=f"cancel{which}", icon=":material/close:", on_click=visit.cancel)


def stands(job: JobState) -> str:
    """What becomes of a job just now: its place in the queue, or what is computed."""
    said = in_line(job.place or 0, job.wait) if job.status == "queued" else term(job.stage) or _("starting")
    return said if job.attempt == 1 else _("begun again after a fault: {stage}").format(stage=said)


def scene(visit: Visit, run: Any, look: Look, spec: Any, link: Any) -> None:
    """The live stage of the run. `spec`: what is asked for; `link`: the container of the link, None without."""
    with st.container(key="scene"):
        if run.surface is not None:
            _live(visit, run, look, spec, link)
            return
        st.error(_("No replica stayed finite, so there is no landscape to draw; the losses below show "
                   "where each training left."), icon=":material/trending_up:")
        if link is not None:
            show(visit.query(spec), link)


def _live(visit: Visit, run: Any, look: Look, spec: Any, link: Any) -> None:
    """The stage and, since the heat stands in it, the link.

    No fragment: Streamlit's browser side takes what is said in one moment for one part's, and a control that is moved
    just when the heat is set would not be heard.
    """
    query = visit.query(spec)
    remember(query)
    if link is not None:
        show(query, link)
    # The stage has its own temperature, and need not be told again what it said: it writes it for {T}.
    there = address({name: value for name, value in query.items() if name != "T"}) + "&T={T}"
    stage(run, look, key=STAGE, on_temperature=visit.released, temperature=visit.first_temperature(),
          title=visit.caption(), link=there, captions="explanation" not in visit.hidden)
