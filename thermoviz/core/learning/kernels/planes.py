"""Losses of the networks on a plane: what is affine in the coordinates is computed once per row and once per column.

The sums into the first hidden layer are base + a u + b v. Where its activation is a logistic curve (tanh is one),
exp of such a sum is a product of two factors, one of the row and one of the column.
"""

from collections import namedtuple

import numpy as np

from ...kernels_options import entry, part
from .activations import FAST, REDUCE, RELU, SIGMOID, TANH, activate, exponential, hyperbolic_tangent
from .modes import GRADIENT
from .networks import NEVER, SQUARED, START, UNIT, _forward, _padded, _scratch, _squared_energy, _sum_of_logs
from .tiles import product

# Columns whose factors exp(b v) are kept at once.
PANEL = 32
# Factors of a column stay within exp(+-column), of a row within exp(+-row): no product leaves the working precision,
# and where a row's sum was cut the logistic curve is flat to rounding. Beyond `largest` exp counts as infinite: the
# product of four such numbers is still finite.
Reach = namedtuple("Reach", "column row largest")
SINGLE, DOUBLE = Reach(34.0, 52.0, 2.0**30), Reach(100.0, 140.0, 2.0**200)


@part
def _reach(like):
    return SINGLE if like.itemsize == 4 else DOUBLE


@part(fastmath=FAST)
def _combine(a, b, factor, to):
    """to <- a + factor b."""
    for i in range(to.size):
        to[i] = a[i] + factor * b[i]


@part(fastmath=FAST)
def _largest(a):
    """max |a[i]|; infinite where one is not finite."""
    most = a.dtype.type(0)
    for i in range(a.size):
        size = abs(a[i])
        most = most if size <= most else size
    return most


@part(fastmath=FAST)
def _exponentials(a, b, factor, to):
    """to <- exp(a + factor b), cut where it would be of no use."""
    most = to.dtype.type(_reach(to).row)
    for i in range(to.size):
        x = a[i] + factor * b[i]
        x = most if x > most else x
        to[i] = exponential(-most if x < -most else x)


@part(fastmath=FAST)
def _logistic_of_product(a, b, to):
    """to <- 1/(1 + a b), four of them by one division; the size is a multiple of four."""
    n, one, most = to.size // 4, to.dtype.type(1), to.dtype.type(_reach(to).largest)
    for i in range(n):
        x0, x1, x2, x3 = a[i] * b[i], a[n + i] * b[n + i], a[2 * n + i] * b[2 * n + i], a[3 * n + i] * b[3 * n + i]
        x0, x1 = one + (most if x0 > most else x0), one + (most if x1 > most else x1)
        x2, x3 = one + (most if x2 > most else x2), one + (most if x3 > most else x3)
        first, second = x0 * x1, x2 * x3
        share = one / (first * second)
        first, second = share * second, share * first
        to[i], to[n + i], to[2 * n + i], to[3 * n + i] = first * x1, first * x0, second * x3, second * x2


@part(fastmath=FAST)
def _logistic(a, b, factor, to):
    """to <- 1/(1 + exp(a + factor b))."""
    half = to.dtype.type(0.5)
    for i in range(to.size):
        to[i] = half - half * hyperbolic_tangent(half * (a[i] + factor * b[i]))


@part(fastmath=FAST)
def _rectified(a, b, factor, to):
    zero = to.dtype.type(0)
    for i in range(to.size):
        x = a[i] + factor * b[i]
        to[i] = zero if x < 0 else x


@part
def _fill_factors(along, columns, centre, factors):
    """factors[j] <- exp((columns[j] - centre) along); False, and nothing done, where they would be too large."""
    furthest = _largest(along) * max(abs(columns[0] - centre), abs(columns[-1] - centre))
    if not furthest <= _reach(along).column:
        return False
    for j in range(columns.size):
        _exponentials(along, along, columns[j] - centre - along.dtype.type(1), factors[j])
    return True


@part(fastmath=REDUCE)
def _less_hits(top, hit):
    total = 0.0
    for s in range(top.size):
        total += np.float64(top[s] - hit[s])
    return total


@part(fastmath=FAST)
def _binary_energy(d, y, count, row, hit):
    """Sum of cross-entropies of two classes, in nats, over the first `count` samples; d: difference of the outputs."""
    zero = d.dtype.type(0)
    for s in range(d.size):
        row[s] = exponential(-abs(d[s]))
        hit[s] = y[s] * d[s]
        d[s] = zero if d[s] < 0 else d[s]
    return _less_hits(d[:count], hit[:count]) + _sum_of_logs(row[:count], 1.0)


@part(fastmath=FAST)
def _softmax_energy(z, t, count, row, hit):
    """Sum of cross-entropies in nats over the first `count` samples; z, t [classes, ld]."""
    top = z[0].copy()
    for s in range(top.size):
        hit[s] = t[0, s] * z[0, s]
    for c in range(1, z.shape[0]):
        one, is_class = z[c], t[c]
        for s in range(top.size):
            top[s] = one[s] if one[s] > top[s] else top[s]
            hit[s] += is_class[s] * one[s]
    for s in range(top.size):
        row[s] = exponential(z[0, s] - top[s])
    for c in range(1, z.shape[0]):
        one = z[c]
        for s in range(top.size):
            row[s] += exponential(one[s] - top[s])
    return _less_hits(top[:count], hit[:count]) + _sum_of_logs(row[:count], 0.0)


@part
def _energy(head, z, t, count, row, hit):
    """Sum of losses over the first `count` samples; two classes have one output, the difference."""
    if head == SQUARED:
        return _squared_energy(z, t, count, z.dtype.type(0), NEVER)
    if z.shape[0] == 1:
        return _binary_energy(z[0], t[1], count, row, hit)
    return _softmax_energy(z, t, count, row, hit)


@entry(allocates=True)
def evaluate_plane(origin, u, v, us, vs, first, last, x, t, sizes, act, head, samples, mode, energies):
    """Data energies of the networks origin + us[i] u + vs[j] v, rows first..last-1 of energies [m, k].

    Data in blocks as in `networks.evaluate`; mode is ENERGY. Networks as `compiled` prepares them for planes: with tanh
    and sigmoid the first hidden layer's values are 1/(1 + exp(sum)); two classes have one output, the difference.
    """
    ld, inputs, units = x.shape[2], x.shape[1], sizes[1]
    hidden, logistic = sizes.size > 2, act == TANH or act == SIGMOID
    scratch, hit = _scratch(sizes, ld, act, x, mode), np.zeros(ld, x.dtype)
    offsets, h, slope, z, row, back = scratch
    affine, of_columns = np.zeros((5, units * ld), x.dtype), np.zeros((PANEL, units * ld), x.dtype)
    base, along_u, along_v, at_u, of_row = affine[0], affine[1], affine[2], affine[3], affine[4]
    sums, rest = h[:units * ld] if hidden else z.ravel(), inputs * units
    w, w_u = np.empty(origin.size - rest, x.dtype), np.empty(origin.size - rest, x.dtype)
    for start in range(0, samples, ld):
        count = min(ld, samples - start)
        width = _padded(count)
        for to, vector in ((base, origin), (along_u, u), (along_v, v)):
            product(to, START, vector, START, UNIT, units, x.ravel(), start * inputs, ld, units, inputs, width)
        for left in range(0, vs.size, PANEL):
            columns = vs[left:left + PANEL]
            centre = columns[columns.size // 2]
            factored = hidden and logistic and _fill_factors(along_v, columns, centre, of_columns)
            for i in range(first, last):
                _combine(base, along_u, us[i], at_u)
                _combine(origin[rest:], u[rest:], us[i], w_u)
                if factored:
                    _exponentials(at_u, along_v, centre, of_row)
                for j in range(columns.size):
                    b = columns[j]
                    if factored:
                        _logistic_of_product(of_row, of_columns[j], sums)
                    elif hidden and logistic:
                        _logistic(at_u, along_v, b, sums)
                    elif hidden and act == RELU:
                        _rectified(at_u, along_v, b, sums)
                    else:
                        _combine(at_u, along_v, b, sums)
                        if hidden:
                            activate(act, sums, slope, mode == GRADIENT)
                    if hidden:
                        _combine(w_u, v[rest:], b, w)
                        _forward(w, sizes, act, x.ravel(), START, UNIT, scratch, ld, width, mode)
                    total = _energy(head, z, t[start // ld], count, row, hit)
                    energies[i, left + j] = total + (energies[i, left + j] if start > 0 else 0.0)
    for i in range(first, last):
        for j in range(vs.size):
            energies[i, j] /= samples
