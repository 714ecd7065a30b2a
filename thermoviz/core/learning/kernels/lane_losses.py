"""Losses of networks side by side and their gradients, over flat arrays [samples x lanes] (see `lanes`)."""

import math

import numpy as np

from ...kernels_options import part
from .activations import FAST, exponential
from .tiles import view

# As numbers of numpy these stay variables for the compiler, which would make a copy of the code for each constant.
SUM, PRODUCT = np.array([False, True])


@part(fastmath=FAST)
def _fold(values, lanes, multiply):
    """The sums, or products, over samples land in the first [lanes] of `values`, samples x lanes: by halves."""
    count = values.size // lanes
    while count > 1:
        half = (count + 1) // 2
        low, high = view(values, 0, (count - half) * lanes), view(values, half * lanes, (count - half) * lanes)
        if multiply:
            for i in range(low.size):
                low[i] *= high[i]
        else:
            for i in range(low.size):
                low[i] += high[i]
        count = half


@part
def _summed(wide, energies):
    """energies [lanes] += sums over samples of wide [samples x lanes], which is lost."""
    _fold(wide, energies.size, SUM)
    for lane in range(energies.size):
        energies[lane] += wide[lane]


@part
def _logs(wide, energies):
    """energies [lanes] += sums over samples of log(wide): logarithms of products of SAMPLES factors at most."""
    _fold(wide, energies.size, PRODUCT)
    for lane in range(energies.size):
        energies[lane] += math.log(wide[lane])


@part(fastmath=FAST)
def squared(z, t, share, classes, wide, energies, with_energy):
    """z <- gradient of half the squared error, share [row] of each sample; energies [lanes] += the sums. wide [row]:
    scratch."""
    row, each = share.size, z.dtype.type(1 / classes)
    for c in range(classes):
        one, target = view(z, c * row, row), view(t, c * row, row)
        for i in range(row):
            one[i] -= target[i]
        if with_energy:
            for i in range(row):
                off = np.float64(one[i])
                wide[i] = 0.5 / classes * (off * off)
            _summed(wide, energies)
        for i in range(row):
            one[i] *= share[i] * each


@part(fastmath=FAST)
def logistic(d, y, share, row, wide, energies, with_energy):
    """d, the difference of two classes' outputs, <- gradient of their cross-entropy; y: 1 where the second is right."""
    size, one, zero = share.size, d.dtype.type(1), d.dtype.type(0)
    for i in range(size):
        row[i] = exponential(-abs(d[i]))
    if with_energy:
        for i in range(size):
            wide[i] = np.float64((zero if d[i] < 0 else d[i]) - y[i] * d[i])
        _summed(wide, energies)
        for i in range(size):
            wide[i] = 1.0 + np.float64(row[i])
        _logs(wide, energies)
    for i in range(size):
        larger = one / (one + row[i])
        second = larger if d[i] > 0 else row[i] * larger
        d[i] = share[i] * (second - y[i])


@part(fastmath=FAST)
def softmax(z, t, share, classes, row, wide, energies, with_energy):
    """z <- gradient of the cross-entropy of three classes and more, share [row] of each sample; energies += sums."""
    size = share.size
    for c in range(classes):
        one = view(z, c * size, size)
        for i in range(size):
            row[i] = one[i] if c == 0 or one[i] > row[i] else row[i]
    for c in range(classes):
        one, is_class = view(z, c * size, size), view(t, c * size, size)
        for i in range(size):
            one[i] -= row[i]
        if with_energy:
            for i in range(size):
                wide[i] = -np.float64(one[i]) * np.float64(is_class[i])
            _summed(wide, energies)
    for c in range(classes):
        one = view(z, c * size, size)
        for i in range(size):
            one[i] = exponential(one[i])
            row[i] = one[i] if c == 0 else row[i] + one[i]
    if with_energy:
        for i in range(size):
            wide[i] = np.float64(row[i])
        _logs(wide, energies)
    for i in range(size):
        row[i] = share[i] / row[i]
    for c in range(classes):
        one, is_class = view(z, c * size, size), view(t, c * size, size)
        for i in range(size):
            one[i] = one[i] * row[i] - share[i] * is_class[i]
