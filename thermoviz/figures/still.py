"""Run -> one figure as it stands alone: in a notebook, in a picture file."""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from ..core.errors import BadInput
from ..presentation import badge
from ..presentation.looks import LOOKS, Look
from ..runs.late import perhaps, room_of
from . import report
from .charts import accuracy, free_energy, losses, shares
from .contour import contour
from .phase import alone
from .relief import surface3d

FIGURES = {"surface3d": surface3d, "contour": contour, "losses": losses, "accuracy": accuracy,
           "free_energy": free_energy, "shares": shares}
# Figures of networks; a run of a potential has none of them.
NETWORK_FIGURES = ("losses", "accuracy")


def still(run: Any, look: str | Look = "dark", figure: str | None = None, title: str | None = None,
          caption: bool = True, **settings: Any) -> go.Figure:
    """One figure of a run as it stands alone in a notebook or a picture file: own ground, title and caption.

    `look`: a name in LOOKS or a Look; `figure`: a name in FIGURES, or the key of a chart of the run's lab or of a
    report (None: the one that stands for the lab, else the surface, else the losses of networks that all diverged);
    `settings` go to that figure (`height`).
    The caption says how much the slice hides. Raises BadInput for an unknown look or figure, and for a figure of what
    the run does not have: networks of a potential, a surface where all diverged, what is not measured yet.
    """
    theme = named_look(look)
    figure = figure or default_figure(run)
    draw = _named("figure", figure, drawings(run))
    _refuse_what_is_missing(run, figure)
    drawn = go.Figure(draw(run, theme, **settings))  # checked by Plotly: it goes to somebody's own hands
    drawn.update_layout(paper_bgcolor=theme.background, plot_bgcolor=theme.background)
    if title:
        drawn.update_layout(title={"text": title, "font": {"size": theme.font_title, "color": theme.text}},
                            margin={"t": 2.4 * theme.font_title})
    if caption and run.surface is not None:
        _write_caption(drawn, run, theme)
    return drawn


def named_look(look: str | Look) -> Look:
    """A Look, or the one of that name. Raises BadInput for an unknown one."""
    found: Look = _named("look", look, LOOKS) if isinstance(look, str) else look
    return found


def drawings(run: Any) -> dict[str, Callable[..., Any]]:
    """Every figure of a run of this kind by its name, the one that stands for it first, whether it is there or not."""
    if hasattr(run.spec, "points"):
        return {"phase": alone}
    return {**_of_its_lab(run), **FIGURES}


def _of_its_lab(run: Any) -> dict[str, Callable[..., Any]]:
    page = perhaps(room_of(run.spec), "page")  # a general experiment has none
    if page is None:
        return report.drawings(run) if run.kind == "model_report" else {}
    return dict(page.page().drawings)


def default_figure(run: Any) -> str:
    """The name of the figure that stands for a run."""
    general = "losses" if run.surface is None and "losses" in run.arrays else "surface3d"
    first = "phase" if hasattr(run.spec, "points") else general
    return next(iter(_of_its_lab(run)), first)


def figures_of(run: Any) -> list[str]:
    """Names of the figures that can be drawn of this run, the one that stands for it first."""
    page = perhaps(room_of(run.spec), "page")
    lab = list(_of_its_lab(run)) if page is None else [
        chart.key for chart in page.page().charts if chart.when(run) and chart.ready(run)]
    general = [] if hasattr(run.spec, "points") else [
        name for name in FIGURES if (name in run.arrays if name in NETWORK_FIGURES else run.surface is not None)]
    first = default_figure(run)
    found = lab + [name for name in general if name not in lab] + (["phase"] if first == "phase" else [])
    return sorted(found, key=lambda name: name != first)


def _refuse_what_is_missing(run: Any, figure: str) -> None:
    if figure in NETWORK_FIGURES:
        if "losses" not in run.arrays and run.kind != "descent":
            raise BadInput(f"figure {figure!r} shows networks, and a {run.kind} run has none.")
    elif figure in FIGURES and run.surface is None:
        raise BadInput(f"figure {figure!r} shows a surface, and this run has none: every network diverged, or it is "
                       "not computed yet.")


def _named(what: str, name: str, table: dict[str, Any]) -> Any:
    if name not in table:
        raise BadInput(f"{what} must be one of {', '.join(table)}, got {name!r}.")
    return table[name]


def _write_caption(drawn: go.Figure, run: Any, look: Look) -> None:
    """Below everything else, in the margin that it makes for itself."""
    lines = [line for line in (badge.caption(run), badge.short_numbers(run)) if line]
    room = (1.6 + 1.4 * len(lines)) * look.font_small
    bottom = (drawn.layout.margin.b or 0) + room
    drawn.update_layout(margin={"b": bottom}, height=(drawn.layout.height or 400) + room)
    drawn.add_annotation(text="<br>".join(lines), align="left", xref="paper", yref="paper", x=0, y=0,
                         yshift=-bottom, xanchor="left", yanchor="bottom", showarrow=False,
                         font={"size": look.font_small, "color": look.dim})

