"""Matrix products whose vectors run along the units of a layer, so that a batch of any size wastes nothing.

The inner kernel of `tiles` with rows of samples and columns of units: weights [fan_in, fan_out] are read as theta
stores them, and a batch of one is one row of work. Rows hold a multiple of PIECE numbers.
"""

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from ...kernels_options import part
from .tiles import _WIDE, VECTOR_BYTES, _Emit, _mask

# Numbers of a half vector in single precision, a whole one in double precision.
PIECE = VECTOR_BYTES // 8
_TALL = 8 if _WIDE else 4


def _tile(rows: int, halves: int) -> Any:
    """Intrinsic: C[r, c] = S[r, c] + sum_k A[r, k] B[k, c] for `rows` rows and `halves` half vectors of columns."""

    @intrinsic
    def tile(typing: Any, C: Any, c0: Any, ldc: Any, S: Any, s0: Any, lds: Any, A: Any, a0: Any, row: Any,
             step: Any, B: Any, b0: Any, ldb: Any, K: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            c, c_at, c_ld, s, s_at, s_ld, a, a_at, a_row, a_step, b, b_at, b_ld, count = arguments
            kinds = signature.args
            emit = _Emit(context, builder, kinds[0])
            if halves * PIECE < emit.lanes:
                emit.narrow()
            to, origin = emit.pointer(kinds[0], c, c_at), emit.pointer(kinds[3], s, s_at)
            left, right = emit.pointer(kinds[6], a, a_at), emit.pointer(kinds[10], b, b_at)
            for start in range(0, halves * PIECE, 2 * emit.lanes):
                columns = list(range(start, halves * PIECE, emit.lanes))[:2]

                def body(k: Any, sums: list[Any], columns: list[int] = columns) -> list[Any]:
                    values = [emit.load(emit.at(right, (k, b_ld), (j, 1))) for j in columns]
                    factors = [emit.spread(builder.load(emit.at(left, (r, a_row), (k, a_step)))) for r in range(rows)]
                    return [emit.multiply_add(factor, value, sums[r * len(columns) + j])
                            for r, factor in enumerate(factors) for j, value in enumerate(values)]

                begin = [emit.load(emit.at(origin, (r, s_ld), (j, 1))) for r in range(rows) for j in columns]
                sums = emit.loop(count, begin, body)
                for i, total in enumerate(sums):
                    emit.store(total, emit.at(to, (i // len(columns), c_ld), (columns[i % len(columns)], 1)))
            return context.get_dummy_value()

        return types.void(C, c0, ldc, S, s0, lds, A, a0, row, step, B, b0, ldb, K), codegen

    return tile


_tall_4, _four_4, _one_4 = _tile(_TALL, 4), _tile(4, 4), _tile(1, 4)
_tall_2, _one_2 = _tile(_TALL, 2), _tile(1, 2)
_tall_1, _one_1 = _tile(_TALL, 1), _tile(1, 1)


@part
def product_on(C, c0, ldc, S, s0, lds, A, a0, row, step, B, b0, ldb, rows, columns, K):
    """C[r, c] = S[r, c] + sum_k A[a0 + r row + k step] B[k, c] for r < rows, c < columns, k < K.

    All arrays are flat; C, S and B begin at c0, s0, b0, with rows of ldc, lds, ldb numbers (lds = 0: one row for all).
    `columns` counts up to the next multiple of PIECE.
    """
    c = 0
    while c + 4 * PIECE <= columns + PIECE - 1:
        r = 0
        while r + _TALL <= rows:
            _tall_4(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += _TALL
        while r + 4 <= rows:
            _four_4(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += 4
        while r < rows:
            _one_4(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += 1
        c += 4 * PIECE
    while c + 2 * PIECE <= columns + PIECE - 1:
        r = 0
        while r + _TALL <= rows:
            _tall_2(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += _TALL
        while r < rows:
            _one_2(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += 1
        c += 2 * PIECE
    if c < columns:
        r = 0
        while r + _TALL <= rows:
            _tall_1(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += _TALL
        while r < rows:
            _one_1(C, c0 + r * ldc + c, ldc, S, s0 + r * lds + c, lds, A, a0 + r * row, row, step, B, b0 + c, ldb, K)
            r += 1


@intrinsic
def _turn(typing: Any, A: Any, a0: Any, lda: Any, T: Any, t0: Any, ldt: Any) -> Any:
    """T <- A transposed, one square of half vectors: the halves of rows i and i + n/2 change places, n = 2, 4, ..."""
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, a_at, a_ld, t, t_at, t_ld = arguments
        emit = _Emit(context, builder, signature.args[0])
        emit.narrow()
        source, to = emit.pointer(signature.args[0], a, a_at), emit.pointer(signature.args[3], t, t_at)
        n = emit.lanes
        rows = [emit.load(emit.at(source, (i, a_ld))) for i in range(n)]
        size = 1
        while size < n:
            first = _mask([j if not j & size else j - size + n for j in range(n)])
            second = _mask([j + size if not j & size else j + n for j in range(n)])
            for i in range(n):
                if not i & size:
                    x, y = rows[i], rows[i + size]
                    rows[i], rows[i + size] = builder.shuffle_vector(x, y, first), builder.shuffle_vector(x, y, second)
            size *= 2
        for i in range(n):
            emit.store(rows[i], emit.at(to, (i, t_ld)))
        return context.get_dummy_value()

    return types.void(A, a0, lda, T, t0, ldt), codegen


@part
def transpose(A, a0, lda, T, t0, ldt, rows, columns):
    """T[c, r] = A[r, c]; rows and columns are multiples of PIECE."""
    half = PIECE if A.itemsize == 4 else PIECE // 2
    for r in range(0, rows, half):
        for c in range(0, columns, half):
            _turn(A, a0 + r * lda + c, lda, T, t0 + c * ldt + r, ldt)  # type: ignore[call-arg]
