"""The control: linear regression under the same protocol, where every number that should come out is known."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.fluctuations.chain import LinearChain, linear_chain
from ...core.learning.data import Dataset
from ...core.learning.datasets import LinearRegression
from ...core.learning.networks import MLP, NetworkLoss
from ...core.seeds import rng
from .agreement import ALIKE, STRIDE
from .replicas import OWN, Replicas, own_samples, starts, train

# A bath so hot that its shaking is larger than what resampling moves the optimum by: lr/B well above 2/(N h).
DATA, LR, BATCH = LinearRegression(n=2000), 0.02, 1
# The control forgets within some hundred steps: this share of the networks' steps is many times that.
SHARE = 0.4
# The far start: so many lengths of the optimum away from it.
FAR_LENGTHS = 2.0


def control_loss(problem: int) -> NetworkLoss:
    """The quadratic loss [d = 5] of a linear model, without weight decay."""
    return NetworkLoss(MLP(()), DATA.load(problem))


def control_steps(steps: int) -> int:
    """Steps of the control beside networks that take `steps`."""
    return max(1, round(SHARE * steps))


def train_control(each: int, steps: int, seed: int, problem: int, report: Callable[..., None]) -> tuple[
        Replicas, np.ndarray]:
    """(the six groups of linear models, what each of them saw [6 R, N]); same protocol, own learning rate and steps."""
    loss = control_loss(problem)
    minimum = linear_chain(loss, LR, BATCH).minimum
    away = rng(problem, "far").standard_normal(loss.d)
    far = minimum + FAR_LENGTHS * np.linalg.norm(minimum) * away / np.linalg.norm(away)
    samples = own_samples(loss, each, seed)
    x0 = starts(loss, each, seed, problem, minimum, far)
    return train(loss, x0, samples, SGD(LR), BATCH, steps, seed, minimum, report), samples


def resampled(loss: NetworkLoss, samples: np.ndarray) -> NetworkLoss:
    """The loss of one resampled training set [N]."""
    data = loss.data
    return NetworkLoss(loss.mlp, Dataset(data.x_train[samples], data.y_train[samples], "regression"))


def expected_r_hat(replicas: Replicas, samples: np.ndarray) -> np.ndarray:
    """R-hat [d] of each parameter that these very data sets must give: 1 + between/within, from the exact optimum and
    stationary covariance of every replica with its own data."""
    rows = replicas.rows(OWN)
    n = len(replicas.steps) - replicas.settled
    n = -(-n // STRIDE)
    chains = [linear_chain(resampled(replicas.loss, samples[i]), LR, BATCH) for i in rows]
    of_mean = np.mean([one.variance_of_means([n], replicas.every * STRIDE)[0] for one in chains], axis=0)
    within = n / (n - 1) * (np.mean([np.diag(one.covariance) for one in chains], axis=0) - of_mean)
    between = np.var([one.minimum for one in chains], axis=0, ddof=1) + of_mean
    return np.sqrt((n - 1) / n + between / within)


def expected_memory(replicas: Replicas, lags: np.ndarray, times: np.ndarray) -> dict[str, Any]:
    """`msd_theory` [k] at lags in steps, and `omega_theory` [p] of the parameters at times in steps."""
    chain: LinearChain = linear_chain(replicas.loss, LR, BATCH)
    every = replicas.every * STRIDE
    m = sum(len(replicas.rows(group)) for group in ALIKE)
    share = chain.variance_of_means(np.asarray(times) // every, every) / np.diag(chain.covariance)
    return {"msd_theory": chain.displacement(lags), "omega_theory": (m - 1) / max(m, 1) * share.mean(axis=1)}
