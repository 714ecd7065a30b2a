"""A module's parameters as one vector of numbers, in the order of `torch.nn.utils.parameters_to_vector`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import BadInput


def trainable(model: Any) -> list[Any]:
    """The parameters that training moves. Raises BadInput for what is no torch module, has none, or none yet."""
    import torch

    if not isinstance(model, torch.nn.Module):
        raise BadInput(f"the model must be a torch.nn.Module, got {type(model).__name__}.")
    for name, parameter in model.named_parameters():
        _refuse_empty(name, parameter)
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if sum(map(size, found)) < 2:
        raise BadInput("the model must have at least two trainable parameters (requires_grad).")
    return found


def _refuse_empty(name: str, parameter: Any) -> None:
    import torch

    if torch.nn.parameter.is_lazy(parameter):
        raise BadInput(f"parameter {name} is lazy and has no values yet: send one batch through the model first.")
    if parameter.device.type == "meta":
        raise BadInput(f"parameter {name} lies on the meta device and has no values: load the model's weights first.")
    if parameter.layout != torch.strided:
        raise BadInput(f"parameter {name} is {parameter.layout}: only dense parameters can be moved on a plane.")


def size(parameter: Any) -> int:
    """How many numbers it holds: two for each complex one."""
    return parameter.numel() * (2 if parameter.is_complex() else 1)


def numbers(tensor: Any) -> np.ndarray:
    """Its numbers [size], float32, or float64 where it is of double precision."""
    import torch

    real = torch.view_as_real(tensor.detach().resolve_conj()) if tensor.is_complex() else tensor.detach()
    return (real if real.dtype == torch.float64 else real.float()).cpu().numpy().ravel()


def flat(tensors: Sequence[Any]) -> np.ndarray:
    """All their numbers [d]: float64 as soon as one of them is of double precision. Always a copy."""
    return np.concatenate([numbers(tensor) for tensor in tensors])


LAYERS = ("all", "weights")


def inside(model: Any, parameters: Sequence[Any], layers: str) -> np.ndarray | None:
    """Which of their numbers [d] the directions of a plane may move; None for all of them.

    layers: "weights" leaves out biases and norm layers, as in Li et al. 2018 (`ignore="biasbn"` in their code): every
    parameter with fewer than two axes, and whatever torch's norm layers hold. Raises BadInput.
    """
    if layers not in LAYERS:
        raise BadInput(f"layers must be one of {', '.join(LAYERS)}, got {layers!r}.")
    if layers == "all":
        return None
    norms = {id(one) for module in model.modules() if _is_norm(module) for one in module.parameters()}
    found = np.concatenate([np.full(size(one), one.ndim > 1 and id(one) not in norms) for one in parameters])
    if found.sum() < 2:
        raise BadInput("layers='weights' leaves fewer than two trainable numbers: the model has no other weights.")
    return found


def _is_norm(module: Any) -> bool:
    import torch

    nn = torch.nn
    kinds: Any = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
    return isinstance(module, kinds) or "RMSNorm" in type(module).__name__


def move(parameters: Sequence[Any], point: np.ndarray) -> None:
    """Sets the parameters to the numbers of `point` [d]."""
    import torch

    at = 0
    with torch.no_grad():
        for parameter in parameters:
            values = torch.as_tensor(np.require(point[at:at + size(parameter)], requirements="W"))
            seen = torch.view_as_real(parameter) if parameter.is_complex() else parameter
            seen.copy_(values.reshape(seen.shape))
            at += size(parameter)
