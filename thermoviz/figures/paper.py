"""The ground that every figure is drawn on: fonts, axes, hover labels, the fade towards the ceiling."""

import math
from typing import Any

import plotly.graph_objects as go

from ..presentation.looks import Look, rgba
from .drawing import Drawing, merged

READING_SIZE = 14  # font size in px for which figures' heights are given
CLEAR = "rgba(0,0,0,0)"
# The surface is solid up to this share of the way from its minimum to its ceiling, then fades into the room.
FADE_FROM = 0.8
# Contour lines divide the height into so many equal steps of energy; the last few fade with the surface.
N_LEVELS = 18
# Plotly's template "none"; a figure without any would get Plotly's own colours.
NO_TEMPLATE = {"data": {"scatter": [{"type": "scatter"}]}}


def levels(low: float, ceiling: float) -> dict[str, float]:
    """Plotly's `start`, `end`, `size` of contour lines at equal steps, none where the surface has faded."""
    step = (ceiling - low) / N_LEVELS
    return {"start": low + step, "end": ceiling - 2 * step, "size": step}


def opacity(fraction: float) -> float:
    """How solid the surface is at that share of its height: a smooth step from 1 to 0 at the ceiling."""
    t = min(max((fraction - FADE_FROM) / (1 - FADE_FROM), 0.0), 1.0)
    return 1 - t * t * (3 - 2 * t)


def fading_colorscale(look: Look) -> list[list[Any]]:
    """The surface's colours in Plotly's form, clear from the ceiling upwards."""
    return [[fraction, rgba(colour, opacity(fraction))] for fraction, colour in look.colorscale()]


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from low to high, at most `most` of them."""
    if not high > low:  # nothing rises: a flat surface
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10, 20) if math.floor(high / (m * power)) -
                math.ceil(low / (m * power)) < most)
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def axis(look: Look, title: str = "", **settings: Any) -> dict[str, Any]:
    """One axis: quiet grid, readable ticks, a title with its unit."""
    return {
        "title": {"text": title, "font": {"size": look.font, "color": look.dim}, "standoff": 8},
        "tickfont": {"size": look.font_small, "color": look.dim},
        "gridcolor": look.line, "linecolor": look.line, "zeroline": False, "automargin": True,
        "exponentformat": "power", **settings,
    }


def lay_out(figure: Drawing | go.Figure, look: Look, *, title: str = "", height: int = 320,
            **settings: Any) -> go.Figure:
    """The drawing as a figure with the look on it; a figure of Plotly's own gets the look in place, and is returned.

    `title` is a short line above the drawing. `height`: CSS pixels at the normal reading size; a look with a larger
    font makes the figure higher. `settings` go to the layout.
    """
    figure.update_layout(merged(_layout(look, title, height), settings))
    return figure.figure() if isinstance(figure, Drawing) else figure


def _layout(look: Look, title: str, height: int) -> dict[str, Any]:
    layout = {
        "template": NO_TEMPLATE, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        "height": round(height * look.font / READING_SIZE),
        "font": {"family": look.font_family, "size": look.font, "color": look.text},
        "margin": {"l": 8, "r": 12, "t": 2.6 * look.font if title else 12, "b": 8},
        "hoverlabel": {"bgcolor": look.panel, "bordercolor": look.line,
                       "font": {"family": look.font_family, "size": look.font, "color": look.text}},
        "legend": {"orientation": "h", "x": 0, "y": -0.28, "yanchor": "top", "bgcolor": CLEAR,
                   "font": {"size": look.font_small, "color": look.text}},
        "hovermode": "closest",
    }
    heading = {"text": title, "x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "yref": "container",
               "pad": {"t": 6, "l": 2}, "font": {"size": look.font, "color": look.dim, "weight": 600}}
    return {**layout, "title": heading} if title else layout


def colour_bar(look: Look, title: str, low: float, high: float) -> dict[str, Any]:
    """The bar that reads the surface's colours, from its minimum to its ceiling."""
    return {
        "title": {"text": title, "side": "right", "font": {"size": look.font_small, "color": look.dim}},
        "tickfont": {"size": look.font_small, "color": look.dim}, "thickness": 10, "len": 0.8,
        "outlinewidth": 0, "tickvals": ticks(low, high), "tickformat": ".4~g",
    }
