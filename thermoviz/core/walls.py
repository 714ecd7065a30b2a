"""Hard walls: specular reflection by folding, right for any overshoot."""

from typing import Any

import numpy as np

from .errors import BadInput


def box(bounds: Any, d: int) -> np.ndarray:
    """Bounds as [d, 2] float64 from ((lo, hi), ...) or flat (x0, x1, y0, y1, ...). Raises BadInput.

    An infinite edge means no wall on that side.
    """
    try:
        array = np.asarray(bounds, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        raise BadInput("bounds must be ((low, high), ...), one pair per dimension.") from None
    if len(array) != d:
        raise BadInput(f"bounds must hold {d} pairs (low, high), one per dimension, got {len(array)}.")
    if np.isnan(array).any() or not (array[:, 0] < array[:, 1]).all():
        raise BadInput("bounds: each low must be smaller than its high, and neither may be NaN.")
    return array


def reflect(x: Any, bounds: Any) -> Any:
    """Positions x [..., d] folded back into the box, as by specular reflection at its walls: [..., d].

    `bounds`: ((lo, hi), ...) per dimension, or flat (x0, x1, y0, y1); an infinite edge is no wall. x and x folded are
    mirror images modulo 2 (hi - lo), so any overshoot is right. NaN stays NaN. Raises BadInput.
    """
    if not hasattr(x, "dtype"):
        x = np.asarray(x, dtype=np.float64)
    if x.ndim == 0:
        raise BadInput("x must have shape [..., d], got a single number.")
    return fold(x, box(bounds, x.shape[-1]))[0]


def fold(x: Any, walls: np.ndarray) -> tuple[Any, Any]:
    """x [..., d] folded into walls [d, 2], and the sign [..., d] (+1, -1) that an odd number of reflections leaves.

    The count of reflections is an integer from the division; comparing folded with unfolded positions instead would
    miss those that rounding hides, and cool the gas. numpy or torch. The sign is None where nothing was outside.
    """
    low, high = (_like(edge, x) for edge in walls.T)
    outside = (x < low) | (x > high)
    if not bool(outside.any()):
        return x, None
    if np.isfinite(walls).all():
        return _fold_between(x, low, high)
    return _fold_one_sided(x, walls, outside)


def _like(edge: np.ndarray, x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return edge.astype(x.dtype)
    import torch

    return torch.as_tensor(edge, dtype=x.dtype, device=x.device)


def _fold_between(x: Any, low: Any, high: Any) -> tuple[Any, Any]:
    length = high - low
    count = (x - low) // length
    odd = count % 2
    place = (x - low) - count * length
    place = place + odd * (length - 2 * place)
    inside = _clip(place, length)
    return low + inside, 1 - 2 * odd


def _clip(place: Any, length: Any) -> Any:
    """Only rounding is cut here: `place` lies in [0, length] but for the last bit."""
    if isinstance(place, np.ndarray):
        return np.minimum(np.maximum(place, 0), length)
    return place.clamp(min=0).minimum(length)


def _fold_one_sided(x: Any, walls: np.ndarray, outside: Any) -> tuple[Any, Any]:
    """Dimension by dimension, where some edges are infinite: a single wall reflects once."""
    x, sign = _copy(x), _copy(x) * 0 + 1
    for i, (low, high) in enumerate(walls):
        column = x[..., i:i + 1]
        if np.isfinite(low) and np.isfinite(high):
            folded, odd = _fold_between(column, _like(np.array([low]), x), _like(np.array([high]), x))
            x[..., i:i + 1], sign[..., i:i + 1] = folded, odd
        else:
            wall = low if np.isfinite(low) else high
            hit = outside[..., i]
            x[..., i][hit] = 2 * float(wall) - x[..., i][hit]
            sign[..., i][hit] = -1
    return x, sign


def _copy(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x.clone()
