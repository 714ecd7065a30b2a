"""What compiled code works in: allocated here, so that none of numba's own code for arrays is compiled for it."""

import threading
from typing import Any

import numpy as np

from . import kernels

_LINE = 64
# Rooms that a thread keeps for its next calls: to furnish one takes as long as a step of a hundred networks.
_KEPT = 8
_own = threading.local()


class Lanes:
    """For one thread's groups of networks side by side (`kernels.lanes`); `arrays`: as `lane_training.move` takes them.

    Of two classes' outputs the loss sees the difference alone, so that the last layer has one output, the second less
    the first: a third less work. So `inner` are the widths of layers as they are computed, and the first `kept` x lanes
    numbers of theta [d x lanes] are taken as they are.

    places[layer]: offsets in the room of each layer's inputs [units + 1, samples, lanes], the last the outputs; then of
    slopes, of two arrays for the backward pass, of a row, of shares, of targets, of weights and gradient, and of what a
    sample counts [lanes]. The room begins at a cache line.
    """

    def __init__(self, sizes: np.ndarray, act: int, head: int, dtype: np.dtype) -> None:
        lanes = kernels.lanes.VECTOR_BYTES // dtype.itemsize
        inner, d, layers = sizes.copy(), (sizes[:-1] + 1) * sizes[1:], len(sizes) - 1
        paired = head != kernels.lanes.SQUARED and sizes[-1] == 2
        inner[-1] -= paired
        row, units = kernels.lanes.SAMPLES * lanes, inner + (np.arange(layers + 1) < layers)
        slopes = units.sum() if act == kernels.activations.GELU else 0
        widest, weights = inner[1:].max(), ((inner[:-1] + 1) * inner[1:]).sum()
        sections = np.array([*units * row, slopes * row, widest * row, widest * row, row, row, inner[-1] * row,
                             weights * lanes, weights * lanes, lanes])
        room = np.zeros(sections.sum() + _LINE // dtype.itemsize, dtype)
        places = -room.ctypes.data % _LINE // dtype.itemsize + np.cumsum(sections) - sections
        numbers = (7, int(d.sum()) * lanes)
        self.arrays = (inner, int(d[:layers - paired].sum()) * lanes, room, places, np.empty(numbers),
                       np.empty(numbers), np.empty((2, lanes), np.int64), np.empty(lanes), np.empty(row))


def lanes(sizes: np.ndarray, act: int, head: int, dtype: np.dtype) -> tuple[Any, ...]:
    """The `arrays` of `Lanes` that are this thread's alone; what a call leaves in them is nobody's."""
    rooms = _own.__dict__.setdefault("rooms", {})
    key = sizes.tobytes(), act, head, dtype.char
    if key not in rooms:
        while len(rooms) >= _KEPT:
            del rooms[next(iter(rooms))]
        rooms[key] = Lanes(sizes, act, head, dtype).arrays
    return rooms[key]


class Planes:
    """For one thread's nodes of a plane (`kernels.planes`) and blocks of `ld` samples.

    arrays: as `evaluate_plane` takes them. places: offsets of each hidden layer's values [units + 1, ld], the last row
    ones, and of the outputs [k, ld]; then of what a loss needs [3, ld], of five arrays of the first layer [units, ld],
    of a piece of a row's factors, of a row [ld], of two sets of weights and of what bounds their sums.
    """

    def __init__(self, sizes: np.ndarray, ld: int, dtype: np.dtype) -> None:
        first, later = sizes[1] * ld, ((sizes[1:-1] + 1) * sizes[2:]).sum()
        hidden = (sizes[1:-1] + 1) * ld
        sections = np.array([*hidden, sizes[-1] * ld, 3 * ld, *[first] * 5, kernels.planes.PANEL * first, ld, later,
                             later, 2 * sizes.max()])
        room = np.zeros(sections.sum() + _LINE // dtype.itemsize, dtype)
        places = -room.ctypes.data % _LINE // dtype.itemsize + np.cumsum(sections) - sections
        for end in (places[:len(hidden)] + hidden).tolist():
            room[end - ld:end] = 1
        self.arrays = room, places
