"""Where the stage's camera stands, as Python reads and sets it."""

import math
from collections.abc import Mapping
from typing import Any

from ...core.errors import BadInput

# What each number may be: radians, times, fractions of the picture; as camera.js has it.
LIMITS = {"azimuth": (-math.inf, math.inf), "elevation": (0.12, math.pi / 2), "zoom": (0.5, 8.0), "panX": (-1.2, 1.2),
          "panY": (-1.2, 1.2)}
TURNED = {"azimuth", "elevation"}  # what leaves the view from the top


def aimed(before: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    """The stand `before`, with what is `wanted` of it. Raises BadInput for what no camera can do."""
    if not isinstance(wanted, Mapping) or not set(wanted) <= {*LIMITS, "top"}:
        raise BadInput(f"camera must be a dictionary of some of {', '.join(LIMITS)} and top, got {wanted!r}.")
    for name in wanted:
        _refuse_misfit(name, wanted[name])
    numbers = {name: float(value) for name, value in wanted.items() if name != "top"}
    top = bool(wanted.get("top", before.get("top", False) and not TURNED & set(wanted)))
    return {**before, **numbers, **({"top": top} if "top" in {*before, *wanted} else {})}


def _refuse_misfit(name: str, value: Any) -> None:
    if name == "top":
        if not isinstance(value, bool):
            raise BadInput(f"camera's top must be True or False, got {value!r}.")
        return
    low, high = LIMITS[name]
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not (number and low <= value <= high):
        limits = "finite" if math.isinf(high) else f"from {low:.4g} to {high:.4g}"
        raise BadInput(f"camera's {name} must be a number, {limits}, got {value!r}.")
