"""The ground that every figure is drawn on: fonts, axes, hover labels, the fade towards the ceiling."""

from typing import Any

import plotly.graph_objects as go

from .looks import Look, rgba

CLEAR = "rgba(0,0,0,0)"
# The surface is solid up to this share of the way from its minimum to its ceiling, then fades into the room.
FADE_FROM = 0.8


def number(value: float, digits: int = 3) -> str:
    """A number for reading: `digits` significant digits, a true minus sign, powers of ten where they help."""
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, power = text.split("e")
        text = f"{mantissa} × 10^{int(power)}"
    return text.replace("-", "−")


def opacity(fraction: float) -> float:
    """How solid the surface is at that share of its height (0 minimum, 1 ceiling): a smooth step to 0."""
    t = min(max((fraction - FADE_FROM) / (1 - FADE_FROM), 0.0), 1.0)
    return 1 - t * t * (3 - 2 * t)


def fading_colorscale(look: Look) -> list[list[Any]]:
    """The surface's colours in Plotly's form, clear from the ceiling upwards."""
    return [[fraction, rgba(colour, opacity(fraction))] for fraction, colour in look.colorscale()]


def axis(look: Look, title: str = "", **settings: Any) -> dict[str, Any]:
    """One axis: quiet grid, readable ticks, a title with its unit."""
    return {
        "title": {"text": title, "font": {"size": look.font, "color": look.dim}, "standoff": 8},
        "tickfont": {"size": look.font_small, "color": look.dim},
        "gridcolor": look.line, "linecolor": look.line, "zeroline": False, "automargin": True,
        "exponentformat": "power", **settings,
    }


def lay_out(figure: go.Figure, look: Look, *, title: str = "", height: int = 320,
            **settings: Any) -> go.Figure:
    """Puts the look on a figure, in place, and returns it. `title` is a short line above the drawing."""
    figure.update_layout(
        template="none", paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, height=height,
        font={"family": look.font_family, "size": look.font, "color": look.text},
        margin={"l": 8, "r": 12, "t": 2.6 * look.font if title else 12, "b": 8},
        hoverlabel={"bgcolor": look.panel, "bordercolor": look.line,
                    "font": {"family": look.font_family, "size": look.font, "color": look.text}},
        legend={"orientation": "h", "x": 0, "y": -0.28, "yanchor": "top", "bgcolor": CLEAR,
                "font": {"size": look.font_small, "color": look.text}},
        hovermode="closest",
    )
    if title:
        figure.update_layout(title={
            "text": title, "x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "yref": "container",
            "pad": {"t": 6, "l": 2}, "font": {"size": look.font, "color": look.dim, "weight": 600}})
    figure.update_layout(**settings)
    return figure


def colour_bar(look: Look, title: str) -> dict[str, Any]:
    """The bar that reads the surface's colours."""
    return {
        "title": {"text": title, "side": "right", "font": {"size": look.font_small, "color": look.dim}},
        "tickfont": {"size": look.font_small, "color": look.dim}, "thickness": 10, "len": 0.8,
        "outlinewidth": 0, "nticks": 6, "exponentformat": "power",
    }
