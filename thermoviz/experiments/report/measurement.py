"""How a report is measured: step by step, each leaving typed results or the key of the reason why it cannot.

Everything is of the samples given: errors are those of random probes, of residuals and of rounding, not of having
other samples.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import BadInput
from ...core.fluctuations.gradient_noise import batch_factor, noise_temperature, ratios
from ...core.spectra.lanczos import Pairs, broadened, leading, quadrature
from ...core.spectra.traces import Traces, of_matrices, probed
from ...core.statistics.estimators import Estimate, ratio_of_means
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.results import Pair
from ...runs.run import Run
from ..own.trajectories import Snapshots
from .results import Balance, Density, Edge, Here, Leading, Line, Sums
from .samples import Point, Sampled
from .specification import ModelReport

EXACT = 1000  # parameters up to which the whole Hessian is computed
RUNS = 8  # of Lanczos, for the density
GRID = 301  # values at which it is drawn, over all eigenvalues and over those beside the leading ones
ROUNDING = 16  # of the last digit, in sums of many numbers
ZERO = 100  # of the last digit of the largest eigenvalue, or of single samples' |g|: what is smaller is zero
SHARPNESSES = 12  # snapshots at which the largest eigenvalue is asked
FEWEST = 16  # snapshots in the second half of the path, for the balance
STRETCHES = 8  # of it, whose scatter is the error
LINE = 25  # points along a line, then twice as dense around its highest


class Asked(NamedTuple):
    """All that a report is about: the loss, where the module is, its paths, and the two ends of the line."""

    sampled: Sampled
    theta: np.ndarray
    paths: list[Snapshots]
    ends: tuple[tuple[str, np.ndarray], tuple[str, np.ndarray]] | None
    notes: tuple[str, ...]


class Reasons:
    """Why numbers are missing."""

    def __init__(self) -> None:
        self.by_name: dict[str, str] = {}

    def leave(self, why: str, *names: str) -> None:
        """Leaves these out."""
        self.by_name |= dict.fromkeys(names, why)


def measure(spec: ModelReport, asked: Asked, progress: Progress) -> Run:
    """The run; partial ones after each step."""
    point, reasons = asked.sampled.at(asked.theta), Reasons()
    _refuse_infinite("loss", point.loss)
    _refuse_infinite("gradient", point.gradient)
    eps = float(np.finfo(asked.theta.dtype).eps)

    def told() -> Here:
        notes = [*asked.notes, *(["differences"] if point.by_differences else [])]
        return Here(point.loss, float(np.linalg.norm(point.gradient.astype(np.float64))), spec.d, asked.sampled.n,
                    dict(reasons.by_name), notes)

    def here() -> Here:
        return told()

    def pairs(report: Report) -> Any:
        return _leading(spec, point)

    def eigenvalues(pairs: Any) -> Leading:
        return Leading([Estimate(value, error) for value, error in zip(
            pairs.values[:spec.k], pairs.errors[:spec.k], strict=True)], pairs.matrix is not None)

    def traces(pairs: Any, report: Report) -> Any:
        return _sums(spec, point, asked.sampled.n, pairs, reasons, eps, report)

    def density(pairs: Any) -> Any:
        return _density(spec, point, pairs, eps) if spec.density else None

    def edge(report: Report) -> Any:
        return _edge(spec, asked, reasons, report)

    def balance(report: Report) -> Any:
        return _balance(spec, asked, reasons, report)

    def line(report: Report) -> Any:
        return _line(asked, reasons, report)

    def honesty() -> Here:
        return told()

    path = len(asked.paths[0].theta) if asked.paths else 1
    return Pipeline(spec, progress, (
        Step("loss and gradient", 2, here), Step("eigenvalues", 60, pairs), Step("eigenvalues", 0, eigenvalues),
        Step("traces", 3 * spec.probes, traces), Step("spectral density", RUNS * spec.density, density),
        Step("sharpness along the path", 20 * min(path - 1, SHARPNESSES), edge),
        Step("fluctuations along the path", min(path - 1, spec.snapshots), balance),
        Step("line between solutions", LINE // 4, line), Step("line between solutions", 0, honesty))).run()


def _refuse_infinite(what: str, values: Any) -> None:
    if not np.isfinite(values).all():
        raise BadInput(f"the {what} of loss_fn is not finite at the model's parameters: a report needs a point "
                       "at which it can be differentiated twice.")


class Found(NamedTuple):
    """Leading pairs; where the whole Hessian was computed, it and all its eigenvalues, falling, with their error."""

    values: np.ndarray
    errors: np.ndarray
    vectors: np.ndarray
    matrix: np.ndarray | None


def _leading(spec: ModelReport, point: Point) -> Found:
    eps = float(np.finfo(point.dtype).eps)
    if spec.d <= EXACT:
        H = point.matrix(point.hessian)
        _refuse_infinite("second derivative", H)
        even = (H + H.T) / 2
        values, vectors = np.linalg.eigh(even)
        # Rounding makes products uneven; by Weyl's inequality no eigenvalue is off by more than such a matrix's norm.
        error = float(np.linalg.norm(H - even, 2)) + ROUNDING * eps * float(np.abs(values).max(initial=0.0))
        return Found(values[::-1], np.full(spec.d, error), vectors.T[::-1].astype(point.dtype), even)
    _refuse_infinite("second derivative", point.hessian(point.gradient[None]))
    found = leading(point.hessian, spec.d, spec.k, point.dtype, spec.seed)
    uneven = _unevenness(point, found)
    floor = ROUNDING * eps * float(np.abs(found.values).max())
    return Found(found.values, np.hypot(found.residuals, uneven) + floor, found.vectors, None)


def _unevenness(point: Point, found: Pairs) -> float:
    """How far q_i H q_j and q_j H q_i are apart by rounding."""
    inner = (found.vectors @ point.hessian(found.vectors).T).astype(np.float64)
    return float(np.sqrt(((inner - inner.T) ** 2).mean()))


def _sums(spec: ModelReport, point: Point, n: int | None, pairs: Found, reasons: Reasons, eps: float,
          report: Report) -> Sums:
    noise = _covariance(point, n, reasons)
    if pairs.matrix is not None:
        C = None if noise is None else point.matrix(noise)
        known = of_matrices(pairs.matrix, C)
    else:
        known = probed(point.hessian, noise, pairs.vectors, spec.probes, spec.seed, report)
    rounding = ROUNDING * eps
    size = math.sqrt(max(float(known.known[1] + known.rest[1].mean()), 0.0) * spec.d)  # of sum |h|, at most
    trace = known.estimate(lambda a, *others: a)
    found = {"trace": Estimate(trace.value, math.hypot(trace.stderr, rounding * size))}
    if noise is not None:
        found |= _noise(spec, point, n or 1, known, rounding, reasons)
    return Sums(**found)


def _covariance(point: Point, n: int | None, reasons: Reasons) -> Callable[[np.ndarray], np.ndarray] | None:
    """Products with C; None where there are no samples."""
    names = ("noise_trace", "participation", "alignment", "temperature", "critical_batch_size")
    if n is None:
        reasons.leave("mean_only", *names)
        return None
    if n < 2:
        reasons.leave("one_sample", *names)
        return None
    try:
        point.noise(np.zeros((1, point.d), point.dtype))
    except (RuntimeError, NotImplementedError):
        reasons.leave("not_twice", *names)
        return None
    return point.noise


def _noise(spec: ModelReport, point: Point, n: int, known: Traces, rounding: float,
           reasons: Reasons) -> dict[str, Estimate]:
    square = float(np.dot(point.gradient.astype(np.float64), point.gradient))
    probed = known.estimate(lambda a, aa, c, cc, ac: c)
    strength = probed.value + square
    noise = Estimate(probed.value, math.hypot(probed.stderr, rounding * strength))
    found = {"noise_trace": noise}
    if not noise.value > (rounding * 10) ** 2 * strength or noise.value <= 3 * noise.stderr:
        reasons.leave("no_noise", "participation", "alignment", "temperature", "critical_batch_size")
        return found
    for k, name in enumerate(("participation", "alignment", "alignment_of_chance")):
        found[name] = known.estimate(
            lambda a, aa, c, cc, ac, k=k: float(ratios(spec.d, c, a, cc, aa, ac)[k]), rounding)
    if spec.lr is None or spec.batch_size is None:
        reasons.leave("no_lr" if spec.lr is None else "no_batch_size", "temperature")
    else:
        share = batch_factor(spec.batch_size, "replacement", n)
        per_noise = noise_temperature(spec.lr / (1 - spec.momentum), share, 1.0, spec.d)
        found["temperature"] = Estimate(per_noise * noise.value, per_noise * noise.stderr)
    if square <= (ZERO / ROUNDING * rounding) ** 2 * strength:
        reasons.leave("no_gradient", "critical_batch_size")
    else:
        found["critical_batch_size"] = Estimate(noise.value / square, noise.stderr / square)
    return found


def _density(spec: ModelReport, point: Point, pairs: Found, eps: float) -> Density:
    zero = ZERO * eps * float(np.abs(pairs.values).max(initial=0.0))
    if pairs.matrix is not None:
        k = min(spec.k, spec.d - 1)
        top, nodes = pairs.values[:k], pairs.values[None, k:]
        weights, smallest = np.ones_like(nodes), Estimate(pairs.values[-1], pairs.errors[-1])
    else:
        top = pairs.values
        left = quadrature(point.hessian, spec.d, pairs.vectors, RUNS, spec.density, point.dtype, spec.seed)
        nodes, weights = left.nodes, left.weights
        smallest = Estimate(left.smallest, left.residual + ROUNDING * eps * float(np.abs(top).max()))
    lit = nodes[weights > 0]
    low, high = float(lit.min()), float(lit.max())
    widest = max(float(np.max(top, initial=high)), high)
    width = max((high - low) / max(spec.density, 2), (widest - low) / 1000, zero, 1e-300)
    at = np.unique(np.concatenate([np.linspace(low - 4 * width, high + 4 * width, GRID),
                                   np.linspace(low - 4 * width, widest + 4 * width, GRID)]))
    each = (broadened(at, nodes, weights, width) + broadened(at, top, np.ones(len(top)), width)) / spec.d

    def moment(values: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        parts = ((weights * values(nodes)).sum(axis=1) + values(top).sum()) / spec.d
        scale = float((weights * np.abs(values(nodes))).sum(axis=1).mean() + np.abs(values(top)).sum()) / spec.d
        return Estimate(parts.mean(), math.hypot(_between(parts), ROUNDING * eps * scale))

    return Density(at, Pair(each.mean(axis=0), _between(each)), width, smallest, {
        "mean": moment(lambda h: h), "square": moment(lambda h: h**2),
        "negative": moment(lambda h: np.where(h < -zero, 1.0, 0.0))})


def _between(parts: np.ndarray) -> Any:
    """Standard error of the mean over the first axis; 0 for a single, exact one."""
    return parts.std(axis=0, ddof=1) / math.sqrt(len(parts)) if len(parts) > 1 else np.zeros(parts.shape[1:])


def _edge(spec: ModelReport, asked: Asked, reasons: Reasons, report: Report) -> Edge | None:
    names = ("sharpness", "edge_of_stability")
    if not asked.paths:
        reasons.leave("no_path", *names)
        return None
    path = asked.paths[0]
    chosen = _spread(len(path.theta), min(SHARPNESSES, spec.snapshots))
    found: list[Estimate] = []
    start: np.ndarray | None = None
    for k in chosen:
        point = _at(asked.sampled, path, k)
        pair = leading(point.hessian, spec.d, 1, point.dtype, spec.seed, start)
        start = pair.vectors[0]
        floor = ROUNDING * float(np.finfo(point.dtype).eps) * abs(float(pair.values[0]))
        found.append(Estimate(pair.values[0], pair.residuals[0] + floor))
        report((len(found)) / len(chosen))
    along = Pair(np.array(found, dtype=np.float64), np.array([one.stderr for one in found]))
    if spec.lr is None:
        reasons.leave("no_lr", "edge_of_stability")
        return Edge(path.steps[chosen], along, found[-1])
    limit = (2 + 2 * spec.momentum) / spec.lr
    return Edge(path.steps[chosen], along, found[-1], limit,
                Estimate(found[-1].value / limit, found[-1].stderr / limit))


def _spread(n: int, most: int) -> np.ndarray:
    """At most so many of n, evenly, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _at(sampled: Sampled, path: Snapshots, k: int) -> Point:
    theta = path.theta[k].astype(sampled.loss.theta.dtype)
    return sampled.at(theta, None if path.buffers is None else path.buffers[k])


def _balance(spec: ModelReport, asked: Asked, reasons: Reasons, report: Report) -> Balance | None:
    """<(theta - a) grad f> / ((lr/2) <|g|^2>), S. Yaida, ICLR 2019, (FDR1); <|g|^2> = |grad f|^2 + tr C / B, of batches
    drawn independently. a: the mean over the quarter before the second half.
    """
    why = _no_balance(spec, asked)
    if why is not None or spec.lr is None or spec.batch_size is None:
        reasons.leave(why or "no_lr", "fluctuation_dissipation")
        return None
    path = asked.paths[0]
    half, quarter = len(path.theta) // 2, len(path.theta) // 4
    middle = path.theta[quarter:half].mean(axis=0, dtype=np.float64)
    chosen = half + _spread(len(path.theta) - half, spec.snapshots)
    left, right = np.zeros((2, len(chosen)))
    for row, k in enumerate(chosen):
        point = _at(asked.sampled, path, k)
        slope = point.gradient.astype(np.float64)
        square = float(slope @ slope)
        kick = square + (point.squares(spec.seed + row) - square) / spec.batch_size
        left[row], right[row] = float((path.theta[k] - middle) @ slope), spec.lr / 2 * kick
        report((row + 1) / len(chosen))
    if not right.mean() > 0:
        reasons.leave("no_noise", "fluctuation_dissipation")
        return None
    stretches = np.array_split(np.arange(len(chosen)), STRETCHES)
    ratio = functools.partial(_ratio, left, right)
    each = [ratio(rows) for rows in stretches]
    whole = ratio_of_means([left[rows].mean() for rows in stretches], [right[rows].mean() for rows in stretches])
    return Balance(np.array([path.steps[chosen[rows]].mean() for rows in stretches]),
                   Pair(np.array([one.value for one in each]), np.array([one.stderr for one in each])), whole)


def _no_balance(spec: ModelReport, asked: Asked) -> str | None:
    """Why the two sides cannot be compared."""
    if not asked.paths:
        return "no_path"
    if len(asked.paths[0].theta) - len(asked.paths[0].theta) // 2 < FEWEST:
        return "short_path"
    if asked.sampled.n is None:
        return "mean_only"
    if spec.momentum:
        return "momentum"
    if spec.lr is None:
        return "no_lr"
    return "no_batch_size" if spec.batch_size is None else None


def _ratio(left: np.ndarray, right: np.ndarray, rows: np.ndarray) -> Estimate:
    """Of means over few neighbours in time; the error as if they were independent, so a lower one."""
    mean = right[rows].mean()
    value = left[rows].mean() / mean
    scatter = left[rows] - value * right[rows]
    return Estimate(value, scatter.std(ddof=1) / math.sqrt(len(rows)) / mean if len(rows) > 1 else math.nan)


def _line(asked: Asked, reasons: Reasons, report: Report) -> Line | None:
    if asked.ends is None:
        reasons.leave("one_solution", "line_barrier")
        return None
    (one, start), (other, end) = asked.ends

    def loss(share: float) -> float:
        if share in (0.0, 1.0):
            return asked.sampled.value(end if share else start)
        return asked.sampled.value(((1 - share) * start + share * end).astype(start.dtype))

    at = np.linspace(0, 1, LINE)
    values = np.array([_told(loss(share), report, k / (LINE + 2)) for k, share in enumerate(at)])
    rise = values - ((1 - at) * values[0] + at * values[-1])
    k = int(np.argmax(rise))
    beside = [share for share in (at[k] - 0.5 / (LINE - 1), at[k] + 0.5 / (LINE - 1)) if 0 < share < 1]
    more = np.array([loss(share) for share in beside])
    finer = max(float((more - ((1 - np.array(beside)) * values[0] + np.array(beside) * values[-1])).max()),
                float(rise[k]))
    order = np.argsort([*at, *beside])
    eps = float(np.finfo(start.dtype).eps)
    error = math.hypot(finer - float(rise[k]), ROUNDING * eps * float(np.abs(values).max()))
    return Line(np.array([*at, *beside])[order], np.concatenate([values, more])[order], Estimate(finer, error),
                [one, other])


def _told(value: float, report: Report, share: float) -> float:
    report(share)
    return value
