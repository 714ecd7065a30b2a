"""The labs at their defaults in a warm process: first picture and complete, beside one plain numpy task of this run.

The arithmetic limit of a lab is what its networks must multiply: each sample of each evaluation passes through all
parameters once (of two classes, through the difference of the outputs), and three times where a gradient is asked for.
It is counted where compiled code is called, so that it is exact for whatever the lab does; the last column of the
report is that number over the machine's matrix rate and the time taken. Second derivatives, surfaces, sums and
statistics are not in it, nor activations.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

import thermoviz as tv
from thermoviz.core.fluctuations.relations import fluctuation_dissipation
from thermoviz.core.learning import kernels
from thermoviz.core.learning.compiled import CompiledNetworks
from thermoviz.core.learning.movers import NetworkMover

from . import labs_before
from .clock import Row, median_seconds
from .training import plain_loop

REPEATS = 3
YARDSTICK = "1,000 balls x 5,000 plain numpy steps"
# Most that a default may take, complete, in yardsticks: 27 on a slice, ten times that with networks of its own (2 and
# 20 s where the yardstick takes .074 s).
SLICE, NETWORKS = 27, 270
BOUNDS = {"second_law": SLICE, "volume_or_depth": SLICE, "crystal_or_glass": SLICE, "heat_bath": NETWORKS,
          "interactions": NETWORKS, "equilibrium": NETWORKS}
RELATION = {"replicas": 16, "steps": 30_000, "batch": 32}


def yardstick() -> None:
    """Euler-Maruyama in a double well, as everyone writes it first."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(1000)
    for _ in range(5000):
        x = x - 0.01 * 4 * x * (x**2 - 1) + 0.07 * rng.standard_normal(1000)


def _first_and_complete(spec: Any) -> tuple[float, float]:
    begun, told = time.perf_counter(), []

    def progress(fraction: float, stage: str, partial: Any = None) -> None:
        if partial is not None and not told:
            told.append(time.perf_counter() - begun)

    tv.run(spec, progress)
    complete = time.perf_counter() - begun
    return (told or [complete])[0], complete


def _parameters(networks: CompiledNetworks) -> int:
    """Through how many numbers a sample must pass: of two classes only the difference of the outputs counts."""
    sizes = networks.sizes
    return int(networks.d - (sizes[-2] + 1 if networks.head == 1 and sizes[-1] == 2 else 0))


@contextlib.contextmanager
def counted() -> Iterator[list[float]]:
    """Within it: the multiplications of each call of the networks' compiled code."""
    calls: list[float] = []
    evaluate, move = CompiledNetworks._evaluate, NetworkMover.move_under

    def evaluated(self: Any, theta: Any, l2: Any, l1: Any, mode: int, indices: Any = None, counts: Any = None) -> Any:
        samples = len(theta) * self.samples if counts is None else counts.sum()
        if counts is None and len(self.sizes) == 2 and self.head == 0:
            calls.append(float(len(theta)) * self.d * (self.sizes[0] + 1))  # a parabola, however many samples
        else:
            calls.append(float(samples) * _parameters(self) * (3 if mode == kernels.modes.GRADIENT else 1))
        return evaluate(self, theta, l2, l1, mode, indices, counts)

    def moved(self: Any, block: Any, *more: Any, **named: Any) -> None:
        drawn = (block.indices >= 0).sum(axis=2)  # [steps or 1, n]; none drawn: all samples
        drawn = np.where(drawn == 0, self.networks.samples, drawn)
        calls.append(3.0 * _parameters(self.networks) * drawn.mean(axis=0).sum() * block.steps)
        move(self, block, *more, **named)

    with mock.patch.object(CompiledNetworks, "_evaluate", evaluated), \
            mock.patch.object(NetworkMover, "move_under", moved):
        yield calls


def _lab(kind: str, unit: float) -> list[Row]:
    cls = tv.EXPERIMENTS[kind]
    with counted() as multiplications:
        _first_and_complete(cls())
    flops = 2 * sum(multiplications) or None
    first, complete = np.median([_first_and_complete(cls()) for _ in range(REPEATS)], axis=0)
    return [Row(f"{kind}, default: first picture", float(first), "s", "", unit, YARDSTICK),
            Row(f"{kind}, default: complete", float(complete), "s", f">= {1 / BOUNDS[kind]:.2g} x", unit, YARDSTICK,
                flops)]


def _relations() -> Row:
    """The sums of the fluctuation-dissipation relations at every tenth step, beside training alone in a plain loop."""
    data = tv.load_dataset("sine", n=500, seed=0)
    loss = tv.NetworkLoss(tv.MLP((16,)), data, weight_decay=0.01)
    theta = loss.init(RELATION["replicas"], seed=0)

    def ours() -> None:
        fluctuation_dissipation(loss, tv.SGD(0.1), theta, RELATION["steps"], RELATION["batch"], seed=0)

    few = 500  # steps of one network: the plain loop's cost is theirs times all of them

    def one() -> None:
        plain_loop(loss, data, theta[:1], steps=few, batch=RELATION["batch"])

    scale = RELATION["replicas"] * RELATION["steps"] / few
    return Row("16 networks x 30,000 steps with the sums of both relations", median_seconds(ours, repeats=3), "s",
               ">= 10 x", median_seconds(one, repeats=3) * scale, "plain torch loop, training alone")


def rows() -> list[Row]:
    unit = median_seconds(yardstick, repeats=5)
    return [*(row for kind in BOUNDS for row in _lab(kind, unit)), _relations(), *labs_before.rows()]
