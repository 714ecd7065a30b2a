"""Figures of the lab "equilibrium": agreement outside and inside, memory, averages, loops, starts that meet."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..words import _, counted, term
from .looks import Look, rgba
from .names import energy_title, task
from .paper import axis, lay_out, number

MARKER = 3.6  # diameter of a measured point, in strokes
HIGHEST = 1e4  # losses beyond so many times the lowest are left above the chart
OWN, SAME_DATA = "own start, own data", "own start, same data"
CURVES = ("own start, own data", "own start, same data", "same start, own data", "hot start", "cold start", "far start")
# Of the groups of CURVES, those whose loss is drawn over time, in the colours that they have on the stage.
STARTS = (1, 3, 4, 5)


# Same macro, different micro


def agreement(run: Any, look: Look, height: int = 430) -> go.Figure:
    """R-hat of what is seen from outside and of what is inside, networks and linear regression, with errors."""
    figure = go.Figure()
    rows = _observables(run)
    for system, name, colour, shift in _systems(look):
        if "r_hat" not in run.numbers[system]:
            continue
        for group, symbol, opacity in ((OWN, "circle", 1.0), (SAME_DATA, "circle-open", 0.9)):
            found = run.numbers[system]["r_hat"][group]
            known = [(k, found[key]) for k, (key, _title) in enumerate(rows)
                     if found.get(key) is not None and found[key][0] is not None and np.isfinite(found[key][0])]
            if not known:
                continue
            place = shift + (0.1 if group == SAME_DATA else -0.1)
            value, error = (np.array([pair[part] for _k, pair in known], float) for part in (0, 1))
            figure.add_trace(go.Scatter(
                x=np.maximum(value, 1.0), y=[k + place for k, _pair in known], mode="markers",
                name=_("{system}, {group}").format(system=name, group=term(group)), customdata=np.stack(
                    [value, np.nan_to_num(error)], axis=1), text=[rows[k][1] for k, _pair in known],
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
        figure.add_annotation(x=1, xref="paper", y=y, text=text, showarrow=False, xanchor="right", yanchor="bottom",
                              font={"size": look.font_small, "color": look.dim})
    return lay_out(
        figure, look, title=_("Do replicas agree? R-hat, 1 where they do"), height=height,
        xaxis=axis(look, _("R-hat, logarithmic"), type="log", dtick="D2", tickformat="~g",
                   range=[math.log10(0.9), math.log10(1.15 * _farthest(figure))]),
        yaxis=axis(look, tickvals=list(range(len(rows))), ticktext=[title for _key, title in rows], showgrid=False,
                   range=[len(rows) - 0.4, -0.6]))


def _farthest(figure: go.Figure) -> float:
    """The largest R-hat with its error, at least 2."""
    reach = [np.nanmax(np.asarray(trace.x) + (0 if trace.error_x.array is None else np.asarray(trace.error_x.array)))
             for trace in figure.data]
    return float(max([2.0, *reach]))


def _observables(run: Any) -> list[tuple[str, str]]:
    """Key and title of each row: three macroscopic, three microscopic."""
    right = _("test R²") if task(run) == "regression" else _("test accuracy")
    return [("loss", _("training loss")), ("test_loss", _("test loss")), ("accuracy", right),
            ("function", _("outputs")), ("aligned", _("parameters")), ("raw", _("parameters, unmatched"))]


def _systems(look: Look) -> tuple[tuple[str, str, str, float], ...]:
    """Prefix, name, colour, and shift within a row, of what is measured and of its control."""
    return (("net", _("networks"), look.heat, -0.2), ("lin", _("linear regression"), look.dim, 0.2))


def _expected(figure: go.Figure, run: Any, look: Look, rows: list[tuple[str, str]]) -> None:
    theory = run.numbers["lin"].get("r_hat_theory")
    if theory is None or theory[0] is None:
        return
    k = [key for key, _title in rows].index("aligned")
    figure.add_trace(go.Scatter(
        x=[theory[0]], y=[k + 0.1], mode="markers", name=_("linear regression, exact"),
        marker={"symbol": "line-ns", "size": 2.6 * MARKER * look.stroke,
                "line": {"width": 1.2 * look.stroke, "color": look.theory}},
        hovertemplate=_("exact") + " <b>%{x:.4g}</b><extra></extra>"))


def agreement_sentence(run: Any) -> str:
    """R-hat and plain spreads in words."""
    net = run.numbers["net"]
    found, spread = net["r_hat"][OWN], net["spread"][OWN]
    if not _known(found["loss"]) or not _known(spread["loss"]):
        return _("Too few networks came through to compare them.") + _lost(run)
    said = _("Macro is seen from outside, micro is inside. R-hat compares the scatter between replicas with the "
             "scatter of each one in time. Between replicas the loss differs by {loss} %, while the parameters lie "
             "{distance} % of their own length from their mean, even with hidden units matched.").format(
        loss=f"{100 * spread['loss'][0]:.1f}", distance=f"{100 * spread['parameters'][0]:.0f}")
    control = run.numbers["lin"].get("spread")
    if control and _known(control[OWN]["parameters"]):
        said += " " + _("In linear regression it is {distance} %.").format(
            distance=f"{100 * control[OWN]['parameters'][0]:.1f}")
    return said + _lost(run)


def _known(pair: Any) -> bool:
    return pair[0] is not None and np.isfinite(pair[0])


def _lost(run: Any) -> str:
    sentence = run.numbers.get("diverged")
    return f" {sentence}." if sentence else ""


# Starts


def curves(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Loss over time from usual, hot, cold and far starts: median and the band from 10 to 90 % of each group."""
    a, figure = run.arrays, go.Figure()
    steps = np.maximum(a["net_curve_steps"], 1)
    for k, colour in zip(STARTS, look.optimisers, strict=True):
        low, middle, high = a["net_curve"][k]
        if not np.isfinite(middle).any():
            continue
        name = term(CURVES[k]) if k != 1 else _("usual start")
        good = np.isfinite(middle)
        figure.add_trace(go.Scatter(
            x=np.concatenate([steps[good], steps[good][::-1]]), y=np.concatenate([low[good], high[good][::-1]]),
            mode="lines", fill="toself", fillcolor=rgba(colour, 0.16), line={"width": 0}, hoverinfo="skip",
            showlegend=False))
        figure.add_trace(go.Scatter(
            x=steps[good], y=middle[good], mode="lines", name=name, line={"color": colour, "width": look.stroke},
            hovertemplate=f"{name}<br>" + _("step %{x:,}") + "<br><b>%{y:.4g}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Do different starts come to one loss?"), height=height,
                   xaxis=axis(look, _("training step, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=_losses_axis(run, look))


def _losses_axis(run: Any, look: Look) -> dict[str, Any]:
    """All losses, but not those of networks on their way to infinity."""
    shown = run.arrays["net_curve"][list(STARTS)]
    shown = shown[np.isfinite(shown) & (shown > 0)]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.1, 1.0)
    high = min(high, HIGHEST * low)
    return axis(look, energy_title(run) + _(", logarithmic"), type="log", tickformat="~g",
                dtick="D2" if high < 50 * low else 1, range=[math.log10(low / 1.15), math.log10(high * 1.15)])


def curves_sentence(run: Any) -> str:
    """What the starts are, and who is missing."""
    far = _("another solution") if run.numbers.get("another", True) else _("a place far away")
    return _("Hot: weights four times as large as usual. Cold: all at the lowest solution found. Far: all at {far}. "
             "Bands hold 8 of 10 replicas.").format(far=far) + _lost(run)


def starts(run: Any, look: Look, height: int = 360) -> go.Figure:
    """How far the groups end from the cold start: in the loss, in what networks say, in their parameters."""
    figure = go.Figure()
    titles = [_("loss"), _("outputs"), _("parameters")]
    symbols = {"hot start": "triangle-up", "far start": "circle", SAME_DATA: "square"}
    for system, name, colour, shift in _systems(look):
        met = run.numbers[system].get("met")
        if met is None:
            continue
        for offset, (group, symbol) in zip((-0.09, 0.0, 0.09), symbols.items(), strict=True):
            pairs = [_shares(run, system, met[group], key) for key in ("loss", "function", "parameters")]
            who = _("usual start") if group == SAME_DATA else term(group)
            figure.add_trace(go.Scatter(
                x=[k + shift + offset for k in range(3)], y=[pair[0] for pair in pairs], mode="markers",
                name=f"{name}, {who}", customdata=titles,
                error_y={"type": "data", "array": [pair[1] for pair in pairs], "color": rgba(colour, 0.8),
                         "thickness": look.stroke / 2, "width": 0},
                marker={"color": colour, "size": MARKER * look.stroke, "symbol": symbol},
                hovertemplate=f"{name}, {who}<br>%{{customdata}} <b>%{{y:.2%}}</b> ± %{{error_y.array:.2%}}"
                              "<extra></extra>"))
    figure.add_hline(y=0, line={"color": look.theory, "width": 1, "dash": "dot"})
    return lay_out(
        figure, look, title=_("How far apart do the starts end?"), height=height,
        xaxis=axis(look, tickvals=[0, 1, 2], ticktext=titles, showgrid=False, range=[-0.5, 2.5]),
        yaxis=axis(look, _("difference, as a share"), tickformat="~%", nticks=6, range=_shown(figure)))


def _shown(figure: go.Figure) -> list[float]:
    """All points with their errors, and never less than from -1 to 5 %."""
    ends = [np.asarray(trace.y, float) + sign * np.asarray(trace.error_y.array, float)
            for trace in figure.data for sign in (-1, 1)]
    known = np.concatenate([*ends, [-0.01, 0.05]])
    low, high = np.nanmin(known), np.nanmax(known)
    return [float(low - 0.05 * (high - low)), float(high + 0.05 * (high - low))]


def _shares(run: Any, system: str, met: dict[str, Any], key: str) -> tuple[float, float]:
    value, error = (np.nan if part is None else float(part) for part in met[key][:2])
    scale = float(run.numbers[system]["loss"][0] or np.nan) if key == "loss" else 1.0
    return abs(value) / scale, error / scale


# Memory


def displacement(run: Any, look: Look, height: int = 360, system: str = "net") -> go.Figure:
    """Mean squared displacement against lag, one line per waiting time; ageing is what keeps the lines apart."""
    a, figure = run.arrays, go.Figure()
    lags, waits = a[f"{system}_lags"], a[f"{system}_waits"]
    for k, wait in enumerate(waits):
        colour = _shade(look, system, k / max(len(waits) - 1, 1))
        name = _("after {n} steps").format(n=f"{wait:,}")
        value, error = a[f"{system}_msd"][k], a[f"{system}_msd_error"][k]
        figure.add_trace(go.Scatter(
            x=lags, y=value, mode="lines+markers", name=name,
            line={"color": colour, "width": 0.7 * look.stroke}, marker={"size": 2 * look.stroke, "color": colour},
            error_y={"type": "data", "array": np.nan_to_num(error), "color": rgba(colour, 0.5),
                     "thickness": look.stroke / 3, "width": 0},
            hovertemplate=f"{name}<br>" + _("lag %{x:,} steps") + "<br>Δ <b>%{y:.3g}</b><extra></extra>"))
    title = _("How far do parameters move? Networks")
    if system == "lin":
        title = _("The same for linear regression")
        if "lin_msd_theory" in a:
            figure.add_trace(_theory(lags, a["lin_msd_theory"], look, _("exact, at rest")))
    return lay_out(figure, look, title=title, height=height,
                   xaxis=axis(look, _("lag t, steps, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=axis(look, _("Δ(t_w, t)"), type="log", dtick=1, tickformat="~g"))


def linear_displacement(run: Any, look: Look, height: int = 360) -> go.Figure:
    """The same for linear regression, against its closed form."""
    return displacement(run, look, height, "lin")


def displacement_sentence(run: Any) -> str:
    """What ageing would be, and the measured ratio."""
    value, error = run.numbers["net"]["ageing"]
    said = _("Δ(t_w, t): mean squared displacement per parameter within t steps, begun t_w steps after the start. "
             "Lines that fall on one another have forgotten their age; lines that keep sinking age, as glass does.")
    if not _known((value, error)):
        return said
    return said + " " + _("After a tenth of the run the networks move {ratio} ± {error} times as far as at its end."
                          ).format(ratio=number(value, 2), error=number(error, 2))


def averages(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Thirumalai-Mountain metric of the loss, of outputs and of parameters, and what ergodic replicas would give."""
    a, figure = run.arrays, go.Figure()
    shown = (("net", "aligned", _("parameters"), look.heat, "circle"),
             ("net", "function", _("outputs"), look.optimisers[2], "diamond"),
             ("net", "loss", _("loss"), look.optimisers[0], "square"),
             ("lin", "aligned", _("linear regression, parameters"), look.dim, "triangle-up"))
    for system, key, name, colour, symbol in shown:
        if f"{system}_omega_{key}" not in a:
            continue
        steps = a[f"{system}_omega_steps_{key}"]
        figure.add_trace(go.Scatter(
            x=steps, y=a[f"{system}_omega_{key}"], mode="lines+markers", name=name,
            line={"color": colour, "width": 0.5 * look.stroke},
            marker={"color": colour, "size": 2 * look.stroke, "symbol": symbol},
            hovertemplate=f"{name}<br>" + _("over %{x:,} steps") + "<br>Ω <b>%{y:.3g}</b><extra></extra>"))
        theory = system == "lin" and "lin_omega_theory" in a
        figure.add_trace(go.Scatter(
            x=steps, y=a["lin_omega_theory"] if theory else a[f"{system}_omega_ref_{key}"], mode="lines",
            showlegend=theory, name=_("exact"), hoverinfo="skip",
            line={"color": look.theory if theory else rgba(colour, 0.7), "width": 0.8 * look.stroke,
                  "dash": "solid" if theory else "dot"}))
    return lay_out(figure, look, title=_("Do averages over time agree?"), height=height,
                   xaxis=axis(look, _("averaged over t steps, logarithmic"), type="log", showgrid=False, dtick=1,
                              tickformat="~s"),
                   yaxis=axis(look, _("Ω(t), in variances"), type="log", dtick=1, tickformat="~g"))


def memory_of_loss(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Autocorrelation of the loss within replicas, networks and linear regression."""
    a, figure = run.arrays, go.Figure()
    for system, name, colour, _shift in _systems(look):
        if not len(a.get(f"{system}_acf", ())):
            continue
        tau, error = run.numbers[system]["tau"]
        lags = a[f"{system}_acf_lags"]
        if _known((tau, error)) and tau <= lags[1]:
            name = _("{name}, correlation time at most {tau} steps").format(name=name, tau=lags[1])
        elif _known((tau, error)):
            name = _("{name}, correlation time {tau} ± {error} steps").format(
                name=name, tau=number(tau, 2), error=number(error, 2))
        figure.add_trace(go.Scatter(
            x=lags[1:], y=a[f"{system}_acf"][1:], mode="lines+markers",
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
    a, figure = run.arrays, go.Figure()
    rates, holds = a[f"{system}_loop_lr"], a[f"{system}_loop_holds"]
    half = len(rates) // 2 + 1
    for k, hold in enumerate(holds):
        colour = _shade(look, system, k / max(len(holds) - 1, 1))
        loss, error = a[f"{system}_loop_loss"][k], a[f"{system}_loop_error"][k]
        name = counted("{n} step on a stair", "{n} steps on a stair", int(hold))
        for part, symbol, way in ((slice(None, half), "circle-open", _("up")),
                                  (slice(half - 1, None), "circle", _("down"))):
            figure.add_trace(go.Scatter(
                x=rates[part], y=loss[part], mode="lines+markers", name=name, legendgroup=name,
                showlegend=way == _("down"), line={"color": colour, "width": 0.6 * look.stroke},
                marker={"color": colour, "size": 2.6 * look.stroke, "symbol": symbol},
                error_y={"type": "data", "array": np.nan_to_num(error[part]), "color": rgba(colour, 0.6),
                         "thickness": look.stroke / 3, "width": 0},
                hovertemplate=f"{name}, {way}<br>" + _("learning rate %{x:.3g}") + "<br><b>%{y:.4g}</b>"
                              "<extra></extra>"))
        if system == "lin" and "lin_loop_theory" in a:
            figure.add_trace(_theory(rates, a["lin_loop_theory"][k], look, _("exact"), shown=k == 0))
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
    a, scale = run.arrays, run.numbers["net"]["loss"][0]
    area, error = float(a["net_loop_area"][-1]), float(a["net_loop_area_error"][-1])
    said = _("The learning rate goes up in stairs (open marks) and down again (filled). Where both ways agree, the "
             "history of the heat is forgotten.")
    if scale and np.isfinite(area):
        said += " " + _("The slowest loop leaves {area} ± {error} % of the loss between them.").format(
            area=number(100 * area / scale, 2), error=number(100 * error / scale, 1))
    gone = int(np.sum(a["net_loop_diverged"]))
    if gone:
        said += " " + counted("{n} network diverged on the way and is left out.",
                              "{n} networks diverged on the way and are left out.", gone)
    return said


def _theory(x: Any, y: Any, look: Look, name: str, shown: bool = True) -> go.Scatter:
    return go.Scatter(x=x, y=y, mode="lines", name=name, showlegend=shown, legendrank=2000,
                      line={"color": look.theory, "width": 0.8 * look.stroke},
                      hovertemplate=f"{name} <b>%{{y:.3g}}</b><extra></extra>")


def _shade(look: Look, system: str, share: float) -> str:
    """From grey to the colour of heat (networks) or to white (the control): the later or slower, the stronger."""
    first, last = (look.dim, look.heat) if system == "net" else (look.line, look.text)
    a, b = ([int(colour[i:i + 2], 16) for i in (1, 3, 5)] for colour in (first, last))
    share = 0.35 + 0.65 * share if system == "lin" else share
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))


CHARTS = {"agreement": agreement, "curves": curves, "starts": starts, "displacement": displacement,
          "linear_displacement": linear_displacement, "averages": averages, "memory_of_loss": memory_of_loss,
          "loop": loop, "linear_loop": linear_loop}
