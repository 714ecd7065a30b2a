"""Figures of the lab "equilibrium": agreement outside and inside, starts that meet.

Over time: `figures_memory`; what keeps a start, and what forgets it: `figures_starts`.
"""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...figures.drawing import Drawing, scatter
from ...figures.marks import MARKER
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.names import energy_title, regulariser_title, task, who_diverged
from ...presentation.words import _, term
from . import results
from .figures_memory import (
    known,
    systems,
)
from .results import GROUPS, ON_SLICE, Agreement, Course, LinearTheory

HIDDEN = 0.5  # of its own shaking: below that a difference does not show
HIGHEST = 1e4  # losses beyond so many times the lowest are left above the chart
OWN, SAME_DATA = (GROUPS[group] for group in (results.OWN, results.SAME_DATA))


# Same macro, different micro


def agreement(run: Any, look: Look, height: int = 430) -> go.Figure:
    """R-hat of what is seen from outside and of what is inside, networks and linear regression, with errors."""
    figure = Drawing()
    rows = _observables(run)
    for system, name, colour, shift in systems(look):
        agreed = Agreement.read(run, system)
        if agreed is None:
            continue
        for group, symbol, opacity in ((OWN, "circle", 1.0), (SAME_DATA, "circle-open", 0.9)):
            found = agreed.r_hat[group]
            given = [(k, found[key]) for k, (key, _title) in enumerate(rows) if known(found.get(key))]
            if not given:
                continue
            place = shift + (0.1 if group == SAME_DATA else -0.1)
            value, error = np.array([(one.value, one.stderr) for _k, one in given]).T
            figure.add_trace(scatter(
                x=np.maximum(value, 1.0), y=[k + place for k, _pair in given], mode="markers",
                name=_("{system}, {group}").format(system=name, group=term(group)), customdata=np.stack(
                    [value, np.nan_to_num(error)], axis=1), text=[rows[k][1] for k, _pair in given],
                error_x={"type": "data", "array": np.nan_to_num(error), "thickness": look.stroke / 2, "width": 0,
                         "arrayminus": np.minimum(np.nan_to_num(error), np.maximum(value, 1.0) - 1.0),
                         "color": rgba(colour, 0.7)},
                marker={"color": rgba(colour, opacity), "size": MARKER * look.stroke, "symbol": symbol,
                        "line": {"width": 0.8 * look.stroke, "color": colour}},
                hovertemplate="%{text}<br>R-hat <b>%{customdata[0]:.4g}</b> ± %{customdata[1]:.2g}<extra>"
                              + name + "</extra>"))
    _expected(figure, run, look, rows)
    figure.add_hline(y=2.5, line={"color": look.line, "width": 1})
    for y, text in ((2.4, _("macro")), (5.52, _("micro"))):
        figure.add_annotation(x=1, xref="paper", y=y, text=text, xanchor="right", yanchor="bottom",
                              font={"size": look.font_small, "color": look.dim})
    return lay_out(
        figure, look, title=_("Do replicas agree? R-hat, 1 where they do"), height=height,
        xaxis=axis(look, _("R-hat, logarithmic"), type="log", dtick="D2", tickformat="~g",
                   range=[math.log10(0.9), math.log10(1.15 * _farthest(figure))]),
        yaxis=axis(look, tickvals=list(range(len(rows))), ticktext=[title for _key, title in rows], showgrid=False,
                   range=[len(rows) - 0.4, -0.6]))


def _farthest(figure: Drawing) -> float:
    """The largest R-hat with its error, at least 2."""
    reach = [np.nanmax(np.asarray(trace["x"]) + (trace["error_x"]["array"] if "error_x" in trace else 0))
             for trace in figure.data]
    return float(max([2.0, *reach]))


def _observables(run: Any) -> list[tuple[str, str]]:
    """Key and title of each row: three macroscopic, three microscopic."""
    right = _("test R²") if task(run) == "regression" else _("test accuracy")
    added = regulariser_title(run)
    whole = _("train loss + {regulariser}").format(regulariser=added) if added else _("train loss")
    return [("loss", whole), ("test_loss", _("test loss")), ("accuracy", right),
            ("function", _("outputs")), ("aligned", _("parameters")), ("raw", _("parameters, unmatched"))]


def _expected(figure: Drawing, run: Any, look: Look, rows: list[tuple[str, str]]) -> None:
    theory = LinearTheory.read(run, "lin")
    if theory is None or theory.r_hat[0] is None:
        return
    k = [key for key, _title in rows].index("aligned")
    figure.add_trace(scatter(
        x=[theory.r_hat[0]], y=[k + 0.1], mode="markers", name=_("linear regression, exact"),
        marker={"symbol": "line-ns", "size": 2.6 * MARKER * look.stroke,
                "line": {"width": 1.2 * look.stroke, "color": look.theory}},
        hovertemplate=_("exact") + " <b>%{x:.4g}</b><extra></extra>"))


def agreement_sentence(run: Any) -> str:
    """R-hat and plain spreads in words."""
    net, control = Agreement.expect(run, "net"), Agreement.read(run, "lin")
    found, spread = net.r_hat[OWN], net.spread[OWN]
    if not known(found["loss"]) or not known(spread["loss"]):
        return _("Too few networks came through to compare them.") + _lost(run)
    said = _("Macro is seen from outside, micro is inside. R-hat compares the scatter between replicas with the "
             "scatter of each one in time. Between replicas the loss differs by {loss} %, while the parameters lie "
             "{distance} % of their own length from their mean, even with hidden units matched.").format(
        loss=f"{100 * spread['loss']:.1f}", distance=f"{100 * spread['parameters']:.0f}")
    if control is not None and known(control.spread[OWN]["parameters"]):
        said += " " + _("In linear regression it is {distance} %.").format(
            distance=f"{100 * control.spread[OWN]['parameters']:.1f}")
    return said + _lost(run)


def _lost(run: Any) -> str:
    who = who_diverged(run)
    return " " + _("Left out: {who}.").format(who=who) if who else ""


# Starts


def curves(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Loss over time from usual, hot, cold and far starts: median and the band from 10 to 90 % of each group."""
    course, figure = Course.expect(run, "net"), Drawing()
    steps = np.maximum(course.steps, 1)
    for k, colour in zip(ON_SLICE, look.optimisers, strict=True):
        low, middle, high = course.loss[k]
        if not np.isfinite(middle).any():
            continue
        name = term(GROUPS[k]) if k != results.SAME_DATA else _("usual start")
        good = np.isfinite(middle)
        figure.add_trace(scatter(
            x=np.concatenate([steps[good], steps[good][::-1]]), y=np.concatenate([low[good], high[good][::-1]]),
            mode="lines", fill="toself", fillcolor=rgba(colour, 0.16), line={"width": 0}, hoverinfo="skip",
            showlegend=False))
        figure.add_trace(scatter(
            x=steps[good], y=middle[good], mode="lines", name=name, line={"color": colour, "width": look.stroke},
            hovertemplate=f"{name}<br>" + _("step %{x:,}") + "<br><b>%{y:.4g}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Do different starts come to one loss?"), height=height,
                   xaxis=axis(look, _("training step, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=_losses_axis(run, look))


def _losses_axis(run: Any, look: Look) -> dict[str, Any]:
    """All losses, but not those of networks on their way to infinity."""
    shown = Course.expect(run, "net").loss[list(ON_SLICE)]
    shown = shown[np.isfinite(shown) & (shown > 0)]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.1, 1.0)
    high = min(high, HIGHEST * low)
    return axis(look, energy_title(run), type="log", tickformat="~g",
                dtick="D2" if high < 50 * low else 1, range=[math.log10(low / 1.15), math.log10(high * 1.15)])


def curves_sentence(run: Any) -> str:
    """What the starts are, and who is missing."""
    far = _("another solution") if run.numbers.get("another", True) else _("a place far away")
    return _("Hot: weights four times as large as usual. Cold: all at the lowest solution found. Far: all at {far}. "
             "Bands hold 8 of 10 replicas.").format(far=far) + _lost(run)


def starts(run: Any, look: Look, height: int = 360) -> go.Figure:
    """How far the groups end from the cold start, in what each thing shakes by: loss, outputs, parameters."""
    figure = Drawing()
    titles = [_("loss"), _("outputs"), _("parameters")]
    symbols = {"hot start": "triangle-up", "far start": "circle", SAME_DATA: "square"}
    for system, name, colour, shift in systems(look):
        agreed = Agreement.read(run, system)
        if agreed is None:
            continue
        for offset, (group, symbol) in zip((-0.09, 0.0, 0.09), symbols.items(), strict=True):
            pairs = [_shares(agreed, group, key) for key in ("loss", "function", "parameters")]
            who = _("usual start") if group == SAME_DATA else term(group)
            figure.add_trace(scatter(
                x=[k + shift + offset for k in range(3)], y=[pair[0] for pair in pairs], mode="markers",
                name=f"{name}, {who}", customdata=titles,
                error_y={"type": "data", "array": [pair[1] for pair in pairs], "color": rgba(colour, 0.8),
                         "thickness": look.stroke / 2, "width": 0},
                marker={"color": colour, "size": MARKER * look.stroke, "symbol": symbol},
                hovertemplate=f"{name}, {who}<br>%{{customdata}} <b>%{{y:.2f}}</b> ± %{{error_y.array:.2f}}"
                              "<extra></extra>"))
    figure.add_hline(y=HIDDEN, line={"color": look.line, "width": look.stroke, "dash": "dot"})
    return lay_out(
        figure, look, title=_("How far apart do the starts end?"), height=height,
        xaxis=axis(look, tickvals=[0, 1, 2], ticktext=titles, showgrid=False, range=[-0.5, 2.5]),
        yaxis=axis(look, _("in its own shaking"), tickformat="~g", nticks=6, range=_shown(figure)))


def _shown(figure: Drawing) -> list[float]:
    """All points with their errors, and never less than from -0.1 to 1."""
    ends = [np.asarray(trace["y"], float) + sign * np.asarray(trace["error_y"]["array"], float)
            for trace in figure.data for sign in (-1, 1)]
    values = np.concatenate([*ends, [-0.1, 1.0]])
    low, high = np.nanmin(values), np.nanmax(values)
    return [float(low - 0.05 * (high - low)), float(high + 0.05 * (high - low))]


def _shares(agreed: Agreement, group: str, key: str) -> tuple[float, float]:
    apart, scale = agreed.apart(group, key), agreed.shaking[key] or np.nan
    return abs(apart.value) / scale, apart.stderr / scale
