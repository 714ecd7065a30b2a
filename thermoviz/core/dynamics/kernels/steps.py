"""One step of each dynamics in compiled code, for one number and for a row of d numbers; `blocks` fills the table.

A dynamics is a run-time code, so that a kernel which moves something is compiled once for all of them. `c` is a row of
its coefficients, `memory` what it keeps beside positions (a velocity, a mean, the noise of the step before), `square`
a running mean of squares. Python's `integrators` are the reference; the order of operations is theirs.
"""

import math

import numpy as np

from ...kernels_options import part

# Numbers of numpy stay variables for numba, which would make a copy of the code for each constant.
# x += c0 f
DESCENT = np.int64(0)
# v = c1 v + f, x += c0 v
MOMENTUM = np.int64(1)
# With g = -f: m = c1 m + c2 g, s = c3 s + c4 g^2, x -= c0 m / (sqrt(s) / c5 + c6)
ADAPTIVE = np.int64(2)
# x += c0 f + (c1 kept + c2 fresh), kept = fresh
HEATED = np.int64(3)
# v += c0 f, x += c3 v, v = c1 v + c2 fresh, x += c3 v
INERTIAL = np.int64(4)
COEFFICIENTS = 7
# Beyond this a position counts as diverged, as in `tape`.
FAR = 1e15


@part
def step_number(code, x, memory, square, force, fresh, c):
    """(x, memory, square) of one coordinate after a step under `force`, with the normal number `fresh`."""
    if code == DESCENT:
        return x + c[0] * force, memory, square
    if code == MOMENTUM:
        memory = c[1] * memory + force
        return x + c[0] * memory, memory, square
    if code == ADAPTIVE:
        memory = c[1] * memory - c[2] * force
        square = c[3] * square + c[4] * (force * force)
        return x - c[0] * memory / (math.sqrt(square) / c[5] + c[6]), memory, square
    if code == HEATED:
        return x + c[0] * force + (c[1] * memory + c[2] * fresh), fresh, square
    memory = memory + c[0] * force
    x = x + c[3] * memory
    memory = c[1] * memory + c[2] * fresh
    return x + c[3] * memory, memory, square


@part
def step_row(code, x, memory, square, force, noise, c):
    """A step of x, memory, square [d] in place; rows that a dynamics has no use for are empty."""
    zero = 0.0
    if code == DESCENT:
        for j in range(x.size):
            x[j], _, _ = step_number(DESCENT, x[j], zero, zero, force[j], zero, c)
    elif code == MOMENTUM:
        for j in range(x.size):
            x[j], memory[j], _ = step_number(MOMENTUM, x[j], memory[j], zero, force[j], zero, c)
    elif code == ADAPTIVE:
        for j in range(x.size):
            x[j], memory[j], square[j] = step_number(ADAPTIVE, x[j], memory[j], square[j], force[j], zero, c)
    elif code == HEATED:
        for j in range(x.size):
            x[j], memory[j], _ = step_number(HEATED, x[j], memory[j], zero, force[j], noise[j], c)
    else:
        for j in range(x.size):
            x[j], memory[j], _ = step_number(INERTIAL, x[j], memory[j], zero, force[j], noise[j], c)


@part
def is_finite(x):
    """Whether no number of the row x has left what counts as finite."""
    far = 0
    for j in range(x.size):
        far += not (abs(x[j]) < FAR)
    return far == 0
