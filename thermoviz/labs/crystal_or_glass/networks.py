"""Networks cooled slowly or fast: Langevin motion in all d dimensions of their own loss, and the losses they end at.

Every network takes the same number of steps, at temperatures that fall linearly to 0 over a share of them; the rest is
plain descent. So slow cooling has no more steps than the quench that it is compared with, only another use of them.
Many problems (draws of the data) are learned side by side, a few networks for each: what one of them says is an
accident of its data, and errors are between problems.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.learning.data import Dataset
from ...core.learning.datasets import Moons
from ...core.learning.networks import MLP, NetworkLoss
from ...core.statistics.estimators import FEWEST, Estimate, independent_mean
from ...runs.pipeline import Report
from .results import Networks
from .specification import CrystalOrGlass

# The share of all steps over which each group is cooled; the first is quenched at once.
COOLED = (0.0, 0.1, 0.6)
STEPS = 3000
DT = 0.3
RECORDS = 60
DATA = Moons(n=100)
WEIGHT_DECAY = 3e-3
# Networks for each problem and cooling time.
COPIES = 2
# A network counts as crystal within this share of the lowest loss that any of its problem reached.
NEAR_BEST = 0.02


def networks_cooled(spec: CrystalOrGlass, report: Report) -> Networks:
    """Groups of networks, each cooled in its own time, on p problems, r for each; and the convex control."""
    problems = Problems([DATA.load(spec.problem + k) for k in range(spec.problems)])
    loss = problems.loss(spec.network)
    steps, losses = _cool(problems, loss, COOLED, spec, report.part(0.0, 0.85))
    ends = (COOLED[0], COOLED[-1])
    convex = problems.loss(MLP(hidden=()))
    _, control = _cool(problems, convex, ends, spec, report.part(0.85, 1.0))
    final = losses[-1]
    crystals = [over_problems(one) for one in near_best(final)]
    return Networks(
        steps, np.stack([_heat(COOLED, spec.network_hot, int(s)) for s in steps]),
        means(losses.reshape(*losses.shape[:2], -1)), final, control[-1], loss.d, [share * STEPS for share in COOLED],
        [None if one is None else one.value for one in crystals],
        [None if one is None else one.stderr for one in crystals])


class Problems:
    """Several draws of one kind of data, of which each network sees its own; all of them in one batch."""

    def __init__(self, drawn: list[Dataset]) -> None:
        self.n, self.each = len(drawn), len(drawn[0].x_train)
        self.data = Dataset(np.concatenate([one.x_train for one in drawn]),
                            np.concatenate([one.y_train for one in drawn]), "classification")

    def loss(self, network: MLP) -> NetworkLoss:
        """On all of them together."""
        return NetworkLoss(network, self.data, weight_decay=WEIGHT_DECAY)

    def samples(self, copies: int) -> np.ndarray:
        """Those that each network sees, [n copies, samples]: the copies of a problem stand together."""
        own = np.arange(self.n * self.each).reshape(self.n, self.each)
        return np.repeat(own, copies, axis=0)


def _cool(
    problems: Problems, loss: NetworkLoss, cooled: tuple[float, ...], spec: CrystalOrGlass,
    report: Callable[[float], Any],
) -> tuple[np.ndarray, np.ndarray]:
    """(steps [T], losses [T, g, p, r]): all groups from the same starts, with heat of their own."""
    n = problems.n * COPIES
    energy = loss.minibatch(np.tile(problems.samples(COPIES), (len(cooled), 1)))
    starts = np.tile(loss.init(n, seed=spec.seed), (len(cooled), 1))

    def bath(step: int) -> np.ndarray:
        return np.repeat(_heat(cooled, spec.network_hot, step), n)

    path = simulate(energy, Overdamped(DT), starts, STEPS, bath, seed=spec.seed, record_every=STEPS // RECORDS,
                    progress=report)
    return path.steps, path.energy.reshape(len(path.steps), len(cooled), problems.n, COPIES)


def _heat(cooled: tuple[float, ...], hot: float, step: int) -> np.ndarray:
    """Temperature of each group [g] at a step."""
    lengths = np.maximum(np.array(cooled) * STEPS, 1.0)
    return hot * (1 - np.minimum(step / lengths, 1.0)) * (np.array(cooled) > 0)


def means(losses: np.ndarray) -> np.ndarray:
    """Mean over the networks [..., r] that are still finite; NaN where there is none."""
    alive = np.isfinite(losses)
    total = np.where(alive, losses, 0.0).sum(axis=-1)
    return np.where(alive.any(axis=-1), total / np.maximum(alive.sum(axis=-1), 1), np.nan)


def near_best(final: np.ndarray) -> np.ndarray:
    """Share of the networks [g, p] that end within NEAR_BEST of the lowest loss of their problem; NaN: all diverged."""
    known = np.isfinite(final)
    best = np.where(known, final, np.inf).min(axis=(0, 2))[:, None]
    near = np.where(known, final, np.inf) <= best * (1 + NEAR_BEST)
    return means(np.where(known, near, np.nan))


def over_problems(values: np.ndarray) -> Estimate | None:
    """Mean and error over the problems [p] that have a number; None if they are too few."""
    finite = values[np.isfinite(values)]
    return independent_mean(finite) if len(finite) >= FEWEST else None


def left_over(hot: float) -> float:
    """Excess loss of one direction held by weight decay alone, after the slowest cooling: descent has not ended there.

    Exact for E = decay y^2 / 2 and Leimkuhler-Matthews steps: y_N = sum_j c_j s_j, half kicks s_j of variance T_j dt/2.
    """
    a, j = 1 - WEIGHT_DECAY * DT, np.arange(1, STEPS)
    T = np.array([_heat(COOLED[-1:], hot, step)[0] for step in range(STEPS)])
    c = np.concatenate([[a ** (STEPS - 1)], a ** (STEPS - j) + a ** (STEPS - 1 - j), [1.0]])
    return float(0.5 * WEIGHT_DECAY * (c**2 * np.concatenate([T[:1], T]) * DT / 2).sum())


def unseen_directions() -> int:
    """Directions of a linear network that the data do not see, but weight decay does: softmax leaves one per input,
    and one of the biases."""
    return DATA.load(0).x_train.shape[1] + 1
