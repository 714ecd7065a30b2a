"""Many steps of many small networks in one call: the compiled part of `movers.py`."""

import numpy as np

from ...dynamics.kernels.steps import is_finite, step_row
from ...kernels_options import entry, part
from .networks import GRADIENT, _block, _force_of, _gather, _load, _scratch


@part
def _gradient(theta, w, g, indices, count, x, t, drawn_x, drawn_t, sizes, act, head, scratch, ld, l2, l1, force):
    """force <- that of the first `count` samples of `indices`, or of all in blocks where `indices` is empty."""
    batched = indices.size > 0
    samples = count
    poison = _load(theta, w)
    for j in range(g.size):
        g[j] = 0
    scale = x.dtype.type(1 / samples)
    for start in range(0, samples, ld):
        here, block = min(ld, samples - start), 0 if batched else start // ld
        if batched:
            _gather(x[0], indices[start:start + here], drawn_x[0])
            _gather(t[0], indices[start:start + here], drawn_t[0])
        _block(w, g, sizes, act, head, drawn_x.ravel(), block * (sizes[0] + 1) * ld, drawn_t[block], scratch, ld, here,
               scale, GRADIENT)
    _force_of(theta, g, l2, l1, poison, force)


@part
def _drawn(indices):
    """How many samples stand in front of the first -1."""
    count = 0
    while count < indices.size and indices[count] >= 0:
        count += 1
    return count


@entry
def move(begin, end, first, steps, code, theta, memory, square, coefficients, noise, indices, times, kept, diverged_at,
         x, t, sizes, act, head, samples, ld, l2, l1, push, push_rows):
    """Steps of replicas begin..end-1 (arrays as in `dynamics.blocks.Block`), one replica after the other.

    Data as in `networks.evaluate`. l2, l1 [n]. push [steps, rows, d]: added to the force of replica i where
    push_rows[i] [n] is its row, not -1.
    """
    batched = indices.shape[2] > 0
    w, force = np.empty(theta.shape[1], x.dtype), np.empty(theta.shape[1])
    g = np.zeros(theta.shape[1], x.dtype)
    drawn_x = np.ones((1, sizes[0] + 1, ld), x.dtype) if batched else x
    drawn_t = np.zeros((1, sizes[-1], ld), x.dtype) if batched else t
    scratch = _scratch(sizes, ld, act, x, GRADIENT)
    for i in range(begin, end):
        row, at = coefficients[:, min(i, coefficients.shape[1] - 1)], 0
        for s in range(steps):
            if at < times.size and times[at] == s:
                kept[at, i] = theta[i]
                at += 1
            if diverged_at[i] >= 0:
                continue
            chosen = indices[min(s, indices.shape[0] - 1), i]
            _gradient(theta[i], w, g, chosen, _drawn(chosen) if batched else samples, x, t, drawn_x, drawn_t, sizes,
                      act, head, scratch, ld, l2[i], l1[i], force)
            if push_rows[i] >= 0:
                force += push[s, push_rows[i]]
            step_row(code, theta[i], memory[i], square[i], force, noise[s, i], row[min(s, row.shape[0] - 1)])
            if not is_finite(theta[i]):
                diverged_at[i] = first + s + 1
                theta[i] = np.nan
        if at < times.size:
            kept[at, i] = theta[i]
