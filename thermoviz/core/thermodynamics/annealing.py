"""A cloud on a surface while its bath is cooled and heated: the exact masses, and the area of a heat-cool loop.

Exact for cells: the master equation of Scharfetter and Gummel (`evolution`) with a temperature that changes. Backward
Euler along each axis in turn keeps mass and signs, and leaves Boltzmann's law alone at any step, since every axis is in
detailed balance by itself; the error of the step is measured with half of it and, as far as it is O(dt), extrapolated
away. Steps longer than the stiffest relaxation lose that order, not stability.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import BadInput
from ..landscape.surfaces import Surface
from . import kernels
from .evolution import MasterEquation

CELLS = 48
# Steps per relaxation time of the deepest valley, within limits; halving the step is tried besides.
STEPS_PER_RELAXATION = 2
FEWEST_STEPS, MOST_STEPS = 40, 1000


class Annealing(NamedTuple):
    """The exact course of a cloud, at equal times [N + 1] from 0: bath temperature, mean energy, mass in the basin.

    error_E, error_mass: twice the largest change that halving the time step made, which bounds the error after
    extrapolation where each halving removes a quarter of it or more.
    """

    temperatures: np.ndarray
    E: np.ndarray
    mass: np.ndarray
    error_E: float
    error_mass: float


def anneal(
    surface: Surface, programme: Callable[[float], float], time: float, basin: int = 0, start: Any = None,
    steps: int | None = None, cells: int = CELLS,
) -> Annealing:
    """The cloud that starts in Boltzmann's law of programme(0) and is taken through programme(share) > 0, share 0 to 1.

    time: how long that takes. basin: whose mass is followed (0: the deepest). start: masses [cells, cells] instead of
    Boltzmann's. steps: of time (None: two per relaxation of the deepest valley, 40 to 1000, and even, so that half-way
    is one of them). Error O(dt^2) in a step that resolves it, O(h^2) in the cells. Raises BadInput.
    """
    if not 0 < time < math.inf or (steps is not None and steps < 1):
        raise BadInput(f"an annealing needs a finite time > 0 and at least 1 step, got {time!r} and {steps!r}.")
    if steps is None:
        wanted = STEPS_PER_RELAXATION * time * surface.k_max(0.0)
        steps = 2 * math.ceil(min(max(wanted, FEWEST_STEPS), MOST_STEPS) / 2)
    shares = np.linspace(0, 1, 4 * steps + 1)
    T = np.array([programme(float(share)) for share in shares])
    if not (np.isfinite(T) & (T > 0)).all():
        raise BadInput("the programme of an exact annealing must stay at finite temperatures above 0.")
    grid = MasterEquation(surface, float(T[0]), cells)
    centres = np.stack(np.meshgrid(grid.us, grid.vs, indexing="ij"), axis=-1)
    held = (surface.basins.label_at(centres) == basin).astype(np.float64)
    p = grid.boltzmann if start is None else np.asarray(start, dtype=np.float64)
    if p.shape != grid.shape:
        raise BadInput(f"start must hold masses of shape {grid.shape}, got {p.shape}.")
    coarse = _followed(grid, T[2::4], time, p, held)
    fine = _followed(grid, T[1::2], time, p, held)[:, ::2]
    E, mass = 2 * fine - coarse
    error_E, error_mass = np.abs(fine - coarse).max(axis=1)
    return Annealing(T[::4], E, np.clip(mass, 0.0, 1.0), 2 * float(error_E), 2 * float(error_mass))


def _followed(grid: Any, temperatures: np.ndarray, time: float, start: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(<E>, mass) [2, N + 1] with one step at each of the temperatures [N], the middles of N equal times."""
    p, n = np.ascontiguousarray(start).copy(), len(temperatures)
    course = np.empty((2, n + 1))
    course[0, 0] = p[grid.inside] @ grid.energy[grid.inside]
    course[1, 0] = (p * held).sum()
    energy = np.ascontiguousarray(grid.energy)
    kernels.annealing.follow(energy, grid.size, temperatures, time / n, p, held, course[0, 1:], course[1, 1:])
    return course


# Loops


def loop_area(temperatures: Any, energies: Any) -> Any:
    """Signed area of a heat-cool cycle, -oint E dT = oint T dE: [...] from T [P] and E [P, ...], by trapezoids.

    Positive where the energy lags behind its bath: heat goes in at a higher temperature than it comes out. k_B = 1;
    unit: energy squared. Raises BadInput.
    """
    T, E = np.asarray(temperatures, dtype=np.float64), np.asarray(energies, dtype=np.float64)
    if T.ndim != 1 or len(T) < 2 or E.shape[:1] != T.shape:
        raise BadInput(f"a loop needs temperatures [P] and energies [P, ...], got {list(T.shape)} and {list(E.shape)}.")
    return -np.tensordot(np.diff(T), (E[1:] + E[:-1]) / 2, axes=1)[()]


def harmonic_loop_area(k: Any, T0: float, T1: float, time: float) -> float:
    """Area of the loop of a harmonic well with curvatures k (a number or [d]): T0 -> T1 -> T0, each way in `time`.

    Started in equilibrium, linear in time, at mobility 1: sum over modes of (r^2/4k)[2 tau - (1-q)(3-q)/2k], with
    q = e^(-2 k tau) and r = (T1 - T0)/tau. Positive, zero for infinitely slow and for infinitely fast cycles. Source:
    exact, from <E>' = -2k (<E> - T/2) of each mode. Raises BadInput.
    """
    modes, tau = np.atleast_1d(np.asarray(k, dtype=np.float64)), float(time)
    if not (np.isfinite(modes).all() and (modes > 0).all() and 0 < tau < math.inf):
        raise BadInput("a harmonic loop needs curvatures > 0 and a finite time > 0.")
    rate, x = (T1 - T0) / tau, 2 * modes * tau
    # 2x - (1 - q)(3 - q) = 2x^3/3 - x^4/2 + ...: its terms cancel where a cycle is fast against the mode.
    one_minus_q = -np.expm1(-x)
    bracket = np.where(x < 1e-3, x**3 * (2 / 3 - x / 2), 2 * x - one_minus_q * (2 + one_minus_q))
    return float((rate**2 / (8 * modes**2) * bracket).sum())
