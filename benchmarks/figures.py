"""CPU of the figures of a page at its first drawing, written as the JSON that goes to the browser, beside as many plain
charts of Plotly of one line each, in the same run.

What the stage asks of the surface before any chart (its valleys, its ceiling) is there already, as on the page.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS, LABS
from thermoviz.catalogue.shipped import shipped
from thermoviz.dashboard.menu import page_of
from thermoviz.experiments.presets import DEFAULT_PRESET, load_preset
from thermoviz.figures.still import FIGURES
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.run import Run

from .clock import Row

ROUNDS = 7
LOOK = LOOKS["dark"]
Draw = Callable[[], go.Figure]


def plain_chart() -> go.Figure:
    """What somebody would write who draws one line."""
    x = np.linspace(0, 10, 200)
    return go.Figure(go.Scatter(x=x, y=np.sin(x), mode="lines"), layout={"title": {"text": "a line"}, "height": 320})


def _cpu(draws: Sequence[Draw]) -> float:
    begun = time.process_time()
    for draw in draws:
        draw().to_json(validate=False)
    return time.process_time() - begun


def _charts(run: Run) -> list[Draw]:
    """Of the run's page; the relief in 3-D is no part of a page."""
    drawings = [chart.draw for chart in page_of(run.kind).shown(run)] if run.kind in LABS else [
        draw for name, draw in FIGURES.items() if name != "surface3d"]
    return [lambda draw=draw: draw(run, LOOK) for draw in drawings]


def _row(page: str, run: Run) -> Row:
    if run.surface is not None:
        _ = run.surface.basins, run.surface.ceiling
    charts = _charts(run)
    plain: list[Draw] = [plain_chart] * len(charts)
    rounds = [(_cpu(charts), _cpu(plain)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    return Row(f"CPU of all figures of a page: {page}", ours, "s", ">= 0.3 x, aim 1 x", theirs,
               f"{len(charts)} plain charts")


def rows() -> list[Row]:
    pages = {"landscape": load_preset(DEFAULT_PRESET)}
    for kind in LABS:
        spec = EXPERIMENTS[kind]()
        pages[kind] = shipped(tv.Run(spec, {}).id) or tv.run(spec)
    return [_row(page, run) for page, run in pages.items()]
