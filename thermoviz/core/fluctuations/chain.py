"""SGD on linear regression as a linear chain: what it must do in time, exactly, with the noise of its own batches.

x = theta - theta* moves as x' = (I - lr H_B) x - lr g_B, (H_B, g_B) those of a batch drawn with replacement. Means and
second moments of such a chain obey linear equations, whatever the size of lr; where it comes to rest: `regression`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .regression import quadratic, regression_law, spread


@dataclass(frozen=True, eq=False)
class LinearChain:
    """SGD(lr) without momentum on a linear regression, at rest.

    minimum [d]; hessian [d, d]; covariance [d, d]: stationary, with multiplicative noise; lr.
    """

    minimum: np.ndarray
    hessian: np.ndarray
    covariance: np.ndarray
    lr: float

    @cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decay a [d] per step of each Hessian mode, the modes V [d, d] in columns, V^T Sigma."""
        h, modes = np.linalg.eigh(self.hessian)
        return 1 - self.lr * h, modes, modes.T @ self.covariance

    def displacement(self, lags: Any) -> np.ndarray:
        """Delta(t) = 2 tr[(1 - (1 - lr H)^t) Sigma] / d at lags [k] in steps, whatever the waiting time."""
        a, modes, mixed = self._modes
        along = (mixed * modes.T).sum(axis=1)
        return 2 * ((1 - a ** np.asarray(lags)[:, None]) @ along) / len(a)

    def variance_of_means(self, times: Any, every: int) -> np.ndarray:
        """Variance [p, d] of each parameter's mean over t records, `every` steps apart, for times t [p]."""
        a, modes, mixed = self._modes
        t = np.asarray(times)[:, None]
        b = a**every
        # sum_{k=1}^{t-1} (t - k) b^k
        sums = b * (t * (1 - b) - (1 - b**t)) / (1 - b) ** 2
        both = 2 * np.einsum("ij,tj,ji->ti", modes, sums, mixed)
        return (t * np.diag(self.covariance) + both) / t**2


def linear_chain(loss: Any, lr: float, batch_size: int) -> LinearChain:
    """The stationary chain of a NetworkLoss with MLP(()) on a regression problem.

    Raises BadInput for another loss, Unstable where second moments diverge.
    """
    law = regression_law(loss, lr, batch_size)
    return LinearChain(law.minimum, law.hessian, law.covariance, float(lr))


class Moments:
    """Second moments E[x x^T] of SGD on a linear regression, step by step. Raises BadInput for another loss."""

    def __init__(self, loss: Any) -> None:
        self._problem = quadratic(loss)
        self._least = float(loss(self._problem.minimum))
        d = loss.d
        basis = np.eye(d * d).reshape(d * d, d, d)
        self._spread = np.stack([spread(self._problem.factors, one).ravel() for one in basis], axis=1)

    def step(self, lr: float, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """(T [d^2, d^2], p [d^2]): one step takes vec E[x x^T] to T vec E[x x^T] + p (for chains with mean 0)."""
        hessian = self._problem.hessian
        decay = np.eye(len(hessian)) - lr * hessian
        share = lr**2 / batch_size
        return np.kron(decay, decay) + share * self._spread, share * self._problem.noise.ravel()

    def loss(self, moments: np.ndarray) -> float:
        """Mean loss at vec E[x x^T] [d^2]."""
        return self._least + 0.5 * float(self._problem.hessian.ravel() @ moments)
