"""What an Energy is, and `force`, the one place where a derivative is taken.

An Energy is any object with `energy(x[..., d]) -> [...]` and `energy.force(x) -> [..., d]`.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..arrays import is_tensor, real
from ..errors import BadInput, ThermovizError


@runtime_checkable
class Energy(Protocol):
    """What particles feel: energies [...] and forces [..., d] at positions x [..., d]."""

    def __call__(self, x: Any) -> Any: ...

    def force(self, x: Any) -> Any: ...


def positions(x: Any, name: str, d: int | None = None, at_least: int = 1) -> np.ndarray:
    """x as float64 [..., d]. Raises BadInput unless its last axis has length `d` (or `at_least`, if d is None)."""
    try:
        array = real(np.asarray(x))
    except (TypeError, ValueError, RuntimeError):  # the last: a torch tensor that asks for its gradient
        raise BadInput(f"{name}: x must be an array of numbers [..., {d or 'd'}].") from None
    found = array.shape[-1] if array.ndim else 0
    if found != d if d is not None else found < at_least:
        wanted = f"{d}" if d is not None else f"at least {at_least}"
        raise BadInput(f"{name}: the last axis of x must have length {wanted}, got shape {array.shape}.")
    return array


def force(energy: Any, x: Any) -> Any:
    """-grad E [..., d] at x [..., d]: the energy's own `force`, else the derivative that torch takes of it.

    A plain callable is given a float64 torch tensor; the answer is a tensor if x is one, else numpy. Raises BadInput
    if the callable cannot be differentiated by torch or does not return one energy per point.
    """
    if hasattr(energy, "force"):
        return energy.force(x)
    import torch

    name = getattr(energy, "__name__", type(energy).__name__)
    given = is_tensor(x)
    at = x.detach() if given else torch.as_tensor(positions(x, name))
    point = (at.clone() if at.is_floating_point() else at.double()).requires_grad_(True)
    try:
        value = energy(point)
        slopes = is_tensor(value) and value.grad_fn is not None
        flat = not slopes and np.array_equal(np.asarray(value), np.asarray(energy(1.37 * point.detach() + 0.61)))
    except ThermovizError:
        raise
    except (TypeError, RuntimeError, AttributeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise BadInput(f"{name}: torch cannot differentiate it ({reason}); write it with torch or give it a "
                       "method force(x).") from None
    if not slopes and not flat:
        raise BadInput(f"{name}: torch cannot differentiate it; write it with torch operations or give it a "
                       "method force(x).")
    if tuple(value.shape) != tuple(point.shape[:-1]):
        raise BadInput(f"{name}: x of shape {tuple(point.shape)} must give energies of shape "
                       f"{tuple(point.shape[:-1])}, got {tuple(value.shape)}.")
    # Without a slope that torch can follow, and the same elsewhere: a constant.
    gradient = torch.autograd.grad(value.sum(), point)[0] if slopes else torch.zeros_like(point)
    return -gradient if given else -gradient.detach().numpy()


class Differentiable:
    """A plain callable made an Energy in float64: torch takes its derivative. Accepts numpy and tensors."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, x: Any) -> Any:
        if is_tensor(x):
            return self.function(x)
        import torch

        return np.asarray(self.function(torch.as_tensor(np.asarray(x, dtype=np.float64))))

    def force(self, x: Any) -> Any:
        """-grad [..., d] by torch autograd. Raises BadInput as `force`."""
        return force(self.function, x)


def as_energy(energy: Any) -> Any:
    """The energy itself if it has a force, else the plain callable with torch's derivative. Raises BadInput."""
    if hasattr(energy, "force") and callable(energy):
        return energy
    if not callable(energy):
        raise BadInput(f"energy must be callable, x [..., d] -> [...], got {type(energy).__name__}.")
    return Differentiable(energy)


def value_and_force(energy: Any, x: Any) -> tuple[Any, Any]:
    """(E [...], force [..., d]), in one pass where the energy knows how."""
    if hasattr(energy, "value_and_force"):
        return energy.value_and_force(x)
    return energy(x), energy.force(x)
