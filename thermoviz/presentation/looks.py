"""Every colour, font size and line width, for figures, stage and page alike: `LOOKS`.

A quiet room with one luminous relief in it: heat is the only warm colour, equilibrium and theory are mint,
the networks' own paths are white (dark in the light look). The surface's colours are computed rather than
picked: in OKLab (B. Ottosson, "A perceptual color space for image processing", 2020) lightness rises linearly
with the energy, while hue bends from deep blue through teal to pale sand, so that equal steps of energy look
like equal steps and order survives colour blindness and grey printing.
"""

import dataclasses
import math
from typing import Any

# OKLab -> cube roots of cone responses -> linear sRGB (Ottosson 2020).
_TO_CONES = ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728),
             (1.0, -0.0894841775, -1.2914855480))
_TO_RGB = ((4.0767416621, -3.3077115913, 0.2309699292), (-1.2684380046, 2.6097574011, -0.3413193965),
           (-0.0041960863, -0.7034186147, 1.7076147010))
# Bezier control points (a, b) of the surface's hue path: deep blue, blue, teal, sand, pale sand.
_HUES = ((-0.002, -0.115), (-0.048, -0.145), (-0.108, -0.028), (-0.068, 0.070), (0.004, 0.055))
N_STOPS = 33


@dataclasses.dataclass(frozen=True)
class Look:
    """One theme. Colours are "#rrggbb"; font sizes and line widths in CSS pixels.

    `surface`: `N_STOPS` colours at equal steps from the lowest energy to the ceiling.
    `optimisers`: the colour of the first to fourth dynamics of a run; they stay apart for every kind of eye.
    `basins`: the colours of the valleys, deepest first; more valleys than colours start again at the first.
    """

    name: str
    scheme: str  # "dark" or "light": what the browser's own widgets and the shaders' mixing go by
    background: str
    panel: str
    line: str
    text: str
    dim: str
    heat: str
    theory: str
    path: str  # the networks' own paths, and what must stand out on the surface
    halo: str  # the outline that parts `path` from the surface
    contour: str  # contour lines on the surface
    good: str
    poor: str
    surface: tuple[str, ...]
    optimisers: tuple[str, ...]
    basins: tuple[str, ...]
    font_family: str = "Inter, 'Segoe UI', system-ui, -apple-system, 'DejaVu Sans', sans-serif"
    font_small: int = 12
    font: int = 14
    font_large: int = 20
    font_title: int = 24
    font_number: int = 44  # the one big number: the temperature
    stroke: float = 2.0

    def to_json(self) -> dict[str, Any]:
        """The look as plain JSON values, for the stage."""
        lists = {name: list(getattr(self, name)) for name in ("surface", "optimisers", "basins")}
        return {**dataclasses.asdict(self), **lists}

    def colorscale(self) -> list[list[Any]]:
        """The surface's colours in Plotly's form: [[fraction, colour], ...]."""
        return [[i / (len(self.surface) - 1), colour] for i, colour in enumerate(self.surface)]


def hex_colour(lightness: float, a: float, b: float) -> str:
    """OKLab (lightness 0..1) -> "#rrggbb", clipped to sRGB's gamut."""
    cones = [sum(m * v for m, v in zip(row, (lightness, a, b), strict=True)) ** 3 for row in _TO_CONES]
    linear = [sum(m * v for m, v in zip(row, cones, strict=True)) for row in _TO_RGB]
    return "#" + "".join(f"{round(255 * _gamma(min(max(c, 0.0), 1.0))):02x}" for c in linear)


def _gamma(c: float) -> float:
    return 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055


def surface_stops(darkest: float, lightest: float, n: int = N_STOPS) -> tuple[str, ...]:
    """n colours from deep blue to pale sand, their OKLab lightness linear from `darkest` to `lightest`."""
    return tuple(_stop(darkest, lightest, i / (n - 1)) for i in range(n))


def _stop(darkest: float, lightest: float, t: float) -> str:
    k = len(_HUES) - 1
    weights = [math.comb(k, i) * t**i * (1 - t) ** (k - i) for i in range(k + 1)]
    a, b = (sum(w * hue[axis] for w, hue in zip(weights, _HUES, strict=True)) for axis in (0, 1))
    return hex_colour(darkest + (lightest - darkest) * t, a, b)


def rgba(colour: str, alpha: float) -> str:
    """ "#rrggbb" with an opacity, in the form that Plotly and CSS read."""
    red, green, blue = (int(colour[i:i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


LOOKS = {
    "dark": Look(
        name="dark", scheme="dark", background="#0b1220", panel="#121c2e", line="#22304a", text="#e8eef7",
        dim="#93a4bf", heat="#ff8c2b", theory="#7fcdbb", path="#ffffff", halo="#0b1220", contour="#ffffff",
        good="#7fcdbb", poor="#ff7a7a", surface=surface_stops(0.27, 0.93),
        optimisers=("#ffffff", "#6fc3ff", "#dbe34f", "#7f5cff"),
        basins=("#7fcdbb", "#5b8fe0", "#e6e9a8", "#b39bff", "#8796b0", "#d6f0ff"),
    ),
    "light": Look(
        name="light", scheme="light", background="#f7f8fb", panel="#ffffff", line="#d5dce8", text="#16213a",
        dim="#55627a", heat="#c2410c", theory="#00796b", path="#16213a", halo="#ffffff", contour="#0b1220",
        good="#00796b", poor="#b3261e", surface=surface_stops(0.34, 0.95),
        optimisers=("#16213a", "#5aa2f0", "#77a80f", "#6a35e8"),
        basins=("#00796b", "#3f7fe0", "#8c8a1a", "#6b3fd6", "#66748c", "#123a7a"),
    ),
    "projector": Look(
        name="projector", scheme="dark", background="#000000", panel="#0a0f1a", line="#5a6b8c",
        text="#ffffff", dim="#c9d6ea", heat="#ff9d3c", theory="#8fe3cf", path="#ffffff", halo="#000000",
        contour="#ffffff",
        good="#8fe3cf", poor="#ff8f8f", surface=surface_stops(0.31, 0.95),
        optimisers=("#ffffff", "#8fd3ff", "#f0f53c", "#9a7dff"),
        basins=("#8fe3cf", "#6aa3ff", "#f4f6b0", "#c4b0ff", "#a3b3cc", "#e4f5ff"),
        font_small=16, font=19, font_large=27, font_title=32, font_number=60, stroke=3.5,
    ),
}
