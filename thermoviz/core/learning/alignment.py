"""Hidden units have no names: networks that differ by their order (or by sign, where the activation is odd) are one.

`matchings` finds the order and signs that bring a network as close as possible to a reference, `align` applies it.
`distinct_units` counts the units that are not copies of each other, `dark_directions` those in which no sample pulls.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..errors import BadInput

# activation(-z) = -activation(z): turning a unit's incoming and outgoing weights round changes nothing.
ODD = ("tanh", "linear")
# Sweeps over the layers at most; a network with one hidden layer needs one.
MOST_SWEEPS = 50
# Units this share of the layer's longest unit apart are one: far above rounding, far below units that differ.
SAME_UNIT = 0.01


class Matching(NamedTuple):
    """How hidden units are renamed: parameter j of the renamed network is sign[j] theta[order[j]]; both [d]."""

    order: np.ndarray
    sign: np.ndarray

    def apply(self, theta: Any) -> np.ndarray:
        """theta [..., d] renamed: the same functions, for a whole path at once."""
        return np.asarray(theta)[..., self.order] * self.sign


def align(theta: Any, reference: Any, layers: Sequence[Any], activation: str) -> np.ndarray:
    """theta [..., d] with hidden units in the order (and sign) that is nearest to reference [d], same function.

    `layers`: a NetworkLoss's layer_slices. As `matchings`. Raises BadInput for shapes that do not fit.
    """
    values, d = np.asarray(theta, dtype=np.float64), layers[-1].bias.stop
    if values.shape[-1:] != (d,):
        raise BadInput(f"align needs theta [..., {d}], got {list(values.shape)}.")
    rows = values.reshape(-1, d)
    found = zip(rows, matchings(rows, reference, layers, activation), strict=True)
    return np.array([match.apply(row) for row, match in found]).reshape(values.shape)


def matchings(thetas: Any, reference: Any, layers: Sequence[Any], activation: str) -> list[Matching]:
    """For each of thetas [n, d] the order and signs of hidden units that bring it nearest to reference [d], without
    change of function.

    Exact for one hidden layer (a linear assignment); for more, layer by layer until nothing changes, which may be a
    local optimum. Source: S. Ainsworth, J. Hayase and S. Srinivasa, Git Re-Basin, ICLR 2023, algorithm 1. Raises
    BadInput for shapes that do not fit.
    """
    source, target, d = (np.asarray(thetas, dtype=np.float64), np.asarray(reference, dtype=np.float64),
                         layers[-1].bias.stop)
    if target.shape != (d,) or source.ndim != 2 or source.shape[1] != d:
        raise BadInput(f"matchings needs thetas [n, {d}] and a reference [{d}], got {list(source.shape)} and "
                       f"{list(target.shape)}.")
    # Weights, and names sign[j] (order[j] + 1) that change place and sign as the weights do: [2, n, d].
    moved = np.stack([source, np.tile(np.arange(1.0, d + 1), (len(source), 1))])
    left = np.arange(len(source))
    for _sweep in range(MOST_SWEEPS):
        if not len(left):
            break
        now = moved[:, left]
        for k in range(len(layers) - 1):
            _match_layer(now, target, layers, k, activation in ODD)
        changed = (now[1] != moved[1, left]).any(axis=1)
        moved[:, left] = now
        left = left[changed]
    return [Matching(order, sign) for order, sign in
            zip(np.abs(moved[1]).astype(np.int64) - 1, np.sign(moved[1]), strict=True)]


def _match_layer(moved: np.ndarray, target: np.ndarray, layers: Sequence[Any], k: int, odd: bool) -> None:
    """Renames the units of hidden layer k alone as is best for the weights moved[0] [n, d]; all of moved [m, n, d]
    follows them, in place."""
    overlap = _units(moved[0], layers, k) @ _units(target, layers, k).T
    worth = np.abs(overlap) if odd else overlap
    order = np.argsort([scipy.optimize.linear_sum_assignment(one, maximize=True)[1] for one in worth], axis=1)
    met = np.take_along_axis(overlap, order[:, None], axis=1)[:, 0]
    flip = np.where(odd & (met < 0), -1.0, 1.0)
    incoming, outgoing = layers[k], layers[k + 1]
    for part, shape, axis in ((incoming.weight, incoming.shape, 3), (incoming.bias, incoming.shape[1:], 2),
                              (outgoing.weight, outgoing.shape, 2)):
        weights = moved[..., part].reshape(*moved.shape[:2], *shape)
        along = (1, *order.shape[:1], *(order.shape[1] if at == axis else 1 for at in range(2, weights.ndim)))
        weights[:] = np.take_along_axis(weights, order.reshape(along), axis) * flip.reshape(along)


def _units(theta: np.ndarray, layers: Sequence[Any], k: int) -> np.ndarray:
    """All weights of each unit of hidden layer k, of theta [..., d]: incoming, bias, outgoing,
    [..., units, fan_in + 1 + fan_out]."""
    incoming, outgoing, rows = layers[k], layers[k + 1], theta.shape[:-1]
    return np.concatenate([theta[..., incoming.weight].reshape(*rows, *incoming.shape).swapaxes(-1, -2),
                           theta[..., incoming.bias, None],
                           theta[..., outgoing.weight].reshape(*rows, *outgoing.shape)], axis=-1)


def distinct_units(theta: Any, loss: Any, tolerance: float = SAME_UNIT) -> np.ndarray:
    """Hidden units that are no copy of another, layer by layer: whole numbers [..., layers] for theta [..., d].

    A unit is all its weights: incoming, bias, outgoing. Two are copies if they differ (up to sign, where the
    activation is odd) by at most `tolerance` times the length of the layer's longest unit; a unit shorter than that
    is silent and does not count. loss: a NetworkLoss. Raises BadInput for shapes that do not fit.
    """
    values = np.asarray(theta, dtype=np.float64)
    if values.shape[-1:] != (loss.d,):
        raise BadInput(f"distinct_units needs theta [..., {loss.d}], got {list(values.shape)}.")
    layers, odd = loss.layer_slices, loss.mlp.activation in ODD
    counts = [[_distinct(_units(row, layers, k), tolerance, odd) for k in range(len(layers) - 1)]
              for row in values.reshape(-1, loss.d)]
    return np.array(counts, dtype=np.int64).reshape(*values.shape[:-1], len(layers) - 1)


def dark_directions(theta: Any, loss: Any, tolerance: float = SAME_UNIT) -> np.ndarray:
    """Directions in which the gradient of every sample vanishes, and so the noise C: whole numbers [...].

    Copies are pulled alike, so that only the network without copies is lit. Of its parameters, softmax leaves one
    dark per unit of the last layer and one for its biases (an equal shift of all outputs), and relu one per unit
    (longer incoming weights, shorter outgoing ones). One hidden layer of H units, D distinct, softmax:
    (H - D)(n_in + 1 + n_out) + D + 1. A lower bound for exact copies; all there are where samples are many and every
    unit answers to some (a relu that no sample wakes is dark as well). Raises BadInput as `distinct_units`, and for
    linear hidden units, whose layers can be mixed at will.
    """
    if loss.mlp.activation == "linear" and loss.mlp.hidden:
        raise BadInput("dark_directions counts copies of hidden units; linear ones can be mixed at will.")
    units = distinct_units(theta, loss, tolerance)
    inputs, outputs = (np.full((*units.shape[:-1], 1), n) for n in (loss.sizes[0], loss.sizes[-1]))
    widths = np.concatenate([inputs, units, outputs], axis=-1)
    lit = ((widths[..., :-1] + 1) * widths[..., 1:]).sum(-1)
    gauge = (widths[..., -2] + 1 if loss.data.task == "classification" else 0)
    rescaled = units.sum(-1) if loss.mlp.activation == "relu" else 0
    return loss.d - lit + gauge + rescaled


def log_copies(theta: Any, loss: Any, tolerance: float = SAME_UNIT) -> np.ndarray:
    """ln of the number of networks that are theta [..., d] with hidden units renamed (and turned round): [...].

    h units: h! orders, and 2^h signs where the activation is odd, over those that change nothing: m! for m copies of a
    unit, and both signs of each silent one. Units count as copies as in `distinct_units`. Raises BadInput as it does.
    """
    values = np.asarray(theta, dtype=np.float64)
    if values.shape[-1:] != (loss.d,):
        raise BadInput(f"log_copies needs theta [..., {loss.d}], got {list(values.shape)}.")
    layers, odd = loss.layer_slices, loss.mlp.activation in ODD
    found = [sum(_log_copies(_units(row, layers, k), tolerance, odd) for k in range(len(layers) - 1))
             for row in values.reshape(-1, loss.d)]
    return np.array(found, dtype=np.float64).reshape(values.shape[:-1])


def _log_copies(units: np.ndarray, tolerance: float, odd: bool) -> float:
    """Of one layer's units [h, weights]."""
    least = tolerance * np.linalg.norm(units, axis=1).max()
    kinds, sizes, signs = [np.zeros_like(units[0])], [0], 0.0
    for unit in units:
        signs_tried = (1, -1) if odd else (1,)
        apart = [min(float(np.linalg.norm(unit - sign * kind)) for sign in signs_tried) for kind in kinds]
        k = int(np.argmin(apart))
        if apart[k] > least:
            kinds.append(unit)
            sizes.append(0)
            k = len(kinds) - 1
        sizes[k] += 1
        signs += math.log(2) if odd and k > 0 else 0.0
    return math.lgamma(len(units) + 1) + signs - sum(math.lgamma(size + 1) for size in sizes)


def _distinct(units: np.ndarray, tolerance: float, odd: bool) -> int:
    """How many of the rows [units, weights] are neither silent nor copies of one before."""
    least = tolerance * np.linalg.norm(units, axis=1).max()
    found: list[np.ndarray] = []
    for unit in units:
        known = [np.zeros_like(unit), *found, *(-other for other in found if odd)]
        if np.linalg.norm(unit - np.array(known), axis=1).min() > least:
            found.append(unit)
    return len(found)
