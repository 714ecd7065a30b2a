"""Figures of a report on somebody's own model: spectrum, sharpness, fluctuation and dissipation, line."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from ..experiments.report.results import Balance, Density, Edge, Leading, Line
from ..presentation.looks import Look, rgba
from ..presentation.report import titles
from ..presentation.words import _
from ..runs.results import Result
from .drawing import Drawing, scatter
from .marks import level, line, points
from .paper import axis, lay_out

FLOOR = 1e-4  # of the highest density: what is lower is not drawn


def spectrum(run: Any, look: Look, height: int = 320) -> go.Figure:
    """Spectral density of the Hessian with its error, and the leading eigenvalues."""
    found, leading = Density.expect(run), Leading.expect(run)
    value, error = found.density.value, found.density.stderr
    floor = FLOOR * float(value.max())
    figure = Drawing()
    low, high = np.maximum(value - error, floor), np.maximum(value + error, floor)
    figure.add_trace(scatter(
        x=np.concatenate([found.at, found.at[::-1]]), y=np.concatenate([high, low[::-1]]), mode="lines", fill="toself",
        fillcolor=rgba(look.theory, 0.2), line={"width": 0}, hoverinfo="skip", showlegend=False))
    figure.add_trace(line(found.at, np.maximum(value, floor), _("density"), look.theory, look, x_name=_("eigenvalue")))
    top = np.array(leading.eigenvalues, dtype=float)
    figure.add_trace({**points(
        top, np.full(len(top), 2 * floor), None, _("leading eigenvalues"), look, x_name=_("eigenvalue"), shown=""),
        "error_x": {"type": "data", "array": np.array([one.stderr for one in leading.eigenvalues]),
                    "color": rgba(look.heat, 0.8), "thickness": look.stroke / 2, "width": 0}})
    return lay_out(figure, look, title=_("Spectrum of the Hessian"), height=height,
                   xaxis=axis(look, _("eigenvalue"), showgrid=False),
                   yaxis=axis(look, _("share of directions"), type="log", dtick=1, tickformat="~g"))


def sharpness(run: Any, look: Look, height: int = 320) -> go.Figure:
    """The largest eigenvalue along the path, against what steps of that size bear."""
    found = Edge.expect(run)
    figure = Drawing(points(found.steps, found.along.value, found.along.stderr, _("largest eigenvalue"), look,
                            x_name=_("step")))
    if found.limit is not None and found.limit < 20 * found.along.value.max():  # far above, it would press them flat
        level(figure, look, found.limit, _("stability limit"))
    return lay_out(figure, look, title=_("Sharpness along the path"), height=height,
                   xaxis=axis(look, _("training steps"), showgrid=False),
                   yaxis=axis(look, _("largest eigenvalue"), rangemode="tozero", nticks=6))


def balance(run: Any, look: Look, height: int = 320) -> go.Figure:
    """Fluctuation over dissipation in stretches of the path's second half."""
    found = Balance.expect(run)
    figure = Drawing(points(found.steps, found.along.value, found.along.stderr, titles()["fluctuation_dissipation"],
                            look, x_name=_("step")))
    level(figure, look, 1.0, _("stationary"))
    return lay_out(figure, look, title=_("Does training stand still on average?"), height=height,
                   xaxis=axis(look, _("training steps"), showgrid=False),
                   yaxis=axis(look, _("fluctuation over dissipation"), nticks=6))


def straight(run: Any, look: Look, height: int = 320) -> go.Figure:
    """The loss on the straight line between two points of parameter space."""
    found = Line.expect(run)
    figure = Drawing(line(found.at, found.losses, _("loss"), look.heat, look, x_name=_("share of the way")))
    figure.add_trace(line([0, 1], found.losses[[0, -1]], _("straight"), look.theory, look, dash="dot",
                          x_name=_("share of the way")))
    return lay_out(figure, look, title=_("Loss on the straight line"), height=height,
                   xaxis=axis(look, _("share of the way"), showgrid=False, tickformat=".0%"),
                   yaxis=axis(look, _("loss"), nticks=6))


class Chart(NamedTuple):
    """A figure and the result without which there is nothing to draw."""

    draw: Callable[..., go.Figure]
    needs: type[Result]


CHARTS = {"spectrum": Chart(spectrum, Density), "sharpness": Chart(sharpness, Edge),
          "balance": Chart(balance, Balance), "line": Chart(straight, Line)}


def drawings(run: Any) -> dict[str, Callable[..., go.Figure]]:
    """The figures of which this report has the numbers."""
    return {key: chart.draw for key, chart in CHARTS.items() if chart.needs.read(run) is not None}
