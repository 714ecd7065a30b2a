"""Figures of the lab "second law": F, E and S of a cloud over time, its density, and wells in which F rises."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...figures.drawing import Drawing, grid, heatmap, scatter
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _, term
from .results import Cloud

# Of the density's colour bar: the share of its largest value at one moment from which on it is solid.
BRIGHT = 0.5
COLUMNS = 3
# Of the verdicts of a run: those whose number is a known rise.
RISES = ("unequal_heat", "whirl", "large_steps")
# A change of S that a sentence tells, in nats.
TOLD = 0.1


def falling_free_energy(run: Any, look: Look, height: int = 360) -> go.Figure:
    """F of the balls over log time with errors, F of the exact evolution, and -T ln Z."""
    figure = Drawing()
    _curve(figure, run, look, "F", _("F"))
    _rest(figure, run, look, "F_eq", _("−T ln Z = {F}"))
    return lay_out(figure, look, title=_("Free energy F = ⟨E⟩ − TS"), height=height, **_legend(look),
                   xaxis=_time_axis(run, look), yaxis=axis(look, _("F"), nticks=6))


def energy_and_entropy(run: Any, look: Look, height: int = 360) -> go.Figure:
    """<E> above, S below, as in `falling_free_energy`; at T = 0 there is no S."""
    if "cloud_S" not in run.arrays:
        figure = Drawing()
        _curve(figure, run, look, "E", _("⟨E⟩"))
        return lay_out(figure, look, title=_("Mean energy ⟨E⟩"), height=height, **_legend(look),
                       xaxis=_time_axis(run, look), yaxis=axis(look, _("⟨E⟩"), nticks=6))
    figure, titles, time = grid(2, 1, down=0.1), (_("⟨E⟩"), _("S, nats")), _time_axis(run, look)
    for cell, name, title in zip((1, 2), "ES", titles, strict=True):
        _curve(figure, run, look, name, title, cell, legend=cell == 1)
        _rest(figure, run, look, f"{name}_eq", _("equilibrium {F}"), cell)
    return lay_out(
        figure, look, title=_("Mean energy ⟨E⟩ and entropy S"), height=height, **_legend(look),
        xaxis={**time, "title": {"text": ""}, "matches": "x2", "showticklabels": False}, xaxis2=time,
        yaxis=axis(look, titles[0], nticks=5), yaxis2=axis(look, titles[1], nticks=5))


def _legend(look: Look) -> dict[str, Any]:
    """Settings that put the legend between title and drawing, where it fits a phone as well."""
    return {"legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.01, "yanchor": "bottom"},
            "margin": {"l": 8, "r": 12, "t": 4.2 * look.font, "b": 8}}


def _curve(figure: Drawing, run: Any, look: Look, name: str, title: str, cell: int | None = None,
           legend: bool = True) -> None:
    """The exact curve and the balls' dots of one quantity; time 0 has no place on a logarithmic axis."""
    times = run.arrays["times"][1:]
    exact = run.arrays.get(f"exact_{name}")
    dots, errors = (values[1:] for values in getattr(Cloud.expect(run), name))
    if exact is not None:
        figure.add_trace(scatter(
            x=times, y=exact[1:], mode="lines", name=_("exact evolution"), showlegend=legend,
            line={"color": look.theory, "width": 1.3 * look.stroke},
            hovertemplate=_("t %{x:.3g}") + f"<br>{title} <b>%{{y:.4g}}</b><extra></extra>"), cell)
    known = np.isfinite(dots)
    figure.add_trace(scatter(
        x=times[known], y=dots[known], mode="markers", showlegend=legend,
        name=_("{n} balls").format(n=f"{run.spec.balls:,}"),
        error_y={"type": "data", "array": errors[known], "thickness": look.stroke / 2,
                 "width": 0, "color": rgba(look.heat, 0.8)},
        marker={"color": look.heat, "size": 3.2 * look.stroke},
        hovertemplate=_("t %{x:.3g}") + f"<br>{title} <b>%{{y:.4g}}</b> ± %{{error_y.array:.2g}}<extra></extra>"),
        cell)


def _rest(figure: Drawing, run: Any, look: Look, name: str, label: str, cell: int = 1) -> None:
    """The equilibrium's value as a thin line with its number."""
    value = run.numbers.get(name)
    if value is None:
        return
    figure.add_hline(
        y=value, line={"color": rgba(look.theory, 0.6), "width": 1, "dash": "dot"}, cell=cell,
        words={"text": label.format(F=number(value)), "font": {"size": look.font_small, "color": look.theory},
               "x": 0, "xanchor": "left", "bgcolor": rgba(look.panel, 0.8)})


def _time_axis(run: Any, look: Look) -> dict[str, Any]:
    low, high = np.log10(run.arrays["times"][[1, -1]])
    margin = 0.03 * (high - low)
    return axis(look, _("time t, as on the stage; logarithmic"), type="log", showgrid=False, dtick=1, tickformat="~g",
                range=[low - margin, high + margin])


def snapshots(run: Any, look: Look, height: int = 440) -> go.Figure:
    """The exact density at a few moments, and some of the balls on it."""
    arrays = run.arrays
    times, density = arrays["snapshot_times"], arrays.get("snapshot_density")
    rows = -(-len(times) // COLUMNS)
    figure = grid(rows, COLUMNS, across=0.02, down=0.11, titles=tuple(_moment(t) for t in times),
                  title={"font": {"size": look.font_small, "color": look.dim}, "yshift": -2})
    for k in range(len(times)):
        if density is not None and k < len(density):
            figure.add_trace(heatmap(
                x=arrays["snapshot_xs"], y=arrays["snapshot_ys"], z=density[k].T, zsmooth="best", showscale=False,
                colorscale=_glow(look), zmin=0, zmax=float(max(density[k].max(), density[-1].max())),
                hovertemplate=_("density %{z:.3g}") + "<extra></extra>"), k + 1)
        if "snapshot_balls" in arrays:
            x, y = arrays["snapshot_balls"][k].T
            figure.add_trace(scatter(x=x, y=y, mode="markers", showlegend=False, hoverinfo="skip",
                                        marker={"size": 1.4 * look.stroke, "color": rgba(look.heat, 0.75)}), k + 1)
    (x0, x1), (y0, y1) = run.surface.bounds
    bare: dict[str, Any] = {"showticklabels": False, "showgrid": False, "showline": True, "mirror": True, "ticks": ""}
    axes = {"x": axis(look, range=[x0, x1], **bare), "y": axis(look, range=[y0, y1], **bare)}
    return lay_out(figure, look, title=_("Where the balls are, and the exact density"), height=height,
                   margin={"t": 4.6 * look.font},
                   **{name: axes[name[0]] for name in figure.layout if name[1:5] == "axis"})


def answer(run: Any) -> str:
    """Whether entropy always rises, from what this cloud does."""
    if run.numbers.get("T") == 0:
        return _("Without heat there is no entropy to speak of: balls only roll downhill. Give the bath some heat.")
    S = _course(run)
    if S is None or S[1] - S[2] > TOLD:
        return _("No. What falls, always, is the free energy of the cloud; its entropy may rise or fall.")
    return _("In this cloud it does. But that is no law: what falls, always, is its free energy.")


def try_this(run: Any) -> str:
    """The numbers of S that the stage will show, by the exact evolution."""
    S = _course(run)
    if S is None:
        return _("give the bath heat (Experiment, Temperature).")
    first, highest, last = (number(value, 2) for value in S)
    rises, falls = S[1] - S[0] > TOLD, S[1] - S[2] > TOLD
    if rises and falls:
        return _("press play (▶) below the landscape and watch S: it rises from {a} to {b}, then falls to {c}.").format(
            a=first, b=highest, c=last)
    if falls:
        return _("press play (▶) below the landscape and watch S: it falls from {a} to {c}.").format(a=first, c=last)
    if rises:
        return _("press play (▶) below the landscape and watch S: it rises from {a} to {c}.").format(a=first, c=last)
    return _("press play (▶) below the landscape and watch S: it stays at {c}.").format(c=last)


def _course(run: Any) -> tuple[float, float, float] | None:
    """S of the exact evolution at the start, at its highest, and when the balls stop; None where there is none."""
    S, times = run.arrays.get("exact_S"), run.arrays.get("times")
    if S is None or times is None:
        return None
    known = S[np.isfinite(S) & (times <= 1.001 * run.spec.steps * run.numbers["dt"])]
    return float(known[0]), float(known.max()), float(known[-1])


def _moment(t: float) -> str:
    # Whole numbers in full, up to thousands.
    digits = 4 if 100 <= t < 10_000 else 2
    return _("start") if t == 0 else _("t = {t}").format(t=number(float(f"{t:.2g}"), digits))


def _glow(look: Look) -> list[list[Any]]:
    """From the room's own ground to the colour of theory: density is what theory says."""
    return [[0, rgba(look.theory, 0.0)], [0.1, rgba(look.theory, 0.22)], [BRIGHT, rgba(look.theory, 0.65)],
            [1, rgba(look.theory, 0.95)]]


def known_rises(run: Any, look: Look, height: int = 440) -> go.Figure:
    """The control wells: what was measured as a share of what theory says, beside the case without the drive."""
    found = [verdict for verdict in run.verdicts if verdict.key in RISES and verdict.theory]
    names = [term(verdict.name) for verdict in found]
    figure = Drawing()
    figure.add_vline(x=1, line={"color": look.theory, "width": 1.3 * look.stroke})
    figure.add_trace(scatter(
        x=[_control(verdict) / _drive(verdict) for verdict in found], y=names, mode="markers", name=_("control"),
        marker={"color": look.dim, "size": 5 * look.stroke, "symbol": "circle-open", "line": {"width": look.stroke}},
        hovertemplate="%{y}<br>" + _("control, %{x:.2f} of theory") + "<extra></extra>"))
    figure.add_trace(scatter(
        x=[_driven(verdict) / _drive(verdict) for verdict in found], y=names, mode="markers", name=_("measured"),
        error_x={"type": "data", "array": [verdict.stderr / _drive(verdict) for verdict in found],
                 "color": rgba(look.heat, 0.8), "thickness": look.stroke, "width": 0},
        marker={"color": look.heat, "size": 5 * look.stroke},
        hovertemplate="%{y}<br>" + _("measured, %{x:.2f} of theory") + "<extra></extra>"))
    return lay_out(figure, look, title=_("Wells in which F must rise"), height=height, **_legend(look),
                   xaxis=axis(look, _("share of theory"), range=[-0.25, 1.45], nticks=6),
                   yaxis=axis(look, autorange="reversed", showgrid=False, range=None))


def _nothing(verdict: Any) -> float:
    """What no drive at all means: a ratio of 1 for Euler's heat, a rise of 0 for the others."""
    return 1.0 if verdict.key == "large_steps" else 0.0


def _drive(verdict: Any) -> float:
    return verdict.theory - _nothing(verdict)


def _driven(verdict: Any) -> float:
    return verdict.measured - _nothing(verdict)


def _control(verdict: Any) -> float:
    return verdict.control - _nothing(verdict)
