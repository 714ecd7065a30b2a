"""Energies that are means over samples: the gradients of single ones."""

from typing import Any

import numpy as np

from ..arrays import real

GRADIENT_NUMBERS = 20_000_000  # of single-sample gradients held at once


def single_gradients(loss: Any, theta: np.ndarray) -> np.ndarray:
    """Gradients of single samples [N, d] at theta [d]; of evenly spread samples where all would not fit in memory."""
    n, room = loss.n_samples, max(2, GRADIENT_NUMBERS // theta.size)
    if n <= room:
        return real(loss.per_sample_gradients(theta))
    chosen = np.linspace(0, n - 1, room).round().astype(int)
    one_each = loss.minibatch(chosen[:, None])
    return -real(one_each.force(np.broadcast_to(theta, (room, theta.size))))
