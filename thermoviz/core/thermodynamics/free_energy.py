"""Free energies of basins: harmonic theory, Bennett's bridge between two ensembles, and a basin measured by it.

F = -T ln int_basin e^(-E/T) d^dx, k_B = 1, x in its own unit of length (only differences at equal d and T mean
anything). A bridge needs no hops between basins: each is compared with a harmonic well of known free energy.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..arrays import positive
from ..energies.protocol import force
from ..errors import BadInput, TooFewSamples
from ..statistics.estimators import FEWEST, Estimate

# Samples, in effect, in which two ensembles must overlap for a bridge between them to be stated.
LEAST_OVERLAP = 10.0
# The sampler's proposals, in turn, from each of its wells: 1 draws afresh from the well's normal law, 0.5 stays near, 0
# goes along a random line.
PROPOSALS = (1.0, 0.0, 0.5, 0.0)
# Width of a step along a line, in widths of the well: the best for a normal law (A. Gelman, G. Roberts and W. Gilks,
# Bayesian Statistics 5, 599 (1996), table 1).
LINE_STEP = 2.4


class Basin(NamedTuple):
    """One basin's free energy F, mean energy U, entropy S = (U - F)/T, and one sample per walker, x [walkers, d]."""

    F: Estimate
    U: Estimate
    S: Estimate
    x: np.ndarray


def harmonic_free_energy(curvatures: Any, temperature: float, energy: float = 0.0) -> Any:
    """E + T/2 sum_i ln(h_i / (2 pi T)) [...] of a harmonic well with Hessian eigenvalues h [..., d].

    Source: exact, the Gaussian integral. Raises BadInput unless every h_i > 0 ("not harmonic") and T > 0.
    """
    h = np.asarray(curvatures, dtype=np.float64)
    T = positive("temperature of a free energy", temperature)
    if h.ndim == 0 or not (h > 0).all():
        raise BadInput("curvatures must be numbers > 0 along the last axis: a basin with any other is not harmonic.")
    return (energy + T / 2 * np.log(h / (2 * np.pi * T)).sum(axis=-1))[()]


def crossing_temperature(depth: float, log_determinant_ratio: float) -> float | None:
    """T* = depth / (1/2 ln(det H_deep / det H_wide)), where two harmonic wells have equal free energies.

    `depth`: how much deeper the first lies; the second argument: ln det H_deep - ln det H_wide. None where it does not
    exist: the deeper well is at least as wide. Source: E_1 + T/2 ln det H_1 = E_2 + T/2 ln det H_2.
    """
    if not (math.isfinite(depth) and math.isfinite(log_determinant_ratio)) or depth < 0:
        raise BadInput("crossing_temperature needs a depth >= 0 and a finite ratio of determinants.")
    return 2 * depth / log_determinant_ratio if log_determinant_ratio > 0 else None


def bennett(forward: Any, reverse: Any, temperature: float = 1.0) -> Estimate:
    """F_1 - F_0 between two ensembles at one T, by Bennett's acceptance ratio, with its standard error.

    forward: E_1 - E_0 at samples of ensemble 0, +inf where ensemble 1 has no weight; reverse: the same difference at
    samples of ensemble 1, -inf where ensemble 0 has none. [n] independent samples, or [walkers, n] whose walkers are
    independent of each other; the error is taken between walkers (sandwich formula of the estimating equation).
    Source: C. H. Bennett, J. Comput. Phys. 22, 245 (1976), eq. (12); M. R. Shirts et al., Phys. Rev. Lett. 91, 140601
    (2003). Raises TooFewSamples below 4 walkers on either side or where the ensembles hardly overlap, BadInput.
    """
    T = positive("temperature of a free energy", temperature)
    ahead, back = (_differences(values, name) / T for values, name in ((forward, "forward"), (reverse, "reverse")))
    if (ahead == -np.inf).any() or (back == np.inf).any():
        raise BadInput("a sample lies where its own ensemble has no weight: forward may hold +inf, reverse -inf only.")
    offset = math.log(ahead.size / back.size)
    finite = np.concatenate([ahead[np.isfinite(ahead)], back[np.isfinite(back)]])
    if not np.isfinite(ahead).any() or not np.isfinite(back).any():
        raise TooFewSamples("no sample of one ensemble lies where the other has weight: they do not overlap.")

    def weights(shift: float) -> tuple[np.ndarray, np.ndarray]:
        """Fermi's functions of both ensembles at a trial difference."""
        return _fermi(offset + ahead - shift), _fermi(-offset - back + shift)

    def excess(shift: float) -> float:
        one, other = weights(shift)
        return float(one.sum() - other.sum())

    room = abs(offset) + 50.0
    shift = float(scipy.optimize.brentq(excess, finite.min() - room, finite.max() + room, xtol=1e-12, rtol=8.9e-16))
    one, other = weights(shift)
    overlap = float((one * (1 - one)).sum() + (other * (1 - other)).sum())
    if overlap < LEAST_OVERLAP:
        raise TooFewSamples(f"the two ensembles overlap in {overlap:.2g} samples in effect; at least "
                            f"{LEAST_OVERLAP:g} are needed.")
    return Estimate(T * shift, T * math.sqrt(_scatter(one) + _scatter(other)) / overlap)


def basin_free_energy(
    energy: Any, minimum: Any, temperature: float, rng: np.random.Generator, hessian: Any = None, reference: Any = None,
    inside: Callable[[np.ndarray], np.ndarray] | None = None, walkers: int = 100, steps: int = 30,
    progress: Callable[[float], Any] | None = None,
) -> Basin:
    """Free energy of one basin of `energy`, bridged from a harmonic well around `minimum` [d].

    hessian: of the energy there (a number, curvatures [d] or a matrix [d, d]; None: from differences of the force); it
    only guides the sampler. reference: the well's curvatures (a number or [d]; None: the hessian's). A reference that
    knows nothing of the basin makes this a measurement of its volume. inside(x [n, d]) -> bool [n] says what belongs to
    the basin (None: everywhere). Samples of the basin: `walkers` independent Metropolis chains, each started at the
    minimum, `steps` samples each after as many to forget the start; exact at any time, there is no time step.
    The error of F also holds T/n for what n samples cannot have seen. `progress(fraction)` is called at every step.
    Raises BadInput, TooFewSamples.
    """
    T, centre = positive("temperature of a free energy", temperature), _point(minimum)
    curved = curvature_of(energy, centre) if hessian is None else hessian
    known = Well(centre, curved if reference is None else reference, T)
    wells = [known] if reference is None else [Well(centre, curved, T), known]
    if walkers < FEWEST:
        raise TooFewSamples(f"{walkers} walkers are too few for a standard error; at least {FEWEST} are needed.")
    belongs = inside or (lambda x: np.ones(len(x), dtype=bool))

    def within(x: np.ndarray) -> np.ndarray:
        return np.where(belongs(x), energy(x), np.inf)

    energies, reverse = np.empty((2, walkers, steps))
    x = np.empty((walkers, centre.size))
    for k, (x, E) in enumerate(metropolis(within, wells, walkers, 2 * steps, rng)):
        if k >= steps:
            energies[:, k - steps], reverse[:, k - steps] = E, E - known.energy(x)
        if progress is not None:
            progress((k + 1) / (2 * steps))
    draws = known.sample(walkers * steps, rng)
    forward = within(draws) - known.energy(draws)
    difference = bennett(forward, reverse, T)
    unseen = T / forward.size
    F = Estimate(known.free_energy + difference.value, math.hypot(difference.stderr, unseen))
    U = Estimate(energies.mean(), energies.mean(axis=1).std(ddof=1) / math.sqrt(walkers))
    return Basin(F, U, Estimate((U.value - F.value) / T, math.hypot(U.stderr, F.stderr) / T), x)


class Well:
    """A harmonic well q = 1/2 (x - c)^T H (x - c) at temperature T: its Boltzmann law is a normal one.

    `curvatures`: a number, [d], or a symmetric matrix [d, d]. Raises BadInput unless all eigenvalues are > 0.
    """

    def __init__(self, centre: np.ndarray, curvatures: Any, temperature: float) -> None:
        d, H = centre.size, np.asarray(curvatures, dtype=np.float64)
        if H.shape not in ((), (d,), (d, d)) or not np.isfinite(H).all():
            raise BadInput(f"curvatures of a well in {d} dimensions must be a finite number, [{d}] or [{d}, {d}], "
                           f"got shape {list(H.shape)}.")
        h, axes = np.linalg.eigh(H) if H.ndim == 2 else (np.broadcast_to(H, (d,)), None)
        self.centre, self.T, self._h, self._axes = centre, temperature, h, axes
        self.free_energy = float(harmonic_free_energy(h, temperature))

    def energy(self, x: np.ndarray) -> np.ndarray:
        """q [n] at x [n, d]."""
        away = x - self.centre
        return 0.5 * ((away if self._axes is None else away @ self._axes) ** 2) @ self._h

    def place(self, z: np.ndarray) -> np.ndarray:
        """x [n, d] of normal coordinates z [n, d], in which q = T z^2 / 2."""
        away = z * np.sqrt(self.T / self._h)
        return self.centre + (away if self._axes is None else away @ self._axes.T)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n independent draws [n, d] of its Boltzmann law."""
        return self.place(rng.standard_normal((n, self.centre.size)))


def metropolis(
    energy: Callable[[np.ndarray], np.ndarray], wells: Sequence[Well], walkers: int, steps: int,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (x [walkers, d], E [walkers]) step by step: Markov chains of stationary law e^(-E/T), from the centre.

    Proposals x' = c + sqrt(1 - b^2) (x - c) + b xi, xi of a well's law, leave that law unchanged and are accepted by
    the rest, E - q: in a harmonic basin always, in any number of dimensions (S. L. Cotter, G. O. Roberts, A. M. Stuart
    and D. White, Stat. Sci. 28, 424 (2013), eq. (4.10)). Between them stand Metropolis steps along random lines,
    accepted by E. The `wells` take turns, all of one centre and temperature; the widest should cover the basin. Raises
    BadInput where the centre has no finite energy.
    """
    T, centre = wells[0].T, wells[0].centre
    x = np.tile(centre, (walkers, 1))
    E = energy(x)
    if not np.isfinite(E).all():
        raise BadInput("the minimum does not lie inside its own basin, or has no finite energy.")
    turns = [(well, b) for b in PROPOSALS for well in wells]
    for k in range(steps):
        well, b = turns[k % len(turns)]
        xi = rng.standard_normal(x.shape)
        if b > 0:
            trial = centre + math.sqrt(1 - b * b) * (x - centre) + b * (well.place(xi) - centre)
            known = well.energy(trial) - well.energy(x)
        else:
            length = LINE_STEP * rng.standard_normal((walkers, 1)) / np.linalg.norm(xi, axis=1, keepdims=True)
            trial, known = x + well.place(length * xi) - centre, 0.0
        there = energy(trial)
        accepted = -T * rng.standard_exponential(walkers) <= E - there + known
        x[accepted], E[accepted] = trial[accepted], there[accepted]
        yield x, E


def curvature_of(energy: Any, x: Any) -> np.ndarray:
    """Hessian [d, d] of an energy at x [d], symmetric, from central differences of its force: error O(h^2)."""
    point = _point(x)
    step = 1e-4 * max(1.0, float(np.abs(point).max()))
    shifts = step * np.eye(point.size)
    slopes = np.asarray(force(energy, point - shifts)) - np.asarray(force(energy, point + shifts))
    return (slopes + slopes.T) / (4 * step)


def _fermi(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^x), without overflow."""
    return 0.5 * (1 - np.tanh(0.5 * x))


def _scatter(values: np.ndarray) -> float:
    """Variance of the sum over all of values [walkers, n], whose walkers are independent."""
    sums = values.sum(axis=1)
    return float(sums.var(ddof=1) * len(sums))


def _differences(values: Any, name: str) -> np.ndarray:
    """[walkers, n] from [n] or [walkers, n]. Raises BadInput, TooFewSamples."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be an array of energy differences.") from None
    if array.ndim not in (1, 2) or np.isnan(array).any():
        raise BadInput(f"{name} must have shape [n] or [walkers, n] without NaN, got {list(array.shape)}.")
    array = array[:, None] if array.ndim == 1 else array
    if len(array) < FEWEST or array.size == 0:
        raise TooFewSamples(f"{name}: {len(array)} independent samples are too few; at least {FEWEST} are needed.")
    return array


def _point(x: Any) -> np.ndarray:
    try:
        point = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.ndim != 1 or not point.size or not np.isfinite(point).all():
        raise BadInput("the minimum must be one place, finite numbers [d].")
    return point
