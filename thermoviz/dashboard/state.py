"""What one visitor is looking at: the experiment asked for, the run that is shown, the one that is awaited.

The link is parsed once, before any widget is drawn. A changed specification is submitted to the engine; what
was shown stays until something newer can be drawn, so that the page is never empty and never waits.
"""

import abc
import dataclasses
import time
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..catalogue import EXPERIMENTS, LABS
from ..catalogue.links import brief, from_query, to_query
from ..core.specs import identity
from ..engine import Engine, JobState
from ..experiments.presets import PRESETS, load_preset
from ..presentation.looks import LOOKS
from ..presentation.words import _, term
from ..runs.carried import carried_by
from .menu import APART
from .operating.counts import counts

STAGE = "stage"  # the stage's key: it stays the same, so that the stage survives reruns
# What the page does without the stage's word that it stands, for a browser in which its program does not run.
PATIENCE_SECONDS = 10.0
TURNS = 4  # sets of keys that widgets have in turn
MOST_REMEMBERED = 12  # experiments that a session has looked at
# What an instructor can hide by link: ?hide=controls,share
HIDEABLE = ("presets", "controls", "share", "charts", "honesty", "explanation")


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server, as set (core/settings.py)."""
    made = Engine(is_here=is_here)
    made.hear(counts.job)
    return made


def at_hand(spec: Any) -> bool:
    """Whether this server still holds the data that people brought for `spec`."""
    return not any(carried_by(spec)) or engine().brought.lend(spec)


def gone() -> str:
    """What is said where it does not."""
    return _("This server no longer holds these data: bring the file again.")


def _viewer() -> str:
    """This browser session's name in the queue, where turns go round the names: the same on all its pages."""
    if "viewer" not in st.session_state:
        context = get_script_run_ctx()
        st.session_state["viewer"] = f"{uuid.uuid4().hex}@{context.session_id if context else ''}"
    return str(st.session_state["viewer"])


def is_here(viewer: str) -> bool:
    """Whether the viewer's browser is connected, as far as can be known."""
    return not runtime.exists() or runtime.get_instance().is_active_session(viewer.partition("@")[2])


@dataclasses.dataclass(kw_only=True)
class Watching(abc.ABC):
    """A visitor's talk with the engine. `generation` counts how often the widgets began anew."""

    DRAWN: ClassVar[str] = "seed"  # a control that stands on the page whenever the others do

    viewer: str = dataclasses.field(default_factory=_viewer)
    generation: int = 0
    shown: Any = None  # the run on the page
    waiting: str | None = None  # the id of the run that is awaited
    version: int = 0  # of the partial runs seen of it
    complete: bool = True  # what is shown is all of it
    messages: tuple[str, ...] = ()  # what the link asked for and did not get

    @property
    def prefix(self) -> str:
        """Of the keys of this generation's widgets. Keys come back in turn: Streamlit remembers every widget that a
        session has ever had, a few kilobytes for each new set of keys."""
        return f"{self.room}{self.generation % TURNS}"

    @property
    def room(self) -> str:
        """What its widgets' keys begin with, at no other page."""
        return ""

    @property
    def untouched(self) -> bool:
        """The widgets of this generation are not drawn yet, so they would say `base`."""
        return f"{self.prefix}/{self.DRAWN}" not in st.session_state

    def begin_anew(self) -> None:
        """From here on the widgets say `base`."""
        self.generation += 1
        ours = (f"{self.prefix}/", f"{self.prefix}.")
        for key in [key for key in st.session_state if str(key).startswith(ours)]:
            del st.session_state[key]

    def put_away(self) -> None:
        """The messages were read."""
        self.messages = ()

    def leave(self) -> None:
        """What is awaited is not wanted any more."""
        if self.waiting is not None:
            engine().leave(self.waiting, self.viewer)
            self.waiting = None

    @abc.abstractmethod
    def cancel(self) -> None:
        """The button beside the progress: back to what is shown."""

    @property
    def can_go_back(self) -> bool:
        """Whether there is a whole run to go back to."""
        return True

    def ask(self, spec: Any) -> JobState | None:
        """Makes `spec` what is shown or awaited; the state of its job, None once it is shown whole."""
        if not at_hand(spec):
            self.leave()
            return JobState("failed", message=gone())
        id = identity(spec)
        if self.waiting != id:
            self.leave()
            self.version = 0
            if self.shown is not None and self.shown.id == id and self.complete:
                return None
            engine().submit(spec, self.viewer)
            self.waiting = id
        state = self._progress(id)
        if state is not None and state.status == "cancelled":  # while this browser was away, for others who waited
            self.version = 0
            engine().submit(spec, self.viewer)
            state = self._progress(id)
        return state

    def _progress(self, id: str) -> JobState | None:
        state = engine().state(id)
        if state.status == "done":
            self._show(engine().result(id) or self.shown, complete=True)
            self.waiting = None
            return None
        if not state.finished and state.version > self.version:
            self.version = state.version
            partial = engine().partial(id)
            if self._is_worth_showing(partial):
                self._show(partial, complete=False)
        return state

    def _is_worth_showing(self, partial: Any) -> bool:
        """Whether a partial run is a picture already."""
        return partial is not None and partial.surface is not None

    def _show(self, run: Any, complete: bool) -> None:
        self.shown, self.complete = run, complete
        if complete and getattr(run, "surface", None) is not None:
            look_at(run.spec)


def looked_at() -> dict[str, Any]:
    """What this browser session has looked at, by id, the latest last: specifications of experiments with a stage."""
    found: dict[str, Any] = st.session_state.setdefault("looked_at", {})
    return found


def look_at(spec: Any) -> None:
    """Remembers what is looked at."""
    if type(spec) not in EXPERIMENTS.values():
        return
    known = looked_at()
    known.pop(identity(spec), None)
    known[identity(spec)] = spec
    while len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]


def go_to(page: str, query: dict[str, str]) -> None:
    """The next time that the app is drawn it is on that page, and shows what the query says."""
    st.session_state["go_to"] = page, query


@dataclasses.dataclass
class Visit(Watching):
    """One visitor's state. `base` is what the widgets of this `generation` start from."""

    preset: str
    base: Any
    temperature: float | None
    look: str
    hidden: frozenset[str]
    first: float | None = None  # the temperature that the stage started with on this surface
    experimenting: bool = False  # the sidebar with the controls stands open
    asked: Any = None  # the specification last asked for
    stage_due: float | None = None  # when the stage is waited for no more, on time.monotonic's clock
    stands: bool = False  # the stage has drawn in the browser, or is not waited for any more
    alone: bool = False  # of what stands on the page below the stage nothing is sent yet

    @property
    def title(self) -> Any:
        """The preset's row in PRESETS: title, sentence, hint."""
        return PRESETS[self.preset]

    def caption(self) -> str:
        """The stage's title: the preset's, or that it is the visitor's own."""
        own = self.shown.spec != self.title.spec
        return _("own experiment") if own else term(self.title.title)

    def first_temperature(self) -> float | None:
        """What the stage starts with: what the link or the visitor says, else the preset's on its own subject.

        None leaves it to the stage, which goes by the surface's scale.
        """
        if self.first is not None:
            return self.first
        return self.title.temperature if _subject(self.shown.spec) is _subject(self.title.spec) else None

    def released(self) -> None:
        """The stage's temperature was set: it belongs to the link from now on."""
        self.temperature = rounded(st.session_state[STAGE].get("temperature"))

    def take_up(self) -> None:
        """A visitor who comes back to the page finds the controls as they were: Streamlit forgot its widgets."""
        if self.asked is not None and self.untouched:
            self.base, self.asked = self.asked, None
            self.begin_anew()

    def stage_stands(self) -> None:
        """The stage has drawn its first pictures."""
        self.stands = True

    def only_stage(self) -> bool:
        """Whether nothing but the stage is sent yet: charts and controls take a browser's main thread for longer than
        the stage, and let it go first. Nobody waits where there is no stage or no browser, or once somebody acts."""
        if self.stage_due is None:
            self.stage_due = time.monotonic() + PATIENCE_SECONDS
        self.stands = (self.stands or self.shown.surface is None or self.experimenting or self.generation > 0
                       or time.monotonic() >= self.stage_due or not st.context.headers)
        self.alone = not self.stands
        return self.alone

    def restart(self, preset: str, spec: Any) -> None:
        """Widgets start anew from `spec`, under the headline of `preset`."""
        self.leave()
        self.asked = None
        self.preset, self.base, self.messages = preset, spec, ()
        self.first = self.temperature
        self.begin_anew()

    def choose(self, preset: str) -> None:
        """A preset's button was pressed."""
        self.temperature = None
        self.restart(preset, PRESETS[preset].spec)

    def follow(self, query: Mapping[str, str]) -> None:
        """Back or Forward: the page is again what the address says."""
        link = opened(query)
        self.temperature = link.temperature
        self.restart(link.preset, link.base)
        self.messages = link.messages

    def experiment(self) -> None:
        """The button that opens and closes the controls."""
        self.experimenting = not self.experimenting
        st.set_page_config(initial_sidebar_state=self.sidebar)

    @property
    def sidebar(self) -> Literal["expanded", "collapsed"]:
        return "expanded" if self.experimenting else "collapsed"

    def cancel(self) -> None:
        """Back to what is shown."""
        spec = self.shown.spec if self.shown is not None and self.complete else PRESETS[self.preset].spec
        self.restart(self.preset, spec)

    def ask(self, spec: Any) -> JobState | None:
        """As Watching.ask; remembered for when the visitor comes back."""
        self.asked = spec
        return super().ask(spec)

    def _show(self, run: Any, complete: bool) -> None:
        """Another surface; the heat that the visitor has set stays."""
        super()._show(run, complete)
        self.first = self.temperature

    def query(self, spec: Any) -> dict[str, str]:
        """The link to what is asked for now."""
        extra: dict[str, Any] = {"T": self.temperature}
        if self.look != "dark":
            extra["look"] = self.look
        if self.hidden:
            extra["hide"] = "_".join(sorted(self.hidden))
        return to_query(self.preset, spec, extra)


def rounded(temperature: float | None) -> float | None:
    """A temperature to three significant digits: what is shown, what a link says and what a link gives are one."""
    return None if temperature is None else float(f"{temperature:.3g}")


def _subject(spec: Any) -> type:
    """The class of what is looked at: the data, or the potential."""
    return type(getattr(spec, "dataset", None) or getattr(spec, "potential", None) or spec)


def visit() -> Visit:
    """This visitor's state; at the first call it is read from the link."""
    if "visit" not in st.session_state:
        query = st.query_params.to_dict()
        # Of a lab's link, which is followed on the lab's own page, only what concerns every page.
        lab = query.get("kind") in (*LABS, *APART)
        st.session_state["visit"] = opened({name: query[name] for name in ("look", "hide") if name in query}
                                           if lab else query)
    return st.session_state["visit"]


def opened(query: Mapping[str, str]) -> Visit:
    """The state that a link opens; a preset's run is shown at once, whatever else is asked for."""
    link = from_query(query, known=("look", "hide", "lost"))
    messages = list(link.messages)
    if "lost" in link.extra:
        messages.append(_("There is no page “{name}” here; this is the first page.").format(
            name=brief(link.extra["lost"])))
    look = link.extra.get("look", "dark")
    if look not in LOOKS:
        messages.append(_("look={look} in this link is not known; known are {known}.").format(
            look=look, known=", ".join(LOOKS)))
        look = "dark"
    wanted = {name for name in link.extra.get("hide", "").replace(",", "_").split("_") if name}
    if wanted - set(HIDEABLE):
        messages.append(_("hide={names} in this link is not known; known are {known}.").format(
            names=", ".join(sorted(wanted - set(HIDEABLE))), known=", ".join(HIDEABLE)))
    temperature = rounded(link.temperature)
    return Visit(link.preset, link.spec, temperature, look, frozenset(wanted & set(HIDEABLE)),
                 messages=tuple(messages), shown=load_preset(link.preset), first=temperature)


def remember(query: dict[str, str]) -> None:
    """Writes the link into the address bar, where it differs."""
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
