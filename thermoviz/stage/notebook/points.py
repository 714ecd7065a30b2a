"""What stands at a place of a run's slice: what a click on the stage tells Python."""

import math
from typing import Any

import numpy as np

from ...core.errors import BadInput
from ...presentation.names import basin_names, member_names
from ..payload import NO_SURFACE


def pointed(run: Any, place: Any) -> dict[str, Any]:
    """The place (x, y) of the run's slice as plain numbers: x, y, loss, and what is nearest.

    valley: {index, name, x, y, loss} of the valley that holds the place, None where there are no data; step: {network,
    name, step, x, y, loss, distance} of the record nearest to it on the paths of the networks, None without paths.
    Raises BadInput for what is no place on the surface.
    """
    if run.surface is None:
        raise BadInput(NO_SURFACE)
    x, y = _on_surface(run.surface, place)
    return {"x": x, "y": y, "loss": float(run.surface(np.array([x, y]))), "valley": _valley(run, x, y),
            "step": _nearest_step(run, x, y)}


def _on_surface(surface: Any, place: Any) -> tuple[float, float]:
    (x0, x1), (y0, y1) = surface.bounds
    try:
        x, y = (float(number) for number in place)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (x0 <= x <= x1 and y0 <= y <= y1) or bool(surface.masked(np.array([x, y]))):
        raise BadInput(f"a click is a place (x, y) on the surface, x from {x0:.4g} to {x1:.4g} and y from {y0:.4g} to "
                       f"{y1:.4g}, got {place!r}.")
    return x, y


def _valley(run: Any, x: float, y: float) -> dict[str, Any] | None:
    basins = run.surface.basins
    k = int(basins.label_at((x, y)))
    if k < 0:
        return None
    u, v = (float(number) for number in basins.minima[k])
    return {"index": k, "name": basin_names(run)[k], "x": u, "y": v, "loss": float(basins.energies[k])}


def _nearest_step(run: Any, x: float, y: float) -> dict[str, Any] | None:
    arrays = run.arrays
    if "paths_u" not in arrays:
        return None
    away = np.hypot(*np.moveaxis(np.asarray(arrays["paths_u"], float) - (x, y), -1, 0))
    if not np.isfinite(away).any():
        return None
    t, k = np.unravel_index(np.nanargmin(away), away.shape)
    u, v = (float(number) for number in arrays["paths_u"][t, k])
    return {"network": int(k), "name": member_names(run)[int(arrays["member"][k])], "step": int(arrays["steps"][t]),
            "x": u, "y": v, "loss": float(arrays["losses"][t, k]), "distance": float(away[t, k])}
