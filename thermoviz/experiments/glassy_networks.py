"""Networks cooled slowly or fast: Langevin motion in all d dimensions of their own loss, and the losses they end at.

Every network takes the same number of steps, at temperatures that fall linearly to 0 over a share of them; the rest is
plain descent. So slow cooling has no more steps than the quench that it is compared with, only another use of them.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.datasets import Moons
from ..core.dynamics import Overdamped
from ..core.estimators import FEWEST, Estimate, independent_mean
from ..core.networks import MLP, NetworkLoss
from ..core.simulation import simulate
from .crystal_verdicts import FEWEST as FEWEST_OF_A_SHARE
from .crystal_verdicts import gained
from .verdict import Verdict

if TYPE_CHECKING:
    from .crystal_or_glass import CrystalOrGlass

# The share of all steps over which each group is cooled; the first is quenched at once.
COOLED = (0.0, 0.01, 0.1, 0.6)
STEPS = 3000
DT = 0.3
RECORDS = 60
DATA = Moons(n=150)
WEIGHT_DECAY = 3e-3
# A network counts as crystal within this share of the lowest loss that any of them reached.
NEAR_BEST = 0.02
# A gain below this share of the loss counts as none.
NO_GAIN = 0.01


def cooled_networks(
    spec: "CrystalOrGlass", report: Callable[[float], Any],
) -> tuple[dict[str, np.ndarray], dict[str, Any], list[dict[str, Any]]]:
    """(arrays, numbers, verdicts) of groups of networks, each cooled in its own time.

    Arrays over g groups, quenched first: `net_steps` [T], `net_T` [T, g], `net_loss_mean`
    [T, g] of the networks that did not diverge, `net_final` [g, r] at the end (NaN: diverged), `net_control` [2, r] of
    the convex control, quenched and slowest. Numbers: `d`, `cooled` [g], `best`, `crystal` [g], `crystal_error` [g].
    """
    data = DATA.load(spec.seed)
    loss = NetworkLoss(spec.network, data, weight_decay=WEIGHT_DECAY)
    steps, losses = _cool(loss, COOLED, spec, lambda fraction: report(0.85 * fraction))
    convex = NetworkLoss(MLP(hidden=()), data, weight_decay=WEIGHT_DECAY)
    _, control = _cool(convex, (COOLED[0], COOLED[-1]), spec, lambda fraction: report(0.85 + 0.15 * fraction))
    final = losses[-1]
    numbers: dict[str, Any] = {"d": loss.d, "cooled": [share * STEPS for share in COOLED]}
    arrays = {"net_steps": steps, "net_T": np.stack([_heat(COOLED, spec.network_hot, int(s)) for s in steps]),
              "net_loss_mean": _means(losses), "net_final": final, "net_control": control[-1]}
    if np.isfinite(final).any():
        best = float(np.nanmin(final))
        near = final <= best * (1 + NEAR_BEST)
        counted = np.isfinite(final).sum(axis=1)
        crystal = near.sum(axis=1) / np.maximum(counted, 1)
        smoothed = (near.sum(axis=1) + 1) / (counted + 2)
        numbers |= {"best": best, "crystal": crystal.tolist(),
                    "crystal_error": np.sqrt(smoothed * (1 - smoothed) / np.maximum(counted, 1)).tolist()}
    return arrays, numbers, [asdict(one) for one in _verdicts(arrays, numbers)]


def _means(losses: np.ndarray) -> np.ndarray:
    """Mean over the networks [..., r] that are still finite; NaN where there is none."""
    alive = np.isfinite(losses)
    total = np.where(alive, losses, 0.0).sum(axis=-1)
    return np.where(alive.any(axis=-1), total / np.maximum(alive.sum(axis=-1), 1), np.nan)


def _heat(cooled: tuple[float, ...], hot: float, step: int) -> np.ndarray:
    """Temperature of each group [g] at a step."""
    lengths = np.maximum(np.array(cooled) * STEPS, 1.0)
    return hot * (1 - np.minimum(step / lengths, 1.0)) * (np.array(cooled) > 0)


def _cool(
    loss: NetworkLoss, cooled: tuple[float, ...], spec: "CrystalOrGlass", report: Callable[[float], Any],
) -> tuple[np.ndarray, np.ndarray]:
    """(steps [T], losses [T, g, r]): all groups from the same r starts, with heat of their own."""
    starts = np.tile(loss.init(spec.replicas, seed=spec.seed), (len(cooled), 1))

    def bath(step: int) -> np.ndarray:
        return np.repeat(_heat(cooled, spec.network_hot, step), spec.replicas)

    path = simulate(loss, Overdamped(DT), starts, STEPS, bath, seed=spec.seed, record_every=STEPS // RECORDS,
                    progress=report)
    return path.steps, path.energy.reshape(len(path.steps), len(cooled), spec.replicas)


def _mean(losses: np.ndarray) -> Estimate | None:
    """Over the networks that did not diverge; None if they are too few."""
    finite = losses[np.isfinite(losses)]
    return independent_mean(finite) if len(finite) >= FEWEST else None


def _verdicts(arrays: dict[str, np.ndarray], numbers: dict[str, Any]) -> list[Verdict]:
    fast, slow = (_mean(arrays["net_final"][k]) for k in (0, -1))
    quenched, annealed = (_mean(arrays["net_control"][k]) for k in (0, -1))
    if fast is None or slow is None or quenched is None or annealed is None:
        return [Verdict("Networks: gain of slow over fast cooling", math.nan, math.nan, None, None, None,
                        "Too few networks came through: they diverge at this temperature.")]
    gain, error = fast.value - slow.value, math.hypot(fast.stderr, slow.stderr)
    none, none_error = quenched.value - annealed.value, math.hypot(quenched.stderr, annealed.stderr)
    share, share_error = np.array(numbers["crystal"]), np.array(numbers["crystal_error"])
    more, more_error = float(share[-1] - share[0]), math.hypot(share_error[0], share_error[-1])
    enough = min(np.isfinite(arrays["net_final"]).sum(axis=1)[[0, -1]]) >= FEWEST_OF_A_SHARE
    return [
        Verdict("Networks: gain of slow over fast cooling", gain, error, None, none,
                gained(gain, error, NO_GAIN * fast.value) if enough else None,
                "Mean loss after a quench minus that after the slowest cooling, with equally many steps; the control "
                "is a linear network, whose loss has one valley. It holds for heat that is the same in all directions; "
                "the heat of minibatches is not."),
        Verdict("Networks: more of them near the best", more, more_error, None, None,
                gained(more, more_error, 0.05) if enough else None,
                "Share of networks within 2 % of the lowest loss that any of them reached, slowest minus quenched: the "
                "crystals among them."),
        Verdict("Linear network: cooling slowly gains nothing", none, none_error, 0.0, None,
                abs(none) <= max(3 * none_error, NO_GAIN * quenched.value) if enough else None,
                "The same programme where the loss is convex. What is left over is descent that has not ended yet.")]
