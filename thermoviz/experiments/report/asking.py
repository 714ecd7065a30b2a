"""`report`: what can be measured of somebody's own PyTorch model where it stands, and along its path.

    rec = tv.Recorder(model, every=10)
    ...                           # training by SGD of rate .1, batches of 32
    run = tv.report(model, lambda model, batch: criterion(model(batch[0]), batch[1]), loader, rec, lr=.1, batch_size=32)
    print(run)                    # with criterion = torch.nn.CrossEntropyLoss(reduction="none"): losses [B]
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.errors import BadInput
from ...runs.progress import Progress
from ...runs.run import Run
from ..own.listening import Listening
from ..own.module_loss import ModuleLoss
from ..own.parameters import trainable
from ..own.trajectories import Model, Snapshots, followed, read
from .measurement import Asked, measure
from .samples import Sampled
from .specification import ModelReport

End = tuple[str, np.ndarray]


def report(model: Any, loss_fn: Callable[..., Any], data: Any = None, trajectory: Any = None, *, other: Any = None,
           lr: float | None = None, momentum: float = 0.0, batch_size: int | None = None, k: int = 10,
           probes: int = 32, density: int = 24, snapshots: int = 64, seed: int = 0,
           progress: Progress | bool | None = None) -> Run:
    """What can be measured of one's own model: a Run whose `numbers` are [value, error]; `print(run)` says them.

    model: any torch.nn.Module, given back to the last bit as by `explore`. loss_fn: `loss_fn(model, batch)` with data
    (a DataLoader or any batches), or `loss_fn(model)`; it gives the losses [B] of single samples, or their mean alone:
    then what needs samples is left out. Everything is of the samples given.

    - `eigenvalues`: the k largest of the Hessian; errors: residuals. `trace`, `spectral_density` (its first moments;
      the curve is in `arrays`), `smallest`. The whole Hessian up to 1000 parameters, beyond by Lanczos and `probes`
      random vectors. density: steps of each run of Lanczos for the curve, 0 leaves it out.
    - `noise_trace`, `participation`: of the covariance C of single samples' gradients; `alignment`: tr CH / (|C| |H|);
      `temperature` = lr tr C / (2 B d (1 - momentum)) (Mandt, Hoffman and Blei 2017), for batches of batch_size
      (default: that of data) drawn independently; `critical_batch_size` = tr C / |grad f|^2 (McCandlish et al. 2018).
    - with a trajectory (as in `explore`; of several paths the first): `sharpness`, the largest eigenvalue, along it and
      `edge_of_stability`, the last of them over (2 + 2 momentum) / lr (Cohen et al. 2021); `fluctuation_dissipation`:
      <(theta - a) grad f> over (lr/2) <|g|^2>, 1 in a stationary state (Yaida 2018), for SGD without momentum.
    - `line_barrier`: how far the loss on the straight line to `other` (a model, state_dict, file or vector), or between
      the ends of two paths, or from the start to the end of one, rises above the line between its ends.

    lr, momentum, batch_size: of the training. What is missing is in `numbers["left_out"]` with its reason. progress and
    Ctrl-C: as in `explore`. Raises BadInput before the work for what cannot be measured at all, and for what loss_fn
    raises.
    """
    listening = Listening(progress)
    settings: dict[str, Any] = {"k": k, "probes": probes, "density": density, "snapshots": snapshots, "lr": lr,
                                "momentum": momentum, "batch_size": batch_size, "seed": seed}
    ModelReport("0" * 64, 2, **settings)
    parameters = followed(model, trajectory)
    loss = ModuleLoss(model, loss_fn, parameters, data, samples=True)
    moving = trainable(model) if parameters is None else parameters
    _refuse_rounding(moving)
    known = _names(model, moving)
    paths = [] if trajectory is None else read(known, trajectory)
    ends = _ends(loss.theta, paths, None if other is None else read(known, other)[0])
    with listening, loss.held():
        loss.needs_gradient("a report")
        sampled = Sampled(loss, model, moving, listening.tick)
        if settings["batch_size"] is None and data is not None and sampled.sizes:
            settings["batch_size"] = sampled.sizes[0]
        spec = ModelReport(_contents(sampled, paths, ends), loss.d, **settings)
        return measure(spec, Asked(sampled, loss.theta, paths, ends, _notes(model, paths)), listening)


def _refuse_rounding(parameters: Sequence[Any]) -> None:
    for parameter in parameters:
        if parameter.is_complex():
            raise BadInput("a report needs real parameters: this model has complex ones.")
        if parameter.element_size() < 4:
            raise BadInput("second derivatives of half-precision parameters are those of rounding: "
                           "call model.float() first.")


def _names(model: Any, moving: Sequence[Any]) -> Model:
    named = {id(one): name for name, one in model.named_parameters()}
    return Model([named[id(one)] for one in moving], list(moving))


def _ends(theta: np.ndarray, paths: list[Snapshots], other: Snapshots | None) -> tuple[End, End] | None:
    """Between which points the line is."""
    if other is not None:
        return ("model", theta), ("other", other.theta[-1].astype(theta.dtype))
    if len(paths) > 1:
        one, two = ((path.name, path.theta[-1].astype(theta.dtype)) for path in paths[:2])
        return one, two
    if paths and len(paths[0].theta) > 1:
        start, end = (paths[0].theta[k].astype(theta.dtype) for k in (0, -1))
        return ("start", start), ("end", end)
    return None


def _notes(model: Any, paths: list[Snapshots]) -> tuple[str, ...]:
    import torch

    coupled = any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.training
                  for module in model.modules())
    statistics = any(buffer.is_floating_point() and buffer.numel() for buffer in model.buffers())
    return ("batch_norm",) * coupled + ("buffers",) * (statistics and any(path.buffers is None for path in paths))


def _contents(sampled: Sampled, paths: list[Snapshots], ends: tuple[End, End] | None) -> str:
    """sha256 of where it is asked, of the loss by its values there, and of paths and ends."""
    import torch

    digest = hashlib.sha256()
    with torch.no_grad():
        losses = [one.float().cpu().numpy() for one in sampled.losses(sampled.loss.theta)]
    told = [array for path in paths for array in (path.theta, path.steps)]
    for array in (sampled.loss.theta, *losses, *told, *(theta for _, theta in ends or ())):
        digest.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
