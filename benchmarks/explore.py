"""One's own torch module: `explore` beside the loop that everyone writes first, over the same module and grid."""

from typing import Any

import numpy as np
import torch

import thermoviz as tv

from .clock import Row, median_seconds

POINTS, REPEATS = 61, 3


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
    return [Row("explore, every point, with path, plane and honesty", whole, "s", ">= 1 x", peer, name)]
