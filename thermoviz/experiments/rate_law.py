"""The lr/B law: learning rates and batch sizes of equal ratio train alike at equal lr x steps, until they do not."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.dynamics import SGD, simulate
from ..core.errors import TooFewSamples
from ..core.estimators import Estimate, ratio_of_means
from ..core.networks import NetworkLoss

if TYPE_CHECKING:
    from .heat_bath import HeatBath

# Factors by which learning rate and batch size are multiplied together; the pair that the verdict is about.
FACTORS = (1, 2, 4, 8, 16, 32)
JUDGED = 2
# The base is so many times slower than the experiment's own learning rate and batch; it takes this share of its steps.
SLOWER, SHARE = 8, 3
# The loss is averaged over the last part of the common time.
LAST = 0.25
OBSERVE = 5
CURVE_POINTS = 60


class _Losses:
    """The losses of all replicas at every observed step; an `observe` for `simulate`."""

    def __init__(self, loss: NetworkLoss) -> None:
        self.loss, self.steps, self.rows = loss, [], []  # type: ignore[var-annotated]

    def __call__(self, step: int, before: np.ndarray, after: np.ndarray) -> None:
        self.steps.append(step)
        self.rows.append(self.loss(before))


def rate_law(
    spec: "HeatBath", loss: NetworkLoss, start: np.ndarray, least: float, report: Callable[[float], Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays `law_...` and numbers of training from `start` at lr k, B k (and at lr k, B: the control), k in FACTORS.

    Excess: mean train loss above `least`, the loss of the minimum, over the last quarter of the common time, with its
    error between replicas. Numbers: `ratio`, `control` (excess over that of k = 1, for k = FACTORS[JUDGED]), `largest`
    (that ratio at the largest k), `breaks_at` (the first lr at which it is off by 3 errors, or None), `diverged`.
    """
    base = max(1, spec.batch_size // SLOWER)
    lr = spec.lr * base / spec.batch_size
    factors = np.array([k for k in FACTORS if base * k <= loss.n_samples])
    rates = np.concatenate([lr * factors, lr * factors])
    sizes = np.concatenate([base * factors, np.full(len(factors), base)])
    steps = max(spec.steps // SHARE, 2 * factors[-1])
    group = np.repeat(np.arange(len(rates)), spec.replicas)
    watch = _Losses(loss)
    path = simulate(loss, SGD(tuple(rates[group].tolist())), np.tile(start, (len(group), 1)), steps, seed=spec.seed,
                    record_every=steps, batch_size=sizes[group].tolist(), progress=report, observe=watch,
                    observe_every=OBSERVE)
    time = np.array(watch.steps)
    losses = np.array(watch.rows)
    mean = np.full((len(group),), np.nan)
    curves = np.full((len(rates), CURVE_POINTS), np.nan)
    at = np.geomspace(1, steps, CURVE_POINTS) * lr
    for k, rate in enumerate(rates):
        own = time * rate
        late = (own >= (1 - LAST) * steps * lr) & (own <= steps * lr)
        rows = np.flatnonzero(group == k)
        mean[rows] = losses[np.ix_(late, rows)].mean(axis=0) - least if late.any() else np.nan
        middle = np.median(losses[:, rows], axis=1)
        inside = (at >= own[min(1, len(own) - 1)]) & (at <= own[-1])  # before its first look there is no curve
        curves[k, inside] = np.interp(at[inside], own, middle)
    excess = [_mean(mean[group == k]) for k in range(len(rates))]
    shape = (2, len(factors))
    arrays = {
        "law_k": factors, "law_lr": rates.reshape(shape), "law_B": sizes.reshape(shape),
        "law_excess": np.array([one.value for one in excess]).reshape(shape),
        "law_error": np.array([one.stderr for one in excess]).reshape(shape),
        "law_curve_time": at, "law_curve": curves.reshape(*shape, CURVE_POINTS)}
    lost = {f"lr {rates[k]:.3g}, batch {sizes[k]}": int((~path.finite[group == k]).sum()) for k in range(len(rates))}
    return arrays, {**_ratios(mean, group, len(factors), rates),
                    "diverged": {name: n for name, n in lost.items() if n}}


def _mean(values: np.ndarray) -> Estimate:
    """Over the finite replicas; NaN where they are too few or some have diverged."""
    if not np.isfinite(values).all() or len(values) < 4:
        return Estimate(float(np.mean(values)), math.nan)
    return Estimate(values.mean(), values.std(ddof=1) / math.sqrt(len(values)))


def _ratios(mean: np.ndarray, group: np.ndarray, factors: int, rates: np.ndarray) -> dict[str, Any]:
    def over_base(k: int) -> Estimate:
        parts = mean[group == k], mean[group == 0]
        if not all(np.isfinite(part).all() for part in parts):
            return Estimate(math.nan, math.nan)
        try:
            return ratio_of_means(*parts)
        except TooFewSamples:
            return Estimate(math.nan, math.nan)

    pairs = [over_base(k) for k in range(1, factors)]
    judged = min(JUDGED, factors - 1)
    off = [k + 1 for k, ratio in enumerate(pairs) if not abs(ratio - 1) <= 3 * ratio.stderr]
    ratio, control = over_base(judged), over_base(factors + judged)
    return {"ratio": [ratio.value, ratio.stderr], "control": control.value, "judged": judged,
            "ratios": [[one.value, one.stderr] for one in pairs],
            "breaks_at": float(rates[off[0]]) if off else None}
