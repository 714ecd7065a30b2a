"""What stands at the marks of a plane through three solutions: losses, curvatures, and how differently they answer."""

from typing import Any

import numpy as np

from ...core.energies.rest import function_difference
from ...core.learning.alignment import align, distinct_units
from ...core.learning.derivatives import LARGEST_MATRIX
from ...core.learning.networks import NetworkLoss
from ...core.thermodynamics.free_energy import crossing_temperature


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
