"""The axes of a chart: where they stand, from where to where they go, what is written beside them."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .colours import rgba
from .words import as_power, formatted, plain

Properties = dict[str, Any]
INCH = 100  # CSS pixels
GAP = 8  # pixels between the parts of a picture
POINTS = 0.72  # of one CSS pixel, where a picture has 100 pixels to the inch
ROOM = 0.05  # left free on both sides of what is drawn with points
DEFAULT_TICKS = 6
LEAST, MOST = 1e-3, 1e4  # beyond these a logarithmic axis is read in powers of ten


class Scale:
    """One axis of a figure: its settings, the categories on it, and what was drawn along it."""

    def __init__(self, letter: str, settings: Properties) -> None:
        self.letter, self.settings = letter, settings
        self.log = settings.get("type") == "log"
        self.categories: list[str] = list(settings.get("categoryarray") or ())
        self._low, self._high = math.inf, -math.inf
        self._roomy = self._whole = False

    @property
    def domain(self) -> tuple[float, float]:
        low, high = self.settings.get("domain") or (0.0, 1.0)
        return float(low), float(high)

    def places(self, values: Any) -> np.ndarray:
        """Values as numbers: words are categories, in the order in which they come."""
        found = list(values)
        if not any(isinstance(value, str) for value in found):
            return np.array([math.nan if value is None else value for value in found], float)
        for value in found:
            if value not in self.categories:
                self.categories.append(str(value))
        return np.array([self.categories.index(value) for value in found], float)

    def see(self, values: Any, roomy: bool = True, whole: bool = False) -> None:
        """What is drawn lies there. roomy: it must not touch the frame; whole: it fills the axis to both ends."""
        known = np.asarray(values, float)
        known = known[np.isfinite(known) & ((known > 0) if self.log else True)]
        if known.size:
            self._low, self._high = min(self._low, float(known.min())), max(self._high, float(known.max()))
        self._roomy, self._whole = self._roomy or roomy, self._whole or whole

    def limits(self) -> tuple[float, float]:
        """From where to where the axis goes, in numbers of the data; the larger first on an axis that is reversed."""
        low, high = self._limits()
        return (high, low) if self.settings.get("autorange") == "reversed" else (low, high)

    def _limits(self) -> tuple[float, float]:
        if (given := self.settings.get("range")) is not None:
            low, high = (10.0 ** float(end) if self.log else float(end) for end in given)
            return low, high
        if self.categories:
            return -0.5, len(self.categories) - 0.5
        low, high = self._low, self._high
        if not low <= high:
            return (0.1, 10.0) if self.log else (-1.0, 1.0)
        if self.settings.get("rangemode") == "tozero" and not self.log:
            low, high = min(low, 0.0), max(high, 0.0)
        return self._widened(low, high)

    def _widened(self, low: float, high: float) -> tuple[float, float]:
        if self.log:
            below, above = self._widened_plainly(math.log10(low), math.log10(high))
            return 10.0**below, 10.0**above
        return self._widened_plainly(low, high)

    def _widened_plainly(self, low: float, high: float) -> tuple[float, float]:
        if low == high:
            return low - 1, high + 1
        room = ROOM * (high - low) if self._roomy and not self._whole else 0.0
        to_zero = self.settings.get("rangemode") == "tozero" and not self.log
        return low - (0 if to_zero and low == 0 else room), high + (0 if to_zero and high == 0 else room)

    def joined(self, other: "Scale") -> None:
        """This axis has the other's limits and the other this one's."""
        for one, two in ((self, other), (other, self)):
            one.see([two._low, two._high], two._roomy, two._whole)

    def ticks(self, low: float, high: float) -> tuple[list[float], list[str]]:
        """Places, and what is written there."""
        low, high = min(low, high), max(low, high)
        if self.settings.get("tickvals") is not None:
            return self._told(self.settings["tickvals"], self.settings.get("ticktext"))
        if self.categories:
            return list(range(len(self.categories))), [plain(name) for name in self.categories]
        places = _powers(low, high, self.settings) if self.log else round_places(
            low, high, int(self.settings.get("nticks") or DEFAULT_TICKS), self.settings.get("dtick"))
        return self._told(places, None)

    def _told(self, places: Iterable[Any], texts: Iterable[Any] | None) -> tuple[list[float], list[str]]:
        at = self.places(places).tolist()
        form = self.settings.get("tickformat") or ""
        if texts is not None:
            return at, [plain(text) for text in texts]
        if self.log and not form and at and (min(at) < LEAST or max(at) > MOST):
            return at, [as_power(place) for place in at]
        return at, [formatted(place, form) for place in at]


def round_places(low: float, high: float, most: int, step: float | None = None) -> list[float]:
    """Round numbers from low to high, at most `most` of them, unless their step is given."""
    low, high = min(low, high), max(low, high)
    if step is None:
        rough = (high - low) / max(most, 1)
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, last + 1)]


def _powers(low: float, high: float, settings: Properties) -> list[float]:
    """Powers of ten, or 1, 2 and 5 in each of them."""
    step = settings.get("dtick")
    few = step == "D2" or (step is None and high < 30 * low)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    steps = max(1, math.ceil(len(powers) / 12)) if not isinstance(step, (int, float)) else max(1, round(step))
    found = [m * 10.0**power for power in powers if power % steps == 0 for m in ((1, 2, 5) if few else (1,))]
    return [place for place in found if low * (1 - 1e-9) <= place <= high * (1 + 1e-9)]


def dress(ax: Any, x: Scale, y: Scale, font: Properties) -> None:
    """Limits, ticks, grids, lines and titles of a chart's two axes."""
    for scale, side in ((x, ax.xaxis), (y, ax.yaxis)):
        settings = scale.settings
        low, high = scale.limits()
        if scale.log:
            (ax.set_xscale if scale is x else ax.set_yscale)("log")
        (ax.set_xlim if scale is x else ax.set_ylim)(low, high)
        at, said = scale.ticks(low, high)
        side.set_ticks(at, said if settings.get("showticklabels", True) else [""] * len(at))
        side.set_ticks(_minor(scale, low, high), minor=True)
        _dress_side(ax, scale, side, font)


def _minor(scale: Scale, low: float, high: float) -> list[float]:
    if not scale.log or not (scale.settings.get("minor") or {}).get("ticks"):
        return []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    return [m * 10.0**power for power in powers for m in range(2, 10) if low <= m * 10.0**power <= high]


def _dress_side(ax: Any, scale: Scale, side: Any, font: Properties) -> None:
    settings, minor = scale.settings, scale.settings.get("minor") or {}
    tick = {**font, **(settings.get("tickfont") or {})}
    side.set_tick_params(which="major", length=0, pad=4, labelsize=tick["size"] * POINTS,
                         labelcolor=rgba(tick["color"]))
    side.set_tick_params(which="minor", length=minor.get("ticklen", 0) * POINTS, width=POINTS,
                         color=rgba(minor.get("tickcolor", tick["color"])))
    if angle := settings.get("tickangle"):
        side.set_tick_params(labelrotation=-float(angle))
    if settings.get("showgrid", True):
        side.grid(True, color=rgba(settings.get("gridcolor", "#808080")), linewidth=POINTS)
    if settings.get("showline"):
        spine = ax.spines["bottom" if scale.letter == "x" else "left"]
        ends = [spine] + ([ax.spines["top" if scale.letter == "x" else "right"]] if settings.get("mirror") else [])
        for end in ends:
            end.set(visible=True, color=rgba(settings.get("linecolor", tick["color"])), linewidth=POINTS)
    title = settings.get("title") or {}
    if text := plain(title.get("text") or ""):
        named = {**font, **(title.get("font") or {})}
        side.set_label_text(text, fontsize=named["size"] * POINTS, color=rgba(named["color"]))
        side.labelpad = 4
