"""A sweep as a picture: a map over two settings, curves over one, and lines where a number crosses its limit."""

import math
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from ..core.errors import BadInput
from ..core.flat import text_of
from ..experiments.sweep.results import Rows
from ..experiments.sweep.rows import over_seeds
from ..presentation.looks import Look, rgba
from ..presentation.numbers import number
from ..presentation.words import _, term
from ..runs.verdict import Verdict
from .drawing import Drawing, Properties, contour, heatmap, scatter
from .paper import axis, lay_out

# Where a number's line is drawn by default: half of the networks, theory's limit, the sign of a verdict's number.
LEVELS = {"lost": 0.5, "diverged": 0.5, "edge": 1.0}
THEORY = "edge"  # the number whose line is theory's
VERDICT = "verdict."
BAND = (0.1, 0.9)  # of the seeds
WIDE = 30.0  # numbers that are positive and so far apart are shown by their logarithms
HIGHEST = 100.0  # and end at so many medians: what has blown up would leave no colours for the rest


class Line(NamedTuple):
    """Where the mean of a mapped number is `level`."""

    name: str
    level: float


def title_of(name: str) -> str:
    """What a mapped number is called."""
    plain, _dot, member = name.partition(".") if name.rpartition(".")[2].isdecimal() else (name, "", "")
    titles = {
        "loss": _("mean loss"), "test_loss": _("test loss"), "diverged": _("share diverged"),
        "lost": _("share that ends above its start"), "sharpness": _("largest curvature at the end"),
        "edge": _("step × curvature, over its limit"), "temperature": _("temperature of gradient noise"),
        "T_equipartition": _("temperature by equipartition"), "heat_capacity": _("heat capacity"),
        "barrier": _("barrier"),
    }
    title = titles.get(plain) or plain.removeprefix(VERDICT).removeprefix("T.").replace("_", " ")
    if plain.startswith("T."):
        title = _("temperature: {thermometer}").format(thermometer=title)
    return _("{name}, optimiser {k}").format(name=title, k=member) if member else title


def claim_of(name: str, room: str) -> str:
    """As `title_of`; a verdict by the claim that its lab, in the package `room`, makes."""
    if not name.startswith(VERDICT):
        return title_of(name)
    unknown: Any = defaultdict(lambda: math.nan)  # the values that words tell besides
    key = name.removeprefix(VERDICT)
    try:
        claim = term(Verdict(key, math.nan, math.nan, values=unknown, room=room).name)
    except (KeyError, TypeError, ValueError):
        claim = key
    return title_of(name) if claim == key else claim


def first_of(names: list[str]) -> str:
    """What is shown unless somebody says otherwise: the loss, a verdict, or whatever there is."""
    return next((name for name in names if name.startswith("loss")), next(
        (name for name in names if name.startswith(VERDICT)), names[0]))


def level_of(name: str) -> float:
    """Where the line of a number stands unless somebody says otherwise."""
    return LEVELS.get(name.partition(".")[0], 0.0)


def lines_of(names: list[str]) -> tuple[Line, ...]:
    """The lines that a picture has by itself: who ends above their start, and theory's limit."""
    return tuple(Line(name, LEVELS[name]) for name in ("lost", THEORY) if name in names)


def phase(run: Any, look: Look, mapped: str, lines: tuple[Line, ...] = (), third: int = 0, height: int = 520) -> Any:
    """The picture of one mapped number: curves with bands over seeds for one setting, else a map of means.

    third: which value of a third setting is shown. lines: where these numbers cross their levels.
    """
    if len(run.spec.over) == 1:
        return _curve(run, look, mapped, lines, height)
    return _map(run, look, mapped, lines, third, height)


def alone(run: Any, look: Look, mapped: str | None = None, third: int = 0, height: int = 520) -> Any:
    """The picture of a sweep by itself: of one number (None: what its page shows first), with the usual lines.

    Raises BadInput for a number that the sweep has not.
    """
    names = Rows.expect(run).names
    if mapped is not None and mapped not in names:
        raise BadInput(f"this sweep has no number called {mapped!r}; it has {', '.join(names)}.")
    if not names:
        raise BadInput("nothing of this sweep is computed yet.")
    return phase(run, look, mapped or first_of(names), lines_of(names), third, height)


def labels(values: tuple[Any, ...]) -> list[str]:
    """A setting's values, as they stand on an axis."""
    return [number(value, 3) if isinstance(value, float) else
            _("all") if value is None else text_of(list(value) if isinstance(value, tuple) else value)
            for value in values]


def setting_title(setting: str) -> str:
    """A setting as it stands on an axis: its last name, which stands in its link, in plain words where there are."""
    known = {"lr": _("learning rate"), "batch_size": _("batch size"), "dt": _("time step"), "steps": _("steps"),
             "temperature": _("temperature"), "weight_decay": _("weight decay"), "momentum": _("momentum")}
    return known.get(setting.rpartition(".")[2], setting.replace("_", " "))


def summary(run: Any) -> str:
    """What the picture shows, in plain words with computed numbers; "" where nothing is known yet."""
    names = Rows.expect(run).names
    if "lost" not in names:
        return ""
    lost = over_seeds(run, "lost").value
    known = int(np.isfinite(lost).sum())
    said = _("In {k} of {n} combinations most networks end above the loss that they began with.").format(
        k=int((lost >= LEVELS["lost"]).sum()), n=known)
    return f"{said} {_against_theory(run, lost)}".strip()


def _against_theory(run: Any, lost: np.ndarray) -> str:
    """At which share of theory's step networks are thrown out, for the first and last value of the other setting."""
    over, names = run.spec.over, Rows.expect(run).names
    paces = [k for k, one in enumerate(over) if one.setting.rpartition(".")[2] in ("lr", "dt")]
    if len(over) != 2 or len(paces) != 1 or THEORY not in names:
        return ""
    pace, other = paces[0], over[1 - paces[0]]
    steps = np.array(over[pace].values, float)
    columns = [np.moveaxis(values, pace, 0) for values in (lost, over_seeds(run, THEORY).value)]
    found = [[_crossing(steps, column[:, k], level) for column, level in
              zip(columns, (LEVELS["lost"], LEVELS[THEORY]), strict=True)] for k in (0, -1)]
    if not np.isfinite(found).all():
        return ""
    ends = labels(other.values)
    return _("With {setting} {first} that happens at {low} times the {step} of theory's line, with {last} at {high} "
             "times.").format(
        setting=setting_title(other.setting), first=ends[0], last=ends[-1], step=setting_title(over[pace].setting),
        low=number(found[0][0] / found[0][1], 2), high=number(found[1][0] / found[1][1], 2))


def _crossing(steps: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first step, ascending, at which the values reach the level, on a straight line in log steps; NaN: none."""
    order = np.argsort(steps)
    steps, values = np.log(steps[order]), values[order]
    above = np.flatnonzero(values >= level)
    if not above.size or above[0] == 0:
        return math.nan
    k = int(above[0])
    share = (level - values[k - 1]) / (values[k] - values[k - 1])
    return float(np.exp(steps[k - 1] + share * (steps[k] - steps[k - 1])))


# One setting


def _curve(run: Any, look: Look, mapped: str, lines: tuple[Line, ...], height: int) -> go.Figure:
    """Median over seeds, and the band from 10 to 90 % of them."""
    over = run.spec.over[0]
    rows = Rows.expect(run)
    values = rows.values[:, rows.names.index(mapped)].reshape(len(over.values), run.spec.seeds)
    places = np.arange(len(over.values))
    known = np.isfinite(values).any(1)
    low, middle, high = (np.array([np.nanquantile(row, q) if ok else np.nan for row, ok in
                                   zip(values, known, strict=True)]) for q in (BAND[0], 0.5, BAND[1]))
    figure = Drawing()
    at = places[known]
    if known.any():
        figure.add_trace(scatter(
            x=[*at.tolist(), *at[::-1].tolist()], y=[*high[known].tolist(), *low[known][::-1].tolist()], fill="toself",
            mode="lines", line={"width": 0}, fillcolor=rgba(look.heat, 0.2), hoverinfo="skip", showlegend=False))
    figure.add_trace(scatter(
        x=at.tolist(), y=middle[known].tolist(), mode="lines+markers", line={"color": look.heat, "width": look.stroke},
        marker={"size": 9}, showlegend=False, customdata=at.tolist(), hovertemplate="%{y:.4g}<extra></extra>"))
    for line in lines:
        if line.name == mapped:
            figure.add_hline(line.level, {"color": look.theory, "width": look.stroke, "dash": "dash"})
    positive = bool(np.nanmin(values, initial=np.inf) > 0) and _far(values)
    return lay_out(figure, look, height=height, hovermode="x", clickmode="event+select", dragmode=False,
                   xaxis=_ticked(look, over.setting, over.values),
                   yaxis=axis(look, title_of(mapped), type="log" if positive else "linear"))


# Two settings, or three


def _map(run: Any, look: Look, mapped: str, lines: tuple[Line, ...], third: int, height: int) -> go.Figure:
    first, second = run.spec.over[:2]
    means, errors = (_slice(part, third) for part in over_seeds(run, mapped))
    shown, bar = _coloured(look, means, title_of(mapped))
    figure = Drawing(heatmap(
        z=shown.T.tolist(), x=list(range(means.shape[0])), y=list(range(means.shape[1])), colorscale=look.colorscale(),
        hoverinfo="skip", xgap=1, ygap=1, **bar))
    for line in lines:
        _add_line(figure, look, line, _slice(over_seeds(run, line.name).value, third))
    figure.add_trace(_targets(look, run, means, errors, third))
    return lay_out(figure, look, height=height, clickmode="event+select", dragmode=False,
                   xaxis={**_ticked(look, first.setting, first.values), "showgrid": False},
                   yaxis={**_ticked(look, second.setting, second.values), "showgrid": False},
                   legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"})


def _slice(values: np.ndarray, third: int) -> np.ndarray:
    return values if values.ndim == 2 else values[:, :, third]


def _far(values: np.ndarray) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > WIDE * finite.min())


def _coloured(look: Look, means: np.ndarray, title: str) -> tuple[np.ndarray, Properties]:
    """What the colours stand for, and their bar: logarithms where numbers are positive and far apart."""
    finite = means[np.isfinite(means)]
    bar: Properties = {"title": {"text": title, "side": "right", "font": {"size": look.font_small, "color": look.dim}},
                       "tickfont": {"size": look.font_small, "color": look.dim}, "thickness": 12, "outlinewidth": 0}
    if not _far(means):
        return np.round(means, 6), {"colorbar": bar}
    low, high = math.log10(finite.min()), math.log10(min(finite.max(), HIGHEST * float(np.median(finite))))
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.log10(means)
    steps = [10.0**power * m for power in range(math.floor(low), math.ceil(high) + 1)
             for m in ((1, 3) if high - low < 4 else (1,))]
    kept = [step for step in steps if low - 1e-9 <= math.log10(step) <= high + 1e-9]
    bar |= {"tickvals": [math.log10(step) for step in kept], "ticktext": [number(step, 2) for step in kept]}
    return np.round(shown, 5), {"zmin": low, "zmax": high, "colorbar": bar}


def _add_line(figure: Drawing, look: Look, line: Line, values: np.ndarray) -> None:
    """Where the mean crosses the level, between the cells; nothing where it is on one side throughout."""
    finite = values[np.isfinite(values)]
    if not finite.size or not finite.min() < line.level < finite.max():
        return
    theory = line.name.partition(".")[0] == THEORY
    style = {"color": look.theory if theory else look.heat, "width": 1.5 * look.stroke,
             "dash": "dash" if theory else "solid"}
    figure.add_trace(contour(
        z=values.T.tolist(), x=list(range(values.shape[0])), y=list(range(values.shape[1])), showscale=False,
        contours={"coloring": "none", "start": line.level, "end": line.level, "size": 1}, line=style,
        hoverinfo="skip", connectgaps=False, showlegend=False))
    # A contour has no line in the legend; an empty curve has.
    figure.add_trace(scatter(x=[None], y=[None], mode="lines", line=style, name=_line_title(line), hoverinfo="skip"))


def _line_title(line: Line) -> str:
    if line == Line(THEORY, 1.0):
        return _("theory: step × curvature at its limit")
    return f"{title_of(line.name)} = {number(line.level, 3)}"


def _targets(look: Look, run: Any, means: np.ndarray, errors: np.ndarray, third: int) -> Properties:
    """Unseen points over the cells, which say their numbers and can be chosen."""
    first, second = (labels(one.values) for one in run.spec.over[:2])
    names = [setting_title(one.setting) for one in run.spec.over[:2]]
    places = [(i, j) for i in range(means.shape[0]) for j in range(means.shape[1])]

    def said(i: int, j: int) -> str:
        value = "–" if not math.isfinite(means[i, j]) else number(float(means[i, j]), 4)
        error = f" ± {number(float(errors[i, j]), 2)}" if math.isfinite(errors[i, j]) else ""
        return f"{names[0]} {first[i]}, {names[1]} {second[j]}<br>{value}{error}"

    return scatter(
        x=[i for i, _j in places], y=[j for _i, j in places], mode="markers", showlegend=False,
        marker={"symbol": "square", "size": 26, "color": rgba(look.text, 0.0), "line": {"width": 0}},
        selected={"marker": {"color": rgba(look.text, 0.35), "opacity": 1}}, unselected={"marker": {"opacity": 0}},
        customdata=[_point(run, i, j, third) for i, j in places], text=[said(i, j) for i, j in places],
        hovertemplate="%{text}<extra></extra>")


def _point(run: Any, i: int, j: int, third: int) -> int:
    """The number of a combination among the sweep's points."""
    shape = run.spec.shape
    return int(np.ravel_multi_index((i, j, third)[:len(shape)], shape))


def _ticked(look: Look, setting: str, values: tuple[Any, ...]) -> dict[str, Any]:
    """An axis on which the values stand side by side, whatever they are."""
    said = labels(values)
    kept = range(0, len(values), max(1, math.ceil(len(values) / 16)))
    return axis(look, setting_title(setting), tickvals=list(kept), ticktext=[said[k] for k in kept],
                range=[-0.5, len(values) - 0.5])
