"""Hard walls: specular reflection by folding, right for any overshoot; for what has no heat and no inertia, a stop."""

from typing import Any, NamedTuple

import numpy as np

from ..arrays import is_tensor, library, real, single_or_double
from ..errors import BadInput


class Walls(NamedTuple):
    """Lower and upper edges that broadcast against positions x [..., d], in x's type and place."""

    low: Any
    high: Any


def box(bounds: Any, d: int) -> np.ndarray:
    """Bounds as [d, 2] float64 from ((lo, hi), ...), flat (x0, x1, y0, y1, ...) or one pair for all dimensions.

    An infinite edge means no wall on that side. Raises BadInput.
    """
    try:
        array = real(bounds).reshape(-1, 2)
    except (TypeError, ValueError):
        raise BadInput("bounds must be ((low, high), ...), one pair per dimension.") from None
    if len(array) not in (1, d):
        raise BadInput(f"bounds must hold {d} pairs (low, high), one per dimension, or one for all, got {len(array)}.")
    if np.isnan(array).any() or not (array[:, 0] < array[:, 1]).all():
        raise BadInput("bounds: each low must be smaller than its high, and neither may be NaN.")
    return np.broadcast_to(array, (d, 2))


def walls_for(bounds: Any, x: Any) -> Walls:
    """The walls of `box(bounds)`, laid out like x [..., d]: a comparison without broadcasting is 15 times faster."""
    low, high = (np.broadcast_to(edge, tuple(x.shape)).copy() for edge in box(bounds, x.shape[-1]).T)
    if not is_tensor(x):
        return Walls(low.astype(x.dtype), high.astype(x.dtype))
    return Walls(*(library(x).as_tensor(edge, dtype=x.dtype, device=x.device) for edge in (low, high)))


def reflect(x: Any, bounds: Any) -> Any:
    """Positions x [..., d] folded back into the box, as by specular reflection at its walls: [..., d].

    `bounds`: ((lo, hi), ...) per dimension, flat (x0, x1, y0, y1), or one pair for all; an infinite edge is no wall. x
    and x folded are mirror images modulo 2 (hi - lo), so any overshoot is right. NaN stays NaN, infinity becomes NaN.
    Raises BadInput.
    """
    if not is_tensor(x):
        try:
            x = single_or_double(x)
        except (TypeError, ValueError):
            raise BadInput("x must be an array of numbers [..., d].") from None
    elif not x.is_floating_point():
        x = x.double()
    if x.ndim == 0:
        raise BadInput("x must have shape [..., d], got a single number.")
    with np.errstate(invalid="ignore"):
        return fold(x, walls_for(bounds, x))[0]


def fold(x: Any, walls: Walls) -> tuple[Any, Any]:
    """x folded into the walls, and the sign (+1, -1), both [..., d], that an odd number of reflections leaves.

    The count of reflections is an integer from the division; comparing folded with unfolded positions instead would
    miss those that rounding hides, and cool the gas. numpy or torch. The sign is None where nothing was outside; what
    is inside keeps every bit.
    """
    xp = library(x)
    outside = (x < walls.low) | (x > walls.high)
    if not bool(outside.any()):
        return x, None
    place, low, high = x[outside], walls.low[outside], walls.high[outside]
    length = high - low
    count = (place - low) // length
    odd = count % 2
    rest = (place - low) % length
    between = low + rest + odd * (length - 2 * rest)
    # Only rounding is cut here.
    between = xp.minimum(xp.maximum(between, low), high)
    one_sided = xp.isinf(length)
    wall = xp.where(xp.isinf(low), high, low)
    folded, sign = x + 0, xp.ones_like(x)
    folded[outside] = xp.where(one_sided, 2 * wall - place, between)
    sign[outside] = xp.where(one_sided, xp.full_like(odd, -1), 1 - 2 * odd)
    return folded, sign


def stop(x: Any, walls: Walls, replicas: Any) -> Any:
    """x [n, d] with the chosen `replicas` (bool, or bool [n]) held at the wall in each coordinate that left the box.

    Overdamped motion without heat: the force presses on the wall and slides along it. Folding would set up a bounce of
    two steps that never settles. What is not finite is left to the caller. numpy or torch.
    """
    xp = library(x)
    outside = ((x < walls.low) | (x > walls.high)) & xp.isfinite(x)
    if np.ndim(replicas):
        outside = outside & xp.asarray(np.asarray(replicas)[:, None], device=x.device)
    if not bool(outside.any()):
        return x
    held = x + 0
    held[outside] = xp.minimum(xp.maximum(x, walls.low), walls.high)[outside]
    return held
