"""The plane on which points are drawn, as a component of the page: its program and its words."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ....experiments.tables.drawn import FEWEST
from ....presentation.looks import Look
from ....presentation.words import _

PLANE = "yours_plane"  # the component's key
_PROGRAM = Path(__file__).parent / "assets" / "plane.js"


@functools.cache
def _component() -> Callable[..., Any]:
    """The component, defined once."""
    return st.components.v2.component("thermoviz_plane", js=_PROGRAM.read_text(encoding="utf-8"))


def plane(look: Look, points: list[Any], task: str, on_train: Callable[[], None]) -> None:
    """Draws the plane with these points to begin with; `on_train` is called when they are to be learned."""
    message = {"points": points, "task": task, "words": _words(), "look": {
        "background": look.background, "panel": look.panel, "line": look.line, "text": look.text, "dim": look.dim,
        "heat": look.heat, "classes": [look.basins[0], look.basins[3]], "curve": look.optimisers[1],
        "font": look.font, "family": look.font_family, "radius": 3 * look.stroke}}
    _component()(key=PLANE, data=[message], width="stretch", height="content", on_train_change=on_train)


def drawn_points() -> tuple[Any, Any]:
    """(points, task) as the browser sent them: to be looked at before they are believed."""
    said = st.session_state.get(PLANE) or {}
    sent = said.get("train") or {}
    return (sent.get("points"), sent.get("task")) if isinstance(sent, dict) else (None, None)


def _words() -> dict[str, str]:
    return {
        "what": _("What is drawn"), "two": _("two classes"), "curve": _("a curve"),
        "which": _("Class of the next point"),
        "round": _("round"), "square": _("square"), "undo": _("Undo"), "clear": _("Clear"), "train": _("Train on it"),
        "hint": _("Click, or drag, to put points on the plane."),
        "keys": _("A plane to draw points on: arrow keys move a cross, space puts a point, 1 and 2 choose the class, "
                  "backspace takes the last point away."),
        "classes": _("{a} round, {b} square."), "points": _("{n} points."),
        "more": _("At least {n} are needed.").format(n=FEWEST), "other": _("Now some of the other class.")}
