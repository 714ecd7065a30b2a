"""Compiled evaluation of a surface at many points. Loaded at first use: numba is heavy."""

import math

import numpy as np

from ...dynamics.kernels.steps import FAR, step_number
from ...kernels_options import entry, part
from .. import bicubic

# "contract" allows fused multiply-add.
_value_and_slope = part(bicubic.value_and_slope, fastmath={"contract"})


@entry
def evaluate(
    nodes: np.ndarray, origin: np.ndarray, per_step: np.ndarray, slack: float, u: np.ndarray, value: np.ndarray,
    force: np.ndarray,
) -> int:
    """Fill value [n] and force [n, 2] at u [n, 2] from nodes [nx, ny, 4]; return how many points lie outside.

    per_step [2]: 1 / spacing. Rounding (`slack`, in cells) beyond the box is moved onto its edge; NaN positions
    give NaN.
    """
    cells_x, cells_y = nodes.shape[0] - 1, nodes.shape[1] - 1
    end_x, end_y = float(cells_x), float(cells_y)
    x0, y0, per_x, per_y = origin[0], origin[1], per_step[0], per_step[1]
    # Unsigned indices into a flat array spare the checks for negative ones.
    corner = nodes.reshape(-1)
    row = np.uint64(4 * nodes.shape[1])
    k1, k2, k3, k4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    k5, k6, k7 = np.uint64(5), np.uint64(6), np.uint64(7)
    outside = 0
    for n in range(u.shape[0]):
        s = (u[n, 0] - x0) * per_x
        t = (u[n, 1] - y0) * per_y
        if not (s >= -slack and t >= -slack and s <= end_x + slack and t <= end_y + slack):
            if math.isnan(s) or math.isnan(t):
                value[n] = force[n, 0] = force[n, 1] = np.nan
            else:
                outside += 1
            continue
        s = min(max(s, 0.0), end_x)
        t = min(max(t, 0.0), end_y)
        i = min(int(s), cells_x - 1)
        j = min(int(t), cells_y - 1)
        a = np.uint64(4 * (i * nodes.shape[1] + j))
        b = a + row
        energy, slope_s, slope_t = _value_and_slope(
            corner[a], corner[a + k1], corner[a + k2], corner[a + k3],
            corner[a + k4], corner[a + k5], corner[a + k6], corner[a + k7],
            corner[b], corner[b + k1], corner[b + k2], corner[b + k3],
            corner[b + k4], corner[b + k5], corner[b + k6], corner[b + k7],
            s - i, t - j,
        )
        value[n] = energy
        force[n, 0] = -slope_s * per_x
        force[n, 1] = -slope_t * per_y
    return outside


# Balls that take all their steps together: what they carry stays in the nearest cache.
GROUP = 256


@part
def _folded(x, low, high):
    """x, which lies outside a wall, reflected into [low, high], and the sign that the reflections leave."""
    length = high - low
    count, rest = (x - low) // length, (x - low) % length
    odd = count % 2
    place = low + rest + odd * (length - 2 * rest)
    place = low if place < low else place
    return high if place > high else place, 1 - 2 * odd


@part
def _inside(x, memory, low, high, cold):
    """(x, memory) of one coordinate inside the walls: without heat it stops at them, else it is reflected."""
    if cold and abs(x) < np.inf:
        x = low if x < low else high if x > high else x
    if x < low or x > high:
        x, sign = _folded(x, low, high)
        memory *= sign
    return x, memory


@part
def _slopes(corner, a, b, s, t):
    """dE/ds, dE/dt at (s, t) of the cell whose nodes stand at a, a + 4, b, b + 4 of the flat array `corner`."""
    k1, k2, k3, k4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    k5, k6, k7 = np.uint64(5), np.uint64(6), np.uint64(7)
    _, slope_s, slope_t = _value_and_slope(
        corner[a], corner[a + k1], corner[a + k2], corner[a + k3], corner[a + k4], corner[a + k5], corner[a + k6],
        corner[a + k7], corner[b], corner[b + k1], corner[b + k2], corner[b + k3], corner[b + k4], corner[b + k5],
        corner[b + k6], corner[b + k7], s, t)
    return slope_s, slope_t


@part
def _of(table, n, k):
    """table[n, k], or 0 where a dynamics has no use for it."""
    return table[n, k] if table.shape[1] > 0 else 0.0


@part
def _copy(x, to, begin, end):
    for n in range(begin, end):
        to[n, 0], to[n, 1] = x[n, 0], x[n, 1]


@entry
def move(begin, end, first, steps, code, x, memory, square, coefficients, noise, times, kept, diverged_at, low, high,
         cold, nodes, origin, per_step, mask):
    """Steps of balls begin..end-1 between walls low, high [2] on a surface (arrays as in `dynamics.blocks.Block`).

    mask [nx - 1, ny - 1]: cells without data, or [0, 0]: there are none.
    """
    noisy, carries, scaled = noise.shape[2] > 0, memory.shape[1] > 0, square.shape[1] > 0
    # Flat arrays and plain indices: a row taken out of an array is counted, which costs as much as the step.
    corner, table = nodes.reshape(-1), coefficients.reshape(-1)
    last_x, last_y = nodes.shape[0] - 2, nodes.shape[1] - 2
    rows, columns, colds = coefficients.shape[0] - 1, coefficients.shape[1] - 1, cold.shape[1] - 1
    for group in range(begin, end, GROUP):
        stop, at = min(group + GROUP, end), 0
        for step in range(steps):
            if at < times.size and times[at] == step:
                _copy(x, kept[at], group, stop)
                at += 1
            c_row, cold_row = min(step, rows) * (columns + 1), min(step, cold.shape[0] - 1)
            for n in range(group, stop):
                if diverged_at[n] >= 0:
                    continue
                k, stops = 7 * (c_row + min(n, columns)), cold[cold_row, min(n, colds)]
                c = table[k], table[k + 1], table[k + 2], table[k + 3], table[k + 4], table[k + 5], table[k + 6]
                u, v = x[n, 0], x[n, 1]
                s, t = (u - origin[0]) * per_step[0], (v - origin[1]) * per_step[1]
                i, j = min(max(int(s), 0), last_x), min(max(int(t), 0), last_y)
                k = 4 * (i * nodes.shape[1] + j)
                slope_s, slope_t = _slopes(corner, np.uint64(k), np.uint64(k + 4 * nodes.shape[1]), s - i, t - j)
                new_u, m, q = step_number(code, u, _of(memory, n, 0), _of(square, n, 0), -slope_s * per_step[0],
                                          noise[step, n, 0] if noisy else 0.0, c)
                new_v, p, o = step_number(code, v, _of(memory, n, 1), _of(square, n, 1), -slope_t * per_step[1],
                                          noise[step, n, 1] if noisy else 0.0, c)
                new_u, m = _inside(new_u, m, low[0], high[0], stops)
                new_v, p = _inside(new_v, p, low[1], high[1], stops)
                if mask.size > 0:
                    s, t = (new_u - origin[0]) * per_step[0], (new_v - origin[1]) * per_step[1]
                    if math.isnan(s + t) or mask[min(max(int(s), 0), last_x), min(max(int(t), 0), last_y)]:
                        new_u, new_v, m, p = u, v, -m, -p
                if not (abs(new_u) < FAR and abs(new_v) < FAR):
                    diverged_at[n] = first + step + 1
                    new_u = new_v = np.nan
                x[n, 0], x[n, 1] = new_u, new_v
                if carries:
                    memory[n, 0], memory[n, 1] = m, p
                if scaled:
                    square[n, 0], square[n, 1] = q, o
        if at < times.size:
            _copy(x, kept[at], group, stop)
