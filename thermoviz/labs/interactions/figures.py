"""Figures of the lab "interactions": energies on one slice, moving minima, baths, training, work of a ramp."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...core.errors import BadInput
from ...figures import drawing
from ...figures.drawing import Drawing, Properties, bar, histogram, scatter
from ...figures.marks import MARKER, line, points
from ...figures.paper import axis, fading_colorscale, lay_out, levels
from ...presentation import names
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _
from ...runs.record import Grid
from ...runs.results import Pair
from .results import Baths, Gaps, LinearRamps, Minima, NetworkRamp, Parts, Walkers, Work

# Bars of a histogram of work, and what share of the work it shows at least.
BINS, SHOWN = 32, (0.01, 0.99)


def bath_names() -> list[str]:
    """What each of the five conditions is called, in the order of a run's `baths`."""
    return [_("none"), _("weight decay"), _("Σ|θ|"), _("dropout"), _("label noise")]


# Energies on one slice


def energies(run: Any, look: Look, height: int = 400) -> go.Figure:
    """Data energy, the regulariser's at the largest strength, and their sum on one plane, with the minima's path."""
    parts, grid = Parts.expect(run), Grid.expect(run)
    energies = ((parts.data, _("data")), (run.spec.strength * parts.added, _("regulariser")),
                (run.surface.E, _("both")))
    figure = drawing.grid(1, 3, across=0.05, titles=tuple(name for _E, name in energies), title=_small(look))
    lowest = float(np.min(run.surface.E))
    ceiling = max(run.surface.ceiling, lowest + 1e-9)
    for k, (E, name) in enumerate(energies, start=1):
        low = float(np.min(E))
        top = low + (ceiling - lowest)
        figure.add_trace(drawing.contour(
            x=grid.xs, y=grid.ys, z=E.T, zmin=low, zmax=top, colorscale=fading_colorscale(look), showscale=False,
            contours={"coloring": "heatmap", **levels(low, top)}, name="",
            line={"color": rgba(look.contour, 0.3), "width": 0.35 * look.stroke},
            hovertemplate=f"{name}<br>u %{{x:.3g}}, v %{{y:.3g}}<br><b>%{{z:.4g}}</b><extra></extra>"), k)
        for trace in _minima_path(run, look, legend=k == 1):
            figure.add_trace(trace, k)
    (x0, x1), (y0, y1) = run.surface.bounds
    title = _("Three energies on one slice, λ = {strength}").format(strength=number(run.spec.strength))
    across = axis(look, _("u"), range=[x0, x1], showgrid=False, nticks=4, tickangle=0)
    up, beside = (axis(look, name, range=[y0, y1], showgrid=False, nticks=6, **settings) for name, settings in (
        (_("v"), {"showticklabels": True}), ("", {"showticklabels": False, "matches": "y"})))
    return lay_out(figure, look, title=title, height=height, margin={"t": 4.2 * look.font}, legend={"y": -0.2},
                   xaxis=across, xaxis2=across, xaxis3=across, yaxis=up, yaxis2=beside, yaxis3=beside)


def _small(look: Look) -> Properties:
    """Of the titles above the parts of a figure."""
    return {"font": {"size": look.font_small, "color": look.dim}}


def _minima_path(run: Any, look: Look, legend: bool) -> list[Properties]:
    """The minima as points on a line, dotted where one vanished; the last and strongest is the largest."""
    found, parts = Minima.expect(run), Parts.expect(run)
    u, jumped = parts.places, found.jumped
    traces = []
    for flag, name, dash in ((False, _("the minimum, as λ grows"), "solid"), (True, _("it vanished: a jump"), "dot")):
        segments = [part for k in np.flatnonzero(jumped == flag) for part in (u[k], u[k + 1], [np.nan, np.nan])]
        if segments:
            xy = np.array(segments)
            traces.append(scatter(x=xy[:, 0], y=xy[:, 1], mode="lines", showlegend=False, hoverinfo="skip",
                                     line={"color": rgba(look.halo, 0.5), "width": 2.4 * look.stroke}))
            traces.append(scatter(x=xy[:, 0], y=xy[:, 1], mode="lines", name=name, showlegend=legend,
                                     hoverinfo="skip", line={"color": look.path, "width": 0.8 * look.stroke,
                                                             "dash": dash}))
    sizes = np.full(len(u), 2.4 * look.stroke)
    sizes[-1] = 5 * look.stroke
    told = np.stack([found.strengths, found.data, parts.residual], axis=1)
    traces.append(scatter(
        x=u[:, 0], y=u[:, 1], mode="markers", customdata=told, showlegend=False, name="",
        marker={"size": sizes, "color": look.path, "line": {"color": look.halo, "width": 1}},
        hovertemplate="λ %{customdata[0]:.3g}<br>" + _("data energy") + " <b>%{customdata[1]:.4g}</b><br>"
                      "%{customdata[2]:.2g} " + _("beside the plane") + "<extra></extra>"))
    return traces


def energies_sentence(run: Any) -> str:
    """What is seen on the three slices, and how far the path lies beside the plane."""
    found, parts = Minima.expect(run), Parts.expect(run)
    jumps, beside = int(found.jumped.sum()), float(parts.residual.max())
    long = float(np.linalg.norm(np.diff(parts.places, axis=0), axis=1).sum())
    said = _("On the left the data alone pull, in the middle the regulariser; their sum is on the right. The beaded "
             "line is the minimum while λ grows from {low} to {high} (large dot); u and v are lengths in parameter "
             "space.").format(low=number(found.strengths[0], 2), high=number(found.strengths[-1], 2))
    if jumps:
        said += " " + _("{n} times it vanished and the network fell to another one.").format(n=jumps)
    return said + " " + _("It is {long} long and leaves this plane by up to {beside}.").format(
        long=number(long, 2), beside=number(beside, 2))


def minima(run: Any, look: Look, height: int = 360) -> go.Figure:
    """Train and test loss of the minimum against the strength, and the lowest total energy."""
    found = Minima.expect(run)
    s, total = found.strengths, found.data + found.strengths * found.added
    figure = Drawing()
    for k in np.flatnonzero(found.jumped):
        figure.add_vrect(x0=s[k], x1=s[k + 1], fillcolor=rgba(look.line, 0.4), line={"width": 0}, layer="below")
    figure.add_trace(line(s, total, _("with the regulariser's energy"), look.theory, look, dash="dash"))
    figure.add_trace(line(s, found.data, _("train loss"), look.path, look))
    if np.isfinite(found.test).any():
        figure.add_trace(line(s, found.test, _("test loss"), look.optimisers[1], look))
    low, high = np.log10(s[0]), np.log10(s[-1])
    return lay_out(figure, look, title=_("The minimum, as the interaction grows"), height=height,
                   xaxis=axis(look, _("strength λ, logarithmic"), type="log", showgrid=False, dtick="D2",
                              tickformat="~g", range=[low, high]),
                   yaxis=axis(look, names.loss_title(run), nticks=6))


def minima_sentence(run: Any) -> str:
    """Where the test loss is lowest."""
    found = Minima.expect(run)
    said = _("The stronger the interaction, the more the data energy has to give way.")
    if np.isfinite(found.test).any():
        best = int(np.nanargmin(found.test))
        inside = 0 < best < len(found.strengths) - 1
        text = (_("The test loss is lowest at λ = {best}: weaker is over-fitted, stronger is too stiff.") if inside else
                _("The test loss is lowest at λ = {best}, the end of what is shown."))
        said += " " + text.format(best=number(found.strengths[best], 2))
    return said + (" " + _("Shaded: the minimum vanished there.") if found.jumped.any() else "")


# Baths


def baths(run: Any, look: Look, height: int = 380) -> go.Figure:
    """What each regulariser adds: heat (tr C over that of the plain bath), and energy (mean shift of the loss)."""
    found = list(Baths.expect(run).baths.values())
    titles = (_("heat: ratio of tr C"), _("energy: loss shift"))
    figure = drawing.grid(1, 2, across=0.16, titles=titles, title=_small(look))
    for k, (key, base, colour) in enumerate((("ratio", 1.0, look.heat), ("loss_shift", 0.0, look.path)), start=1):
        measured = [bath.measured.found(key) for bath in found]
        values, errors = [one.value for one in measured], [one.stderr for one in measured]
        exact = [None if bath.theory is None else getattr(bath.theory, key) for bath in found]
        figure.add_trace(bar(
            x=bath_names(), y=[value - base for value in values], base=base, showlegend=False, name="",
            marker={"color": rgba(colour, 0.75), "line": {"width": 0}}, customdata=np.array([values, errors]).T,
            error_y={"type": "data", "array": errors, "color": look.text, "thickness": look.stroke / 2, "width": 4},
            hovertemplate="%{x}<br><b>%{customdata[0]:.4g}</b> ± %{customdata[1]:.2g}<extra></extra>"), k)
        figure.add_trace(scatter(
            x=bath_names(), y=exact, mode="markers", name=_("theory: all masks, all labels"), showlegend=k == 1,
            marker={"symbol": "line-ew", "size": 9 * look.stroke,
                    "line": {"color": look.theory, "width": 1.2 * look.stroke}},
            hovertemplate=_("theory") + " <b>%{y:.4g}</b><extra></extra>"), k)
        figure.add_hline(y=base, line={"color": look.line, "width": 1}, cell=k)
    across, up = axis(look, showgrid=False, tickangle=-35), axis(look, nticks=6)
    return lay_out(figure, look, title=_("Heat or energy?"), height=height, margin={"t": 4.4 * look.font},
                   legend={"y": -0.42}, bargap=0.35, xaxis=across, xaxis2=across, yaxis=up, yaxis2=up)


def baths_sentence(run: Any) -> str:
    """What the numbers of the baths say, shape and temperature included."""
    found = Baths.expect(run).baths
    plain, dropped, noisy = (found[name].measured for name in ("none", "dropout", "labels"))
    return _(
        "Weight decay and Σ|θ| pull every sample alike: energy, no heat. Dropout and label noise are drawn anew each "
        "time: heat, and some energy. With batches of 10 the bath has T = lr tr C/(2 B d (1 − μ)) = {T0}; with "
        "dropout {T1}, with label noise {T2}. It shakes in {n0}, {n1} and {n2} directions in effect, and lies along "
        "the Hessian by {a0}, {a1} and {a2} (1: same shape).").format(
        T0=number(plain.T, 2), T1=number(dropped.T, 2), T2=number(noisy.T, 2),
        n0=number(plain.participation, 2), n1=number(dropped.participation, 2), n2=number(noisy.participation, 2),
        a0=number(plain.alignment, 2), a1=number(dropped.alignment, 2), a2=number(noisy.alignment, 2))


def training(run: Any, look: Look, height: int = 380) -> go.Figure:
    """Train and test loss at the end of training for each condition; the bar between them is the gap."""
    found, labels = Gaps.expect(run), bath_names()
    figure = Drawing()
    for k, label in enumerate(labels):
        ends = [found.train.value[k], found.test.value[k]]
        figure.add_trace(scatter(x=[label, label], y=ends, mode="lines", showlegend=False, hoverinfo="skip",
                                    line={"color": look.dim, "width": 2.5 * look.stroke}))
    for name, (values, errors), colour in _train_and_test(found.train, found.test, look):
        figure.add_trace(scatter(
            x=labels, y=values, mode="markers", name=name, marker={"color": colour, "size": 1.3 * MARKER * look.stroke},
            error_y={"type": "data", "array": errors, "color": colour, "thickness": look.stroke / 2,
                     "width": 5},
            hovertemplate=f"%{{x}}<br>{name} <b>%{{y:.4f}}</b> ± %{{error_y.array:.2g}}<extra></extra>"))
    return lay_out(figure, look, title=_("The gap after training"), height=height,
                   xaxis=axis(look, showgrid=False), yaxis=axis(look, names.loss_title(run), nticks=6))


def training_sentence(run: Any) -> str:
    """How it was trained, and who diverged."""
    said = _("{n} networks for each, from the same starts, {steps} steps of SGD in batches of 10. All losses are "
             "those of whole networks and clean data, so nobody is charged for its own regulariser.").format(
        n=run.spec.networks, steps=f"{run.spec.steps:,}")
    lost = [_("{name}: {n} of {of}").format(name=name, n=int(n), of=run.spec.networks)
            for name, n in zip(bath_names(), Gaps.expect(run).lost, strict=True) if n]
    return said + (" " + _("Diverged, and left out of the means: {who}.").format(who=", ".join(lost)) if lost else "")


# Work


def linear_work(run: Any, look: Look, height: int = 380) -> go.Figure:
    """Linear regression: mean work and Jarzynski's free energy against the length of the ramp, exact line between."""
    found = LinearRamps.expect(run)
    steps, groups, T = np.array(found.steps, float), found.groups, found.T
    exact, figure = found.dF / T, Drawing()
    figure.add_trace(line(steps[[0, -1]], [exact, exact], _("exact ΔF/T = {F}").format(F=number(exact)), look.theory,
                           look))
    for x, these, key, name, colour, symbol in (
            (steps, groups, "mean", _("mean work ⟨W⟩/T"), look.heat, "circle"),
            (steps, groups, "free_energy", _("Jarzynski"), look.text, "diamond"),
            (steps[-1:], [found.back], "mean", _("on the way back, −⟨W⟩/T"), look.heat, "circle-open"),
            (steps[-1:], [found.sgd], "free_energy", _("the same average for SGD"), look.poor, "x")):
        figure.add_trace(_points(x, these, key, name, look, colour, T, symbol))
    refused = steps[[group.dF is None for group in groups]]
    if len(refused):
        figure.add_trace(scatter(
            x=refused, y=np.full(len(refused), exact), mode="markers", name=_("refused: too few weights count"),
            marker={"symbol": "x-thin", "size": 1.4 * MARKER * look.stroke, "line": {"width": 2, "color": look.dim}},
            hovertemplate=_("cannot tell") + "<extra></extra>"))
    low, high = np.log10(steps[0]), np.log10(steps[-1])
    return lay_out(figure, look, title=_("Work on linear regression"), height=height,
                   xaxis=axis(look, _("steps of the ramp, logarithmic"), type="log", showgrid=False,
                              tickvals=found.steps, tickformat="~g", range=[low - 0.06, high + 0.06]),
                   yaxis=axis(look, _("energy, in units of T"), nticks=6))


def network_work(run: Any, look: Look, height: int = 380) -> go.Figure:
    """The network's walkers: work of the ramp up and of the ramp down (turned), with both free energies."""
    found = _ramped(run)
    T = found.T
    work = found.work / T
    # Few walkers slip into another valley: their work lies far off and would squeeze all the others into one bar.
    low, high = np.nanquantile(work, SHOWN)
    low, high = low - 0.15 * (high - low), high + 0.15 * (high - low) + 1e-9
    bins = {"start": low, "end": high, "size": (high - low) / BINS}
    figure = Drawing()
    kinds = ((_("W, up"), look.heat), (_("−W, down again"), look.optimisers[1]))
    for values, (name, colour) in zip(work, kinds, strict=True):
        figure.add_trace(histogram(x=values, name=name, xbins=bins, marker={"color": rgba(colour, 0.6)},
                                      hovertemplate=f"{name} %{{x:.5g}}<br><b>%{{y}}</b><extra></extra>"))
    marks = [(found.dF / T, _("harmonic ΔF"), look.theory, "dash", 1.0)]
    if found.slow.dF is not None:
        marks.append((found.slow.dF / T, _("Jarzynski"), look.text, "solid", 0.9))
    for value, name, colour, dash, at in marks:
        figure.add_vline(x=value, line={"color": colour, "width": 0.8 * look.stroke, "dash": dash})
        figure.add_annotation(x=value, yref="paper", y=at, text=name, xanchor="left", xshift=4,
                              font={"size": look.font_small, "color": colour})
    return lay_out(figure, look, title=_("Work on the network's walkers"), height=height, barmode="overlay",
                   xaxis=axis(look, _("work, in units of T"), showgrid=False, nticks=5, range=[low, high]),
                   yaxis=axis(look, _("walkers"), nticks=5))


def network_sentence(run: Any) -> str:
    """Where the network was ramped and what the average says, or why it was not."""
    found = _ramped(run)
    return _(
        "λ goes from {low} to {high} and back, while {n} walkers at T = {T} stay in the valley. Both histograms must "
        "cross at ΔF. The average of e^(−W/T) rests on {kish} walkers in effect; below 50 it is refused.").format(
        low=number(found.ends[0], 3), high=number(found.ends[1], 3), n=run.spec.walkers,
        T=number(found.T, 2), kish=round(found.slow.kish))


def ramp(run: Any, look: Look, height: int = 340) -> go.Figure:
    """Train and test loss of the walkers along the ramp, means and errors over walkers."""
    _ramped(run)
    found = Walkers.expect(run)
    figure = Drawing()
    for name, (values, errors), colour in _train_and_test(found.train, found.test, look):
        if np.isfinite(values).any():
            figure.add_trace(scatter(
                x=found.strengths, y=values, mode="lines+markers", name=name,
                error_y={"type": "data", "array": errors, "color": rgba(colour, 0.8),
                         "thickness": look.stroke / 2, "width": 0},
                line={"color": colour, "width": 0.8 * look.stroke}, marker={"size": 2.2 * look.stroke},
                hovertemplate=f"λ %{{x:.4g}}<br>{name} <b>%{{y:.5f}}</b> ± %{{error_y.array:.2g}}<extra></extra>"))
    return lay_out(figure, look, title=_("Train and test loss along the ramp"), height=height,
                   xaxis=axis(look, _("strength λ"), showgrid=False, nticks=6),
                   yaxis=axis(look, names.loss_title(run), nticks=6))


def _ramped(run: Any) -> NetworkRamp:
    """The network's ramp. Raises BadInput for a run without one."""
    found = NetworkRamp.read(run)
    if found is None:
        raise BadInput("the network of this run was not ramped: no valley lasts over a stretch of strengths.")
    return found


def _train_and_test(train: Pair, test: Pair, look: Look) -> tuple[tuple[str, Pair, str], ...]:
    """(name, values and errors, colour) of both losses."""
    return (_("train loss"), train, look.path), (_("test loss"), test, look.optimisers[1])


def _points(x: Any, groups: list[Work], key: str, name: str, look: Look, colour: str,
            unit: float, symbol: str) -> Properties:
    """`key` of each group with its error, in this unit; nothing where it was refused."""
    known = [(at, found) for at, group in zip(x, groups, strict=True) if (found := getattr(group, key)) is not None]
    return points([at for at, _found in known], [found.value / unit for _at, found in known],
                  [found.stderr / unit for _at, found in known], name, look, "%{y:.5g}", colour, symbol)
