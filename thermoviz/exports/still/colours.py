"""Colours as Plotly writes them, and colour scales, as numbers from 0 to 1."""

import re
from typing import Any

import numpy as np

Colour = tuple[float, float, float, float]
CLEAR: Colour = (0.0, 0.0, 0.0, 0.0)
_FUNCTION = re.compile(r"rgba?\(([^)]*)\)")
_NAMES = {"white": "#ffffff", "black": "#000000", "red": "#ff0000", "blue": "#0000ff", "grey": "#808080",
          "gray": "#808080"}


def rgba(colour: Any) -> Colour:
    """ "#rrggbb", "rgb(...)" or "rgba(...)" as red, green, blue and opacity. Raises ValueError for another form."""
    text = _NAMES.get(str(colour), str(colour))
    if text == "transparent":
        return CLEAR
    if found := _FUNCTION.fullmatch(text):
        red, green, blue, *opacity = (float(part) for part in found[1].split(","))
        return red / 255, green / 255, blue / 255, opacity[0] if opacity else 1.0
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError(f"unknown colour {colour!r}")
    red, green, blue = (int(text[i:i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 1.0


def over(front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """[..., 3]: colours [..., 4] laid over opaque ones [..., 3]."""
    return front[..., 3:] * front[..., :3] + (1 - front[..., 3:]) * back


def scaled(colourscale: Any, share: np.ndarray, opacities: Any = None) -> np.ndarray:
    """Colours [..., 4] of a scale [[share, colour], ...] at shares from 0 to 1; NaN is clear.

    opacities: [[share, opacity], ...], where they are told apart.
    """
    at = np.array([stop for stop, _ in colourscale], float)
    stops = np.array([rgba(colour) for _, colour in colourscale])
    known = np.nan_to_num(share)
    found = np.stack([np.interp(known, at, stops[:, k]) for k in range(4)], axis=-1)
    if opacities is not None:
        places, values = np.array(opacities, float).T
        found[..., 3] *= np.interp(known, places, values)
    found[~np.isfinite(share), 3] = 0
    return found
