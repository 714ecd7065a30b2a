"""Energy, entropy, free energy and distance to Boltzmann of a cloud of balls, be it tight, split or quenched."""

import math
from typing import Any, NamedTuple

import numpy as np

from ..arrays import not_negative
from ..errors import BadInput, TooFewSamples
from ..landscape.surfaces import Surface
from ..statistics.estimators import Bound, Estimate, independent_mean
from ..statistics.nearest_neighbours import FEWEST, LocalEntropies, Region, local_entropies

# Of more balls the entropy is taken of this many, evenly chosen: the browser has a quarter of a second for it.
MOST = 3000


class CloudNumbers(NamedTuple):
    """Thermodynamics of a cloud of balls: F = E - T S, KL = (F - F_eq) / T, in nats. None: it cannot tell."""

    E: Estimate
    S: Estimate | None
    F: Estimate
    KL: Estimate | None


def cloud(surface: Surface, temperature: float, points: Any) -> CloudNumbers:
    """E, S, F and KL of a cloud of independent balls at points [n, 2] on a surface, at temperature T >= 0.

    S = -int p ln p of the law that the balls are drawn from, by nearest neighbours (`neighbours`; of 3000 balls where
    there are more); F = <E> - T S; KL: distance of that law to Boltzmann's, (F - F_eq) / T, which sampling can make
    negative within its error. The errors hold sampling and what is left of the estimator's bias. Where balls coincide,
    or lie on a line, S has no lower limit: S, F and KL are then `Bound`s. At T = 0 F = E, and S and KL are None: balls
    come to rest in points, and there is no Boltzmann density. KL is None also where T is too low for the surface's
    equilibrium. Raises TooFewSamples below 20 balls; BadInput, also for points outside or in cells without data.
    """
    u = _points(points)
    T = not_negative("temperature", temperature)
    astray = int(np.sum(surface.masked(u)))
    if astray:
        raise BadInput(f"{astray} of {len(u)} points lie outside the surface or in cells without data.")
    found = cloud_numbers(surface(u), u, T, Region.of(surface))
    return found if T == 0 else found._replace(KL=_distance(surface, T, found.F))


def cloud_numbers(energies: Any, x: Any, temperature: float, region: Region | None = None) -> CloudNumbers:
    """E, S and F = E - TS of independent balls x [n, 2] of a region (None: the plane) with energies [n]; KL is None.

    For clouds that have no surface. T = 0: F = E, S None. Raises TooFewSamples, BadInput.
    """
    values, places = np.asarray(energies, dtype=float), np.asarray(x, dtype=float)
    E = independent_mean(values)
    if temperature == 0:
        return CloudNumbers(E, None, E, None)
    n = len(places)
    chosen = np.arange(min(n, MOST)) * n // min(n, MOST)
    local = local_entropies(places[chosen], region)
    S = Estimate(local.terms.mean(), _error(local, np.zeros_like(chosen), n, 1.0))
    F = Estimate(E.value - temperature * S.value, _error(local, values[chosen], n, temperature))
    if local.resolved:
        return CloudNumbers(E, S, F, None)
    return CloudNumbers(E, Bound(S, S.stderr, "<="), Bound(F, F.stderr, ">="), None)


def _error(local: LocalEntropies, energies: np.ndarray, n: int, temperature: float) -> float:
    """Standard error of <energies> - T S: the energies' mean is of n balls, S of those m that `local` holds."""
    m = len(energies)
    (energy, both), (_, entropy) = np.cov(energies, local.terms)
    heat = temperature**2 * ((entropy + local.shared) / m + local.bias**2)
    return math.sqrt(max(heat + (energy - 2 * temperature * both) / n, 0.0))


def _distance(surface: Surface, T: float, F: Estimate) -> Estimate | None:
    try:
        equilibrium = surface.equilibrium(T)
    except BadInput:  # below the temperature that the surface resolves
        return None
    distance, stderr = (F.value - equilibrium.F) / T, F.stderr / T
    return Bound(distance, stderr, F.side) if isinstance(F, Bound) else Estimate(distance, stderr)


def _points(points: Any) -> np.ndarray:
    try:
        u = np.asarray(points, dtype=float)
    except (TypeError, ValueError):
        u = np.empty(0)
    if u.ndim != 2 or u.shape[1] != 2:
        raise BadInput(f"points must be an array of numbers of shape [n, 2], got {list(np.shape(u))}.")
    if len(u) < FEWEST:
        raise TooFewSamples(f"{len(u)} balls are too few for an entropy; at least {FEWEST} are needed.")
    if not np.isfinite(u).all():
        raise BadInput("points must be finite: they hold NaN or infinite values.")
    return u
