"""The two that are compared: what each side shows, awaits and can be changed to; a link to both, and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import streamlit as st

from ...catalogue import EXPERIMENTS, LABS
from ...catalogue.links import (
    COMPARE,
    OF_THE_PAGE,
    SIDES,
    brief,
    from_query,
    pair_to_query,
    shortest_query,
    side_of,
)
from ...core.specs import identity
from ...engine import JobState
from ...engine.brought.kept import RUN
from ...experiments.presets import DEFAULT_PRESET, PRESETS
from ...presentation.words import _, term
from ...runs.run import Run
from .. import state
from ..changes import changes
from ..menu import FIRST, YOURS, menu
from ..pages.yours import visit as yours
from ..state import Visit, Watching, engine, looked_at, rounded

KEY = f"lab_{COMPARE}"  # of the pair in the session
# What stands beside the default preset until something is chosen: shipped, so that it is there at once.
BESIDE = "digits"
OWN_SCALES, ONE_SCALE = "own", "one"


@dataclasses.dataclass
class Side(Watching):
    """One of the two. `spec`: what it shows or awaits. Of what somebody brought: given, the run itself where it is one;
    source: its query; called: its name."""

    name: str
    spec: Any
    given: Run | None = None
    source: Mapping[str, str] | None = None
    called: str = ""
    job: JobState | None = None  # how far it is, None once it is all there

    @property
    def letter(self) -> str:
        return self.name.upper()

    @property
    def room(self) -> str:
        return f"{COMPARE}_{self.name}."

    @property
    def title(self) -> str:
        return self.called or title(self.spec)

    def choose(self, spec: Any, messages: tuple[str, ...] = ()) -> None:
        """Another experiment stands here from now on."""
        self.take(Side(self.name, spec, messages=messages))

    def take(self, other: "Side") -> None:
        """What the other side has chosen stands here from now on."""
        self.leave()
        self.spec, self.given, self.source, self.called = other.spec, other.given, other.source, other.called
        self.messages = other.messages
        self.begin_anew()

    def query(self) -> dict[str, str]:
        """The link to it alone."""
        return dict(self.source) if self.source is not None else shortest_query(self.spec)

    def cancel(self) -> None:
        """Back to what is shown; where nothing is, nothing more is computed."""
        if self.shown is not None and self.complete:
            self.choose(self.shown.spec)
        elif self.waiting is not None:
            engine().leave(self.waiting, self.viewer)

    @property
    def can_go_back(self) -> bool:
        return self.shown is not None and self.complete

    def see(self) -> None:
        """Asks for its run."""
        if self.given is None:
            self.job = self.ask(self.spec)
            return
        self.leave()
        self.job, self.shown, self.complete = None, self.given, True

    @property
    def stands(self) -> bool:
        """Whether what is shown is what was chosen, or comes to be it."""
        chosen = self.shown is not None and (self.shown is self.given if self.given is not None else
                                             self.shown.id == identity(self.spec))
        return chosen and self.shown.surface is not None

    def paste(self) -> None:
        """A link was pasted: it is followed, or a sentence says why it is not, and all stays as it is."""
        text = str(st.session_state.get(self.pasted, "")).strip()
        if not text:
            return
        found = read(text, self.name)
        if found.spec is None:
            self.messages = found.messages
            self.begin_anew()
        else:
            self.take(found)

    @property
    def pasted(self) -> str:
        """The key of the field for a link."""
        return f"{self.prefix}/paste"


def read(text: str, name: str = SIDES[0]) -> Side:
    """What a pasted link names, and what of it could not be followed; no specification where it names nothing."""
    query, page = _query_of(text)
    kind = query.get("kind", page)
    if kind == COMPARE:
        query = side_of(query, SIDES[0])
        kind = query.get("kind", "")
    if kind == YOURS:
        return _brought(name, query)
    spec, messages = _experiment(query, kind, text)
    return Side(name, spec, messages=messages)


def _brought(name: str, query: Mapping[str, str]) -> Side:
    """Data or a run that somebody brought, by the link to them."""
    found = yours.opened(query)
    given = engine().brought.run(found.opened.key) if found.opened is not None and found.opened.kind == RUN else None
    spec = found.base if given is None else given.spec
    if found.opened is None or spec is None:
        return Side(name, None, messages=found.messages or (_("This link to what somebody brought names nothing."),))
    kept = {key: text for key, text in query.items() if key not in OF_THE_PAGE} | {"kind": YOURS}
    return Side(name, spec, given, kept, found.opened.title, messages=found.messages)


def _experiment(query: Mapping[str, str], kind: str, text: str) -> tuple[Any, tuple[str, ...]]:
    if kind in menu() and kind not in (*LABS, FIRST.name):
        return None, (_("The page “{page}” has no stage that could stand here.").format(page=menu()[kind].menu),)
    known = query.get("preset", DEFAULT_PRESET) in PRESETS and (kind in ("", FIRST.name) or kind in EXPERIMENTS)
    if not known or not ("preset" in query or kind):
        return None, (_("“{text}” is no link to an experiment: paste the whole address that “Share” shows.").format(
            text=brief(text)),)
    link = from_query({**query, **({"kind": kind} if kind in EXPERIMENTS else {})}, known=OF_THE_PAGE[1:])
    return link.spec, link.messages


def _query_of(text: str) -> tuple[dict[str, str], str]:
    """The query of an address, or of what is written like one; and the page that its path names."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return {}, ""
    asked = parts.query or ("" if parts.scheme or "=" not in text else text)
    name = parts.path.rstrip("/").rpartition("/")[2]
    return dict(parse_qsl(asked)), name if name in menu() else ""


@dataclasses.dataclass
class Pair:
    """One visitor's state on the page. temperature: as the heat was last set, None: never. first: with which the
    stages began. one_scale: of heights and colours, None: where that shows both."""

    a: Side
    b: Side
    temperature: float | None = None
    first: float | None = None
    one_scale: bool | None = None

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.a, self.b

    def see(self) -> None:
        """Asks for both runs."""
        before = [side.shown for side in self.sides]
        for side in self.sides:
            side.see()
        if any(one is not side.shown for one, side in zip(before, self.sides, strict=True)):
            self.first = self.temperature

    def swap(self) -> None:
        """A becomes B, and B becomes A."""
        first = dataclasses.replace(self.a, messages=())
        self.a.take(dataclasses.replace(self.b, messages=()))
        self.b.take(first)

    def leave(self) -> None:
        """The visitor went to another page."""
        for side in self.sides:
            side.leave()

    def released(self, side: Side) -> None:
        """The heat was set on one of the stages: it belongs to the link from now on."""
        self.temperature = rounded(st.session_state[f"stage_{side.name}"].get("temperature"))

    def follow(self, query: Mapping[str, str]) -> None:
        """Shows what a link says."""
        there = opened(query)
        for side, new in zip(self.sides, there.sides, strict=True):
            side.take(new)
        self.temperature = self.first = there.temperature
        self.one_scale = there.one_scale

    def query(self, house: Visit) -> dict[str, str]:
        """The link to both."""
        return pair_to_query([side.query() for side in self.sides], {
            "T": self.temperature, "look": house.look if house.look != "dark" else None,
            "scale": None if self.one_scale is None else ONE_SCALE if self.one_scale else OWN_SCALES,
            "hide": "_".join(sorted(house.hidden)) or None})


def pair_query(specs: list[Any], extra: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The link to two experiments side by side."""
    return pair_to_query([shortest_query(spec) for spec in specs], extra)


def opened(query: Mapping[str, str]) -> Pair:
    """The pair that a link opens; what it may not ask for becomes a sentence on its side."""
    a, b = (_opened(query, name, preset) for name, preset in zip(SIDES, (DEFAULT_PRESET, BESIDE), strict=True))
    link = from_query({name: query[name] for name in ("T", "v") if name in query})
    ours = {name: query[name] for name in ("look", "hide") if name in query}
    a.messages += (*link.messages, *(state.opened(ours).messages if ours else ()))
    T = rounded(link.temperature)
    return Pair(a, b, T, T, {ONE_SCALE: True, OWN_SCALES: False}.get(query.get("scale", "")))


def _opened(query: Mapping[str, str], name: str, preset: str) -> Side:
    own = side_of(query, name)
    if not own:
        return Side(name, PRESETS[preset].spec)
    if own.get("kind") == YOURS:
        found = _brought(name, own)
        return found if found.spec is not None else Side(name, PRESETS[preset].spec, messages=found.messages)
    link = from_query(own, known=OF_THE_PAGE)
    return Side(name, link.spec, messages=link.messages)


def pair() -> Pair:
    """This visitor's state; at the first call it is read from the link."""
    if KEY not in st.session_state:
        st.session_state[KEY] = opened(st.query_params.to_dict())
    found: Pair = st.session_state[KEY]
    return found


# Choosing


def title(spec: Any) -> str:
    """What a side is called: a preset, a lab, or what was changed of them."""
    query = shortest_query(spec)
    kind, preset = query.get("kind", ""), query.get("preset", "")
    if kind in LABS:
        name = menu()[kind].menu
        return name if spec == EXPERIMENTS[kind]() else _("{lab}, own settings").format(lab=name)
    name = term(PRESETS[preset].title)
    changed = changes(preset, spec)
    return f"{name}: {changed}" if changed else name


def choices(side: Side) -> dict[str, tuple[str, Any]]:
    """id -> (name, specification) of all that can be chosen: what stands there, what was looked at, presets, labs."""
    looked = [spec for _id, spec in reversed(looked_at().items())]
    presets = [preset.spec for preset in PRESETS.values()]
    labs = [EXPERIMENTS[kind]() for kind in LABS if menu()[kind].stage]
    found: dict[str, tuple[str, Any]] = {identity(side.spec): (side.title, side.spec)}
    for spec, group in (*((one, "") for one in presets), *((one, _("Lab")) for one in labs),
                        *((one, _("Looked at")) for one in looked)):
        found.setdefault(identity(spec), (f"{group}: {title(spec)}" if group else title(spec), spec))
    return found


def with_another(spec: Any) -> dict[str, str]:
    """The link that compares `spec` with what was looked at before it, or with a preset."""
    own = identity(spec)
    others = [other for id, other in reversed(looked_at().items()) if id != own]
    presets = [PRESETS[name].spec for name in (DEFAULT_PRESET, BESIDE) if identity(PRESETS[name].spec) != own]
    return pair_query([spec, (others or presets)[0]])


