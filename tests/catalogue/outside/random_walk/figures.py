"""The lab's chart."""

from typing import Any

import plotly.graph_objects as go

from thermoviz.figures.paper import axis, lay_out
from thermoviz.presentation.looks import Look
from thermoviz.presentation.words import _

from .results import Walk


def distance(run: Any, look: Look) -> go.Figure:
    """Mean squared distance against steps, measured and as theory says."""
    walk = Walk.read(run)
    drawn = go.Figure()
    drawn.add_scatter(x=walk.steps, y=walk.squared.value, name=_("walkers"), mode="markers",
                      marker={"color": look.heat}, error_y={"array": walk.squared.stderr})
    drawn.add_scatter(x=walk.steps, y=walk.steps, name=_("theory"), line={"color": look.theory})
    return lay_out(drawn, look, title=_("Squared distance"), xaxis=axis(look, _("steps")),
                   yaxis=axis(look, _("mean squared distance")))
