"""Figures of the lab "equilibrium" about starts: forgotten in heat, kept by SGD, and the way between two solutions."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...figures.drawing import Drawing, scatter
from ...figures.marks import MARKER
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _
from .figures_memory import known
from .results import Baths, Units, Way

# Rows of `units`: the bath, and where the networks began.
UNITS = (("sgd", "usual"), ("sgd", "cold"), ("sgd", "far"), ("heat", "cold"), ("heat", "far"))


def left(run: Any, look: Look, height: int = 360) -> go.Figure:
    """What is left of the squared distance between the cold and the far start, under SGD and in isotropic heat."""
    found, figure = Baths.expect(run), Drawing()
    for k, (name, colour, symbol) in enumerate(_baths(look)):
        figure.add_trace(scatter(
            x=found.left_times[k], y=found.left.value[k], mode="lines+markers", name=name,
            line={"color": colour, "width": 0.7 * look.stroke},
            marker={"color": colour, "size": MARKER * look.stroke, "symbol": symbol},
            error_y={"type": "data", "array": np.nan_to_num(found.left.stderr[k]), "color": rgba(colour, 0.7),
                     "thickness": look.stroke / 2, "width": 0},
            hovertemplate=f"{name}<br>" + _("time %{x:,}") + "<br><b>%{y:.0%}</b> ± %{error_y.array:.0%}"
                          "<extra></extra>"))
    figure.add_hline(y=0, line={"color": look.theory, "width": 1, "dash": "dot"})
    return lay_out(figure, look, title=_("How much of the start is left?"), height=height,
                   xaxis=axis(look, _("time, learning rate × steps"), showgrid=False, nticks=6, rangemode="tozero",
                              tickformat="~s"),
                   yaxis=axis(look, _("squared distance left"), tickformat="~%", nticks=6))


def _baths(look: Look) -> tuple[tuple[str, str, str], ...]:
    """Name, colour and symbol of SGD and of isotropic heat."""
    return (_("SGD"), look.heat, "circle"), (_("isotropic heat, same T"), look.optimisers[2], "diamond")


def left_sentence(run: Any) -> str:
    """The answer in one sentence, and what was measured."""
    sgd, heat = (Baths.expect(run).late[bath] for bath in ("sgd", "heat"))
    said = _("Two groups start at two places. This is the squared distance between their means (hidden units matched), "
             "100 % at the start and 0 where the start is forgotten.")
    if known(sgd):
        said += " " + _("SGD keeps {share} ± {error} %.").format(share=percent(sgd), error=percent(sgd.stderr))
    if known(heat):
        said += " " + _("Heat that is as strong, but alike in all directions, leaves {share} ± {error} %.").format(
            share=percent(heat), error=percent(heat.stderr))
    return said


def percent(share: float) -> str:
    """A share in whole per cent, with a true minus."""
    return f"{round(100 * share)}".replace("-", "−")


def units(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Hidden units that are no copies of one another, over time: from all starts, in both baths."""
    found, figure = Units.read(run), Drawing()
    names, colours = (_("SGD, {start} start"), _("heat, {start} start")), {name: colour for name, colour in zip(
        ("usual", "cold", "far"), (look.optimisers[0], look.optimisers[2], look.optimisers[3]), strict=True)}
    starts = {"usual": _("usual"), "cold": _("cold"), "far": _("far")}
    for k, (bath, start) in enumerate(UNITS if found else ()):
        assert found is not None
        name = names[bath == "heat"].format(start=starts[start])
        good = np.isfinite(found.units.value[k])
        if not good.any():
            continue
        times = np.maximum(found.times[k][good], _first(found.times))
        figure.add_trace(scatter(
            x=times, y=found.units.value[k][good], mode="lines+markers", name=name,
            line={"color": colours[start], "width": 0.7 * look.stroke, "dash": "dot" if bath == "heat" else "solid"},
            marker={"color": colours[start], "size": 2.4 * look.stroke,
                    "symbol": "diamond" if bath == "heat" else "circle"},
            error_y={"type": "data", "array": np.nan_to_num(found.units.stderr[k][good]),
                     "color": rgba(colours[start], 0.6), "thickness": look.stroke / 3, "width": 0},
            hovertemplate=f"{name}<br>" + _("time %{x:,.0f}") + "<br><b>%{y:.2g}</b><extra></extra>"))
    return lay_out(figure, look, title=_("How many different hidden units?"), height=height,
                   xaxis=axis(look, _("time, logarithmic"), type="log", showgrid=False, dtick=1, tickformat="~s"),
                   yaxis=axis(look, _("different units per network"), nticks=6,
                              range=[0, 1.08 * sum(run.spec.network.hidden) or 1]))


def _first(times: np.ndarray) -> float:
    """Where time 0 stands on a logarithmic axis: at the first look after it."""
    return float(np.nanmin(np.where(times > 0, times, np.nan)))


def units_sentence(run: Any) -> str:
    """What copies are, and what becomes of them."""
    found = Units.read(run)
    if found is None:
        return _("This network has no hidden units.")
    gained = found.gained
    said = _("Among {n} hidden units some may be copies: the same weights, up to sign. Such a network is a smaller one "
             "in disguise. Each sample pulls copies alike, so the noise of SGD cannot part them.").format(
        n=sum(run.spec.network.hidden))
    if known(gained["sgd"]) and known(gained["heat"]):
        said += " " + _("From the cold and the far start SGD makes {sgd} new different units, isotropic heat {heat}."
                        ).format(sgd=number(gained["sgd"], 2), heat=number(gained["heat"], 2))
    return said


def way(run: Any, look: Look, height: int = 360) -> go.Figure:
    """The energy along the best path found between both solutions and along the straight line, in units of T."""
    found, figure = Way.expect(run), Drawing()
    unit = temperature(run) or 1.0
    for x, y, name, colour, dash in (
            (found.line_along, found.line, _("straight line"), look.dim, "dash"),
            (found.along, found.energy, _("best path found"), look.heat, "solid")):
        if y is None:
            continue
        figure.add_trace(scatter(
            x=x, y=y / unit, mode="lines", name=name, line={"color": colour, "width": look.stroke, "dash": dash},
            hovertemplate=f"{name}<br><b>%{{y:.3g}}</b><extra></extra>"))
    ridge = (found.climbs or {}).get("slice")
    if ridge is not None:
        figure.add_hline(y=ridge[0] / unit, line={"color": look.line, "width": look.stroke, "dash": "dot"},
                         words={"text": _("the ridge on the slice"),
                                "font": {"size": look.font_small, "color": look.dim}})
    return lay_out(figure, look, title=_("How high is the pass?"), height=height,
                   xaxis=axis(look, _("share of the way, cold to far"), tickformat="~%", showgrid=False, nticks=6),
                   yaxis=axis(look, _("height, in T") if temperature(run) else _("height, in the loss"), nticks=6,
                              rangemode="tozero"))


def temperature(run: Any) -> float | None:
    """T of the SGD noise, once it is known."""
    found = Baths.read(run)
    return float(found.temperature) if found and found.temperature is not None and known(found.temperature) else None


def way_sentence(run: Any) -> str:
    """How high the pass is, from both ends, and what kind of number that is."""
    found = Way.read(run)
    if found is None or found.climbs is None:
        return _("Only one solution was found, so there is no pass.")
    cold, far = found.climbs["climbs"]
    T = temperature(run)
    said = _("The loss on the way from the cold to the far solution, hidden units matched. A better path may be lower.")
    if T:
        said += " " + _("It climbs {cold} T from the cold side and {far} T from the far side; T = {T} is the strength "
                        "of SGD's noise. Heat crosses a pass of few T soon. The slice shows 2 of {d} directions, so "
                        "the ridge on it may be far higher.").format(
            cold=number(cold / T, 2), far=number(far / T, 2), T=number(T, 2), d=run.numbers["d"])
    return said
