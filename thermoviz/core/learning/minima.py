"""The bottom of a network's basin: descent that ends, then Newton's steps to rounding; and what stands at the marks of
a plane through three solutions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dynamics.integrators import SGD, GradientDescent, simulate
from ..energies.rest import function_difference
from ..thermodynamics.free_energy import crossing_temperature
from .alignment import align, distinct_units
from .derivatives import LARGEST_MATRIX
from .networks import NetworkLoss

# Cooling: descent without momentum until the stiff directions rest, then with it, down to directions 1000 times softer.
DESCENT_STEPS, MOMENTUM, MOMENTUM_STEPS, RATE = 200, 0.97, 1300, 0.5
# Newton's steps to the bottom, none longer than this; curvatures below this share of the weight decay are not
# trusted.
NEWTON_STEPS, LONGEST_STEP, TRUSTED = 12, 0.3, 0.1


def cooled(loss: NetworkLoss, thetas: np.ndarray, stiffest: float, report: Callable[[float], Any]) -> np.ndarray:
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
    rested = cooled(loss, theta[None], max(stiffest, 1.0), report)[0]
    return minimum(loss, rested) if loss.d <= LARGEST_MATRIX else rested


def solution_numbers(loss: NetworkLoss, plane: Any, surface: Any) -> dict[str, Any]:
    """What the three networks at the marks of a plane through solutions are, one entry each, best first.

    `loss`, `gradient` |grad E|, `softest` smallest Hessian eigenvalue (None beyond d = 1000), `units` distinct hidden
    units per layer; `difference` [3][3] of their functions (rms over training points, nats or units of the target);
    `distance` [3][3] in parameters, hidden units renamed to match. `T_full`: where the free energies of the two valleys
    that the slice's crossing names would be equal in all d directions, if both were parabolas (harmonic theory); None
    where there is no such T.
    """
    exact, thetas = loss.in_double(), plane.embed(plane.points)
    matched = np.stack([np.linalg.norm(align(thetas, theta, loss.layer_slices, loss.mlp.activation) - theta, axis=1)
                        for theta in thetas])
    small = loss.d <= LARGEST_MATRIX
    curvatures = [np.linalg.eigvalsh(exact.hessian(theta)) for theta in thetas] if small else None
    energies = np.asarray(exact(thetas), float)
    return {"solutions": {
        "loss": energies.tolist(), "gradient": np.linalg.norm(exact.force(thetas), axis=1).tolist(),
        "softest": None if curvatures is None else [float(h[0]) for h in curvatures],
        "units": distinct_units(thetas, loss).tolist(), "difference": function_difference(exact, thetas).tolist(),
        "distance": matched.tolist(),
        "T_full": None if curvatures is None else _full_crossing(plane, surface, energies, curvatures),
    }}


def _full_crossing(plane: Any, surface: Any, energies: np.ndarray, curvatures: list[np.ndarray]) -> float | None:
    """T* of harmonic theory in all directions, between the marks in the two valleys of the slice's first crossing."""
    basins = surface.basins.label_at(plane.points).tolist()
    if not surface.crossings or not {surface.crossings[0].cold, surface.crossings[0].hot} <= set(basins):
        return None
    deep, wide = sorted((basins.index(surface.crossings[0].cold), basins.index(surface.crossings[0].hot)),
                        key=lambda k: energies[k])
    if min(curvatures[deep][0], curvatures[wide][0]) <= 0:
        return None
    ratio = float(np.log(curvatures[deep]).sum() - np.log(curvatures[wide]).sum())
    return crossing_temperature(float(energies[wide] - energies[deep]), ratio)
