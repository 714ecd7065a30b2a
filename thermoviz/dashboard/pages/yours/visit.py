"""One visitor's state on the page: what is being brought, what is opened, what they brought before."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import streamlit as st

from ....catalogue.links import brief, from_query, to_query
from ....core.dynamics.integrators import SGD
from ....core.errors import BadFile, BadInput, NotKept
from ....core.landscape.planes import ThroughSolutions
from ....core.learning.data import Dataset
from ....core.learning.networks import MLP
from ....engine.brought.kept import DATA, RUN, About
from ....experiments.landscape.specification import Descent
from ....experiments.presets import DEFAULT_PRESET
from ....experiments.tables import drawn
from ....experiments.tables.columns import printable
from ....experiments.tables.table import Table, Task, problem, read
from ....presentation.names import class_title
from ....presentation.words import _
from ....runs.carried import OwnData, own_data
from ....runs.files import MAX_BYTES
from ....runs.run import Run
from ....stage.payload import payload
from ...menu import YOURS
from ...state import Visit, Watching, engine, gone

KEY = f"lab_{YOURS}"  # of this visitor's state in the session
HOUSE = ("look", "hide")
SAFETENSORS = b"\0\0\0\0{"  # from the fifth byte on: a header of less than 4 GB, and its first letter
MOST_KEPT = 12  # of what a visitor brought, in the list
log = logging.getLogger("thermoviz.server")


class Thing(NamedTuple):
    """Something that was brought: DATA or RUN, its hash, what it is called."""

    kind: str
    key: str
    title: str


@dataclasses.dataclass
class YoursVisit(Watching):
    """`opened`: what the page shows; None: the doors. `base`: what the widgets of this `generation` start from."""

    opened: Thing | None = None
    base: Any = None
    asked: Any = None
    file: str = ""  # the name of the file whose table is being looked at
    table: Table | None = None
    points: tuple[Any, ...] = ()
    points_task: str = "classification"
    refusal: str = ""
    uploads: int = 0  # files taken: each has a widget of its own, so that none stays in the server's memory
    mine: tuple[Thing, ...] = ()
    walk: str | None = None  # the page to leave for

    @property
    def room(self) -> str:
        return f"{YOURS}."

    @property
    def upload(self) -> str:
        """The key of the widget that takes the next file."""
        return f"{YOURS}.file.{self.uploads}"

    # Bringing

    def take_file(self) -> None:
        """A file was chosen: a run is opened, a table looked at, all else refused in a sentence."""
        file = st.session_state.get(self.upload)
        self.uploads += 1
        if file is not None:
            self.answer(lambda: self._take(printable(file.name, 60), file.size, file.getvalue))

    def _take(self, name: str, size: int, contents: Callable[[], bytes]) -> None:
        self.table = None
        if size > MAX_BYTES:
            raise BadFile(_("This file has {mb:.0f} MB, and at most {most} MB can be brought.").format(
                mb=size / 2**20, most=MAX_BYTES // 2**20))
        given = contents()
        if given[4:9] == SAFETENSORS:
            self._take_run(name, given)
        else:
            self.table, self.file = read(given), name
            self.begin_anew()

    def _take_run(self, name: str, contents: bytes) -> None:
        run = Run.from_bytes(contents)
        _refuse_undrawable(run)
        self.open(Thing(RUN, engine().brought.bring_run(contents, run), name))

    def learn(self, target: str, inputs: list[str], task: Task, leave_out: bool) -> None:
        """The button below the columns."""
        assert self.table is not None
        table = self.table

        def bring() -> None:
            data = problem(table, target, inputs, task, leave_out)
            self.bring(data, _("“{target}” from {file}").format(target=target, file=self.file),
                       {"target": target, "inputs": inputs, "rows": table.rows})

        self.answer(bring)

    def learn_drawn(self, points: Any, task: Any) -> None:
        """The button below the drawing; whatever the browser says is checked."""
        def bring() -> None:
            chosen: Task = "regression" if task == "regression" else "classification"
            data = drawn.drawn(points, chosen)
            self.points, self.points_task = tuple(map(tuple, points)), chosen
            self.bring(data, _("a drawn curve") if chosen == "regression" else _("drawn points"), {})

        self.answer(bring)

    def bring(self, data: Dataset, title: str, more: Mapping[str, Any]) -> None:
        """Keeps a data set and opens it. Raises NotKept."""
        member = own_data(data)
        engine().brought.bring(member, title, more)
        self.open(Thing(DATA, member.content_hash, title), first_spec(member, data))

    def answer(self, take: Callable[[], None]) -> None:
        """What was refused becomes a sentence on the page."""
        self.refusal = ""
        try:
            take()
        except (BadInput, NotKept) as error:
            said = brief(str(error), 500)
            self.refusal = said[:1].upper() + said[1:]

    # Opening, leaving, deleting

    def open(self, thing: Thing, base: Any = None) -> None:
        """Shows it."""
        self.leave()
        self.opened, self.base, self.asked = thing, base, None
        self.shown, self.complete, self.messages = None, True, ()
        self.table, self.refusal = None, ""
        self.begin_anew()
        self.mine = (thing, *(one for one in self.mine if one[:2] != thing[:2]))[:MOST_KEPT]

    def close(self) -> None:
        """Back to the doors."""
        self.leave()
        self.opened, self.shown, self.base, self.asked, self.refusal, self.messages = None, None, None, None, "", ()
        self.begin_anew()

    def close_table(self) -> None:
        """Another file instead."""
        self.table, self.refusal = None, ""

    def leave_gone(self) -> None:
        """What was opened is not here any more."""
        gone_now = self.opened
        self.close()
        self.mine = tuple(one for one in self.mine if one != gone_now)
        self.messages = (gone(),)

    def delete(self, thing: Thing) -> None:
        """It is gone, with all that was computed of it."""
        self.leave()

        def remove() -> None:
            engine().delete(thing.kind, thing.key)
            self.mine = tuple(one for one in self.mine if one[:2] != thing[:2])
            if self.opened is not None and self.opened[:2] == thing[:2]:
                self.close()
            self.messages = (_("“{title}” is deleted, with all that was computed of it.").format(title=thing.title),)

        self.answer(remove)

    def cancel(self) -> None:
        """The button beside the progress: back to what is shown; where nothing is, nothing more is computed."""
        if self.shown is not None and self.complete:
            self.base, self.asked = self.shown.spec, None
            self.begin_anew()
            self.leave()
        elif self.waiting is not None:
            engine().leave(self.waiting, self.viewer)

    @property
    def can_go_back(self) -> bool:
        """Not before the first picture."""
        return self.shown is not None and self.complete

    def take_up(self) -> None:
        """A visitor who comes back to the page finds the controls as they were: Streamlit forgot its widgets."""
        if self.asked is not None and self.untouched:
            self.base = self.asked
            self.begin_anew()

    def follow(self, query: Mapping[str, str]) -> None:
        """Back or Forward: the page is again what the address says."""
        if query.get("kind") != YOURS:  # as it was left a moment before another page had its own address
            return
        link = opened(query)
        if (link.opened or ("", ""))[:2] != (self.opened or ("", ""))[:2] or link.base != self.base:
            mine = self.mine
            self.close()
            self.opened, self.base, self.messages, self.mine = link.opened, link.base, link.messages, mine

    def query(self, spec: Any, house: Visit) -> dict[str, str]:
        """The link to what is shown."""
        found = {"kind": YOURS}
        if self.opened is not None and self.opened.kind == DATA:
            found |= to_query(DEFAULT_PRESET, spec)
            found = {name: text for name, text in found.items() if not name.startswith(("dataset", "preset"))}
            found |= {"kind": YOURS, "data": self.opened.key}
        elif self.opened is not None:
            found["run"] = self.opened.key
        if house.look != "dark":
            found["look"] = house.look
        if house.hidden:
            found["hide"] = "_".join(sorted(house.hidden))
        return found


def first_spec(member: OwnData, data: Dataset) -> Descent:
    """What data are learned by at first: within seconds, whatever their size."""
    many = data.n_train * data.n_inputs
    hidden = (16, 16) if data.n_inputs <= 10 else (16,)
    return Descent(
        dataset=member, network=MLP(hidden, "tanh"), dynamics=(SGD(0.1, 0.9),), weight_decay=1e-3,
        batch_size=min(32, data.n_train), replicas=6, steps=800, plane=ThroughSolutions(margin=0.06),
        resolution=81 if many <= 20_000 else 41 if many <= 200_000 else 21, tolerance=5e-3 if many <= 20_000 else 2e-2)


def _refuse_undrawable(run: Run) -> None:
    """A file may pass its own checksum and still hold what does not fit together."""
    try:
        if run.surface is not None:
            payload(run)
    except BadInput:
        raise
    except Exception as error:
        log.info("a run file cannot be drawn: %r", error)
        raise BadFile(_("This run file cannot be shown: what it holds does not fit together.")) from None


def title_of(run: Run) -> str:
    """What a run that was brought is called, where nobody says."""
    return class_title(type(run.spec))


def opened(query: Mapping[str, str]) -> YoursVisit:
    """The state that a link opens; what it may not ask for becomes a sentence."""
    kept = engine().brought
    here = YoursVisit()
    try:
        if "run" in query:
            run = kept.run(query["run"])
            if run is None:
                raise BadInput(gone())
            here.opened = Thing(RUN, query["run"], title_of(run))
        elif "data" in query:
            about, member = kept.about(DATA, query["data"]), OwnData(query["data"])
            if about is None or not kept.lend(Descent(dataset=member)):
                raise BadInput(gone())
            here.opened = Thing(DATA, query["data"], about.title or _("data of a run"))
            here.base, here.messages = _asked(query, member)
    except BadInput as error:
        here.messages = (gone() if "64 hex" in str(error) or "content_hash" in str(error) else str(error),)
    return here


def _asked(query: Mapping[str, str], member: OwnData) -> tuple[Descent, tuple[str, ...]]:
    """The experiment that a link asks for on these data, and what of it could not be followed."""
    data = member.load()
    member = own_data(data)
    first = first_spec(member, data)
    names = {name for name in query if name not in (*HOUSE, "kind", "data", "v", "T", "preset")}
    if not names:
        return first, ()
    link = from_query({**{name: text for name, text in query.items() if name not in (*HOUSE, "data", "preset")},
                       "kind": "descent"})
    return dataclasses.replace(link.spec, dataset=member), link.messages


def yours_visit() -> YoursVisit:
    """This visitor's state; at the first call it is read from the link."""
    if KEY not in st.session_state:
        st.session_state[KEY] = opened(st.query_params.to_dict())
    found: YoursVisit = st.session_state[KEY]
    return found


def about_of(thing: Thing) -> About | None:
    """What is known of something that was brought; None where it is gone."""
    return engine().brought.about(thing.kind, thing.key)
