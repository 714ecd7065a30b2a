"""Figures of the lab "Heat bath": the noise itself, its temperatures, lr/B, fluctuation-dissipation, currents."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ...core.statistics.estimators import Estimate
from ...figures.drawing import Drawing, histogram, scatter
from ...figures.marks import level, line, log_axis, points
from ...figures.paper import axis, lay_out
from ...presentation.looks import Look, rgba
from ...presentation.numbers import number
from ...presentation.words import _
from .results import (
    EPOCHS,
    FRESH,
    ISOTROPIC,
    MOMENTUM,
    SGD,
    SHOWN,
    Courses,
    Currents,
    Dark,
    Kicks,
    Linear,
    Modes,
    Noise,
    RateLaw,
    Slice,
    Thermometers,
)
from .words import condition

# Bins of the histogram of single samples' noise.
BINS = 41
# Below this share of the largest value an eigenvalue is rounding and is not drawn.
ROUNDING = 1e-9
# A mode colder than this share of the mean is drawn on the floor of the chart.
FLOOR = 1e-3


def answer(run: Any) -> str:
    """Whether data are a heat bath, with the two numbers that decide."""
    first = _("Every minibatch pushes the network a little to the side, as water molecules push a pollen grain.")
    T, one = _temperature(run), next((v for v in run.verdicts if v.key == "one_temperature"), None)
    if T is None:
        return first
    if one is None or one.holds is None:
        return f'{first} {_("Here the push is as strong as heat of T = {T}.").format(T=T)}'
    if one.holds:
        return _("Yes: minibatches shake this network as if by heat of T = {T}, nearly the same in every direction."
                 ).format(T=T)
    return _("Yes, but one without a single temperature: minibatches shake this network as if by heat of T = {T}, and "
             "from direction to direction that differs by {spread} times as much.").format(
        T=T, spread=number(one.measured, 2))


def try_this(run: Any) -> str:
    """Four times smaller batches, and the T that comes of it."""
    B = run.spec.batch_size
    if B < 4 or _temperature(run) is None:
        return _("open “Experiment” and make the batches larger: T falls as they grow.")
    return _("open “Experiment” and set the batch size to {B}: T rises from {T} to {hot}, the cloud gets wider, and "
             "stiff and soft directions still disagree.").format(
        B=B // 4, T=_temperature(run), hot=number(Noise.expect(run).T * B / (B // 4), 2))


def _temperature(run: Any) -> str | None:
    noise = Noise.read(run)
    return number(noise.T, 2) if noise is not None and noise.T else None


def spectrum(run: Any, look: Look, height: int = 380) -> go.Figure:
    """Eigenvalues of the gradient covariance C at three points of training, and of the Hessian at the minimum."""
    noise, dark = Noise.expect(run), Dark.expect(run)
    values, h = noise.eigenvalues, noise.curvatures[-1]
    figure = Drawing()
    for k, (row, title) in enumerate(zip(values, _moments(noise), strict=True)):
        kept = row > ROUNDING * row[0]
        figure.add_trace(points(np.flatnonzero(kept) + 1, row[kept], None, title, look, x_name=_("direction"),
                                colour=rgba(look.heat, 0.35 + 0.325 * k), size=0.7 + 0.15 * k))
    copied = np.zeros(1) if dark.copied_noise is None else dark.copied_noise
    seen = copied > ROUNDING * copied[0]
    if seen.any():
        figure.add_trace(points(
            np.flatnonzero(seen) + 1, copied[seen], None, _("if half of the units were copies"), look,
            x_name=_("direction"), colour=look.dim, symbol="diamond-open", size=0.9))
    kept = h > ROUNDING * h[0]
    figure.add_trace(line(np.flatnonzero(kept) + 1, h[kept], _("curvature at the minimum"), look.theory, look,
                          x_name=_("direction"), dash="dot"))
    return lay_out(figure, look, title=_("Noise, direction by direction"), height=height,
                   xaxis=axis(look, _("directions, noisiest first"), showgrid=False),
                   yaxis=log_axis(look, np.concatenate([values[values > ROUNDING * values.max()], h[kept]]),
                                  _("eigenvalue, logarithmic"), showgrid=True, nticks=7, dtick=2, tickformat=""))


def _moments(noise: Noise) -> list[str]:
    places = (_("noise at the start"), _("noise half-way down"), _("noise at the minimum"))
    return [f"{place}, E = {number(float(loss))}" for place, loss in zip(places, noise.losses, strict=True)]


def spectrum_sentence(run: Any) -> str:
    """In how many directions the noise lives, how far it follows the curvature, and where there is none."""
    noise = Noise.expect(run)
    place, d = noise.places[-1], noise.d
    if math.isnan(place.participation):
        return _("At the minimum every sample is fitted: there is no noise left.")
    told = _("At the minimum the noise lives in {n} of {d} directions in effect (participation ratio (tr C)²/tr C²), "
             "and follows the curvature: alignment {a}, where chance would give {c}.").format(
        n=_with_error(place.participation), d=f"{d:,}", a=_with_error(place.alignment), c=number(place.chance, 2))
    return f"{told} {_dark_sentence(Dark.expect(run))}".rstrip()


def _dark_sentence(dark: Dark) -> str:
    if dark.counted is None:
        return ""
    told = _("In {n} directions no sample pushes at all; temperatures are means over the others.").format(
        n=dark.counted)
    return told if dark.copied is None else told + " " + _(
        "Were half of the hidden units copies of the others, {n} would be dark.").format(n=dark.copied)


def _with_error(found: Estimate) -> str:
    return f"{number(found, 2)} ± {number(found.stderr, 1)}" if found.stderr else number(found, 2)


def shape(run: Any, look: Look, height: int = 380) -> go.Figure:
    """Single samples' noise along its leading direction, as a density beside the Gaussian of equal spread."""
    z = Kicks.expect(run).z
    edge = float(max(np.abs(z).max(), 3.5))
    x = np.linspace(-edge, edge, 241)
    figure = Drawing(histogram(
        x=z, histnorm="probability density", xbins={"start": -edge, "end": edge, "size": 2 * edge / BINS},
        name=_("single samples"), marker={"color": rgba(look.heat, 0.65)},
        hovertemplate=_("%{x:.2f} deviations") + "<br><b>%{y:.3g}</b><extra></extra>"))
    figure.add_trace(line(x, np.exp(-x**2 / 2) / np.sqrt(2 * np.pi), _("Gaussian"), look.theory, look,
                          x_name=_("deviations")))
    return lay_out(figure, look, title=_("Along the noisiest direction"), height=height, bargap=0.04,
                   xaxis=axis(look, _("push of a sample, in standard deviations"), showgrid=False),
                   yaxis=axis(look, _("density"), nticks=5))


def shape_sentence(run: Any) -> str:
    """How far from Gaussian one sample is, and the mean over a batch."""
    found = Kicks.expect(run)
    if math.isnan(found.kurtosis) or math.isnan(found.kicks):
        return _("There is no noise at this minimum.")
    return _("Excess kurtosis {k} for one sample, 0 for a Gaussian. Kicks of a batch of {B} should have {B} times less "
             "of it; batches drawn at random have {m} ± {e}.").format(
        k=number(found.kurtosis, 2), B=run.spec.batch_size, m=number(found.kicks, 2), e=number(found.kicks.stderr, 1))


def ratios(run: Any, look: Look, height: int = 400) -> go.Figure:
    """FDR1 over growing times, with the error between copies; 1 where the relation holds."""
    found = Courses.expect(run)
    figure = Drawing()
    colours = {SGD: look.heat, FRESH: look.optimisers[1], MOMENTUM: look.optimisers[2], EPOCHS: look.dim,
               ISOTROPIC: look.text}
    for name, colour in colours.items():
        k = found.row(name)
        known = np.isfinite(found.ratios.value[k])
        steps, ratio, error = found.steps[known], found.ratios.value[k][known], found.ratios.stderr[k][known]
        figure.add_trace(scatter(
            x=np.concatenate([steps, steps[::-1]]), y=np.concatenate([ratio - error, (ratio + error)[::-1]]),
            mode="lines", fill="toself", fillcolor=rgba(colour, 0.16), line={"width": 0}, hoverinfo="skip",
            showlegend=False))
        figure.add_trace(line(steps, ratio, condition(name), colour, look, "%{y:.3f}", x_name=_("step")))
    same = found.identities[found.row(SGD)]
    figure.add_trace(line(found.steps, same, _("same batch on both sides: an identity"), rgba(look.heat, 0.6), look,
                          "%{y:.3f}", dash="dot", x_name=_("step"), width=0.7))
    level(figure, look, 1.0, _("1: the relation holds"), right=True, shift=8)
    return lay_out(figure, look, title=_("What noise adds, descent takes away"), height=height,
                   xaxis=axis(look, _("steps"), showgrid=False, nticks=6, tickformat=","),
                   yaxis=axis(look, _("left side over right side"), nticks=6, range=_around(found.ratios.value)))


def _around(ratios: np.ndarray) -> list[float]:
    """From a little below the lowest ratio to a little above 1; the first, noisiest times may leave the window."""
    known = ratios[np.isfinite(ratios)]
    if not known.size:
        return [0.0, 1.3]
    low, high = np.quantile(known, [0.02, 0.98])
    return [min(0.9, float(low) - 0.08), max(1.12, min(float(high) + 0.06, 1.6))]


def ratios_sentence(run: Any) -> str:
    """How long the copies took to settle, and what each condition ended with."""
    found = Courses.expect(run)
    if not found.settled:
        return _("The copies had too few steps to settle: the softest direction has not forgotten the start, so that "
                 "nothing is claimed. More steps, more weight decay or a larger rate help.")
    return _("The first {n} steps, in which the softest direction forgets the start, are not counted. Bands: standard "
             "errors between {R} copies. Full batches make no noise, and are absent: there is nothing to tell."
             ).format(n=f"{found.burn_in:,}", R=run.spec.replicas)


def modes(run: Any, look: Look, height: int = 400) -> go.Figure:
    """<y dE/dy> of every direction of the Hessian against its curvature: one temperature would be one height."""
    found, T = Modes.expect(run), Noise.expect(run).T
    h, lit, kept = found.h, found.lit.astype(bool), found.kept.astype(bool)
    floor = FLOOR * T
    figure = Drawing()
    known = lit & np.isfinite(found.theory)
    figure.add_trace(points(h[known], np.maximum(found.theory[known], floor), None, _("exact law"), look,
                            colour=look.theory, symbol="circle-open", x_name="h", size=1.6))
    for k, (name, colour) in enumerate(zip(map(condition, SHOWN), (look.heat, look.dim), strict=True)):
        values = found.T.value[k]
        seen = kept & np.isfinite(values)
        figure.add_trace(points(h[seen], np.maximum(values[seen], floor), found.T.stderr[k][seen], name, look,
                                colour=colour, x_name="h", size=0.85))
    if not lit.all():
        figure.add_trace(points(h[~lit], np.full((~lit).sum(), floor), None, _("no sample pushes here"), look,
                                colour=rgba(look.heat, 0.5), symbol="x-thin-open", x_name="h", size=1.1))
    level(figure, look, T, _("T from the strength of the noise"), right=True)
    return lay_out(figure, look, title=_("A temperature for every direction"), height=height,
                   xaxis=log_axis(look, h, _("curvature h of the direction, logarithmic")),
                   yaxis=log_axis(look, np.maximum([T, *found.T.value.ravel()], floor), _("⟨y ∂E/∂y⟩, logarithmic"),
                                  showgrid=True, tickformat=""))


def modes_sentence(run: Any) -> str:
    """How uneven the heat is."""
    modes = Modes.expect(run)
    found, equal = modes.spread[SGD], modes.spread[ISOTROPIC]
    if math.isnan(found) or math.isnan(equal):
        return _("Too few copies to tell.")
    step = 0.0 if math.isnan(modes.spread_step) else modes.spread_step
    return _("Minibatches heat stiff directions and leave soft ones cold: where samples push at all, the heat differs "
             "by {a} times its mean from direction to direction. Under isotropic heat by {b}, of which the finite step "
             "makes {c}.").format(a=number(found, 2), b=number(equal, 2), c=number(step, 2))


def thermometers(run: Any, look: Look, height: int = 400) -> go.Figure:
    """Readings of four thermometers, for SGD, for isotropic heat of equal strength, and of the exact law."""
    found = Thermometers.expect(run)
    readings, errors = found.readings
    titles = [_("strength of the noise"), _("mean over directions"), _("slope² over curvature"),
              _("energy per entropy")]
    figure = Drawing()
    for k, (colour, symbol) in enumerate(((look.heat, "circle"), (look.dim, "diamond"))):
        name, known = condition(SHOWN[k]), np.isfinite(readings[k])
        error = {"type": "data", "array": errors[k][known], "color": rgba(colour, 0.8), "width": 0}
        figure.add_trace(scatter(
            x=readings[k][known], y=[title for title, there in zip(titles, known, strict=True) if there],
            mode="markers", name=name, error_x=error,
            marker={"color": colour, "size": 5 * look.stroke, "symbol": symbol},
            hovertemplate=f"{name}<br>%{{y}}<br>T <b>%{{x:.3g}}</b> ± %{{error_x.array:.2g}}<extra></extra>"))
    expected = found.theory
    told = np.flatnonzero(np.isfinite(expected))
    figure.add_trace(scatter(
        x=expected[told], y=[titles[k] for k in told], mode="markers", name=_("SGD, exact law"),
        marker={"color": look.theory, "size": 8 * look.stroke, "symbol": "circle-open"},
        hovertemplate=_("exact law") + "<br>%{y}<br>T <b>%{x:.3g}</b><extra></extra>"))
    return lay_out(figure, look, title=_("Four thermometers in one bath"), height=height,
                   xaxis=log_axis(look, np.append(readings.ravel(), expected), _("temperature, logarithmic"),
                                  showgrid=True, dtick="D2"),
                   yaxis=axis(look, "", showgrid=True, categoryorder="array", categoryarray=titles[::-1]))


def thermometers_sentence(run: Any) -> str:
    """What each thermometer measures."""
    return _("All over the {n} directions that samples push in: T = lr tr C/(2 B {n}) from the noise alone; the mean "
             "of ⟨y ∂E/∂y⟩; ⟨|∇E|²⟩/⟨tr H⟩, which looks at stiff directions; energy gained over entropy gained "
             "between half and twice the rate. In equilibrium all would read the same. They average the same "
             "directions in different ways: this shows what unequal heat does to a thermometer, and is no proof of "
             "its own.").format(
        n=int(Modes.expect(run).lit.sum()))


def rate_law(run: Any, look: Look, height: int = 400) -> go.Figure:
    """Excess loss of pairs with equal lr/B against the learning rate, and of rates at one batch size."""
    found = RateLaw.expect(run)
    figure = Drawing()
    names = (_("equal lr/B: batch grows with the rate"), _("batch stays the same"))
    for k, (name, colour) in enumerate(zip(names, (look.heat, look.dim), strict=True)):
        seen = np.isfinite(found.excess[k]) & (found.excess[k] > 0)
        figure.add_trace(points(found.lr[k][seen], found.excess[k][seen], found.excess_error[k][seen], name, look,
                                colour=colour, x_name="lr", customdata=found.B[k][seen]))
    base = float(found.excess[0, 0])
    if np.isfinite(base) and base > 0:
        figure.add_trace(line(found.lr[0][[0, -1]], [base, base], _("if only lr/B counts"), look.theory, look,
                              x_name="lr"))
        figure.add_trace(line(found.lr[1], base * found.factors, _("∝ lr"), rgba(look.theory, 0.5), look, dash="dot",
                              x_name="lr"))
    return lay_out(figure, look, title=_("Loss at equal lr × steps"), height=height,
                   xaxis=log_axis(look, found.lr, _("learning rate, logarithmic"), dtick="D2"),
                   yaxis=log_axis(look, found.excess, _("loss above the minimum, logarithmic"), showgrid=True,
                                  dtick="D2"))


def rate_law_sentence(run: Any) -> str:
    """Where the law breaks, and who diverged."""
    law = RateLaw.expect(run)
    lost = "; ".join(_("{n} diverged at {name}").format(n=n, name=name) for name, n in law.diverged.items())
    broken = _("No break is seen up to the largest rate.") if law.breaks_at is None else _(
        "The law is first off at a rate of {lr}.").format(lr=number(law.breaks_at, 2))
    return " ".join(part for part in (_(
        "Four times the rate with four times the batch is the same heat, and takes a quarter of the steps."), broken,
        f"{lost}." if lost else "") if part)


def rate_curves(run: Any, look: Look, height: int = 400) -> go.Figure:
    """Median loss of the pairs with equal lr/B against lr x steps: one curve, where the law holds."""
    found = RateLaw.expect(run)
    figure = Drawing()
    n = len(found.factors)
    for k in range(n):
        name = _("lr {lr}, batch {B}").format(lr=number(float(found.lr[0, k]), 2), B=int(found.B[0, k]))
        figure.add_trace(line(found.time, found.curves[0, k], name, rgba(look.heat, 0.3 + 0.7 * k / n), look,
                              x_name=_("lr × steps"), width=0.6 + 0.6 * k / n))
    level(figure, look, Noise.expect(run).loss, _("the minimum"))
    return lay_out(figure, look, title=_("Training in its own time"), height=height,
                   xaxis=log_axis(look, found.time, _("learning rate × steps, logarithmic")),
                   yaxis=axis(look, _("median train loss"), nticks=6))


def rate_curves_sentence(run: Any) -> str:
    """What the curves share."""
    return _("All start from the same random network. Plotted against learning rate × steps they are one curve, though "
             "the quickest takes {k} times fewer steps than the slowest.").format(
        k=int(RateLaw.expect(run).factors[-1]))


def turning(run: Any, look: Look, height: int = 400) -> go.Figure:
    """Stochastic area of every pair of leading directions: measured against theory."""
    found, T = Currents.expect(run), Noise.expect(run).T
    known = np.isfinite(found.theory)
    theory = found.theory[known] / T
    figure = Drawing()
    if theory.size:
        reach = 1.1 * np.abs(theory).max() or 1.0
        figure.add_trace(line([-reach, reach], [-reach, reach], _("as theory says"), look.theory, look,
                              x_name=_("theory")))
    for row, colour in ((1, look.dim), (0, look.heat)):  # SGD in front
        figure.add_trace(points(theory, found.area.value[row][known] / T, found.area.stderr[row][known] / T,
                                condition(SHOWN[row]), look, colour=colour, x_name=_("theory"), size=0.85))
    return lay_out(figure, look, title=_("Does the cloud turn?"), height=height,
                   xaxis=axis(look, _("area per time, computed, in T"), nticks=5),
                   yaxis=axis(look, _("area per time, measured, in T"), nticks=6))


def turning_sentence(run: Any) -> str:
    """What a point is."""
    i, j = Slice.expect(run).modes
    return _("Each point is one pair of the stiffest directions. In equilibrium every area is 0: a film of the cloud "
             "could run backwards and nobody would notice. The slice above shows directions {i} and {j}, which turn "
             "most. Computed: at this learning rate, every sample's loss a parabola.").format(i=i + 1, j=j + 1)


def linear(run: Any, look: Look, height: int = 400) -> go.Figure:
    """Entries of the stationary covariances of linear regression: measured against two theories."""
    found = Linear.expect(run)
    measured, error = found.covariances
    figure = Drawing()
    reach = [float(min(found.exact.min(), 0)) - 0.05, float(found.exact.max()) + 0.1]
    figure.add_trace(line(reach, reach, _("measured = computed"), look.theory, look, x_name=_("computed")))
    figure.add_trace(points(found.additive, measured, None, _("noise that is the same everywhere"), look,
                            colour=look.dim, symbol="x-thin-open", x_name=_("computed"), size=0.9))
    figure.add_trace(points(found.exact, measured, error, _("exact"), look, x_name=_("computed"),
                            size=0.85))
    return lay_out(figure, look, title=_("Linear regression: where all is known"), height=height,
                   xaxis=axis(look, _("covariance, computed"), nticks=6),
                   yaxis=axis(look, _("covariance, measured"), nticks=6))


def linear_sentence(run: Any) -> str:
    """How well the instrument does where the answer is known."""
    linear = Linear.expect(run)
    if math.isnan(linear.away):
        return _("Too few copies to state errors.")
    return _("{n} entries of three covariances, in units of their diagonals: {away} standard errors from the exact law "
             "on average, {additive} from the usual theory with noise that does not depend on the place.").format(
        n=linear.entries, away=number(linear.away, 2), additive=number(linear.away_additive, 2))
