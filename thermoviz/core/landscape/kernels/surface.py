"""Compiled evaluation of a surface at many points. Loaded at first use: numba is heavy."""

import math

import numpy as np

from ...kernels_options import entry, part
from .. import bicubic

_value_and_slope = part(bicubic.value_and_slope)


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
    k1, k2, k3, k4, k5, k6, k7 = [np.uint64(k) for k in range(1, 8)]
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
