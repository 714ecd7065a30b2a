"""Losses and gradients of many small networks at once: the compiled part of `networks.py`.

Samples pass in blocks, [units, samples] in memory, small enough for the first-level cache. A layer's input
carries a last row of ones, so that its weights and biases are one matrix [fan_in + 1, fan_out], just as theta
stores them. All arrays are flat with offsets; `sizes` are the layer widths from input to output.
"""

import math

import numpy as np

from ...kernels_options import entry, part
from .activations import FAST, GELU, REDUCE, activate, exponential, multiply_by_slope
from .modes import GRADIENT
from .tiles import COLUMNS, add_outer, product

# As numbers of numpy these stay variables for the compiler, which would make a copy of the code for each constant.
SQUARED, CROSS_ENTROPY = np.arange(2)
NEVER, ALWAYS = np.array([False, True])
START, UNIT = np.int64(0), np.int64(1)


@part(fastmath=FAST)
def _shift_by_largest(z, top):
    """z <- z - max over classes, per sample; `top` [ld] is scratch."""
    for c in range(z.shape[0]):
        one = z[c]
        for s in range(top.size):
            top[s] = one[s] if c == 0 or one[s] > top[s] else top[s]
    for c in range(z.shape[0]):
        one = z[c]
        for s in range(top.size):
            one[s] -= top[s]


@part(fastmath=REDUCE)
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@part(fastmath=REDUCE)
def _sum_of_logs(a, shift):
    """sum log(shift + a[i]): logarithms of products of 32, each factor between 1 and 2^31."""
    total = 0.0
    for start in range(0, a.size, 32):
        factor = 1.0
        for value in a[start:start + 32]:
            factor *= shift + np.float64(value)
        total += math.log(factor)
    return total


@part(fastmath=FAST)
def _softmax_energy(z, t, count, row, scale, with_gradient):
    """Sum of cross-entropies in nats over the first `count` samples; z becomes its gradient times `scale`.

    z, t [classes, ld]: outputs and the classes as rows of zeros and ones; row [ld]: scratch.
    """
    _shift_by_largest(z, row)
    hit = 0.0
    for c in range(z.shape[0]):
        hit += _dot(z[c, :count], t[c, :count])
    for c in range(z.shape[0]):
        one = z[c]
        for s in range(row.size):
            one[s] = exponential(one[s])
            row[s] = one[s] if c == 0 else row[s] + one[s]
    energy = _sum_of_logs(row[:count], 0.0) - hit
    if with_gradient:
        for s in range(row.size):
            row[s] = scale / row[s]
        for c in range(z.shape[0]):
            one, is_class = z[c], t[c]
            for s in range(row.size):
                one[s] = one[s] * row[s] - scale * is_class[s]
    return energy


@part(fastmath=REDUCE)
def _positive_part(d, y):
    """sum over samples of max(d, 0) - y d: the part of the cross-entropy beside ln(1 + exp(-|d|))."""
    total, zero = 0.0, d.dtype.type(0)
    for s in range(d.size):
        total += np.float64((zero if d[s] < 0 else d[s]) - y[s] * d[s])
    return total


@part(fastmath=FAST)
def _binary_energy(z, t, count, row, scale, with_gradient):
    """`_softmax_energy` for two classes, through the difference d of the two outputs."""
    one = z.dtype.type(1)
    first, d, y = z[0], z[1], t[1]
    for s in range(row.size):
        d[s] -= first[s]
        row[s] = exponential(-abs(d[s]))
    energy = _positive_part(d[:count], y[:count]) + _sum_of_logs(row[:count], 1.0)
    if with_gradient:
        for s in range(row.size):
            larger = one / (one + row[s])
            second = larger if d[s] > 0 else row[s] * larger
            d[s] = scale * (second - y[s])
            first[s] = -d[s]
    return energy


@part(fastmath=REDUCE)
def _squared_energy(z, t, count, scale, with_gradient):
    """Sum over samples of the mean over outputs of half the squared error; z: as `_softmax_energy`."""
    total = 0.0
    each = z.dtype.type(scale / z.shape[0])
    for c in range(z.shape[0]):
        one, target = z[c], t[c]
        for s in range(one.size):
            one[s] -= target[s]
        total += _dot(one[:count], one[:count])
        if with_gradient:
            for s in range(one.size):
                one[s] *= each
    return 0.5 * total / z.shape[0]


@part
def _head(head, z, t, count, row, scale, with_gradient):
    if head == SQUARED:
        energy = _squared_energy(z, t, count, scale, with_gradient)
    elif z.shape[0] == 2:
        energy = _binary_energy(z, t, count, row, scale, with_gradient)
    else:
        energy = _softmax_energy(z, t, count, row, scale, with_gradient)
    if with_gradient:
        for c in range(z.shape[0]):
            for s in range(count, z.shape[1]):
                z[c, s] = 0
    return energy


@part
def _room(sizes, ld):
    """Offsets of the layers' values in one flat array (each with its row of ones), and its length."""
    offsets = np.zeros(sizes.size, np.int64)
    total = 0
    for layer in range(1, sizes.size - 1):
        offsets[layer] = total
        total += (sizes[layer] + 1) * ld
    return offsets, total


@part
def _widest(sizes, first):
    """The largest of sizes[first:]: numpy's own takes half a second to compile."""
    widest = sizes[first]
    for layer in range(first, sizes.size):
        widest = max(widest, sizes[layer])
    return widest


@part
def _scratch(sizes, ld, act, like, mode):
    """Per call: hidden values, slopes of GELU, outputs, a row, two arrays for the backward pass."""
    offsets, total = _room(sizes, ld)
    h = np.zeros(max(total, 1), like.dtype)
    for layer in range(1, sizes.size - 1):
        for s in range(offsets[layer] + sizes[layer] * ld, offsets[layer] + (sizes[layer] + 1) * ld):
            h[s] = 1
    slope = np.zeros(h.size if act == GELU and mode == GRADIENT else 1, like.dtype)
    z = np.zeros((sizes[-1], ld), like.dtype)
    back = np.zeros((2, _widest(sizes, UNIT) * ld if mode == GRADIENT else 1), like.dtype)
    return offsets, h, slope, z, np.zeros(ld, like.dtype), back


@part
def _forward(w, sizes, act, x, x0, first, scratch, ld, width, mode):
    """Layers `first`..last, of parameters w. Layer 0 reads the block x [p + 1, ld]; outputs land in z."""
    offsets, h, slope, z, row, back = scratch
    at, last = START, sizes.size - 2
    for layer in range(first, last + 1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        source, start = (x, x0) if layer == 0 else (h, offsets[layer])
        to, end = (z.ravel(), START) if layer == last else (h, offsets[layer + 1])
        product(to, end, w, at, UNIT, fan_out, source, start, ld, fan_out, fan_in + 1, width)
        if layer < last:
            activate(act, h[end:end + fan_out * ld], slope[end:end + fan_out * ld], mode == GRADIENT)
        at += (fan_in + 1) * fan_out


@part
def _backward(w, g, sizes, act, x, x0, scratch, ld, width):
    """g += gradient of this block, from the gradient with respect to the outputs in z."""
    offsets, h, slope, z, row, back = scratch
    at, last = w.size, sizes.size - 2
    dz = z.ravel()
    for layer in range(last, -1, -1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        at -= (fan_in + 1) * fan_out
        source, start = (x, x0) if layer == 0 else (h, offsets[layer])
        add_outer(g, at, source, start, dz, ld, fan_in + 1, fan_out, width)
        if layer > 0:
            dh = back[layer % 2]
            product(dh, START, w, at, fan_out, UNIT, dz, START, ld, fan_in, fan_out, width)
            end = start + fan_in * ld
            multiply_by_slope(act, dh, h[start:end], slope[start:end])
            dz = dh


@part
def _padded(count):
    return (count + COLUMNS - 1) // COLUMNS * COLUMNS


@part
def _block(w, g, sizes, act, head, x, x0, t, scratch, ld, count, scale, mode):
    """One block of `count` samples: energy sum; the gradient is added to g."""
    width = _padded(count)
    z, row = scratch[3], scratch[4]
    _forward(w, sizes, act, x, x0, START, scratch, ld, width, mode)
    energy = _head(head, z, t, count, row, scale, mode == GRADIENT)
    if mode == GRADIENT:
        _backward(w, g, sizes, act, x, x0, scratch, ld, width)
    return energy


@part
def _load(theta, w):
    """w <- theta in the working precision; returns 0, or NaN where a parameter is not finite there."""
    poison = 0.0
    for j in range(w.size):
        w[j] = theta[j]
        poison += np.float64(w[j]) * 0.0
    return poison


@part
def _force_of(theta, g, l2, l1, poison, force):
    for j in range(g.size):
        value = theta[j]
        force[j] = poison - np.float64(g[j]) - l2 * value - l1 * ((value > 0) - (value < 0))


@part(fastmath=REDUCE)
def _norms(theta):
    square, absolute = 0.0, 0.0
    for j in range(theta.size):
        square += theta[j] * theta[j]
        absolute += abs(theta[j])
    return square, absolute


@part
def _gather(table, indices, to):
    """to [columns (+ 1), ld] <- the chosen rows of `table` [n, columns], transposed; what is left becomes 0."""
    for s in range(indices.size):
        row = table[indices[s]]
        for k in range(row.size):
            to[k, s] = row[k]
    for k in range(table.shape[1]):
        for s in range(indices.size, to.shape[1]):
            to[k, s] = 0


@entry(allocates=True)
def evaluate(theta, first, last, x, t, indices, sizes, act, head, counts, ld, l2, l1, mode, energies, forces):
    """Networks first..last-1: energies[i], the mean loss with regularisers, and in mode GRADIENT forces[i], minus its
    gradient.

    Without indices [n, 0] all counts[i] [n] samples count, and come in blocks x [blocks, p + 1, ld] with a last row of
    ones, t [blocks, k, ld]. Else network i sees the first counts[i] of the samples indices[i] [n, B] of tables
    x [1, N, p], t [1, N, k].
    """
    batched = indices.shape[1] > 0
    w = np.empty(theta.shape[1], x.dtype)
    g = np.zeros(theta.shape[1] if mode == GRADIENT else 1, x.dtype)
    drawn_x = np.ones((1, sizes[0] + 1, ld), x.dtype) if batched else x
    drawn_t = np.zeros((1, sizes[-1], ld), x.dtype) if batched else t
    values, scratch = drawn_x.ravel(), _scratch(sizes, ld, act, x, mode)
    for i in range(first, last):
        samples = counts[i]
        scale = x.dtype.type(1 / samples)
        poison = _load(theta[i], w)
        for j in range(g.size):
            g[j] = 0
        total = 0.0
        for start in range(0, samples, ld):
            count, block = min(ld, samples - start), 0 if batched else start // ld
            if batched:
                _gather(x[0], indices[i, start:start + count], drawn_x[0])
                _gather(t[0], indices[i, start:start + count], drawn_t[0])
            total += _block(w, g, sizes, act, head, values, block * (sizes[0] + 1) * ld, drawn_t[block], scratch,
                            ld, count, scale, mode)
        square, absolute = _norms(theta[i])
        energies[i] = total / samples + poison + 0.5 * l2 * square + l1 * absolute
        if mode == GRADIENT:
            _force_of(theta[i], g, l2, l1, poison, forces[i])
