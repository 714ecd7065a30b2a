"""Plotly's own opinion of a figure that was put together from plain dictionaries."""

import plotly.graph_objects as go


def checked(figure: go.Figure) -> go.Figure:
    """The figure, every property of it known to Plotly's schema and of a value that it allows; else ValueError."""
    return go.Figure(figure)
