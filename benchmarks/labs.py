"""The labs at their defaults in a warm process: first picture and complete, beside one plain numpy task of this run."""

import time
from typing import Any

import numpy as np

import thermoviz as tv
from thermoviz.core.fluctuations.relations import fluctuation_dissipation

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


def _lab(kind: str, unit: float) -> list[Row]:
    cls = tv.EXPERIMENTS[kind]
    _first_and_complete(cls())
    first, complete = np.median([_first_and_complete(cls()) for _ in range(REPEATS)], axis=0)
    return [Row(f"{kind}, default: first picture", float(first), "s", "", unit, YARDSTICK),
            Row(f"{kind}, default: complete", float(complete), "s", f">= {1 / BOUNDS[kind]:.2g} x", unit, YARDSTICK)]


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
    return [*(row for kind in BOUNDS for row in _lab(kind, unit)), _relations()]
