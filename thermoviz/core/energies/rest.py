"""Rest: the minimum below a network, on all the data at once, to a gradient of about a ten-millionth."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..arrays import real
from .protocol import force

# A network stands still, for all that a picture shows, where |grad E| is below this.
STILL = 1e-6
# What is asked of the descent, so that STILL is met with room, and when it gives up.
ASKED, MOST_STEPS, MEMORY = 1e-8, 4000, 30


class Rest(NamedTuple):
    """Minima x [n, d] and what is left of the gradient there, |grad E| [n]."""

    x: np.ndarray
    gradient: np.ndarray


def at_rest(energy: Any, starts: Any, report: Callable[[float], Any] = lambda fraction: None) -> Rest:
    """The minima that full-batch descent from starts [n, d] ends in, by limited-memory BFGS in double precision.

    energy: an Energy on [..., d]; of a NetworkLoss its twin in double precision is taken. Quasi-Newton steps are long:
    where a valley is shallow they may end in a neighbour of the one that infinitely slow descent would find. Check
    `gradient`: at a kink (relu, l1) it cannot vanish. Source: Liu and Nocedal 1989, through scipy.
    """
    exact = energy.in_double() if hasattr(energy, "in_double") else energy
    found = []
    starts = np.atleast_2d(real(starts))
    for k, start in enumerate(starts):
        found.append(_descended(exact, start))
        report((k + 1) / len(starts))
    return Rest(np.array([x for x, _ in found]), np.array([gradient for _, gradient in found]))


def _descended(energy: Any, start: np.ndarray) -> tuple[np.ndarray, float]:
    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        if hasattr(energy, "value_and_force"):
            value, pull = energy.value_and_force(x)
        else:
            value, pull = energy(x), force(energy, x)
        return float(value), -np.asarray(pull, float)

    done = scipy.optimize.minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options={
        "gtol": ASKED, "ftol": 0.0, "maxcor": MEMORY, "maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "maxls": 40})
    return done.x, float(np.linalg.norm(value_and_gradient(done.x)[1]))


def function_difference(loss: Any, thetas: Any) -> np.ndarray:
    """How differently networks answer [n, n]: root mean square over training points and outputs, thetas [n, d].

    Of log-odds (logits minus their mean, in nats) or of predicted values. 0 for networks that differ by the names of
    their hidden units only.
    """
    outputs = np.asarray(loss.predict(np.asarray(thetas, float), loss.data.x_train), float)
    if loss.data.task == "classification":
        outputs = outputs - outputs.mean(axis=-1, keepdims=True)
    flat = outputs.reshape(len(outputs), -1)
    square = (flat**2).sum(axis=1)
    mean = (square[:, None] + square - 2 * flat @ flat.T) / flat.shape[1]
    return np.sqrt(np.maximum(mean, 0.0))
