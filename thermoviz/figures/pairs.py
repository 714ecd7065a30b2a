"""Charts of two runs on common axes: A's curves first, B's in the colours that follow."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..presentation import names
from ..presentation.looks import Look
from ..presentation.words import _
from .charts import DOTTED, FEW_RECORDS, curves, logarithmic_ticks, loss_parts, records_of
from .drawing import Drawing
from .paper import axis, lay_out

LETTERS = ("A", "B")


def trained(run: Any) -> bool:
    """Whether the run recorded losses of networks."""
    return run.kind != "potential" and len(run.arrays.get("losses", ())) > 0


def colours(a: Any, b: Any, look: Look) -> tuple[str, str]:
    """The first colour of either run."""
    return look.optimisers[0], look.optimisers[_members(a) % len(look.optimisers)]


def _members(run: Any) -> int:
    return len(names.member_names(run)) if trained(run) else 1


def _data_losses(run: Any) -> list[tuple[str, str, str]]:
    """What of the losses is of data, on which two runs can be compared."""
    return [part for part in loss_parts(run) if part[2] != DOTTED]


def pair_losses(a: Any, b: Any, look: Look, height: int = 360) -> go.Figure:
    """Loss of train (solid) and of test (dashed) of both runs over their steps, on one axis if they have one unit.

    Losses of two units stand above each other, each with its own axis.
    """
    runs = [(letter, run, first) for letter, run, first in zip(LETTERS, (a, b), (0, _members(a)), strict=True)
            if trained(run)]
    figure = Drawing()
    for letter, run, first in runs:
        curves(figure, run, look, _data_losses(run), first, f"{letter}: ")
    units = list(dict.fromkeys(names.loss_title(run) for _letter, run, _first in runs))
    if len(units) > 1:
        _apart(figure, LETTERS)
    axes = {f"yaxis{k + 1 if k else ''}": _losses_axis(
        look, [run for _letter, run, _first in runs if names.loss_title(run) == unit], unit, k, len(units))
        for k, unit in enumerate(units)}
    steps = axis(look, _("training steps"), showgrid=False, anchor="y2" if len(units) > 1 else "y")
    return lay_out(figure, look, title=_("Losses"), height=height, hovermode="x unified", xaxis=steps, **axes)


def _losses_axis(look: Look, runs: list[Any], unit: str, k: int, of: int) -> dict[str, Any]:
    """The axis of losses of one unit; above each other where there are two."""
    recorded = np.concatenate([np.asarray(run.arrays[key], float).ravel() for run in runs
                               for key, _label, _dash in _data_losses(run)])
    positive = bool(np.nanmin(recorded, initial=np.inf) > 0) and all(
        records_of(np.asarray(run.arrays["losses"])) > FEW_RECORDS for run in runs)
    form = {"type": "log", **logarithmic_ticks(recorded)} if positive else {"type": "linear", "nticks": 6}
    domain = [0, 1] if of == 1 else [[0.56, 1], [0, 0.44]][k]
    return axis(look, unit, domain=domain, **form)


def _apart(figure: Drawing, letters: tuple[str, str]) -> None:
    """B's curves belong to the second axis."""
    for trace in figure.data:
        if str(trace.get("name", "")).startswith(letters[1]):
            trace["yaxis"] = "y2"
