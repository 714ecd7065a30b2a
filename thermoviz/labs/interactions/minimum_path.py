"""The minimum of a loss as a regulariser grows: followed strength by strength, also where it vanishes and falls.

Newton's steps with every uphill curvature turned over, a line search, and a push off saddles; for |theta|_1 proximal
gradient steps, then Newton on the weights that are not zero. For up to 1000 parameters.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.energies.driven import half_square
from ...core.errors import BadInput
from ...core.learning.derivatives import LARGEST_MATRIX
from ...core.learning.minima import descended
from ...core.learning.networks import NetworkLoss

# Newton: most steps, none longer than this, until the force is this small; and how far one is pushed off a saddle.
STEPS, LONGEST, RESTED, PUSH = 60, 0.5, 1e-9, 0.05
# The least share of a step that is tried.
SHORTEST = 1e-3
# Curvatures below this share of the strength are taken for it.
FLOOR = 0.1
# Rows of a Hessian at a time, so that a cancel is heard soon.
ROWS = 100
# |theta|_1: rounds of proximal steps (so many each) and of Newton's steps on what is not zero.
ROUNDS, PROXIMAL, POLISH = 12, 120, 6
# Two places nearer than this are one.
SAME = 1e-4

Report = Callable[[float], Any]


class Regularised(NamedTuple):
    """A data loss in double precision without regularisers, and which energy is added: "l2" or "l1"."""

    loss: NetworkLoss
    regulariser: str

    def energy(self, theta: np.ndarray) -> np.ndarray:
        """The added energy at strength 1, [..., d] -> [...]: |theta|^2 / 2 or |theta|_1."""
        return half_square(theta) if self.regulariser == "l2" else np.abs(theta).sum(axis=-1)

    def total(self, theta: np.ndarray, strength: float) -> float:
        """Of one network [d]."""
        return float(self.loss(theta)) + strength * float(self.energy(theta))

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Of the data energy at theta [d], in double precision."""
        return self.loss.per_sample_gradients(theta).mean(axis=0)


class Minimum(NamedTuple):
    """theta [d], and the eigenvalues h [d] of the data's Hessian plus weight decay there (without decay for "l1")."""

    theta: np.ndarray
    h: np.ndarray


def data_hessian(loss: NetworkLoss, theta: np.ndarray, report: Report = lambda f: None) -> np.ndarray:
    """Hessian of the data energy [d, d], some rows at a time. Raises BadInput beyond 1000 parameters."""
    if loss.d > LARGEST_MATRIX:
        raise BadInput(f"this lab needs all curvatures of the loss and takes networks of up to {LARGEST_MATRIX} "
                       f"parameters, this one has {loss.d}: choose a smaller one.")
    if loss.d <= ROWS:
        report(0.0)
        return np.asarray(loss.hessian(theta))
    directions, rows = np.eye(loss.d), []
    for start in range(0, loss.d, ROWS):
        rows.append(loss.hvp(theta, directions[start:start + ROWS]))
        report(0.0)
    matrix = np.concatenate(rows)
    return 0.5 * (matrix + matrix.T)


def first_descent(regularised: Regularised, theta: np.ndarray, strength: float, report: Report) -> np.ndarray:
    """Where full-batch descent under weight decay leads from a random start [d]."""
    loss = NetworkLoss(regularised.loss.mlp, regularised.loss.data, weight_decay=strength)
    stiffest = float(loss.leading_eigenpairs(theta, 1)[0][0])
    return descended(loss, theta[None], max(stiffest, 1.0), report)[0].astype(np.float64)


def settled(regularised: Regularised, theta: np.ndarray, strength: float, report: Report = lambda f: None) -> Minimum:
    """The minimum of the total energy that lies downhill of theta [d]."""
    if regularised.regulariser == "l1":
        return _settled_l1(regularised, theta, strength, report)
    floor = FLOOR * strength
    for _ in range(STEPS):
        gradient = regularised.gradient(theta) + strength * theta
        h, axes = np.linalg.eigh(data_hessian(regularised.loss, theta, report))
        h = h + strength
        if np.linalg.norm(gradient) < RESTED:
            if h[0] >= -RESTED:
                break
            step = PUSH * axes[:, 0] * np.sign(axes[np.argmax(np.abs(axes[:, 0])), 0])
        else:
            step = -axes @ ((gradient @ axes) / np.maximum(np.abs(h), floor))
            step *= min(1.0, LONGEST / np.linalg.norm(step))
            share = _line_search(regularised, theta, step, gradient, strength)
            if share < SHORTEST:  # a kink, or rounding: there is no way down from here
                break
            step *= share
        theta = theta + step
    return Minimum(theta, h)


def _line_search(regularised: Regularised, theta: np.ndarray, step: np.ndarray, gradient: np.ndarray, strength: float
                 ) -> float:
    """The largest of 1, 1/2, 1/4, ... at which the energy falls as it should (Armijo); below SHORTEST: none."""
    here, slope, share = regularised.total(theta, strength), float(gradient @ step), 1.0
    while share >= SHORTEST and regularised.total(theta + share * step, strength) > here + 1e-4 * share * slope + 1e-13:
        share /= 2
    return share


def _settled_l1(regularised: Regularised, theta: np.ndarray, strength: float, report: Report) -> Minimum:
    loss, H = regularised.loss, data_hessian(regularised.loss, theta, report)
    rate = 0.5 / max(float(np.linalg.eigvalsh(H)[-1]), 0.5)
    for _ in range(ROUNDS):
        ahead, momentum = theta, 1.0
        for k in range(PROXIMAL):
            moved = ahead + rate * np.asarray(loss.force(ahead))
            moved = np.sign(moved) * np.maximum(np.abs(moved) - rate * strength, 0.0)
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            # Restarted where the momentum points uphill (B. O'Donoghue and E. Candes, Found. Comput. Math. 15, 2015).
            if (ahead - moved) @ (moved - theta) > 0:
                following = momentum = 1.0
            ahead, theta = moved + (momentum - 1) / following * (moved - theta), moved
            momentum = following
            if k % 40 == 0:
                report(0.0)
        theta, rested = _polished(regularised, theta, strength, report)
        if rested:
            break
    return Minimum(theta, np.linalg.eigvalsh(data_hessian(loss, theta, report)))


def _polished(regularised: Regularised, theta: np.ndarray, strength: float, report: Report) -> tuple[np.ndarray, bool]:
    """Newton's steps on the weights that are not zero, none beyond zero; whether all forces then balance."""
    for _ in range(POLISH):
        on = theta != 0
        gradient = regularised.gradient(theta)
        force = gradient[on] + strength * np.sign(theta[on])
        if np.linalg.norm(force) < RESTED:
            break
        h, axes = np.linalg.eigh(data_hessian(regularised.loss, theta, report)[np.ix_(on, on)])
        step = np.zeros_like(theta)
        step[on] = -axes @ ((force @ axes) / np.maximum(np.abs(h), FLOOR * strength))
        step *= min(1.0, LONGEST / np.linalg.norm(step))
        moved = theta + step
        moved[on & (np.sign(moved) != np.sign(theta))] = 0.0
        if regularised.total(moved, strength) > regularised.total(theta, strength) + 1e-13:
            return theta, False
        theta = moved
    gradient = regularised.gradient(theta)
    on = theta != 0
    return theta, bool(np.linalg.norm(gradient[on] + strength * np.sign(theta[on])) < RESTED
                       and (np.abs(gradient[~on]) <= strength * (1 + 1e-6)).all())


def imbalance(regularised: Regularised, theta: np.ndarray, strength: float) -> float:
    """|total force| over |force of the regulariser| at theta [d]; 0 at a minimum."""
    gradient = regularised.gradient(theta)
    if regularised.regulariser == "l2":
        pull = strength * theta
        return float(np.linalg.norm(gradient + pull) / np.linalg.norm(pull))
    on = theta != 0
    rest = np.where(on, gradient + strength * np.sign(theta), np.maximum(np.abs(gradient) - strength, 0.0))
    return float(np.linalg.norm(rest) / (strength * max(np.sqrt(on.sum()), 1.0)))


def told_at(report: Report, share: float, _fraction: float) -> None:
    """Tells where a longer work stands, whatever its part says of itself."""
    report(share)


class Followed(NamedTuple):
    """A minimum followed upwards: thetas [k, d], h [k, d] (see Minimum), and jumped [k - 1]: whether, going from one
    strength to the next, the minimum vanished, so that the way back does not lead to where it was."""

    thetas: np.ndarray
    h: np.ndarray
    jumped: np.ndarray


def follow(regularised: Regularised, theta: np.ndarray, strengths: np.ndarray, report: Report = lambda f: None
           ) -> Followed:
    """The minima at growing strengths [k], each downhill of the one before; every step is also walked back."""
    found: list[Minimum] = []
    jumped: list[bool] = []
    for k, strength in enumerate(strengths):
        heard = functools.partial(told_at, report, k / len(strengths))
        found.append(settled(regularised, theta, float(strength), heard))
        theta = found[-1].theta
        if k:
            back = settled(regularised, theta, float(strengths[k - 1]), heard).theta
            jumped.append(bool(np.linalg.norm(back - found[-2].theta) > SAME))
    return Followed(np.stack([one.theta for one in found]), np.stack([one.h for one in found]), np.array(jumped, bool))


def response(regularised: Regularised, theta: np.ndarray, strength: float, H: np.ndarray) -> np.ndarray:
    """d theta*/d strength [d] by linear response, from the data's Hessian H at a minimum theta [d].

    -(H + strength)^-1 theta for "l2"; for "l1" the weights that are not zero move by -H_on^-1 sign(theta).
    """
    if regularised.regulariser == "l2":
        return -np.linalg.solve(H + strength * np.eye(len(theta)), theta)
    moved, on = np.zeros_like(theta), theta != 0
    if on.any():
        moved[on] = -np.linalg.lstsq(H[np.ix_(on, on)], np.sign(theta[on]), rcond=1e-10)[0]
    return moved
