"""The numbers of a chart as a table: one row a point, one column for each axis, with the axis' title and its unit.

They are the figure's own, in full: nothing is rounded, bands and standard errors have columns of their own, and what is
drawn for the eye alone (halos, places for the pointer) has none.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import BadInput
from ..experiments.sweep.results import Rows
from ..experiments.sweep.rows import over_seeds
from ..experiments.sweep.rows import table as runs_of
from ..figures.phase import setting_title, title_of
from ..figures.still import default_figure, drawings, figures_of
from ..presentation.looks import LOOKS
from ..presentation.names import energy_title
from .still.axes import Properties
from .still.traces import array, unpacked
from .still.words import plain

if TYPE_CHECKING:
    import pandas

RUNS = "runs"  # of a sweep: one row for each of them
SERIES, CHART, PART, LABEL = "series", "chart", "part", "label"  # columns beside those of the axes


def tables(run: Any) -> list[str]:
    """Names of the tables of a run: a sweep's runs, and the figures that it has."""
    return ([RUNS] if hasattr(run.spec, "points") else []) + figures_of(run)


def table(run: Any, name: str | None = None) -> "pandas.DataFrame":
    """The numbers of the figure `name` (None: of a sweep its runs, else of the figure that stands for the run).

    A row for each point of each curve: `series` names the curve, each axis is a column, titled as in the figure with
    its unit. Beside it stand its error, and the ends of its band where it has one; a map has a row for each place.
    Raises BadInput for a name that is not among `tables(run)`.
    """
    import pandas

    known = tables(run)
    name = name or (RUNS if RUNS in known else default_figure(run))
    if name not in known:
        raise BadInput(f"this run has no table {str(name)[:60]!r}; it has {', '.join(known) or 'none yet'}.")
    if name == RUNS:
        return runs_of(run)
    if RUNS in known:
        return _over_seeds(run)
    figure = unpacked(drawings(run)[name](run, LOOKS["dark"]).to_plotly_json())
    parts = [pandas.DataFrame(columns) for columns in _columns(figure, energy_title(run))]
    found = pandas.concat(parts or [pandas.DataFrame()], ignore_index=True)
    for column in found:
        if any(isinstance(value, str) for value in found[column]):  # words of one chart, numbers of another
            found[column] = found[column].map(_said)
    return found


def csv(frame: Any) -> bytes:
    """As text, UTF-8, the first line its columns."""
    return bytes(frame.to_csv(index=False).encode())


def parquet(frame: Any) -> bytes:
    """As an Apache Parquet file."""
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def _said(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else None if value != value else str(value)


def _over_seeds(run: Any) -> "pandas.DataFrame":
    """Of a sweep: its settings, mean and standard error over seeds of everything that was measured."""
    import pandas

    frame = pandas.DataFrame(run.spec.points, columns=[setting_title(name) for name in run.spec.settings])
    for name in Rows.expect(run).names:
        mean, error = over_seeds(run, name)
        frame[title_of(name)], frame[f"{title_of(name)}, standard error"] = mean.ravel(), error.ravel()
    return frame


# Figures, trace by trace


def _columns(figure: Properties, energy: str) -> Iterator[dict[str, Any]]:
    """The columns of each curve or map; a band goes to the curve that follows it. energy: what an unnamed map shows."""
    layout = figure["layout"]
    titles = _titles_of_cells(figure)
    band: Properties | None = None
    for trace in figure["data"]:
        kind = trace.get("type", "scatter")
        if trace.get("fill") == "toself" and (ends := _ends_of(trace)) is not None:
            band = ends
            continue
        if kind == "scatter" and trace.get("hoverinfo") == "skip":
            continue
        columns = _of(kind, trace, layout, energy)
        if columns is None:
            continue
        if band is not None and kind == "scatter" and len(band["low"]) == len(next(iter(columns.values()))):
            column = _title(layout, trace, "y")
            columns |= {f"{column}, low end": band["low"], f"{column}, high end": band["high"]}
        band = None
        head = {CHART: titles[_cell(trace)]} if len(titles) > 1 else {}
        name = plain(trace.get("name") or "")
        yield {**head, **({SERIES: name} if name or kind in ("scatter", "scatter3d", "bar") else {}), **columns}


def _of(kind: str, trace: Properties, layout: Properties, energy: str) -> dict[str, Any] | None:
    if kind in ("contour", "heatmap", "surface"):
        return _of_map(trace, layout, energy)
    if kind == "scatter3d":
        return _of_points(trace, [(letter, _scene_title(layout, letter)) for letter in "xyz"])
    if kind == "histogram":
        return _of_bins(trace, layout)
    x, y = (_title(layout, trace, letter) for letter in "xy")
    return _of_points(trace, [("x", x), ("y", y if y != x else f"{y} (y)")], layout)


def _of_points(trace: Properties, axes: list[tuple[str, str]], layout: Properties | None = None
               ) -> dict[str, Any] | None:
    values = {letter: array(trace.get(letter)) for letter, _title in axes}
    n = max(map(len, values.values()), default=0)
    found: dict[str, Any] = {}
    gaps = np.zeros(n, bool)
    for letter, title in axes:
        given = values[letter] if len(values[letter]) else np.arange(n)
        column = list(given) if any(isinstance(one, str) for one in given) else np.array(
            [np.nan if one is None else one for one in given], float)
        if not isinstance(column, list):
            gaps |= ~np.isfinite(column)
            column = column + (np.asarray(array(trace.get("base", 0)), float) if letter == "y" else 0)
            column = _named_by_ticks(column, trace, letter, layout)
        found[title] = column
        for key, word in (("array", "error"), ("arrayminus", "error below")):
            error = (trace.get(f"error_{letter}") or {}).get(key)
            if error is not None and len(array(error)) == n:
                found[f"{title}, {word}"] = np.array([np.nan if one is None else one for one in array(error)], float)
    said = trace.get("text")
    if isinstance(said, (list, np.ndarray)) and len(said) == n:
        found[LABEL] = [plain(text).splitlines()[0] if text else "" for text in said]
    if gaps.all():
        return None
    if gaps.any() and trace.get("mode") == "lines":
        found[PART] = np.cumsum(gaps & ~np.append(True, gaps[:-1])).tolist()
    return {title: [one for one, gap in zip(column, gaps, strict=True) if not gap] for title, column in found.items()}


def _named_by_ticks(column: np.ndarray, trace: Properties, letter: str, layout: Properties | None) -> Any:
    """Of an axis on which words stand at places: the word nearest to each."""
    settings = {} if layout is None else _axis(layout, trace, letter)
    texts = settings.get("ticktext")
    if texts is None or all(_is_number(plain(text)) for text in texts):
        return column
    at = np.asarray(settings["tickvals"], float)
    return [plain(texts[int(np.argmin(np.abs(at - place)))]) if np.isfinite(place) else None for place in column]


def _is_number(text: str) -> bool:
    try:
        float(text.replace("−", "-").replace(",", "").rstrip("%kM "))
    except ValueError:
        return False
    return True


def _of_map(trace: Properties, layout: Properties, energy: str) -> dict[str, Any]:
    z = np.array([[np.nan if one is None else one for one in row] for row in trace["z"]], float)
    x = list(array(trace["x"])) if trace.get("x") is not None else list(range(z.shape[1]))
    y = list(array(trace["y"])) if trace.get("y") is not None else list(range(z.shape[0]))
    deep = trace["type"] == "surface"
    titles = [_scene_title(layout, letter) if deep else _title(layout, trace, letter) for letter in "xy"]
    value = _text((trace.get("colorbar") or {}).get("title")) or (_scene_title(layout, "z") if deep else energy)
    return {titles[0]: [place for place in x for _row in y], titles[1]: [place for _column in x for place in y],
            value: z.T.ravel()}


def _of_bins(trace: Properties, layout: Properties) -> dict[str, Any]:
    values = np.asarray(array(trace["x"]), float)
    bins = trace.get("xbins")
    edges: Any = "auto" if bins is None else np.arange(bins["start"], bins["end"] + 0.5 * bins["size"], bins["size"])
    density = "density" in (trace.get("histnorm") or "")
    heights, edges = np.histogram(values[np.isfinite(values)], edges, density=density)
    x = _title(layout, trace, "x")
    return {f"{x}, from": edges[:-1], f"{x}, to": edges[1:], _title(layout, trace, "y"): heights.astype(float)}


def _ends_of(trace: Properties) -> Properties | None:
    """Low and high ends of a band, drawn as an outline there and back; None for another area."""
    x, y = (np.array([np.nan if one is None else one for one in array(trace[letter])], float) for letter in "xy")
    half = len(x) // 2
    if len(x) % 2 or not np.array_equal(x[:half], x[half:][::-1], equal_nan=True):
        return None
    one, two = y[:half], y[half:][::-1]
    return {"low": np.fmin(one, two), "high": np.fmax(one, two)}


# Words of axes


def _cell(trace: Properties) -> tuple[str, str]:
    return trace.get("xaxis") or "x", trace.get("yaxis") or "y"


def _axis(layout: Properties, trace: Properties, letter: str) -> Properties:
    name = _cell(trace)["xy".index(letter)]
    settings: Properties = layout.get(f"{letter}axis{name[1:]}") or {}
    other = str(settings.get("matches") or "")
    if not _text(settings.get("title")) and other and other != name:
        shared = layout.get(f"{letter}axis{other[1:]}") or {}
        return {**settings, "title": shared.get("title")}
    return settings


def _title(layout: Properties, trace: Properties, letter: str) -> str:
    return _text(_axis(layout, trace, letter).get("title")) or letter


def _scene_title(layout: Properties, letter: str) -> str:
    return _text(((layout.get("scene") or {}).get(f"{letter}axis") or {}).get("title")) or letter


def _text(title: Any) -> str:
    """A title in one line; the numbers of a logarithmic axis are no logarithms here."""
    text = title.get("text") if isinstance(title, dict) else title
    return " ".join(plain(text or "").split()).removesuffix(", logarithmic")


def _titles_of_cells(figure: Properties) -> dict[tuple[str, str], str]:
    """What each chart of a figure of several is called: the words above it, or its number."""
    layout = figure["layout"]
    cells = list(dict.fromkeys(_cell(trace) for trace in figure["data"]))
    found = {}
    for k, (x, y) in enumerate(cells):
        across, up = (list((layout.get(f"{name[0]}axis{name[1:]}") or {}).get("domain") or (0, 1)) for name in (x, y))
        above = (one for one in layout.get("annotations") or () if one.get("yanchor") == "bottom"
                 and one.get("xref") == one.get("yref") == "paper" and abs(one["x"] - sum(across) / 2) < 1e-9
                 and abs(one["y"] - up[1]) < 1e-9)
        found[x, y] = next((plain(one["text"]) for one in above if one.get("text")), str(k + 1))
    return found
