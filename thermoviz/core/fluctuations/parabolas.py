"""Where minibatch SGD comes to rest near a minimum, exactly, if there each sample's loss is a parabola of its own.

A batch's gradient at x = theta - theta* is then H x + the batch's mean of (g_i + (H_i - H) x): noise that depends on
the place. Second moments of x close among themselves, without a small step or a small noise. What is left out is that
losses of networks bend away from parabolas: a relative O(lr/B).
"""

from typing import Any, NamedTuple

import numpy as np

from ..errors import Unstable
from .regression import drawn_share, splitting

# Rounds of the fixed point for the covariance, and its relative accuracy.
ROUNDS, ACCURACY = 2000, 1e-12


class Parabolas(NamedTuple):
    """All samples' parabolas at a minimum, in the eigenbasis of their mean: curvatures h [d], axes [d, d] (columns),
    noise C [d, d], and each sample's Hessian without the mean, deviations [N, d, d]."""

    h: np.ndarray
    axes: np.ndarray
    noise: np.ndarray
    deviations: np.ndarray


class ParabolaLaw(NamedTuple):
    """The stationary law about the minimum, in the eigenbasis of the Hessian: covariance [d, d] of x; pulled [d, d],
    <x (H x)^T>, the mean slope times the place; energy, the mean loss above the minimum."""

    covariance: np.ndarray
    pulled: np.ndarray
    energy: float


def parabolas_at(loss: Any, theta: Any, axes: Any = None) -> Parabolas:
    """The parabolas of a NetworkLoss at a minimum theta [d]; axes [d, d]: eigenvectors of its Hessian, if at hand.

    Raises BadInput where N d^2 numbers are too many.
    """
    H = np.asarray(loss.hessian(theta))
    axes = np.linalg.eigh(H)[1][:, ::-1] if axes is None else np.asarray(axes)
    turned = axes.T @ np.asarray(loss.sample_hessians(theta)) @ axes
    return Parabolas((axes * (H @ axes)).sum(axis=0), axes, axes.T @ loss.gradient_covariance(theta) @ axes,
                     turned - turned.mean(axis=0))


def parabola_law(
    problem: Parabolas, lr: float, batch_size: int, batching: str = "replacement", heat: float = 0.0
) -> ParabolaLaw:
    """The law of SGD without momentum, Sigma = A Sigma A + lr^2 c (C + E[D_i Sigma D_i]) + 2 lr heat, A = 1 - lr H.

    D_i: a sample's Hessian minus the mean H. c = 1/B for batches drawn with "replacement", (N - B)/(B (N - 1)) for
    "fresh" ones. heat: isotropic noise of that temperature beside the batches. Source: exact, derived here; for linear
    regression the same as `regression_law`. Raises Unstable where second moments diverge, BadInput.
    """
    a = 1 - lr * problem.h
    if not (problem.h > 0).all():
        raise Unstable("a stationary law needs a minimum: here a curvature is not above 0.")
    if np.abs(a).max() >= 1:
        raise Unstable("this learning rate diverges even without noise: it must be below 2 over the largest curvature.")
    share = lr**2 * drawn_share(len(problem.deviations), batch_size, batching)
    settled = 1 - np.outer(a, a)
    push = share * problem.noise + 2 * lr * heat * np.eye(len(a))
    law = splitting(lambda P: P / settled, push, lambda S: share * _shaken(problem.deviations, S), ROUNDS, ACCURACY)
    pulled = law * problem.h
    return ParabolaLaw(law, pulled, 0.5 * float(np.trace(pulled)))


def _shaken(deviations: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """E[D_i Sigma D_i] [d, d]."""
    N, d = deviations.shape[:2]
    return (covariance @ deviations).reshape(N * d, d).T @ deviations.reshape(N * d, d) / N
