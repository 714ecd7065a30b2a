"""Charts of the lab "Volume beats depth": two basins, who holds more at which heat, and two solutions of a network.

The deep basin has the first colour of the valleys, the wide one the second; what is exact is a line in the colour of
theory, what is measured stands in the colour of heat with its standard error.
"""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...core.errors import BadInput
from ...core.thermodynamics.free_energy import crossing_temperature
from ...figures import charts
from ...figures.drawing import Drawing, Properties, bar, scatter
from ...figures.marks import MARKER, line, points
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _
from ...runs.record import Grid
from .results import Crossing, Curves, EqualWidths, FreeWalkers, Line, Overtaking, Solutions


def answer(run: Any) -> str:
    """Whether the deepest valley always wins, for these two."""
    predicted, measured = _crossings(run)
    if predicted is None:
        return _("Yes, of these two: both are equally wide, so the deeper one holds more at every heat.")
    return _("No: below T* = {T} the narrow, deep valley holds more; above, the wide and shallow one, which offers "
             "more places to be.").format(T=number(predicted if measured is None else measured, 3))


def try_this(run: Any) -> str:
    """Another narrowness, and where T* goes."""
    spec = run.spec
    other = 100.0 if spec.ratio < 100 else 10.0
    there = number(_harmonic_crossing(spec.depth, other), 3)
    if spec.ratio == 1:
        return _("set Narrowness to {n} (Experiment): now the wide one wins above T* = {T}.").format(
            n=f"{other:.0f}", T=there)
    return _("set Narrowness to {n} (Experiment): T* goes from {now} to {T}. At 1 both are equally wide, and the "
             "answer is yes.").format(n=f"{other:.0f}", T=there,
        now=number(_harmonic_crossing(spec.depth, spec.ratio), 3))


def _harmonic_crossing(depth: float, ratio: float) -> float:
    """T* of harmonic theory for basins of which one is `ratio` > 1 times as curved along one axis."""
    T = crossing_temperature(depth, math.log(ratio))
    assert T is not None
    return T


def energy_line(run: Any, look: Look, height: int = 380) -> go.Figure:
    """The energy along the line that joins the two minima, and how high T* is beside it."""
    path = Line.expect(run)
    figure = Drawing()
    ridge = int(np.searchsorted(path.x, path.ridge))
    deep, shallow = _basins(run)
    for part, name, colour in ((slice(ridge + 1), shallow, look.basins[1]), (slice(ridge, None), deep, look.basins[0])):
        figure.add_trace(scatter(
            x=path.x[part], y=path.E[part], mode="lines", name=name, line={"color": colour, "width": 1.6 * look.stroke},
            hovertemplate=f"{name}<br>x %{{x:.3g}}<br>E <b>%{{y:.3g}}</b><extra></extra>"))
    bottom, top = -run.spec.depth, -run.spec.depth + 1.8 * path.barrier
    figure.add_annotation(x=path.ridge, y=path.barrier - run.spec.depth, align="right",
                          text=_("pass, {barrier} above<br>the deep basin").format(barrier=number(path.barrier)),
                          xanchor="right", yanchor="bottom", font={"size": look.font_small, "color": look.dim})
    return lay_out(figure, look, title=_("Two basins, on the line between them"), height=height,
                   xaxis=axis(look, _("x, along that line"), showgrid=False),
                   yaxis=axis(look, _("energy E"), nticks=6, range=[bottom - 0.05 * (top - bottom), top]))


def basin_shares(run: Any, look: Look, height: int = 380) -> go.Figure:
    """Share of the deep basin against T: exact, measured by bridges, and seen among walkers that hop."""
    curves, control = Curves.expect(run), EqualWidths.expect(run)
    figure, T = Drawing(), curves.T
    figure.add_trace(line(T, curves.share_exact, _("exact"), look.theory, look, x_name="T"))
    figure.add_trace(line(T, curves.share_harmonic, _("harmonic theory"), look.theory, look, dash="dash",
                          x_name="T"))
    figure.add_trace(points(T, *curves.share, _("measured, without hops"), look, x_name="T"))
    figure.add_trace(line(T, control.exact, _("equal widths (control)"), look.dim, look, dash="dot",
                          x_name="T"))
    figure.add_trace(points(T, *control.share, _("control, measured"), look,
                            colour=look.dim, size=0.7, x_name="T", showlegend=False))
    for trace in _hops(run, look):
        figure.add_trace(trace)
    _crossing_marks(figure, run, look)
    figure.add_hline(y=0.5, line={"color": look.line, "width": 1})
    return lay_out(figure, look, title=_("Who holds more? Share of the deep basin"), height=height,
                   xaxis=charts.heat_axis(look, list(T), title=True),
                   yaxis=axis(look, _("share of the deep basin"), tickformat=".0%", range=[-0.02, 1.04], nticks=6))


def _hops(run: Any, look: Look) -> list[Properties]:
    """Free walkers by where they started: filled where a share is claimed, hollow where it cannot be told."""
    seen = FreeWalkers.read(run)
    if seen is None or not len(seen.T):
        return []
    T, claimed = seen.T, seen.claimed.astype(bool)
    labels = [_("both starts agree") if yes else _("cannot tell: the starts still matter") for yes in claimed]
    traces = []
    for start, (name, symbol) in enumerate(((_("free walkers, from deep"), "triangle-down"),
                                            (_("free walkers, from wide"), "triangle-up"))):
        symbols = [symbol if yes else f"{symbol}-open" for yes in claimed]
        traces.append(scatter(
            x=T, y=seen.share.value[:, start], mode="markers", name=name, text=labels,
            error_y={"array": seen.share.stderr[:, start], "color": rgba(look.text, 0.6), "thickness": 1,
                     "width": 0},
            marker={"symbol": symbols, "size": 1.4 * MARKER * look.stroke, "color": look.text,
                    "line": {"width": 1.2, "color": look.text}},
            hovertemplate=f"{name}<br>T %{{x:.3g}}<br><b>%{{y:.1%}}</b><br>%{{text}}<extra></extra>"))
    return traces


def basin_free_energies(run: Any, look: Look, height: int = 380) -> go.Figure:
    """F of both basins against T, counted from one common well; where the curves cross, both hold half."""
    curves = Curves.expect(run)
    figure, T = Drawing(), curves.T
    for k, (name, colour) in enumerate(zip(_basins(run), look.basins, strict=False)):
        figure.add_trace(line(T, curves.F_exact[:, k], _("{name}: exact").format(name=name), colour, look,
                              x_name="T"))
        figure.add_trace(points(T, curves.F.value[:, k], curves.F.stderr[:, k],
                                _("{name}: measured").format(name=name), look, ring=colour, x_name="T"))
    _crossing_marks(figure, run, look)
    shown = T <= 4 * (_crossings(run)[0] or T[-1])
    values = curves.F_exact[shown]
    room = 0.15 * float(np.ptp(values))
    return lay_out(figure, look, title=_("Free energies: the lower wins"), height=height,
                   xaxis=charts.heat_axis(look, list(T), title=True),
                   yaxis=axis(look, _("F, from a common well"), nticks=6,
                              range=[float(values.min()) - room, float(values.max()) + room]))


def shares_sentence(run: Any) -> str:
    """How to read `basin_shares`."""
    reading = _("Circles are measured without a single hop between the basins. Triangles are walkers that move freely; "
                "hollow ones tell nothing yet, since those from the other basin disagree.")
    if run.spec.ratio == 1:
        return _("Equally wide, so the deep basin holds more than half at every heat.") + " " + reading
    return _("Cold, the deep basin holds nearly all; at T* both hold half; hotter, the wide one wins.") + " " + reading


def free_energies_sentence(run: Any) -> str:
    """How to read `basin_free_energies`."""
    meaning = _("F = E − TS of each basin, measured against one common well that knows neither depth nor width. The "
                "lower curve holds more.")
    end = _("Equally wide, they never cross.") if run.spec.ratio == 1 else _("The curves cross at T*.")
    return f"{meaning} {end}"


def slice_shares(run: Any, look: Look, height: int = 380) -> go.Figure:
    """Exact shares of the valleys of the slice, and where the widest overtakes the deepest."""
    figure = charts.draw_shares(run, look)
    found, shown = Overtaking.read(run), Grid.expect(run).temperatures
    crossing, predicted = (None, None) if found is None else (found.crossing, found.predicted)
    said = []
    for T, label, dash in ((crossing, _("the widest overtakes: T = {T}"), "solid"),
                           (predicted, _("harmonic theory (dashed): {T}"), "dash")):
        if T is not None and shown[0] <= T <= shown[-1]:
            _mark(figure, look, T, dash)
            said.append(label.format(T=number(T)))
    # In the corner, where a narrow window has room for them and no curve goes: hot, no valley holds nearly all.
    figure.add_annotation(x=0.99, y=0.97, xref="paper", yref="paper", text="<br>".join(said),
                          xanchor="right", yanchor="top", align="right", bgcolor=rgba(look.panel, 0.8),
                          font={"size": look.font_small, "color": look.theory}, visible=bool(said))
    return charts.lay_out_shares(figure, run, look, height)


def slice_sentence(run: Any) -> str:
    """What the slice shows: the crossing, exact, and how far harmonic theory is off."""
    found = Overtaking.read(run)
    if found is None:
        return _("Exact shares of the valleys, by quadrature on the slice.")
    if found.deepest == found.widest:
        return _("On this landscape the deepest valley is also the widest: there is nothing to overtake.")
    if found.crossing is None:
        return _("On this landscape the widest valley does not overtake the deepest within the temperatures shown.")
    if found.predicted is None:
        return _("Exact: the widest valley overtakes the deepest at T = {T}. It has no harmonic prediction: a valley "
                 "is flat or open.").format(T=number(found.crossing))
    return _("Exact: the widest valley overtakes the deepest at T = {T}. Harmonic theory, which knows only the "
             "curvatures at the two bottoms, says {guess}.").format(
        T=number(found.crossing), guess=number(found.predicted))


def network_free_energies(run: Any, look: Look, height: int = 330) -> go.Figure:
    """F = L + T/2 sum ln h of both solutions, from A's loss; dotted where the basin is not harmonic."""
    found = _networks(run)
    T, gain = found.T, found.F - found.F[:, :1]
    room = 3 * abs(found.loss[1] - found.loss[0])
    figure = Drawing()
    for k, name in enumerate(_solutions(run)):
        limit = found.harmonic_up_to[k]
        for part, dash, label in ((T <= limit, "solid", name),
                                  (T >= limit, "dot", _("{name}, not harmonic").format(name=name))):
            figure.add_trace(scatter(
                x=T[part], y=gain[part, k], mode="lines", name=label, line={
                    "color": look.basins[k], "width": 1.3 * look.stroke, "dash": dash},
                hovertemplate=f"{label}<br>T %{{x:.3g}}<br><b>%{{y:.3g}}</b><extra></extra>"))
    if found.crossing is not None and T[0] <= found.crossing <= T[-1]:
        _mark(figure, look, found.crossing, "dash")
        figure.add_annotation(x=np.log10(found.crossing), y=1, yref="paper", yanchor="bottom",
                              text=_("T* {T}, were they harmonic").format(T=number(found.crossing, 2)),
                              font={"size": look.font_small, "color": look.theory})
    return lay_out(figure, look, title=_("Free energy of two solutions, A as zero"), height=height,
                   xaxis=charts.heat_axis(look, list(T), title=True),
                   yaxis=axis(look, _("F − F of A, nats"), nticks=6, **({} if found.same else {
                       "range": [-room, room]})))


def spectra(run: Any, look: Look, height: int = 330) -> go.Figure:
    """Hessian eigenvalues of both solutions, the softest first."""
    figure, names = Drawing(), _solutions(run)
    h = _networks(run).h
    for k, name in enumerate(names):
        shown = np.where(h[k] > 0, h[k], np.nan)
        figure.add_trace(scatter(
            x=np.arange(1, len(shown) + 1), y=shown, mode="lines+markers", name=name,
            marker={"size": 0.6 * MARKER * look.stroke}, line={"color": look.basins[k], "width": 0.7 * look.stroke},
            hovertemplate=f"{name}<br>%{{x}}<br>h <b>%{{y:.3g}}</b><extra></extra>"))
    return lay_out(figure, look, title=_("How curved each direction is"), height=height,
                   xaxis=axis(look, _("directions, the softest first"), showgrid=False),
                   yaxis=axis(look, _("Hessian eigenvalue h"), type="log", dtick=1, tickformat="~g"))


def fates(run: Any, look: Look, height: int = 330) -> go.Figure:
    """Where heated and cooled copies of each solution ended, in shares of all its copies."""
    found = _networks(run)
    fate, heat, same = found.fate, found.heat, found.same
    ends = ((_("in A"), look.basins[0]), (_("in B"), look.basins[1]), (_("elsewhere"), look.dim))
    starts = (_("from A"), _("from B"))
    x = [[np.format_float_positional(t, 2, fractional=False, trim="-") for t in heat for _start in starts],
         [start for _t in heat for start in starts]]
    figure = Drawing()
    for k, (name, colour) in enumerate(ends):
        counts = fate[:, :, k].ravel()
        figure.add_trace(bar(
            x=x, y=counts / fate.sum(axis=2).ravel(), name=_("back") if same and k == 0 else name, text=counts,
            marker={"color": colour, "line": {"width": 0}}, showlegend=not (same and k == 1),
            hovertemplate=f"T %{{x}}<br>{name} <b>%{{y:.0%}}</b>, %{{text}}<extra></extra>"))
    return lay_out(figure, look, title=_("Heated, then cooled: where do copies end?"), height=height, barmode="stack",
                   bargap=0.15, xaxis=axis(look, _("heat T"), showgrid=False),
                   yaxis=axis(look, _("share of the copies"), tickformat=".0%", range=[0, 1.02], nticks=6))


def network_sentence(run: Any) -> str:
    """Both solutions in one sentence: losses, widths, and whether harmonic theory may be asked at all."""
    found = _networks(run)
    if found.same:
        return _("Both batch sizes found one and the same solution: {distance} apart as they stand, {aligned} once the "
                 "hidden units are put in the same order.").format(
            distance=number(found.distance), aligned=number(found.aligned, 1))
    parts = [_("Loss of A {a}, of B {b}; ½ ln det H {ha} and {hb}: the lower, the wider. Renamed copies: e^{ca} and "
               "e^{cb}; each counts as room.").format(
        a=number(found.loss[0], 4), b=number(found.loss[1], 4),
        ha=_spelled(found.half_ln_det[0]), hb=_spelled(found.half_ln_det[1]),
        ca=_spelled(found.ln_copies[0]), cb=_spelled(found.ln_copies[1]))]
    if found.crossing is None:
        parts.append(_("The deeper is also the wider, or a basin has a flat direction: no crossing is predicted."))
    elif found.crossing > min(found.harmonic_up_to):
        parts.append(_("Harmonic theory would put T* at {T}, but these basins are harmonic only up to T = {limit}: "
                       "not harmonic, so it cannot tell.").format(
            T=number(found.crossing, 2), limit=number(min(found.harmonic_up_to), 2)))
    else:
        parts.append(_("Harmonic theory puts T* at {T}.").format(T=number(found.crossing, 2)))
    return " ".join(parts)


def _spelled(value: float | None) -> str:
    return "–" if value is None else number(value, 4)


def _basins(run: Any) -> tuple[str, str]:
    """What the two basins are called, the deep one first."""
    return (_("deep"), _("shallow")) if run.spec.ratio == 1 else (_("narrow, deep"), _("wide, shallow"))


def _networks(run: Any) -> Solutions:
    """What the run knows of two solutions. Raises BadInput where it was not asked."""
    found = Solutions.read(run)
    if found is None:
        raise BadInput("this run has no networks to draw: ask for tv.VolumeOrDepth(networks=True).")
    return found


def _solutions(run: Any) -> tuple[str, str]:
    small, large = _networks(run).batches
    return _("A, batches of {n}").format(n=small), _("B, batches of {n}").format(n=large)


def _crossings(run: Any) -> tuple[float | None, float | None]:
    """T* predicted and measured; None where there is none."""
    found = Crossing.read(run)
    return (None, None) if found is None else (found.predicted, found.measured)


def _crossing_marks(figure: Drawing, run: Any, look: Look) -> None:
    predicted, measured = _crossings(run)
    if predicted is None:
        return
    _mark(figure, look, predicted, "dash")
    text = _("T* {T} predicted").format(T=number(predicted))
    if measured is not None:
        _mark(figure, look, measured, "solid", look.heat)
        text += ", " + _("{T} measured").format(T=number(measured))
    figure.add_annotation(x=np.log10(predicted), y=1, yref="paper", text=text, yanchor="bottom",
                          font={"size": look.font_small, "color": look.theory})


def _mark(figure: Drawing, look: Look, T: float, dash: str, colour: str | None = None) -> None:
    """A vertical line at a temperature."""
    figure.add_vline(x=T, line={"color": rgba(colour or look.theory, 0.75), "width": 1.2, "dash": dash})
