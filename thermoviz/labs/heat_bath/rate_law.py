"""The lr/B law: learning rates and batch sizes of equal ratio train alike at equal lr x steps, until they do not."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.dynamics.simulation import simulate
from ...core.errors import BadInput, TooFewSamples
from ...core.learning.networks import NetworkLoss
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate, rare, ratio_of_means
from .results import RateLaw
from .specification import HeatBath

# Factors by which learning rate and batch size are multiplied together.
FACTORS = (1, 2, 4, 8, 16, 32)
# The base is so many times slower than the experiment's own learning rate and batch; it takes this share of its steps.
SLOWER, SHARE = 8, 3
# The loss is averaged over the last part of the common time, from so many looks in all.
LAST, LOOKS = 0.25, 160
CURVE_POINTS = 60


class Course(NamedTuple):
    """Losses of all copies [looks, n] at lr x steps `time` [looks], and which copies stayed finite [n]."""

    time: np.ndarray
    losses: np.ndarray
    finite: np.ndarray


def rate_law(
    spec: HeatBath, loss: NetworkLoss, start: np.ndarray, least: float, report: Callable[[float], Any]
) -> RateLaw:
    """Training from `start` at lr k, B k (and at lr k, B: the control), k in FACTORS.

    Excess: mean train loss above `least`, the loss of the minimum, over the last quarter of the common time, with its
    error between copies; copies may end in unlike valleys. It breaks at the first lr at which the excess over that of
    k = 1 is off 1 by `rare` errors.
    """
    base = max(1, spec.batch_size // SLOWER)
    lr = spec.lr * base / spec.batch_size
    factors = np.array([k for k in FACTORS if base * k <= loss.n_samples])
    steps, copies = max(spec.steps // SHARE, 2 * factors[-1]), spec.replicas
    at = np.geomspace(1, steps, CURVE_POINTS) * lr
    shape = (2, len(factors))
    mean, curves = np.full((*shape, copies), np.nan), np.full((*shape, CURVE_POINTS), np.nan)
    sizes = np.array([base * factors, np.full(len(factors), base)])
    lost = {}
    for k, factor in enumerate(factors):
        for row, course in enumerate(_train(spec, loss, start, lr * factor, sizes[:, k], steps // factor, copies)):
            late = course.time >= (1 - LAST) * course.time[-1]
            mean[row, k] = course.losses[late].mean(axis=0) - least
            curves[row, k] = _curve(course, at)
            lost[f"lr {lr * factor:.3g}, batch {sizes[row, k]}"] = int((~course.finite).sum())
        report((k + 1) / len(factors))
    excess = [_mean(each) for each in mean.reshape(-1, copies)]
    return RateLaw(
        factors, np.tile(lr * factors, (2, 1)), sizes, np.array(excess, float).reshape(shape),
        np.array([one.stderr for one in excess]).reshape(shape), at, curves,
        _breaks_at(mean[0], lr * factors, rare(copies)), {name: n for name, n in lost.items() if n})


def _train(spec: HeatBath, loss: NetworkLoss, start: np.ndarray, lr: float, sizes: np.ndarray, steps: int,
           copies: int) -> list[Course]:
    """Copies of `start` [d] at one rate, as many for each batch size: one Course per size."""
    seen: list[tuple[int, np.ndarray]] = []
    path = simulate(
        loss, SGD(lr), np.tile(start, (copies * len(sizes), 1)), steps, record_every=steps,
        seed=int(rng(spec.seed, f"rate {lr!r}").integers(2**32)), batch_size=np.repeat(sizes, copies).tolist(),
        observe=lambda step, before, after: seen.append((step, loss(before))), observe_every=max(1, steps // LOOKS))
    time, losses = lr * np.array([step for step, _ in seen]), np.array([values for _, values in seen])
    return [Course(time, losses[:, rows], path.finite[rows])
            for rows in np.arange(copies * len(sizes)).reshape(len(sizes), copies)]


def _curve(course: Course, at: np.ndarray) -> np.ndarray:
    """Median loss at the times `at`; NaN before the first look after the start, where there is no curve."""
    inside = (at >= course.time[min(1, len(course.time) - 1)]) & (at <= course.time[-1])
    middle = np.median(course.losses, axis=1)
    return np.where(inside, np.interp(at, course.time, middle), np.nan)


def _mean(values: np.ndarray) -> Estimate:
    """Over the finite replicas; NaN where they are too few or some have diverged."""
    if not np.isfinite(values).all() or len(values) < 4:
        return Estimate(float(np.mean(values)), math.nan)
    return Estimate(values.mean(), values.std(ddof=1) / math.sqrt(len(values)))


def _breaks_at(excess: np.ndarray, rates: np.ndarray, far: float) -> float | None:
    """The first of the rates whose excess losses [factors, copies] are not those of the slowest."""
    for k in range(1, len(rates)):
        try:
            ratio = ratio_of_means(excess[k], excess[0])
        except TooFewSamples:
            return None
        except BadInput:  # some have diverged
            return float(rates[k])
        if abs(ratio - 1) > far * ratio.stderr:
            return float(rates[k])
    return None
