"""Hidden units have no names: networks that differ by their order (or by sign, where the activation is odd) are one.

`align` finds the order and signs that bring networks as close as possible to a reference.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import BadInput

# activation(-z) = -activation(z): turning a unit's incoming and outgoing weights round changes nothing.
ODD = ("tanh", "linear")
# Sweeps over the layers at most; a network with one hidden layer needs one.
MOST_SWEEPS = 50


def align(theta: Any, reference: Any, layers: Sequence[Any], activation: str) -> np.ndarray:
    """theta [..., d] with hidden units in the order (and sign) that is nearest to reference [d], same function.

    `layers`: a NetworkLoss's layer_slices. Exact for one hidden layer (a linear assignment); for more, layer by layer
    until nothing changes, which may be a local optimum. Source: S. Ainsworth, J. Hayase and S. Srinivasa, Git Re-Basin,
    ICLR 2023, algorithm 1. Raises BadInput for shapes that do not fit.
    """
    aligned = np.array(theta, dtype=np.float64)
    target = np.asarray(reference, dtype=np.float64)
    d = layers[-1].bias.stop
    if target.shape != (d,) or aligned.shape[-1:] != (d,):
        raise BadInput(f"align needs theta [..., {d}] and a reference [{d}], got {list(aligned.shape)} and "
                       f"{list(target.shape)}.")
    for row in aligned.reshape(-1, d):
        for _sweep in range(MOST_SWEEPS):
            if not any([_align_layer(row, target, layers, k, activation in ODD) for k in range(len(layers) - 1)]):
                break
    return aligned


def _align_layer(theta: np.ndarray, target: np.ndarray, layers: Sequence[Any], k: int, odd: bool) -> bool:
    """Reorders the units of hidden layer k in place; whether anything changed."""
    from scipy.optimize import linear_sum_assignment

    overlap = _units(theta, layers, k) @ _units(target, layers, k).T
    unit, place = linear_sum_assignment(np.abs(overlap) if odd else overlap, maximize=True)
    order = unit[np.argsort(place)]
    chosen = overlap[order, np.arange(len(order))]
    sign = np.where(odd & (chosen < 0), -1.0, 1.0)
    if (order == np.arange(len(order))).all() and (sign > 0).all():
        return False
    incoming, outgoing = layers[k], layers[k + 1]
    W, b, V = (theta[incoming.weight].reshape(incoming.shape), theta[incoming.bias],
               theta[outgoing.weight].reshape(outgoing.shape))
    W[:], b[:], V[:] = W[:, order] * sign, b[order] * sign, V[order] * sign[:, None]
    return True


def _units(theta: np.ndarray, layers: Sequence[Any], k: int) -> np.ndarray:
    """All weights of each unit of hidden layer k: incoming, bias, outgoing, [units, fan_in + 1 + fan_out]."""
    incoming, outgoing = layers[k], layers[k + 1]
    return np.concatenate([theta[incoming.weight].reshape(incoming.shape).T, theta[incoming.bias][:, None],
                           theta[outgoing.weight].reshape(outgoing.shape)], axis=1)
