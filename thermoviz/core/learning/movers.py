"""Networks that take many steps in one call of compiled code: what `NetworkLoss` offers to `dynamics.blocks`."""

from typing import Any

import numpy as np

from ..dynamics.batches import everyone
from ..dynamics.blocks import Block
from ..threads import in_parts
from . import kernels
from .compiled import CompiledNetworks, nothing


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
            push, push_rows = nothing(n)
        l2, l1, scale = (np.array(np.broadcast_to(one, n), np.float64) for one in (self.l2 + l2, self.l1 + l1, scale))
        push_rows = np.asarray(push_rows, np.int64)
        if nets.side_by_side and keep is None:
            nets.move(block, kernels.modes.FORCE, np.empty(0), l2, l1, push, push_rows)
            return
        if keep is None or keep_rows is None:
            keep, keep_rows = np.zeros((1, 1, 0, 0), np.uint8), np.full(n, -1)
        keep_rows, indices = np.asarray(keep_rows, np.int64), everyone(block.indices, nets.samples)
        in_parts(lambda begin, end: kernels.training.move(
            begin, end, block.first, block.steps, block.code, block.x, block.memory, block.square, block.coefficients,
            block.noise, indices, block.times, block.kept, block.diverged_at, *nets.tables, nets.sizes, nets.activation,
            nets.head, l2, l1, push, push_rows, keep, keep_rows, scale), n,
            n * block.steps * self.work(indices.shape[2]))
