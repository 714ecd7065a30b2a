"""Dropout and label noise as what they are to a step of training: other weights, other labels, drawn anew each time.

Dropout on hidden units (inverted, so that means stay) multiplies the weights that leave a unit by m/(1 - p), m = 0 or
1: with these factors F the loss is L(F theta) and its gradient F grad L(F theta). Label noise moves a sample to one of
a few other labels. Both can therefore be enumerated as well as drawn. Sources: N. Srivastava et al., J. Mach. Learn.
Res. 15, 1929 (2014); G. Blanc et al., COLT (2020) for label noise as noise of the gradient.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..dynamics.blocks import Block
from ..errors import BadInput
from .data import Dataset
from .movers import NetworkMover
from .networks import NetworkLoss

# Hidden units up to which all masks are enumerated.
MOST_UNITS = 10


# Dropout


def hidden_units(loss: Any) -> int:
    """How many units dropout can take away."""
    return int(sum(loss.sizes[1:-1]))


def factors(loss: Any, kept: np.ndarray, p: Any) -> np.ndarray:
    """F [m, d] on theta for masks kept [m, units] (true: the unit stays), layer by layer from the input on.

    p: the probability with which units were dropped, a number or one per mask [m].
    """
    scale = kept / (1 - np.reshape(p, (-1, 1)))
    F = np.ones((len(scale), loss.d))
    at = 0
    for layer in loss.layer_slices[1:]:
        fan_in, fan_out = layer.shape
        F[:, layer.weight] = np.repeat(scale[:, at:at + fan_in], fan_out, axis=1)
        at += fan_in
    return F


def all_masks(loss: Any, p: float) -> Iterator[tuple[float, np.ndarray]]:
    """(probability, F [d]) of every mask. Raises BadInput beyond 10 hidden units."""
    units = hidden_units(loss)
    if units > MOST_UNITS:
        raise BadInput(f"{units} hidden units have too many masks to go through all: at most {MOST_UNITS}.")
    for kept in itertools.product((False, True), repeat=units):
        on = sum(kept)
        weight = (1 - p) ** on * p ** (units - on)
        if weight > 0:
            yield weight, factors(loss, np.array([kept]), p)[0]


# Labels


class LabelStates:
    """Every label that noise may give a sample, as one larger learning problem whose minibatches see chosen labels.

    Classification: all classes; with probability p (0..1) a sample's label is another class, each as likely. Regression
    with k targets: one of them, by chance, is moved up or down by p sqrt(k) of its standard deviation, so that the
    change has mean 0 and covariance p^2 Var(y): as Gaussian noise of that size, to second moments. `loss`: the
    NetworkLoss of all samples with all labels (no regularisers); `count`: labels per sample; `clean` [N]: which is the
    sample's own; `weights` [N, count]: probabilities of a draw.
    """

    def __init__(self, loss: Any, p: float) -> None:
        data, self.p = loss.data, float(p)
        x, y = np.asarray(data.x_train), np.asarray(data.y_train)
        n = len(x)
        if data.task == "classification":
            self.count, self.clean = data.n_outputs, y.astype(np.int64)
            labels = np.tile(np.arange(self.count), n)
            self.weights = np.full((n, self.count), p / max(self.count - 1, 1))
            self.weights[np.arange(n), self.clean] = 1 - p
        else:
            k = y.shape[1]
            shift = p * np.sqrt(k) * np.eye(k) * y.std(axis=0)
            moves = np.concatenate([np.zeros((1, k)), shift, -shift])
            self.count, self.clean = len(moves), np.zeros(n, dtype=np.int64)
            labels = (y[:, None] + moves).reshape(-1, k)
            self.weights = np.tile(np.concatenate([[0.0], np.full(2 * k, 0.5 / k)]), (n, 1))
        self.cumulative = np.cumsum(self.weights, axis=1)
        wide = Dataset(np.repeat(x, self.count, axis=0), labels, data.task)
        self.loss = NetworkLoss(loss.mlp, wide, dtype=loss.dtype)
        self.n_samples = n

    def own(self, indices: np.ndarray) -> np.ndarray:
        """Samples indices [...] with their own labels, as samples of `loss`."""
        return indices * self.count + self.clean[indices]

    def drawn(self, indices: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Samples indices [...] with labels drawn anew by as many uniform numbers, as samples of `loss`."""
        # The last label takes all that is left: sums of probabilities end near 1, not at it.
        state = sum((uniform > bound[indices] for bound in self.cumulative.T[:-1]), np.zeros(indices.shape, np.int64))
        return indices * self.count + state


# Training under all of them


class PerturbedLoss:
    """The loss of n replicas of which each has interactions and noise of its own, for one batch of `simulate`.

    l2, l1, dropout: [n]; noisy [n]: whose labels are redrawn. Energies are the clean data's; forces of a minibatch
    carry everything. Replicas with dropout have a mask for each sample.
    """

    def __init__(self, loss: Any, labels: LabelStates, l2: Any, l1: Any, dropout: Any, noisy: Any,
                 generator: np.random.Generator) -> None:
        self.loss, self.labels, self.d, self.n_samples = loss, labels, loss.d, loss.n_samples
        self.l2, self.l1 = (np.asarray(value, dtype=np.float64)[:, None] for value in (l2, l1))
        self.dropout, self.noisy = np.asarray(dropout, dtype=np.float64), np.asarray(noisy, dtype=bool)
        self.generator = generator
        self.whole, self.thinned = np.flatnonzero(self.dropout == 0), np.flatnonzero(self.dropout)

    def __call__(self, theta: Any) -> Any:
        """Data energy [n, d] -> [n]."""
        return self.loss.data_energy(theta)

    of_records = __call__

    def force(self, theta: Any) -> Any:
        """Of all samples, without noise, [n, d] -> [n, d]."""
        return self.loss.force(theta) - self._pull(theta)

    def minibatch(self, indices: Any) -> "_Drawn":
        """The Energy of one step: labels and masks are drawn here."""
        indices = np.asarray(indices)
        chosen, kept = self.draws(indices[None])
        return _Drawn(self, chosen[0], kept[0])

    def mover(self, walls: Any) -> "PerturbedMover | None":
        """Blocks of steps, where those of the loss can be had."""
        moving, under = self.loss.mover(walls), self.labels.loss.mover(walls)
        return PerturbedMover(moving, under, self) if moving and under else None

    def draws(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What steps with the samples indices [steps, n, B] see: samples of all labels' loss [steps, n, B], and which
        units stay [steps, replicas with dropout, B, units]; step after step from one stream."""
        steps, _, size = indices.shape
        rows, units = int(self.noisy.sum()), hidden_units(self.loss)
        uniform = self.generator.random((steps, (rows + len(self.thinned) * units) * size))
        chosen = self.labels.own(indices)
        chosen[:, self.noisy] = self.labels.drawn(indices[:, self.noisy],
                                                  uniform[:, :rows * size].reshape(steps, rows, size))
        each = uniform[:, rows * size:].reshape(steps, len(self.thinned), size, units)
        return chosen, each >= self.dropout[self.thinned, None, None]

    def _pull(self, theta: Any) -> Any:
        return self.l2 * theta + self.l1 * np.sign(theta)


class _Drawn:
    """One step's energy of `PerturbedLoss`; it has a force only, which is all that a step asks for."""

    def __init__(self, conditions: PerturbedLoss, chosen: np.ndarray, kept: np.ndarray) -> None:
        """chosen [n, B]: samples of all labels' loss; kept [replicas with dropout, B, units]."""
        c = conditions
        self.conditions, self.chosen = c, chosen
        p = c.dropout[c.thinned].repeat(chosen.shape[1])
        self.F = factors(c.loss, kept.reshape(len(p), hidden_units(c.loss)), p)

    def force(self, theta: Any) -> np.ndarray:
        """[n, d] -> [n, d]."""
        c, loss = self.conditions, self.conditions.labels.loss
        force = np.empty_like(theta)
        if len(c.whole):
            force[c.whole] = loss.minibatch(self.chosen[c.whole]).force(theta[c.whole])
        if len(c.thinned):
            size = self.chosen.shape[1]
            each = loss.minibatch(self.chosen[c.thinned].reshape(-1, 1)).force(
                self.F * theta[c.thinned].repeat(size, axis=0))
            force[c.thinned] = (self.F * each).reshape(-1, size, c.d).mean(axis=1)
        return force - c._pull(theta)


class PerturbedMover:
    """Blocks of steps of a `PerturbedLoss`: labels and masks are drawn ahead for all steps."""

    def __init__(self, moving: NetworkMover, under: NetworkMover, conditions: PerturbedLoss) -> None:
        """moving: of the clean data; under: of all labels."""
        self.moving, self.under, self.conditions = moving, under, conditions
        c, n = conditions, len(conditions.dropout)
        self.row = np.full(n, -1)
        self.row[c.thinned] = np.arange(len(c.thinned))
        self.pull = {"l2": c.l2[:, 0], "l1": c.l1[:, 0]}

    def work(self, samples: int) -> float:
        """As that of the loss."""
        return self.moving.work(samples)

    def move(self, block: Block) -> None:
        """Without batches there are neither labels nor masks."""
        c = self.conditions
        if not block.indices.shape[2]:
            self.moving.move_under(block, **self.pull)
            return
        chosen, kept = c.draws(block.indices)
        masks = {"keep": kept.view(np.uint8), "keep_rows": self.row, "scale": 1 / (1 - c.dropout)}
        self.under.move_under(replace(block, indices=np.ascontiguousarray(chosen, np.int32)), **self.pull,
                              **(masks if len(c.thinned) else {}))
