"""Losses and gradients of small networks, one in each lane of a vector register.

A layer of few units does not fill registers with its own samples, and costs most in what surrounds a sum. So a group of
networks is computed at once: what one network has once (a weight, a unit's value for a sample) the group has as a
vector, [units, samples, lanes] in memory, and no sum ever crosses lanes. The three products of a layer (values,
gradients of weights, of values) are then one, with other strides.

All that a group needs lies in one flat array, its room, which begins at a cache line; places in it are offsets.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ...kernels_options import entry, part
from .activations import GELU, activate, multiply_by_slope
from .lane_losses import binary, softmax, squared
from .tiles import _VECTOR_BYTES, _WIDE, _Emit

SQUARED = 0
ENERGY, GRADIENT, FORCE = range(3)
# Samples at a time: what a layer of 8 units holds of them then stays in the first-level cache.
SAMPLES = 32
# Rows of a tile of vectors: sums must fit the registers.
_TALL = 4 if _WIDE else 2
_LINE = 64
# Networks side by side in single precision.
MOST_LANES = _VECTOR_BYTES // 4


def _vector_tile(rows: int, columns: int) -> Any:
    """Intrinsic: C[r, c] = (add C[r, c] +) sum_k A[r, k] B[c, k], every element a vector of one number per lane."""

    @intrinsic
    def tile(typing: Any, C: Any, c0: Any, c_row: Any, c_column: Any, A: Any, a0: Any, a_row: Any, a_step: Any, B: Any,
             b0: Any, b_column: Any, b_step: Any, K: Any, add: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            c, c_at, c_r, c_c, a, a_at, a_r, a_k, b, b_at, b_c, b_k, count, adds = arguments
            kinds = signature.args
            emit = _Emit(context, builder, kinds[0])
            to, left, right = (emit.pointer(kinds[0], c, c_at), emit.pointer(kinds[4], a, a_at),
                               emit.pointer(kinds[8], b, b_at))
            places = [emit.at(to, (r, c_r), (s, c_c)) for r in range(rows) for s in range(columns)]
            zero = ir.Constant(emit.vector, [0.0] * emit.lanes)
            adding = builder.icmp_signed("!=", adds, ir.Constant(adds.type, 0))

            def body(k: Any, sums: list[Any]) -> list[Any]:
                x = [emit.load(emit.at(left, (r, a_r), (k, a_k))) for r in range(rows)]
                y = [emit.load(emit.at(right, (s, b_c), (k, b_k))) for s in range(columns)]
                return [emit.multiply_add(x[r], y[s], sums[r * columns + s])
                        for r in range(rows) for s in range(columns)]

            start = [builder.select(adding, emit.load(place), zero) for place in places]
            for place, value in zip(places, emit.loop(count, start, body), strict=True):
                emit.store(value, place)
            return context.get_dummy_value()

        return types.void(C, c0, c_row, c_column, A, a0, a_row, a_step, B, b0, b_column, b_step, K, add), codegen

    return tile


_square, _tall, _flat, _one = (_vector_tile(_TALL, 4), _vector_tile(_TALL, 1), _vector_tile(1, 4), _vector_tile(1, 1))


@part
def _product(C, c0, c_row, c_column, A, a0, a_row, a_step, B, b0, b_column, b_step, rows, columns, K, add):
    """C[r, c] = (add C[r, c] +) sum_{k < K} A[r, k] B[c, k], places of vectors given by offsets and strides."""
    c = 0
    while c < columns:
        r, wide = 0, c + 4 <= columns
        while r < rows:
            to, left, right = c0 + r * c_row + c * c_column, a0 + r * a_row, b0 + c * b_column
            tall = r + _TALL <= rows
            if wide and tall:
                _square(C, to, c_row, c_column, A, left, a_row, a_step, B, right, b_column, b_step, K, add)
            elif wide:
                _flat(C, to, c_row, c_column, A, left, a_row, a_step, B, right, b_column, b_step, K, add)
            elif tall:
                _tall(C, to, c_row, c_column, A, left, a_row, a_step, B, right, b_column, b_step, K, add)
            else:
                _one(C, to, c_row, c_column, A, left, a_row, a_step, B, right, b_column, b_step, K, add)
            r += _TALL if tall else 1
        c += 4 if wide else 1


# Rooms


@part
def _aligned(size, like):
    """(a flat array, the offset of the first of its `size` numbers, which begins a cache line)."""
    flat = np.zeros(size + _LINE // like.itemsize, like.dtype)
    return flat, (-flat.ctypes.data) % _LINE // like.itemsize


@part
def furnished(sizes, act, like, samples):
    """(room, places): places[layer] of each layer's inputs [units + 1, samples, lanes], the last the outputs; then of
    slopes, of two arrays for the backward pass, of a row, of shares, of targets, weights and gradient."""
    lanes, layers = _VECTOR_BYTES // like.itemsize, sizes.size - 1
    row, d, widest, units = samples * lanes, 0, 0, 0
    for layer in range(layers):
        d += (sizes[layer] + 1) * sizes[layer + 1]
        widest = max(widest, sizes[layer + 1])
        units += sizes[layer] + 1
    units += sizes[layers]
    slopes = units if act == GELU else 0
    room, at = _aligned((units + slopes + 2 * widest + 2 + sizes[layers]) * row + 2 * d * lanes, like)
    places = np.empty(layers + 9, np.int64)
    for layer in range(layers + 1):
        places[layer] = at
        at += (sizes[layer] + (layer < layers)) * row
    for k, size in enumerate((slopes * row, widest * row, widest * row, row, row, sizes[layers] * row, d * lanes,
                              d * lanes)):
        places[layers + 1 + k] = at
        at += size
    return room, places


# Forward, loss, backward


@part
def _ones(room, places, sizes, width, lanes):
    """The last row of every layer's inputs becomes ones, for `width` samples."""
    for layer in range(sizes.size - 1):
        start = places[layer] + sizes[layer] * width * lanes
        for i in range(start, start + width * lanes):
            room[i] = 1


@part
def _forward(room, places, sizes, act, width, lanes, with_slope):
    """Outputs of `width` samples."""
    layers, row = sizes.size - 1, width * lanes
    w = places[layers + 7]
    for layer in range(layers):
        fan_in, fan_out, to = sizes[layer], sizes[layer + 1], places[layer + 1]
        _product(room, to, row, lanes, room, w, lanes, fan_out * lanes, room, places[layer], lanes, row,
                 fan_out, width, fan_in + 1, 0)
        if layer < layers - 1:
            slope = places[layers + 1] + (to - places[0] if act == GELU else 0)
            activate(act, room[to:to + fan_out * row], room[slope:slope + (fan_out * row if act == GELU else 0)],
                     with_slope)
        w += (fan_in + 1) * fan_out * lanes


@part
def _backward(room, places, sizes, act, width, lanes):
    """Adds the gradient of this block, from that with respect to the outputs, which stands in their place."""
    layers, row, d = sizes.size - 1, width * lanes, 0
    for layer in range(layers):
        d += (sizes[layer] + 1) * sizes[layer + 1]
    w, g = places[layers + 7] + d * lanes, places[layers + 8] + d * lanes
    dz = places[layers]
    for layer in range(layers - 1, -1, -1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        w -= (fan_in + 1) * fan_out * lanes
        g -= (fan_in + 1) * fan_out * lanes
        start = places[layer]
        _product(room, g, fan_out * lanes, lanes, room, start, row, lanes, room, dz, row, lanes,
                 fan_in + 1, fan_out, width, 1)
        if layer > 0:
            dh = places[layers + 2 + layer % 2]
            _product(room, dh, row, lanes, room, w, fan_out * lanes, lanes, room, dz, lanes, row,
                     fan_in, width, fan_out, 0)
            slope = places[layers + 1] + (start - places[0] if act == GELU else 0)
            multiply_by_slope(act, room[dh:dh + fan_in * row], room[start:start + fan_in * row],
                              room[slope:slope + (fan_in * row if act == GELU else 0)])
            dz = dh


@part
def _block(room, places, sizes, act, head, width, wide, energies, mode):
    """One block of `width` samples: their gradient is added to the group's, their energies to energies [lanes] (mode
    ENERGY: energies alone; FORCE: the gradient alone)."""
    layers, lanes = sizes.size - 1, energies.size
    row, classes = width * lanes, sizes[sizes.size - 1]
    _forward(room, places, sizes, act, width, lanes, mode != ENERGY)
    z = room[places[layers]:places[layers] + classes * row]
    targets = room[places[layers + 6]:places[layers + 6] + classes * row]
    scratch = room[places[layers + 4]:places[layers + 4] + row]
    share = room[places[layers + 5]:places[layers + 5] + row]
    wide = wide[:row]
    if head == SQUARED:
        squared(z, targets, share, classes, wide, energies, mode != FORCE)
    elif classes == 2:
        binary(z, targets, share, scratch, wide, energies, mode != FORCE)
    else:
        softmax(z, targets, share, classes, scratch, wide, energies, mode != FORCE)
    if mode != ENERGY:
        _backward(room, places, sizes, act, width, lanes)


# Samples into a room


@intrinsic
def _spread(typing, room, at, value):
    """room[at:at + lanes] <- value."""
    def codegen(context, builder, signature, arguments):
        kind, (array, place, number) = signature.args[0], arguments
        emit = _Emit(context, builder, kind)
        emit.store(emit.spread(number), emit.pointer(kind, array, place))
        return context.get_dummy_value()
    return types.void(room, at, room.dtype), codegen


@part
def _seat_all(room, places, sizes, x, t, start, width, lanes):
    """The same samples start..start + width - 1 of tables x [N, p], t [N, k] (flat) for every lane."""
    layers, row = sizes.size - 1, width * lanes
    for table, units, at in ((x, sizes[0], places[0]), (t, sizes[layers], places[layers + 6])):
        for s in range(width):
            for unit in range(units):
                _spread(room, at + unit * row + s * lanes,  # type: ignore[call-arg]
                        table[(start + s) * units + unit])


@part
def _seat_drawn(room, places, sizes, x, t, indices, rows, start, width, lanes):
    """Samples indices[rows[lane], start:start + width] for each lane; any sample in the place of none (-1)."""
    layers, row = sizes.size - 1, width * lanes
    for table, units, at in ((x, sizes[0], places[0]), (t, sizes[layers], places[layers + 6])):
        for lane in range(lanes):
            for s in range(width):
                chosen, to = max(indices[rows[lane], start + s], 0) * units, at + s * lanes + lane
                for unit in range(units):
                    room[to + unit * row] = table[chosen + unit]


@part
def _shared_out(share, ends, each, start, width):
    """What each sample counts in its lane's mean, share [width x lanes]: each [lanes], or 0 beyond ends [lanes]."""
    for s in range(width):
        here = each.dtype.type(start + s)
        for lane in range(each.size):
            share[s * each.size + lane] = each[lane] if here < ends[lane] else each.dtype.type(0)


@part
def gradient(room, places, sizes, act, head, x, t, indices, rows, counts, drawn, wide, energies, mode):
    """The group's gradient and energies [lanes] (sums over samples): each lane's first counts[lane] samples of
    indices[rows[lane]], or all where none are drawn."""
    lanes, layers = counts.size, sizes.size - 1
    samples, alike = counts.max(), counts.max() == counts.min()
    ends, each = counts.astype(x.dtype), (1 / counts).astype(x.dtype)
    at, before = places[layers + 5], 0
    for i in range(places[layers + 8], room.size):
        room[i] = 0
    energies[:] = 0
    for start in range(0, samples, SAMPLES):
        width = min(SAMPLES, samples - start)
        if drawn:
            _seat_drawn(room, places, sizes, x, t, indices, rows, start, width, lanes)
        else:
            _seat_all(room, places, sizes, x, t, start, width, lanes)
        if width != before or not alike:
            _shared_out(room[at:at + width * lanes], ends, each, start, width)
        if width != before:
            _ones(room, places, sizes, width, lanes)
        before = width
        _block(room, places, sizes, act, head, width, wide, energies, mode)


# Energies and forces


@entry
def evaluate(theta, begin, end, x, t, indices, sizes, act, head, samples, l2, l1, mode, energies, forces):
    """Networks begin..end-1 of theta [n, d]: energies [n], mean losses with regularisers l2, l1; except in mode ENERGY
    also forces [n, d], minus their gradients.

    Tables x [N, p], t [N, k], both flat. Network i sees the samples indices[i] of [n, B], or all `samples` of [n, 0].
    """
    lanes, drawn = _VECTOR_BYTES // x.itemsize, indices.shape[1] > 0
    room, places = furnished(sizes, act, x, SAMPLES)
    w, g = places[sizes.size - 1 + 7], places[sizes.size - 1 + 8]
    rows, counts = np.empty(lanes, np.int64), np.full(lanes, indices.shape[1] if drawn else samples)
    sums, poison, wide = np.empty(lanes), np.empty(lanes), np.empty(SAMPLES * lanes)
    for start in range(begin, end, lanes):
        for lane in range(lanes):
            rows[lane], poison[lane] = min(start + lane, end - 1), 0.0
            for j in range(theta.shape[1]):
                value = x.dtype.type(theta[rows[lane], j])
                room[w + j * lanes + lane] = value
                poison[lane] += np.float64(value) * 0.0
        gradient(room, places, sizes, act, head, x, t, indices, rows, counts, drawn, wide, sums, mode)
        for lane in range(min(lanes, end - start)):
            i, square, absolute = start + lane, 0.0, 0.0
            for j in range(theta.shape[1]):
                value = theta[i, j]
                square += value * value
                absolute += abs(value)
                if mode != ENERGY:
                    forces[i, j] = (poison[lane] - np.float64(room[g + j * lanes + lane]) - l2 * value
                                    - l1 * ((value > 0) - (value < 0)))
            energies[i] = sums[lane] / counts[lane] + poison[lane] + 0.5 * l2 * square + l1 * absolute
