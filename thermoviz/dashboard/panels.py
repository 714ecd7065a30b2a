"""The parts of a page that shows a run: headline, presets, charts, how much the slice hides, plain words."""

import functools
import html
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from ..catalogue import EXPERIMENTS
from ..core.errors import BadInput
from ..experiments.presets import PRESETS, load_preset
from ..figures import charts, report
from ..figures.contour import contour
from ..figures.still import FIGURES
from ..figures.thumbnails import data_uri, thumbnail
from ..presentation import names
from ..presentation import report as told
from ..presentation.badge import badge
from ..presentation.looks import LOOKS, Look
from ..presentation.numbers import number
from ..presentation.reading import reading, readings
from ..presentation.words import _, counted, read_in, term
from . import controls
from .changes import changes
from .component import await_stage
from .drawn import drawn, kept, style
from .plain import in_short, plain, plain_link
from .share import saved
from .state import PATIENCE_SECONDS, Visit
from .style import thumbnail_rules

MOST_MESSAGES = 3  # of a link, in full
# No logo, no zoom by accident: only the button that saves a picture, at twice the size.
CHART_CONFIG = {"displaylogo": False, "scrollZoom": False, "modeBarButtons": [["toImage"]],
                "toImageButtonOptions": {"format": "png", "scale": 2}}


def headline(visit: Visit, spec: Any) -> None:
    """One sentence that says what is seen, and a hint at what to try. `data-run`: whose numbers the page shows.

    Of somebody's own experiment: what was changed, and once it is there what became of it.
    """
    preset = visit.title
    changed = spec is not None and spec != preset.spec
    title, hint = _own(visit, spec) if changed else (term(preset.sentence), term(preset.hint))
    st.html(f'<h1 class="tv-headline" data-run="{visit.shown.id}">{html.escape(title)}</h1>'
            f'<p class="tv-hint">{html.escape(hint)}</p>')


def _own(visit: Visit, spec: Any) -> tuple[str, str]:
    title = _("Your own experiment, started from “{preset}”").format(preset=term(visit.title.title))
    told = changes(visit.preset, spec)
    read = readings(visit.shown) if visit.shown.spec == spec else []
    back = _("Choose a landscape below to come back.")
    if visit.shown.surface is not None and all(one.kind == "learned" for one in read):
        back = _("Turn the heat up and watch where the balls stay; choose a landscape below to come back.")
    return f"{title}: {told}" if told else title, " ".join([*(one.sentence for one in read), back])


@functools.cache
def pictures(look_name: str) -> dict[str, str]:
    """The presets' pictures in a look, as data URIs."""
    look = LOOKS[look_name]
    return {key: data_uri(thumbnail(load_preset(key), look)) for key in PRESETS}


def experiment(visit: Visit) -> tuple[Any, str]:
    """Draws the controls; the specification that they ask for. Where they are refused: the one asked for before, and
    why."""
    cls = EXPERIMENTS[visit.base.kind]
    with st.sidebar:
        st.subheader(_("The experiment"))
        try:
            return controls.controls(cls, visit.base, visit.prefix), ""
        except BadInput as error:
            return visit.asked or visit.base, refused(cls, error)


def settings(house: Visit, what: str) -> None:
    """The button that opens the controls, and closes them: nothing else is drawn anew. `what`: which they are."""
    if house.alone:  # the controls are not there yet, and a press draws the page
        with st.container():
            _settings_button(house, what)
    else:
        _settings_apart(house, what)


def _settings_button(house: Visit, what: str) -> None:
    st.button(_("Experiment"), icon=":material/tune:", key="experiment", on_click=house.experiment, help=what)


@st.fragment
def _settings_apart(house: Visit, what: str) -> None:
    read_in(st.context.locale)
    _settings_button(house, what)


def refused(cls: type, error: BadInput) -> str:
    """The refusal in the page's words. Where the controls cover the page it stands among them (see the style)."""
    said = plain(cls, str(error))
    with st.container(key="refused"):
        st.warning(said, icon=":material/info:")
    return said


def messages(visit: Any, refusal: str) -> None:
    """Why the controls are refused; and, until it is put away, what the link asked for and did not get: in one box."""
    with st.container(key="messages"):
        if refusal:
            st.warning(refusal, icon=":material/info:")
        if visit.messages:
            with st.container(key="link_messages", horizontal=True, vertical_alignment="center"):
                st.warning(" ".join(_short(visit)), icon=":material/info:")
                st.button(_("Close"), key="close_messages", icon=":material/close:", on_click=visit.put_away)


def _short(visit: Any) -> list[str]:
    """The messages in the page's words; where there are many, only what was asked for."""
    cls, given = EXPERIMENTS[visit.base.kind], list(dict.fromkeys(visit.messages))
    if len(given) <= MOST_MESSAGES:
        return [plain_link(cls, message) for message in given]
    asked = [in_short(message) for message in given]
    rest = [message for message, short in zip(given, asked, strict=True) if not short]
    return [_("Not everything in this link is possible here: {names}.").format(names=", ".join(filter(None, asked))),
            *rest]


def presets(visit: Visit) -> None:
    """Six landscapes; a click shows one at once."""
    with st.container(horizontal=True, key="presets", gap="small"):
        for key, preset in PRESETS.items():
            st.button(f"{term(preset.title)}\n\n{term(preset.subtitle)}", key=f"preset_{key}",
                      width="stretch", on_click=visit.choose, args=(key,))


def thumbnails(visit: Visit, look: Look) -> None:
    """The presets' pictures, drawn from their own grids. Apart from the buttons, since at the first visit to a
    server this takes longer than to send the stage."""
    style(look, f"thumbnails {visit.preset}", lambda: thumbnail_rules(look, pictures(look.name), visit.preset))


def chart(run: Any, look: Look, key: str, draw: Callable[[Any, Look], Any],
          caption: Callable[[Any], str] = lambda run: "") -> int:
    """The figure draw(run, look) on its own card, with a sentence below that says what it shows; the bytes of both."""
    return card(draw(run, look), key, caption(run), lambda: saved(run, look.name, key))


def card(figure: Any, key: str, said: str, below: Callable[[], int] = lambda: 0) -> int:
    """A figure on its own card, with a sentence, and what below() draws and weighs; the bytes of all."""
    with st.container(key=f"card_{key}"):
        st.plotly_chart(figure, theme=None, key=f"chart_{key}", config=CHART_CONFIG)
        if said:
            st.caption(said)
        weight = below()
    return len(figure.to_json(validate=False)) + len(said) + weight


def chosen(figure: Any, key: str) -> Any:
    """A figure on its own card of which points can be chosen: the `customdata` of the one that is, or None."""
    with st.container(key=f"card_{key}"):
        found: Any = st.plotly_chart(figure, theme=None, key=f"chart_{key}", config=CHART_CONFIG, on_select="rerun",
                                     selection_mode="points")
    points = found["selection"]["points"] if found else []
    return points[0].get("customdata") if points else None


def rest_soon(visit: Visit) -> None:
    """In place of all that comes after the stage. The page is drawn anew when the stage says that it stands; where it
    never does, the browser asks again."""
    await_stage(visit.stage_stands)
    _rest_by_patience(visit)


@st.fragment(run_every=PATIENCE_SECONDS)
def _rest_by_patience(visit: Visit) -> None:
    read_in(st.context.locale)
    if not visit.only_stage():
        st.rerun()
    st.caption(_("The charts follow in a moment."))


def run_charts(run: Any, look: Look) -> int:
    """Everything about the run that does not move; panels that need networks are absent for a potential. Its bytes."""
    if run.kind == "model_report":
        return _report(run, look)
    if run.surface is None:
        return _network_charts(run, look)
    networks = run.kind != "potential" and "losses" in run.arrays
    columns = st.columns(3 if networks else 2)
    with columns[0]:
        weight = chart(run, look, "free_energy", charts.free_energy, lambda run: _(
            "Exact for this surface. In a heat bath the free energy F falls, not the energy."))
    with columns[1]:
        weight += chart(run, look, "shares", charts.shares, charts.crossing_sentence)
    if networks:
        with columns[2]:
            weight += chart(run, look, "losses", charts.losses, _losses_sentence)
    left, right = st.columns(2)
    with left:
        weight += chart(run, look, "contour", contour)
    with right:
        if networks and "accuracy" in run.arrays:
            weight += chart(run, look, "accuracy", charts.accuracy)
        weight += valleys(run)
    return weight


def _losses_sentence(run: Any) -> str:
    """What the chart of losses shows, and how it is read."""
    replicas = int((run.arrays["member"] == run.arrays["member"][0]).sum())
    shown = counted("The loss of {n} training.", "Median of {n} trainings, and the band from 10% to 90%.", replicas)
    return f"{reading(run)} {shown}".strip()


def _network_charts(run: Any, look: Look) -> int:
    """What a training without a landscape still shows; its bytes."""
    weight, (left, right) = 0, st.columns(2)
    for column, key in ((left, "losses"), (right, "accuracy")):
        if key in run.arrays:
            with column:
                weight += chart(run, look, key, FIGURES[key], *([_losses_sentence] if key == "losses" else []))
    return weight


def _report(run: Any, look: Look) -> int:
    """What was measured of somebody's own model: numbers with their errors, and the charts; their bytes."""
    rows = "".join(f"<div><span>{html.escape(row.title)}</span><b>{html.escape(row.value)}</b>"
                   f"<span>{html.escape(row.says)}</span></div>" for row in told.rows(run))
    with st.container(key="card_report"):
        st.html(f'<div class="tv-panel-title">{html.escape(told.headline(run))}</div>'
                f'<div class="tv-facts">{rows}</div>')
    weight, columns = len(rows), st.columns(2)
    for k, (key, draw) in enumerate(report.drawings(run).items()):
        with columns[k % 2]:
            weight += chart(run, look, key, draw)
    return weight


def valleys(run: Any) -> int:
    """The valleys in numbers: depth, and share at T = the surface's scale; their bytes."""
    basins, at_scale = run.surface.basins, names.at_scale(run)
    shares, heat = at_scale.shares, number(at_scale.T, 2)
    rows = "".join(
        f"<div><span>{html.escape(name)}{' ↗' if is_open else ''}</span><b>{number(float(energy), 4)}</b>"
        f"<span>{_('{share:.0%} of the balls at T = {T}').format(share=float(share), T=heat)}</span></div>"
        for name, energy, share, is_open in zip(names.basin_names(run), basins.energies, shares, basins.open,
                                                strict=True))
    barrier = "" if run.surface.barrier is None else _("Barrier out of the deepest: {barrier}.").format(
        barrier=number(float(run.surface.barrier), 3))
    note = _("↗: lowest at the edge of the slice, so it may go on outside.") if np.any(basins.open) else ""
    with st.container(key="card_valleys"):
        st.html(f'<div class="tv-panel-title">{_("The valleys, lowest energies")}</div>'
                f'<div class="tv-facts">{rows}</div>')
        st.caption(f"{barrier} {note}".strip())
    return len(rows)


def honesty(run: Any, look: Look) -> None:
    """How much the slice hides: the badge's sentence, and the numbers behind a click."""
    drawn(run, look, "honesty", lambda: (None, _honesty(run)))


def _honesty(run: Any) -> int:
    said = badge(run)
    if said is None or run.kind == "model_report":  # it has no slice
        return 0
    title = f"<b>{html.escape(said['title'])}.</b> " if said["title"] else ""
    with st.container(key="card_honesty"):
        st.html(f'<div class="tv-panel-title">{_("How much this slice hides")}</div>'
                f'<p class="tv-said">{title}{html.escape(said["sentence"])}</p>')
        with st.expander(_("The numbers")):
            st.markdown("\n".join(f"- {line}" for line in (*said["more"], *_where_exact(run))))
    return len(said["sentence"])


def _where_exact(run: Any) -> list[str]:
    """Of a plane through three solutions: where it is exact, and why the paths' loss is another."""
    if getattr(getattr(run.spec, "plane", None), "kind", "") != "solutions" or "paths_u" not in run.arrays:
        return []
    return [_("Here {n} trainings are projected on a plane through three solutions: at those three the slice "
              "is exact, while the paths run beside it, where the loss is another.").format(
                  n=run.arrays["paths_u"].shape[1])]


def diverged(run: Any) -> None:
    """Says which optimisers left the finite numbers, and when; their curves up to there are drawn."""
    if run.kind == "potential":
        return
    for one in names.lost_bodies(run):
        st.warning(_("{n} of {of} replicas of {name} diverged at step {step} or later. A lower learning rate keeps "
                     "them finite.").format(n=one.n, of=one.of, name=one.name, step=one.first),
                   icon=":material/trending_up:")


def explanation(run: Any) -> None:
    """What is seen, in plain words."""
    potential = run.kind == "potential"
    kept(("explanation", str(potential)), lambda: (None, _explanation(potential)))


def _explanation(potential: bool) -> int:
    with st.expander(_("What am I seeing?"), icon=":material/help:"):
        if potential:
            st.markdown(_(
                "**The relief is an energy.** At each place of a plane a particle has an energy, drawn as "
                "height: valleys are places where it likes to be, passes are the lowest ways between them."))
        else:
            st.markdown(_(
                "**The relief is a loss landscape.** Each place on it is a whole neural network with its "
                "own weights; the height is how badly that network does on the training data. A network has "
                "hundreds or thousands of weights, so what you see is a flat cut through a space with that "
                "many directions. The panel “How much this slice hides” says how far to trust it."))
            st.markdown(_(
                "**The lines are real trainings**, projected on the cut. They do not lie in it: their own "
                "loss is in the chart of losses."))
        st.markdown(_(
            "**The balls are particles on this surface.** At temperature zero they roll straight down. With "
            "heat they are kicked about at random, as data kick a network during training, and after a "
            "while they are found most often not where the energy E is lowest but where the free energy F = "
            "E − TS is: a wide valley offers more places, and above some temperature that beats a deeper "
            "one."))
        st.markdown(_(
            "**Try this.** Let the balls settle cold. Then turn up the heat until they cross the passes, and "
            "watch the shares of the valleys approach the numbers beside them, which are exact."))
    return 2000
