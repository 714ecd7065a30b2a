"""Work done on a system whose energy is changed from outside, and free energies from it (Jarzynski's equality).

A drive goes through parameters lambda_0, lambda_1, ...: at each switch x stands still and the work
E_{lambda_{k+1}}(x) - E_{lambda_k}(x) is counted, then one step of the dynamics relaxes x in the new energy. Started in
Boltzmann's law of lambda_0, <e^(-W/T)> = e^(-dF/T) at any speed, exactly so if each step keeps Boltzmann's law: `MALA`
does. Sources: C. Jarzynski, Phys. Rev. Lett. 78, 2690 (1997); G. E. Crooks, J. Stat. Phys. 90, 1481 (1998).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..arrays import positive
from ..dynamics.between import Between
from ..dynamics.simulation import simulate
from ..errors import BadInput, TooFewSamples
from ..statistics.estimators import FEWEST, Estimate

# Weights e^(-W/T) that must count, by Kish's effective size, before their average is stated.
LEAST_KISH = 50.0


# Drives


class Drive(NamedTuple):
    """What a drive left: work [n] done on each replica, and where it ended, x [n, d]."""

    work: np.ndarray
    x: np.ndarray


class _Switching(Between):
    """A dynamics whose energy is switched before each step; counts the work of the switches."""

    def __init__(self, dynamics: Any, family: Callable[[Any], Any], parameters: Sequence[Any]) -> None:
        super().__init__(dynamics)
        self.family, self.parameters = family, parameters
        self.energy = family(parameters[0])
        self.work: Any = 0.0

    def before(self, energy: Any, x: Any) -> Any:
        switched = self.family(self.parameters[self.taken + 1])
        self.work = self.work + (np.asarray(switched(x)) - np.asarray(self.energy(x)))
        self.energy = switched
        return switched


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
    W, T = _work(work), positive("temperature", temperature)
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
    k, t, T = positive("k", k), positive("time", time), positive("temperature", temperature)
    mean = float(speed) ** 2 * (t + math.expm1(-k * t) / k)
    return WorkLaw(mean, 2 * T * mean, 0.0)


def stiffening_trap(k0: float, k1: float, time: float, temperature: float, d: int = 1) -> WorkLaw:
    """Work on a ball in a trap whose stiffness goes from k0 to k1 linearly in `time`, from equilibrium, d dimensions.

    W = 1/2 int k'(t) x^2 dt with x Gaussian: with s(t) = Var x_i, s' = 2 (T - k s), <W> = d/2 int k' s dt and
    Var W = d int_{t'<t} k'(t) k'(t') s(t')^2 e^(-2 int_t'^t k) dt' dt (Wick); time 0 is the sudden switch, for which
    <W> = d (k1 - k0) T / 2 k0 and Var W = 2 <W>^2/d. dF = d T/2 ln(k1/k0). By an ordinary differential equation to a
    relative 1e-10. Source: derived here, from Ornstein and Uhlenbeck's process with k(t).
    """
    a, b, T = positive("k0", k0), positive("k1", k1), positive("temperature", temperature)
    free_energy = d * T / 2 * math.log(b / a)
    if time == 0:
        mean = d * (b - a) * T / (2 * a)
        return WorkLaw(mean, 2 * mean**2 / d, free_energy)
    t, rate = positive("time", time), (b - a) / time
    def slopes(at: float, y: np.ndarray) -> list[float]:
        s, memory, _, _ = y
        k = a + rate * at
        # memory(t) = int k'(t') s(t')^2 e^(-2 int_t'^t k) dt', what W so far says about x^2 now.
        return [2 * (T - k * s), rate * s**2 - 2 * k * memory, d * rate * s / 2, d * rate * memory]

    course = scipy.integrate.solve_ivp(slopes, (0.0, t), [T / a, 0.0, 0.0, 0.0], method="LSODA", rtol=1e-10,
                                       atol=1e-13 * T)
    end = course.y[:, -1]
    return WorkLaw(float(end[2]), float(end[3]), free_energy)


def _work(work: Any) -> np.ndarray:
    try:
        W = np.asarray(work, dtype=np.float64)
    except (TypeError, ValueError):
        W = np.empty(0)
    if W.ndim != 1 or not W.size or not np.isfinite(W).all():
        raise BadInput("work must be finite numbers [n], one per replica.")
    return W
