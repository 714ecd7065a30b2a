"""Many steps in one call of compiled code, for an energy that offers it; `simulate` takes single steps otherwise.

An energy offers it by `mover(walls) -> Mover | None` (None: not in these walls). A `Mover` is handed a `Block`: where
the replicas are, everything that will be drawn, and the steps at which positions are to be kept. All numbers are drawn
here, ahead, from the same streams in the same order as single steps draw them, so that both ways give the same
trajectory up to rounding. An energy that draws numbers of its own (masks of dropout, a push) does so in its mover, and
hands the block on to the mover of the energy that it is made of. The first step of a run is always a single one: after
it every state has its full memory. `integrators` stay the reference for what a step does.
"""

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..arrays import is_tensor
from ..replicas import plain
from ..threads import alongside, n_threads
from .integrators import (
    BAOAB,
    SGD,
    Adam,
    GradientDescent,
    Heated,
    Inertial,
    Moving,
    Overdamped,
    Position,
    RMSProp,
    Scaled,
)
from .walls import Walls

# Codes and coefficients of kernels/steps.py.
DESCENT, MOMENTUM, ADAPTIVE, HEATED, INERTIAL = range(5)
# Seconds that a block aims at. Where it was mistaken, by as much as twice, it still ends within 50 ms.
AIM = 0.02
# Multiplications per second that are counted on before anything is measured: a slow processor's, one thread.
SLOWEST = 5e8
# A block may be so much longer than the one before it.
GROWTH = 8
# Numbers that are drawn or kept for one block: 8 MB each of noise, indices and positions.
MOST_AHEAD = 2**20
# Normal numbers worth a second thread's while: half a millisecond.
WORTH_A_THREAD = 2**16


@dataclass
class Block:
    """`steps` steps of n replicas in d dimensions. All arrays are C-contiguous, numbers float64.

    first: how many steps there have been before. code: the dynamics (kernels/steps.py). x [n, d], memory [n, d] or
    [n, 0], square [n, d] or [n, 0]: moved in place. coefficients [steps or 1, n or 1, 7]. noise [steps, n, d] or
    [steps, n, 0]. indices [steps or 1, n, B], int32, -1 behind a smaller batch (alone: all samples); [1, n, 0]: all
    samples. times [k]: after how many of the block's steps (0: before the first) x is to be kept, ascending; kept
    [k, n, d]: where. diverged_at [n]: -1, or first + the number of steps after which a replica left the finite numbers;
    such a row is NaN from then on. walls: None, or in which the replicas are; cold [steps or 1, n or 1]: those that
    stop at a wall.
    """

    first: int
    steps: int
    code: int
    x: np.ndarray
    memory: np.ndarray
    square: np.ndarray
    coefficients: np.ndarray
    noise: np.ndarray
    indices: np.ndarray
    times: np.ndarray
    kept: np.ndarray
    diverged_at: np.ndarray
    walls: Walls | None
    cold: np.ndarray


class Mover(Protocol):
    """Compiled steps in one energy."""

    def work(self, samples: int) -> float:
        """Multiplications, about, of one step of one replica with so many samples (0: all)."""

    def move(self, block: Block) -> None:
        """Takes the block's steps: x, memory, square, kept and diverged_at are filled."""


# Each dynamics as a code, what it remembers, and coefficients


class Form(NamedTuple):
    """A dynamics as compiled code sees it, for the steps of one block.

    memory, square: [n, d], or None if there is none. state(x, memory, square): the state after the block.
    """

    code: int
    memory: Any
    square: Any
    coefficients: np.ndarray
    noisy: bool
    state: Callable[[np.ndarray, np.ndarray, np.ndarray], Any]


def _rows(*values: Any) -> np.ndarray:
    """Coefficients [S or 1, n or 1, 7] of values that are numbers, [n], [S, 1] or [S, n]."""
    columns = np.broadcast_arrays(*(np.atleast_2d(np.asarray(value, np.float64)) for value in values))
    table = np.zeros((*columns[0].shape, 7))
    for k, column in enumerate(columns):
        table[..., k] = column
    return table


def _gradient_descent(dynamics: GradientDescent, state: Position, T: np.ndarray, steps: int) -> Form:
    return Form(DESCENT, None, None, _rows(plain(dynamics.lr)), False, lambda x, memory, square: Position(x))


def _sgd(dynamics: SGD, state: Moving, T: np.ndarray, steps: int) -> Form:
    if dynamics.momentum == 0.0:
        return Form(DESCENT, None, None, _rows(plain(dynamics.lr)), False,
                    lambda x, memory, square: Moving(x, state.velocity))
    return Form(MOMENTUM, state.velocity, None, _rows(plain(dynamics.lr), plain(dynamics.momentum)), False,
                lambda x, memory, square: Moving(x, memory))


def _adam(dynamics: Adam, state: Scaled, T: np.ndarray, steps: int) -> Form:
    taken = state.taken + np.arange(1.0, steps + 1)[:, None]
    b1, b2 = dynamics.beta1, dynamics.beta2
    rows = _rows(plain(dynamics.lr) / (1 - b1**taken), b1, 1 - b1, b2, 1 - b2, np.sqrt(1 - b2**taken), dynamics.eps)
    return Form(ADAPTIVE, state.mean, state.square, rows, False,
                lambda x, memory, square: Scaled(x, memory, square, state.taken + steps))


def _rmsprop(dynamics: RMSProp, state: Scaled, T: np.ndarray, steps: int) -> Form:
    rows = _rows(plain(dynamics.lr), 0.0, 1.0, dynamics.alpha, 1 - dynamics.alpha, 1.0, dynamics.eps)
    return Form(ADAPTIVE, np.zeros_like(state.square), state.square, rows, False,
                lambda x, memory, square: Scaled(x, None, square, state.taken + steps))


def _overdamped(dynamics: Overdamped, state: Heated, T: np.ndarray, steps: int) -> Form:
    dt = plain(dynamics.dt)
    spread = np.atleast_2d((2 * T * dt) ** 0.5)
    if state.kept is None:
        return Form(HEATED, np.zeros_like(state.x), None, _rows(dt, 0.0, spread), True,
                    lambda x, memory, square: Heated(x, None, None))
    last, before = spread[-1:], np.reshape(state.spread, (1, -1))
    if len(spread) > 1 or (before != last).any():
        spread = np.broadcast_to(spread, (steps, spread.shape[1]))
        before = np.concatenate([np.broadcast_to(before, last.shape), spread[:-1]])
    return Form(HEATED, state.kept, None, _rows(dt, 0.5 * before, 0.5 * spread), True,
                lambda x, memory, square: Heated(x, memory, last.T if last.size > 1 else float(last[0, 0])))


def _baoab(dynamics: BAOAB, state: Inertial, T: np.ndarray, steps: int) -> Form:
    dt, friction = plain(dynamics.dt), plain(dynamics.friction)
    keep = np.exp(-friction * dt)
    return Form(INERTIAL, state.velocity, None, _rows(dt, keep, (T * (1 - keep**2)) ** 0.5, 0.5 * dt), True,
                lambda x, memory, square: Inertial(x, memory, True))


FORMS: dict[type, Callable[[Any, Any, np.ndarray, int], Form]] = {
    GradientDescent: _gradient_descent, SGD: _sgd, Adam: _adam, RMSProp: _rmsprop, Overdamped: _overdamped,
    BAOAB: _baoab,
}


def mover_of(energy: Any, dynamics: Any, x: Any, walls: Walls | None) -> Mover | None:
    """What moves these replicas in blocks, or None: then only single steps do."""
    offered = getattr(energy, "mover", None)
    if offered is None or is_tensor(x) or type(dynamics) not in FORMS:
        return None
    return offered(walls)


class Normals:
    """The next normal numbers of a stream, drawn by a second thread while those before them are in use."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], steps: int) -> None:
        """shape (n, d): of one step's; steps: how many there will be."""
        self.rng, self.shape, self.left = rng, shape, steps
        self.ready: Future[np.ndarray] | np.ndarray = np.zeros((0, *shape))

    def take(self, steps: int) -> np.ndarray:
        """[steps, n, d]."""
        ready = self.ready if isinstance(self.ready, np.ndarray) else self.ready.result()
        taken, rest = self._filled(ready, steps)[:steps], ready[steps:]
        self.left -= steps
        ahead = min(steps, self.left)
        worth = (ahead - len(rest)) * math.prod(self.shape) >= WORTH_A_THREAD
        self.ready = alongside(lambda: self._filled(rest, ahead)) if worth and n_threads() > 1 else rest
        return taken

    def _filled(self, ready: np.ndarray, steps: int) -> np.ndarray:
        missing = steps - len(ready)
        if missing <= 0:
            return ready
        fresh = self.rng.standard_normal((missing, *self.shape))
        return np.concatenate([ready, fresh]) if len(ready) else fresh


def block_of(dynamics: Any, state: Any, first: int, steps: int, T: np.ndarray, normals: Normals, indices: np.ndarray,
             times: np.ndarray, diverged_at: np.ndarray, walls: Walls | None, massless: bool) -> tuple[Block, Form]:
    """The block of the next `steps` steps, its noise drawn. T [steps or 1, n or 1]: temperatures."""
    form = FORMS[type(dynamics)](dynamics, state, T, steps)
    x = np.array(state.x, np.float64, order="C")
    n, d = x.shape
    none = np.zeros((n, 0))
    memory, square = (none if part is None else np.array(part, np.float64, order="C")
                      for part in (form.memory, form.square))
    noise = normals.take(steps) if form.noisy else np.zeros((steps, n, 0))
    cold = massless & (T == 0)
    return Block(first, steps, form.code, x, memory, square, form.coefficients, noise, indices, times,
                 np.empty((len(times), n, d)), diverged_at, walls, cold), form


class Pace:
    """How many steps a block may have, from how long the ones before it took."""

    def __init__(self, multiplications: float, numbers: int) -> None:
        """multiplications: of a step of all replicas; numbers: that are drawn or kept for a step."""
        self.each = multiplications / SLOWEST
        self.most = max(1, MOST_AHEAD // max(numbers, 1))
        self.last = self.most

    def ahead(self) -> int:
        """Steps of the next block."""
        return max(1, min(int(AIM / self.each), self.most, self.last * GROWTH))

    def took(self, steps: int, seconds: float) -> None:
        """The last block's length; the slowest of late counts for a while."""
        self.last = steps
        self.each = max(seconds / steps, 1e-9)
