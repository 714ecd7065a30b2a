"""The learning rate as a knob of heat: turned up and down again in stairs, while the loss is watched."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.dynamics.simulation import simulate
from ...core.errors import BadInput
from ...core.fluctuations.chain import LinearChain, Moments
from ...core.seeds import rng
from ...core.statistics.estimators import FEWEST, Estimate, independent_mean
from ...runs.results import Pair
from .results import NOTHING, Loops

# Learning rates of the loop, in units of the run's own: from the coldest to the hottest, in so many stairs.
COLDEST, HOTTEST, STAIRS = 0.1, 1.5, 9
# Steps on each stair as shares of the run, quickest loop first.
HOLDS = (0.0015, 0.0075, 0.03)
# Looks at the loss in the second half of each stair.
LOOKS = 10


def rates(lr: float) -> np.ndarray:
    """Learning rates [2 STAIRS - 1] of a loop: up and down again, each half in equal ratios."""
    up = np.geomspace(COLDEST, HOTTEST, STAIRS) * lr
    return np.concatenate([up, up[-2::-1]])


def holds(steps: int) -> list[int]:
    """Steps on each stair of the loops that belong to a run of `steps`."""
    return [max(2, round(share * steps)) for share in HOLDS]


def loops(
    loss: Any, x0: np.ndarray, lr: float, momentum: float, batch_size: int, steps: int, seed: int,
    report: Callable[[float], Any], expected: np.ndarray | None = None,
) -> Loops:
    """Loops of all speeds, each from x0 [m, d]: mean losses and areas (see `area`).

    Where mean losses [v, s] are expected also how much of their gap is seen (see `lag`). Replicas that diverge on the
    way are left out and counted.
    """
    x0 = x0[np.isfinite(x0).all(axis=1)]
    stairs, lengths = rates(lr), holds(steps)
    seeds = rng(seed, "stairs").integers(0, 2**32, size=(len(HOLDS), len(stairs)))
    losses = [_walk(loss, x0, stairs, hold, momentum, batch_size, seeds[k], _part(report, lengths, k))
              for k, hold in enumerate(lengths)] if len(x0) else [np.empty((len(stairs), 0))] * len(HOLDS)
    finite = [np.isfinite(walk).all(axis=0) for walk in losses]
    means = [[_mean(stair) for stair in walk[:, good]] for walk, good in zip(losses, finite, strict=True)]
    areas = [_mean(area(stairs, walk[:, good])) for walk, good in zip(losses, finite, strict=True)]
    lags = [] if expected is None else [
        _mean(lag(walk[:, good], law)) for walk, good, law in zip(losses, finite, expected, strict=True)]
    return Loops(
        stairs, np.array(lengths), Pair(*(np.array([[getattr(one, part) for one in row] for row in means])
                                          for part in ("value", "stderr"))), _pair(areas),
        np.array([int((~good).sum()) for good in finite]), np.array([int(np.all(finite, axis=0).sum())]),
        _pair(lags) if lags else None, expected)


def _pair(estimates: list[Estimate]) -> Pair:
    return Pair(np.array([one.value for one in estimates]), np.array([one.stderr for one in estimates]))


def area(stairs: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Signed area [...] between both ways of a loop, losses [s, ...]: mean over ln lr of the loss on the way up minus
    that on the way down, in units of the loss. Above 0: the loop has left something behind that was worse."""
    gap = _gap(losses)
    logs = np.log(stairs[:len(gap)])
    return np.trapezoid(gap, logs, axis=0) / (logs[-1] - logs[0])


def lag(losses: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How much of the expected gap between both ways each loop shows [m]: losses [s, m] against mean losses [s].

    Their projection on one another, stair by stair: 1 on average where `expected` is right, 0 where both ways agree.
    """
    law = _gap(expected)
    return law @ _gap(losses) / float(law @ law)


def _gap(losses: np.ndarray) -> np.ndarray:
    """The way up minus the way down at the same rate, [s, ...] -> [(s + 1) / 2, ...]."""
    half = len(losses) // 2 + 1
    return losses[:half] - losses[:half - 2:-1]


def _mean(values: np.ndarray) -> Estimate:
    return independent_mean(values) if len(values) >= FEWEST else NOTHING


def _part(report: Callable[[float], Any], lengths: list[int], k: int) -> Callable[[float], Any]:
    before, whole = sum(lengths[:k]), sum(lengths)
    return lambda fraction: report((before + lengths[k] * fraction) / whole)


def _walk(loss: Any, x: np.ndarray, stairs: np.ndarray, hold: int, momentum: float, batch_size: int,
          seeds: np.ndarray, report: Callable[[float], Any]) -> np.ndarray:
    """Mean loss [s, m] of each replica in the second half of each stair; NaN once it has diverged."""
    found = np.full((len(stairs), len(x)), np.nan)
    x, alive = x.copy(), np.arange(len(x))
    for k, lr in enumerate(stairs):
        path = simulate(loss, SGD(float(lr), momentum), x[alive].astype(np.float32), hold, seed=int(seeds[k]),
                        record_every=looks_every(hold), batch_size=batch_size,
                        progress=lambda f, k=k: report((k + f) / len(stairs)))  # type: ignore[misc]
        found[k, alive] = path.energy[path.steps > hold // 2].mean(axis=0)
        alive = alive[path.finite]
        if not len(alive):
            break
        x[alive] = path.x[-1, path.finite]
    return found


def looks_every(hold: int) -> int:
    """Steps between looks at the loss on a stair."""
    return max(1, hold // (2 * LOOKS))


def expected_loops(loss: Any, start: LinearChain, batch_size: int, length: int) -> np.ndarray:
    """Mean loss [v, s] that the same loops have on linear regression, exactly, begun at rest at the chain's own
    lr; `length`: steps of the run."""
    moments = Moments(loss)
    if start.covariance.shape[0] != loss.d:
        raise BadInput("the chain belongs to another loss.")
    stairs = rates(start.lr)
    lengths, steps = holds(length), [moments.step(float(lr), batch_size) for lr in stairs]
    found = np.empty((len(lengths), len(stairs)))
    for v, hold in enumerate(lengths):
        state, every = start.covariance.ravel(), looks_every(hold)
        for s, (move, push) in enumerate(steps):
            seen = []
            for step in range(1, hold + 1):
                state = move @ state + push
                if step > hold // 2 and (step % every == 0 or step == hold):
                    seen.append(moments.loss(state))
            found[v, s] = np.mean(seen)
    return found
