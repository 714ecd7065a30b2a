"""The surface from above: colours, contour lines, valleys and the networks' paths, with hover values."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..presentation import names
from ..presentation.looks import Look, rgba
from ..presentation.numbers import number
from ..presentation.words import _
from . import drawing
from .drawing import Drawing, Properties, scatter
from .paper import axis, colour_bar, fading_colorscale, lay_out, levels


def contour(run: Any, look: Look, height: int = 520) -> go.Figure:
    """Energy on the slice, from above: `run.surface` with its contour lines, minima, and projected paths."""
    surface = run.surface
    x_title, y_title = names.axis_titles(run)
    figure = Drawing(_relief(run, look))
    for trace in paths(run, look):
        figure.add_trace(trace)
    figure.add_trace(_minima(run, look))
    (x0, x1), (y0, y1) = surface.bounds
    return lay_out(
        figure, look, title=_("The slice from above"), height=height, showlegend=len(joined_paths(run)) > 1,
        xaxis=axis(look, x_title, range=[x0, x1], showgrid=False, constrain="domain"),
        yaxis=axis(look, y_title, range=[y0, y1], showgrid=False, scaleanchor="x", constrain="domain"))


def _relief(run: Any, look: Look) -> Properties:
    """Lines at equal steps of energy up to the ceiling; beyond it the colours fade and no line is drawn."""
    surface = run.surface
    low, ceiling = surface.minimum, surface.ceiling
    title = names.energy_title(run)
    return drawing.contour(
        x=surface.xs, y=surface.ys, z=surface.E.T,
        zmin=low, zmax=ceiling, colorscale=fading_colorscale(look),
        colorbar=colour_bar(look, title, low, ceiling),
        contours={"coloring": "heatmap", **levels(low, ceiling)},
        line={"color": rgba(look.contour, 0.35), "width": look.stroke * 0.4, "smoothing": 1.0},
        hovertemplate=f"u %{{x:.3g}}, v %{{y:.3g}}<br>{title} <b>%{{z:.4g}}</b><extra></extra>", name="")


def paths(run: Any, look: Look) -> list[Properties]:
    """The projected paths of training, one per optimiser, over a halo that parts them from the surface."""
    traces = []
    for k, (name, u) in enumerate(joined_paths(run)):
        shared = {"x": u[:, 0], "y": u[:, 1], "mode": "lines", "connectgaps": False}
        colour = look.optimisers[k % len(look.optimisers)]
        traces.append(scatter(**shared, line={"color": rgba(look.halo, 0.5), "width": 2.4 * look.stroke},
                                 hoverinfo="skip", showlegend=False))
        traces.append(scatter(**shared, line={"color": colour, "width": 0.8 * look.stroke}, name=name,
                                 hovertemplate=f"{name}<br>u %{{x:.3g}}, v %{{y:.3g}}<extra></extra>"))
    return traces


def joined_paths(run: Any) -> list[tuple[str, np.ndarray]]:
    """Per optimiser its name and all its replicas' paths [m, 2], parted by rows of NaN."""
    if run.kind == "potential" or "paths_u" not in run.arrays:
        return []
    u, member = np.asarray(run.arrays["paths_u"], float), np.asarray(run.arrays["member"])
    titles = names.member_names(run)
    gap = np.full((1, 2), np.nan)
    return [(title, np.concatenate([part for i in np.flatnonzero(member == k) for part in (u[:, i], gap)]))
            for k, title in enumerate(titles) if (member == k).any()]


def _minima(run: Any, look: Look) -> Properties:
    basins = run.surface.basins
    minima = np.asarray(basins.minima, float)
    labels = [f"{name}<br>E {number(float(energy), 4)}"
              for name, energy in zip(names.basin_names(run), basins.energies, strict=True)]
    return scatter(
        x=minima[:, 0], y=minima[:, 1], mode="markers", text=labels, showlegend=False,
        marker={"size": 5 * look.stroke,
                "color": [look.basins[i % len(look.basins)] for i in range(len(minima))],
                "line": {"color": look.halo, "width": 1.5}},
        hovertemplate="%{text}<br>u %{x:.3g}, v %{y:.3g}<extra></extra>")
