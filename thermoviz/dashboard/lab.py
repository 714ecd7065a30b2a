"""The frame of every lab page: one sentence, one thing to try, controls, stage, charts, verdicts, plain words.

What is a lab's own stands in its `page.py`; all else is the same for all: links, engine, progress and cancel are those
of the page "Landscape".
"""

import dataclasses
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ..catalogue import EXPERIMENTS
from ..catalogue.links import from_query, to_query
from ..catalogue.shipped import labs, load_lab
from ..core.errors import BadInput
from ..experiments.landscape.specification import surface_run
from ..experiments.landscapes import surface_of
from ..experiments.presets import DEFAULT_PRESET
from ..presentation.looks import LOOKS, Look
from ..presentation.page import Chart, Page, Said
from ..presentation.verdicts import agreement, compared, measured, rule_words, standing, was_measured
from ..presentation.words import _, read_in, term
from ..runs.run import Run
from . import controls, panels, scene, state
from .component import stage
from .drawn import drawn, style
from .menu import page_of
from .plain import plain
from .share import address, share, show
from .state import Visit, Watching, engine, remember, visit
from .style import stylesheet

# What a link says for all pages.
HOUSE = ("look", "hide")
# What of the run on the page is still to come: nothing, the rest, or nothing though it is not all there.
WHOLE, COMING, STOPPED = "", "coming", "stopped"
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclasses.dataclass
class LabVisit(Watching):
    """One visitor's state on one lab's page. `base` is what the widgets of this `generation` start from."""

    kind: str
    base: Any
    asked: Any = None  # the specification last asked for
    whole: Run | None = None  # the last run that was shown complete

    @property
    def room(self) -> str:
        return f"{self.kind}."

    def restart(self, spec: Any) -> None:
        """Widgets start anew from `spec`."""
        self.leave()
        self.base, self.asked, self.messages = spec, None, ()
        self.begin_anew()

    def cancel(self) -> None:
        """Back to the last whole run; where there is none yet, what is shown stays, and nothing more is computed."""
        if self.whole is not None:
            self.shown, self.complete = self.whole, True
            self.restart(self.whole.spec)
        elif self.waiting is not None:
            engine().leave(self.waiting, self.viewer)

    @property
    def can_go_back(self) -> bool:
        """Not before the first run is there: until then the page shows the bare surface."""
        return self.whole is not None

    def take_up(self) -> None:
        """A visitor who comes back to the page finds the controls as they were: Streamlit forgot its widgets."""
        if self.asked is not None and self.untouched:
            self.base = self.asked
            self.begin_anew()

    def follow(self, query: Mapping[str, str]) -> None:
        """Back or Forward: the page is again what the address says."""
        link = opened(self.kind, query)
        self.restart(link.base)
        self.messages = link.messages

    def preview(self, spec: Any) -> None:
        """Until there is more the page shows the lab's default run that comes with the package, or the bare surface."""
        if self.shown is not None:
            return
        if not state.at_hand(spec):
            raise BadInput(state.gone())
        if self.kind in labs() and (run := load_lab(self.kind)) is not None:
            self._show(run, complete=True)
        elif hasattr(spec, "landscape"):
            self.shown, self.complete = surface_run(spec, surface_of(spec.landscape)), False

    def _show(self, run: Run, complete: bool) -> None:
        super()._show(run, complete)
        if complete:
            self.whole = run

    def query(self, spec: Any, house: Visit) -> dict[str, str]:
        """The link to what is asked for now."""
        extra = {"look": house.look if house.look != "dark" else None,
                 "hide": "_".join(sorted(house.hidden)) or None}
        query = to_query(DEFAULT_PRESET, spec, extra)
        del query["preset"]  # a lab starts from its own defaults
        return query


def opened(kind: str, query: Mapping[str, str]) -> LabVisit:
    """The state that a link opens on the page of the lab `kind`; what it may not ask for becomes a sentence."""
    ours = {name: query[name] for name in HOUSE if name in query}
    # A preset is of the page "Landscape", and so are its settings: they come along when somebody walks over.
    elsewhere = "preset" in query or query.get("kind", kind) != kind
    link = from_query({**(ours if elsewhere else query), "kind": kind}, known=HOUSE)
    return LabVisit(kind, link.spec, messages=(*link.messages, *(state.opened(ours).messages if ours else ())))


def lab_visit(kind: str) -> LabVisit:
    """This visitor's state on the page of the lab `kind`; at the first call it is read from the link."""
    key = f"lab_{kind}"
    if key not in st.session_state:
        st.session_state[key] = opened(kind, st.query_params.to_dict())
    return st.session_state[key]


def lab_page(kind: str) -> None:
    """Draws the page of the lab `kind`."""
    read_in(st.context.locale)
    page = page_of(kind)
    house, here = visit(), lab_visit(kind)
    look = LOOKS[house.look]
    style(look, "style", lambda: stylesheet(look))
    spec, refusal = _controls(house, here)
    job = None
    try:
        here.preview(spec)
    except BadInput as error:
        spec, refusal = here.asked or here.base, plain(type(spec), str(error))
    else:
        job, here.asked = here.ask(spec), spec
    query = here.query(spec, house)
    remember(query)
    _top(house, here, query, page)
    panels.messages(here, refusal)
    with st.container(key="status"):
        scene.notice()
        if job is not None:
            scene.progress(here, job)
    run = here.shown
    comes = WHOLE if here.complete else STOPPED if job is None or job.finished else COMING
    with st.container(key="scene"):
        if run is not None:
            if page.stage is not None and run.surface is not None:
                _stage(kind, run, look, query, page.stage(run))
            if "charts" not in house.hidden:
                drawn(run, look, f"charts {kind}", lambda: (None, all_charts(page.shown(run), run, look, comes)), comes)
            drawn(run, look, "verdicts", lambda: (None, verdict_cards(run, comes)), comes)
    if "explanation" not in house.hidden:
        with st.expander(_("What am I seeing?"), icon=":material/help:"):
            st.markdown(page.explain)


def _controls(house: Visit, here: LabVisit) -> tuple[Any, str]:
    """The specification that the widgets ask for. Where they are refused: the one asked for before, and why."""
    here.take_up()
    if "controls" in house.hidden:
        return here.base, ""
    with st.sidebar:
        st.subheader(_("The experiment"))
        try:
            return controls.plain_controls(EXPERIMENTS[here.kind], here.base, here.prefix), ""
        except BadInput as error:
            return here.asked or here.base, panels.refused(EXPERIMENTS[here.kind], error)


def _said(text: Said, run: Run | None) -> str:
    """The text, of the run that is shown where it is a function of it."""
    if isinstance(text, str):
        return text
    return "" if run is None else text(run)


def _top(house: Visit, here: LabVisit, query: dict[str, str], page: Page) -> None:
    """Headline, what to try, and the buttons beside them. `data-run`: whose numbers the page shows."""
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        if here.shown is None:
            _headline(None, page)
        else:
            complete = "whole" if here.complete else ""
            drawn(here.shown, house.look, "headline", lambda: (None, _headline(here.shown, page, complete)), complete)
        if "controls" not in house.hidden:
            panels.settings(house, _("The settings of this experiment, in the panel on the left"))
        if "share" not in house.hidden and here.shown is not None:
            show(query, share(here.shown, query))


def _headline(run: Run | None, page: Page, complete: str = "") -> int:
    """The page's question, its answer and what to try; the bytes of it."""
    answer, hint = (_said(text, run) for text in (page.answer or page.sentence, page.try_this))
    tried = f'<b>{html.escape(_("Try this:"))}</b> {html.escape(hint)}' if hint else ""
    shown = run.id if run is not None and complete else ""
    said = (f'<h1 class="tv-headline" data-run="{shown}">{html.escape(page.title)}</h1>'
            f'<p class="tv-hint">{html.escape(answer)} {tried}</p>')
    st.html(said)
    return len(said)


def _stage(kind: str, run: Run, look: Look, query: dict[str, str], settings: dict[str, Any]) -> None:
    """The live stage of the lab's surface; no fragment, as on the page "Landscape"."""
    stage(run, look, key=f"stage_{kind}", link=address(query), **settings)


def all_charts(charts: Sequence[Chart], run: Run, look: Look, comes: str = WHOLE) -> int:
    """Two charts beside each other, a wide one alone; their bytes."""
    row: list[Chart] = []
    weight = 0
    for chart in (*charts, None):
        if row and (chart is None or chart.wide or len(row) == 2):
            for column, one in zip(st.columns(2), row, strict=False):
                with column:
                    weight += _chart(one, run, look, comes)
            row = []
        if chart is not None and chart.wide:
            weight += _chart(chart, run, look, comes)
        elif chart is not None:
            row.append(chart)
    return weight


def _chart(chart: Chart, run: Run, look: Look, comes: str) -> int:
    if chart.ready(run):
        return panels.chart(run, look, chart.key, chart.draw, lambda run: raised(_said(chart.caption, run)))
    with st.container(key=f"card_{chart.key}"):
        st.caption(_("This chart is being computed.") if comes == COMING else _("This chart was not computed."))
    return 0


def verdict_cards(run: Run, comes: str = WHOLE) -> int:
    """One card per verdict: is the claim true, does theory agree, the numbers, where the analogy breaks. Its bytes."""
    if not run.verdicts:
        return 0
    cards = "".join(_card(verdict) for verdict in run.verdicts)
    notes = {COMING: _("still measuring"), STOPPED: _("not measured to the end")}
    note = f" · {html.escape(notes[comes])}" if comes in notes else ""
    st.html(f'<div class="tv-panel-title">{html.escape(_("Verdicts"))}{note}</div>'
            f'<div class="tv-verdicts">{cards}</div>')
    return len(cards)


def _card(verdict: Any) -> str:
    """Claim and theory as two words; the numbers, where there are any; the rule, how it was measured and its limits."""
    badges = "".join(f'<span class="tv-badge tv-{tone}">{html.escape(words)}</span>'
                     for words, tone in filter(None, (standing(verdict), agreement(verdict))))
    said = "".join(f"<p>{html.escape(raised(text))}</p>"
                   for text in (term(verdict.sentence), rule_words(verdict.rule, verdict.stderr)) if text)
    return (f'<div class="tv-verdict"><div class="tv-verdict-head"><b>{html.escape(term(verdict.name))}</b></div>'
            f'<div class="tv-badges">{badges}</div>{_numbers(verdict)}{said}</div>')


def _numbers(verdict: Any) -> str:
    """What was measured, with its unit, beside theory and control; nothing where nothing was measured."""
    if not was_measured(verdict):
        return ""
    unit = f' <span class="tv-unit">{html.escape(term(verdict.unit))}</span>' if verdict.unit else ""
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(raised(words))}{unit}</dd>"
                   for name, words in compared(verdict))
    return f'<div class="tv-measured">{html.escape(raised(measured(verdict)))}{unit}</div><dl>{rows}</dl>'


def raised(text: str) -> str:
    """Powers of ten as they are written by hand: 10^−5 with its exponent above the line."""
    return re.sub(r"10\^([−\d]+)", lambda found: "10" + found[1].translate(RAISED), text)
