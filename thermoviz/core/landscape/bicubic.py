"""The bicubic cell: the polynomial that the four numbers (E, E_x, E_y, E_xy) at its corners fix.

One formula serves numpy arrays and, compiled, single points (`kernels.surface`), so that the two cannot drift
apart. Nodes hold local units: (E, h_x E_x, h_y E_y, h_x h_y E_xy), so that a cell is the unit square.
"""

from typing import Any

import numpy as np
import scipy

from ..arrays import real
from ..errors import BadInput

# Energies beyond this are no data: their float32 derivatives would overflow.
LARGEST_ENERGY = 1e30

# Cubic Hermite data (f0, f0', f1, f1') of the unit interval -> Bernstein coefficients, whose hull holds the
# curve.
BERNSTEIN = np.array([[1, 0, 0, 0], [1, 1 / 3, 0, 0], [0, 0, 1, -1 / 3], [0, 0, 1, 0]])


def value_and_slope(
    e00: Any, x00: Any, y00: Any, c00: Any, e01: Any, x01: Any, y01: Any, c01: Any,
    e10: Any, x10: Any, y10: Any, c10: Any, e11: Any, x11: Any, y11: Any, c11: Any, s: Any, t: Any,
) -> tuple[Any, Any, Any]:
    """Energy and its two derivatives (per unit of s and t) at (s, t) of the unit cell.

    e, x, y, c: E, E_s, E_t, E_st at the corners (s, t) = 00, 01, 10, 11. Only operators: arrays do too.
    """
    p = 1.0 - s
    q = 1.0 - t
    a0 = (1.0 + 2.0 * s) * p * p
    a1 = s * p * p
    a2 = s * s * (3.0 - 2.0 * s)
    a3 = -s * s * p
    d0 = -6.0 * s * p
    d1 = p * (1.0 - 3.0 * s)
    d3 = s * (3.0 * s - 2.0)
    b0 = (1.0 + 2.0 * t) * q * q
    b1 = t * q * q
    b2 = t * t * (3.0 - 2.0 * t)
    b3 = -t * t * q
    g0 = -6.0 * t * q
    g1 = q * (1.0 - 3.0 * t)
    g3 = t * (3.0 * t - 2.0)
    left = b0 * e00 + b1 * y00 + b2 * e01 + b3 * y01
    left_s = b0 * x00 + b1 * c00 + b2 * x01 + b3 * c01
    right = b0 * e10 + b1 * y10 + b2 * e11 + b3 * y11
    right_s = b0 * x10 + b1 * c10 + b2 * x11 + b3 * c11
    left_t = g0 * (e00 - e01) + g1 * y00 + g3 * y01
    left_st = g0 * (x00 - x01) + g1 * c00 + g3 * c01
    right_t = g0 * (e10 - e11) + g1 * y10 + g3 * y11
    right_st = g0 * (x10 - x11) + g1 * c10 + g3 * c11
    value = a0 * left + a1 * left_s + a2 * right + a3 * right_s
    slope_s = d0 * (left - right) + d1 * left_s + d3 * right_s
    slope_t = a0 * left_t + a1 * left_st + a2 * right_t + a3 * right_st
    return value, slope_s, slope_t


def hermite_weights(s: np.ndarray, order: int) -> np.ndarray:
    """Weights [4, m] of (f0, f0', f1, f1') at s [m] for the cubic or its derivative of `order` up to 2."""
    if order == 0:
        return np.stack([(1 + 2 * s) * (1 - s) ** 2, s * (1 - s) ** 2, s * s * (3 - 2 * s), s * s * (s - 1)])
    if order == 1:
        return np.stack([6 * s * (s - 1), (1 - s) * (1 - 3 * s), 6 * s * (1 - s), s * (3 * s - 2)])
    return np.stack([12 * s - 6, 6 * s - 4, 6 - 12 * s, 6 * s - 2])


def axis(name: str, values: Any) -> np.ndarray:
    """The equidistant coordinates [n] of one side of a grid, checked. Raises BadInput."""
    try:
        points = real(values)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a list of numbers.") from None
    if points.ndim != 1 or len(points) < 4:
        raise BadInput(f"{name} must be a list of at least 4 coordinates, got shape {points.shape}.")
    if not np.isfinite(points).all() or not (np.diff(points) > 0).all():
        raise BadInput(f"{name} must be finite and strictly increasing.")
    even = np.linspace(points[0], points[-1], len(points))
    # A ten-thousandth of a step leaves room for coordinates that were stored in single precision.
    if np.abs(points - even).max() > 1e-4 * (even[1] - even[0]):
        raise BadInput(f"{name} must be equidistant.")
    even.setflags(write=False)
    return even


def energies(U: Any, shape: tuple[int, int]) -> np.ndarray:
    """Energies on a grid of this shape as float64, checked. Raises BadInput."""
    try:
        values = real(U)
    except (TypeError, ValueError):
        raise BadInput("U must be an array of numbers [len(xs), len(ys)].") from None
    if values.shape != shape:
        raise BadInput(f"U must have shape [len(xs), len(ys)] = {list(shape)}, got {list(values.shape)}.")
    return values


def spline_nodes(xs: np.ndarray, ys: np.ndarray, U: np.ndarray) -> np.ndarray:
    """(E, E_x, E_y, E_xy) [4, nx, ny] of the C2 bicubic not-a-knot spline through U [nx, ny].

    Rounded to float32, held as float64: the rounded values are the surface, here and in the browser. NaN at
    nodes without data. Raises BadInput where the derivatives leave single precision.
    Error: O(h^4) in the energy, O(h^3) in the force (de Boor 1962, J. Math. Phys. 41, 212).
    """
    bad = ~(np.abs(U) <= LARGEST_ENERGY)
    # Rounded first, so that the stored grid gives the very same surface again.
    rounded = np.where(bad, 0.0, U).astype(np.float32).astype(np.float64)
    filled = _filled(rounded, bad) if bad.any() else rounded
    along_x = spline_slopes(filled, xs[1] - xs[0])
    along_y = spline_slopes(filled.T, ys[1] - ys[0]).T
    both = spline_slopes(along_x.T, ys[1] - ys[0]).T
    with np.errstate(over="ignore"):
        nodes = np.stack([filled, along_x, along_y, both]).astype(np.float32).astype(np.float64)
    if not np.isfinite(nodes).all():
        raise BadInput("U is too steep: its derivatives must stay below 1e38 in single precision.")
    nodes[:, bad] = np.nan
    return nodes


def spline_slopes(values: np.ndarray, step: float) -> np.ndarray:
    """Slopes [n, m] at the nodes of the C2 cubic not-a-knot splines through values [n, m] along axis 0, n >= 4.

    Solves m_{i-1} + 4 m_i + m_{i+1} = 3 (f_{i+1} - f_{i-1}) / step, whose first and last rows say that the third
    derivative is continuous at the second and the last but one node (de Boor, A Practical Guide to Splines,
    ch. IV). By elimination without pivots, which are 1, 2, 3.5, ... here: so a page that shows surfaces need not
    load scipy's interpolation, 40 MB.
    """
    rise = np.diff(values, axis=0) / step
    slopes = np.empty_like(values)
    slopes[0] = (5 * rise[0] + rise[1]) / 2
    slopes[1:-1] = 3 * (rise[:-1] + rise[1:])
    slopes[-1] = (rise[-2] + 5 * rise[-1]) / 2
    n = len(values)
    lower, diagonal, upper = [1.0] * (n - 2) + [2.0], [1.0] + [4.0] * (n - 2) + [1.0], [2.0] + [1.0] * (n - 2)
    for i in range(1, n):
        share = lower[i - 1] / diagonal[i - 1]
        diagonal[i] -= share * upper[i - 1]
        slopes[i] -= share * slopes[i - 1]
    slopes[-1] /= diagonal[-1]
    for i in range(n - 2, -1, -1):
        slopes[i] = (slopes[i] - upper[i] * slopes[i + 1]) / diagonal[i]
    return slopes


def _filled(U: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """U with its bad nodes replaced by the smoothest continuation (least squared third differences).

    The spline through it rings less beside a hole than through constant or harmonic fill; the filled values
    themselves are never shown.
    """
    index = np.arange(U.size).reshape(U.shape)
    # First differences, weakly, make the solution unique where third ones leave a parabola undetermined.
    stencils = [(np.array([1.0, -3.0, 3.0, -1.0]), axis) for axis in (0, 1)]
    stencils += [(np.array([0.003, -0.003]), axis) for axis in (0, 1)]
    rows, columns, values, n_rows = [], [], [], 0
    for stencil, axis in stencils:
        n = U.shape[axis] - len(stencil) + 1
        shifted = [np.take(index, range(k, k + n), axis).ravel() for k in range(len(stencil))]
        window = np.stack(shifted, axis=1)
        window = window[bad.ravel()[window].any(axis=1)]
        rows.append(np.repeat(np.arange(len(window)) + n_rows, len(stencil)))
        columns.append(window.ravel())
        values.append(np.tile(stencil, len(window)))
        n_rows += len(window)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    differences = scipy.sparse.coo_matrix(entries, (n_rows, U.size)).tocsc()
    unknown = differences[:, bad.ravel()]
    known = differences[:, ~bad.ravel()] @ U[~bad]
    out = U.copy()
    out[bad] = scipy.sparse.linalg.spsolve((unknown.T @ unknown).tocsc(), -(unknown.T @ known))
    return out
