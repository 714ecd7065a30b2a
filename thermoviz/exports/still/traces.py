"""Traces of flat charts: lines, points with errors, areas, bars, boxes, histograms, maps and contour lines."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np

from .axes import POINTS, Properties, Scale
from .colours import CLEAR, rgba, scaled
from .words import plain

# Strokes and gaps in turn; each is so many times the line's width, or times 3 pixels of a thin one, as Plotly's are.
_STROKES = {"dot": (1, 1), "dash": (3, 2), "longdash": (5, 2), "dashdot": (3, 2, 1, 2), "longdashdot": (5, 2, 1, 2)}
# Plotly's names of markers -> matplotlib's; "-open" behind a name leaves it hollow.
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v", "triangle-left": "<",
           "triangle-right": ">", "cross": "P", "x": "X", "star": "*", "hexagon": "h", "pentagon": "p", "x-thin": "x",
           "cross-thin": "+", "line-ew": "_", "line-ns": "|"}
THIN = ("x-thin", "cross-thin", "line-ew", "line-ns")
_SHAPES = {"linear": "default", "hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}
BACK, MAPS, AREAS, LINES, MARKS = 0.5, 1.0, 2.0, 3.0, 4.0  # what lies over what


def dashes(line: Properties, width: float) -> Any:
    """matplotlib's line style of a line, whose width is given in pixels."""
    strokes = _STROKES.get(line.get("dash") or "solid")
    return "-" if strokes is None else (0, tuple(part * max(3.0, width) / max(width, 0.1) for part in strokes))


def array(value: Any) -> Any:
    """What Plotly packs as text ({dtype, bdata, shape}) as an array; None as an empty list; else as it is."""
    if isinstance(value, dict) and "bdata" in value:
        flat = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]))
        shape = value.get("shape")
        return flat if shape is None else flat.reshape([int(n) for n in str(shape).split(",")])
    return [] if value is None else value


def unpacked(value: Any) -> Any:
    """A figure, or a part of it, with all arrays as they are read."""
    if isinstance(value, dict):
        return array(value) if "bdata" in value else {key: unpacked(item) for key, item in value.items()}
    return [unpacked(item) for item in value] if isinstance(value, list) else value


class Pen:
    """Where a trace is drawn: matplotlib's axes, both scales, and what the figure says when a trace does not."""

    def __init__(self, ax: Any, x: Scale, y: Scale, layout: Properties) -> None:
        self.ax, self.x, self.y, self.layout = ax, x, y, layout


def scatter(pen: Pen, trace: Properties) -> None:
    """Lines and points, their errors, and the area within or below."""
    x, y = _places(pen, trace)
    mode = trace.get("mode") or ("lines+markers" if len(x) < 20 else "lines")
    area = trace.get("fill") in ("toself", "tozeroy", "tonexty")
    # Plotly leaves room around points, and above and below lines, not at their ends.
    pen.x.see(x, roomy="markers" in mode)
    pen.y.see(y, roomy=True)
    if area:
        _area(pen, trace, x, y)
    if "lines" in mode and (width := (trace.get("line") or {}).get("width", 2)) > 0:
        line = trace.get("line") or {}
        pen.ax.plot(x, y, color=rgba(line.get("color", "#808080")), linewidth=width * POINTS,
                    linestyle=dashes(line, width), drawstyle=_SHAPES[line.get("shape", "linear")],
                    zorder=LINES, solid_joinstyle="round", dash_capstyle="butt", alpha=trace.get("opacity"))
    for letter in "xy":
        if error := trace.get(f"error_{letter}"):
            _errors(pen, letter, error, x, y)
    if "markers" in mode:
        _markers(pen, trace, x, y)
    if "text" in mode:
        _texts(pen, trace, x, y)


def _places(pen: Pen, trace: Properties) -> tuple[np.ndarray, np.ndarray]:
    given = array(trace.get("y")) if trace.get("y") is not None else array(trace.get("x"))
    x = array(trace["x"]) if trace.get("x") is not None else np.arange(len(given))
    y = array(trace["y"]) if trace.get("y") is not None else np.arange(len(given))
    return pen.x.places(x), pen.y.places(y)


def _area(pen: Pen, trace: Properties, x: np.ndarray, y: np.ndarray) -> None:
    colour = rgba(trace.get("fillcolor") or (trace.get("line") or {}).get("color", "#808080"))
    known = np.isfinite(x) & np.isfinite(y)
    if trace["fill"] == "toself":
        pen.ax.fill(x[known], y[known], color=colour, linewidth=0, zorder=AREAS)
    else:
        pen.ax.fill_between(x[known], y[known], 0, color=colour, linewidth=0, zorder=AREAS)


def _errors(pen: Pen, letter: str, error: Properties, x: np.ndarray, y: np.ndarray) -> None:
    above = np.asarray(array(error.get("array")), float)
    if error.get("visible") is False or not above.size:
        return
    below = np.asarray(array(error["arrayminus"]), float) if error.get("arrayminus") is not None else above
    middle, other, scale = (x, y, pen.x) if letter == "x" else (y, x, pen.y)
    low, high = middle - below, middle + above
    if scale.log:
        low = np.where(low > 0, low, np.where(middle > 0, np.nextafter(0, 1) + 1e-300, np.nan))
    scale.see(high)
    scale.see(low[low > 1e-290] if scale.log else low)
    lines = pen.ax.hlines if letter == "x" else pen.ax.vlines
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(other)
    lines(other[known], low[known], high[known], color=rgba(error.get("color", "#808080")),
          linewidth=float(error.get("thickness", 2)) * POINTS, zorder=LINES + 0.5)
    if cap := float(error.get("width", 0)):
        for end in (low, high):
            place = (end[known], other[known]) if letter == "x" else (other[known], end[known])
            pen.ax.scatter(*place, marker="|" if letter == "x" else "_", s=(2 * cap * POINTS) ** 2,
                           c=[rgba(error.get("color", "#808080"))], zorder=LINES + 0.5,
                           linewidths=float(error.get("thickness", 2)) * POINTS)


def _markers(pen: Pen, trace: Properties, x: np.ndarray, y: np.ndarray) -> None:
    marker = trace.get("marker") or {}
    symbols = array(marker.get("symbol", "circle"))
    if not isinstance(symbols, str):  # of each point its own
        for symbol in dict.fromkeys(symbols):
            here = np.array([one == symbol for one in symbols])
            _markers(pen, {**trace, "marker": _part(marker, here) | {"symbol": str(symbol)}}, x[here], y[here])
        return
    line = marker.get("line") or {}
    hollow, symbol = symbols.endswith("-open"), symbols.removesuffix("-open").removesuffix("-dot")
    faces = _colours(marker, len(x))
    opacity = marker.get("opacity", trace.get("opacity"))
    if isinstance(opacity, (int, float)):
        faces = faces * [1, 1, 1, opacity]
    edges = np.array([rgba(colour) for colour in line["color"]]) if isinstance(
        line.get("color"), (list, np.ndarray)) else np.array([rgba(line["color"])] if line.get("color") else faces)
    width = line.get("width") or 0
    if symbol in THIN or hollow:
        width = max(width, 1.0) if symbol not in THIN or width else 1.5
        edges = edges if symbol in THIN and line.get("color") else faces
    size = np.asarray(array(marker.get("size", 6)), float) * POINTS
    paint = {"c": faces} if symbol in THIN else {"facecolors": [CLEAR] * len(faces) if hollow else faces,
                                                 "edgecolors": edges if width or hollow else "none"}
    pen.ax.scatter(x, y, s=size**2, marker=SYMBOLS[symbol], linewidths=float(np.max(width)) * POINTS, zorder=MARKS,
                   **({"c": edges if len(edges) == len(x) else [edges[0]] * len(x)} if symbol in THIN else paint))


def _part(settings: Properties, here: np.ndarray) -> Properties:
    """Of settings for each of several points those of some."""
    found = {}
    for name, value in settings.items():
        value = array(value)
        of_each = isinstance(value, (list, np.ndarray)) and len(value) == len(here) and name != "colorscale"
        found[name] = [one for one, kept in zip(value, here, strict=True) if kept] if of_each else value
    return found


def _colours(marker: Properties, n: int) -> np.ndarray:
    """[n or 1, 4]: of each point, or of all."""
    colour = array(marker.get("color", "#808080"))
    if isinstance(colour, str):
        return np.array([rgba(colour)])
    if len(colour) and isinstance(colour[0], str):
        return np.array([rgba(one) for one in colour])
    values = np.asarray(colour, float)
    low, high = marker.get("cmin", np.nanmin(values)), marker.get("cmax", np.nanmax(values))
    return scaled(marker.get("colorscale") or [[0, "#000000"], [1, "#ffffff"]], (values - low) / ((high - low) or 1))


def _texts(pen: Pen, trace: Properties, x: np.ndarray, y: np.ndarray) -> None:
    font = {**pen.layout["font"], **(trace.get("textfont") or {})}
    place = str(trace.get("textposition", "middle center"))
    up = "bottom" if "top" in place else "top" if "bottom" in place else "center"
    side = "left" if "right" in place else "right" if "left" in place else "center"
    said = trace.get("text")
    words = [said] * len(x) if isinstance(said, str) else list(said or [])
    for at, to, text in zip(x, y, words, strict=False):
        if np.isfinite(at) and np.isfinite(to):
            pen.ax.text(at, to, f" {plain(text)} ", ha=side, va=up, fontsize=font["size"] * POINTS,
                        color=rgba(font["color"]), zorder=MARKS + 1)


def bar(pen: Pen, trace: Properties) -> None:
    """Bars from their base, upright unless their orientation is "h"."""
    x, y = _places(pen, trace)
    flat = trace.get("orientation") == "h"
    along, across = (pen.y, pen.x) if flat else (pen.x, pen.y)
    middle, length = (y, x) if flat else (x, y)
    base = np.broadcast_to(np.asarray(array(trace.get("base", 0)), float), length.shape)
    n, k = _beside(pen.layout, trace)
    width = (1 - float(pen.layout.get("bargap", 0.2))) * _pace(middle) / n
    middle = middle + (k - (n - 1) / 2) * width
    colours = _colours(trace.get("marker") or {}, len(x))
    along.see([*(middle - width / 2), *(middle + width / 2)], roomy=False)
    across.see([*base, *(base + length)])
    (pen.ax.barh if flat else pen.ax.bar)(middle, length, width, base, color=colours, zorder=MAPS)
    for letter in "xy":
        if error := trace.get(f"error_{letter}"):
            _errors(pen, letter, error, *((base + length, middle) if flat else (middle, base + length)))


def _pace(middle: np.ndarray) -> float:
    steps = np.diff(np.unique(middle[np.isfinite(middle)]))
    return float(steps.min()) if steps.size else 1.0


def _beside(layout: Properties, trace: Properties) -> tuple[int, int]:
    """How many groups of bars stand beside each other, and which this one is."""
    if layout.get("barmode", "group") != "group":
        return 1, 0
    alike = [one for one in layout["bars"] if one.get("xaxis", "x") == trace.get("xaxis", "x")
             and one.get("yaxis", "y") == trace.get("yaxis", "y")]
    return len(alike), next((k for k, one in enumerate(alike) if one is trace), 0)


def histogram(pen: Pen, trace: Properties) -> None:
    """Counts, or their density, in the bins that the figure names."""
    values = np.asarray(array(trace.get("x")), float)
    values = values[np.isfinite(values)]
    bins = trace.get("xbins")
    edges: Any = "auto" if bins is None else np.arange(
        bins["start"], bins["end"] + 0.5 * bins["size"], bins["size"])
    norm = trace.get("histnorm") or ""
    heights, edges = np.histogram(values, edges, density="density" in norm)
    if norm in ("probability", "percent"):
        heights = heights * (100 if norm == "percent" else 1) / max(len(values), 1)
    (colour,) = _colours(trace.get("marker") or {}, 1)
    pen.x.see(edges, roomy=False, whole=True)
    pen.y.see([0, *heights])
    pen.ax.bar(edges[:-1], heights, np.diff(edges), align="edge", color=colour, zorder=MAPS)


def box(pen: Pen, trace: Properties) -> None:
    """Quartiles as a box, whiskers to the last points within 1.5 of its length, the others as points."""
    values = np.asarray(array(trace.get("y")), float)
    places = pen.x.places(array(trace["x"]) if trace.get("x") is not None else [trace.get("name", "")] * len(values))
    line = rgba((trace.get("line") or {}).get("color") or (trace.get("marker") or {}).get("color", "#808080"))
    width = float((trace.get("line") or {}).get("width", 2)) * POINTS
    style = {"color": line, "linewidth": width}
    for place in np.unique(places[np.isfinite(places)]):
        here = values[(places == place) & np.isfinite(values)]
        pen.ax.boxplot([here], positions=[place], widths=0.5, patch_artist=True, manage_ticks=False, zorder=LINES,
                       boxprops={"facecolor": rgba(trace["fillcolor"]) if trace.get("fillcolor") else (
                           *line[:3], 0.4), "edgecolor": line, "linewidth": width},
                       medianprops=style, whiskerprops=style, capprops=style,
                       flierprops={"marker": "o", "markersize": 3, "markerfacecolor": line, "markeredgewidth": 0})
    pen.x.see([*(places - 0.5), *(places + 0.5)], roomy=False)
    pen.y.see(values)


def heatmap(pen: Pen, trace: Properties) -> None:
    """A coloured cell around each place."""
    x, y, z = grid_of(pen, trace)
    low, high = range_of(trace, z)
    colours = scaled(trace.get("colorscale") or [[0, "#000000"], [1, "#ffffff"]], (z - low) / ((high - low) or 1))
    sides = [_sides(places) for places in (x, y)]
    gap = [float(trace.get(f"{letter}gap") or 0) for letter in "xy"]
    pen.ax.pcolormesh(*sides, colours, zorder=MAPS, linewidth=max(gap) * POINTS if max(gap) else 0,
                      edgecolors=rgba(pen.layout.get("plot_bgcolor", "#ffffff")) if max(gap) else "none",
                      rasterized=z.size > 4000)
    for scale, side in ((pen.x, sides[0]), (pen.y, sides[1])):
        scale.see(side, roomy=False, whole=True)


def contour(pen: Pen, trace: Properties) -> None:
    """Colours between the nodes, and lines at equal steps."""
    x, y, z = grid_of(pen, trace)
    low, high = range_of(trace, z)
    told = trace.get("contours") or {}
    if told.get("coloring", "fill") in ("heatmap", "fill"):
        image = scaled(trace["colorscale"], np.clip((_finer(z) - low) / ((high - low) or 1), 0, 1))
        pen.ax.imshow(image, extent=(x[0], x[-1], y[0], y[-1]), origin="lower", aspect="auto", zorder=MAPS,
                      interpolation="bilinear")
        pen.ax.set_aspect("auto")
    start, end, size = (told.get(name) for name in ("start", "end", "size"))
    line = trace.get("line") or {}
    if start is not None and end is not None and line.get("width", 1) > 0:
        steps = start + np.arange(int(round((end - start) / size)) + 1) * size if size else np.array([start])
        if (within := steps[(steps > np.nanmin(z)) & (steps < np.nanmax(z))]).size:
            pen.ax.contour(x, y, np.ma.masked_invalid(z), within, colors=[rgba(line.get("color", "#808080"))],
                           linewidths=float(line.get("width", 1)) * POINTS, zorder=LINES - 0.5,
                           linestyles=[dashes(line, float(line.get("width", 1)))])
    for scale, places in ((pen.x, x), (pen.y, y)):
        scale.see(places, roomy=False, whole=True)


def grid_of(pen: Pen, trace: Properties) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places along both sides and values [ny, nx]; NaN where there are none."""
    z = np.array([[np.nan if value is None else value for value in row] for row in array(trace["z"])], float)
    x = pen.x.places(array(trace["x"])) if trace.get("x") is not None else np.arange(z.shape[1], dtype=float)
    y = pen.y.places(array(trace["y"])) if trace.get("y") is not None else np.arange(z.shape[0], dtype=float)
    return x, y, z


def range_of(trace: Properties, z: np.ndarray) -> tuple[float, float]:
    """Values of the first and last colour."""
    known = z[np.isfinite(z)]
    ends = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low, high = (trace.get(name) if trace.get(name) is not None else trace.get(other)
                 for name, other in (("zmin", "cmin"), ("zmax", "cmax")))
    return float(ends[0] if low is None else low), float(ends[1] if high is None else high)


def _sides(places: np.ndarray) -> np.ndarray:
    if len(places) < 2:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    return np.array([2 * places[0] - middle[0], *middle, 2 * places[-1] - middle[-1]])


def _finer(z: np.ndarray, least: int = 300) -> np.ndarray:
    """The grid with so many more nodes that its colours run smoothly, between the nodes linearly."""
    for axis in (0, 1):
        n = z.shape[axis]
        if n < least:
            at = np.linspace(0, n - 1, least)
            low = np.minimum(at.astype(int), n - 2) if n > 1 else np.zeros(least, int)
            share = (at - low)[:, None] if axis == 0 else (at - low)[None]
            near, far = z.take(low, axis), z.take(np.minimum(low + 1, n - 1), axis)
            z = near + share * (far - near)
    return z


TRACES: dict[str, Callable[[Pen, Properties], None]] = {
    "scatter": scatter, "scattergl": scatter, "bar": bar, "histogram": histogram, "box": box, "heatmap": heatmap,
    "contour": contour}
