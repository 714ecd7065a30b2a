"""The surface as a relief in three dimensions: the still picture beside the moving stage."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..presentation import names
from ..presentation.looks import Look, rgba
from ..presentation.numbers import number
from ..presentation.words import _
from . import drawing
from .contour import joined_paths
from .drawing import Drawing, Properties, scatter3d
from .paper import CLEAR, colour_bar, lay_out, levels, opacity

# Plotly's surface takes a table of opacities; fine enough that no step is seen.
N_OPACITIES = 65
CAMERA_ELEVATION = math.radians(50)  # looks down, so that every valley is seen
CAMERA_AZIMUTH = math.radians(-62)
CAMERA_DISTANCE = 1.9


def surface3d(run: Any, look: Look, height: int = 620) -> go.Figure:
    """The relief of `run.surface` with contour lines and paths; what is above the ceiling fades away."""
    surface = run.surface
    figure = Drawing(_relief(run, look))
    for k, (name, u) in enumerate(joined_paths(run)):
        figure.add_trace(_path(run, look, k, name, u))
    figure.add_trace(_minima(run, look))
    x_title, y_title = names.axis_titles(run)
    low, ceiling = _heights(surface)
    (x0, x1), (y0, y1) = surface.bounds
    longest = max(x1 - x0, y1 - y0)
    return lay_out(
        figure, look, height=height, showlegend=len(joined_paths(run)) > 1,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend={"y": 0.02, "x": 0.02, "yanchor": "bottom"},
        scene={"xaxis": _axis(look, x_title, (x0, x1)), "yaxis": _axis(look, y_title, (y0, y1)),
               "zaxis": _axis(look, names.energy_title(run), (low, ceiling)),
               "aspectmode": "manual",
               "aspectratio": {"x": 1.25 * (x1 - x0) / longest, "y": 1.25 * (y1 - y0) / longest, "z": 0.55},
               "camera": {"eye": _eye(), "center": {"x": 0, "y": 0, "z": -0.16}}, "bgcolor": CLEAR})


def _heights(surface: Any) -> tuple[float, float]:
    return surface.minimum, surface.ceiling


def _eye() -> dict[str, float]:
    across = CAMERA_DISTANCE * math.cos(CAMERA_ELEVATION)
    return {"x": across * math.cos(CAMERA_AZIMUTH), "y": across * math.sin(CAMERA_AZIMUTH),
            "z": CAMERA_DISTANCE * math.sin(CAMERA_ELEVATION)}


def _axis(look: Look, title: str, limits: tuple[float, float]) -> dict[str, Any]:
    return {"title": {"text": title, "font": {"size": look.font_small, "color": look.dim}},
            "tickfont": {"size": look.font_small, "color": look.dim}, "range": list(limits), "nticks": 5,
            "gridcolor": look.line, "linecolor": look.line, "zeroline": False, "showbackground": False,
            "showspikes": False, "exponentformat": "power"}


def _relief(run: Any, look: Look) -> Properties:
    surface = run.surface
    low, ceiling = _heights(surface)
    energies = surface.E.T
    steps = np.linspace(0, 1, N_OPACITIES)
    return drawing.surface(
        x=surface.xs, y=surface.ys, z=energies, cmin=low, cmax=ceiling, colorscale=look.colorscale(),
        opacityscale=[[t, opacity(t)] for t in steps],
        colorbar=colour_bar(look, names.energy_title(run), low, ceiling),
        contours={"z": {"show": True, "color": rgba(look.contour, 0.45), "width": 1, "highlight": False,
                        **levels(low, ceiling)},
                  "x": {"highlight": False}, "y": {"highlight": False}},
        lighting={"ambient": 0.62, "diffuse": 0.65, "specular": 0.12, "roughness": 0.7, "fresnel": 0.05},
        lightposition={"x": -2000, "y": 1500, "z": 3000},
        hovertemplate=(f"u %{{x:.3g}}, v %{{y:.3g}}<br>{names.energy_title(run)} <b>%{{z:.4g}}</b>"
                       "<extra></extra>"), name="")


def lifted(run: Any, u: np.ndarray) -> np.ndarray:
    """Heights of points u [m, 2] just above the surface; NaN outside the slice and above its ceiling."""
    surface = run.surface
    low, ceiling = _heights(surface)
    (x0, x1), (y0, y1) = surface.bounds
    with np.errstate(invalid="ignore"):
        inside = (u[:, 0] >= x0) & (u[:, 0] <= x1) & (u[:, 1] >= y0) & (u[:, 1] <= y1)
    z = np.full(len(u), np.nan)
    z[inside] = surface(u[inside]) + 0.012 * (ceiling - low)
    return np.where(z <= ceiling, z, np.nan)


def _path(run: Any, look: Look, k: int, name: str, u: np.ndarray) -> Properties:
    return scatter3d(
        x=u[:, 0], y=u[:, 1], z=lifted(run, u), mode="lines", name=name, connectgaps=False,
        line={"color": look.optimisers[k % len(look.optimisers)], "width": 2 * look.stroke},
        hovertemplate=f"{name}<br>u %{{x:.3g}}, v %{{y:.3g}}<extra></extra>")


def _minima(run: Any, look: Look) -> Properties:
    minima = np.asarray(run.surface.basins.minima, float)
    energies = run.surface.basins.energies
    labels = [f"{name}<br>E {number(float(energy), 4)}"
              for name, energy in zip(names.basin_names(run), energies, strict=True)]
    return scatter3d(
        x=minima[:, 0], y=minima[:, 1], z=lifted(run, minima), mode="markers", text=labels, showlegend=False,
        marker={"size": 2.4 * look.stroke, "color": look.heat, "line": {"color": look.halo, "width": 1}},
        hovertemplate="%{text}<extra></extra>", name=_("valleys"))
