"""SGD on linear regression as a linear chain: what it must do in time, exactly, with the noise of its own batches.

x = theta - theta* moves as x' = (I - lr H_B) x - lr g_B, (H_B, g_B) those of a batch drawn with replacement. Means and
second moments of such a chain obey linear equations, whatever the size of lr.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .errors import BadInput, Unstable


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
    """The stationary chain of a NetworkLoss with MLP(()) and one output on a regression problem.

    Sigma = A Sigma A + lr^2/B (E[H_i Sigma H_i] - H Sigma H + C), A = I - lr H, solved directly. Raises BadInput for
    another loss, Unstable where second moments diverge.
    """
    problem = Moments(loss)
    move, push = problem.step(lr, batch_size)
    if np.abs(np.linalg.eigvals(move)).max() >= 1:
        raise Unstable("the second moments of this chain diverge: choose a smaller learning rate or a larger batch.")
    covariance = np.linalg.solve(np.eye(len(move)) - move, push).reshape(loss.d, loss.d)
    return LinearChain(problem.minimum, problem.hessian, covariance, float(lr))


class Moments:
    """Second moments E[x x^T] of SGD on a linear regression with one output, step by step.

    minimum [d], hessian [d, d], `least`: the loss there. Raises BadInput for another loss.
    """

    def __init__(self, loss: Any) -> None:
        mlp = getattr(loss, "mlp", None)
        if mlp is None or mlp.hidden or loss.data.task != "regression" or loss.l1 or loss.sizes[-1] != 1:
            raise BadInput("a linear chain is a NetworkLoss with MLP(()) and one output on a regression problem.")
        x = loss.data.x_train
        features, y = np.hstack([x, np.ones((len(x), 1))]), loss.data.y_train[:, 0]
        n, d = features.shape
        ridge = loss.weight_decay * np.eye(d)
        self.hessian = features.T @ features / n + ridge
        self.minimum = np.linalg.solve(self.hessian, features.T @ y / n)
        gradients = features * (features @ self.minimum - y)[:, None] + loss.weight_decay * self.minimum
        self.noise = gradients.T @ gradients / n
        self.least = float(loss(self.minimum))
        outer = (features[:, :, None] * features[:, None, :]).reshape(n, -1)
        fourth = (outer.T @ outer / n).reshape(d, d, d, d)  # E[f_i f_k f_j f_l]
        plain = features.T @ features / n
        self._spread = np.ascontiguousarray(fourth.transpose(0, 2, 1, 3)).reshape(d * d, d * d) - np.kron(plain, plain)

    def step(self, lr: float, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """(T [d^2, d^2], p [d^2]): one step takes vec E[x x^T] to T vec E[x x^T] + p (for chains with mean 0)."""
        decay = np.eye(len(self.hessian)) - lr * self.hessian
        share = lr**2 / batch_size
        return np.kron(decay, decay) + share * self._spread, share * self.noise.ravel()

    def loss(self, moments: np.ndarray) -> float:
        """Mean loss at vec E[x x^T] [d^2]."""
        return self.least + 0.5 * float(self.hessian.ravel() @ moments)
