"""The page "Compare": two runs side by side under one camera and one heat, their losses together, and what differs."""

import html
from functools import partial
from typing import Any

import streamlit as st

from ...catalogue.links import shortest_query
from ...comparison import common
from ...comparison.pair import Comparison, stage_settings
from ...experiments.presets import DEFAULT_PRESET
from ...figures.pairs import colours, pair_losses, trained
from ...presentation.looks import LOOKS, Look
from ...presentation.names import energy_title
from ...presentation.numbers import number
from ...presentation.words import _, read_in
from .. import panels, scene
from ..compared.sides import Pair, Side, choices, pair
from ..compared.tables import csv_of, numbers_table, rules, settings_table
from ..component import stage
from ..drawn import kept, style
from ..menu import COMPARE, FIRST, menu
from ..plain import plain_link
from ..share import address, show
from ..state import Visit, go_to, remember, visit
from ..style import stylesheet


def compare() -> None:
    """Draws the page."""
    read_in(st.context.locale)
    house, here = visit(), pair()
    look = LOOKS[house.look]
    here.see()
    a, b = (side.shown if side.stands else None for side in here.sides)
    both = Comparison(a, b) if a is not None and b is not None else None
    first = colours(a, b, look) if both is not None else (look.optimisers[0], look.optimisers[1])
    style(look, "style", lambda: stylesheet(look))
    style(look, f"compared {first}", lambda: rules(look, first))
    query = here.query(house)
    remember(query)
    _top(house, here, query, both)
    with st.container(key="status"):
        scene.notice()
    if "controls" not in house.hidden:
        for column, side in zip(st.columns(2), here.sides, strict=True):
            with column:
                _choose(side)
    if both is not None:
        _scale(here, both)
    with st.container(key="scene"):
        _stages(here, look, query, both)
    if both is not None:
        _below(house, both, look)
    if "explanation" not in house.hidden:
        kept(("explanation", COMPARE), lambda: (None, _explanation()))


def _top(house: Visit, here: Pair, query: dict[str, str], both: Comparison | None) -> None:
    """Headline, what can be compared, and the buttons beside them. `data-run`: whose numbers the page shows."""
    entry = menu()[COMPARE]
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        shown = f"{both.a.id} {both.b.id}" if both is not None and all(side.complete for side in here.sides) else ""
        st.html(f'<h1 class="tv-headline" data-run="{shown}">{html.escape(entry.title)}</h1>'
                f'<p class="tv-hint">{html.escape(_hint(both))}</p>')
        st.button(_("Swap"), icon=":material/swap_horiz:", key="swap", on_click=here.swap,
                  help=_("A becomes B, and B becomes A"))
        if "share" not in house.hidden:
            show(query, _share(both, look=house.look))


def _hint(both: Comparison | None) -> str:
    tried = _("Turn one of the surfaces, or warm it: the other one follows.")
    if both is None or type(both.a.spec) is type(both.b.spec):
        return tried
    return _("These are runs of two kinds: their surfaces and heat can be compared, and what both of them have "
             "measured; what only one of them asks stands on its own page. {tried}").format(tried=tried)


def _share(both: Comparison | None, look: str) -> Any:
    """A popover with the link, both stages as one file, and the table."""
    with st.popover(_("Share"), icon=":material/ios_share:"):
        st.markdown(_("**Link** to exactly these two, with their seeds:"))
        place = st.container()
        if both is not None:
            name = f"thermoviz-{both.a.id}-{both.b.id}"
            st.download_button(
                _("Both live stages (.html)"), data=lambda: both.to_html(look=look).encode(), file_name=f"{name}.html",
                mime="text/html", on_click="ignore", width="stretch", icon=":material/deployed_code:",
                help=_("One file that needs no network; turned and warmed together as here."))
            st.download_button(
                _("What differs (.csv)"), data=lambda: csv_of(both).encode(), file_name=f"{name}.csv",
                mime="text/csv", on_click="ignore", width="stretch", icon=":material/table:",
                help=_("`tv.compare(a, b).table()` gives the same in Python."))
    return place


# Choosing


def _choose(side: Side) -> None:
    """Which experiment stands on this side, by name or by link; and why a link was not followed."""
    with st.container(key=f"side_{side.name}"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"choice_{side.name}"):
            st.html(f'<span class="tv-letter tv-letter-{side.name}">{side.letter}</span>')
            known = choices(side)
            ids = list(known)
            key = f"{side.prefix}/pick"
            st.selectbox(_("Run {letter}").format(letter=side.letter), ids, 0, key=key, label_visibility="collapsed",
                         format_func=lambda id: known[id][0] if id in known else id,
                         on_change=lambda: side.choose(known[st.session_state[key]][1]))
            with st.popover(_("Link"), icon=":material/link:", help=_("Compare with any experiment by its link")):
                st.text_input(_("Link to any experiment with a stage"), key=side.pasted, on_change=side.paste,
                              placeholder="https://...?preset=...", help=_("As “Share” shows it on every page."))
            st.button(_("Open"), icon=":material/open_in_new:", key=f"open_{side.name}", on_click=_open, args=(side,),
                      help=_("This run alone, on its own page"))
        if side.messages:
            with st.container(key=f"messages_{side.name}", horizontal=True, vertical_alignment="center"):
                told = side.messages[:panels.MOST_MESSAGES]
                said = " ".join(plain_link(type(side.spec), message) for message in told)
                st.warning(said, icon=":material/info:")
                st.button(_("Close"), key=f"close_{side.name}", icon=":material/close:", on_click=side.put_away)
        _progress(side)


def _open(side: Side) -> None:
    query = side.query()
    go_to(query.get("kind", FIRST.name) if "preset" not in query else FIRST.name, query)


def _progress(side: Side) -> None:
    """Where an awaited run stands, with a way back; or in one sentence why there is none."""
    job = side.job
    if job is None:
        return
    if job.status == "failed":
        st.error(job.message, icon=":material/error:")
        if job.again:
            st.button(_("Try again"), on_click=side.leave, key=f"again_{side.name}", icon=":material/refresh:")
    elif job.status == "cancelled":
        st.info(_("This computation was cancelled; choose another run."))
    else:
        scene.watch(side, scene.stands, f"_{side.name}")
        return
    if side.can_go_back:
        st.button(_("Back to what was shown"), on_click=side.cancel, key=f"back_{side.name}")


# What is shown


def _stages(here: Pair, look: Look, query: dict[str, str], both: Comparison | None) -> None:
    """The live stages. Where one is still to come, the other stands alone."""
    if here.first is None and both is not None:
        here.first = common.first_temperature(both.a, both.b)
    T = here.first
    settings: tuple[dict[str, Any], ...] = ({"temperature": T}, {"temperature": T})
    if both is not None:
        settings = stage_settings(both.a, both.b, T, here.one_scale)
    link = address({name: value for name, value in query.items() if name != "T"}) + "&T={T}"
    for column, side, own in zip(st.columns(2), here.sides, settings, strict=True):
        with column, st.container(key=f"empty_{side.name}"):
            if side.stands:
                own = {**own, "title": f"{side.letter}: {side.title}", "link": link}
                stage(side.shown, look, key=f"stage_{side.name}", on_temperature=partial(here.released, side), **own)
            elif side.job is None:
                st.info(_("No network stayed finite here, so there is no surface to draw."),
                        icon=":material/trending_up:")
            else:
                st.caption(_("{letter} is being computed.").format(letter=side.letter))


def _below(house: Visit, both: Comparison, look: Look) -> None:
    """The losses, and the tables."""
    key = both.a.content, both.b.content, look.name
    if "charts" not in house.hidden and (trained(both.a) or trained(both.b)):
        with st.container(key="charts"):
            kept((*key, "pair losses"), lambda: (None, _losses(both, look)))
    kept((*key, "pair tables"), lambda: (None, _tables(both)))


def _scale(here: Pair, both: Comparison) -> None:
    """Whether heights mean the same on both, and what the planes have to do with each other."""
    why = common.why_apart(both.a, both.b)
    one = here.one_scale if here.one_scale is not None else not why
    low, high = common.heights(both.a, both.b)
    with st.container(key="card_scale", horizontal=True, vertical_alignment="center"):
        key = f"scale.{both.a.id}.{both.b.id}.{here.one_scale}"
        st.toggle(_("One scale of heights and colours"), one, key=key,
                  on_change=lambda: setattr(here, "one_scale", bool(st.session_state[key])),
                  help=_("Off: each surface from its own lowest place to its own ceiling"))
        said = why if why and not one else _("Heights and colours go from {low} to {high} on both: {unit}.").format(
            low=number(low), high=number(high), unit=energy_title(both.a)) if one else _(
                "Each surface has its own scale: the same colour is not the same height.")
        st.caption(f"{said} {common.about_planes(both.a, both.b)}".strip())
        together = common.one_plane(both.a.spec, both.b.spec)
        if together.spec is not None:
            st.button(_("Both on one plane"), key="one_plane", icon=":material/layers:", on_click=_together,
                      args=(together.spec,), help=_("The same two trainings as optimisers of one experiment, and one "
                                                    "plane through all their paths"))


def _together(spec: Any) -> None:
    query = shortest_query(spec)
    go_to(FIRST.name, {"preset": DEFAULT_PRESET, **query})


def _losses(both: Comparison, look: Look) -> int:
    """The chart on its card; its bytes."""
    return panels.card(pair_losses(both.a, both.b, look), "pair", _(
        "Medians of the networks of A and B, and the bands from 10% to 90% of training loss; dashed: test."))


def _tables(both: Comparison) -> int:
    """Settings beside numbers; their bytes."""
    left, right = settings_table(both.settings), numbers_table(both.numbers)
    why = common.one_plane(both.a.spec, both.b.spec).why
    for column, key, heading, table, said in zip(
            st.columns([5, 9]), ("settings", "numbers"),
            (_("What was set differently"), _("What came out")), (left, right), (why, _errors()), strict=True):
        with column, st.container(key=f"card_{key}"):
            st.html(f'<div class="tv-panel-title">{html.escape(heading)}</div>{table}')
            if said:
                st.caption(said)
    return len(left) + len(right)


def _errors() -> str:
    return _("±: standard error over the networks of a run; of the surface's heights how far they may be off. Losses "
             "are means over the last tenth of training. Networks of both that began alike are compared one by one. "
             "Two numbers differ where chance would bring them as far apart in 1 case of 370.")


def _explanation() -> int:
    said = _(
        "**Two runs, one eye.** Both surfaces are seen from the same side, balls on both have the same temperature, "
        "and a colour is the same height on both, unless the switch says otherwise. Turn or warm either: the other "
        "follows.\n\n"
        "**What differs, and what only seems to.** Each number is measured on several networks, which differ by "
        "chance: their scatter gives an error. A difference counts where it is several errors long. With few "
        "networks it takes more of them, for then the error itself is known badly.\n\n"
        "**The planes.** Each surface is a flat cut through a space of very many directions, and each run chooses its "
        "own. Runs that differ in their optimisers alone can be put on one plane: the button does it.\n\n"
        "In Python: `tv.compare(a, b).table()`, and `.to_html(path)` for both stages in one file.")
    with st.expander(_("What am I seeing?"), icon=":material/help:"):
        st.markdown(said)
    return len(said)
