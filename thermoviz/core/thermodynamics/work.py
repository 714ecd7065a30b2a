"""Work done on a system whose energy is changed from outside, and free energies from it (Jarzynski's equality).

A drive goes through parameters lambda_0, lambda_1, ...: at each switch x stands still and the work
E_{lambda_{k+1}}(x) - E_{lambda_k}(x) is counted, then one step of the dynamics relaxes x in the new energy. Started in
Boltzmann's law of lambda_0, <e^(-W/T)> = e^(-dF/T) at any speed, exactly so if each step keeps Boltzmann's law: `MALA`
does. Sources: C. Jarzynski, Phys. Rev. Lett. 78, 2690 (1997); G. E. Crooks, J. Stat. Phys. 90, 1481 (1998).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ..dynamics.integrators import Place, TimeStep
from ..dynamics.simulation import simulate
from ..energies.potentials import positions
from ..errors import BadInput, TooFewSamples
from ..replicas import column, normal
from ..specs import Field, specification
from ..statistics.estimators import FEWEST, Estimate

# Weights e^(-W/T) that must count, by Kish's effective size, before their average is stated.
LEAST_KISH = 50.0


# Dynamics that keeps Boltzmann's law


@specification
class MALA:
    """Overdamped Langevin steps (Euler-Maruyama), each accepted or refused so that Boltzmann's law is kept exactly.

    y = x + dt f(x) + sqrt(2 T dt) R is taken with probability min(1, e^(-(E(y) - E(x))/T) q(y -> x)/q(x -> y)), q the
    Gaussian law of the proposal; refused steps, of which a share O(dt^(3/2)) is, stand still. For numpy energies; one
    that is `confining` (a Surface) refuses steps out of its box and into cells without data. Any dt is stable. Sources:
    P. J. Rossky, J. D. Doll and H. L. Friedman, J. Chem. Phys. 69, 4628 (1978); G. O. Roberts and R. L. Tweedie,
    Bernoulli 2, 341 (1996). Raises BadInput at T = 0.
    """

    dt: TimeStep = 0.01
    kind: Literal["mala"] = Field(default="mala", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ()
    heated: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True

    @property
    def step_time(self) -> Any:
        """Time per step: dt."""
        return np.asarray(self.dt) if isinstance(self.dt, tuple) else self.dt

    def init(self, energy: Any, x: Any, rng: Any) -> Place:
        return Place(x)

    def step(self, energy: Any, state: Place, rng: Any, temperature: Any = 0.0) -> Place:
        x = state.x
        if not np.all(np.asarray(temperature) > 0):
            raise BadInput("MALA needs a temperature above 0: Boltzmann's law at 0 is a point.")
        dt, T = column(self.dt, x), column(temperature, x)
        here, force = value_and_force(energy, x)
        drift = dt * force
        trial = x + drift + (2 * T * dt) ** 0.5 * normal(rng, x)
        allowed = _allowed(energy, trial)
        trial = np.where(allowed[:, None], trial, x)
        there, back = value_and_force(energy, trial)
        away, home = ((step**2 / (4 * T * dt)).sum(axis=1)
                      for step in (trial - x - drift, x - trial - dt * back))
        gain = (here - there) / np.ravel(T) + away - home
        accepted = allowed & (-rng.standard_exponential(len(x)) <= gain)
        return Place(np.where(accepted[:, None], trial, x))


def value_and_force(energy: Any, x: Any) -> tuple[Any, Any]:
    """(E [...], force [..., d]), in one pass where the energy knows how."""
    if hasattr(energy, "value_and_force"):
        return energy.value_and_force(x)
    return energy(x), energy.force(x)


def _allowed(energy: Any, x: np.ndarray) -> np.ndarray:
    """[n]: which of x [n, d] lie where a confining energy has data; all for an energy without walls."""
    if not getattr(energy, "confining", False):
        return np.ones(len(x), dtype=bool)
    low, high = np.asarray(energy.bounds).T
    inside = ((x >= low) & (x <= high)).all(axis=1)
    if np.any(getattr(energy, "mask", False)):
        inside[inside] = ~energy.masked(x[inside])
    return inside


# Energies that can be driven


@dataclass(frozen=True, eq=False)
class Trap:
    """A harmonic trap: E = k/2 |x - centre|^2. k: a number or one per replica [n]; centre: a number, [d] or [n, d]."""

    k: Any
    centre: Any = 0.0

    def __call__(self, x: Any) -> Any:
        x = positions(x, "Trap")
        return 0.5 * np.asarray(self.k) * ((x - np.asarray(self.centre)) ** 2).sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-k (x - centre) [..., d]."""
        x = positions(x, "Trap")
        k = np.asarray(self.k)
        return -(k[..., None] if k.ndim else k) * (x - np.asarray(self.centre))

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature."""
        return float(np.max(self.k))


class Tilted:
    """Another energy on a slope: E(x) + slope . x, slope [d], or [n, d] for one per replica; its walls stay."""

    def __init__(self, energy: Any, slope: Any) -> None:
        self.energy, self.slope = energy, np.asarray(slope, dtype=np.float64)
        self.confining = bool(getattr(energy, "confining", False))
        self.mask = getattr(energy, "mask", False)
        self.bounds = getattr(energy, "bounds", None)

    def __call__(self, x: Any) -> Any:
        return self.energy(x) + (self.slope * x).sum(axis=-1)

    def force(self, x: Any) -> Any:
        """-grad E - slope [..., d]."""
        return self.energy.force(x) - self.slope

    def value_and_force(self, x: Any) -> tuple[Any, Any]:
        """(E [...], force [..., d]) in one pass."""
        value, force = value_and_force(self.energy, x)
        return value + (self.slope * x).sum(axis=-1), force - self.slope

    def masked(self, x: Any) -> Any:
        """Whether x [..., d] lies in a cell without data."""
        return self.energy.masked(x)


# Drives


class Drive(NamedTuple):
    """What a drive left: work [n] done on each replica, and where it ended, x [n, d]."""

    work: np.ndarray
    x: np.ndarray


class _Switching:
    """A dynamics whose energy is switched before each step; counts the work of the switches."""

    def __init__(self, dynamics: Any, family: Callable[[Any], Any], parameters: Sequence[Any]) -> None:
        self.dynamics, self.family, self.parameters = dynamics, family, parameters
        self.reverses, self.heated, self.full_batch = dynamics.reverses, dynamics.heated, True
        self.step_time = dynamics.step_time
        self.energy = family(parameters[0])
        self.taken = 0
        self.work: Any = 0.0

    def init(self, energy: Any, x: Any, rng: Any) -> Any:
        return self.dynamics.init(energy, x, rng)

    def step(self, energy: Any, state: Any, rng: Any, temperature: Any = 0.0) -> Any:
        self.taken += 1
        switched = self.family(self.parameters[self.taken])
        self.work = self.work + (np.asarray(switched(state.x)) - np.asarray(self.energy(state.x)))
        self.energy = switched
        return self.dynamics.step(switched, state, rng, temperature)


def drive(
    family: Callable[[Any], Any], parameters: Any, dynamics: Any, x0: Any, temperature: Any, seed: int = 0,
    bounds: Any = None, progress: Callable[[float], Any] | None = None,
) -> Drive:
    """Drives `family(parameter)`, an Energy for each parameter, through `parameters`: K switches, a step after each.

    parameters [K + 1] (or [K + 1, n, ...]: whatever `family` takes, so that replicas may be driven at different
    speeds). x0 [n, d]: drawn from Boltzmann's law of the first parameter, if the work is to obey Jarzynski. dynamics:
    MALA for exact averages; Euler's Overdamped for dynamics as closed forms assume it. temperature, seed, bounds,
    progress as in `simulate`. The replica's work is NaN if it diverged. Raises BadInput, Unstable.
    """
    steps = len(parameters) - 1 if hasattr(parameters, "__len__") else 0
    if steps < 1:
        raise BadInput("parameters must be a list of at least two: a drive goes from the first to the last.")
    switching = _Switching(dynamics, family, parameters)
    path = simulate(switching.energy, switching, x0, steps, temperature=temperature, seed=seed, record_every=steps,
                    bounds=bounds, progress=progress)
    return Drive(np.where(path.finite, switching.work, np.nan), path.x[-1])


# Averages


def kish_size(log_weights: Any) -> float:
    """How many of the weights [n], given by their logarithms, count: (sum w)^2 / sum w^2, from 1 to n.

    Source: L. Kish, Survey Sampling (1965).
    """
    log_w = np.asarray(log_weights, dtype=np.float64)
    w = np.exp(log_w - log_w.max())
    return float(w.sum() ** 2 / (w**2).sum())


def jarzynski(work: Any, temperature: float) -> Estimate:
    """dF = -T ln <e^(-W/T)> from independent work values [n], with its standard error.

    The first-order bias of the logarithm, T/2 Var(w)/(n <w>^2), is taken off; error by the delta method. Raises
    TooFewSamples where fewer than 50 weights count (`kish_size`), BadInput.
    """
    W, T = _work(work), _positive("temperature", temperature)
    size = kish_size(-W / T)
    if W.size < FEWEST or size < LEAST_KISH:
        raise TooFewSamples(f"only {size:.3g} of {W.size} weights e^(-W/T) count (Kish); at least {LEAST_KISH:g} are "
                            "needed: drive slower, or with more replicas.")
    lowest = W.min()
    w = np.exp(-(W - lowest) / T)
    relative = float(w.std(ddof=1) / (w.mean() * math.sqrt(w.size)))
    return Estimate(lowest - T * math.log(w.mean()) - T * relative**2 / 2, T * relative)


# Closed forms, at mobility 1


class WorkLaw(NamedTuple):
    """Mean and variance of the work, and the difference of free energies."""

    mean: float
    variance: float
    free_energy: float


def dragged_trap(k: float, speed: float, time: float, temperature: float) -> WorkLaw:
    """Work on a ball in a trap of stiffness k that is dragged at constant speed, from equilibrium: a normal law.

    <W> = v^2 [t - (1 - e^(-kt))/k], Var W = 2 T <W>, dF = 0. Source: O. Mazonka and C. Jarzynski,
    arXiv:cond-mat/9912121 (1999).
    """
    k, t, T = _positive("k", k), _positive("time", time), _positive("temperature", temperature)
    mean = float(speed) ** 2 * (t + math.expm1(-k * t) / k)
    return WorkLaw(mean, 2 * T * mean, 0.0)


def stiffening_trap(k0: float, k1: float, time: float, temperature: float, d: int = 1) -> WorkLaw:
    """Work on a ball in a trap whose stiffness goes from k0 to k1 linearly in `time`, from equilibrium, d dimensions.

    W = 1/2 int k'(t) x^2 dt with x Gaussian: with s(t) = Var x_i, s' = 2 (T - k s), <W> = d/2 int k' s dt and
    Var W = d int_{t'<t} k'(t) k'(t') s(t')^2 e^(-2 int_t'^t k) dt' dt (Wick); time 0 is the sudden switch, for which
    <W> = d (k1 - k0) T / 2 k0 and Var W = 2 <W>^2/d. dF = d T/2 ln(k1/k0). By an ordinary differential equation to a
    relative 1e-10. Source: derived here, from Ornstein and Uhlenbeck's process with k(t).
    """
    a, b, T = _positive("k0", k0), _positive("k1", k1), _positive("temperature", temperature)
    free_energy = d * T / 2 * math.log(b / a)
    if time == 0:
        mean = d * (b - a) * T / (2 * a)
        return WorkLaw(mean, 2 * mean**2 / d, free_energy)
    t, rate = _positive("time", time), (b - a) / time
    from scipy.integrate import solve_ivp

    def slopes(at: float, y: np.ndarray) -> list[float]:
        s, memory, _, _ = y
        k = a + rate * at
        # memory(t) = int k'(t') s(t')^2 e^(-2 int_t'^t k) dt', what W so far says about x^2 now.
        return [2 * (T - k * s), rate * s**2 - 2 * k * memory, d * rate * s / 2, d * rate * memory]

    end = solve_ivp(slopes, (0.0, t), [T / a, 0.0, 0.0, 0.0], method="LSODA", rtol=1e-10, atol=1e-13 * T).y[:, -1]
    return WorkLaw(float(end[2]), float(end[3]), free_energy)


def _work(work: Any) -> np.ndarray:
    try:
        W = np.asarray(work, dtype=np.float64)
    except (TypeError, ValueError):
        W = np.empty(0)
    if W.ndim != 1 or not W.size or not np.isfinite(W).all():
        raise BadInput("work must be finite numbers [n], one per replica.")
    return W


def _positive(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
        raise BadInput(f"{name} must be a finite number > 0, got {value!r}.")
    return float(value)
