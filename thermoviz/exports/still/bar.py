"""The bar that reads the colours of a map or a relief."""

from typing import Any

import numpy as np

from .axes import GAP, INCH, POINTS, Properties, round_places
from .colours import rgba, scaled
from .traces import range_of
from .words import formatted, plain


def room(trace: Properties, font: Properties) -> float:
    """Pixels that the bar takes, with its numbers and its title."""
    bar = trace.get("colorbar") or {}
    size = {**font, **(bar.get("tickfont") or {})}["size"]
    _at, said = _ticks(trace)
    title = 1.6 * size if (bar.get("title") or {}).get("text") else 0
    return float(bar.get("thickness", 30)) + 2 * GAP + 0.62 * size * max(map(len, said), default=0) + title


def draw(page: Any, trace: Properties, font: Properties, place: tuple[float, float, float]) -> None:
    """The bar at place = (left, bottom, height of what stands beside it), in CSS pixels."""
    bar = trace.get("colorbar") or {}
    width, height = page.get_size_inches() * INCH
    length = float(bar.get("len", 1)) * place[2]
    ax = page.add_axes((place[0] / width, (place[1] + (place[2] - length) / 2) / height,
                        float(bar.get("thickness", 30)) / width, length / height))
    ax.set_facecolor("none")
    low, high = _ends(trace)
    colours = scaled(trace["colorscale"], np.linspace(0, 1, 256), trace.get("opacityscale"))
    ax.imshow(colours[:, None], extent=(0, 1, low, high if high > low else low + 1), origin="lower", aspect="auto")
    for spine in ax.spines.values():
        spine.set_visible(False)
    _words(ax, trace, bar, font)


def _words(ax: Any, trace: Properties, bar: Properties, font: Properties) -> None:
    numbers, title = {**font, **(bar.get("tickfont") or {})}, bar.get("title") or {}
    ax.set_xticks([])
    ax.yaxis.tick_right()
    ax.set_yticks(*_ticks(trace))
    ax.tick_params(length=0, pad=4, labelsize=numbers["size"] * POINTS, labelcolor=rgba(numbers["color"]))
    if text := plain(title.get("text") or ""):
        named = {**font, **(title.get("font") or {})}
        ax.yaxis.set_label_position("right")
        ax.set_ylabel(text, fontsize=named["size"] * POINTS, color=rgba(named["color"]), labelpad=4)


def _ends(trace: Properties) -> tuple[float, float]:
    return range_of(trace, np.array([[np.nan if v is None else v for v in row] for row in trace["z"]], float))


def _ticks(trace: Properties) -> tuple[list[float], list[str]]:
    bar = trace.get("colorbar") or {}
    low, high = _ends(trace)
    at = [float(v) for v in bar["tickvals"]] if bar.get("tickvals") is not None else round_places(low, high, 6)
    at = at if bar.get("ticktext") is not None else [v for v in at if low <= v <= high]
    said = bar.get("ticktext")
    return at, [plain(text) for text in said] if said is not None else [
        formatted(v, bar.get("tickformat") or "") for v in at]
