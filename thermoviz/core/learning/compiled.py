"""Losses of many networks on the CPU, in numpy arrays: data laid out for the compiled kernels, work over threads."""

import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import scipy

from ..dynamics.blocks import Block
from ..threads import in_parts
from . import kernels, rooms

# Order of the kernels' codes (kernels/activations.py).
ACTIVATIONS = ("linear", "tanh", "relu", "gelu", "sigmoid")
# Samples per block: a layer of 32 units then fills 32 kB, so that two layers stay near the processor.
_BLOCK = 256
# On a plane, where as much again is kept of a row and of a column: all fits into 48 kB.
_PLANE_BLOCK = 64
# Activations that are logistic curves: f(z) = offset + share/(1 + exp(factor z)), as (factor, offset, share).
_LOGISTIC = {"tanh": (2.0, 1.0, -2.0), "sigmoid": (-1.0, 0.0, 1.0)}
# Networks of at most so many parameters are computed side by side, one in each lane of a vector (kernels/lanes.py).
_NARROW = 200
# Sizes for which arrays are kept.
_KEPT = 32
# Numbers of a layer that numpy computes at once.
_AT_ONCE = 2**18
# In numpy, for what networks answer.
_CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda z: z, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0),
    "gelu": lambda z: z * scipy.special.ndtr(z),
    "sigmoid": lambda z: 0.5 + 0.5 * np.tanh(0.5 * z)}


def in_groups(work: Callable[[int, int], Any], n: int, multiplications: float) -> None:
    """`in_parts` whose parts begin at whole groups of lanes."""
    size = kernels.lanes.MOST_LANES
    in_parts(lambda first, last: work(first * size, min(last * size, n)), -(-n // size), multiplications)


class CompiledNetworks:
    """One learning problem for networks of given widths, in the layout of `kernels.networks`.

    sizes: layer widths, inputs to outputs. x [n, p]; targets [n, k] (classes as rows of zeros and a one).
    dtype: np.float32 or np.float64, the working precision; energies are summed in float64.
    """

    def __init__(self, sizes: tuple[int, ...], activation: str, task: str, x: np.ndarray, targets: np.ndarray,
                 dtype: Any) -> None:
        self.sizes, self.dtype = np.array(sizes, np.int64), np.dtype(dtype)
        self.activation = ACTIVATIONS.index(activation)
        self.head = ("regression", "classification").index(task)
        self.samples = len(x)
        # Copies: arrays that cannot be written would be another type, and another compilation.
        self._tables = np.array(x, dtype, order="C")[None], np.array(targets, dtype, order="C")[None]
        self.tables = self._tables[0][0], self._tables[1][0]
        self._ld = min(_BLOCK, padded(self.samples))
        self._blocks = (_blocks(self._tables[0][0], self._ld, ones=True),
                        _blocks(self._tables[1][0], self._ld, ones=False))
        self.flat = self._tables[0].ravel(), self._tables[1].ravel()
        self.d = int(np.sum((self.sizes[:-1] + 1) * self.sizes[1:]))

    @property
    def side_by_side(self) -> bool:
        """Whether networks are computed in groups, one in each lane."""
        return self.d <= _NARROW

    def energy(self, theta: np.ndarray, l2: float, l1: float) -> np.ndarray:
        """[n, d] -> [n]."""
        return self._evaluate(theta, l2, l1, kernels.modes.ENERGY)[0]

    def energy_and_force(self, theta: np.ndarray, l2: float, l1: float) -> tuple[np.ndarray, np.ndarray]:
        """[n, d] -> [n], [n, d]."""
        return self._evaluate(theta, l2, l1, kernels.modes.GRADIENT)

    def correct(self, theta: np.ndarray) -> np.ndarray:
        """Share of samples whose largest output is their class, [n, d] -> [n]."""
        right = self.tables[1].argmax(axis=1)
        share = (self.outputs(theta, self.tables[0]).argmax(axis=2) == right).mean(axis=1)
        return share + _poison(theta, self.dtype)

    def batch(self, theta: np.ndarray, indices: np.ndarray, l2: float, l1: float,
              with_force: bool) -> tuple[np.ndarray, np.ndarray]:
        """Energies [n] and forces [n, d] where network i sees the samples indices[i] [n, B] up to the first -1."""
        mode = kernels.modes.GRADIENT if with_force else kernels.modes.ENERGY
        whole = indices.size > 0 and indices.min() >= 0
        counts = np.full(len(indices), indices.shape[1]) if whole else (indices >= 0).sum(axis=1)
        # Energies side by side count every sample of the longest batch.
        blocks = counts if self.side_by_side else -(-counts // 32)
        if whole or blocks.min() == blocks.max():
            return self._evaluate(theta, l2, l1, mode, indices, counts)
        # A block is as long as the largest batch beside it: batches of unlike sizes are computed apart.
        energies, forces = np.empty(len(theta)), np.empty(theta.shape if with_force else (1, 1))
        for size in np.unique(blocks):
            rows = np.flatnonzero(blocks == size)
            largest = int(counts[rows].max())
            found = self._evaluate(theta[rows], l2, l1, mode, np.ascontiguousarray(indices[rows, :largest]),
                                   counts[rows])
            energies[rows] = found[0]
            if with_force:
                forces[rows] = found[1]
        return energies, forces

    def laid_out(self, drawn: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Inputs and targets as kernels read them, and their samples per block: tables for `drawn` samples, or all."""
        return (*self._tables, min(_BLOCK, padded(drawn))) if drawn else (*self._blocks, self._ld)

    def _evaluate(self, theta: np.ndarray, l2: float, l1: float, mode: int, indices: np.ndarray | None = None,
                  counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        n = len(theta)
        if indices is None and len(self.sizes) == 2 and self.head == 0:
            return self._quadratic(theta, l2, l1)
        energies, forces = np.empty(n), np.empty(theta.shape if mode == kernels.modes.GRADIENT else (n, 0))
        if self.side_by_side:
            drawn = _drawn(n) if indices is None else np.ascontiguousarray(indices[None], np.int32)
            self.move(_still(theta, forces, drawn), mode, energies, _each(n, float(l2)), _each(n, float(l1)),
                      *_unpushed(n))
            return energies, forces
        if indices is None or counts is None:
            counts, indices = np.full(n, self.samples), np.empty((n, 0), np.int64)
        x, t, ld = self.laid_out(indices.shape[1])

        def part(first: int, last: int) -> None:
            kernels.networks.evaluate(theta, first, last, x, t, indices, self.sizes, self.activation, self.head,
                                      counts, ld, l2, l1, mode, energies, forces)

        in_parts(part, n, float(counts.sum()) * self.d * (3.0 if mode == kernels.modes.GRADIENT else 1.0))
        return energies, forces

    def _quadratic(self, theta: np.ndarray, l2: float, l1: float) -> tuple[np.ndarray, np.ndarray]:
        """Energies [n] and forces [n, d] of linear regression on all samples: exact parabolas of the moments."""
        lowest, bottom, moments = self._parabola
        with np.errstate(over="ignore", invalid="ignore"):
            wide = np.asarray(theta, np.float64)
            away = wide.reshape(len(wide), wide.shape[1] // lowest.shape[1], lowest.shape[1]) - lowest
            force = -np.matmul(moments, away)
            energies = bottom - 0.5 * np.einsum("ijk,ijk->i", away, force)
            forces = force.reshape(wide.shape)
            if l2 or l1:
                energies += 0.5 * l2 * np.einsum("ij,ij->i", wide, wide) + l1 * np.abs(wide).sum(axis=1)
                forces -= l2 * wide + l1 * np.sign(wide)
        return energies, forces

    @cached_property
    def _parabola(self) -> tuple[np.ndarray, float, np.ndarray]:
        """The minimum [p + 1, k] of linear regression, the loss there, and its curvature [p + 1, p + 1] for each
        output."""
        x, y = (np.asarray(table, np.float64) for table in self.tables)
        x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        lowest = np.linalg.lstsq(x, y, rcond=None)[0]
        k = y.shape[1]
        return lowest, float(((x @ lowest - y) ** 2).mean() / 2), x.T @ x / (len(x) * k)

    def move(self, block: Block, mode: int, energies: np.ndarray, l2: np.ndarray, l1: np.ndarray, push: np.ndarray,
             push_rows: np.ndarray) -> None:
        """The steps of a block side by side (`movers`); in other modes of `kernels.modes` energies [n] and forces at
        rest, which stand in its memory [n, d]."""
        n = len(block.x)
        # Replicas of equally large batches stand together: a group takes as many samples as its largest.
        drawn = block.indices[0]
        alike = drawn[:, -1:].min(initial=0) >= 0
        order = _in_order(n) if alike else np.argsort((drawn >= 0).sum(1), kind="stable")

        def part(begin: int, end: int) -> None:
            kernels.lane_training.move(
                begin, end, order, mode, block.first, block.steps, block.code, block.x, block.memory, block.square,
                block.coefficients, block.noise, block.indices, block.times, block.kept, block.diverged_at, *self.flat,
                self.sizes, self.activation, self.head, self.samples, l2, l1, push, push_rows, energies,
                *rooms.lanes(self.sizes, self.activation, self.head, self.dtype))

        in_groups(part, n, 3.0 * n * block.steps * (block.indices.shape[2] or self.samples) * self.d)

    def plane(self, origin: np.ndarray, u: np.ndarray, v: np.ndarray, us: np.ndarray, vs: np.ndarray) -> np.ndarray:
        """Data energies [m, k] of the networks origin + us[i] u + vs[j] v."""
        x, t = self._small_blocks
        sizes = self.sizes.copy()
        if self._binary:
            sizes[-1] = 1
        # What single precision cannot hold becomes infinite, and so does its loss.
        with np.errstate(over="ignore", invalid="ignore"):
            working = [np.array(vector, x.dtype) for vector in (*map(self._for_planes, (origin, u, v)), us, vs)]
        energies, factors = np.zeros((len(us), len(vs))), np.ones((len(us), len(vs)))

        def part(first: int, last: int) -> None:
            kernels.planes.evaluate_plane(*working, first, last, x, t, sizes, self.activation, self.head,
                                          self.samples, *rooms.Planes(sizes, x.shape[2], self.dtype).arrays, factors,
                                          energies)

        in_parts(part, len(us), energies.size * self.samples * self.d)
        return energies

    @property
    def _binary(self) -> bool:
        """Whether there are two classes: their loss depends on the difference of the two outputs alone."""
        return self.head == 1 and self.sizes[-1] == 2

    @cached_property
    def _small_blocks(self) -> tuple[np.ndarray, np.ndarray]:
        """The data in blocks that leave room beside them for what a row and a column of a plane keep."""
        ld = min(_PLANE_BLOCK, self._ld)
        return _blocks(self._tables[0][0], ld, ones=True), _blocks(self._tables[1][0], ld, ones=False)

    def _for_planes(self, vector: np.ndarray) -> np.ndarray:
        """Parameters [d] as `kernels.planes` reads them: a linear change, so that it holds for directions too.

        tanh z = 1 - 2/(1 + exp 2z), and sigmoid z = 1/(1 + exp(-z)): the factors go into the layers before and after
        each hidden one, after the first for powers of two. Two outputs become one, the second less the first.
        """
        layers = [layer.copy() for layer in self._layers(vector)]
        if ACTIVATIONS[self.activation] in _LOGISTIC:
            factor, offset, share = _LOGISTIC[ACTIVATIONS[self.activation]]
            for i, (before, after) in enumerate(pairwise(layers)):
                before *= factor / (math.log(2.0) if i > 0 else 1.0)
                after[-1] += offset * after[:-1].sum(axis=0)
                after[:-1] *= share
        if self._binary:
            layers[-1] = layers[-1][:, 1:] - layers[-1][:, :1]
        return np.concatenate([layer.ravel() for layer in layers])

    def _layers(self, vector: np.ndarray) -> list[np.ndarray]:
        """Parameters [..., d] as one matrix [..., fan_in + 1, fan_out] per layer, biases last."""
        shapes = list(zip(self.sizes[:-1] + 1, self.sizes[1:], strict=True))
        parts = np.split(vector, np.cumsum([a * b for a, b in shapes])[:-1], axis=-1)
        return [part.reshape(*vector.shape[:-1], *shape) for part, shape in zip(parts, shapes, strict=True)]

    def outputs(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """What the networks answer: [n, d], [m, p] -> [n, m, k]."""
        rows = np.array(x, self.dtype, order="C")
        outputs = np.empty((len(theta), len(rows), self.sizes[-1]), self.dtype)
        at_once = max(1, _AT_ONCE // (len(rows) * max(self.sizes)))

        def part(first: int, last: int) -> None:
            for begin in range(first, last, at_once):
                end = min(begin + at_once, last)
                outputs[begin:end] = self._answers(theta[begin:end], rows)

        in_parts(part, len(theta), len(theta) * len(rows) * self.d)
        return outputs

    def _answers(self, theta: np.ndarray, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            layers = self._layers(theta.astype(self.dtype))
            for layer in layers[:-1]:
                values = _CURVES[ACTIVATIONS[self.activation]](values @ layer[:, :-1] + layer[:, -1:])
            return values @ layers[-1][:, :-1] + layers[-1][:, -1:] + _poison(theta, self.dtype)[:, None, None]


def _poison(theta: np.ndarray, dtype: Any) -> np.ndarray:
    """[n]: 0, or NaN where a parameter is not finite in the working precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (0 * theta.astype(dtype)).sum(axis=1)


def nothing(n: int) -> tuple[np.ndarray, np.ndarray]:
    """No push: (push [1, 1, 0], rows [n])."""
    return np.zeros((1, 1, 0)), np.full(n, -1)


# What stands still is asked again and again, a thousand times a second by a search along a line: arrays that nobody
# writes to are kept.
_unpushed = lru_cache(_KEPT)(nothing)
_in_order = lru_cache(_KEPT)(np.arange)


@lru_cache(_KEPT)
def _each(n: int, value: float) -> np.ndarray:
    return np.full(n, value)


@lru_cache(_KEPT)
def _drawn(n: int) -> np.ndarray:
    """Indices [1, n, 0]: no sample is drawn, all count."""
    return np.zeros((1, n, 0), np.int32)


@lru_cache(_KEPT)
def _at_rest(n: int, d: int) -> dict[str, Any]:
    """What a `Block` holds beside positions and batches, where there is no step."""
    none = np.zeros((n, 0))
    return {"square": none, "coefficients": np.zeros((1, 1, 7)), "noise": none[None], "times": np.zeros(0, np.int64),
            "kept": np.zeros((0, n, d)), "diverged_at": np.full(n, -1), "walls": None, "cold": np.zeros((1, 1), bool)}


def _still(theta: np.ndarray, forces: np.ndarray, indices: np.ndarray) -> Block:
    """A block without a step, at theta [n, d] and with these batches [1, n, B]."""
    return Block(0, 1, 0, np.ascontiguousarray(theta), forces, indices=indices, **_at_rest(*theta.shape))


def padded(samples: int) -> int:
    """The next multiple of 32, the kernels' step along the samples."""
    return -(-samples // 32) * 32


def _blocks(table: np.ndarray, ld: int, ones: bool) -> np.ndarray:
    """[n, p] -> [blocks, p (+ 1), ld]: samples along the last axis, padded by zeros; the added row is all ones."""
    n, p = table.shape
    count = -(-n // ld)
    padded = np.zeros((count * ld, p), table.dtype)
    padded[:n] = table
    blocks = np.ones((count, p + ones, ld), table.dtype)
    blocks[:, :p] = padded.reshape(count, ld, p).transpose(0, 2, 1)
    return blocks
