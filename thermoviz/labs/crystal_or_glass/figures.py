"""Figures of the lab "crystal or glass": mass against cooling time, loops and their areas, work, cooled networks."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...core.errors import BadInput
from ...figures.marks import MARKER, level, line, log_axis, points
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _, counted

# How solid the quickest, a middle and the slowest cooling are drawn, in the one colour of heat.
SHADES = (0.4, 0.68, 1.0)
# A gain of this share of the balls is worth while.
WORTH = 0.05


def mass(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Share of the balls in the deepest valley against cooling time: exact, measured, and what equilibrium would be."""
    a, found = run.arrays, run.numbers
    figure = go.Figure()
    figure.add_trace(line(a["cool_times"], a["mass_exact"], _("exact evolution"), look.theory, look, "%{y:.1%}",
                          x_name="t"))
    if "mass" in a:
        figure.add_trace(points(a["cool_times"], a["mass"], a["mass_error"], _balls(run), look, "%{y:.1%}",
                                x_name="t"))
    if "exchange" in found:
        swaps = found["exchange"]
        figure.add_trace(points(
            [swaps["steps"] * found["dt"]], [swaps["mass"]], [swaps["mass_error"]], _("replica exchange"), look,
            "%{y:.1%}", colour=look.text, symbol="diamond", x_name="t"))
    level(figure, look, found["share_cold"], _("equilibrium when cold"))
    level(figure, look, found["share_hot"], _("equilibrium when hot"), right=True)
    return lay_out(figure, look, title=_("Who finds the deepest valley?"), height=height, xaxis=_time(run, look),
                   yaxis=axis(look, _("share in the deepest valley"), tickformat=".0%", range=[-0.02, 1.06], nticks=6))


def answer(run: Any) -> str:
    """Whether slow cooling pays on this landscape, by the exact evolution."""
    a = run.arrays
    if "mass_exact" not in a:
        return _("Cooled slowly, a melt becomes a crystal; cooled at once, a glass.")
    if run.surface.basins.n == 1:
        return _("Not here: this landscape has one valley, and every ball finds it.")
    few, many = (f"{100 * a['mass_exact'][k]:.0f}" for k in (0, -1))
    steps = f"{a['cool_steps'][-1]:,}"
    if a["mass_exact"][-1] - a["mass_exact"][0] < WORTH:
        return _("Hardly, here: cooled at once {few} % of the balls end in the deepest valley, in {steps} steps {many} "
                 "%.").format(few=few, many=many, steps=steps)
    return _("Yes: cooled at once {few} % of the balls end in the deepest valley, a glass; cooled in {steps} steps "
             "{many} %, a crystal.").format(few=few, many=many, steps=steps)


def try_this(run: Any) -> str:
    """What the stage's two ways to cool will lead to."""
    if "stage" not in run.numbers or run.surface.basins.n == 1:
        return _("choose a landscape with several valleys (Experiment, Landscape).")
    return _("press “quench” beside the landscape: about {few} % of the balls stay in the deepest valley. Press reset "
             "(↺), then “anneal”: after {steps} steps it is about {many} %.").format(
        few=f"{100 * run.numbers['share_hot']:.0f}", many=f"{10 * round(10 * run.numbers['stage'])}",
        steps=f"{run.arrays['cool_steps'][-1]:,}")


def mass_sentence(run: Any) -> str:
    """What slow cooling gains over quick cooling, in words."""
    share = run.arrays.get("mass", run.arrays["mass_exact"])
    if run.surface.basins.n == 1:
        return _("This landscape has one valley: every ball finds it, however quickly it is cooled.")
    said = _("Cooled in {fast} steps {few} % of the balls end in the deepest valley, cooled in {slow} steps {many} "
             "%.").format(
        fast=f"{run.arrays['cool_steps'][0]:,}", slow=f"{run.arrays['cool_steps'][-1]:,}",
        few=f"{100 * share[0]:.0f}", many=f"{100 * share[-1]:.0f}")
    if "exchange" not in run.numbers:
        return said
    swaps = run.numbers["exchange"]
    return said + " " + _("Replica exchange (diamond) has {share} % there after {steps} steps.").format(
        share=f"{100 * swaps['mass']:.0f}", steps=f"{swaps['steps']:,}")


def loops(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Mean energy against the bath's temperature, down and up again, of a quick, a middle and the slowest cycle.

    Thin lines: the exact evolution of the same three.
    """
    a = run.arrays
    figure = go.Figure()
    steps = [a["cool_steps"][k] for k in (0, len(a["cool_steps"]) // 2, -1)]
    for E in a["loop_E_exact"]:
        figure.add_trace(go.Scatter(x=a["loop_T"], y=E, mode="lines", showlegend=False, hoverinfo="skip",
                                    line={"color": rgba(look.theory, 0.6), "width": 0.5 * look.stroke}))
    for E, n, shade in zip(a["loop_E"], steps, SHADES, strict=True):
        name = _("{n} steps").format(n=f"{n:,}")
        figure.add_trace(go.Scatter(
            x=a["loop_T"], y=E, mode="lines", name=name,
            line={"color": rgba(look.heat, shade), "width": (0.6 + 0.7 * shade) * look.stroke},
            hovertemplate=f"{name}<br>T %{{x:.3g}}<br>⟨E⟩ <b>%{{y:.4g}}</b><extra></extra>"))
    figure.add_trace(line(a["loop_T"], a["loop_E_equilibrium"], _("equilibrium"), look.theory, look, "%{y:.4g}",
                           x_name="T"))
    return lay_out(figure, look, title=_("Cooled, then heated again"), height=height,
                   xaxis=axis(look, _("temperature T of the bath"), nticks=6),
                   yaxis=axis(look, _("mean energy ⟨E⟩"), nticks=6))


def areas(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Signed area of the loops against cooling time, and of a convex well against its closed form."""
    a, control = run.arrays, run.numbers.get("control")
    figure = go.Figure()
    figure.add_trace(line(a["cool_times"], a["area_exact"], _("exact evolution"), look.theory, look, "%{y:.3g}",
                          x_name="t"))
    figure.add_trace(points(a["cool_times"], a["area"], a["area_error"], _balls(run), look, "%{y:.3g}", x_name="t"))
    if control is not None:
        figure.add_trace(line(control["curve_times"], control["curve_area"], _("convex well, closed form"), look.dim,
                              look, "%{y:.3g}", dash="dot", x_name="t"))
        figure.add_trace(points(control["loop_times"], control["loop_area"], control["loop_area_error"],
                                _("convex well, measured"), look, "%{y:.3g}", colour=look.dim, x_name="t"))
    return lay_out(figure, look, title=_("Area of the loop, −∮ E dT"), height=height, xaxis=_time(run, look),
                   yaxis=axis(look, _("area, energy²"), nticks=6, rangemode="tozero"))


def work(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Mean work and Jarzynski's free energy against the time of the pull, beside the exact free energy."""
    a, exact = run.arrays, run.numbers["drive"]["dF_exact"]
    times, told = a["drive_times"], np.isfinite(a["drive_dF"])
    figure = go.Figure()
    figure.add_trace(points(times, a["work_mean"], a["work_error"], _("mean work ⟨W⟩"), look, "%{y:.4g}",
                            x_name="t"))
    figure.add_trace(points(times[told], a["drive_dF"][told], a["drive_dF_error"][told],
                            _("Jarzynski: −T ln ⟨e^(−W/T)⟩"), look, "%{y:.4g}", colour=look.text, symbol="diamond",
                            x_name="t"))
    figure.add_trace(line(times[[0, -1]], [exact, exact], _("exact ΔF = {F}").format(F=number(exact)), look.theory,
                          look, "%{y:.4g}", x_name="t"))
    refused = times[~told]
    if len(refused):
        # A mark without a value, where the page refuses to give one.
        figure.add_trace(go.Scatter(
            x=refused, y=np.full(len(refused), exact), mode="markers", name=_("refused: too few weights count"),
            customdata=a["drive_kish"][~told],
            marker={"symbol": "x-thin", "size": 1.4 * MARKER * look.stroke, "line": {"width": 2, "color": look.dim}},
            hovertemplate=_("cannot tell: %{customdata:.0f} weights count") + "<extra></extra>"))
    return lay_out(figure, look, title=_("Free energy from work"), height=height,
                   xaxis=log_axis(look, times, _("time of the pull, logarithmic")),
                   yaxis=axis(look, _("energy"), nticks=6))


def network_losses(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Mean loss of the networks along the way, one line for each cooling time."""
    a = run.arrays
    figure = go.Figure()
    for k, name in enumerate(_groups(run)):
        figure.add_trace(go.Scatter(
            x=a["net_steps"], y=a["net_loss_mean"][:, k], mode="lines", name=name,
            line={"color": _shade(k, look), "width": 1.2 * look.stroke},
            hovertemplate=f"{name}<br>" + _("step %{x:,}") + "<br><b>%{y:.4f}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Mean loss of the networks"), height=height,
                   xaxis=axis(look, _("step"), showgrid=False, nticks=6),
                   yaxis=axis(look, _("loss, nats, logarithmic"), type="log", dtick="D2", tickformat="~g"))


def network_finals(run: Any, look: Look, height: int = 360) -> go.Figure:
    """How far each network ends above the best of its problem, by cooling time."""
    groups, figure = _groups(run), go.Figure()
    final = run.arrays["net_final"]
    best = np.where(np.isfinite(final), final, np.inf).min(axis=(0, 2))[:, None]
    for k, name in enumerate(groups):
        above = final[k] - best
        figure.add_trace(go.Box(
            y=above[np.isfinite(above)], name=name, boxpoints="all", jitter=0.7, pointpos=0, showlegend=False,
            fillcolor="rgba(0,0,0,0)", line={"color": "rgba(0,0,0,0)"}, hoveron="points",
            marker={"color": rgba(_shade(k, look), 0.75), "size": 0.8 * MARKER * look.stroke},
            hovertemplate=f"{name}<br><b>%{{y:.4f}}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Where each network ends, above the best of its problem"), height=height,
                   xaxis=axis(look, _("cooled over"), showgrid=False),
                   yaxis=axis(look, _("final loss above the best, nats"), nticks=6))


def network_sentence(run: Any) -> str:
    """How many networks are crystals, quenched and slowly cooled."""
    found = run.numbers["networks"]
    if found["crystal"][0] is None or found["crystal"][-1] is None:
        return _("Too few networks came through: they diverge at this heat.")
    return _("All take equally many steps, on {p} problems. Within 2 % of the lowest loss of their problem end {few} % "
             "of the quenched and {many} % of the slowly cooled networks, in {d} dimensions.").format(
        few=f"{100 * found['crystal'][0]:.0f}", many=f"{100 * found['crystal'][-1]:.0f}", d=found["d"],
        p=run.spec.problems)


def _groups(run: Any) -> list[str]:
    """Names of the groups of networks. Raises BadInput for a run without them."""
    if "networks" not in run.numbers:
        raise BadInput("this run has no networks: ask for them with networks=True.")
    cooled = run.numbers["networks"]["cooled"]
    return [counted("{n} step", "{n} steps", round(n)) if n else _("quenched") for n in cooled]


def _shade(k: int, look: Look) -> str:
    """Grey for the quenched; the slowest in the colour of heat."""
    return (look.dim, look.basins[0], look.heat)[k]


def _balls(run: Any) -> str:
    return _("{n} balls each").format(n=f"{run.spec.balls:,}")


def _time(run: Any, look: Look) -> dict[str, Any]:
    times = run.arrays["cool_times"]
    control = run.numbers.get("control", {}).get("loop_times", [])
    exchange = [run.numbers["exchange"]["steps"] * run.numbers["dt"]] if "exchange" in run.numbers else []
    return log_axis(look, np.concatenate([times, control, exchange]), _("cooling time, logarithmic"))
