"""The C2 bicubic spline through a grid of energies: value, exact force, curvature, holes."""

import os
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import real
from ..dynamics.blocks import Block
from ..dynamics.walls import Walls
from ..errors import BadInput
from ..threads import in_parts
from . import bicubic, kernels

# Points evaluated without the compiled kernel, whose call would cost more than it saves.
FEW_POINTS = 64
# How far outside, in cells, a point may lie and still count as rounded off the edge.
EDGE_SLACK = 1e-4


class Spline:
    """An Energy on slice coordinates u [..., 2]: a C2 bicubic spline, its exact derivative the force.

    The float32-rounded values `E, Ex, Ey, Exy` [nx, ny] at the nodes are the surface (NaN at nodes without
    data); between them stands the bicubic polynomial that they fix. `mask` [nx - 1, ny - 1] marks the cells
    without data, those that touch a bad node: energy and force are NaN there. Error: O(h^4) in the energy,
    O(h^3) in the force. `step` [2]: the spacings; `bounds` is the box ((x0, x1), (y0, y1)); particles are
    reflected at its walls (`confining`).
    """

    confining = True
    d = 2

    def __init__(self, xs: Any, ys: Any, U: Any) -> None:
        self.xs = bicubic.axis("xs", xs)
        self.ys = bicubic.axis("ys", ys)
        nodes = bicubic.spline_nodes(self.xs, self.ys, bicubic.energies(U, (len(self.xs), len(self.ys))))
        bad = np.isnan(nodes[0])
        self.mask = bad[1:, 1:] | bad[:-1, 1:] | bad[1:, :-1] | bad[:-1, :-1]
        if self.mask.all():
            raise BadInput("U must hold at least one cell with finite energies at all four corners.")
        nodes.setflags(write=False)
        self.mask.setflags(write=False)
        self.E, self.Ex, self.Ey, self.Exy = nodes
        x0, x1, y0, y1 = (float(edge) for axis in (self.xs, self.ys) for edge in axis[[0, -1]])
        self.bounds = ((x0, x1), (y0, y1))
        self._origin = np.array([x0, y0])
        self._cells = np.array(self.mask.shape)
        self.step = np.array([x1 - x0, y1 - y0]) / self._cells
        self._per_step = 1 / self.step
        hx, hy = self.step
        self._nodes = np.ascontiguousarray(np.moveaxis(nodes, 0, -1) * np.array([1.0, hx, hy, hx * hy]))

    def __repr__(self) -> str:
        (x0, x1), (y0, y1) = self.bounds
        size = f"{len(self.xs)} x {len(self.ys)}"
        return f"{type(self).__name__}({size} on [{x0:g}, {x1:g}] x [{y0:g}, {y1:g}])"

    def __call__(self, u: Any) -> Any:
        """Energy [...] at u [..., 2]. Raises BadInput outside the box; NaN in cells without data."""
        return self.value_and_force(u)[0]

    def force(self, u: Any) -> np.ndarray:
        """Force -grad E [..., 2] at u [..., 2]: the exact derivative of the energy. Raises as `__call__`."""
        return self.value_and_force(u)[1]

    def value_and_force(self, u: Any) -> tuple[Any, np.ndarray]:
        """Energy [...] and force [..., 2] at u [..., 2]; NaN where u is. Raises BadInput outside the box."""
        points = _points(u)
        flat = np.ascontiguousarray(points.reshape(-1, 2))
        few = len(flat) <= FEW_POINTS or "THERMOVIZ_NO_NUMBA" in os.environ
        value, force, outside = self.evaluate_few(flat) if few else self._evaluate_compiled(flat)
        if outside:
            (x0, x1), (y0, y1) = self.bounds
            raise BadInput(
                f"{outside} of {len(flat)} points u lie outside the surface, which spans "
                f"[{x0:g}, {x1:g}] x [{y0:g}, {y1:g}]."
            )
        return value.reshape(points.shape[:-1])[()], force.reshape(points.shape)

    def _evaluate_compiled(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        value, force = np.empty(len(flat)), np.empty(flat.shape)
        box = (self._nodes, self._origin, self._per_step, EDGE_SLACK)
        return value, force, kernels.surface.evaluate(*box, flat, value, force)

    def evaluate_few(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Energy [n], force [n, 2] at points [n, 2], and how many lie outside; never the compiled kernel."""
        cells, local, outside = self._locate(flat)
        i, j = cells.T
        n = self._nodes
        corners = np.concatenate([n[i, j], n[i, j + 1], n[i + 1, j], n[i + 1, j + 1]], axis=1).T
        value, slope_s, slope_t = bicubic.value_and_slope(*corners, *local.T)
        return value, -np.stack([slope_s, slope_t], axis=1) * self._per_step, int(outside.sum())

    def _locate(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cell [n, 2], position within it [n, 2] and whether it lies outside [n], for points [n, 2]."""
        position = (flat - self._origin) * self._per_step
        outside = ((position < -EDGE_SLACK) | (position > self._cells + EDGE_SLACK)).any(axis=1)
        position = np.clip(position, 0.0, self._cells)
        cells = np.minimum(np.nan_to_num(position).astype(np.intp), self._cells - 1)
        return cells, position - cells, outside

    def masked(self, u: Any) -> Any:
        """Whether u [..., 2] lies in a cell without data, outside the box or nowhere (NaN): bool [...]."""
        points = _points(u)
        cells, local, outside = self._locate(points.reshape(-1, 2))
        no_data = outside | np.isnan(local).any(axis=1) | self.mask[cells[:, 0], cells[:, 1]]
        return no_data.reshape(points.shape[:-1])[()]

    def mover(self, walls: Walls | None) -> "SplineMover | None":
        """What moves balls in blocks of compiled steps, between walls that lie within the box; else None."""
        low, high = np.array(self.bounds).T
        within = walls is not None and bool((walls.low >= low).all() and (walls.high <= high).all())
        return SplineMover(self) if within and "THERMOVIZ_NO_NUMBA" not in os.environ else None

    def on_product(self, us: Any, vs: Any, orders: tuple[int, int] = (0, 0)) -> np.ndarray:
        """Energy, or its derivative of `orders` (0 to 2 along x and y), at every (us [m], vs [k]): [m, k].

        Far quicker than m k single points. Coordinates must lie within the box.
        """
        energy, slope_x, slope_y, both = np.moveaxis(self._nodes, -1, 0)
        i, weights = self._along(us, 0, orders[0])
        value, slope = _cubic(energy, slope_x, i, weights), _cubic(slope_y, both, i, weights)
        j, weights = self._along(vs, 1, orders[1])
        return _cubic(value.T, slope.T, j, weights).T

    def _along(self, coordinates: Any, axis: int, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells [m] of coordinates [m] on one axis and the weights [4, m] of their cells' Hermite data."""
        position = (np.asarray(coordinates, float) - self._origin[axis]) / self.step[axis]
        if not ((position >= -EDGE_SLACK) & (position <= self._cells[axis] + EDGE_SLACK)).all():
            low, high = self.bounds[axis]
            raise BadInput(f"coordinates along axis {axis} must lie within [{low:g}, {high:g}].")
        cell = np.clip(position.astype(np.intp), 0, self._cells[axis] - 1)
        return cell, bicubic.hermite_weights(position - cell, order) / self.step[axis] ** order

    def gradient(self, u: Any) -> np.ndarray:
        """First derivatives of the energy [..., 2] at u [..., 2], without the compiled kernel: for few points."""
        first = self._derivatives(u, ((1, 0), (0, 1))) / self.step
        return first.reshape(_points(u).shape)

    def hessian(self, u: Any) -> np.ndarray:
        """Second derivatives of the energy [..., 2, 2] at u [..., 2]. NaN in cells without data."""
        xx, xy, yy = self._derivatives(u, ((2, 0), (1, 1), (0, 2))).T
        second = np.stack([xx, xy, xy, yy], axis=1).reshape(-1, 2, 2) / np.outer(self.step, self.step)
        return second.reshape(*_points(u).shape, 2)

    def _derivatives(self, u: Any, orders: tuple[tuple[int, int], ...]) -> np.ndarray:
        """Derivatives of these orders along the two axes, in units of a cell: [n, len(orders)], u taken flat."""
        cells, local, outside = self._locate(_points(u).reshape(-1, 2))
        if outside.any():
            raise BadInput("points u lie outside the surface.")
        blocks = self.blocks[cells[:, 0], cells[:, 1]]
        s, t = local.T
        return np.stack([
            np.einsum("in,nij,jn->n", bicubic.hermite_weights(s, a), blocks, bicubic.hermite_weights(t, b))
            for a, b in orders
        ], axis=1)

    @cached_property
    def blocks(self) -> np.ndarray:
        """Hermite data (f0, f0', f1, f1') along x and y, in units of the cell: [nx - 1, ny - 1, 4, 4]."""
        energy, slope_x, slope_y, both = np.moveaxis(self._nodes, -1, 0)
        grid = np.stack([np.stack([energy, slope_y], -1), np.stack([slope_x, both], -1)], -2)
        along_y = np.concatenate([grid[:, :-1], grid[:, 1:]], axis=-1)
        return np.concatenate([along_y[:-1], along_y[1:]], axis=-2)


class SplineMover:
    """Blocks of steps on a spline (`dynamics.blocks`)."""

    def __init__(self, spline: Spline) -> None:
        mask = spline.mask.copy() if spline.mask.any() else np.zeros((0, 0), bool)
        self.surface = spline._nodes, spline._origin, spline._per_step, mask

    def work(self, samples: int) -> float:
        return 100.0

    def move(self, block: Block) -> None:
        assert block.walls is not None
        low, high = (np.ascontiguousarray(edge[0], np.float64) for edge in block.walls)

        def part(begin: int, end: int) -> None:
            kernels.surface.move(
                begin, end, block.first, block.steps, block.code, block.x, block.memory, block.square,
                block.coefficients, block.noise, block.times, block.kept, block.diverged_at, low, high, block.cold,
                *self.surface)

        in_parts(part, len(block.x), len(block.x) * block.steps * self.work(0))


def _cubic(f: np.ndarray, slope: np.ndarray, cell: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Cubic Hermite interpolation of f, slope [n, k] along axis 0, in cells [m], weights [4, m]: [m, k]."""
    w = weights[:, :, None]
    return w[0] * f[cell] + w[1] * slope[cell] + w[2] * f[cell + 1] + w[3] * slope[cell + 1]


def _points(u: Any) -> np.ndarray:
    try:
        points = real(u)
    except (TypeError, ValueError):
        raise BadInput("u must be an array of numbers with last axis 2.") from None
    if points.ndim == 0 or points.shape[-1] != 2:
        raise BadInput(f"u must have last axis 2 (slice coordinates), got shape {points.shape}.")
    return points
