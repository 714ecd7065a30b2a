"""Figures are put together unchecked (`figures/drawing.py`): here Plotly is asked about each of them once.

Those of the labs: `tests/labs/test_contract.py`, where every chart in every look goes through `checked` as well.
"""

import numpy as np
import plotly.graph_objects as go
import pytest
from figure_schema import checked
from plotly.subplots import make_subplots

import thermoviz as tv
from thermoviz.experiments.presets import load_preset
from thermoviz.figures.drawing import Drawing, grid, scatter
from thermoviz.figures.paper import axis, lay_out
from thermoviz.figures.still import FIGURES, NETWORK_FIGURES, still
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.run import Run

LOOK = LOOKS["projector"]


@pytest.mark.parametrize("preset", ["three-minds", "mueller-brown"])
def test_plotly_knows_every_property_of_every_figure(preset):
    run = load_preset(preset)
    for name, draw in FIGURES.items():
        if run.kind != "potential" or name not in NETWORK_FIGURES:
            checked(draw(run, LOOK))


def test_plotly_knows_what_is_drawn_of_those_who_diverged():
    losses = np.array([[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    run = Run(tv.Descent(replicas=2, dynamics=tv.SGD(10.0)), {
        "steps": np.arange(3), "losses": losses, "member": np.zeros(2, int), "diverged_at": np.array([2, 1])})
    figure = checked(FIGURES["losses"](run, LOOK))
    assert figure.layout.shapes[0].x0 == 1 and "diverged" in figure.layout.annotations[0].text


def simple() -> Drawing:
    drawing = Drawing(scatter(x=[1], y=[2], mode="markers", marker={"size": 3, "line": {"width": 2}},
                              error_y={"type": "data", "array": [1.0]}))
    drawing.add_hline(1.0, {"color": "red"}, words={"text": "a level"})
    drawing.update_layout({"xaxis": axis(LOOK, "x"), "legend": {"x": 0}})
    return drawing


WRONG = [("data", 0, "sizze"), ("data", 0, "marker", "sizze"), ("data", 0, "marker", "line", "colour"),
         ("data", 0, "error_y", "arrray"), ("layout", "xaxis", "titel"), ("layout", "xaxis", "title", "font", "colour"),
         ("layout", "shapes", 0, "line", "colour"), ("layout", "annotations", 0, "txt"), ("layout", "heigth"),
         ("data", 0, "mode"), ("data", 0, "type"), ("layout", "xaxis", "nticks"), ("layout", "legend", "yanchor"),
         ("layout", "annotations", 0, "font"), ("data", 0, "marker", "line", "width")]


@pytest.mark.parametrize("place", WRONG, ids=lambda place: ".".join(map(str, place)))
def test_a_wrong_name_or_value_anywhere_is_seen(place):
    checked(simple().figure())
    drawing = simple()
    found = {"data": drawing.data, "layout": drawing.layout}
    for step in place[:-1]:
        found = found[step]
    found[place[-1]] = "nonsense"
    with pytest.raises(ValueError, match=r"Invalid (property|value)|nonsense"):
        checked(drawing.figure())


def test_what_a_user_is_given_is_checked_now_and_later(monkeypatch):
    monkeypatch.setitem(FIGURES, "contour", lambda run, look: lay_out(Drawing(scatter(xx=[1])), look))
    with pytest.raises(ValueError, match="xx"):
        still(load_preset("mueller-brown"), figure="contour")
    with pytest.raises(ValueError, match="height"):
        still(load_preset("mueller-brown")).update_layout(height="tall")


# What stands for Plotly's own ways to say it


def test_lines_and_areas_are_plotlys_own():
    own, ours, red = go.Figure(go.Scatter(x=[1], y=[1])), Drawing(scatter(x=[1], y=[1])), {"color": "red"}
    own.add_hline(y=2, line=red, annotation={"text": "a"}, annotation_position="top right")
    own.add_vline(x=3, line=red, annotation={"text": "b"})
    own.add_vrect(x0=1, x1=2, fillcolor="blue", line={"width": 0}, layer="below")
    ours.add_hline(2, red, words={"text": "a"})
    ours.add_vline(3, red, words={"text": "b"})
    ours.add_vrect(1, 2, fillcolor="blue", line={"width": 0}, layer="below")
    found = checked(ours.figure()).layout
    assert [one.to_plotly_json() for one in found.shapes] == [one.to_plotly_json() for one in own.layout.shapes]
    assert [one.to_plotly_json() for one in found.annotations] == [
        one.to_plotly_json() for one in own.layout.annotations]


@pytest.mark.parametrize("rows, columns, heights", [(1, 3, ()), (2, 1, (0.58, 0.42)), (3, 2, (0.5, 0.2, 0.3))])
def test_a_grid_is_plotlys_own(rows, columns, heights):
    titles = [f"{k}" for k in range(rows * columns)]
    own = make_subplots(rows, columns, row_heights=list(heights) or None, horizontal_spacing=0.04,
                        vertical_spacing=0.07, subplot_titles=titles)
    ours = grid(rows, columns, across=0.04, down=0.07, heights=heights, titles=tuple(titles))
    for k in range(rows * columns):
        own.add_trace(go.Scatter(y=[k]), row=k // columns + 1, col=k % columns + 1)
        ours.add_trace(scatter(y=[k]), k + 1)
    own.add_hline(y=1, row=rows, col=columns)
    ours.add_hline(1, {}, cell=rows * columns)
    found = checked(ours.figure())
    for trace, other in zip(found.data, own.data, strict=True):
        assert (trace.xaxis, trace.yaxis) == (other.xaxis, other.yaxis)
    for name in (f"{letter}axis{k or ''}" for letter in "xy" for k in (0, *range(2, rows * columns + 1))):
        one, other = found.layout[name], own.layout[name]
        assert (one.domain, one.anchor) == (other.domain, other.anchor)
    for one, other in zip(found.layout.annotations, own.layout.annotations, strict=True):
        for name in ("x", "y", "text", "xref", "yref", "xanchor", "yanchor", "showarrow"):
            assert one[name] == other[name], name
    assert (found.layout.shapes[0].xref, found.layout.shapes[0].yref) == (
        own.layout.shapes[0].xref, own.layout.shapes[0].yref)
