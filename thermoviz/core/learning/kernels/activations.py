"""Activation functions over whole arrays, in forms that the compiler turns into vector instructions.

Single precision uses approximations fitted for thermoviz (weighted least squares towards the smallest largest
error); each states its error, always below 3e-7 absolute. Double precision uses the C library.
Nothing here assumes finite numbers: a NaN that goes in comes out.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload

from ...kernels_options import PART, part

# "contract" allows fused multiply-add, "nsz" ignores the sign of zero; sums may be reordered only in REDUCE.
FAST = {"contract", "nsz"}
REDUCE = {*FAST, "reassoc"}


def _inline(function: Any) -> Any:
    """Decorator: the implementation of `function` by the type of its argument, with the flags of FAST."""
    options: Any = {**PART, "fastmath": FAST}
    return overload(function, jit_options=options)


# Order of compiled.ACTIVATIONS.
LINEAR, TANH, RELU, GELU, SIGMOID = range(5)


def _single(*values: float) -> tuple[np.float32, ...]:
    return tuple(np.float32(value) for value in values)


ONE, HALF, ZERO = _single(1.0, 0.5, 0.0)
# tanh x = x P(x^2)/Q(x^2) for |x| <= 8.5: error 1.2e-8 before rounding, 2.3e-7 after it.
TANH_END, = _single(8.5)
P0, P1, P2, P3, P4 = _single(9.99999988e-01, 1.34132489e-01, 3.53402918e-03, 2.12510813e-05, 1.42692779e-08)
Q1, Q2, Q3, Q4 = _single(4.67465717e-01, 2.60227603e-02, 3.34886854e-04, 8.14514410e-07)
# exp x = 2^k exp r, |r| <= ln(2)/2, with ln 2 in two parts and Taylor's sum for exp r: relative error 2e-7.
# Adding 1.5 x 2^23 rounds to a whole number and leaves it in the lowest bits.
EXP_LOW, EXP_HIGH, PER_LN2, ROUNDER = _single(-87.0, 88.0, 1.4426950408889634, 12582912.0)
LN2 = math.log(2.0)
LN2_HIGH, LN2_LOW = _single(0.693145751953125, 1.42860682030941723212e-6)
E2, E3, E4, E5, E6 = _single(1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720)
# 2^r, |r| <= 1/2: relative error 1.1e-7 before rounding. What is added leaves the exponent of 2^k in the lowest bits.
B1, B2, B3, B4, B5 = _single(6.93147004e-01, 2.40222424e-01, 5.55073395e-02, 9.67151113e-03, 1.32646039e-03)
BIASED_ROUNDER, = _single(12582912.0 + 127.0)
# erfc(y) = exp(-y^2) s R(s), s = 1/(1 + 0.4 y), for 0 <= y <= 9.3: relative error 6e-8 before rounding.
ERFC_SCALE, ERFC_END, ROOT_HALF, NORMAL = _single(0.4, 9.3, math.sqrt(0.5), 1 / math.sqrt(2 * math.pi))
R0, R1, R2, R3, R4 = _single(0.22562449, 0.22660572, 0.20075002, 0.19775894, 0.0696799)
R5, R6, R7, R8 = _single(0.10232515, 0.07161284, -0.13440921, 0.04005221)


@intrinsic
def _two_to(typing, shifted):
    """2^k from ROUNDER + k: the integer in the lowest bits moved into the exponent."""
    def codegen(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], ir.IntType(32))
        exponent = builder.shl(bits, ir.Constant(ir.IntType(32), 23))
        return builder.bitcast(builder.add(exponent, ir.Constant(ir.IntType(32), 127 << 23)), ir.FloatType())
    return types.float32(types.float32), codegen


@intrinsic
def _two_to_biased(typing, shifted):
    """2^k from BIASED_ROUNDER + k."""
    def codegen(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], ir.IntType(32))
        return builder.bitcast(builder.shl(bits, ir.Constant(ir.IntType(32), 23)), ir.FloatType())
    return types.float32(types.float32), codegen


def one_and_power(x):
    """1 + 2^x; in single precision for |x| <= 126 only."""
    raise NotImplementedError("compiled code only")


@_inline(one_and_power)
def _one_and_power(x):
    def single(x):
        shifted = x + BIASED_ROUNDER
        r = x - (shifted - BIASED_ROUNDER)
        series = ONE + r * (B1 + r * (B2 + r * (B3 + r * (B4 + r * B5))))
        return ONE + series * _two_to_biased(shifted)  # type: ignore[call-arg]

    return single if x == types.float32 else lambda x: 1.0 + math.exp(LN2 * x)


def exponential(x):
    """exp x; in single precision between exp(-87) and exp(88)."""
    raise NotImplementedError("compiled code only")


@_inline(exponential)
def _exponential(x):
    def single(x):
        x = EXP_HIGH if x > EXP_HIGH else x
        x = EXP_LOW if x < EXP_LOW else x
        shifted = x * PER_LN2 + ROUNDER
        k = shifted - ROUNDER
        r = (x - k * LN2_HIGH) - k * LN2_LOW
        series = ONE + r * (ONE + r * (E2 + r * (E3 + r * (E4 + r * (E5 + r * E6)))))
        return series * _two_to(shifted)  # type: ignore[call-arg]

    return single if x == types.float32 else lambda x: math.exp(x)


def hyperbolic_tangent(x):
    raise NotImplementedError("compiled code only")


@_inline(hyperbolic_tangent)
def _hyperbolic_tangent(x):
    def single(x):
        x = TANH_END if x > TANH_END else x
        x = -TANH_END if x < -TANH_END else x
        t = x * x
        above = x * (P0 + t * (P1 + t * (P2 + t * (P3 + t * P4))))
        return above / (ONE + t * (Q1 + t * (Q2 + t * (Q3 + t * Q4))))

    return single if x == types.float32 else lambda x: math.tanh(x)


def gaussian(x):
    """(Phi(x), phi(x)): cumulative distribution and density of the standard normal."""
    raise NotImplementedError("compiled code only")


@_inline(gaussian)
def _gaussian(x):
    def single(x):
        y = abs(x) * ROOT_HALF
        y = ERFC_END if y > ERFC_END else y
        s = ONE / (ONE + ERFC_SCALE * y)
        bell = exponential(-(y * y))
        ratio = R0 + s * (R1 + s * (R2 + s * (R3 + s * (R4 + s * (R5 + s * (R6 + s * (R7 + s * R8)))))))
        tail = HALF * bell * s * ratio
        return (ONE - tail if x > ZERO else tail), NORMAL * bell

    def double(x):
        return 0.5 * math.erfc(-x * math.sqrt(0.5)), math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)

    return single if x == types.float32 else double


@part(fastmath=FAST)
def activate(kind, h, slope, with_slope):
    """h <- activation(h) in place (flat); GELU leaves its derivative in `slope` if asked."""
    half, one = h.dtype.type(0.5), h.dtype.type(1)
    if kind == TANH:
        for i in range(h.size):
            h[i] = hyperbolic_tangent(h[i])
    elif kind == RELU:
        for i in range(h.size):
            z = h[i]
            h[i] = h.dtype.type(0) if z < 0 else z
    elif kind == SIGMOID:
        for i in range(h.size):
            h[i] = half * (one + hyperbolic_tangent(half * h[i]))
    elif kind == GELU and with_slope:
        for i in range(h.size):
            z = h[i]
            below, density = gaussian(z)
            h[i] = z * below
            slope[i] = below + z * density
    elif kind == GELU:
        for i in range(h.size):
            z = h[i]
            below, density = gaussian(z)
            h[i] = z * below


@part(fastmath=FAST)
def multiply_by_slope(kind, g, h, slope):
    """g <- g x activation'(z), written in terms of h = activation(z) (GELU: of the stored slope)."""
    one = h.dtype.type(1)
    if kind == TANH:
        for i in range(h.size):
            g[i] *= one - h[i] * h[i]
    elif kind == RELU:
        for i in range(h.size):
            g[i] = g[i] if h[i] > 0 else h.dtype.type(0)
    elif kind == SIGMOID:
        for i in range(h.size):
            g[i] *= h[i] * (one - h[i])
    elif kind == GELU:
        for i in range(h.size):
            g[i] *= slope[i]
