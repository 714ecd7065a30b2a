"""Weight decay as a handle: the energy E + (strength/2) |theta|^2, and the work of turning its strength.

At each switch theta stands still and the work (change of strength) |theta|^2 / 2 is counted, then one step follows in
the new energy, as in `work.drive`; here every replica may have its own programme, and nothing is compiled or copied
when a strength changes. Sources: C. Jarzynski, Phys. Rev. Lett. 78, 2690 (1997); preconditioned Langevin proposals:
G. O. Roberts and O. Stramer, Methodol. Comput. Appl. Probab. 4, 337 (2002).
"""

import itertools
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..dynamics.between import Between
from ..dynamics.simulation import Trajectory, simulate
from ..energies.driven import WithDecay, decay_energy, half_square
from ..energies.protocol import value_and_force
from ..errors import BadInput
from ..replicas import column, normal

# Curvatures below this share of the strength are not trusted where steps are shaped to a valley.
SOFTEST = 0.3


class Known(NamedTuple):
    """Positions x [n, d] with the bare energy there [n], its force [n, d] and |x|^2 / 2 [n], so that none is computed
    twice."""

    x: Any
    value: Any
    force: Any
    half: Any


class ShapedMALA:
    """Langevin steps shaped to a valley that weight decay deforms, each accepted or refused so that Boltzmann's law
    is kept exactly: y = x + dt A A^T f(x) + sqrt(2 T dt) A R.

    Steps are for `WithDecay` energies, the start for the bare one. A = curvature^(-1/2) for the curvature [m, d, d] at
    the nearest of the strengths [m], so that soft and stiff directions relax alike, within about 1/dt steps. A depends
    on the strength alone, never on x, so Boltzmann's law of every strength stays stationary. Raises BadInput for
    unequal lengths. Quickest where replicas of one strength stand side by side.
    """

    reverses: ClassVar[tuple[str, ...]] = ()
    heated: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True

    def __init__(self, dt: float, strengths: Any, curvatures: Any) -> None:
        self.dt, self.step_time = float(dt), float(dt)
        self._logs = np.log(np.asarray(strengths, dtype=np.float64))
        if len(self._logs) != len(curvatures):
            raise BadInput("ShapedMALA needs one curvature for each of its strengths.")
        self._roots = np.stack([_inverse_root(H, SOFTEST * float(np.exp(log)))
                                for H, log in zip(curvatures, self._logs, strict=True)])
        self._kept: list[np.ndarray] | None = None

    def init(self, energy: Any, x: Any, rng: Any) -> Known:
        self._kept = None
        return Known(x, *value_and_force(energy, x), half_square(x))

    def step(self, energy: WithDecay, state: Known, rng: Any, temperature: Any = 0.0) -> Known:
        x, dt, T = state.x, self.dt, column(temperature, state.x)
        strength, shapes = energy.strength, self._shapes(energy.strength, len(x))
        pull = strength[:, None] if strength.ndim else strength
        trial, drift, moved, away, total = self._room(x)
        np.subtract(state.force, np.multiply(pull, x, out=total), out=total)
        _turned(total, shapes, drift)
        drift *= dt
        normal(rng, x, away)
        away *= (2 * T * dt) ** 0.5
        _turned(np.add(away, drift, out=total), shapes, trial)
        trial += x
        there, force = value_and_force(energy.energy, trial)
        half = half_square(trial)
        np.subtract(force, np.multiply(pull, trial, out=total), out=total)
        _turned(total, shapes, moved)
        moved *= dt
        moved += drift
        rise = there - state.value + strength * (half - state.half)
        # away^2 - home^2 = -moved (2 away + moved), without the difference of large numbers.
        away *= 2
        away += moved
        gain = -rise / np.ravel(T) - np.einsum("ij,ij->i", moved, away) / (4 * np.ravel(T) * dt)
        accepted = -rng.standard_exponential(len(x)) <= gain
        refused = ~accepted[:, None]
        np.copyto(trial, x, where=refused)
        np.copyto(force, state.force, where=refused)
        return Known(trial, np.where(accepted, there, state.value), force, np.where(accepted, half, state.half))

    def _room(self, x: np.ndarray) -> list[np.ndarray]:
        """Five arrays like x that are kept from step to step, as memory that is new each time costs more than the
        sums. The first becomes the next x, so there are two of it that take turns: a state lasts for one more step."""
        if self._kept is None:
            self._kept = [np.empty_like(x) for _ in range(6)]
        if x is self._kept[0]:
            self._kept[:2] = self._kept[1::-1]
        return [self._kept[0], *self._kept[2:]]

    def _shapes(self, strength: np.ndarray, n: int) -> list[tuple[slice, np.ndarray]]:
        """Runs of rows with one strength, and the A that is theirs."""
        if not strength.ndim or len(strength) == 1:
            return [(slice(0, n), self._nearest(strength))]
        ends = [0, *(np.flatnonzero(np.diff(strength)) + 1), n]
        return [(slice(first, last), self._nearest(strength[first])) for first, last in itertools.pairwise(ends)]

    def _nearest(self, strength: Any) -> np.ndarray:
        return self._roots[np.abs(np.log(strength) - self._logs).argmin()]


def _turned(vectors: np.ndarray, shapes: list[tuple[slice, np.ndarray]], out: np.ndarray) -> None:
    """out <- A v for each row, by the A of its run; A is symmetric."""
    for rows, root in shapes:
        np.matmul(vectors[rows], root, out=out[rows])


def _inverse_root(H: np.ndarray, floor: float) -> np.ndarray:
    """The symmetric H^(-1/2), curvatures not below `floor`."""
    h, axes = np.linalg.eigh(H)
    return (axes / np.sqrt(np.maximum(np.abs(h), floor))) @ axes.T


class Ramp(NamedTuple):
    """What a ramp left: work [n] (NaN where a replica diverged), and the records of its path."""

    work: np.ndarray
    path: Trajectory


class _Ramped(Between):
    """A dynamics whose weight decay is switched before each step; counts the work of the switches."""

    def __init__(self, dynamics: Any, strengths: np.ndarray) -> None:
        super().__init__(dynamics)
        self.strengths = strengths
        self.work: Any = 0.0

    def before(self, energy: Any, x: Any) -> Any:
        strength, switched = self.strengths[self.taken], self.strengths[self.taken + 1]
        self.work = self.work + decay_energy(switched - strength, x)
        return WithDecay(energy, switched)


def ramp(
    energy: Any, strengths: Any, dynamics: Any, x0: Any, temperature: Any = 0.0, seed: int = 0,
    batch_size: int | None = None, record_every: int = 1, progress: Callable[[float], Any] | None = None,
) -> Ramp:
    """Ramps the weight decay on `energy` through strengths [K + 1], [K + 1, n] or [K + 1, n, d] (n may be 1): K
    switches, a step after each. ShapedMALA takes the first two only.

    energy: without the decay, so that the records hold its own values. x0 [n, d]: drawn from Boltzmann's law of the
    first strength, or given a stretch of equal strengths to settle in (they do no work). dynamics: ShapedMALA or MALA
    for exact averages, SGD with a batch_size for what minibatches do instead. temperature, seed, record_every, progress
    as in `simulate`. Raises BadInput, Unstable.
    """
    programme = np.asarray(strengths, dtype=np.float64)
    if programme.ndim not in (1, 2, 3) or len(programme) < 2 or not (np.isfinite(programme) & (programme >= 0)).all():
        raise BadInput("strengths must be finite numbers of at least 0, [K + 1], [K + 1, n] or [K + 1, n, d] with K of "
                       "at least 1.")
    ramped = _Ramped(dynamics, programme)
    path = simulate(energy, ramped, x0, len(programme) - 1, temperature=temperature, seed=seed,
                    batch_size=batch_size, record_every=record_every, progress=progress)
    return Ramp(np.where(path.finite, ramped.work, np.nan), path)
