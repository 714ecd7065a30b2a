"""The bottom of a network's basin: descent that ends, then Newton's steps to rounding."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dynamics.integrators import SGD, GradientDescent
from ..dynamics.simulation import simulate
from .derivatives import LARGEST_MATRIX
from .networks import NetworkLoss

# Descent goes without momentum until the stiff directions rest, then with it, down to directions 1000 times softer.
DESCENT_STEPS, MOMENTUM, MOMENTUM_STEPS, RATE = 200, 0.97, 1300, 0.5
# Newton's steps to the bottom, none longer than this; curvatures below this share of the weight decay are not
# trusted.
NEWTON_STEPS, LONGEST_STEP, TRUSTED = 12, 0.3, 0.1


def descended(loss: NetworkLoss, thetas: np.ndarray, stiffest: float, report: Callable[[float], Any]) -> np.ndarray:
    """The minima [n, d] below thetas [n, d]: full-batch descent at RATE / `stiffest`, the largest curvature."""
    share = DESCENT_STEPS / (DESCENT_STEPS + MOMENTUM_STEPS)
    slow = simulate(loss, GradientDescent(RATE / stiffest), thetas, DESCENT_STEPS, record_every=DESCENT_STEPS,
                    progress=lambda f: report(share * f))
    fast = simulate(loss, SGD(RATE / stiffest, MOMENTUM), slow.x[-1], MOMENTUM_STEPS, record_every=MOMENTUM_STEPS,
                    progress=lambda f: report(share + (1 - share) * f))
    return fast.x[-1]


def gradient(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray:
    """grad E [d] at theta [d] in double precision, which the compiled losses do not have."""
    return np.asarray(loss.per_sample_gradients(theta).mean(axis=0) + loss.weight_decay * theta)


def minimum(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray:
    """The minimum [d] near theta [d] to rounding: Newton's steps, curvatures that point uphill turned over."""
    for _ in range(NEWTON_STEPS):
        slope = gradient(loss, theta)
        h, axes = np.linalg.eigh(loss.hessian(theta))
        floor = TRUSTED * loss.weight_decay or 1e-9 * float(np.abs(h).max())
        step = axes @ ((slope @ axes) / np.maximum(np.abs(h), floor))
        length = float(np.linalg.norm(step))
        theta = theta - step * min(1.0, LONGEST_STEP / max(length, 1e-300))
        if length < 1e-9:
            break
    return theta


def bottom(loss: NetworkLoss, theta: np.ndarray, report: Callable[[float], Any] = lambda fraction: None) -> np.ndarray:
    """The minimum [d] that full-batch descent from theta [d] leads to; where d <= 1000 Newton's steps end it."""
    stiffest = float(loss.leading_eigenpairs(theta, 1)[0][0])
    rested = descended(loss, theta[None], max(stiffest, 1.0), report)[0]
    return minimum(loss, rested) if loss.d <= LARGEST_MATRIX else rested
