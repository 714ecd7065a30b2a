"""Mean first passage times on a line: exact by quadrature, and simulated, with crossings between two steps counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import positive
from ..dynamics.integrators import Overdamped
from ..dynamics.simulation import simulate
from ..errors import BadInput
from ..seeds import rng
from ..statistics.estimators import Estimate, independent_mean

# A wall at minus infinity is as good as one where the energy lies this many T above what is passed.
CUTOFF = 40.0
# Gauss-Legendre points per panel; panels are halved until the integral stands still to TOLERANCE.
POINTS = 12
TOLERANCE = 1e-10
MOST_PANELS = 2**15
# Steps of one call of `simulate` between which those who arrived are taken out.
CHUNK = 256


@dataclass(frozen=True)
class FirstPassage:
    """Simulated first passages. times [n]: NaN for who did not arrive; arrived: how many did.

    mean: of all, or None where some did not arrive, since the mean of the others would be too short.
    """

    times: np.ndarray
    mean: Estimate | None

    @property
    def arrived(self) -> int:
        return int(np.isfinite(self.times).sum())


def mean_first_passage_time(
    energy: Any, a: float, b: float, temperature: float, wall: float | None = None
) -> float:
    """Mean time from a until b is first reached by dx = -E'(x) dt + sqrt(2 T dt) N(0, 1), in the energy's time unit.

    tau = (1/T) int_a^b dy e^(E(y)/T) int_wall^y dz e^(-E(z)/T), the wall on a's far side from b; both integrals
    mirrored where b < a. energy: an Energy in one dimension, x [..., 1] -> [...]. wall: None means none, for an energy
    that rises there without end. Relative error near 1e-10. Source: C. W. Gardiner, Handbook of Stochastic Methods,
    3rd ed. (2004), section 5.2.7. Raises BadInput.
    """
    a, b, T = _place("a", a), _place("b", b), positive("temperature", temperature)
    if a == b:
        return 0.0
    sign = 1.0 if b > a else -1.0
    profile = _profile(energy, sign, T)
    a, b = sign * a, sign * b
    left = _far(profile, a) if wall is None else sign * _place("wall", wall)
    if left > a:
        raise BadInput(f"the wall must lie beyond a as seen from b, got wall = {wall!r} for a = {sign * a:g} and "
                       f"b = {sign * b:g}.")
    panels, before = 64, np.inf
    while panels <= MOST_PANELS:
        value = _double_integral(profile, left, a, b, panels) / T
        if abs(value - before) <= TOLERANCE * abs(value):
            return value
        before, panels = value, 2 * panels
    raise BadInput("the passage time does not converge: the energy must be smooth and E / T of moderate size.")


def first_passage(
    energy: Any, a: Any, b: float, temperature: float, dt: float, n: int = 1000, seed: int = 0,
    wall: float | None = None, longest: float = np.inf, bridge: bool = True,
    progress: Callable[[float], Any] | None = None,
) -> FirstPassage:
    """n balls by Euler-Maruyama from a (a number, or a point [d]) until their first coordinate reaches b.

    Seen only at its steps a ball is late by O(sqrt dt); `bridge` counts the crossings between two steps, of
    probability exp(-(b - x)(b - x') / (T dt)), which leaves O(dt). wall: reflects, on a's far side from b. longest:
    time after which waiting ends. Streams "chunks" (seeds of the noise) and "bridge" of `seed`. Source: E. Gobet,
    Stoch. Proc. Appl. 87, 167 (2000). Raises BadInput, Unstable.
    """
    T, start = positive("temperature", temperature), np.atleast_1d(np.asarray(a, dtype=float))
    b, dynamics = _place("b", b), Overdamped(dt=dt, scheme="euler-maruyama")
    if start.ndim != 1 or not np.isfinite(start).all() or start[0] == b:
        raise BadInput(f"a must be a finite number or point whose first coordinate is not b, got {a!r}.")
    sign = 1.0 if b > start[0] else -1.0
    bounds = _half_space(len(start), sign, wall)
    x, who = np.repeat(start[None], n, axis=0), np.arange(n)
    times, now = np.full(n, np.nan), 0.0
    chance, chunks = rng(seed, "bridge"), rng(seed, "chunks")
    while len(who) and now < longest:
        path = simulate(energy, dynamics, x, CHUNK, T, int(chunks.integers(2**32)), bounds=bounds).x
        crossed = _crossings(sign * (b - path[..., 0]), T * dt, chance if bridge else None)
        done = crossed.any(axis=0)
        # Within its step a crossing happens half a step after its beginning, on average, to O(dt).
        times[who[done]] = now + dt * (crossed.argmax(axis=0)[done] + (0.5 if bridge else 1.0))
        x, who, now = path[-1, ~done], who[~done], now + CHUNK * dt
        if progress:
            progress(1 - len(who) / n)
    times[times > longest] = np.nan
    return FirstPassage(times, independent_mean(times) if np.isfinite(times).all() else None)


def _crossings(gap: np.ndarray, spread: float, chance: np.random.Generator | None) -> np.ndarray:
    """Whether each step [steps, n] passes b, from the distances before it [steps + 1, n]; spread: T dt."""
    before, after = gap[:-1], gap[1:]
    passed = after <= 0
    if chance is not None:
        both = np.clip(before, 0, None) * np.clip(after, 0, None)
        passed |= chance.random(after.shape) < np.exp(-both / spread)
    return passed


def _half_space(d: int, sign: float, wall: float | None) -> Any:
    if wall is None:
        return None
    edge = _place("wall", wall)
    first = (edge, np.inf) if sign > 0 else (-np.inf, edge)
    return (first, *[(-np.inf, np.inf)] * (d - 1))


def _profile(energy: Any, sign: float, T: float) -> Callable[[np.ndarray], np.ndarray]:
    """E / T as a function of sign * x, for numbers [...]."""

    def profile(x: np.ndarray) -> np.ndarray:
        values = np.asarray(energy((sign * x)[..., None]), dtype=float)
        if values.shape != x.shape:
            raise BadInput(f"the energy must be one-dimensional, x [..., 1] -> [...]; {(*x.shape, 1)} gave "
                           f"{values.shape}.")
        return values / T

    return profile


def _far(profile: Callable[[np.ndarray], np.ndarray], a: float) -> float:
    """Where the energy has risen by CUTOFF T above its lowest value so far, to the left of a. Raises BadInput."""
    reach = 1e-3
    while reach < 1e9:
        x = a - reach * np.linspace(0, 1, 400)
        value = profile(x)
        high = value > np.minimum.accumulate(value) + CUTOFF
        if high.any() and (value[high.argmax():] > value.min() + CUTOFF / 2).all():
            return float(x[high.argmax()])
        reach *= 2
    raise BadInput("the energy does not rise far enough on the far side of a: without a wall the mean first passage "
                   "time is infinite; give a wall.")


def _double_integral(
    profile: Callable[[np.ndarray], np.ndarray], left: float, a: float, b: float, panels: int
) -> float:
    """int_a^b dy e^(E(y)/T) int_left^y dz e^(-E(z)/T), with a edge of a panel; scaled against overflow."""
    before = max(1, round(panels * (a - left) / (b - left))) if a > left else 0
    edges = np.concatenate([np.linspace(left, a, before + 1)[:-1], np.linspace(a, b, panels + 1)])
    nodes, weights, running = _rule()
    half = np.diff(edges)[:, None] / 2
    value = profile(edges[:-1, None] + half * (nodes + 1))
    low, high = value.min(), value[before:].max()
    density = np.exp(low - value)
    within = half * (density @ running.T)
    whole = np.concatenate([[0.0], np.cumsum(half[:, 0] * (density @ weights))])
    inner = (whole[:-1, None] + within)[before:]
    outer = (half[before:, 0] * ((np.exp(value[before:] - high) * inner) @ weights)).sum()
    with np.errstate(over="ignore"):
        return float(outer * np.exp(high - low))


def _rule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights [p], and the matrix [p, p] of integrals from -1 to each node."""
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    powers = np.polynomial.legendre.legvander(nodes, POINTS - 1)
    integrals = np.stack([np.polynomial.legendre.legval(nodes, np.polynomial.legendre.legint(row, lbnd=-1))
                          for row in np.eye(POINTS)], axis=1)
    return nodes, weights, integrals @ np.linalg.inv(powers)


def _place(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise BadInput(f"{name} must be a finite number, got {value!r}.")
    return number
