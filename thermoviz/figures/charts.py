"""Charts that follow a run: losses and accuracy of the networks, equilibrium and the valleys' shares."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..presentation import names
from ..presentation.looks import Look, rgba
from ..presentation.numbers import number
from ..presentation.words import _
from .drawing import Drawing, Properties, grid, scatter
from .paper import axis, lay_out

FEW_RECORDS = 5
# How a line of a course looks: what is measured on training data, on test data, and what is no loss of data.
SOLID, DASHED, DOTTED = "solid", "dash", "dot"


def losses(run: Any, look: Look, height: int = 320) -> go.Figure:
    """Data loss of train (solid) and of test (dashed) per optimiser, and what the regulariser adds (dotted).

    Medians over the replicas, for train with the band 10-90 %.
    """
    figure = Drawing()
    curves(figure, run, look, loss_parts(run))
    _diverged(figure, run, look)
    recorded = np.concatenate([np.asarray(run.arrays[key], float) for key, _label, _dash in loss_parts(run)])
    logarithmic = bool(np.nanmin(recorded, initial=np.inf) > 0) and records_of(recorded) > FEW_RECORDS
    return lay_out(
        figure, look, title=_("Loss of the networks"), height=height, hovermode="x unified",
        xaxis=axis(look, _("training steps"), showgrid=False, range=_steps_shown(run, run.arrays["losses"])),
        yaxis=axis(look, names.loss_title(run), type="log" if logarithmic else "linear",
                   **(logarithmic_ticks(recorded) if logarithmic else {"nticks": 6})))


def logarithmic_ticks(values: np.ndarray) -> dict[str, Any]:
    """1, 2, 5 in each power of ten, or the powers alone where there are many."""
    few = np.nanmax(values) < 1e3 * np.nanmin(values)
    return {"dtick": "D2" if few else 1, "tickformat": "~g"}


def loss_parts(run: Any) -> list[tuple[str, str, str]]:
    """(array, name, dash) of what a run knows of its losses: only like stands beside like."""
    added = names.regulariser_title(run)
    test = [("test_losses", _("test"), DASHED)] if "test_losses" in run.arrays else []
    if "data_losses" in run.arrays:
        return [("data_losses", _("train"), SOLID), *test, *([("regulariser", added, DOTTED)] if added else [])]
    whole = _("train, with {regulariser}").format(regulariser=added) if added else _("train")
    return [("losses", whole if run.kind != "own_model" else _("what loss_fn returns"), SOLID), *test]


def records_of(values: np.ndarray) -> int:
    """At how many of the times any of values [T, n] is finite."""
    return int(np.isfinite(values).any(axis=1).sum())


def _steps_shown(run: Any, values: np.ndarray) -> list[float] | None:
    """All recorded steps (None: Plotly's choice), or where every replica diverged, those around that."""
    if not len(values) or np.isfinite(values[-1]).any():
        return None
    last = max((step for _k, _count, step in run.lost), default=0)
    last = max(last, int(run.arrays["steps"][max(records_of(values) - 1, 0)]), 1)
    return [-0.05 * last, 2 * last]


def accuracy(run: Any, look: Look, height: int = 320) -> go.Figure:
    """Accuracy (R² for regression) on training and test data, per optimiser, as in `losses`."""
    title = _("R², explained variance") if names.task(run) == "regression" else _("accuracy")
    figure = Drawing()
    curves(figure, run, look, [(key, label, dash) for key, label, dash in (
        ("accuracy", _("train"), SOLID), ("test_accuracy", _("test"), DASHED)) if key in run.arrays])
    return lay_out(
        figure, look, title=_("How much they get right"), height=height, hovermode="x unified",
        xaxis=axis(look, _("training steps"), showgrid=False),
        yaxis=axis(look, title, tickformat="" if names.task(run) == "regression" else ".0%", nticks=6))


def curves(figure: Drawing, run: Any, look: Look, parts: list[tuple[str, str, str]], first: int = 0,
           before: str = "") -> None:
    """Medians and bands of a run's parts per optimiser: colours from the `first` on, `before` each of their names."""
    steps, replicas = np.asarray(run.arrays["steps"]), np.bincount(run.arrays["member"])
    for k, name in enumerate(f"{before}{name}" for name in names.member_names(run)):
        colour = look.optimisers[(first + k) % len(look.optimisers)]
        for key, label, dash in parts:
            low, median, high = run.band(key, k)
            if not np.isfinite(median).any():
                continue
            if dash == SOLID and replicas[k] > 1:
                figure.add_trace(_band(steps, low, high, rgba(colour, 0.18)))
            # What diverged at once leaves too few records for a line to be seen.
            mode = "lines" if records_of(median[:, None]) > FEW_RECORDS else "lines+markers"
            figure.add_trace(scatter(
                x=steps, y=median, mode=mode, name=f"{name}, {label}",
                line={"color": colour, "width": look.stroke, "dash": dash},
                marker={"size": 4 * look.stroke, "color": colour},
                hovertemplate=f"{name}, {label} <b>%{{y:.4g}}</b><extra></extra>"))


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> Properties:
    keep = np.isfinite(low)
    outline = np.concatenate([low[keep], high[keep][::-1]])
    return scatter(x=np.concatenate([x[keep], x[keep][::-1]]), y=outline, mode="lines", fill="toself",
                      fillcolor=colour, line={"width": 0}, hoverinfo="skip", showlegend=False)


def _diverged(figure: Drawing, run: Any, look: Look) -> None:
    for _k, _count, step in run.lost:
        figure.add_vline(x=step, line={"color": look.poor, "width": 0.6 * look.stroke, "dash": "dot"},
                         words={"text": _("diverged at step {n}").format(n=step),
                                "font": {"size": look.font_small, "color": look.poor}})


def free_energy(run: Any, look: Look, height: int = 320) -> go.Figure:
    """Mean energy U, free energy F = U - TS and entropy S of exact equilibrium on the slice, against T."""
    equilibria = run.equilibria
    T = [eq.T for eq in equilibria]
    figure = grid(2, 1, down=0.08, heights=(0.58, 0.42))
    for name, values, colour, dash, cell in (
            (_("⟨E⟩ energy"), [eq.U for eq in equilibria], look.text, "solid", 1),
            (_("F = ⟨E⟩ − TS"), [eq.F for eq in equilibria], look.theory, "solid", 1),
            (_("S entropy"), [eq.S for eq in equilibria], look.theory, "dot", 2)):
        figure.add_trace(scatter(
            x=T, y=values, mode="lines", name=name,
            line={"color": colour, "width": look.stroke, "dash": dash},
            hovertemplate=f"T %{{x:.3g}}<br>{name} <b>%{{y:.4g}}</b><extra></extra>"), cell)
    _barrier_marks(figure, run, look, T, cells=2)
    return lay_out(
        figure, look, title=_("At equilibrium: heat trades energy for entropy"), height=height,
        xaxis={**heat_axis(look, T, title=False), "matches": "x2", "showticklabels": False},
        xaxis2=heat_axis(look, T, title=True),
        yaxis=axis(look, _("energy"), nticks=5, range=_energies_shown(run)),
        yaxis2=axis(look, _("S, nats"), nticks=4))


def _energies_shown(run: Any) -> list[float]:
    """From F at twice the surface's scale to the largest mean energy: hotter, F falls too far to see more."""
    top = max(eq.U for eq in run.equilibria)
    bottom = min(eq.F for eq in run.equilibria if eq.T <= 2 * run.surface.scale)
    return [bottom - 0.05 * (top - bottom), top + 0.1 * (top - bottom)]


def heat_axis(look: Look, T: list[float], title: bool) -> dict[str, Any]:
    """A logarithmic axis of temperatures in the colour of heat, from the first to the last of T."""
    heat = axis(look, _("temperature T") if title else "", type="log", showgrid=False, dtick=1,
                tickformat="~g", range=[np.log10(T[0]), np.log10(T[-1])],
                minor={"ticks": "outside" if title else "", "ticklen": 3, "tickcolor": look.heat})
    heat["title"]["font"] = {"size": look.font, "color": look.heat}
    return {**heat, "linecolor": look.heat, "showline": title}


def _barrier_marks(figure: Drawing, run: Any, look: Look, T: list[float], cells: int = 1) -> None:
    """Where T is a tenth of the barrier, and where it is the barrier; nothing where there is one valley."""
    if run.surface.barrier is None:
        return
    for share, label in ((0.1, _("0.1 barrier")), (1.0, _("barrier"))):
        mark = share * float(run.surface.barrier)
        if T[0] < mark < T[-1]:
            for cell in range(1, cells + 1):
                figure.add_vline(x=mark, line={"color": rgba(look.heat, 0.55), "width": 1, "dash": "dot"}, cell=cell)
            figure.add_annotation(x=np.log10(mark), y=1, yref="paper", text=label, xanchor="left", yanchor="bottom",
                                  font={"size": look.font_small, "color": look.heat})


def shares(run: Any, look: Look, height: int = 320) -> go.Figure:
    """Boltzmann share of each valley of the slice against T; they cross where volume wins over depth."""
    return lay_out_shares(draw_shares(run, look), run, look, height)


def draw_shares(run: Any, look: Look) -> Drawing:
    """What `shares` draws, for whoever adds to it before `lay_out_shares`."""
    equilibria = run.equilibria
    T = [eq.T for eq in equilibria]
    table = np.array([eq.shares for eq in equilibria])
    figure = Drawing()
    for k, name in enumerate(names.basin_names(run)):
        colour = look.basins[k % len(look.basins)]
        figure.add_trace(scatter(
            x=T, y=table[:, k], mode="lines", name=name, line={"color": colour, "width": 1.3 * look.stroke},
            hovertemplate=f"T %{{x:.3g}}<br>{name} <b>%{{y:.1%}}</b><extra></extra>"))
    _barrier_marks(figure, run, look, T)
    return figure


def lay_out_shares(figure: Drawing, run: Any, look: Look, height: int) -> go.Figure:
    """The axes of `shares`, and the look."""
    return lay_out(figure, look, title=_("Share of each valley at equilibrium"), height=height,
                   xaxis=heat_axis(look, [eq.T for eq in run.equilibria], title=True),
                   yaxis=axis(look, _("share of the balls"), tickformat=".0%", range=[0, 1.02], nticks=6))


def crossing_sentence(run: Any) -> str:
    """Which valley wins below and above each temperature at which volume passes depth."""
    if not run.crossings:
        return _("One valley holds the largest share at every temperature shown.")
    titles, (cold, hot, T) = names.basin_names(run), run.crossings[0]
    whole = _("Below T = {T} the valley “{cold}” holds the largest share, above it “{hot}”.")
    first = whole if names.analytic(run) else \
        _("On this slice the valley “{cold}” holds the largest share below T = {T}, above it “{hot}”.")
    more = [_("From T = {T} on it is “{hot}”.").format(T=number(T), hot=titles[hot])
            for _cold, hot, T in run.crossings[1:]]
    return " ".join([first.format(T=number(T), cold=titles[cold], hot=titles[hot]), *more])
