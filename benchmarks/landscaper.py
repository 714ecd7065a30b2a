"""`explore` of a CNN with a million parameters on 512 images, beside Landscaper 1.3.1 on the plane's grid.

Landscaper (`benchmarks/requirements.txt`) is installed without its dependencies, of which its own computing needs none:
that file alone is loaded. A point's cost grows there with its distance from the middle, since a step is added again and
again; its 101 x 101 points would take an hour, so a small grid and one such step are timed, and scaled.
"""

import contextlib
import importlib
import importlib.util
import io
import math
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import thermoviz as tv

from .clock import Row

WHOLE, TIMED = 101, 7  # points along a side: of the picture, and of the grid that is timed
STEPS = 60  # of training


def network() -> tuple[Any, Any]:
    """(model, batch), before training."""
    torch.manual_seed(0)
    x = torch.randn(512, 1, 28, 28)
    y = (x.mean((1, 2, 3)) * 280 + 5).long().clamp(0, 9)
    model = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1),
                          nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 49, 312), nn.ReLU(),
                          nn.Linear(312, 10))
    return model, (x, y)


def loss(model: Any, batch: Any) -> Any:
    return nn.functional.cross_entropy(model(batch[0]), batch[1])


def trained(model: Any, batch: Any) -> Any:
    recorder, optimiser = tv.Recorder(model, every=5), torch.optim.SGD(model.parameters(), lr=0.05)
    for step in range(STEPS):
        rows = slice(64 * (step % 8), 64 * (step % 8) + 64)
        optimiser.zero_grad()
        loss(model, (batch[0][rows], batch[1][rows])).backward()
        optimiser.step()
        recorder.step()
    return recorder


def landscaper() -> Any:
    """Its module `compute`, without the rest of the package."""
    found = importlib.util.find_spec("landscaper")
    if found is None or not found.submodule_search_locations:
        return None
    package = types.ModuleType("landscaper")
    package.__path__ = [str(Path(next(iter(found.submodule_search_locations))))]
    sys.modules["landscaper"] = package
    return importlib.import_module("landscaper.compute")


def parts(direction: np.ndarray, model: Any) -> list[Any]:
    sizes = [p.numel() for p in model.parameters()]
    return [torch.as_tensor(part, dtype=torch.float32).reshape(p.shape).clone() for part, p in zip(
        np.split(direction, np.cumsum(sizes)[:-1]), model.parameters(), strict=True)]


def peer_seconds(compute: Any, model: Any, batch: Any, plane: Any) -> float:
    """CPU seconds of WHOLE x WHOLE points: of a loss at each, and of the steps that are added up on the way there."""
    directions = [parts(plane.u, model), parts(plane.v, model)]

    def timed(side: int) -> float:
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            compute.compute_loss_landscape(model, batch, directions, lambda model, batch: float(loss(model, batch)),
                                           steps=side, distance=0.01, dim=2, device="cpu")
        return (time.process_time() - started) / side**2

    timed(2)
    point = timed(TIMED)
    weights = [p.detach().clone() for p in model.parameters()]
    started = time.process_time()
    for _ in range(100):
        compute.add_direction(weights, directions[0])
    added = (time.process_time() - started) / 100
    # On average a point is a quarter of a side away along each axis.
    return WHOLE**2 * (point + added * 2 * (WHOLE - TIMED) / 4)


def rows() -> list[Row]:
    torch.set_num_threads(1)
    model, batch = network()
    recorder = trained(model, batch)
    started = time.process_time()
    run = tv.explore(model, loss, recorder, data=[batch], resolution=WHOLE, progress=False)
    ours = time.process_time() - started
    what = f"explore, CNN of 1,000,690 parameters, 512 images, default tolerance ({_losses(run)} points)"
    compute = landscaper()
    if compute is None:
        return [Row(f"{what}; Landscaper is not installed", ours, "CPU s", ">= 3 x"),]
    theirs = peer_seconds(compute, model, batch, run.plane)
    return [Row(what, ours, "CPU s", ">= 3 x", theirs if math.isfinite(theirs) else None,
                f"Landscaper 1.3.1, {WHOLE} x {WHOLE}, scaled from {TIMED} x {TIMED}")]


def _losses(run: Any) -> str:
    return f"{len(run.arrays['xs'])} x {len(run.arrays['ys'])}"
