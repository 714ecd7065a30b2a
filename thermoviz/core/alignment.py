"""Hidden units have no names: networks that differ by their order (or by sign, where the activation is odd) are one.

`matching` finds the order and signs that bring a network as close as possible to a reference, `align` applies it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .errors import BadInput

# activation(-z) = -activation(z): turning a unit's incoming and outgoing weights round changes nothing.
ODD = ("tanh", "linear")
# Sweeps over the layers at most; a network with one hidden layer needs one.
MOST_SWEEPS = 50


class Matching(NamedTuple):
    """How hidden units are renamed: parameter j of the renamed network is sign[j] theta[order[j]]; both [d]."""

    order: np.ndarray
    sign: np.ndarray

    def apply(self, theta: Any) -> np.ndarray:
        """theta [..., d] renamed: the same functions, for a whole path at once."""
        return np.asarray(theta)[..., self.order] * self.sign


def align(theta: Any, reference: Any, layers: Sequence[Any], activation: str) -> np.ndarray:
    """theta [..., d] with hidden units in the order (and sign) that is nearest to reference [d], same function.

    `layers`: a NetworkLoss's layer_slices. As `matching`, row by row. Raises BadInput for shapes that do not fit.
    """
    values, d = np.asarray(theta, dtype=np.float64), layers[-1].bias.stop
    if values.shape[-1:] != (d,):
        raise BadInput(f"align needs theta [..., {d}], got {list(values.shape)}.")
    rows = [matching(row, reference, layers, activation).apply(row) for row in values.reshape(-1, d)]
    return np.array(rows).reshape(values.shape)


def matching(theta: Any, reference: Any, layers: Sequence[Any], activation: str) -> Matching:
    """The order and signs of hidden units that bring theta [d] nearest to reference [d], without change of function.

    Exact for one hidden layer (a linear assignment); for more, layer by layer until nothing changes, which may be a
    local optimum. Source: S. Ainsworth, J. Hayase and S. Srinivasa, Git Re-Basin, ICLR 2023, algorithm 1. Raises
    BadInput for shapes that do not fit.
    """
    source, target, d = (np.asarray(theta, dtype=np.float64), np.asarray(reference, dtype=np.float64),
                         layers[-1].bias.stop)
    if target.shape != (d,) or source.shape != (d,):
        raise BadInput(f"matching needs theta [{d}] and a reference [{d}], got {list(source.shape)} and "
                       f"{list(target.shape)}.")
    found = Matching(np.arange(d), np.ones(d))
    for _sweep in range(MOST_SWEEPS):
        before = found
        for k in range(len(layers) - 1):
            move = _layer_matching(found.apply(source), target, layers, k, activation in ODD)
            found = Matching(found.order[move.order], found.sign[move.order] * move.sign)
        if (found.order == before.order).all() and (found.sign == before.sign).all():
            break
    return found


def _layer_matching(theta: np.ndarray, target: np.ndarray, layers: Sequence[Any], k: int, odd: bool) -> Matching:
    """How the units of hidden layer k alone are best renamed."""
    from scipy.optimize import linear_sum_assignment

    overlap = _units(theta, layers, k) @ _units(target, layers, k).T
    unit, place = linear_sum_assignment(np.abs(overlap) if odd else overlap, maximize=True)
    order = unit[np.argsort(place)]
    flip = np.where(odd & (overlap[order, np.arange(len(order))] < 0), -1.0, 1.0)
    incoming, outgoing = layers[k], layers[k + 1]
    index, sign = np.arange(len(theta)), np.ones(len(theta))
    W, b, V = (index[incoming.weight].reshape(incoming.shape), index[incoming.bias],
               index[outgoing.weight].reshape(outgoing.shape))
    W[:], b[:], V[:] = W[:, order], b[order], V[order]
    W, b, V = (sign[incoming.weight].reshape(incoming.shape), sign[incoming.bias],
               sign[outgoing.weight].reshape(outgoing.shape))
    W[:], b[:], V[:] = flip, flip, flip[:, None]
    return Matching(index, sign)


def _units(theta: np.ndarray, layers: Sequence[Any], k: int) -> np.ndarray:
    """All weights of each unit of hidden layer k: incoming, bias, outgoing, [units, fan_in + 1 + fan_out]."""
    incoming, outgoing = layers[k], layers[k + 1]
    return np.concatenate([theta[incoming.weight].reshape(incoming.shape).T, theta[incoming.bias][:, None],
                           theta[outgoing.weight].reshape(outgoing.shape)], axis=1)
