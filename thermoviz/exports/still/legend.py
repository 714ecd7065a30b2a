"""What the curves are called: a legend that takes as many columns as fit."""

from typing import Any

from .axes import GAP, INCH, POINTS, Properties
from .colours import rgba
from .traces import SYMBOLS, THIN, dashes
from .words import plain


def make(page: Any, layout: Properties, traces: list[Properties]) -> tuple[Any, str] | None:
    """The legend, and whether it stands below, above or inside the charts."""
    shown = [trace for trace in traces if trace.get("name") and trace.get("showlegend", True)
             and trace.get("type", "scatter") not in ("surface", "contour", "heatmap")]
    wanted = layout.get("showlegend")
    named = [trace for trace in traces if trace.get("showlegend", True)]
    if not shown or wanted is False or (wanted is None and len(named) < 2 and not shown[0].get("showlegend")):
        return None
    told = layout.get("legend") or {}
    font = {**layout["font"], **(told.get("font") or {})}
    shown = sorted(shown, key=lambda trace: trace.get("legendrank", 1000))
    handles = [handle(trace) for trace in shown]
    words = [plain(trace["name"]) for trace in shown]
    y, outside = float(told.get("y", 1)), told.get("orientation") == "h"
    where = "below" if outside and y < 0 else "above" if outside and y >= 1 else "inside"
    columns, most = len(shown) if outside else 1, page.get_size_inches()[0] * INCH - 2 * GAP
    while True:
        legend = page.legend(
            handles, words, ncols=columns, frameon=False, fontsize=font["size"] * POINTS, loc="upper left",
            labelcolor=[rgba(font["color"])] * len(shown), borderaxespad=0, borderpad=0.2, handlelength=1.8,
            columnspacing=1.2, handletextpad=0.5)
        if columns == 1 or legend.get_window_extent(page.canvas.get_renderer()).width <= most:
            return legend, where
        legend.remove()
        columns -= 1


def handle(trace: Properties) -> Any:
    """What stands for a trace in the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    mode, line, marker = trace.get("mode") or "", trace.get("line") or {}, trace.get("marker") or {}
    if trace.get("type", "scatter") in ("bar", "histogram", "box"):
        return Patch(facecolor=rgba(first(marker.get("color") or line.get("color") or "#808080")))
    symbol = str(first(marker.get("symbol", "circle")))
    colour = rgba(first(marker.get("color"), line.get("color"), "#808080"))
    hollow = symbol.endswith("-open")
    ring = first((marker.get("line") or {}).get("color"))
    thin = symbol.removesuffix("-open") in THIN
    return Line2D(
        [], [], color=rgba(line.get("color", "#808080")), linewidth=float(line.get("width", 2)) * POINTS,
        linestyle=dashes(line, float(line.get("width", 2))) if "lines" in mode else "none",
        marker=SYMBOLS.get(symbol.removesuffix("-open"), "o") if "markers" in mode else "none",
        markersize=min(max(float(first(marker.get("size"), 6)), 4), 12) * POINTS,
        markerfacecolor="none" if hollow else colour,
        markeredgecolor=rgba(ring) if ring and (thin or (marker.get("line") or {}).get("width")) else colour,
        markeredgewidth=1.2 if hollow or thin else float(first((marker.get("line") or {}).get("width"), 0)) * POINTS)


def first(*values: Any) -> Any:
    """The first that is there; of a list its first."""
    for value in values:
        if value is not None and not (hasattr(value, "__len__") and not isinstance(value, str) and not len(value)):
            return value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value
    return None
