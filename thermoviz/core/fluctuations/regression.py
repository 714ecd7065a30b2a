"""Where minibatch SGD on linear regression comes to rest, exactly: its stationary law with multiplicative noise.

One sample's gradient is H_i theta - c_i, H_i = L_i^T L_i + weight_decay. With x = theta - theta*, s the last step,
C the covariance of single-sample gradients at theta* and one batch per step, (x, s) is a linear chain with random
matrices; its second moments obey a linear equation, and exist where that chain contracts in the mean square.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..errors import BadInput, Unstable

# Dimensions whose fourth moments are followed exactly, without and with momentum; beyond, those of so many leading
# directions are, which is a lower bound.
MOST_FOLLOWED = (6, 4)
# Rounds of the fixed point for the covariance, and its relative accuracy.
ROUNDS, ACCURACY = 20_000, 1e-14


@dataclass(frozen=True, eq=False)
class RegressionLaw:
    """Stationary law of SGD on linear regression. Covariances about `minimum` [d], one step after another.

    hessian [d, d] H (weight decay included); noise [d, d] C, covariance of single-sample gradients at the minimum;
    covariance [d, d] of theta; step_covariance [d, d] of theta_{t+1} - theta_t.
    """

    minimum: np.ndarray
    hessian: np.ndarray
    noise: np.ndarray
    covariance: np.ndarray
    step_covariance: np.ndarray
    _fourth: Callable[[], float]

    @cached_property
    def fourth_moment(self) -> float:
        """Factor by which fourth moments grow per step at most: spectral radius of E[M (x) M (x) M (x) M], M the
        random matrix of one step. At 1 and above a standard error of anything quadratic means nothing."""
        return self._fourth()


class Quadratic(NamedTuple):
    """A loss whose samples are parabolas: factors [N, k, d] (H_i = L^T L), curvature H, C and minimum at rest."""

    factors: np.ndarray
    hessian: np.ndarray
    noise: np.ndarray
    minimum: np.ndarray


def quadratic(loss: Any) -> Quadratic:
    """The parabolas of a NetworkLoss without hidden layers on a regression problem. Raises BadInput for another."""
    if getattr(loss, "mlp", None) is None or loss.mlp.hidden or loss.data.task != "regression" or loss.l1:
        raise BadInput("an exact stationary law is known for linear regression only: a NetworkLoss with MLP(()) on a "
                       "regression dataset, without l1.")
    x = loss.data.x_train
    features, k = np.hstack([x, np.ones((len(x), 1))]), loss.sizes[-1]
    # theta holds W [p, k] and then b [k]: output c reads every k-th parameter.
    factors = np.einsum("ni,ce->ncie", features, np.eye(k)).reshape(len(x), k, loss.d) / math.sqrt(k)
    hessian = np.einsum("nci,ncj->ij", factors, factors) / len(x) + loss.weight_decay * np.eye(loss.d)
    pull = loss.per_sample_gradients(np.zeros(loss.d)).mean(axis=0)
    if np.linalg.eigvalsh(hessian)[0] <= 1e-12 * np.trace(hessian):
        raise BadInput("this regression has directions without curvature, so that nothing settles: add weight decay.")
    minimum = -np.linalg.solve(hessian, pull)
    return Quadratic(factors, hessian, loss.gradient_covariance(minimum), minimum)


def regression_law(
    loss: Any, lr: float, batch_size: int, batching: str = "replacement", momentum: float = 0.0
) -> RegressionLaw:
    """The stationary law of `SGD(lr, momentum)` with batches drawn "replacement" or "fresh" (without, per batch).

    Without momentum Sigma = Sigma - lr (H Sigma + Sigma H) + lr^2 [H Sigma H + c (E[H_i Sigma H_i] - H Sigma H + C)],
    c = 1/B, or (N - B)/(B (N - 1)) for fresh draws. Source: exact, derived here; with C alone: S. Mandt, M. Hoffman and
    D. Blei, J. Mach. Learn. Res. 18, 134 (2017). Raises BadInput for a loss that is not linear regression, Unstable
    where second moments diverge.
    """
    problem = quadratic(loss)
    N, B, d = len(problem.factors), batch_size, loss.d
    moments = _batch_moments(N, B, batching)
    mean = _mean_matrix(problem.hessian, lr, momentum)
    blocks = len(mean) // d
    push = np.kron(np.ones((blocks, blocks)), lr**2 * moments.second / B**2 * problem.noise)
    law = _fixed_point(mean, push, lambda P: np.kron(
        np.ones((blocks, blocks)), lr**2 * moments.second / B**2 * spread(problem.factors, P[:d, :d])))
    covariance = law[:d, :d]
    steps = law[d:, d:] if momentum else _plain_steps(problem, covariance, lr, moments.second / B**2)
    return RegressionLaw(problem.minimum, problem.hessian, problem.noise, covariance, steps,
                         lambda: _fourth_moment(problem.factors, mean, d, lr / B, moments))


def _mean_matrix(hessian: np.ndarray, lr: float, momentum: float) -> np.ndarray:
    """What one step does on average to x, or to (x, last step) with momentum."""
    one = np.eye(len(hessian))
    if not momentum:
        return one - lr * hessian
    return np.block([[one - lr * hessian, momentum * one], [-lr * hessian, momentum * one]])


def _plain_steps(problem: Quadratic, covariance: np.ndarray, lr: float, share: float) -> np.ndarray:
    """lr^2 <g g^T> without momentum."""
    H = problem.hessian
    return lr**2 * (H @ covariance @ H + share * (spread(problem.factors, covariance) + problem.noise))


def spread(factors: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """E[H_i Sigma H_i] - H Sigma H [d, d]: how single samples' curvatures shake what is spread as Sigma."""
    each = np.einsum("nci,ij,nej->nce", factors, covariance, factors)
    mean = np.einsum("nci,ncj->ij", factors, factors) / len(factors)
    return np.einsum("nci,nce,nej->ij", factors, each, factors) / len(factors) - mean @ covariance @ mean


def _fixed_point(mean: np.ndarray, push: np.ndarray, shaken: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """P = M P M^T + shaken(P) + push, by rounds of Lyapunov's equation: a regular splitting, which converges exactly
    where second moments exist."""
    if np.abs(np.linalg.eigvals(mean)).max() >= 1:
        raise Unstable("this learning rate diverges even without noise: it must be below 2 (1 + momentum) over the "
                       "largest curvature.")
    return splitting(lambda P: scipy.linalg.solve_discrete_lyapunov(mean, P), push, shaken)


def splitting(
    solve: Callable[[np.ndarray], np.ndarray], push: np.ndarray, shaken: Callable[[np.ndarray], np.ndarray],
    rounds: int = ROUNDS, accuracy: float = ACCURACY,
) -> np.ndarray:
    """Sigma = solve(push + shaken(Sigma)) by rounds, to that relative accuracy. Raises Unstable without one."""
    law = solve(push)
    size = np.trace(law)
    for _ in range(rounds):
        new = solve(push + shaken(law))
        change, law = np.abs(new - law).max(), new
        if change <= accuracy * np.abs(law).max():
            return 0.5 * (law + law.T)
        if not np.trace(law) < 1e8 * size:
            break
    raise Unstable("the second moments of these parameters diverge: batches are too small for this learning rate.")


def drawn_share(N: int, B: int, batching: str) -> float:
    """Variance of a batch's mean in units of one sample's: 1/B with "replacement", (N - B)/(B (N - 1)) for "fresh"."""
    return _batch_moments(N, B, batching).second / B**2


class _Moments(NamedTuple):
    """Moments of a sum of B centred samples: sum^2 -> second p2, sum^3 -> third p3, sum^4 -> fourth p4 + pairs * (the
    three pairings of p2 with p2), p the moments of one sample."""

    second: float
    third: float
    fourth: float
    pairs: float


def _batch_moments(N: int, B: int, batching: str) -> _Moments:
    """Source: moments of sample totals, e.g. W. Cochran, Sampling Techniques, 3rd ed. (1977), ch. 2; checked there."""
    if batching == "replacement":
        return _Moments(B, B, B, B * (B - 1))
    if batching != "fresh":
        raise BadInput(f"batching must be 'replacement' or 'fresh' here, got {batching!r}: shuffled epochs have a law "
                       "of their own (epoch_law).")
    if B > N:
        raise BadInput(f"batch_size must be at most {N}, the number of samples, got {B}.")
    left = N - B
    if left == 0:
        return _Moments(0, 0, 0, 0)
    if N < 4:
        raise BadInput("fresh batches need at least 4 samples here.")
    common = B * left / ((N - 1) * (N - 2) * (N - 3))
    return _Moments(B * left / (N - 1), B * left * (N - 2 * B) / ((N - 1) * (N - 2)),
                    common * (N * (N + 1) - 6 * B * left), common * N * (B - 1) * (left - 1))


def _fourth_moment(factors: np.ndarray, mean: np.ndarray, d: int, rate: float, moments: _Moments) -> float:
    """Spectral radius of E[M^(x4)] on symmetric tensors, M = mean + the batch's shaking of x (and of the last step)."""
    factors, mean, d = _leading(factors, mean, d)
    m, blocks = len(mean), len(mean) // d
    single = np.einsum("nci,ncj->nij", factors, factors)
    deltas = -rate * (single - single.mean(axis=0))
    basis, weight = _symmetric_basis(m)
    moved = _moved(basis, mean, _Shaking(deltas, blocks), moments)
    # Coordinates of a symmetric tensor: its entries at sorted indices.
    matrix = moved.reshape(len(basis), -1)[:, weight].T
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _leading(factors: np.ndarray, mean: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The problem on the directions along which single samples curve most, if there are more than are followed."""
    blocks = len(mean) // d
    keep = MOST_FOLLOWED[blocks - 1]
    if d <= keep:
        return factors, mean, d
    size = (factors**2).sum(axis=(1, 2))
    axes = np.linalg.eigh(np.einsum("n,nci,ncj->ij", size, factors, factors))[1][:, ::-1][:, :keep]
    turn = np.kron(np.eye(blocks), axes)
    return factors @ axes, turn.T @ mean @ turn, keep


def _symmetric_basis(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric tensors [b, m, m, m, m], each 1 at all orders of one set of indices; where these sets lie, flat [b]."""
    sets = list(itertools.combinations_with_replacement(range(m), 4))
    basis = np.zeros((len(sets), m, m, m, m))
    for tensor, indices in zip(basis, sets, strict=True):
        for order in itertools.permutations(indices):
            tensor[order] = 1.0
    return basis, np.ravel_multi_index(np.array(sets).T, (m,) * 4)


class _Shaking:
    """Tensor moments of single samples' centred matrices deltas [N, d, d], which act on x and show in every block."""

    def __init__(self, deltas: np.ndarray, blocks: int) -> None:
        N, d = deltas.shape[:2]
        self.d, self.blocks = d, blocks
        two = np.einsum("nab,ncd->nacbd", deltas, deltas).reshape(N, d**2, d**2)
        three = np.einsum("nab,ncd->acbd", two, deltas, optimize=True).reshape(d**3, d**3)
        four = np.einsum("nab,ncd->acbd", two, two, optimize=True).reshape(d**4, d**4)
        self.moments = {2: two.mean(axis=0), 3: three / N, 4: four / N}

    def __call__(self, X: np.ndarray, k: int) -> np.ndarray:
        """The k-th moment on axes 1..k of X [b, m, ...]."""
        inside = X[(slice(None), *[slice(self.d)] * k)]
        flat = inside.reshape(len(X), self.d**k, -1)
        shaken = (self.moments[k] @ flat).reshape(inside.shape)
        return np.tile(shaken, (1, *[self.blocks] * k, *[1] * (4 - k)))


def _moved(X: np.ndarray, mean: np.ndarray, shaking: _Shaking, moments: _Moments) -> np.ndarray:
    """E[M^(x4)] X for symmetric tensors X [b, m, m, m, m]."""
    once = _on(mean, X, 4)
    twice = _on(mean, once, 3)
    result = _on(mean, _on(mean, twice, 2), 1)
    # Places that one sample shakes while the mean moves the others: 6 pairs, 4 triples; or two samples shake two each.
    result += moments.second * 6 * _symmetric(shaking(twice, 2))
    result += moments.third * 4 * _symmetric(shaking(once, 3))
    result += moments.fourth * shaking(X, 4)
    if moments.pairs:
        half = np.moveaxis(shaking(X, 2), (3, 4), (1, 2))
        result += moments.pairs * 3 * _symmetric(shaking(half, 2))
    return result


def _on(matrix: np.ndarray, X: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(np.tensordot(matrix, X, axes=(1, axis)), 0, axis)


def _symmetric(X: np.ndarray) -> np.ndarray:
    """The mean over all 24 orders of the last four axes."""
    orders = list(itertools.permutations(range(1, 5)))
    return np.sum([np.transpose(X, (0, *order)) for order in orders], axis=0) / len(orders)


class EpochLaw(NamedTuple):
    """Shuffled epochs with additive noise, per Hessian mode: variance at the epoch's end [d], and the ratio of FDR1."""

    end_variance: np.ndarray
    fdr1: float


def epoch_law(
    hessian: Any, noise: Any, lr: float, batch_size: int, n_samples: int, every: int = 1
) -> EpochLaw:
    """SGD without momentum through shuffled epochs: batches of one epoch know of each other, so that noise cancels.

    hessian: [d, d]; noise: C [d, d]. Batches of one epoch have Cov(xi_j, xi_k) = C/B N/(N-1) (delta_jk - B/N). With
    M = floor(N/B), a = 1 - lr h the variance at the epoch's end is lr^2 (C/B)(N/(N-1)) [(1 - a^2M)/(1 - a^2) - (B/N)
    (1 - a^M)^2/(1 - a)^2]/(1 - a^2M). fdr1: <x.grad f> / (lr/2 <g.g>) over the places in an epoch that observing every
    `every`-th step meets; 1 for independent batches, NaN for epochs of one batch, which make no noise. Exact where
    samples share one curvature (additive noise); else fdr1 up to a relative O(lr), while the variance at the end, from
    which additive noise cancels to O(lr^3), is too small. Source: exact, derived here. Raises Unstable for lr h >= 2,
    BadInput.
    """
    h, axes = np.linalg.eigh(np.asarray(hessian, dtype=np.float64))
    if not (h > 0).all():
        raise BadInput("shuffled epochs have a stationary law only where all curvatures are above 0.")
    a = 1 - lr * h
    if (np.abs(a) >= 1).any():
        raise Unstable("this learning rate diverges even without noise: it must be below 2 over the largest curvature.")
    C = np.einsum("ij,ik,kj->j", axes, np.asarray(noise, dtype=np.float64), axes)
    N, B = n_samples, batch_size
    M = N // B
    if not 1 <= B <= N:
        raise BadInput(f"batch_size must be from 1 to {N}, got {B}.")
    if N == 1 or M == 0:
        raise BadInput("epochs need at least two samples.")
    strength = C / B * N / (N - 1)
    end = lr**2 * strength * _grown(a, M, B / N) / (1 - a ** (2 * M))
    k = np.unique(np.arange(0, every * M, every) % M)[:, None]  # steps already taken in the epoch, where one looks
    variance = a ** (2 * k) * end + lr**2 * strength * _grown(a, k, B / N)
    # The batch at hand leans against those before it: E[x_k xi_k] > 0.
    known = lr * strength * (B / N) * (1 - a**k) / (1 - a)
    left = (h * variance).sum(axis=1).mean()
    right = (h**2 * variance + 2 * h * known + strength * (1 - B / N)).sum(axis=1).mean()
    return EpochLaw(end, float(left / (0.5 * lr * right)) if right > 0 else math.nan)


def _grown(a: np.ndarray, k: Any, share: float) -> np.ndarray:
    """Variance of sum_{j<k} a^(k-1-j) xi_j in units of the noise's strength."""
    return (1 - a ** (2 * k)) / (1 - a**2) - share * (1 - a**k) ** 2 / (1 - a) ** 2
