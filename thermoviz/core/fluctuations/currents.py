"""Detailed balance and its breaking: what circulates in a stationary cloud, and the entropy it produces.

For dx = -A x dt + noise of covariance 2 D dt the stationary covariance solves A S + S A^T = 2 D, and Q = A S - D is
antisymmetric: 0 in equilibrium, else the rate at which the cloud turns. Q_ij is the stochastic area
<x_i dx_j - x_j dx_i> / 2 dt, and tr(S^-1 Q^T D^-1 Q) the entropy produced, in nats per unit time.

A chain of finite steps x -> x' has an entropy production of its own: per step <ln p(x, x')/p(x', x)>, how far two
places in a row are from the same two in reverse. For normal x, x' of covariances S = <x x^T>, <x' x^T> it is again
tr(U^-1 Q^T D^-1 Q) per unit time, with U the covariance of the midpoint (x + x')/2 and 2 dt D that of the step, given
the midpoint. Sources: P. Chaudhari and S. Soatto, ICLR 2018; U. Seifert, Rep. Prog. Phys. 75, 126001 (2012);
J. B. Weiss, Tellus A 55, 208 (2003); of the chain: derived here.
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..arrays import positive
from ..errors import BadInput, TooFewSamples, Unstable
from ..statistics.estimators import FEWEST, Estimate


class LinearCurrent(NamedTuple):
    """A linear stationary process: covariance [d, d], area [d, d] (antisymmetric, area[i, j] = <x_i dx_j - x_j dx_i> /
    2 dt, in squares of x per unit time), and entropy_production in nats per unit time."""

    covariance: np.ndarray
    area: np.ndarray
    entropy_production: float


def linear_current(drift: Any, diffusion: Any, dt: float = 0.0) -> LinearCurrent:
    """The closed form for dx = -A x dt + noise, drift A [d, d], diffusion D [d, d] (or a number, or [d]).

    dt > 0: of Euler-Maruyama's chain with that step, all exactly. Raises Unstable where nothing settles, BadInput for
    shapes and for a singular D.
    """
    A = np.asarray(drift, dtype=np.float64)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not np.isfinite(A).all():
        raise BadInput(f"drift must be a matrix [d, d] of finite numbers, got shape {list(A.shape)}.")
    D = _diffusion(diffusion, len(A))
    step = np.eye(len(A)) - dt * A
    settles = np.linalg.eigvals(A).real.min() > 0 if dt == 0 else np.abs(np.linalg.eigvals(step)).max() < 1
    if not settles:
        raise Unstable("this linear force has no stationary law: it drives some direction away"
                       + ("." if dt == 0 else ", or the time step is too large."))
    S = (scipy.linalg.solve_continuous_lyapunov(A, 2 * D) if dt == 0
         else scipy.linalg.solve_discrete_lyapunov(step, 2 * dt * D))
    # <x (x - x')^T> / dt = S A^T, of which the area is the antisymmetric half.
    chain = gaussian_chain(S, S @ A.T, dt)
    return LinearCurrent(S, chain.area, entropy_production_of(*chain))


class Chain(NamedTuple):
    """What entropy_production_of needs of a stationary Gaussian chain: area [d, d], covariance [d, d] of the midpoints
    of its steps, diffusion [d, d] of its steps, given their midpoints."""

    area: np.ndarray
    covariance: np.ndarray
    diffusion: np.ndarray


def gaussian_chain(covariance: np.ndarray, pulled: np.ndarray, dt: float) -> Chain:
    """The chain x -> x' of step dt with S = <x x^T> = covariance and <x (x - x')^T> / dt = pulled, both [d, d].

    dt = 0: its limit, continuous in time. Of SGD pulled is <x (grad f)^T>, dt the learning rate.
    """
    even, area = 0.5 * (pulled + pulled.T), 0.5 * (pulled.T - pulled)
    midpoint = covariance - 0.5 * dt * even
    return Chain(area, midpoint, even - 0.5 * dt * area.T @ np.linalg.solve(midpoint, area))


def _diffusion(value: Any, d: int) -> np.ndarray:
    D = np.asarray(value, dtype=np.float64)
    D = D * np.eye(d) if D.ndim < 2 and D.shape in ((), (d,)) else D
    if D.shape != (d, d) or not np.isfinite(D).all() or not np.allclose(D, D.T):
        raise BadInput(f"diffusion must be a number, [{d}] or a symmetric matrix [{d}, {d}].")
    if np.linalg.eigvalsh(D)[0] <= 0:
        raise BadInput("diffusion must be positive in every direction: for a lower bound take the plane where it is.")
    return D


def sgd_current(curvatures: Any, diffusion: Any) -> LinearCurrent:
    """The current of SGD near a minimum, in the eigenbasis of the Hessian: curvatures h [d], diffusion D [d, d].

    S_ij = 2 D_ij/(h_i + h_j), area_ij = D_ij (h_i - h_j)/(h_i + h_j), with D = lr C/(2 B): closed form at small lr.
    Source: Chaudhari and Soatto 2018. Raises BadInput unless every h > 0.
    """
    h = np.asarray(curvatures, dtype=np.float64)
    if h.ndim != 1 or not (h > 0).all():
        raise BadInput("curvatures must be numbers > 0, [d].")
    D = _diffusion(diffusion, len(h))
    total, difference = h[:, None] + h, h[:, None] - h
    S, area = 2 * D / total, D * difference / total
    return LinearCurrent(S, area, entropy_production_of(area, S, D))


def entropy_production_of(area: np.ndarray, covariance: np.ndarray, diffusion: np.ndarray) -> float:
    """tr(S^-1 Q^T D^-1 Q) in nats per unit time, Q the area [d, d]; 0 in detailed balance only."""
    return float(np.trace(np.linalg.solve(covariance, area.T) @ np.linalg.solve(diffusion, area)))


def stochastic_area(path: Any, dt: float) -> Estimate:
    """<x_1 dx_2 - x_2 dx_1> / 2 dt of stationary paths [T, n, 2] of n independent replicas, about their common mean.

    stderr: between replicas. Raises TooFewSamples below 4 replicas or 2 records, BadInput.
    """
    x = _paths(path, dt)
    if x.shape[2] != 2:
        raise BadInput(f"a stochastic area needs paths in a plane, [T, n, 2], got {list(x.shape)}.")
    each = _areas(x, dt)[:, 0]
    return Estimate(each.mean(), each.std(ddof=1) / math.sqrt(len(each)))


def entropy_production(path: Any, dt: float, diffusion: Any = None) -> Estimate:
    """Entropy production of stationary paths [T, n, d] under a linear force, in nats per unit time, debiased.

    Of the chain of steps dt, by the areas of all pairs of directions; with a diffusion D [d, d] (or a number, [d]): of
    the motion continuous in time. Squares of noisy areas are too large by their variance, which is taken off:
    for an equilibrium process the result scatters about 0 and may be negative. stderr: of the quadratic form, from the
    replicas' covariance; the error of the other covariances is not in it. Raises TooFewSamples unless there are more
    replicas than pairs of directions (and 4), BadInput.
    """
    x = _paths(path, dt)
    n, d = x.shape[1:]
    areas = _areas(x, dt)
    if n <= areas.shape[1]:
        raise TooFewSamples(f"{n} replicas are too few for the {areas.shape[1]} areas of {d} directions.")
    S = np.einsum("tni,tnj->ij", x, x) / (len(x) * n)
    if diffusion is not None:
        return debiased_production(areas, S, _diffusion(diffusion, d))
    pulled = np.einsum("tni,tnj->ij", x[:-1], x[:-1] - x[1:]) / (dt * (len(x) - 1) * n)
    return debiased_production(areas, *gaussian_chain(S, pulled, dt)[1:])


def debiased_production(areas: np.ndarray, covariance: np.ndarray, diffusion: np.ndarray) -> Estimate:
    """The estimate from areas [n, pairs] of n independent replicas, pairs (0, 1), (0, 2), ..., (d - 2, d - 1)."""
    d, n = len(covariance), len(areas)
    pairs = list(itertools.combinations(range(d), 2))
    basis = np.zeros((len(pairs), d, d))
    for turn, (i, j) in zip(basis, pairs, strict=True):
        turn[i, j], turn[j, i] = 1.0, -1.0
    # tr(S^-1 Q^T D^-1 Q) = q K q for Q = sum q_p basis_p.
    left, right = np.linalg.inv(covariance), np.linalg.inv(diffusion)
    K = np.einsum("ij,pkj,kl,qli->pq", left, basis, right, basis)
    q, noise = areas.mean(axis=0), np.atleast_2d(np.cov(areas, rowvar=False)) / n
    value = q @ K @ q - np.trace(K @ noise)
    shaken = K @ noise @ K
    own = float(np.trace(shaken @ noise))
    variance = 4 * max(float(q @ shaken @ q) - own, 0.0) + 2 * own  # of a quadratic form of normal numbers
    return Estimate(float(value), math.sqrt(max(variance, 0.0)))


def _paths(path: Any, dt: float) -> np.ndarray:
    """[T, n, d] about the common mean. Raises BadInput, TooFewSamples."""
    x = np.asarray(path, dtype=np.float64)
    if x.ndim != 3 or x.shape[2] < 2 or not np.isfinite(x).all():
        raise BadInput(f"path must be finite numbers [T, n, d], d >= 2, got shape {list(x.shape)}.")
    positive("dt", dt)
    if x.shape[1] < FEWEST or x.shape[0] < 2:
        raise TooFewSamples(f"areas need at least {FEWEST} replicas of 2 records, got {list(x.shape)}.")
    return x - x.mean(axis=(0, 1))


def _areas(x: np.ndarray, dt: float) -> np.ndarray:
    """Per replica and pair of directions i < j: <x_i dx_j - x_j dx_i> / 2 dt, [n, pairs]."""
    turned = np.einsum("tni,tnj->nij", x[:-1], np.diff(x, axis=0)) / (2 * dt * (len(x) - 1))
    i, j = np.triu_indices(x.shape[2], 1)
    return turned[:, i, j] - turned[:, j, i]
