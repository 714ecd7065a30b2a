"""Networks that take many steps in one call of compiled code: what `NetworkLoss` offers to `dynamics.blocks`."""

from typing import Any

import numpy as np

from ..dynamics.batches import everyone
from ..dynamics.blocks import Block
from ..threads import in_parts
from . import kernels
from .compiled import CompiledNetworks, in_groups


class NetworkMover:
    """Blocks of steps in one learning problem, regularisers included; the base of movers of losses made of it."""

    def __init__(self, networks: CompiledNetworks, l2: Any, l1: Any) -> None:
        self.networks, self.l2, self.l1 = networks, l2, l1

    def work(self, samples: int) -> float:
        return 3.0 * self.networks.d * (samples or self.networks.samples)

    def move(self, block: Block) -> None:
        self.move_under(block)

    def move_under(self, block: Block, l2: Any = 0.0, l1: Any = 0.0, push: np.ndarray | None = None,
                   push_rows: np.ndarray | None = None, keep: np.ndarray | None = None,
                   keep_rows: np.ndarray | None = None, scale: Any = 1.0) -> None:
        """`move` under more than the loss: l2, l1 (numbers or [n]) are added to its own.

        push [steps, rows, d] is added to the forces of the replicas of which push_rows [n] names a row (-1: none).
        Dropout: keep [steps, rows, B, hidden units], uint8, 0 or 1 for each sample of a batch, and `scale` (a number or
        [n]) by which the outputs of kept units are multiplied; keep_rows [n] as push_rows.
        """
        nets, n = self.networks, len(block.x)
        if push is None or push_rows is None:
            push, push_rows = np.zeros((1, 1, 0)), np.full(n, -1)
        beside = nets.side_by_side(n) and keep is None
        if keep is None or keep_rows is None:
            keep, keep_rows = np.zeros((1, 1, 0, 0), np.uint8), np.full(n, -1)
        rows = [np.asarray(each, np.int64) for each in (push_rows, keep_rows)]
        own = [np.array(np.broadcast_to(one, n), np.float64) for one in (self.l2 + l2, self.l1 + l1, scale)]
        indices = block.indices if beside else everyone(block.indices, nets.samples)
        moved = (block.first, block.steps, block.code, block.x, block.memory, block.square, block.coefficients,
                 block.noise, indices, block.times, block.kept, block.diverged_at)
        problem, work = (nets.sizes, nets.activation, nets.head), n * block.steps * self.work(indices.shape[2])
        if beside:
            # Replicas of equally large batches stand together: a group takes as many samples as its largest.
            order = np.argsort((indices[0] >= 0).sum(axis=1), kind="stable")
            in_groups(lambda begin, end: kernels.lane_training.move(
                begin, end, order, *moved, *nets.flat, *problem, nets.samples, *own[:2], push, rows[0]), n, work)
            return
        in_parts(lambda begin, end: kernels.training.move(
            begin, end, *moved, *nets.tables, *problem, *own[:2], push, rows[0], keep, rows[1], own[2]), n, work)
