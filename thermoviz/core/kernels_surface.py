"""Compiled evaluation of a surface at many points. Imported inside methods only: numba is heavy."""

import math

import numba
import numpy as np

from . import bicubic

_value_and_slope = numba.njit(nogil=True, error_model="numpy")(bicubic.value_and_slope)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def evaluate(
    nodes: np.ndarray, origin: np.ndarray, step: np.ndarray, slack: float, u: np.ndarray, value: np.ndarray,
    force: np.ndarray,
) -> int:
    """Fill value [n] and force [n, 2] at u [n, 2] from nodes [nx, ny, 4]; return how many points lie outside.

    Rounding (`slack`, in cells) beyond the box is moved onto its edge; NaN positions give NaN.
    """
    last_x = nodes.shape[0] - 2
    last_y = nodes.shape[1] - 2
    outside = 0
    for n in range(u.shape[0]):
        s = (u[n, 0] - origin[0]) / step[0]
        t = (u[n, 1] - origin[1]) / step[1]
        if math.isnan(s) or math.isnan(t):
            value[n] = np.nan
            force[n, 0] = np.nan
            force[n, 1] = np.nan
            continue
        if s < -slack or t < -slack or s > last_x + 1 + slack or t > last_y + 1 + slack:
            outside += 1
            continue
        s = min(max(s, 0.0), last_x + 1.0)
        t = min(max(t, 0.0), last_y + 1.0)
        i = min(int(s), last_x)
        j = min(int(t), last_y)
        a = nodes[i, j]
        b = nodes[i, j + 1]
        c = nodes[i + 1, j]
        d = nodes[i + 1, j + 1]
        energy, slope_s, slope_t = _value_and_slope(
            a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3],
            s - i, t - j,
        )
        value[n] = energy
        force[n, 0] = -slope_s / step[0]
        force[n, 1] = -slope_t / step[1]
    return outside
