"""One's own torch module: `explore` beside the loop that everyone writes first, over the same module and grid; a CNN of
a million parameters beside loss-landscapes; and what a Recorder adds to its training.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import thermoviz as tv

from .clock import Row, median_seconds

POINTS, REPEATS = 61, 3
# The peer's grid, and the one it is timed on: its time goes with its points, and a whole one takes minutes.
PEER_POINTS, TIMED_POINTS = 101, 15
EVERY, TRAINED, PAIRS = 10, 100, 5


def _model() -> tuple[Any, Any, Any]:
    """A module that thermoviz has no kernels for, the loss of a fixed batch, and a path of a short training."""
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    y = torch.sin(x.sum(1, keepdim=True))
    model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.LayerNorm(32), torch.nn.SiLU(), torch.nn.Linear(32, 1))

    def loss_fn(module: Any) -> Any:
        return torch.nn.functional.mse_loss(module(x), y)

    recorder, optimiser = tv.Recorder(model, every=10), torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        loss_fn(model).backward()
        optimiser.step()
        recorder.step()
    return model, loss_fn, recorder


def plain_loop(model: Any, loss_fn: Any, plane: Any, us: np.ndarray, vs: np.ndarray) -> np.ndarray:
    """The loss at every point of the grid, the parameters written into the module one after the other."""
    kept = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    origin, u, v = (torch.tensor(part, dtype=torch.float32) for part in (plane.origin, plane.u, plane.v))
    values = np.empty((len(us), len(vs)))
    with torch.no_grad():
        for i, a in enumerate(us):
            for j, b in enumerate(vs):
                torch.nn.utils.vector_to_parameters(origin + float(a) * u + float(b) * v, model.parameters())
                values[i, j] = loss_fn(model)
        torch.nn.utils.vector_to_parameters(kept, model.parameters())
    return values


def cnn() -> tuple[Any, Any, Any, Callable[[], None]]:
    """A CNN of 983,790 parameters, 512 images of ten classes, its loss on them, and one step of its training."""
    torch.manual_seed(0)
    nn = torch.nn
    y = torch.randint(10, (512,))
    x = torch.randn(10, 1, 28, 28)[y] + torch.randn(512, 1, 28, 28)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
                          nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
                          nn.Linear(32 * 7 * 7, 620), nn.ReLU(), nn.Linear(620, 10))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)

    def step() -> None:
        chosen = torch.randperm(512)[:64]
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()
        optimiser.step()

    return model, (x, y), lambda module: nn.functional.cross_entropy(module(x), y), step


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def large() -> Row:
    """`explore` of the CNN as it comes, beside random_plane of loss-landscapes; in alternation."""
    import loss_landscapes
    from loss_landscapes.metrics import Loss

    model, (x, y), loss_fn, step = cnn()
    recorder = tv.Recorder(model, every=1)
    for _ in range(60):
        step()
        recorder.step()
    metric = Loss(torch.nn.functional.cross_entropy, x, y)

    def peer() -> Any:
        with torch.no_grad():
            return loss_landscapes.random_plane(model, metric, distance=1, steps=TIMED_POINTS, normalization="filter",
                                                deepcopy_model=True)

    pairs = [(cpu_seconds(lambda: tv.explore(model, loss_fn, recorder, progress=False)), cpu_seconds(peer))
             for _ in range(REPEATS)]
    own, other = (statistics.median(one) for one in zip(*pairs, strict=True))
    name = f"loss-landscapes, {PEER_POINTS} x {PEER_POINTS} points (by {TIMED_POINTS} x {TIMED_POINTS}), CPU"
    return Row("explore of a CNN, 1 M parameters, 512 images, default tolerance, CPU", own, "s", ">= 3 x (aim 6)",
               other * (PEER_POINTS / TIMED_POINTS) ** 2, name)


def recording() -> Row:
    """What a Recorder adds to the CNN's training, by CPU time, in alternation."""
    shares = []
    for _ in range(PAIRS):
        _, _, _, step = cnn()
        plain = cpu_seconds(lambda step=step: [step() for _ in range(TRAINED)])
        model, _, _, step = cnn()
        recorder = tv.Recorder(model, every=EVERY)
        both = cpu_seconds(lambda step=step, recorder=recorder: [(step(), recorder.step()) for _ in range(TRAINED)])
        shares.append(both / plain - 1)
    return Row(f"Recorder beside training, every={EVERY}, CPU", 100 * statistics.median(shares), "%", "< 5 %")


def rows() -> list[Row]:
    torch.set_num_threads(1)
    model, loss_fn, recorder = _model()

    def ours() -> Any:
        # A tolerance that is never met: every point of the grid is computed, as the loop does.
        return tv.explore(model, loss_fn, trajectory=recorder, resolution=POINTS, tolerance=1e-12)

    run = ours()
    xs, ys = run.arrays["xs"], run.arrays["ys"]
    values = plain_loop(model, loss_fn, run.plane, xs, ys)
    if not np.allclose(values, run.arrays["U"], rtol=1e-4, atol=1e-6):
        raise SystemExit("The two did not compute the same points: the comparison would be meaningless.")
    whole = median_seconds(ours, REPEATS)
    peer = median_seconds(lambda: plain_loop(model, loss_fn, run.plane, xs, ys), REPEATS)
    name = f"plain torch loop, {len(xs)} x {len(ys)}, the grid alone"
    return [Row("explore, every point, with path, plane and honesty", whole, "s", ">= 1 x", peer, name),
            large(), recording()]
