"""Solutions that belong to a problem, whatever the seed: where cold and far replicas start, and the slice is cut."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.dynamics.simulation import simulate
from ...core.errors import BadInput
from ...core.landscape.planes import Plane
from ...core.landscape.surfaces import Surface
from ...core.learning.alignment import align
from ...core.learning.minima import descended, gradient, minimum
from ...core.learning.networks import NetworkLoss
from ...core.seeds import rng

# Networks among which solutions are chosen; how they are trained before they are cooled.
CANDIDATES = 12
TRAINING_STEPS, TRAINING = 2500, (1.0, 0.5, 0.25)
BATCH = 32
# The best of them are looked at: this share, at least three.
BEST = 0.5
# Solutions nearer to each other than this share of their length, units renamed, are one.
SAME = 0.05
# Networks of at most so many parameters are brought to rest by Newton's steps; larger ones rest as descent leaves them.
NEWTON_PARAMETERS = 150
# What float32 losses of one network may differ by, as a share.
ROUNDING = 1e-6
# How far a start is put where a problem has only one solution, in lengths of the solution.
FAR_LENGTHS = 2.0


class Minima(NamedTuple):
    """cold [d]: the lowest solution found; far [d]: another one, or a point far away where there is none (`another`
    False); third [d]: one more for the slice. Units of all are matched to `cold`. slope: the largest |grad E| of the
    solutions among them."""

    cold: np.ndarray
    far: np.ndarray
    third: np.ndarray
    another: bool
    slope: float


def three_minima(loss: NetworkLoss, problem: int, report: Callable[[float], Any]) -> Minima:
    """Minima [d] of the loss, from random starts that the problem's number draws: SGD, then descent to the bottom."""
    found = _candidates(loss, problem, report)
    best = found[np.argsort(np.asarray(loss(found)))[:max(3, round(BEST * len(found)))]]
    best = np.array([_rested(loss, theta) for theta in best])
    best = best[np.argsort(np.asarray(loss(best)), kind="stable")]
    lowest = align(best, best[0], loss.layer_slices, loss.mlp.activation)
    cold, length = lowest[0], float(np.linalg.norm(lowest[0]))
    distance = np.linalg.norm(lowest - cold, axis=1)
    far = int(np.argmax(distance))
    another = bool(distance[far] > SAME * length)
    away = [_pushed(loss, cold, k, problem) for k in range(2)]
    if not another:
        return Minima(cold, away[0], away[1], False, _slope(loss, cold))
    off = lowest - cold
    direction = off[far] / distance[far]
    beside = np.linalg.norm(off - (off @ direction)[:, None] * direction, axis=1)
    third = int(np.argmax(beside))
    solutions = [cold, lowest[far], *([lowest[third]] if beside[third] > SAME * length else [])]
    return Minima(cold, lowest[far], [*solutions, away[1]][2], True, _slope(loss, *solutions))


def _rested(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray:
    """The bottom [d] below theta [d], to rounding where the network is small enough."""
    if loss.d > NEWTON_PARAMETERS:
        return theta
    rested = minimum(loss, theta)
    better = np.isfinite(rested).all() and np.linalg.norm(gradient(loss, rested)) < np.linalg.norm(
        gradient(loss, theta)) and float(loss(rested)) <= float(loss(theta)) * (1 + ROUNDING)
    return rested if better else theta


def _slope(loss: NetworkLoss, *solutions: np.ndarray) -> float:
    return max(float(np.linalg.norm(gradient(loss, theta))) for theta in solutions)


def _candidates(loss: NetworkLoss, problem: int, report: Callable[[float], Any]) -> np.ndarray:
    """[n, d]: those of the networks whose training did not diverge. Raises BadInput where all did."""
    x0 = loss.init(CANDIDATES, int(rng(problem, "solutions").integers(2**32))).astype(np.float32)
    for lr in TRAINING:
        path = simulate(loss, SGD(lr), x0, TRAINING_STEPS, seed=problem, record_every=TRAINING_STEPS, batch_size=BATCH,
                        progress=lambda f: report(0.6 * f))
        if path.finite.all():
            break
    ends = path.x[-1, path.finite].astype(np.float64)
    if not len(ends):
        raise BadInput("every network diverges on this problem, even at small steps: standardise its inputs.")
    stiffest = max(float(loss.leading_eigenpairs(ends[0], 1)[0][0]), 1.0)
    bottoms = descended(loss, ends, 2 * stiffest, lambda f: report(0.6 + 0.4 * f))
    return np.asarray(bottoms[np.isfinite(bottoms).all(axis=1)] if np.isfinite(bottoms).any() else ends, np.float64)


def _pushed(loss: NetworkLoss, theta: np.ndarray, k: int, problem: int) -> np.ndarray:
    """A point some lengths of theta away from it, in a random direction."""
    away = rng(problem, f"far {k}").standard_normal(loss.d)
    return theta + FAR_LENGTHS * np.linalg.norm(theta) * away / np.linalg.norm(away)


def pass_on_slice(surface: Surface, plane: Plane, minima: Minima) -> tuple[float, float] | None:
    """How far one climbs on the surface [through the solutions] from the cold and from the far one to the lowest pass
    that joins their basins there; None where it shows them in one."""
    basins = surface.basins
    places = np.array([plane.project(theta) for theta in (minima.cold, minima.far)])
    here, there = basins.label_at(places)
    joined = {int(k): {int(k)} for k in range(basins.n)}
    for height, (a, b) in zip(basins.pass_energies, basins.pass_pairs, strict=True):  # lowest first
        together = joined[int(a)] | joined[int(b)]
        joined |= dict.fromkeys(together, together)
        if here != there and {int(here), int(there)} <= together:
            from_cold, from_far = (float(height - surface(place)) for place in places)
            return from_cold, from_far
    return None


def plane_of(minima: Minima) -> Plane:
    """The plane through the three of them."""
    return Plane.through(minima.cold, minima.far, minima.third)
