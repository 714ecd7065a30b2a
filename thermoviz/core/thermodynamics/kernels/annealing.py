"""Compiled: a cloud's masses on cells while the temperature changes, one implicit sweep per axis and step."""

import math
from typing import Any

import numpy as np

from ...kernels_options import entry, part


@part
def _bernoulli(z: float) -> float:
    """z / (e^z - 1) for z >= 0."""
    if z < 1e-8:
        return 1.0 - z / 2
    if z > 700.0:
        return 0.0
    return z / math.expm1(z)


@part
def _sweep(energy: Any, speed: float, T: float, dt: float, p: Any, axis: int, work: Any) -> None:
    """p <- (1 - dt A)^-1 p with the rates along one axis only, line by line (Thomas's algorithm), in place.

    work [4, n]: room for the subdiagonal, the diagonal, the superdiagonal and the right-hand side.
    """
    n, lines = (p.shape[0], p.shape[1]) if axis == 0 else (p.shape[1], p.shape[0])
    lower, middle, upper, side = work[0], work[1], work[2], work[3]
    for line in range(lines):
        for i in range(n):
            middle[i] = 1.0
            lower[i] = 0.0
            upper[i] = 0.0
            side[i] = p[i, line] if axis == 0 else p[line, i]
        for i in range(n - 1):
            here = energy[i, line] if axis == 0 else energy[line, i]
            there = energy[i + 1, line] if axis == 0 else energy[line, i + 1]
            step = (there - here) / T
            if not math.isfinite(step):
                continue  # no data on one side: closed
            least = dt * speed * _bernoulli(abs(step))
            most = least + dt * speed * abs(step)
            up, down = (least, most) if step > 0 else (most, least)
            middle[i] += up
            lower[i + 1] = -up
            middle[i + 1] += down
            upper[i] = -down
        for i in range(1, n):
            share = lower[i] / middle[i - 1]
            middle[i] -= share * upper[i - 1]
            side[i] -= share * side[i - 1]
        side[n - 1] /= middle[n - 1]
        for i in range(n - 2, -1, -1):
            side[i] = (side[i] - upper[i] * side[i + 1]) / middle[i]
        for i in range(n):
            if axis == 0:
                p[i, line] = side[i]
            else:
                p[line, i] = side[i]


@entry(allocates=True)
def follow(energy: Any, size: Any, temperatures: Any, dt: float, p: Any, held: Any, means: Any, kept: Any) -> None:
    """p [nx, ny], in place, through one step of length dt at each of temperatures [N].

    Sweeps go along x, then y; in every second step y comes first. size [2]: sides of a cell. held [nx, ny]: 1 where
    mass counts as kept, else 0. Fills means [N], <E> after each step, and kept [N], the mass where held is 1.
    """
    nx, ny = p.shape
    work = np.empty((4, max(nx, ny)))
    for k in range(len(temperatures)):
        T = temperatures[k]
        for turn in range(2):
            axis = (turn + k) % 2
            _sweep(energy, T / size[axis] ** 2, T, dt, p, axis, work)
        total, mass = 0.0, 0.0
        for i in range(nx):
            for j in range(ny):
                if p[i, j] > 0.0:
                    total += p[i, j] * energy[i, j]
                    mass += p[i, j] * held[i, j]
        means[k] = total
        kept[k] = mass
