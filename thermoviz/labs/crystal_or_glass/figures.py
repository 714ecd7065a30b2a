"""Figures of the lab "crystal or glass": mass against cooling time, loops and their areas, work, cooled networks."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...core.errors import BadInput
from ...figures.drawing import Drawing, box, scatter
from ...figures.marks import MARKER, level, line, log_axis, points
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _, counted
from .results import Controls, Cooled, Drives, Ends, Exact, Exchange, Networks

# How solid the quickest, a middle and the slowest cooling are drawn, in the one colour of heat.
SHADES = (0.4, 0.68, 1.0)
# A gain of this share of the balls is worth while.
WORTH = 0.05


def mass(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Share of the balls in the deepest valley against cooling time: exact, measured, and what equilibrium would be."""
    exact, cooled, swaps = Exact.expect(run), Cooled.read(run), Exchange.read(run)
    figure = Drawing()
    figure.add_trace(line(exact.times, exact.mass.value, _("exact evolution"), look.theory, look, "%{y:.1%}",
                          x_name="t"))
    if cooled is not None:
        figure.add_trace(points(exact.times, *cooled.mass, _balls(run), look, "%{y:.1%}", x_name="t"))
    if swaps is not None:
        figure.add_trace(points(
            [swaps.steps * Ends.expect(run).dt], [swaps.mass.value], [swaps.mass.stderr], _("replica exchange"), look,
            "%{y:.1%}", colour=look.text, symbol="diamond", x_name="t"))
    level(figure, look, exact.share_cold, _("equilibrium when cold"))
    level(figure, look, exact.share_hot, _("equilibrium when hot"), right=True)
    return lay_out(figure, look, title=_("Who finds the deepest valley?"), height=height, xaxis=_time(run, look),
                   yaxis=axis(look, _("share in the deepest valley"), tickformat=".0%", range=[-0.02, 1.06], nticks=6))


def answer(run: Any) -> str:
    """Whether slow cooling pays on this landscape, by the exact evolution."""
    exact = Exact.read(run)
    if exact is None:
        return _("Cooled slowly, a melt becomes a crystal; cooled at once, a glass.")
    if run.surface.basins.n == 1:
        return _("Not here: this landscape has one valley, and every ball finds it.")
    few, many = (f"{100 * exact.mass.value[k]:.0f}" for k in (0, -1))
    steps = f"{exact.steps[-1]:,}"
    if exact.mass.value[-1] - exact.mass.value[0] < WORTH:
        return _("Hardly, here: cooled at once {few} % of the balls end in the deepest valley, in {steps} steps {many} "
                 "%.").format(few=few, many=many, steps=steps)
    return _("Yes: cooled at once {few} % of the balls end in the deepest valley, a glass; cooled in {steps} steps "
             "{many} %, a crystal.").format(few=few, many=many, steps=steps)


def try_this(run: Any) -> str:
    """What the stage's two ways to cool will lead to."""
    exact = Exact.read(run)
    if exact is None or run.surface.basins.n == 1:
        return _("choose a landscape with several valleys (Experiment, Landscape).")
    return _("press “quench” beside the landscape: about {few} % of the balls stay in the deepest valley. Press reset "
             "(↺), then “anneal”: after {steps} steps it is about {many} %.").format(
        few=f"{100 * exact.share_hot:.0f}", many=f"{10 * round(10 * exact.stage)}", steps=f"{exact.steps[-1]:,}")


def mass_sentence(run: Any) -> str:
    """What slow cooling gains over quick cooling, in words."""
    exact, cooled, swaps = Exact.expect(run), Cooled.read(run), Exchange.read(run)
    share = (exact if cooled is None else cooled).mass.value
    if run.surface.basins.n == 1:
        return _("This landscape has one valley: every ball finds it, however quickly it is cooled.")
    said = _("Cooled in {fast} steps {few} % of the balls end in the deepest valley, cooled in {slow} steps {many} "
             "%.").format(
        fast=f"{exact.steps[0]:,}", slow=f"{exact.steps[-1]:,}",
        few=f"{100 * share[0]:.0f}", many=f"{100 * share[-1]:.0f}")
    if swaps is None:
        return said
    return said + " " + _("Replica exchange (diamond) has {share} % there after {steps} steps.").format(
        share=f"{100 * swaps.mass:.0f}", steps=f"{swaps.steps:,}")


def loops(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Mean energy against the bath's temperature, down and up again, of a quick, a middle and the slowest cycle.

    Thin lines: the exact evolution of the same three.
    """
    exact, cooled = Exact.expect(run), Cooled.expect(run)
    figure = Drawing()
    steps = [exact.steps[k] for k in (0, len(exact.steps) // 2, -1)]
    for E in exact.loop_E:
        figure.add_trace(scatter(x=exact.loop_T, y=E, mode="lines", showlegend=False, hoverinfo="skip",
                                    line={"color": rgba(look.theory, 0.6), "width": 0.5 * look.stroke}))
    for E, n, shade in zip(cooled.loop_E, steps, SHADES, strict=True):
        name = _("{n} steps").format(n=f"{n:,}")
        figure.add_trace(scatter(
            x=exact.loop_T, y=E, mode="lines", name=name,
            line={"color": rgba(look.heat, shade), "width": (0.6 + 0.7 * shade) * look.stroke},
            hovertemplate=f"{name}<br>T %{{x:.3g}}<br>⟨E⟩ <b>%{{y:.4g}}</b><extra></extra>"))
    figure.add_trace(line(exact.loop_T, exact.loop_E_equilibrium, _("equilibrium"), look.theory, look, "%{y:.4g}",
                           x_name="T"))
    return lay_out(figure, look, title=_("Cooled, then heated again"), height=height,
                   xaxis=axis(look, _("temperature T of the bath"), nticks=6),
                   yaxis=axis(look, _("mean energy ⟨E⟩"), nticks=6))


def areas(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Signed area of the loops against cooling time, and of a convex well against its closed form."""
    exact, cooled, control = Exact.expect(run), Cooled.expect(run), Controls.read(run)
    figure = Drawing()
    figure.add_trace(line(exact.times, exact.area, _("exact evolution"), look.theory, look, "%{y:.3g}", x_name="t"))
    figure.add_trace(points(exact.times, *cooled.area, _balls(run), look, "%{y:.3g}", x_name="t"))
    if control is not None:
        figure.add_trace(line(control.curve_times, control.curve_area, _("convex well, closed form"), look.dim,
                              look, "%{y:.3g}", dash="dot", x_name="t"))
        figure.add_trace(points(control.loop_times, control.loop_area, control.loop_area_error,
                                _("convex well, measured"), look, "%{y:.3g}", colour=look.dim, x_name="t"))
    return lay_out(figure, look, title=_("Area of the loop, −∮ E dT"), height=height, xaxis=_time(run, look),
                   yaxis=axis(look, _("area, energy²"), nticks=6, rangemode="tozero"))


def work(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Mean work and Jarzynski's free energy against the time of the pull, beside the exact free energy."""
    drives = Drives.expect(run)
    times, exact, told = drives.times, drives.dF_exact, np.isfinite(drives.dF.value)
    figure = Drawing()
    figure.add_trace(points(times, *drives.mean, _("mean work ⟨W⟩"), look, "%{y:.4g}",
                            x_name="t"))
    figure.add_trace(points(times[told], drives.dF.value[told], drives.dF.stderr[told],
                            _("Jarzynski: −T ln ⟨e^(−W/T)⟩"), look, "%{y:.4g}", colour=look.text, symbol="diamond",
                            x_name="t"))
    figure.add_trace(line(times[[0, -1]], [exact, exact], _("exact ΔF = {F}").format(F=number(exact)), look.theory,
                          look, "%{y:.4g}", x_name="t"))
    refused = times[~told]
    if len(refused):
        # A mark without a value, where the page refuses to give one.
        figure.add_trace(scatter(
            x=refused, y=np.full(len(refused), exact), mode="markers", name=_("refused: too few weights count"),
            customdata=drives.kish[~told],
            marker={"symbol": "x-thin", "size": 1.4 * MARKER * look.stroke, "line": {"width": 2, "color": look.dim}},
            hovertemplate=_("cannot tell: %{customdata:.0f} weights count") + "<extra></extra>"))
    return lay_out(figure, look, title=_("Free energy from work"), height=height,
                   xaxis=log_axis(look, times, _("time of the pull, logarithmic")),
                   yaxis=axis(look, _("energy"), nticks=6))


def network_losses(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Mean loss of the networks along the way, one line for each cooling time."""
    networks = _networks(run)
    figure = Drawing()
    for k, name in enumerate(_groups(run)):
        figure.add_trace(scatter(
            x=networks.steps, y=networks.loss_mean[:, k], mode="lines", name=name,
            line={"color": _shade(k, look), "width": 1.2 * look.stroke},
            hovertemplate=f"{name}<br>" + _("step %{x:,}") + "<br><b>%{y:.4f}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Mean loss of the networks"), height=height,
                   xaxis=axis(look, _("step"), showgrid=False, nticks=6),
                   yaxis=axis(look, _("loss, nats, logarithmic"), type="log", dtick="D2", tickformat="~g"))


def network_finals(run: Any, look: Look, height: int = 360) -> go.Figure:
    """How far each network ends above the best of its problem, by cooling time."""
    groups, figure = _groups(run), Drawing()
    final = _networks(run).final
    best = np.where(np.isfinite(final), final, np.inf).min(axis=(0, 2))[:, None]
    for k, name in enumerate(groups):
        above = final[k] - best
        figure.add_trace(box(
            y=above[np.isfinite(above)], name=name, boxpoints="all", jitter=0.7, pointpos=0, showlegend=False,
            fillcolor="rgba(0,0,0,0)", line={"color": "rgba(0,0,0,0)"}, hoveron="points",
            marker={"color": rgba(_shade(k, look), 0.75), "size": 0.8 * MARKER * look.stroke},
            hovertemplate=f"{name}<br><b>%{{y:.4f}}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Where each network ends, above the best of its problem"), height=height,
                   xaxis=axis(look, _("cooled over"), showgrid=False),
                   yaxis=axis(look, _("final loss above the best, nats"), nticks=6))


def network_sentence(run: Any) -> str:
    """How many networks are crystals, quenched and slowly cooled."""
    found = _networks(run)
    if found.crystal[0] is None or found.crystal[-1] is None:
        return _("Too few networks came through: they diverge at this heat.")
    return _("All take equally many steps, on {p} problems. Within 2 % of the lowest loss of their problem end {few} % "
             "of the quenched and {many} % of the slowly cooled networks, in {d} dimensions.").format(
        few=f"{100 * found.crystal[0]:.0f}", many=f"{100 * found.crystal[-1]:.0f}", d=found.d,
        p=run.spec.problems)


def _networks(run: Any) -> Networks:
    """What the run knows of networks. Raises BadInput where it was not asked."""
    found = Networks.read(run)
    if found is None:
        raise BadInput("this run has no networks: ask for them with networks=True.")
    return found


def _groups(run: Any) -> list[str]:
    """Names of the groups of networks. Raises BadInput for a run without them."""
    return [counted("{n} step", "{n} steps", round(n)) if n else _("quenched") for n in _networks(run).cooled]


def _shade(k: int, look: Look) -> str:
    """Grey for the quenched; the slowest in the colour of heat."""
    return (look.dim, look.basins[0], look.heat)[k]


def _balls(run: Any) -> str:
    return _("{n} balls each").format(n=f"{run.spec.balls:,}")


def _time(run: Any, look: Look) -> dict[str, Any]:
    controls, swaps = Controls.read(run), Exchange.read(run)
    control = [] if controls is None else controls.loop_times
    exchange = [] if swaps is None else [swaps.steps * Ends.expect(run).dt]
    return log_axis(look, np.concatenate([Exact.expect(run).times, control, exchange]), _("cooling time, logarithmic"))
