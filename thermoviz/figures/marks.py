"""What charts are made of: lines, points with their errors, levels across, logarithmic axes."""

import math
from typing import Any

import numpy as np

from ..presentation.looks import Look, rgba
from .drawing import Drawing, Properties, scatter
from .paper import axis

MARKER = 3.6  # diameter of a measured point, in strokes


def line(x: Any, y: Any, name: str, colour: str, look: Look, shown: str = "%{y:.4g}", dash: str = "solid",
         x_name: str = "", width: float = 1.2, **settings: Any) -> Properties:
    """A line; `shown`: how hovering writes a value, `x_name`: what stands before its place."""
    return scatter(
        x=x, y=y, mode="lines", name=name, line={"color": colour, "width": width * look.stroke, "dash": dash},
        hovertemplate=f"{name}<br>{x_name} %{{x:.3g}}<br><b>{shown}</b><extra></extra>", **settings)


def points(x: Any, y: Any, error: Any, name: str, look: Look, shown: str = "%{y:.4g}", colour: str | None = None,
           symbol: str = "circle", x_name: str = "", size: float = 1.0, ring: str | None = None, **settings: Any
           ) -> Properties:
    """Measured points with standard errors (None: without); in the colour of heat unless told otherwise, `ring`: of
    the line around each."""
    colour = colour or look.heat
    bars = {} if error is None else {"error_y": {
        "type": "data", "array": error, "color": rgba(colour, 0.8), "thickness": look.stroke / 2, "width": 0}}
    told = "" if error is None else " ± %{error_y.array:.2g}"
    return scatter(
        x=x, y=y, mode="markers", name=name,
        marker={"color": colour, "size": size * MARKER * look.stroke, "symbol": symbol,
                "line": {"color": ring or colour, "width": 2 if ring else 0}},
        hovertemplate=f"{name}<br>{x_name} %{{x:.3g}}<br><b>{shown}</b>{told}<extra></extra>", **bars, **settings)


def level(figure: Drawing, look: Look, value: float, text: str, right: bool = False, shift: float = 0.0) -> None:
    """A thin line across, with its name above its left end, or below its right end; `shift`: px further away."""
    figure.add_hline(y=value, line={"color": rgba(look.theory, 0.65), "width": 1, "dash": "dot"})
    figure.add_annotation(x=0.99 if right else 0.01, xref="paper", y=value, text=text,
                          xanchor="right" if right else "left", yanchor="top" if right else "bottom",
                          yshift=-shift if right else shift,
                          font={"size": look.font_small, "color": look.theory})


def log_axis(look: Look, values: Any, title: str, **settings: Any) -> dict[str, Any]:
    """A logarithmic axis a little wider than its positive values."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (math.log10(known.min()), math.log10(known.max())) if known.size else (0.0, 1.0)
    margin = 0.06 * (high - low) + 0.02
    return axis(look, title, **({"type": "log", "showgrid": False, "dtick": 1, "tickformat": "~g",
                                 "range": [low - margin, high + margin]} | settings))
