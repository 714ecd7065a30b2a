"""Losses of the networks on a plane: what is affine in the coordinates is computed once per row and once per column.

The sums into the first hidden layer are base + a u + b v. Where its activation is a logistic curve (tanh is one),
exp of such a sum is a product of two factors, one of the row and one of the column. Later hidden layers come as powers
of two, whose exponents are known to be small at a whole piece of a row (values lie between 0 and 1), so that they need
not be cut; into a single output their fractions are added four by one division.
"""

import math
from collections import namedtuple

import numpy as np

from ...kernels_options import entry, part
from .activations import (
    FAST,
    LN2,
    ONE,
    REDUCE,
    RELU,
    SIGMOID,
    TANH,
    ZERO,
    activate,
    exponential,
    hyperbolic_tangent,
    one_and_power,
)
from .networks import NEVER, SQUARED, START, UNIT, _padded, _widest
from .tiles import product, view

# A product of factors beyond this is replaced by its logarithm.
LARGE = 2.0**500
# Columns whose factors exp(b v) are kept at once.
PANEL = 32
# Factors of a column stay within exp(+-column), of a row within exp(+-row): no product leaves the working precision,
# and where a row's sum was cut the logistic curve is flat to rounding. Beyond `largest`, 2^exponent, exp counts as
# infinite: the product of four such numbers is still finite.
Reach = namedtuple("Reach", "column row largest exponent")
SINGLE, DOUBLE = Reach(34.0, 52.0, 2.0**30, 30.0), Reach(100.0, 140.0, 2.0**200, 200.0)


@part
def _reach(like):
    return SINGLE if like.itemsize == 4 else DOUBLE


@part(fastmath=FAST)
def _combine(a, b, factor, to):
    """to <- a + factor b."""
    for i in range(to.size):
        to[i] = a[i] + factor * b[i]


@part(fastmath=FAST)
def _largest(a, most):
    """max |a[i]| of what is a number; most: scratch, of whose size there may be several in `a`."""
    for s in range(most.size):
        most[s] = 0
    for start in range(0, a.size - most.size + 1, most.size):
        some = a[start:start + most.size]
        for s in range(most.size):
            size = abs(some[s])
            most[s] = size if size > most[s] else most[s]
    largest = most[0]
    for s in range(most.size):
        largest = most[s] if most[s] > largest else largest
    for size in a[a.size - a.size % most.size:]:
        largest = abs(size) if abs(size) > largest else largest
    return largest


@part(fastmath=FAST)
def _exponentials(a, b, factor, to):
    """to <- exp(a + factor b), cut where it would be of no use."""
    most = to.dtype.type(_reach(to).row)
    for i in range(to.size):
        x = a[i] + factor * b[i]
        x = most if x > most else x
        to[i] = exponential(-most if x < -most else x)


@part(fastmath=FAST)
def _inverses(x0, x1, x2, x3):
    """1/x of four numbers by one division."""
    first, second = x0 * x1, x2 * x3
    share = ONE / (first * second)
    first, second = share * second, share * first
    return first * x1, first * x0, second * x3, second * x2


@part(fastmath=FAST)
def _logistic_of_product(a, b, to, cut):
    """to <- 1/(1 + a b); where `cut`, a b counts as `largest` at most. The size is a multiple of four."""
    n, one, most = to.size // 4, to.dtype.type(1), to.dtype.type(_reach(to).largest)
    for i in range(n):
        x0, x1, x2, x3 = a[i] * b[i], a[n + i] * b[n + i], a[2 * n + i] * b[2 * n + i], a[3 * n + i] * b[3 * n + i]
        if cut:
            x0, x1 = most if x0 > most else x0, most if x1 > most else x1
            x2, x3 = most if x2 > most else x2, most if x3 > most else x3
        to[i], to[n + i], to[2 * n + i], to[3 * n + i] = _inverses(one + x0, one + x1, one + x2, one + x3)


@part(fastmath=FAST)
def _cut(z):
    """Exponents z of two beyond those of `largest` are cut: the logistic curve is flat to rounding there."""
    most = z.dtype.type(_reach(z).exponent)
    for i in range(z.size):
        x = most if z[i] > most else z[i]
        z[i] = -most if x < -most else x


@part(fastmath=FAST)
def _logistic_of_powers(z):
    """z <- 1/(1 + 2^z), in place; the size is a multiple of four."""
    n = z.size // 4
    for i in range(n):
        z[i], z[n + i], z[2 * n + i], z[3 * n + i] = _inverses(
            one_and_power(z[i]), one_and_power(z[n + i]), one_and_power(z[2 * n + i]), one_and_power(z[3 * n + i]))


@part(fastmath=FAST)
def _set(a, value):
    for i in range(a.size):
        a[i] = value


@part(fastmath=FAST)
def _weigh_four(z0, z1, z2, z3, w0, w1, w2, w3, d):
    """d += the sum over four units of w/(1 + 2^z), by one division."""
    for s in range(d.size):
        x0, x1, x2, x3 = one_and_power(z0[s]), one_and_power(z1[s]), one_and_power(z2[s]), one_and_power(z3[s])
        first, second = x0 * x1, x2 * x3
        d[s] += ((w0 * x1 + w1 * x0) * second + (w2 * x3 + w3 * x2) * first) / (first * second)


@part(fastmath=FAST)
def _weigh_one(z, weight, d):
    for s in range(d.size):
        d[s] += weight / one_and_power(z[s])


@part
def _weigh(w, at, z, ld, units, d):
    """d <- bias + sum over units of weight/(1 + 2^z); z [units, ld]."""
    _set(d, w[at + units])
    whole = units - units % 4
    for k in range(0, whole, 4):
        _weigh_four(view(z, k * ld, d.size), view(z, (k + 1) * ld, d.size), view(z, (k + 2) * ld, d.size),
                    view(z, (k + 3) * ld, d.size), w[at + k], w[at + k + 1], w[at + k + 2], w[at + k + 3], d)
    for k in range(whole, units):
        _weigh_one(view(z, k * ld, d.size), w[at + k], d)


@part
def _later_layers(w, sizes, act, logistic, cut, room, places, answer, ld, width):
    """From the first hidden layer's values on to the outputs `answer`; with logistic curves sums are powers of two."""
    at, last = START, sizes.size - 2
    for layer in range(1, last + 1):
        fan_in, fan_out, start = sizes[layer], sizes[layer + 1], places[layer - 1]
        values = view(room, start, fan_in * ld)
        if layer > 1 and logistic and cut:
            _cut(values)
        if layer > 1 and logistic and layer == last and fan_out == 1:
            _weigh(w, at, values, ld, fan_in, answer)
            return
        if layer > 1 and logistic:
            _logistic_of_powers(values)
        elif layer > 1:
            activate(act, values, values, NEVER)
        product(room, places[layer], w, at, UNIT, fan_out, room, start, ld, fan_out, fan_in + 1, width)
        at += (fan_in + 1) * fan_out


@part(fastmath=FAST)
def _add_signed(weights, middle, room):
    half = weights.dtype.type(0.5)
    for i in range(weights.size):
        middle[i] += half * weights[i]
        room[i] += half * abs(weights[i])


@part(fastmath=FAST)
def _furthest(w, sizes, scratch):
    """The largest size that sums into later hidden layers, of values between 0 and 1, can have."""
    middle, room = view(scratch, START, scratch.size // 2), view(scratch, scratch.size // 2, scratch.size // 2)
    at, most = START, w.dtype.type(0)
    for layer in range(1, sizes.size - 2):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        bias = at + fan_in * fan_out
        for i in range(fan_out):
            middle[i], room[i] = w[bias + i], 0
        for k in range(fan_in):
            _add_signed(view(w, at + k * fan_out, fan_out), middle, room)
        for i in range(fan_out):
            size = abs(middle[i]) + room[i]
            most = most if size <= most else size
        at = bias + fan_out
    return most


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


@part(fastmath=REDUCE)
def _sum(a):
    total = 0.0
    for i in range(a.size):
        total += np.float64(a[i])
    return total


@part(fastmath=REDUCE)
def _product(a):
    factor = 1.0
    for i in range(a.size):
        factor *= np.float64(a[i])
    return factor


@part(fastmath=FAST)
def _binary_terms(d, y, row, hit):
    """Cross-entropies of two classes are log(row) - hit, in nats; d: difference of the outputs."""
    zero, one = d.dtype.type(0), d.dtype.type(1)
    for s in range(d.size):
        row[s] = one + exponential(-abs(d[s]))
        hit[s] = y[s] * d[s] - (zero if d[s] < 0 else d[s])


@part(fastmath=FAST)
def _begin_softmax(z, t, hit, top):
    for s in range(z.size):
        top[s] = z[s]
        hit[s] = t[s] * z[s]


@part(fastmath=FAST)
def _raise_top(z, t, hit, top):
    for s in range(z.size):
        top[s] = z[s] if z[s] > top[s] else top[s]
        hit[s] += t[s] * z[s]


@part(fastmath=FAST)
def _add_exponentials(z, top, row):
    for s in range(z.size):
        row[s] += exponential(z[s] - top[s])


@part
def _softmax_terms(z, t, classes, ld, row, hit, top):
    """Cross-entropies are log(row) - hit, in nats; z, t [classes, ld]."""
    _begin_softmax(view(z, START, ld), view(t, START, ld), hit, top)
    for c in range(1, classes):
        _raise_top(view(z, c * ld, ld), view(t, c * ld, ld), hit, top)
    _subtract(hit, top)
    _set(row, ZERO)
    for c in range(classes):
        _add_exponentials(view(z, c * ld, ld), top, row)


@part(fastmath=FAST)
def _subtract(a, b):
    for i in range(a.size):
        a[i] -= b[i]


@part(fastmath=REDUCE)
def _squares(a):
    total = 0.0
    for i in range(a.size):
        total += np.float64(a[i]) * np.float64(a[i])
    return total


@part
def _add_losses(head, z, t, classes, count, rows, ld, energy, factor):
    """energy[0] + log(factor[0]) += the sum of losses over the first `count` samples; rows [3 ld]: scratch.

    Two classes have one output, the difference. One logarithm serves hundreds of samples: a factor lies between 1 and
    the number of classes.
    """
    row, hit, top = view(rows, START, ld), view(rows, ld, ld), view(rows, 2 * ld, ld)
    if head == SQUARED:
        for c in range(classes):
            _subtract(view(z, c * ld, ld), view(t, c * ld, ld))
            energy[0] += 0.5 / classes * _squares(view(z, c * ld, count))
        return
    if classes == 1:
        _binary_terms(view(z, START, ld), view(t, ld, ld), row, hit)
    else:
        _softmax_terms(z, t, classes, ld, row, hit, top)
    energy[0] -= _sum(view(hit, START, count))
    for start in range(0, count, 32):
        factor[0] *= _product(view(row, start, min(32, count - start)))
        if factor[0] > LARGE:
            energy[0] += math.log(factor[0])
            factor[0] = 1.0


@part
def _first_layer(act, hidden, of_row, of_column, cut, at_u, along_v, b, sums):
    """Values of the first hidden layer, or outputs, at column b."""
    if not hidden:
        _combine(at_u, along_v, b, sums)
    elif of_column.size > 0:
        _logistic_of_product(of_row, of_column, sums, cut)
    elif act == TANH or act == SIGMOID:
        _logistic(at_u, along_v, b, sums)
    elif act == RELU:
        _rectified(at_u, along_v, b, sums)
    else:
        _combine(at_u, along_v, b, sums)
        activate(act, sums, sums, NEVER)


@entry
def evaluate_plane(origin, u, v, us, vs, first, last, x, t, sizes, act, head, samples, room, places, factors, energies):
    """Data energies of the networks origin + us[i] u + vs[j] v, rows first..last-1 of energies [m, k].

    Data in blocks as in `networks.evaluate`. Networks as `compiled` prepares them for planes: with tanh and sigmoid a
    hidden layer's values are 1/(1 + exp(sum)) in the first and 1/(1 + 2^sum) in the others; two classes have one
    output, the difference. room, places: `rooms.Planes`. factors [m, k]: ones; energies: zeros.
    """
    ld, inputs, units, classes, layers = x.shape[2], x.shape[1], sizes[1], sizes[-1], sizes.size - 2
    size, rest, hidden, logistic = units * ld, inputs * units, layers > 0, act == TANH or act == SIGMOID
    later, reach = origin.size - rest, _reach(x)
    answer, rows = view(room, places[layers], classes * ld), view(room, places[layers + 1], 3 * ld)
    base, along_u, along_v = (view(room, places[layers + 2], size), view(room, places[layers + 3], size),
                              view(room, places[layers + 4], size))
    at_u, of_row = view(room, places[layers + 5], size), view(room, places[layers + 6], size)
    of_columns, scratch = view(room, places[layers + 7], PANEL * size), view(room, places[layers + 8], ld)
    w_u, w = view(room, places[layers + 9], later), view(room, places[layers + 10], later)
    sides = view(room, places[layers + 11], 2 * _widest(sizes, START))
    w_0, w_1, w_2 = view(origin, rest, later), view(u, rest, later), view(v, rest, later)
    sums = view(room, places[0], size)
    for start in range(0, samples, ld):
        count = min(ld, samples - start)
        width, of_block = _padded(count), view(t, start * t.shape[1], ld * t.shape[1])
        for to, vector in ((base, origin), (along_u, u), (along_v, v)):
            product(to, START, vector, START, UNIT, units, view(x, START, x.size), start * inputs, ld, units, inputs,
                    width)
        steepest = _largest(along_v, scratch)
        for left in range(0, vs.size, PANEL):
            columns = view(vs, left, min(PANEL, vs.size - left))
            centre, end = columns[columns.size // 2], columns[columns.size - 1]
            furthest = steepest * max(abs(columns[0] - centre), abs(end - centre))
            factored = hidden and logistic and furthest <= reach.column
            if factored:
                for j in range(columns.size):
                    _exponentials(along_v, along_v, columns[j] - centre - ONE, view(of_columns, j * size, size))
            for i in range(first, last):
                _combine(base, along_u, us[i], at_u)
                _combine(w_0, w_1, us[i], w_u)
                cut, cut_later = NEVER, NEVER
                if factored:
                    _exponentials(at_u, along_v, centre, of_row)
                    cut = not _largest(at_u, scratch) + abs(centre) * steepest + furthest <= LN2 * reach.exponent
                if layers > 1 and logistic:
                    # Sums into a layer are convex functions of the column: their bounds hold between two of them.
                    for b in (columns[0], end):
                        _combine(w_u, w_2, b, w)
                        cut_later |= not _furthest(w, sizes, sides) <= reach.exponent
                for j in range(columns.size):
                    of_column = view(of_columns, j * size, size if factored else START)
                    _first_layer(act, hidden, of_row, of_column, cut, at_u, along_v, columns[j], sums)
                    if hidden:
                        _combine(w_u, w_2, columns[j], w)
                        _later_layers(w, sizes, act, logistic, cut_later, room, places, answer, ld, width)
                    at = i * vs.size + left + j
                    _add_losses(head, answer, of_block, classes, count, rows, ld, view(energies, at, UNIT),
                                view(factors, at, UNIT))
    for at in range(first * vs.size, last * vs.size):
        energy = view(energies, at, UNIT)
        energy[0] = (energy[0] + math.log(view(factors, at, UNIT)[0])) / samples
