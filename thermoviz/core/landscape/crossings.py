"""Where volume overtakes depth: the temperatures at which the largest share of the balls changes its basin."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .boltzmann import mesh_of, positive_temperature
from .mesh import Mesh
from .relief import Relief

# Where they are looked for, in units of the surface's scale (its barrier): the range in which equilibria are shown.
COLDEST, HOTTEST = 0.01, 10.0
# Steps of the search per factor of e: shares are smooth in ln T, and a basin that leads for less than one is looked
# for where a lead almost ends.
STEPS_PER_E = 4
# Basins whose shares differ by less than this share of their sum are not told apart, since the ridge's place is known
# to a part of a lattice step. So two valleys that are equal by symmetry never cross.
DOUBT = 1e-5
# Roots are taken to rounding of ln T; times a mesh is made anew for the temperature that the last one gave.
ROUNDING, MESHES = 2.0**-50, 4
MOST_STEPS = 200


class Crossing(NamedTuple):
    """At T the basins `cold` and `hot` hold equal shares, the largest; below it `cold` holds more, above it `hot`."""

    cold: int
    hot: int
    T: float


Shares = Callable[[float], np.ndarray]


def crossings(surface: Relief, coldest: float | None = None, hottest: float | None = None) -> tuple[Crossing, ...]:
    """Every temperature, coldest first, at which the largest share of the exact equilibrium passes to another basin.

    Looked for from `coldest` to `hottest` (default: 0.01 and 10 times the surface's scale); empty where one basin
    leads throughout. At each the two shares of `surface.equilibrium(T)` are equal to a relative 1e-10. Roots of the
    shares' difference in ln T (Illinois' rule), on one mesh, then on the mesh of the root itself. Raises BadInput
    unless both temperatures are finite and > 0.
    """
    if surface.basins.n < 2 or surface.scale <= 0:
        return ()
    coldest = positive_temperature(COLDEST * surface.scale if coldest is None else coldest)
    hottest = positive_temperature(HOTTEST * surface.scale if hottest is None else hottest)
    if coldest >= hottest:
        return ()
    shares = _shares_on(mesh_of(surface, coldest, hottest))
    found = _passed(shares, _watched(shares, np.log(coldest), np.log(hottest)))
    return tuple(Crossing(cold, hot, _exactly(surface, cold, hot, x)) for cold, hot, x in found)


def _shares_on(mesh: Mesh) -> Shares:
    """Shares [k] of the basins as a function of ln T, on one mesh; asked twice, worked out once."""
    @functools.cache
    def shares(x: float) -> np.ndarray:
        masses = mesh.masses(float(np.exp(x)))
        return masses[1:] / masses.sum()
    return shares


def _watched(shares: Shares, low: float, high: float) -> np.ndarray:
    """Places ln T at which to ask who leads: even steps, and between them wherever a lead is least."""
    xs = np.linspace(low, high, 2 + int(np.ceil(STEPS_PER_E * (high - low))))
    table = np.array([shares(x) for x in xs])
    leader = table.argmax(axis=1)
    more = []
    for k in range(1, len(xs) - 1):
        if leader[k - 1] == leader[k] == leader[k + 1]:
            lead = table[k - 1:k + 2, leader[k], None] - np.delete(table[k - 1:k + 2], leader[k], axis=1)
            bent = lead[0] - 2 * lead[1] + lead[2]
            least = (lead[1] <= lead[0]) & (lead[1] <= lead[2]) & (bent > 0)
            if least.any():
                at = 0.5 * (lead[0] - lead[2])[least] / bent[least]
                more += list(xs[k] + (xs[1] - xs[0]) * at)
    return np.unique([*xs, *more])


def _passed(shares: Shares, xs: np.ndarray) -> list[tuple[int, int, float]]:
    """(basin, basin, ln T) wherever another basin comes to lead beyond doubt, between the places xs."""
    found: list[tuple[int, int, float]] = []
    leader, last = int(np.argmax(shares(xs[0]))), float(xs[0])
    for x in map(float, xs[1:]):
        here = shares(x)
        first = int(np.argmax(here))
        if first != leader and _lead(here, leader, first) > DOUBT:
            found += _between(shares, (leader, first), (last, x))
            leader = first
        last = x if first == leader else last
    return found


def _between(shares: Shares, ends: tuple[int, int], span: tuple[float, float]) -> list[tuple[int, int, float]]:
    """Who takes over from whom, and where, within a span of ln T at whose ends these two basins lead."""
    cold, hot = ends
    x = _root(lambda x: _lead(shares(x), cold, hot), *span)
    here = shares(x)
    third = int(np.argmax(here))
    if third in ends or here[third] <= max(here[cold], here[hot]):
        return [(cold, hot, x)]
    return _between(shares, (cold, third), (span[0], x)) + _between(shares, (third, hot), (x, span[1]))


def _lead(shares: np.ndarray, cold: int, hot: int) -> float:
    """How far `hot` is ahead of `cold`, from -1 to 1."""
    return float((shares[hot] - shares[cold]) / (shares[hot] + shares[cold]))


def _exactly(surface: Relief, cold: int, hot: int, x: float) -> float:
    """T near e^x at which the two shares of the equilibrium at that very temperature, with its own mesh, are equal."""
    for _ in range(MESHES):
        before, x = x, _root_near(_shares_on(mesh_of(surface, float(np.exp(x)), float(np.exp(x)))), cold, hot, x)
        if abs(x - before) <= 8 * ROUNDING * max(1.0, abs(x)):
            break
    return float(np.exp(x))


def _root_near(shares: Shares, cold: int, hot: int, x: float) -> float:
    """Where the lead changes sign, in the narrowest of some spans around x in which it does."""
    def lead(x: float) -> float:
        return _lead(shares(x), cold, hot)

    width = 1e-6
    while lead(x - width) * lead(x + width) > 0 and width < 1:
        width *= 4
    return _root(lead, x - width, x + width)


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where f changes sign between low and high. Source: Dowell and Jarratt, BIT 11, 168 (1971), Illinois' rule."""
    a, b, fa, fb = low, high, f(low), f(high)
    for _ in range(MOST_STEPS):
        if fa == 0 or fb == 0 or abs(b - a) <= ROUNDING * max(1.0, abs(a), abs(b)):
            break
        x = b - fb * (b - a) / (fb - fa) if fa * fb < 0 else (a + b) / 2
        x = x if min(a, b) < x < max(a, b) else (a + b) / 2
        fx = f(x)
        if fx * fb < 0:
            a, fa = b, fb
        else:
            fa /= 2
        b, fb = x, fx
    return a if fa == 0 else b

