"""Many steps of many small networks in one call: the compiled part of `movers`.

One network after the other takes all steps of a block, so that its parameters stay near the processor. Samples are
rows and vectors run along the units (`units`). Working copies w of the parameters, their gradient g and the turned
weights have rows padded to a multiple of PIECE: a layer is [padded fan_in + 1, padded fan_out], biases in the last row.
"""

import numpy as np

from ...dynamics.kernels.steps import is_finite, step_row
from ...kernels_options import entry, part
from .activations import FAST, GELU, activate, multiply_by_slope
from .networks import ALWAYS, START, UNIT, _head, _widest
from .units import PIECE, product_on, transpose

# Samples per block of a long batch: a layer of 32 units then fills 8 kB.
ROWS = 64


@part
def _wide(n):
    """The next multiple of PIECE."""
    return (n + PIECE - 1) // PIECE * PIECE


@part
def _offsets(sizes, rows):
    """Where each layer begins in w, and its values in h; with the end of each at last."""
    layers = sizes.size - 1
    weights, values = np.zeros(layers + 1, np.int64), np.zeros(layers + 1, np.int64)
    for layer in range(layers):
        weights[layer + 1] = weights[layer] + (_wide(sizes[layer]) + 1) * _wide(sizes[layer + 1])
        values[layer + 1] = values[layer] + rows * _wide(sizes[layer + 1])
    return weights, values


@part(fastmath=FAST)
def _load(theta, w, sizes, weights):
    """w <- theta in the working precision."""
    at = 0
    for layer in range(sizes.size - 1):
        fan_in, fan_out, wide = sizes[layer], sizes[layer + 1], _wide(sizes[layer + 1])
        bias = weights[layer] + _wide(fan_in) * wide
        if fan_out == wide:
            _cast(theta[at:at + fan_in * fan_out], w[weights[layer]:])
        else:
            for k in range(fan_in):
                for c in range(fan_out):
                    w[weights[layer] + k * wide + c] = theta[at + k * fan_out + c]
        at += fan_in * fan_out
        _cast(theta[at:at + fan_out], w[bias:])
        at += fan_out


@part(fastmath=FAST)
def _cast(a, b):
    for j in range(a.size):
        b[j] = a[j]


@part(fastmath=FAST)
def _pull(theta, g, l2, force):
    for j in range(theta.size):
        force[j] = -np.float64(g[j]) - l2 * theta[j]


@part(fastmath=FAST)
def _force(theta, g, sizes, weights, l2, l1, force):
    """force <- -g - l2 theta - l1 sign(theta)."""
    at = 0
    for layer in range(sizes.size - 1):
        fan_in, fan_out, wide = sizes[layer], sizes[layer + 1], _wide(sizes[layer + 1])
        bias = weights[layer] + _wide(fan_in) * wide
        if fan_out == wide:
            _pull(theta[at:at + fan_in * fan_out], g[weights[layer]:], l2, force[at:])
        else:
            for k in range(fan_in):
                for c in range(fan_out):
                    j = at + k * fan_out + c
                    force[j] = -np.float64(g[weights[layer] + k * wide + c]) - l2 * theta[j]
        at += fan_in * fan_out
        _pull(theta[at:at + fan_out], g[bias:], l2, force[at:])
        at += fan_out
    if l1 != 0:
        for j in range(theta.size):
            force[j] -= l1 * ((theta[j] > 0) - (theta[j] < 0))


@part(fastmath=FAST)
def _thin(act, h, slope, keep, ld, scale):
    """Dropout: h [rows, ld] and the derivatives in `slope` times keep [rows, units] (0 or 1) times `scale`."""
    if act != GELU:
        for j in range(h.size):
            slope[j] = 1
        multiply_by_slope(act, slope, h, slope)
    for r in range(keep.shape[0]):
        for c in range(keep.shape[1]):
            factor = scale * keep[r, c]
            h[r * ld + c] *= factor
            slope[r * ld + c] *= factor


@part(fastmath=FAST)
def _forward(w, sizes, weights, values, act, x, x0, h, slope, rows, keep, scale):
    """Layer by layer for `rows` samples of x [., p] from x0; the outputs are the last layer's values in h."""
    source, start, ld, units = x, x0, sizes[0], 0
    for layer in range(sizes.size - 1):
        fan_in, fan_out, wide = sizes[layer], sizes[layer + 1], _wide(sizes[layer + 1])
        at, to = weights[layer], values[layer]
        product_on(h, to, wide, w, at + _wide(fan_in) * wide, START, source, start, ld, UNIT, w, at, wide, rows,
                   fan_out, fan_in)
        if layer < sizes.size - 2:
            activate(act, h[to:to + rows * wide], slope[to:to + rows * wide], ALWAYS)
            if keep.size > 0:
                _thin(act, h[to:to + rows * wide], slope[to:to + rows * wide], keep[:, units:units + fan_out], wide,
                      scale)
                units += fan_out
        source, start, ld = h, to, wide


@part(fastmath=FAST)
def _backward(w, turned, g, sizes, weights, values, act, x, x0, h, slope, back, top, one, zero, rows,
              thinned):
    """g += gradient of these samples, from that with respect to the outputs, `top` [rows, wide]."""
    for layer in range(sizes.size - 2, -1, -1):
        fan_in, fan_out, wide = sizes[layer], sizes[layer + 1], _wide(sizes[layer + 1])
        at, bias = weights[layer], weights[layer] + _wide(fan_in) * wide
        dz, dh = top if layer == sizes.size - 2 else back[layer % 2], back[(layer + 1) % 2]
        source, start, ld = (x, x0, fan_in) if layer == 0 else (h, values[layer - 1], _wide(fan_in))
        product_on(g, at, wide, g, at, wide, source, start, UNIT, ld, dz, START, wide, fan_in, fan_out, rows)
        product_on(g, bias, wide, g, bias, wide, one, START, START, START, dz, START, wide, UNIT, fan_out, rows)
        if layer > 0:
            end = start + rows * ld
            product_on(dh, START, ld, zero, START, START, dz, START, wide, UNIT, turned, at, ld, rows, fan_in, fan_out)
            if thinned or act == GELU:
                for j in range(rows * ld):
                    dh[j] *= slope[start + j]
            else:
                multiply_by_slope(act, dh[:rows * ld], h[start:end], slope[start:end])


@part
def _head_of(head, h, at, z, t, count, row, scale, dz, wide):
    """Energy sum of `count` outputs in h, whose gradient goes to dz [rows, wide]; z [k, rows] is scratch."""
    outputs = z.shape[0]
    for s in range(count):
        for c in range(outputs):
            z[c, s] = h[at + s * wide + c]
    energy = _head(head, z, t, count, row, scale, ALWAYS)
    for s in range(count):
        for c in range(outputs):
            dz[s * wide + c] = z[c, s]
    return energy


@part
def _drawn(indices):
    """How many samples stand in front of the first -1."""
    count = indices.size
    while count > 0 and indices[count - 1] < 0:
        count -= 1
    return count


@part
def _gather(table, indices, start, count, rows):
    """rows [., p] (flat) <- the chosen rows of `table`."""
    p = table.shape[1]
    for s in range(count):
        row = table[indices[start + s]]
        for k in range(p):
            rows[s * p + k] = row[k]


@part
def _targets(table, indices, start, count, t):
    """t [k, rows] <- targets of samples start..start + count - 1, chosen by `indices` if there are any."""
    for s in range(count):
        row = table[indices[start + s] if indices.size > 0 else start + s]
        for c in range(row.size):
            t[c, s] = row[c]


# Loops: numba compiles a second of code for what numpy says when shapes do not fit.
@part
def _copy(a, b):
    for j in range(a.size):
        b[j] = a[j]


@part
def _add(a, b):
    for j in range(a.size):
        b[j] += a[j]


@part
def _fill(a, value):
    for j in range(a.size):
        a[j] = value


@entry(allocates=True)
def move(begin, end, first, steps, code, theta, memory, square, coefficients, noise, indices, times, kept, diverged_at,
         x, t, sizes, act, head, l2, l1, push, push_rows, keep, keep_rows, scale):
    """Steps of replicas begin..end-1 (arrays as in `dynamics.blocks.Block`) on samples x [N, p] with targets t [N, k].

    l2, l1, scale [n]. push [steps, rows, d]: added to the force of replica i where push_rows[i] [n] is its row, not -1.
    keep [steps, rows, B, units]: dropout of hidden units per sample, 0 or 1, of which scale[i] times is taken; rows by
    keep_rows [n], as with push.
    """
    batched, samples = indices.shape[2] > 0, x.shape[0]
    rows = min(ROWS, indices.shape[2] if batched else samples)
    weights, values = _offsets(sizes, rows)
    # One by one: parts of one array would count as strided.
    w, g, turned = np.zeros(weights[-1], x.dtype), np.zeros(weights[-1], x.dtype), np.zeros(weights[-1], x.dtype)
    h, slope = np.zeros(values[-1], x.dtype), np.zeros(values[-1], x.dtype)
    back = np.zeros((2, rows * _wide(_widest(sizes, START))), x.dtype)
    top = np.zeros(rows * _wide(sizes[-1]), x.dtype)
    one, zero = np.ones(1, x.dtype), np.zeros(_wide(_widest(sizes, START)), x.dtype)
    z, target = np.zeros((sizes[-1], rows), x.dtype), np.zeros((sizes[-1], rows), x.dtype)
    row, force = np.empty(rows, x.dtype), np.empty(theta.shape[1])
    flat = x.ravel()
    chosen_x = np.zeros(rows * sizes[0] if batched else 0, x.dtype)
    nothing = keep[0, 0, :0]
    last = sizes.size - 2
    for i in range(begin, end):
        c, at = coefficients[:, min(i, coefficients.shape[1] - 1)], 0
        thinned = keep_rows[i] >= 0
        for s in range(steps):
            if at < times.size and times[at] == s:
                _copy(theta[i], kept[at, i])
                at += 1
            if diverged_at[i] >= 0:
                continue
            chosen = indices[min(s, indices.shape[0] - 1), i]
            count = _drawn(chosen) if batched else samples
            _load(theta[i], w, sizes, weights)
            for layer in range(1, last + 1):
                transpose(w, weights[layer], _wide(sizes[layer + 1]), turned, weights[layer], _wide(sizes[layer]),
                          _wide(sizes[layer]), _wide(sizes[layer + 1]))
            g[:] = 0
            for start in range(0, count, rows):
                here = min(rows, count - start)
                source, x0 = flat, start * sizes[0]
                if batched:
                    _gather(x, chosen, start, here, chosen_x)
                    source, x0 = chosen_x, 0
                _targets(t, chosen, start, here, target)
                thin = keep[s, keep_rows[i], start:start + here] if thinned else nothing
                _forward(w, sizes, weights, values, act, source, x0, h, slope, here, thin, x.dtype.type(scale[i]))
                _head_of(head, h, values[last], z, target, here, row, x.dtype.type(1 / count), top,
                         _wide(sizes[-1]))
                _backward(w, turned, g, sizes, weights, values, act, source, x0, h, slope, back, top, one, zero,
                          here, thinned)
            _force(theta[i], g, sizes, weights, l2[i], l1[i], force)
            if push_rows[i] >= 0:
                _add(push[s, push_rows[i]], force)
            step_row(code, theta[i], memory[i], square[i], force, noise[s, i], c[min(s, c.shape[0] - 1)])
            if not is_finite(theta[i]):
                diverged_at[i] = first + s + 1
                _fill(theta[i], np.nan)
        if at < times.size:
            _copy(theta[i], kept[at, i])
