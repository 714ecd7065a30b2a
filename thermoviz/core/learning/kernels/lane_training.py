"""Many steps of networks side by side in one call: the compiled part of `movers.py` (see `lanes`)."""

import math

import numpy as np

from ...dynamics.kernels.steps import ADAPTIVE, DESCENT, FAR, HEATED, MOMENTUM
from ...kernels_options import entry, part
from .lanes import give, gradient, load, take, unload
from .modes import ENERGY, FORCE
from .tiles import view

START = np.int64(0)


@part
def _step(code, x, memory, square, force, fresh, c):
    """A step of a group, [d x lanes] each; c [7, d x lanes]: coefficients (`dynamics.kernels.steps.step_number`)."""
    c0, c1, c2, c3, c4, c5, c6 = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
    if code == DESCENT:
        for i in range(x.size):
            x[i] += c0[i] * force[i]
    elif code == MOMENTUM:
        for i in range(x.size):
            memory[i] = c1[i] * memory[i] + force[i]
            x[i] += c0[i] * memory[i]
    elif code == ADAPTIVE:
        for i in range(x.size):
            memory[i] = c1[i] * memory[i] - c2[i] * force[i]
            square[i] = c3[i] * square[i] + c4[i] * (force[i] * force[i])
            x[i] -= c0[i] * memory[i] / (math.sqrt(square[i]) / c5[i] + c6[i])
    elif code == HEATED:
        for i in range(x.size):
            x[i] = x[i] + c0[i] * force[i] + (c1[i] * memory[i] + c2[i] * fresh[i])
            memory[i] = fresh[i]
    else:
        for i in range(x.size):
            memory[i] += c0[i] * force[i]
            x[i] += c3[i] * memory[i]
            memory[i] = c1[i] * memory[i] + c2[i] * fresh[i]
            x[i] += c3[i] * memory[i]


@part
def _set(coefficients, step, rows, d, c):
    """c [7, d x lanes] <- coefficients [steps or 1, n or 1, 7] of a step."""
    for lane in range(rows.size):
        row = coefficients[step, min(rows[lane], coefficients.shape[1] - 1)]
        for k in range(row.size):
            for j in range(d):
                c[k, j * rows.size + lane] = row[k]


@part
def _lose(x, rows, filled, step, diverged_at):
    """Lanes that have left the finite numbers become NaN, for good; the step is noted."""
    far = 0
    for i in range(x.size):
        far += not (abs(x[i]) < FAR)
    if far == 0:
        return
    lanes = rows.size
    for lane in range(filled):
        gone = False
        for i in range(lane, x.size, lanes):
            gone |= not (abs(x[i]) < FAR)
        if gone and diverged_at[rows[lane]] < 0:
            diverged_at[rows[lane]] = step
            for i in range(lane, x.size, lanes):
                x[i] = np.nan


@part
def _count(indices, rows, counts):
    """counts [lanes] <- how many samples stand in front of the first -1 of each lane's row; whether any is new."""
    changed = False
    for lane in range(rows.size):
        one = indices[rows[lane]]
        count = one.size
        while count > 0 and one[count - 1] < 0:
            count -= 1
        changed |= counts[lane] != count
        counts[lane] = count
    return changed


@part
def _alike(indices, order, start, most):
    """How many replicas from order[start] on, up to `most`, see all samples as it does, or do not."""
    filled, everyone = 1, indices[order[start], 0] < 0
    while filled < most and (indices[order[start + filled], 0] < 0) == everyone:
        filled += 1
    return filled, not everyone


@part
def _answer(mode, x, theta, rows, filled, l2, l1, sums, counts, force, energies, forces):
    """Energies [n], with regularisers, of the first `filled` lanes; except in mode ENERGY also their forces [n, d],
    from force [d x lanes], that of the data. x has the working precision."""
    for lane in range(filled):
        i, square, absolute, poison = rows[lane], 0.0, 0.0, 0.0
        one = theta[i]
        for j in range(one.size):
            square += one[j] * one[j]
            absolute += abs(one[j])
            # What the working precision cannot hold is poison too.
            poison += np.float64(x.dtype.type(one[j])) * 0.0
        energies[i] = sums[lane] / counts[lane] + poison + 0.5 * l2[i] * square + l1[i] * absolute
        if mode != ENERGY:
            to = forces[i]
            for j in range(one.size):
                to[j] = (poison + force[j * rows.size + lane] - l2[i] * one[j]
                         - l1[i] * ((one[j] > 0) - (one[j] < 0)))


@entry
def move(begin, end, order, mode, first, steps, code, theta, memory, square, coefficients, noise, indices, times,
         kept_at, diverged_at, x, t, sizes, act, head, samples, l2, l1, push, push_rows, energies, inner, kept, room,
         places, numbers, c, seats, sums, wide):
    """`training.move` of the replicas order[begin:end], in groups of as many as there are lanes. x, t: flat tables; the
    last nine: `rooms.Lanes`."""
    lanes, d, laid = sums.size, theta.shape[1], START
    w, g, classes = places[sizes.size + 6], places[sizes.size + 7], sizes[sizes.size - 1]
    weights, slopes = view(room, w, g - w), view(room, g, g - w)
    rows, counts = seats[0], seats[1]
    here, there, scale, force, fresh = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    decay, pull = numbers[5], numbers[6]
    start, filled, drawn = begin, min(lanes, end - begin), False
    while start < end:
        filled, k, laid = min(lanes, end - start), 0, START
        if indices.shape[2] > 0:
            filled, drawn = _alike(indices[0], order, start, filled)
        for lane in range(lanes):
            counts[lane], rows[lane] = samples, order[start + min(lane, filled - 1)]
            for j in range(d):
                decay[j * lanes + lane], pull[j * lanes + lane] = l2[rows[lane]], l1[rows[lane]]
        take(theta, rows, here)
        if mode == FORCE:
            take(memory, rows, there)
            take(square, rows, scale)
            _set(coefficients, START, rows, d, c)
        for s in range(steps):
            if k < times.size and times[k] == s:
                give(here, rows, filled, kept_at[k])
                k += 1
            if s > 0 and coefficients.shape[0] > 1:
                _set(coefficients, s, rows, d, c)
            chosen = indices[min(s, indices.shape[0] - 1)]
            if drawn and _count(chosen, rows, counts):
                laid = START
            load(weights, here, kept, lanes)
            laid = gradient(room, places, inner, act, head, x, t, classes, chosen, rows, counts, drawn, wide, sums,
                            mode, laid)
            unload(slopes, force, kept, lanes)
            if mode != FORCE:
                _answer(mode, x, theta, rows, filled, l2, l1, sums, counts, force, energies, memory)
                continue
            for i in range(here.size):
                force[i] -= decay[i] * here[i] + pull[i] * ((here[i] > 0) - (here[i] < 0))
            for lane in range(lanes):
                if push_rows[rows[lane]] >= 0:
                    for j in range(d):
                        force[j * lanes + lane] += push[s, push_rows[rows[lane]], j]
            take(noise[s], rows, fresh)
            _step(code, here, there, scale, force, fresh, c)
            _lose(here, rows, filled, first + s + 1, diverged_at)
        if mode == FORCE:
            if k < times.size:
                give(here, rows, filled, kept_at[k])
            give(here, rows, filled, theta)
            give(there, rows, filled, memory)
            give(scale, rows, filled, square)
        start += filled
