"""Losses in which each replica has a world of its own: its own resampled data, or noise that no data explain.

Each is an Energy on theta [n, d] for a fixed number n of replicas, so that all conditions of an experiment train as
one batch of `simulate`.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ..dynamics.batches import everyone
from ..dynamics.blocks import Block
from ..errors import BadInput
from . import kernels
from .movers import NetworkMover


class Bootstrapped:
    """A NetworkLoss of which replica i sees its own resampled training set: samples[i] [N] of samples [n, N].

    N must be the loss's number of training samples. Source: B. Efron, Ann. Stat. 7, 1 (1979). Raises BadInput.
    """

    def __init__(self, loss: Any, samples: np.ndarray) -> None:
        self.samples = np.array(samples, np.int64)
        if self.samples.ndim != 2 or self.samples.shape[1] != loss.n_samples:
            raise BadInput(f"samples must have shape [n, {loss.n_samples}], got {list(self.samples.shape)}.")
        self.loss, self.d, self.n_samples = loss, loss.d, loss.n_samples
        self._whole = loss.minibatch(self.samples)
        self._flat = np.ravel(self.samples)
        self._first = np.arange(len(self.samples))[:, None] * loss.n_samples

    def __call__(self, theta: Any) -> Any:
        """Each replica's loss on its own data, [n, d] -> [n]."""
        return self._whole(theta)

    def force(self, theta: Any) -> Any:
        """[n, d] -> [n, d]."""
        return self._whole.force(theta)

    def value_and_force(self, theta: Any) -> tuple[Any, Any]:
        """(E [n], force [n, d]) in one pass."""
        return self._whole.value_and_force(theta)

    def minibatch(self, indices: Any) -> Any:
        """The Energy in which replica i sees the samples indices[i] [n, B] of its own data (-1: none)."""
        return self.loss.minibatch(self.own(np.asarray(indices)))

    def own(self, indices: np.ndarray) -> np.ndarray:
        """Samples of the loss behind those of each replica's own data, indices [..., n, B] (-1: none)."""
        chosen, none = self._flat[indices + self._first], indices < 0
        return np.where(none, -1, chosen) if none.any() else chosen

    def mover(self, walls: Any) -> "ResampledMover | None":
        """Blocks of steps, where those of the loss can be had."""
        moving = self.loss.mover(walls)
        return moving and ResampledMover(moving, self)


def bootstrap(n: int, n_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Samples [n, n_samples] drawn with replacement: one resampled training set per replica."""
    return generator.integers(0, n_samples, size=(n, n_samples))


class ResampledMover:
    """Blocks of steps of replicas that see their own data."""

    def __init__(self, moving: NetworkMover, data: Bootstrapped) -> None:
        self.moving, self.data = moving, data

    def work(self, samples: int) -> float:
        """As that of the loss."""
        return self.moving.work(samples)

    def move(self, block: Block) -> None:
        """Each replica's samples are looked up for all steps at once."""
        data, indices = self.data, block.indices
        if indices.shape[2]:
            chosen = np.array(everyone(indices, data.n_samples))
            kernels.resampled.look_up(chosen, data.samples)
        else:
            chosen = np.ascontiguousarray(data.samples[None], np.int32)
        self.moving.move(replace(block, indices=chosen))


class WithLangevinNoise:
    """A loss whose minibatches come with a random push: force += amplitude[i] N(0, 1) for replica i, in all directions.

    amplitude [n]: with amplitude = sqrt(2 T / lr) plain SGD steps of all samples are Euler-Maruyama steps of isotropic
    Langevin motion at temperature T, dt = lr. Full-batch energies and forces are those of `loss`, unshaken: the noise
    is in the energy drawn for a step (a random slope), as for a minibatch: `simulate` must be given batches.
    """

    def __init__(self, loss: Any, amplitude: Any, generator: np.random.Generator) -> None:
        self.loss, self.d, self.n_samples = loss, loss.d, loss.n_samples
        self.amplitude = np.asarray(amplitude, dtype=np.float64)
        if self.amplitude.ndim != 1 or not (np.isfinite(self.amplitude) & (self.amplitude >= 0)).all():
            raise BadInput("amplitude must be finite numbers of at least 0, [n], one per replica.")
        self.rows = np.flatnonzero(self.amplitude)
        self._generator = generator

    def __call__(self, theta: Any) -> Any:
        """[n, d] -> [n]."""
        return self.loss(theta)

    of_records = __call__

    def force(self, theta: Any) -> Any:
        """[n, d] -> [n, d]."""
        return self.loss.force(theta)

    def minibatch(self, indices: Any) -> "_Push":
        """The Energy of one step: the loss of the batch plus a random slope."""
        return _Push(self.loss.minibatch(indices), self.rows, self.pushes(1)[0])

    def mover(self, walls: Any) -> "PushMover | None":
        """Blocks of steps, where those of the loss can be had."""
        moving = self.loss.mover(walls)
        return moving and PushMover(moving, self)

    def pushes(self, steps: int) -> np.ndarray:
        """The slopes of the next steps [steps, rows, d], from the stream of single ones."""
        drawn = self._generator.standard_normal((steps, len(self.rows), self.d))
        return np.multiply(self.amplitude[self.rows, None], drawn, out=drawn)


class PushMover:
    """Blocks of steps of replicas that are pushed."""

    def __init__(self, moving: NetworkMover, pushed: WithLangevinNoise) -> None:
        self.moving, self.pushed = moving, pushed
        self.row = np.full(len(pushed.amplitude), -1)
        self.row[pushed.rows] = np.arange(len(pushed.rows))

    def work(self, samples: int) -> float:
        """As that of the loss."""
        return self.moving.work(samples)

    def move(self, block: Block) -> None:
        """All pushes are drawn ahead; there are none without batches."""
        if block.indices.shape[2]:
            self.moving.move_under(block, push=self.pushed.pushes(block.steps), push_rows=self.row)
        else:
            self.moving.move(block)


class _Push:
    """An energy plus -slope[k] . theta for the replicas rows[k]."""

    def __init__(self, energy: Any, rows: np.ndarray, slope: np.ndarray) -> None:
        self.energy, self.rows, self.slope = energy, rows, slope

    def __call__(self, theta: Any) -> Any:
        value = np.array(self.energy(theta))
        value[self.rows] -= (self.slope * theta[self.rows]).sum(axis=1)
        return value

    def force(self, theta: Any) -> Any:
        force = self.energy.force(theta)
        force[self.rows] += self.slope
        return force
