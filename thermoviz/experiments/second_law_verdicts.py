"""What a run of SecondLaw decides, and the controls without which it would decide nothing: wells where F must rise."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.dynamics import Overdamped
from ..core.energies import Harmonic
from ..core.estimators import Estimate
from ..core.evolution import RESOLVED
from ..core.neighbours import cloud_numbers
from ..core.nonequilibrium import (
    Swirl,
    anisotropic_rise,
    euler_heat,
    gaussian_rise,
    measured_rise,
    swirl_covariance,
)
from ..core.seeds import rng
from ..core.simulation import simulate
from ..core.surfaces import Surface
from .verdict import Verdict

if TYPE_CHECKING:
    from .second_law import SecondLaw

# Standard errors up to which a measured number agrees with its theory.
AGREES = 3.0
# Of the largest of many differences, beyond what is expected of it, in its own spread.
MARGIN = 3.0
# The controls: heat of the two directions in units of T; curvatures, and the rotation beside them.
NOISE = (4.0, 0.25)
CURVATURES, OMEGA = (1.0, 4.0), 3.0
# Steps times curvature: of the accurate chains, and of the one that is to be too hot.
FINE, COARSE = 0.1, 1.0
MOST_BALLS = 10_000


def verdicts(
    spec: "SecondLaw", surface: Surface, T: float, arrays: dict[str, np.ndarray], numbers: dict[str, Any],
    report: Callable[[float], None],
) -> list[Verdict]:
    """All verdicts of a run whose cloud has been walked. At T = 0 one: the energy never rises."""
    if T == 0:
        return [_falls_without_heat(surface, arrays)]
    n = min(spec.balls, MOST_BALLS)
    wells = _Wells(T, n, spec.seed)
    report(0.1)
    rise, heated = wells.anisotropic()
    report(0.5)
    swirl, euler = wells.swirl(), wells.euler()
    report(0.9)
    return [
        _never_rises(arrays, heated), _reaches_equilibrium(surface, T, arrays, numbers, rise),
        _agrees(arrays, numbers), _entropy(surface, arrays, numbers), _unequal_heat(rise, wells), swirl, euler]


def _falls_without_heat(surface: Surface, arrays: dict[str, np.ndarray]) -> Verdict:
    steps = np.diff(arrays["cloud_E"])
    largest = float(steps.max())
    return Verdict(
        "Without heat the energy never rises", largest, 0.0, 0.0, None, largest <= 1e-7 * surface.scale,
        "The largest upward step of the mean energy. At T = 0 the free energy is the energy, and balls roll downhill "
        "only; entropy is not defined for balls that end in single points. SGD is never this cold.")


def largest_rise(F: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """The largest upward step of F [m + 1] in its standard errors; what the largest of m normal numbers is; its spread.

    sqrt(2 ln m) and pi / sqrt(12 ln m): the leading terms of Gumbel's law (E. J. Gumbel, Statistics of Extremes, 1958).
    """
    z = np.diff(F) / np.hypot(error[1:], error[:-1])
    expected, spread = _largest_of(len(z))
    return float(z.max()), expected, spread


def _largest_of(m: int) -> tuple[float, float]:
    return math.sqrt(2 * math.log(m)), math.pi / math.sqrt(12 * math.log(m))


def _never_rises(arrays: dict[str, np.ndarray], heated: list[Estimate]) -> Verdict:
    known = np.isfinite(arrays["cloud_F"])
    found, expected, spread = largest_rise(arrays["cloud_F"][known], arrays["cloud_F_error"][known])
    control, limit, its_spread = largest_rise(np.array(heated), np.array([F.stderr for F in heated]))
    sees = control > limit + MARGIN * its_spread
    falls = found <= expected + MARGIN * spread
    return Verdict(
        "The free energy never rises", found, spread, expected, control, (falls if sees else None),
        "The largest upward step of F between two moments, in standard errors; chance alone makes about so many as "
        "theory says. Control: the same in a well with unequal heat, where F must rise. It holds for one bath of one "
        "temperature; the noise of SGD is no such bath.")


def _reaches_equilibrium(
    surface: Surface, T: float, arrays: dict[str, np.ndarray], numbers: dict[str, Any], rise: Estimate
) -> Verdict:
    last = int(np.flatnonzero(np.isfinite(arrays["cloud_F"]))[-1])
    excess = float(arrays["cloud_F"][last]) - numbers["F_eq"]
    error = math.hypot(float(arrays["cloud_F_error"][last]), step_error(surface, T, numbers["dt"]))
    theory = float(arrays["exact_F"][last]) - numbers["F_eq"]
    known = math.isfinite(theory) and numbers["coarseness"] <= RESOLVED
    return Verdict(
        "F falls to −T ln Z", excess, error, theory if known else None, rise.value,
        abs(excess - theory) <= AGREES * error if known else None,
        "F of the balls at their last moment above its equilibrium value. Theory: the exact evolution at that moment, "
        "0 once it is at rest. Control: a well with unequal heat, which never comes to rest there. A barrier of many T "
        "can hold balls back for longer than any training lasts.")


def step_error(surface: Surface, T: float, dt: float) -> float:
    """|F(dt) - F(dt/2)| of Euler's chain at rest, from the energy that it samples instead of E.

    E + dt (T lap E / 2 - |grad E|^2 / 4): its law lies Var / 2T above F_eq to leading order.
    """
    us, vs = (np.linspace(low, high, 161) for low, high in surface.bounds)
    energy, ex, ey, exx, eyy = (surface.on_product(us, vs, orders)
                                for orders in ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2)))
    weight = np.nan_to_num(np.exp(-(energy - np.nanmin(energy)) / T))
    weight /= weight.sum()
    shift = np.nan_to_num(dt * (T * (exx + eyy) / 2 - (ex**2 + ey**2) / 4))
    variance = float((weight * shift**2).sum() - (weight * shift).sum() ** 2)
    return 0.75 * max(variance, 0.0) / (2 * T)


def _agrees(arrays: dict[str, np.ndarray], numbers: dict[str, Any]) -> Verdict:
    known = np.isfinite(arrays["cloud_F"]) & np.isfinite(arrays["exact_F"])
    error = arrays["cloud_F_error"][known]
    away = np.abs(arrays["cloud_F"] - arrays["exact_F"])[known] / error
    from_rest = np.abs(arrays["cloud_F"] - numbers["F_eq"])[known] / error
    expected, spread = _largest_of(2 * len(away))
    sees = from_rest.max() > expected + MARGIN * spread and numbers["coarseness"] <= RESOLVED
    return Verdict(
        "Balls and exact evolution agree", float(away.max()), spread, expected, float(from_rest.max()),
        bool(away.max() <= expected + MARGIN * spread) if sees else None,
        "The largest distance between F of the balls and F of the exactly evolved density, in standard errors, over "
        "all moments. Control: the distance from a cloud that stood in equilibrium all along. So what the balls show "
        "is the physics of this surface, and not of the network's other dimensions.")


def _entropy(surface: Surface, arrays: dict[str, np.ndarray], numbers: dict[str, Any]) -> Verdict:
    known = np.flatnonzero(np.isfinite(arrays["cloud_S"]))
    first, last = known[0], known[-1]
    change = float(arrays["cloud_S"][last] - arrays["cloud_S"][first])
    error = math.hypot(arrays["cloud_S_error"][first], arrays["cloud_S_error"][last])
    theory = float(arrays["exact_S"][last] - arrays["exact_S"][first])
    (hx, hy), covered = surface.step, int((~surface.mask).sum())
    from_uniform = numbers["S_eq"] - math.log(covered * hx * hy)
    fell = change < -AGREES * error or from_uniform < -1e-6
    return Verdict(
        "Entropy always rises", change, error, theory if math.isfinite(theory) else None, from_uniform,
        False if fell else None,
        "By how many nats the entropy of this cloud changed. Control: the change for balls that start everywhere "
        "alike, which is the largest entropy there is, so it can only fall. The entropy of cloud and bath together "
        "does rise: by the fall of F divided by T.")


def _unequal_heat(rise: Estimate, wells: "_Wells") -> Verdict:
    theory = anisotropic_rise(np.array(NOISE) * wells.T, wells.T)
    return Verdict(
        "Unequal heat: F must rise", rise.value, rise.stderr, theory, wells.equal().value,
        _confirmed(rise, rise.stderr, theory),
        "A harmonic well in equilibrium; then one direction is heated to 4 T, the other cooled to T/4. Control: both "
        "at T. The noise of minibatches is unequal like this, so for SGD no free energy with a single T need fall.")


def _confirmed(found: Estimate, error: float, theory: float) -> bool | None:
    """Whether a rise is seen at all (else None), and is the one that theory says."""
    return abs(found.value - theory) <= AGREES * error if found.value > AGREES * error else None


class _Wells:
    """Harmonic wells driven out of equilibrium, n balls each, from Boltzmann's law at T; curvature 1."""

    def __init__(self, T: float, n: int, seed: int) -> None:
        self.T, self.n = T, n
        self._draw, self._seeds = rng(seed, "wells"), rng(seed, "well noise")

    def _walk(self, energy: Any, scheme: Any, dt: float, x: np.ndarray, steps: int, T: Any, every: int) -> np.ndarray:
        return simulate(energy, Overdamped(dt, scheme), x, steps, T, int(self._seeds.integers(2**32)), every).x

    def _boltzmann(self, k: Any) -> np.ndarray:
        return np.sqrt(self.T / np.asarray(k)) * self._draw.standard_normal((self.n, len(k)))

    def _unequal(self, noise: tuple[float, float], every: int) -> np.ndarray:
        """[records, n, 2]: the two directions are balls of one dimension each, at their own temperatures."""
        x = self._boltzmann((1.0, 1.0)).T.reshape(-1, 1)
        heat = np.repeat(np.array(noise) * self.T, self.n)
        path = self._walk(Harmonic(1.0), "leimkuhler-matthews", FINE, x, 80, heat, every)
        return np.moveaxis(path.reshape(-1, 2, self.n), 1, 2)

    def anisotropic(self) -> tuple[Estimate, list[Estimate]]:
        """The rise of F at the end, and F over time as the cloud's own instrument sees it."""
        path = self._unequal(NOISE, 8)
        well = Harmonic(1.0)
        return measured_rise(path[-1], 1.0, self.T), [cloud_numbers(well(x), x, self.T).F for x in path]

    def equal(self) -> Estimate:
        return measured_rise(self._unequal((1.0, 1.0), 80)[-1], 1.0, self.T)

    def swirl(self) -> Verdict:
        dt, steps = FINE / max(CURVATURES), 240
        ends = [measured_rise(self._walk(Swirl(CURVATURES, omega), "euler-maruyama", dt, self._boltzmann(CURVATURES),
                                         steps, self.T, steps)[-1], CURVATURES, self.T) for omega in (OMEGA, 0.0)]
        theory, whole, half = (gaussian_rise(swirl_covariance(CURVATURES, OMEGA, self.T, step), CURVATURES, self.T)
                               for step in (0.0, dt, dt / 2))
        error = math.hypot(ends[0].stderr, whole - half)
        return Verdict(
            "A whirl: F must rise", ends[0].value, error, theory, ends[1].value, _confirmed(ends[0], error, theory),
            "A rotation added to the forces of a well with unequal curvatures; theory solves its Lyapunov equation. "
            "Control: no rotation. Gradients alone never whirl, but the noise of SGD makes its parameters do so.")

    def euler(self) -> Verdict:
        hot, accurate = (self._ratio(scheme) for scheme in ("euler-maruyama", "leimkuhler-matthews"))
        theory = euler_heat(1.0, COARSE)
        return Verdict(
            "Large steps are too hot", hot.value, hot.stderr, theory, accurate.value,
            bool(abs(hot - theory) <= AGREES * hot.stderr) if hot - 1 > AGREES * hot.stderr else None,
            "Variance in a harmonic well over its right value, for steps of Euler as large as 1/k: 1/(1 − k dt/2). "
            "Control: the balls' own, more accurate steps of that size. A learning rate is such a step: part of what "
            "looks like heat in training is the step itself.")

    def _ratio(self, scheme: str) -> Estimate:
        x = self._walk(Harmonic(1.0), scheme, COARSE, self._boltzmann((1.0, 1.0)), 40, self.T, 40)[-1]
        squares = (x**2).ravel() / self.T
        return Estimate(squares.mean(), squares.std(ddof=1) / math.sqrt(squares.size))
