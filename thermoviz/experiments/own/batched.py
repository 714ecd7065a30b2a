"""Many points of a module's loss at once: `torch.func.vmap` over its parameters, where the module allows it."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

MOST_MADE = 2**22  # numbers that all operations of one batch of points may make
FEWEST, MOST = 8, 64  # points of a batch: fewer save nothing
_AS_THEY_ARE = ("OptimizedModule", "ScriptModule", "TopLevelTracedModule")  # compiled: not to be traced anew


def at_once(model: Any, parameters: Sequence[Any], evaluate: Callable[[], Any]) -> int:
    """How many points fit into a batch, by the numbers that `evaluate` makes at one point; 0 where none is worth it.

    A rule without a clock, so that the same landscape is computed in the same way each time.
    """
    kinds = {(one.dtype, one.device) for one in parameters}
    if len(kinds) > 1 or parameters[0].element_size() < 4 or parameters[0].is_complex():
        return 0
    if any(type(module).__name__ in _AS_THEY_ARE for module in model.modules()):
        return 0
    try:
        made = _made(evaluate)
    except Exception:
        return 0
    points = min(MOST, MOST_MADE // max(made, 1))
    return points if points >= FEWEST else 0


def _made(evaluate: Callable[[], Any]) -> int:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counting(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            for one in found if isinstance(found, (tuple, list)) else (found,):
                self.numbers += one.numel() if isinstance(one, torch.Tensor) else 0
            return found

    with Counting() as counting:
        evaluate()
    return counting.numbers


def together(model: Any, parameters: Sequence[Any], points: np.ndarray, value: Callable[[], Any]) -> np.ndarray:
    """Values [m] of `value()` with the parameters at points [m, d]. Raises whatever torch raises where it cannot."""
    import torch
    from torch.nn.utils.stateless import _reparametrize_module

    named = {id(one): name for name, one in model.named_parameters()}
    names, shapes = [named[id(one)] for one in parameters], [one.shape for one in parameters]
    sizes = [one.numel() for one in parameters]

    def at(row: Any) -> Any:
        parts = [part.reshape(shape) for part, shape in zip(row.split(sizes), shapes, strict=True)]
        with _reparametrize_module(model, dict(zip(names, parts, strict=True)), tie_weights=True):
            return value()

    rows = torch.as_tensor(np.require(points, requirements="W")).to(parameters[0])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*batching rule.*")  # point by point would be as quick
        found = torch.func.vmap(at, randomness="same")(rows)
    return found.detach().double().cpu().numpy()
