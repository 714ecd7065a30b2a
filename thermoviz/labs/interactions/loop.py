"""Work around a loop: two groups of weights have weight decay of their own, and the two strengths go round a rectangle.

A free energy is a function of where one is, so that the work of a slow loop is zero. It is for isotropic heat, also in
steps as large as SGD's. SGD's noise follows the data, and its work depends on the way: the loop that is walked one way
costs what the other way gains. Half the difference of the two ways is the loop's own work; what both lose by going at
a finite pace drops out. On linear regression all means follow exactly from the moments of theta, at any pace.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD, Overdamped
from ...core.fluctuations.regression import Quadratic, quadratic
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate, independent_mean
from ...core.thermodynamics.ramps import ramp
from .ramps import LINEAR_BATCH, LINEAR_RATE, Linear
from .results import Loop, Loops, LoopWork

# Both strengths go from the first to the second and back.
ENDS = (0.03, 1.0)
# Of the numerical derivative that chooses the two groups.
SHARE = 0.01

# Second moments P [d + 1, d + 1] of (theta, 1) -> covariance [d, d] of the noise of one step, averaged over theta:
# linear in P.
Shaken = Callable[[np.ndarray], np.ndarray]


def loop_work(linear: Linear, steps: int, walkers: int, seed: int, report: Callable[[float], Any]) -> Loops:
    """The loop's own work over T, for SGD and for isotropic heat of the same T in steps of the same size.

    steps: along each of the four sides; walkers: of SGD each way, a quarter of them for the control. Exact: from the
    moments, at this pace.
    """
    problem = quadratic(linear.loss)
    centre = linear.parabola.H @ linear.parabola.centre
    baths = {"sgd": sgd_noise(linear, problem), "isotropic": isotropic_noise(linear)}
    group = most_twisted(problem.hessian, centre, baths["sgd"])
    there = rectangle(group, steps)
    works = []
    for k, (name, shaken) in enumerate(baths.items()):
        found = _walked(linear, name, problem.hessian, centre, shaken, there, walkers if k == 0 else walkers // 4, seed)
        exact = 0.5 * (mean_work(problem.hessian, centre, shaken, there)
                       - mean_work(problem.hessian, centre, shaken, there[::-1]))
        works.append(LoopWork(found.value / linear.T, found.stderr / linear.T, exact / linear.T))
        report((k + 1) / len(baths))
    return Loops(Loop(np.flatnonzero(group).tolist(), list(ENDS), steps, walkers, *works))


def _walked(linear: Linear, name: str, H: np.ndarray, centre: np.ndarray, shaken: Shaken, there: np.ndarray,
            walkers: int, seed: int) -> Estimate:
    """Half the difference of the work of both ways, each by walkers of its own that begin at rest."""
    mean, covariance = at_rest(H + np.diag(there[0]), centre, shaken)
    draw = rng(seed, f"loop {name}")
    work = []
    for way in (there, there[::-1]):
        start = draw.multivariate_normal(mean, covariance, walkers, method="cholesky")
        settings: dict[str, Any] = {"seed": int(draw.integers(0, 2**32)), "record_every": len(way)}
        if name == "sgd":
            done = ramp(linear.walked, way[:, None], SGD(LINEAR_RATE), start, batch_size=LINEAR_BATCH, **settings)
        else:
            euler = Overdamped(dt=LINEAR_RATE, scheme="euler-maruyama")
            done = ramp(linear.parabola, way[:, None], euler, start, linear.T, **settings)
        work.append(done.work)
    return independent_mean(0.5 * (work[0] - work[1]))


# Exact


def sgd_noise(linear: Linear, problem: Quadratic) -> Shaken:
    """lr^2 / B times the covariance of single-sample gradients G_i (theta, 1), averaged over theta: the covariance of
    the matrices G is one tensor, of fourth moments of the data."""
    d = len(problem.hessian)
    at_zero = linear.loss.per_sample_gradients(np.zeros(d))
    G = np.concatenate([np.einsum("nci,ncj->nij", problem.factors, problem.factors), at_zero[:, :, None]], axis=2)
    G -= G.mean(axis=0)
    fourth = LINEAR_RATE**2 / LINEAR_BATCH / len(G) * np.einsum("nac,nbd->abcd", G, G, optimize=True)
    fourth = fourth.reshape(d * d, -1)
    return lambda P: (fourth @ P.ravel()).reshape(d, d)


def isotropic_noise(linear: Linear) -> Shaken:
    """2 lr T in all directions, everywhere."""
    heat = 2 * LINEAR_RATE * linear.T * np.eye(len(linear.parabola.H))
    return lambda P: P[-1, -1] * heat


def at_rest(K: np.ndarray, centre: np.ndarray, shaken: Shaken) -> tuple[np.ndarray, np.ndarray]:
    """Mean [d] and covariance [d, d] of the stationary state under the curvature K: a linear equation in Sigma."""
    d = len(K)
    mean, M = np.linalg.solve(K, centre), np.eye(d) - LINEAR_RATE * K
    columns = []
    for unit in np.eye(d * d):
        basis = unit.reshape(d, d)
        columns.append((basis - M @ basis @ M - shaken(_beside_nothing(basis))).ravel())
    none = shaken(second_moments(mean, np.zeros((d, d))))
    return mean, np.linalg.solve(np.stack(columns, axis=1), none.ravel()).reshape(d, d)


def second_moments(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """P [d + 1, d + 1] of (theta, 1)."""
    both = np.append(mean, 1.0)
    return np.outer(both, both) + _beside_nothing(covariance)


def _beside_nothing(matrix: np.ndarray) -> np.ndarray:
    """[d, d] -> [d + 1, d + 1]: with zeros behind."""
    d = len(matrix)
    out = np.zeros((d + 1, d + 1))
    out[:d, :d] = matrix
    return out


def mean_work(H: np.ndarray, centre: np.ndarray, shaken: Shaken, strengths: np.ndarray) -> float:
    """Exact mean work of a programme of strengths [K + 1, d], begun at rest: second moments of (theta, 1), step by
    step."""
    d = len(H)
    P = second_moments(*at_rest(H + np.diag(strengths[0]), centre, shaken))
    A = np.eye(d + 1)
    A[:d] -= LINEAR_RATE * np.column_stack([H, -centre])
    diagonal = A.reshape(-1)[:d * (d + 2):d + 2]
    work, turned = 0.0, diagonal - LINEAR_RATE * strengths[1:]
    for switched, now in zip(np.diff(strengths, axis=0), turned, strict=True):
        work += 0.5 * float(switched @ P.diagonal()[:d])
        diagonal[:], noise = now, shaken(P)
        P = A @ P @ A.T
        P[:d, :d] += noise
    return work


def most_twisted(H: np.ndarray, centre: np.ndarray, shaken: Shaken) -> np.ndarray:
    """The group of weights [d] (True) whose strength, against that of the rest, does most work round a small loop.

    <theta_i^2> / 2 is the force on the strength of weight i; where dF exists its derivatives by all strengths are
    symmetric, and what is not adds up over the pairs that a loop turns in.
    """
    d, middle = len(H), float(np.sqrt(ENDS[0] * ENDS[1]))

    def force(strength: np.ndarray) -> np.ndarray:
        mean, covariance = at_rest(H + np.diag(strength), centre, shaken)
        return 0.5 * (mean**2 + np.diag(covariance))

    step = SHARE * middle
    slopes = np.stack([(force(middle + step * unit) - force(middle - step * unit)) / (2 * step) for unit in np.eye(d)])
    twist = slopes - slopes.T
    groups = [np.isin(np.arange(d), chosen) for k in range(1, d // 2 + 1)
              for chosen in itertools.combinations(range(d), k)]
    return max(groups, key=lambda group: abs(twist[np.ix_(group, ~group)].sum()))


def rectangle(group: np.ndarray, steps: int) -> np.ndarray:
    """Strengths [4 steps + 1, d] around the loop, in geometric steps: the group's up, the rest's up, both down."""
    rise = np.linspace(0, 1, steps + 1)
    first = np.concatenate([rise, np.ones(steps), rise[-2::-1], np.zeros(steps)])
    second = np.concatenate([np.zeros(steps), rise, np.ones(steps), rise[-2::-1]])
    return ENDS[0] * (ENDS[1] / ENDS[0]) ** np.where(group, first[:, None], second[:, None])
