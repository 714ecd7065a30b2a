"""Register-blocked matrix products of small, skinny matrices, as vector instructions that numba emits.

A network of a few dozen units sees its samples as matrices [units, samples]. General matrix libraries spend
their time on packing and on threads at these sizes; here a tile of the result stays in the registers while the
sum runs (the inner kernel of Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM
TOMS 34, 2008). The vector types are LLVM's, so that the same code runs on any processor; their width follows the
host.

Arrays are flat; a matrix is (array, offset, stride). Columns (samples) come in multiples of COLUMNS.
"""

from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from ...kernels_options import part

COLUMNS = 32
_FEATURES: str | None = getattr(numba.config, "CPU_FEATURES", None)  # NUMBA_CPU_FEATURES
_WIDE = "+avx512f" in (llvm.get_host_cpu_features().flatten() if _FEATURES is None else _FEATURES)
VECTOR_BYTES = 64 if _WIDE else 32
# Rows of a tile: accumulators must fit the registers (32 of 512 bits, or 16 of 256 bits).
_TALL = 8 if _WIDE else 4
_DOT_ROWS = 4 if _WIDE else 2
_CONTRACT = ("contract",)
_I64, _I32 = ir.IntType(64), ir.IntType(32)


class _Emit:
    """Writes vector instructions for one element type."""

    def __init__(self, context: Any, builder: Any, array: Any) -> None:
        self.context, self.builder = context, builder
        single = array.dtype == types.float32
        self.scalar = ir.FloatType() if single else ir.DoubleType()
        self.size = 4 if single else 8
        self.lanes = VECTOR_BYTES // self.size
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def narrow(self) -> None:
        """From here on vectors of half the length."""
        self.lanes //= 2
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def pointer(self, array_type: Any, array: Any, offset: Any) -> Any:
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        return self.builder.gep(data, [offset])

    def at(self, pointer: Any, *terms: tuple[Any, Any]) -> Any:
        """pointer + sum of index * stride; either may be a Python integer."""
        b, total = self.builder, ir.Constant(_I64, 0)
        for index, stride in terms:
            total = b.add(total, b.mul(_integer(index), _integer(stride)))
        return b.gep(pointer, [total])

    def load(self, pointer: Any, kind: Any = None) -> Any:
        value = self.builder.load(self.builder.bitcast(pointer, (kind or self.vector).as_pointer()))
        value.align = self.size
        return value

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer())).align = self.size

    def spread(self, value: Any) -> Any:
        """A vector with `value` in every lane."""
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(first, empty, _mask([0] * self.lanes))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return self.builder.fadd(self.builder.fmul(a, b, flags=_CONTRACT), c, flags=_CONTRACT)

    def loop(self, count: Any, start: list[Any], body: Any) -> list[Any]:
        """for i in range(count), count >= 1: values = body(i, values); returns the last values."""
        b = self.builder
        before, inside, after = b.block, b.append_basic_block("sum"), b.append_basic_block("done")
        b.branch(inside)
        b.position_at_end(inside)
        i = b.phi(_I64)
        i.add_incoming(ir.Constant(_I64, 0), before)
        values = [b.phi(value.type) for value in start]
        for phi, value in zip(values, start, strict=True):
            phi.add_incoming(value, before)
        new = body(i, values)
        following = b.add(i, ir.Constant(_I64, 1))
        i.add_incoming(following, inside)
        for phi, value in zip(values, new, strict=True):
            phi.add_incoming(value, inside)
        b.cbranch(b.icmp_signed("<", following, count), inside, after)
        b.position_at_end(after)
        return new

    def sums(self, vectors: list[Any]) -> Any:
        """One vector whose lane j is the sum over the lanes of vectors[j]: a tree of pairwise additions."""
        b, n = self.builder, self.lanes
        even, odd = _mask(range(0, 2 * n, 2)), _mask(range(1, 2 * n, 2))
        levels = n.bit_length() - 1
        for _ in range(levels):
            pairs = list(zip(vectors[::2], vectors[1::2], strict=True)) if len(vectors) > 1 else [vectors * 2]
            vectors = [b.fadd(b.shuffle_vector(x, y, even), b.shuffle_vector(x, y, odd)) for x, y in pairs]
        return vectors[0]


def _integer(value: Any) -> Any:
    return ir.Constant(_I64, value) if isinstance(value, int) else value


def _mask(lanes: Any) -> Any:
    lanes = list(lanes)
    return ir.Constant(ir.VectorType(_I32, len(lanes)), lanes)


@intrinsic
def _view(typing: Any, array: Any, start: Any, size: Any) -> Any:
    """array[start:start + size], flat, of an array that is contiguous and that whoever called the entry holds.

    A slice compares its ends with the array's first, which for compiler and processor is more work than this.
    """
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = context.make_array(signature.args[0])(context, builder, arguments[0])
        some = context.make_array(signature.return_type)(context, builder)
        populate_array(some, builder.gep(whole.data, [arguments[1]]), [arguments[2]], [whole.itemsize], whole.itemsize,
                       None)
        return some._getvalue()

    return types.Array(array.dtype, 1, "C")(array, types.intp, types.intp), codegen


view: Any = _view


def _product_tile(rows: int) -> Any:
    """Intrinsic: C[r, s] = sum_k A[r, k] B[k, s] for `rows` rows and COLUMNS columns."""

    @intrinsic
    def tile(typing: Any, C: Any, c0: Any, ldc: Any, A: Any, a0: Any, row: Any, step: Any, B: Any, b0: Any,
             ldb: Any, K: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            c, c_at, c_ld, a, a_at, a_row, a_step, b, b_at, b_ld, count = arguments
            kinds = signature.args
            emit = _Emit(context, builder, kinds[0])
            to, weights, values = (emit.pointer(kinds[0], c, c_at), emit.pointer(kinds[3], a, a_at),
                                   emit.pointer(kinds[7], b, b_at))
            for left in range(0, COLUMNS, 2 * emit.lanes):
                halves = (left, left + emit.lanes)

                def body(k: Any, sums: list[Any], halves: tuple[int, int] = halves) -> list[Any]:
                    h = [emit.load(emit.at(values, (k, b_ld), (s, 1))) for s in halves]
                    w = [emit.spread(builder.load(emit.at(weights, (r, a_row), (k, a_step))))
                         for r in range(rows)]
                    return [emit.multiply_add(w[r], h[j], sums[2 * r + j])
                            for r in range(rows) for j in range(2)]

                sums = emit.loop(count, [ir.Constant(emit.vector, [0.0] * emit.lanes)] * (2 * rows), body)
                for r in range(rows):
                    for j, s in enumerate(halves):
                        emit.store(sums[2 * r + j], emit.at(to, (r, c_ld), (s, 1)))
            return context.get_dummy_value()

        return types.void(C, c0, ldc, A, a0, row, step, B, b0, ldb, K), codegen

    return tile


def _dot_tile(rows: int, columns: int) -> Any:
    """Intrinsic: G[r, c] += sum over s < length of A[r, s] B[c, s] for rows x columns results."""

    @intrinsic
    def tile(typing: Any, G: Any, g0: Any, ldg: Any, A: Any, a0: Any, lda: Any, B: Any, b0: Any, ldb: Any,
             length: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            g, g_at, g_ld, a, a_at, a_ld, b, b_at, b_ld, n = arguments
            kinds = signature.args
            emit = _Emit(context, builder, kinds[0])
            to, left, right = (emit.pointer(kinds[0], g, g_at), emit.pointer(kinds[3], a, a_at),
                               emit.pointer(kinds[6], b, b_at))

            def body(i: Any, sums: list[Any]) -> list[Any]:
                x = [emit.load(emit.at(left, (r, a_ld), (i, emit.lanes))) for r in range(rows)]
                y = [emit.load(emit.at(right, (c, b_ld), (i, emit.lanes))) for c in range(columns)]
                return [emit.multiply_add(x[r], y[c], sums[r * columns + c])
                        for r in range(rows) for c in range(columns)]

            zero = ir.Constant(emit.vector, [0.0] * emit.lanes)
            sums = emit.loop(builder.udiv(n, _integer(emit.lanes)), [zero] * (rows * columns), body)
            for first in range(0, len(sums), emit.lanes):
                group = sums[first:first + emit.lanes]
                _add_results(emit, to, g_ld, emit.sums(group), first, len(group), columns)
            return context.get_dummy_value()

        return types.void(G, g0, ldg, A, a0, lda, B, b0, ldb, length), codegen

    return tile


def _add_results(emit: _Emit, to: Any, stride: Any, lanes: Any, first: int, n: int, columns: int) -> None:
    """Adds lanes 0..n-1 (results first..first+n-1 in C order) to the matrix at `to`, piece by piece."""
    for lane in range(0, n, columns):
        piece = emit.builder.shuffle_vector(lanes, lanes, _mask(range(lane, lane + columns)))
        pointer = emit.at(to, ((first + lane) // columns, stride))
        emit.store(emit.builder.fadd(emit.load(pointer, piece.type), piece), pointer)


_tall, _two, _one = _product_tile(_TALL), _product_tile(2), _product_tile(1)
_dot_44, _dot_14 = _dot_tile(_DOT_ROWS, 4), _dot_tile(1, 4)
_dot_41, _dot_11 = _dot_tile(_DOT_ROWS, 1), _dot_tile(1, 1)


@part
def product(C, c0, A, a0, row, step, B, b0, ld, rows, K, width):
    """C[r, s] = sum_k A[a0 + r row + k step] B[k, s] for r < rows, s < width (a multiple of COLUMNS).

    B and C have the row stride ld and begin at b0 and c0.
    """
    for s in range(0, width, COLUMNS):
        r = 0
        while r + _TALL <= rows:
            _tall(C, c0 + r * ld + s, ld, A, a0 + r * row, row, step, B, b0 + s, ld, K)
            r += _TALL
        while r + 2 <= rows:
            _two(C, c0 + r * ld + s, ld, A, a0 + r * row, row, step, B, b0 + s, ld, K)
            r += 2
        if r < rows:
            _one(C, c0 + r * ld + s, ld, A, a0 + r * row, row, step, B, b0 + s, ld, K)


@part
def add_outer(G, g0, A, a0, B, ld, rows, columns, width):
    """G[r, c] += sum_s A[r, s] B[c, s] for r < rows, c < columns, s < width (a multiple of COLUMNS).

    G is dense from g0; A (from a0) and B (from 0) have the row stride ld.
    """
    whole = columns - columns % 4
    r = 0
    while r + _DOT_ROWS <= rows:
        for c in range(0, whole, 4):
            _dot_44(G, g0 + r * columns + c, columns, A, a0 + r * ld, ld, B, c * ld, ld, width)
        for c in range(whole, columns):
            _dot_41(G, g0 + r * columns + c, columns, A, a0 + r * ld, ld, B, c * ld, ld, width)
        r += _DOT_ROWS
    for q in range(r, rows):
        for c in range(0, whole, 4):
            _dot_14(G, g0 + q * columns + c, columns, A, a0 + q * ld, ld, B, c * ld, ld, width)
        for c in range(whole, columns):
            _dot_11(G, g0 + q * columns + c, columns, A, a0 + q * ld, ld, B, c * ld, ld, width)
