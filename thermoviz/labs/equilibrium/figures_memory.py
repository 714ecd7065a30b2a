"""Figures of the lab "equilibrium" about time: displacement, averages, correlation, loops of the learning rate."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...figures.drawing import Drawing, Properties, scatter
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _, counted
from .results import Agreement, Averages, LinearTheory, Loops, Memory


def systems(look: Look) -> tuple[tuple[str, str, str, float], ...]:
    """Prefix, name, colour, and shift within a row, of what is measured and of its control."""
    return (("net", _("networks"), look.heat, -0.2), ("lin", _("linear regression"), look.dim, 0.2))


def known(found: float | None) -> bool:
    """Whether it was measured."""
    return found is not None and bool(np.isfinite(found))


# Memory


def displacement(run: Any, look: Look, height: int = 360, system: str = "net") -> go.Figure:
    """Mean squared displacement against lag, one line per waiting time; ageing is what keeps the lines apart."""
    found, figure = Memory.expect(run, system), Drawing()
    lags, waits = found.lags, found.waits
    for k, wait in enumerate(waits):
        colour = _shade(look, system, k / max(len(waits) - 1, 1))
        name = _("after {n} steps").format(n=f"{wait:,}")
        value, error = found.msd.value[k], found.msd.stderr[k]
        figure.add_trace(scatter(
            x=lags, y=value, mode="lines+markers", name=name,
            line={"color": colour, "width": 0.7 * look.stroke}, marker={"size": 2 * look.stroke, "color": colour},
            error_y={"type": "data", "array": np.nan_to_num(error), "color": rgba(colour, 0.5),
                     "thickness": look.stroke / 3, "width": 0},
            hovertemplate=f"{name}<br>" + _("lag %{x:,} steps") + "<br>Δ <b>%{y:.3g}</b><extra></extra>"))
    title = _("How far do parameters move? Networks")
    if system == "lin":
        title = _("The same for linear regression")
        theory = LinearTheory.read(run, system)
        if theory is not None:
            figure.add_trace(_theory(lags, theory.msd, look, _("exact, at rest")))
    return lay_out(figure, look, title=title, height=height,
                   xaxis=axis(look, _("lag t, steps, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=axis(look, _("Δ(t_w, t)"), type="log", dtick=1, tickformat="~g"))


def linear_displacement(run: Any, look: Look, height: int = 360) -> go.Figure:
    """The same for linear regression, against its closed form."""
    return displacement(run, look, height, "lin")


def displacement_sentence(run: Any) -> str:
    """What ageing would be, and the measured ratio."""
    ageing = Memory.expect(run, "net").ageing
    said = _("Δ(t_w, t): mean squared displacement per parameter within t steps, begun t_w steps after the start. "
             "Lines that fall on one another have forgotten their age; lines that keep sinking age, as glass does.")
    if not known(ageing):
        return said
    return said + " " + _("At the end of the run the networks move {ratio} ± {error} times as far as after a "
                            "tenth of it.").format(ratio=number(ageing, 2), error=number(ageing.stderr, 2))


def averages(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Thirumalai-Mountain metric of the loss, of outputs and of parameters, and what ergodic replicas would give."""
    figure, theory = Drawing(), LinearTheory.read(run, "lin")
    shown = (("net", "aligned", _("parameters"), look.heat, "circle"),
             ("net", "function", _("outputs"), look.optimisers[2], "diamond"),
             ("net", "loss", _("loss"), look.optimisers[0], "square"),
             ("lin", "aligned", _("linear regression, parameters"), look.dim, "triangle-up"))
    for system, key, name, colour, symbol in shown:
        found = Averages.read(run, system)
        if found is None or getattr(found, key) is None:
            continue
        steps, exact = getattr(found, f"{key}_steps"), theory if system == "lin" else None
        figure.add_trace(scatter(
            x=steps, y=getattr(found, key), mode="lines+markers", name=name,
            line={"color": colour, "width": 0.5 * look.stroke},
            marker={"color": colour, "size": 2 * look.stroke, "symbol": symbol},
            hovertemplate=f"{name}<br>" + _("over %{x:,} steps") + "<br>Ω <b>%{y:.3g}</b><extra></extra>"))
        figure.add_trace(scatter(
            x=steps, y=getattr(found, f"{key}_ergodic") if exact is None else exact.omega, mode="lines",
            showlegend=exact is not None, name=_("exact"), hoverinfo="skip",
            line={"color": rgba(colour, 0.7) if exact is None else look.theory, "width": 0.8 * look.stroke,
                  "dash": "dot" if exact is None else "solid"}))
    return lay_out(figure, look, title=_("Do averages over time agree?"), height=height,
                   xaxis=axis(look, _("averaged over t steps, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=axis(look, _("Ω(t), in variances"), type="log", dtick=1, tickformat="~g"))


def memory_of_loss(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Autocorrelation of the loss within replicas, networks and linear regression."""
    figure = Drawing()
    for system, name, colour, _shift in systems(look):
        found = Memory.read(run, system)
        if found is None or not len(found.acf):
            continue
        tau, lags = found.tau, found.acf_lags
        if known(tau) and tau <= lags[1]:
            name = _("{name}, correlation time at most {tau} steps").format(name=name, tau=lags[1])
        elif known(tau):
            name = _("{name}, correlation time {tau} ± {error} steps").format(
                name=name, tau=number(tau, 2), error=number(tau.stderr, 2))
        figure.add_trace(scatter(
            x=lags[1:], y=found.acf[1:], mode="lines+markers",
            name=name, line={"color": colour, "width": 0.7 * look.stroke},
            marker={"color": colour, "size": 2 * look.stroke},
            hovertemplate=f"{name}<br>" + _("lag %{x:,} steps") + "<br><b>%{y:.3f}</b><extra></extra>"))
    figure.add_hline(y=0, line={"color": look.theory, "width": 1, "dash": "dot"})
    return lay_out(figure, look, title=_("How soon does the loss forget itself?"), height=height,
                   xaxis=axis(look, _("lag, steps, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=axis(look, _("autocorrelation of the loss"), nticks=6))


# Heat


def loop(run: Any, look: Look, height: int = 360, system: str = "net") -> go.Figure:
    """Mean loss against the learning rate, turned up in stairs (open) and down again (filled), three speeds."""
    found, figure = Loops.expect(run, system), Drawing()
    rates, holds = found.lr, found.holds
    half = len(rates) // 2 + 1
    for k, hold in enumerate(holds):
        colour = _shade(look, system, k / max(len(holds) - 1, 1))
        loss, error = found.loss.value[k], found.loss.stderr[k]
        name = counted("{n} step on a stair", "{n} steps on a stair", int(hold))
        for part, symbol, way in ((slice(None, half), "circle-open", _("up")),
                                  (slice(half - 1, None), "circle", _("down"))):
            figure.add_trace(scatter(
                x=rates[part], y=loss[part], mode="lines+markers", name=name, legendgroup=name,
                showlegend=way == _("down"), line={"color": colour, "width": 0.6 * look.stroke},
                marker={"color": colour, "size": 2.6 * look.stroke, "symbol": symbol},
                error_y={"type": "data", "array": np.nan_to_num(error[part]), "color": rgba(colour, 0.6),
                         "thickness": look.stroke / 3, "width": 0},
                hovertemplate=f"{name}, {way}<br>" + _("learning rate %{x:.3g}") + "<br><b>%{y:.4g}</b>"
                              "<extra></extra>"))
        if found.theory is not None:
            figure.add_trace(_theory(rates, found.theory[k], look, _("exact"), shown=k == 0))
    title = _("Heated and cooled again: networks") if system == "net" else _("The same for linear regression")
    return lay_out(figure, look, title=title, height=height,
                   xaxis=axis(look, _("learning rate, logarithmic"), type="log", showgrid=False, dtick="D2",
                              tickformat="~g"),
                   yaxis=axis(look, _("mean loss"), nticks=6))


def linear_loop(run: Any, look: Look, height: int = 360) -> go.Figure:
    """The same for linear regression, against its exact evolution."""
    return loop(run, look, height, "lin")


def loop_sentence(run: Any) -> str:
    """What is left of the heat, in words."""
    loops, scale = Loops.expect(run, "net"), Agreement.expect(run, "net").shaking["loss"]
    area, error = (float(values[-1]) for values in loops.area)
    said = _("The learning rate goes up in stairs (open marks) and down again (filled). Where both ways agree, the "
             "history of the heat is forgotten.")
    if scale and np.isfinite(area):
        said += " " + _("The slowest loop leaves {area} ± {error} of what the loss of one network shakes by.").format(
            area=f"{area / scale:.2f}".replace("-", "−"), error=f"{error / scale:.2f}")
    gone = int(np.sum(loops.diverged))
    if gone:
        said += " " + counted("{n} network diverged on the way and is left out.",
                              "{n} networks diverged on the way and are left out.", gone)
    return said


def _theory(x: Any, y: Any, look: Look, name: str, shown: bool = True) -> Properties:
    return scatter(x=x, y=y, mode="lines", name=name, showlegend=shown, legendrank=2000,
                      line={"color": look.theory, "width": 0.8 * look.stroke},
                      hovertemplate=f"{name} <b>%{{y:.3g}}</b><extra></extra>")


def _shade(look: Look, system: str, share: float) -> str:
    """From grey to the colour of heat (networks) or to white (the control): the later or slower, the stronger."""
    first, last = (look.dim, look.heat) if system == "net" else (look.line, look.text)
    a, b = ([int(colour[i:i + 2], 16) for i in (1, 3, 5)] for colour in (first, last))
    share = 0.35 + 0.65 * share if system == "lin" else share
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))
