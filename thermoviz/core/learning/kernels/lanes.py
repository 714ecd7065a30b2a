"""Losses and gradients of small networks, one in each lane of a vector register.

A layer of few units does not fill registers with its own samples, and costs most in what surrounds a sum. So a group of
networks is computed at once: what one network has once (a weight, a unit's value for a sample) the group has as a
vector, [units, samples, lanes] in memory, and no sum ever crosses lanes. The three products of a layer (values,
gradients of weights, of values) are then one, with other strides.

All that a group needs lies in one flat array, its room (`rooms.Lanes`); places in it are offsets.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ...kernels_options import part
from .activations import GELU, activate, multiply_by_slope
from .lane_losses import logistic, softmax, squared
from .modes import ENERGY, FORCE
from .tiles import _I64, _WIDE, VECTOR_BYTES, _Emit, view

SQUARED = 0
# As numbers of numpy these stay variables for the compiler, which would make a copy of the code for each constant.
NO, YES = np.int64(0), np.int64(1)
# Samples at a time: what a layer of 8 units holds of them then stays in the first-level cache.
SAMPLES = 32
# Rows of a tile of vectors: sums must fit the registers.
_TALL = 4 if _WIDE else 2
# Networks side by side in single precision.
MOST_LANES = VECTOR_BYTES // 4


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

            def body(k: Any, sums: list[Any]) -> list[Any]:
                x = [emit.load(emit.at(left, (r, a_r), (k, a_k))) for r in range(rows)]
                y = [emit.load(emit.at(right, (s, b_c), (k, b_k))) for s in range(columns)]
                return [emit.multiply_add(x[r], y[s], sums[r * columns + s])
                        for r in range(rows) for s in range(columns)]

            for place, value in zip(places, emit.loop(count, _begun(emit, places, adds), body), strict=True):
                emit.store(value, place)
            return context.get_dummy_value()

        return types.void(C, c0, c_row, c_column, A, a0, a_row, a_step, B, b0, b_column, b_step, K, add), codegen

    return tile


def _begun(emit: Any, places: list[Any], adds: Any) -> list[Any]:
    """What stands in these places where `adds` is not 0, which alone is then loaded; else zeros."""
    b, zero = emit.builder, ir.Constant(emit.vector, [0.0] * emit.lanes)
    before, inside, after = b.block, b.append_basic_block("load"), b.append_basic_block("begun")
    b.cbranch(b.icmp_signed("!=", adds, ir.Constant(adds.type, 0)), inside, after)
    b.position_at_end(inside)
    loaded = [emit.load(place) for place in places]
    b.branch(after)
    b.position_at_end(after)
    start = [b.phi(emit.vector) for _ in places]
    for phi, value in zip(start, loaded, strict=True):
        phi.add_incoming(zero, before)
        phi.add_incoming(value, inside)
    return start


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
                 fan_out, width, fan_in + 1, NO)
        if layer < layers - 1:
            slope = places[layers + 1] + (to - places[0] if act == GELU else 0)
            activate(act, view(room, to, fan_out * row), view(room, slope, fan_out * row if act == GELU else 0),
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
                 fan_in + 1, fan_out, width, YES)
        if layer > 0:
            dh = places[layers + 2 + layer % 2]
            _product(room, dh, row, lanes, room, w, fan_out * lanes, lanes, room, dz, lanes, row,
                     fan_in, width, fan_out, NO)
            slope = places[layers + 1] + (start - places[0] if act == GELU else 0)
            multiply_by_slope(act, view(room, dh, fan_in * row), view(room, start, fan_in * row),
                              view(room, slope, fan_in * row if act == GELU else 0))
            dz = dh


@part
def _block(room, places, sizes, act, head, width, wide, energies, mode):
    """One block of `width` samples: their gradient is added to the group's, their energies to energies [lanes]."""
    layers, lanes = sizes.size - 1, energies.size
    row, classes = width * lanes, sizes[sizes.size - 1]
    _forward(room, places, sizes, act, width, lanes, mode != ENERGY)
    z, targets = view(room, places[layers], classes * row), view(room, places[layers + 6], classes * row)
    scratch, share = view(room, places[layers + 4], row), view(room, places[layers + 5], row)
    wide = view(wide, NO, row)
    if head == SQUARED:
        squared(z, targets, share, classes, wide, energies, mode != FORCE)
    elif classes == 1:
        logistic(z, targets, share, scratch, wide, energies, mode != FORCE)
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


@intrinsic
def _copy(typing, to, first, step, table, start, stride, count):
    """to[first + k step] <- table[start + k stride], k < count, by bare addresses: compiled code would ask of each
    index whether it counts from the end."""
    def codegen(context, builder, signature, arguments):
        kinds, (a, at, a_step, b, b_at, b_step, times) = signature.args, arguments
        left, right = (context.make_array(kind)(context, builder, array).data for kind, array in
                       ((kinds[0], a), (kinds[3], b)))
        with cgutils.for_range(builder, times) as loop:
            value = builder.load(builder.gep(right, [builder.add(b_at, builder.mul(loop.index, b_step))]))
            builder.store(context.cast(builder, value, kinds[3].dtype, kinds[0].dtype),
                          builder.gep(left, [builder.add(at, builder.mul(loop.index, a_step))]))
        return context.get_dummy_value()
    whole = types.intp
    return types.void(to, whole, whole, table, whole, whole, whole), codegen


@part
def take(table, rows, to):
    """to [d x lanes] <- rows of table [n, d], each down its lane."""
    for lane in range(rows.size):
        one = table[rows[lane]]
        _copy(to, lane, rows.size, one, 0, 1, one.size)  # type: ignore[call-arg]


@part
def give(values, rows, filled, table):
    """The inverse of `take`, for the first `filled` lanes."""
    for lane in range(filled):
        one = table[rows[lane]]
        _copy(one, 0, 1, values, lane, rows.size, one.size)  # type: ignore[call-arg]


@part
def _seat_all(room, places, sizes, x, t, classes, start, width, lanes):
    """The same samples start..start + width - 1 of tables x [N, p], t [N, classes] (flat) for every lane; of t the last
    columns, as many as there are outputs."""
    layers, row = sizes.size - 1, width * lanes
    for s in range(width):
        for unit in range(sizes[0]):
            _spread(room, places[0] + unit * row + s * lanes,  # type: ignore[call-arg]
                    x[(start + s) * sizes[0] + unit])
        for unit in range(sizes[layers]):
            _spread(room, places[layers + 6] + unit * row + s * lanes,  # type: ignore[call-arg]
                    t[(start + s + 1) * classes - sizes[layers] + unit])


@intrinsic
def _gather(typing, room, at, row, lanes, table, units, first, count, indices, start, width):
    """room[at + s lanes + u row] <- table[max(indices[start + s], 0) units + first + u] for s < width, u < count.

    A function of its own, which is not to be inlined: among all that its callers hold no register would be free.
    """
    def codegen(context, builder, signature, arguments):
        kinds = signature.args
        to, source, chosen = (context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (0, 4, 8))
        kind = ir.FunctionType(ir.VoidType(), [to.type, source.type, chosen.type, *[_I64] * 6])
        name = f"gather_{kinds[0].dtype}_{kinds[8].dtype}"
        function = builder.module.globals.get(name) or _gathering(builder.module, kind, name)
        builder.call(function, [builder.gep(to, [arguments[1]]), source, builder.gep(chosen, [arguments[9]]),
                                arguments[2], arguments[3], arguments[5], arguments[6], arguments[7], arguments[10]])
        return context.get_dummy_value()
    whole = types.intp
    return types.void(room, whole, whole, whole, table, whole, whole, whole, indices, whole, whole), codegen


def _gathering(module: Any, kind: Any, name: str) -> Any:
    """The function of `_gather` in LLVM's own words."""
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    to, source, chosen, row, lanes, units, first, count, width = function.args
    none = ir.Constant(_I64, 0)
    with cgutils.for_range(builder, width) as samples:
        one = builder.load(builder.gep(chosen, [samples.index]))
        one = builder.sext(one, _I64) if one.type.width < 64 else one
        one = builder.select(builder.icmp_signed("<", one, none), none, one)
        begin = builder.gep(source, [builder.add(builder.mul(one, units), first)])
        place = builder.gep(to, [builder.mul(samples.index, lanes)])
        with cgutils.for_range(builder, count) as unit:
            builder.store(builder.load(builder.gep(begin, [unit.index])),
                          builder.gep(place, [builder.mul(unit.index, row)]))
    builder.ret_void()
    return function


@part
def _seat_drawn(room, places, sizes, x, t, classes, indices, rows, start, width, lanes):
    """Samples indices[rows[lane], start:start + width] for each lane; any sample in the place of none (-1)."""
    layers, row = sizes.size - 1, width * lanes
    inputs, outputs = sizes[0], sizes[layers]
    for lane in range(lanes):
        chosen = indices[rows[lane]]
        _gather(room, places[0] + lane, row, lanes, x, inputs, 0, inputs, chosen, start,  # type: ignore[call-arg]
                width)
        _gather(room, places[layers + 6] + lane, row, lanes, t, classes, classes - outputs,  # type: ignore[call-arg]
                outputs, chosen, start, width)


@part
def _shared_out(room, each, counts):
    """room[each:] <- what a sample counts in the mean of each lane; (the most samples of a lane, whether all lanes have
    as many)."""
    most, alike = counts[0], True
    for lane in range(counts.size):
        room[each + lane] = 1 / counts[lane]
        most, alike = max(most, counts[lane]), alike and counts[lane] == counts[0]
    return most, alike


@part
def _shares(room, share, each, counts, start, width):
    """Each sample's share in its lane's mean, room[share:share + width x lanes]; 0 behind the lane's last sample."""
    lanes = counts.size
    for s in range(width):
        for lane in range(lanes):
            room[share + s * lanes + lane] = room[each + lane] if start + s < counts[lane] else 0


@part
def gradient(room, places, sizes, act, head, x, t, classes, indices, rows, counts, drawn, wide, energies, mode, laid):
    """The group's gradient and energies [lanes] (sums over samples): each lane's first counts[lane] samples of
    indices[rows[lane]], or all where none are drawn. laid: 0, or what the call before returned, if that was of the
    same counts: for how many samples the room has ones and shares already."""
    lanes, layers = counts.size, sizes.size - 1
    samples, alike = _shared_out(room, places[layers + 9], counts)
    for i in range(places[layers + 8], places[layers + 9]):
        room[i] = 0
    for lane in range(lanes):
        energies[lane] = 0
    for start in range(0, samples, SAMPLES):
        width = min(SAMPLES, samples - start)
        if drawn:
            _seat_drawn(room, places, sizes, x, t, classes, indices, rows, start, width, lanes)
        else:
            _seat_all(room, places, sizes, x, t, classes, start, width, lanes)
        if width != laid or not alike:
            _shares(room, places[layers + 5], places[layers + 9], counts, start, width)
        if width != laid:
            _ones(room, places, sizes, width, lanes)
        laid = width
        _block(room, places, sizes, act, head, width, wide, energies, mode)
    return laid if alike else 0


# Parameters into a room, and gradients out of it. Of two classes' outputs the loss sees the difference alone, so that
# the last layer has one output, the second less the first: a third less work.


@part
def load(weights, here, kept, lanes):
    """weights <- here [d x lanes]: the first `kept` x lanes as they are, then differences of pairs of rows."""
    for i in range(kept):
        weights[i] = here[i]
    for to in range(kept, weights.size, lanes):
        at = 2 * to - kept
        low, high, one = view(here, at, lanes), view(here, at + lanes, lanes), view(weights, to, lanes)
        for i in range(lanes):
            one[i] = high[i] - low[i]


@part
def unload(slopes, force, kept, lanes):
    """force [d x lanes] <- minus the gradient by `here` from that by the weights of `load`."""
    for i in range(kept):
        force[i] = -np.float64(slopes[i])
    for at in range(kept, slopes.size, lanes):
        to = 2 * at - kept
        low, high, one = view(force, to, lanes), view(force, to + lanes, lanes), view(slopes, at, lanes)
        for i in range(lanes):
            low[i] = one[i]
            high[i] = -low[i]
