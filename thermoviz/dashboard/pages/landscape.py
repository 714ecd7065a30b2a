"""The page "Landscape": a relief, balls on it, the trainings that crossed it, and what to change."""

import streamlit as st

from ...experiments.presets import PRESETS
from ...presentation.looks import LOOKS
from ...presentation.words import _, read_in
from .. import panels, scene
from ..drawn import drawn, style
from ..menu import FIRST, document_title
from ..share import share
from ..state import remember, visit
from ..style import preset_rules, stylesheet


def landscape() -> None:
    """Draws the page."""
    read_in(st.context.locale)
    here = visit()
    here.take_up()
    look = LOOKS[here.look]
    style(look, "style and presets", lambda: stylesheet(look) + preset_rules(look, len(PRESETS)))

    # The stage goes first wherever it can: widgets that are not drawn yet would only say what they start from.
    later = here.untouched and "controls" not in here.hidden
    spec, refusal = (here.base, "") if later or "controls" in here.hidden else panels.experiment(here)
    job = here.ask(spec)
    here.only_stage()
    query = here.query(spec)
    remember(query)
    if spec != here.title.spec:
        st.set_page_config(page_title=document_title(FIRST, here.preset, own=True))

    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        panels.headline(here, spec)
        if "controls" not in here.hidden:
            panels.settings(here, _("Data, network, optimisers and slice, in the panel on the left"))
        link = None if "share" in here.hidden else share(here.shown, query)
    run = here.shown
    # Whatever comes and goes has a container of its own that stays, so that the stage keeps its place and lives on.
    panels.messages(here, refusal)
    with st.container(key="diverged"):
        panels.diverged(run)
    if "presets" not in here.hidden:
        panels.presets(here)
    with st.container(key="status"):
        scene.notice()
        if job is not None:
            scene.progress(here, job)
    scene.scene(here, run, look, spec, link)
    if "presets" not in here.hidden:
        panels.thumbnails(here, look)
    if here.alone:
        panels.rest_soon(here)
        return
    if later:
        panels.experiment(here)
    if "honesty" not in here.hidden:
        panels.honesty(run, look)
    if "charts" not in here.hidden:
        with st.container(key="charts"):
            drawn(run, look, "charts", lambda: (None, panels.run_charts(run, look)))
    if "explanation" not in here.hidden:
        panels.explanation(run)
