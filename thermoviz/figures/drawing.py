"""A figure while it is put together: plain dictionaries in the words of Plotly's schema.

Plotly asks about every property of every object at the moment it is set, and that was nine tenths of drawing a page.
Here nothing is asked. `tests/figures/test_schema.py` asks Plotly about every figure once, and `still` does before a
figure leaves the house.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go

Properties = dict[str, Any]
Trace = Callable[..., Properties]

scatter: Trace = partial(dict, type="scatter")
scatter3d: Trace = partial(dict, type="scatter3d")
surface: Trace = partial(dict, type="surface")
contour: Trace = partial(dict, type="contour")
heatmap: Trace = partial(dict, type="heatmap")
histogram: Trace = partial(dict, type="histogram")
bar: Trace = partial(dict, type="bar")
box: Trace = partial(dict, type="box")

# Where the words of a line across and of an upright one stand.
_RIGHT_ABOVE = {"x": 1, "xanchor": "right", "yanchor": "bottom", "showarrow": False}
_BESIDE_TOP = {"y": 1, "xanchor": "left", "yanchor": "top", "showarrow": False}


class Drawing:
    """Traces and layout. What names a `cell` goes to that one of a `grid`, counted from 1 along its rows."""

    def __init__(self, *traces: Properties) -> None:
        self.data: list[Properties] = list(traces)
        self.layout: Properties = {"shapes": [], "annotations": []}

    def add_trace(self, trace: Properties, cell: int | None = None) -> None:
        self.data.append(trace if cell is None else {**trace, "xaxis": _axis("x", cell), "yaxis": _axis("y", cell)})

    def add_hline(self, y: float, line: Properties, words: Properties | None = None, cell: int = 1) -> None:
        """A line across at y; `words`: the annotation at its right end, above it, unless it says otherwise."""
        place = {"xref": f"{_axis('x', cell)} domain", "yref": _axis("y", cell)}
        self.layout["shapes"].append({"type": "line", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, **place})
        if words is not None:
            self.layout["annotations"].append({"y": y, **_RIGHT_ABOVE, **place, **words})

    def add_vline(self, x: float, line: Properties, words: Properties | None = None, cell: int = 1) -> None:
        """An upright line at x; `words`: the annotation beside its upper end."""
        self.add_vrect(x, x, type="line", line=line, cell=cell)
        if words is not None:
            self.layout["annotations"].append({"x": x, **_BESIDE_TOP, **_upright(cell), **words})

    def add_vrect(self, x0: float, x1: float, cell: int = 1, **settings: Any) -> None:
        """All that lies between x0 and x1."""
        self.layout["shapes"].append({"type": "rect", "x0": x0, "x1": x1, "y0": 0, "y1": 1, **_upright(cell),
                                      **settings})

    def add_annotation(self, **settings: Any) -> None:
        """Words without an arrow."""
        self.layout["annotations"].append({"showarrow": False, **settings})

    def update_layout(self, settings: Properties) -> None:
        """As Plotly does: what is there and not named stays, within dictionaries as well."""
        self.layout = merged(self.layout, settings)

    def figure(self) -> go.Figure:
        """As Plotly's own object, unchecked."""
        return go.Figure({"data": self.data, "layout": self.layout}, _validate=False)


def grid(rows: int, columns: int, *, across: float = 0.0, down: float = 0.0, heights: tuple[float, ...] = (),
         titles: tuple[str, ...] = (), title: Properties | None = None) -> Drawing:
    """Several charts in one: cells whose gaps are `across` and `down` of the whole.

    heights: of the rows, from above, their sum 1; (): all alike. titles: above each cell, `title`: their settings.
    """
    drawing = Drawing()
    widths, tops = _ends(columns, across), _ends(rows, down, heights[::-1])[::-1]
    for k in range(rows * columns):
        (x0, x1), (y0, y1) = widths[k % columns], tops[k // columns]
        drawing.layout[f"xaxis{_number(k + 1)}"] = {"domain": [x0, x1], "anchor": _axis("y", k + 1)}
        drawing.layout[f"yaxis{_number(k + 1)}"] = {"domain": [y0, y1], "anchor": _axis("x", k + 1)}
        if k < len(titles):
            drawing.add_annotation(text=titles[k], x=(x0 + x1) / 2, xref="paper", xanchor="center", y=y1, yref="paper",
                                   yanchor="bottom", **(title or {}))
    return drawing


def _ends(n: int, gap: float, shares: Sequence[float] = ()) -> list[tuple[float, float]]:
    """From where to where each of n goes; shares: of all but the gaps. To the last bit as Plotly's `make_subplots`."""
    room = 1 - gap * (n - 1)
    sizes = [room * share for share in shares] or [room / n] * n
    begins = [sum(sizes[:k]) + k * gap for k in range(n)]
    return [(begin, begin + size) for begin, size in zip(begins, sizes, strict=True)]


def _number(cell: int) -> str:
    return "" if cell == 1 else str(cell)


def _axis(letter: str, cell: int) -> str:
    return letter + _number(cell)


def _upright(cell: int) -> Properties:
    return {"xref": _axis("x", cell), "yref": f"{_axis('y', cell)} domain"}


def merged(one: Properties, other: Properties) -> Properties:
    """`other` over `one`, within dictionaries as well."""
    return {**one, **{name: merged(one[name], value) if isinstance(value, dict) and isinstance(one.get(name), dict)
                      else value for name, value in other.items()}}
