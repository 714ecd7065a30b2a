"""Networks that take many steps in one call of compiled code: what `NetworkLoss` offers to `dynamics.blocks`."""

from typing import Any

import numpy as np

from ..dynamics.blocks import Block
from ..threads import in_parts
from . import kernels
from .compiled import CompiledNetworks


class NetworkMover:
    """Blocks of steps in one learning problem, regularisers included; the base of movers of losses made of it."""

    def __init__(self, networks: CompiledNetworks, l2: Any, l1: Any) -> None:
        self.networks, self.l2, self.l1 = networks, l2, l1

    def work(self, samples: int) -> float:
        return 3.0 * self.networks.d * (samples or self.networks.samples)

    def move(self, block: Block) -> None:
        self.move_under(block)

    def move_under(self, block: Block, l2: Any = 0.0, l1: Any = 0.0, push: np.ndarray | None = None,
                   push_rows: np.ndarray | None = None) -> None:
        """`move` under more than the loss: l2, l1 (numbers or [n]) are added to its own.

        push [steps, rows, d] is added to the forces of the replicas of which push_rows [n] names a row (-1: none).
        """
        nets, n = self.networks, len(block.x)
        l2, l1 = (np.ascontiguousarray(np.broadcast_to(one, n), np.float64) for one in (self.l2 + l2, self.l1 + l1))
        if push is None or push_rows is None:
            push, push_rows = np.zeros((1, 1, 0)), np.full(n, -1)
        samples = block.indices.shape[2]
        x, t, ld = nets.laid_out(samples)
        given = push, np.asarray(push_rows, np.int64)

        def part(begin: int, end: int) -> None:
            kernels.training.move(
                begin, end, block.first, block.steps, block.code, block.x, block.memory, block.square,
                block.coefficients, block.noise, block.indices, block.times, block.kept, block.diverged_at,
                x, t, nets.sizes, nets.activation, nets.head, nets.samples, ld, l2, l1, *given)

        in_parts(part, n, n * block.steps * self.work(samples))
