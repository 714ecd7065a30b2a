"""The page "Phase diagram": an experiment over a grid of its settings and many seeds, as a picture that grows."""

import dataclasses
import functools
import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ...catalogue import EXPERIMENTS, LABS
from ...catalogue.links import sweep_from_query, sweep_to_query, to_query
from ...catalogue.shipped import load_sweep, phase_diagram
from ...core.errors import BadInput
from ...core.flat import list_of, names_in, values_in
from ...core.specs import canonical, from_json, identity, to_json
from ...engine import JobState
from ...experiments.presets import DEFAULT_PRESET
from ...experiments.sweep.pieces import whole_seconds
from ...experiments.sweep.results import Rows
from ...experiments.sweep.specification import SEED, Axis, Sweep
from ...figures.phase import (
    Line,
    claim_of,
    first_of,
    labels,
    level_of,
    lines_of,
    phase,
    setting_title,
    summary,
)
from ...presentation.looks import LOOKS, Look
from ...presentation.waits import about
from ...presentation.words import _, counted, read_in, term
from ...runs.late import room_of
from .. import controls, panels, scene, state
from ..drawn import kept, style
from ..menu import SWEEP, menu
from ..plain import plain
from ..share import address, saved, share, show
from ..state import Visit, Watching, engine, remember, visit
from ..style import stylesheet

KEY = f"lab_{SWEEP}"  # of this visitor's state in the session
HOUSE = ("look", "hide", "map")
OURS = re.compile(r"^Sweep(\.over)?: ")  # in front of what the experiment itself refuses
NONE = "–"  # where no setting is moved
MOST_SECONDS = 3600.0  # of what may be asked for here; the shell has no such limit


@dataclasses.dataclass
class SweepVisit(Watching):
    """One visitor's state on this page. `start` is what the widgets of this `generation` start from."""

    DRAWN = "seeds"

    start: Sweep
    asked: Sweep | None = None  # what the widgets said last
    wanted: str | None = None  # the id of the sweep whose computation was asked for
    mapped: str | None = None  # the number on the map

    @property
    def base(self) -> Any:
        """The experiment whose settings a link names."""
        return self.start.base

    @property
    def room(self) -> str:
        return f"{SWEEP}."

    def restart(self, spec: Sweep) -> None:
        """Widgets start anew from `spec`."""
        self.leave()
        self.start, self.asked, self.wanted, self.messages = spec, None, None, ()
        self.begin_anew()

    def cancel(self) -> None:
        """What is known stays on the page; nothing more is computed. What is computed is kept for the next time."""
        self.leave()
        self.wanted = None

    def take_up(self) -> None:
        """A visitor who comes back to the page finds the controls as they were: Streamlit forgot its widgets."""
        if self.asked is not None and self.untouched:
            self.start = self.asked
            self.begin_anew()

    def follow(self, query: Mapping[str, str]) -> None:
        """Back or Forward: the page is again what the address says."""
        link = opened(query)
        self.restart(link.start)
        self.messages, self.mapped = link.messages, link.mapped

    def go(self, spec: Sweep) -> None:
        """The button that begins the computation."""
        self.wanted = identity(spec)

    def see(self, spec: Sweep) -> JobState | None:
        """Shows what is known of `spec`; its job, where one was asked for."""
        self.asked = spec
        id = identity(spec)
        if self.shown is None:
            self._show(load_sweep(), complete=True)
        if self.wanted == id or engine().knows(id):
            return self.ask(spec)
        self.leave()
        return None

    def _is_worth_showing(self, partial: Any) -> bool:
        return partial is not None

    def query(self, spec: Sweep, house: Visit) -> dict[str, str]:
        """The link to what is asked for now."""
        return sweep_to_query(spec, {"look": house.look if house.look != "dark" else None, "map": self.mapped,
                                     "hide": "_".join(sorted(house.hidden)) or None})


def opened(query: Mapping[str, str]) -> SweepVisit:
    """The state that a link opens."""
    ours = {name: query[name] for name in ("look", "hide") if name in query}
    elsewhere = "preset" in query or query.get("kind", SWEEP) != SWEEP
    link = sweep_from_query(ours if elsewhere else query, phase_diagram(), known=HOUSE)
    return SweepVisit(link.spec, mapped=link.extra.get("map"),
                      messages=(*link.messages, *(state.opened(ours).messages if ours else ())))


def sweep_visit() -> SweepVisit:
    """This visitor's state; at the first call it is read from the link."""
    if KEY not in st.session_state:
        st.session_state[KEY] = opened(st.query_params.to_dict())
    found: SweepVisit = st.session_state[KEY]
    return found


def sweep() -> None:
    """Draws the page."""
    read_in(st.context.locale)
    house, here = visit(), sweep_visit()
    look = LOOKS[house.look]
    style(look, "style", lambda: stylesheet(look))
    spec, refusal = _controls(house, here)
    job = here.see(spec)
    query = here.query(spec, house)
    remember(query)
    _top(house, here, query)
    panels.messages(here, refusal)
    with st.container(key="status"):
        if job is not None:
            _progress(here, spec, job)
        elif here.shown is None or here.shown.spec != spec:
            _offer(here, spec)
    with st.container(key="scene"):
        if here.shown is not None and Rows.expect(here.shown).names:
            _picture(here, here.shown, look)
    if "explanation" not in house.hidden:
        kept(("explanation", SWEEP), lambda: (None, _explanation()))


# The controls


def _controls(house: Visit, here: SweepVisit) -> tuple[Sweep, str]:
    """The sweep that the widgets ask for. Where they are refused: the one asked for before, and why."""
    here.take_up()
    if "controls" in house.hidden:
        return here.start, ""
    with st.sidebar:
        st.subheader(_("The sweep"))
        try:
            return _widgets(here), ""
        except BadInput as error:
            said = plain(type(here.start.base), OURS.sub("", str(error)))
            with st.container(key="refused"):
                st.warning(said, icon=":material/info:")
            return here.asked or here.start, said


def _widgets(here: SweepVisit) -> Sweep:
    """Which experiment, over what, how many seeds; and the experiment's own settings behind a click."""
    kinds = list(EXPERIMENTS)
    kind = st.selectbox(_("Experiment"), kinds, kinds.index(here.base.kind), format_func=_kind_title,
                        key=f"{here.prefix}/kind")
    start = here.base if kind == here.base.kind else EXPERIMENTS[kind]()
    over, more = st.container(), st.expander(_("Settings of each run"))
    with more:
        base = controls.plain_controls(EXPERIMENTS[kind], start, f"{here.prefix}/{kind}")
    with over:
        axes = _axes(here, base, here.start.over if kind == here.base.kind else ())
        seeds = st.number_input(_("Seeds"), 1, 10_000, here.start.seeds, key=f"{here.prefix}/seeds",
                                help=_("So many runs for each combination, with seeds from the experiment's own on."))
    return _sweep(kind, canonical(base), json.dumps(axes), int(seeds))


def _axes(here: SweepVisit, base: Any, before: tuple[Axis, ...]) -> list[tuple[str, str]]:
    """(setting, values as text) of up to three settings."""
    names = [name for name in names_in(to_json(base)) if name != SEED]
    found = []
    for k, title in enumerate((_("Across"), _("Upwards"), _("And for each"))):
        given = before[k] if k < len(before) and before[k].setting in names else None
        options = [NONE, *names] if k else names
        key = f"{here.prefix}/{base.kind}/over{k}"
        name = st.selectbox(title, options, options.index(given.setting) if given else 0, key=key)
        if name == NONE:
            break
        text = st.text_input(_("Values of {setting}").format(setting=setting_title(name)),
                             list_of(given.values) if given and given.setting == name else "", key=f"{key}/{name}",
                             placeholder="0.03, 0.1, 0.3", help=_("With commas between them; lists as 16_16."))
        if text.strip():
            found.append((name, text))
    if not found:
        raise BadInput(_("Choose a setting and give it values, with commas between them."))
    return found


@functools.lru_cache(maxsize=64)
def _sweep(kind: str, base: str, axes: str, seeds: int) -> Sweep:
    """The sweep, made once: all its combinations are checked then. Raises BadInput."""
    return Sweep(from_json(EXPERIMENTS[kind], json.loads(base)),
                 tuple(Axis(name, values_in(text)) for name, text in json.loads(axes)), seeds)


def _kind_title(kind: str) -> str:
    titles = {"descent": _("Training"), "potential": _("A potential")}
    return titles.get(kind) or term(menu()[kind].menu)


# What is computed


def _offer(here: SweepVisit, spec: Sweep) -> None:
    """How much it is, before it begins; and the button that begins it."""
    seconds = engine().sweeps.pace * _whole(spec) / max(1, engine().workers.places)
    runs = counted("{n} run", "{n} runs", spec.n_runs)
    with st.container(horizontal=True, vertical_alignment="center", key="offer"):
        if seconds > MOST_SECONDS:
            st.warning(_("{runs} would take {time} here, which is too long for a page: choose fewer values or "
                         "seeds, or use the command “thermoviz sweep”.").format(runs=runs, time=about(seconds)),
                       icon=":material/hourglass_empty:")
            return
        st.info(_("{runs}: {time} when nobody else asks. Until you press “Compute” the former picture stays.").format(
            runs=runs, time=about(seconds)), icon=":material/grid_on:")
        st.button(_("Compute"), key="compute", type="primary", on_click=here.go, args=(spec,))


@functools.lru_cache(maxsize=64)
def _whole(spec: Sweep) -> float:
    return whole_seconds(spec)


def _progress(here: SweepVisit, spec: Sweep, job: JobState) -> None:
    """Where it stands; a former picture is dimmed."""
    if job.finished:
        scene.progress(here, job)
        return
    if here.complete:
        st.html(f"<style>{scene.DIMMED}</style>")
    scene.watch(here, lambda job: scene.stands(job) if job.status == "queued" else _(
        "{share:.0%} of {n} runs").format(share=job.fraction, n=spec.n_runs))


# What is shown


def _top(house: Visit, here: SweepVisit, query: dict[str, str]) -> None:
    """Headline, what is seen, and the buttons beside them."""
    entry = menu()[SWEEP]
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        shown = here.shown.id if here.shown is not None and here.complete else ""
        said = summary(here.shown) if here.shown is not None else ""
        st.html(f'<h1 class="tv-headline" data-run="{shown}">{html.escape(_title(here.shown, entry.title))}</h1>'
                f'<p class="tv-hint">{html.escape(said or entry.sentence)}</p>')
        if "controls" not in house.hidden:
            panels.settings(house, _("Which experiment, over which settings, in the panel on the left"))
        if "share" not in house.hidden and here.shown is not None:
            show(query, share(here.shown, query))


def _title(run: Any, title: str) -> str:
    """The page's title, of a training; of any other experiment which it is, and over what."""
    if run is None or run.spec.base.kind == "descent":
        return title
    settings = ", ".join(setting_title(name) for name in run.spec.settings)
    return _("{experiment}, over {settings}").format(experiment=_kind_title(run.spec.base.kind), settings=settings)


def _picture(here: SweepVisit, run: Any, look: Look) -> None:
    """What is mapped, the map, and the way to a single run."""
    names, room = Rows.expect(run).names, room_of(run.spec.base)
    first = first_of(names)
    default = here.mapped if here.mapped in names else first

    def titled(name: str) -> str:
        return NONE if name == NONE else claim_of(name, room)

    with st.container(horizontal=True, key="mapped", vertical_alignment="bottom"):
        mapped = st.selectbox(_("What is shown"), names, names.index(default), format_func=titled,
                              key=f"{here.prefix}/mapped/{run.spec.kind}{len(names)}")
        line = _line(here, names, titled)
        third = _third(here, run)
    here.mapped = mapped if mapped != first else None
    lines = tuple(dict.fromkeys((*lines_of(names), *line)))
    figure = kept((run.content, look.name, "phase", mapped, str(lines), str(third)), lambda: _weighed(
        phase(run, look, mapped, lines, third)))
    point = panels.chosen(figure, "phase")
    kept((run.id, look.name, "saved", mapped), lambda: (None, saved(run, look.name, "phase", mapped=mapped)))
    _open_one(here, run, None if point is None else int(point))


def _weighed(figure: Any) -> tuple[Any, int]:
    return figure, len(figure.to_json(validate=False))


def _line(here: SweepVisit, names: list[str], titled: Callable[[str], str]) -> tuple[Line, ...]:
    """A line of the visitor's own: where a number crosses its limit, a verdict's its sign."""
    name = st.selectbox(_("Line where"), [NONE, *names], 0, format_func=titled,
                        key=f"{here.prefix}/line/{len(names)}")
    if name == NONE:
        return ()
    level = st.number_input(_("is"), value=level_of(name), format="%g", key=f"{here.prefix}/level/{name}")
    return (Line(name, float(level)),)


def _third(here: SweepVisit, run: Any) -> int:
    """Which value of a third setting is shown."""
    if len(run.spec.over) < 3:
        return 0
    axis = run.spec.over[2]
    said = labels(axis.values)
    if len(said) < 2:
        return 0
    return int(st.select_slider(setting_title(axis.setting), range(len(said)), 0, format_func=lambda k: said[k],
                                key=f"{here.prefix}/third/{run.id}"))


def _open_one(here: SweepVisit, run: Any, point: int | None) -> None:
    """The link to a single run of the combination that was chosen on the map."""
    if point is None:
        st.caption(_("Click a cell, or a point of the curve, to open one of its runs."))
        return
    spec = run.spec.run_of(point)
    query = to_query(DEFAULT_PRESET, spec, {})
    if spec.kind in LABS:
        del query["preset"]
    said = ", ".join(f"{setting_title(axis.setting)} {value}" for axis, value in zip(
        run.spec.over, (labels((value,))[0] for value in run.spec.points[point]), strict=True))
    st.link_button(_("Open the run with {settings}").format(settings=said), address(query, SWEEP),
                   icon=":material/open_in_new:")


def _explanation() -> int:
    said = _(
        "**Each cell is many runs** of one experiment, which differ in their seeds alone; its colour is the mean of "
        "what is shown. **The solid line** is where half of the networks end above the loss that they began with. "
        "**The dashed line is theory's:** in a valley shaped like a parabola, steps grow instead of shrinking as soon "
        "as the learning rate times the curvature is more than 2. Curvature is measured where each training ended, so "
        "that the line shows where networks live that are just about to be thrown out.\n\n"
        "**Frozen, warm, thrown out.** With small steps networks hardly move; with longer ones they roll into "
        "valleys, and the noise of small batches keeps them warm; with too long ones nothing holds them. Click a cell "
        "to see one of its runs.\n\nThe same from a shell: `thermoviz sweep spec.json --over \"batch_size=8,16,32\" "
        "--seeds 8 --out DIR`, and in Python: `tv.run(tv.Sweep(...)).table()`.")
    with st.expander(_("What am I seeing?"), icon=":material/help:"):
        st.markdown(said)
    return len(said)
