"""The same networks in torch: losses and hand-written gradients of many at once, on any device; modules."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import BadInput

# Numbers that a layer of all networks of one chunk holds at once (64 MB in float32).
_CHUNK = 16_000_000


def _gelu_slope(z: Tensor, h: Tensor) -> Tensor:
    density = torch.exp(-0.5 * z * z) * (2 * torch.pi) ** -0.5
    return torch.special.ndtr(z) + z * density


Activation = tuple[type[nn.Module], Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
# name -> (module, activation(z), its derivative from z and h = activation(z)).
_ACTIVATIONS: dict[str, Activation] = {
    "tanh": (nn.Tanh, torch.tanh, lambda z, h: 1 - h * h),
    "relu": (nn.ReLU, torch.relu, lambda z, h: (z > 0).to(z.dtype)),
    "gelu": (nn.GELU, nn.functional.gelu, _gelu_slope),
    "sigmoid": (nn.Sigmoid, torch.sigmoid, lambda z, h: h * (1 - h)),
    "linear": (nn.Identity, lambda z: z, lambda z, h: torch.ones_like(z)),
}


class TorchNetworks:
    """One learning problem in torch, with the methods of `compiled.CompiledNetworks`.

    x [n, p], targets [n, k] (classes as rows of zeros and a one); device and dtype are those of `like`.
    """

    def __init__(self, layers: Sequence[Any], activation: str, task: str, x: np.ndarray, targets: np.ndarray,
                 like: Tensor) -> None:
        self._layers, self._task = layers, task
        _, self._activation, self._slope = _ACTIVATIONS[activation]
        self._x, self._targets = (torch.as_tensor(np.array(table), dtype=like.dtype, device=like.device)
                                  for table in (x, targets))
        self._widest = max(max(layer.shape) for layer in layers)

    def energy(self, theta: Tensor, l2: float, l1: float) -> Tensor:
        """[n, d] -> [n]."""
        return self.batch(theta, None, l2, l1, with_force=False)[0]

    def energy_and_force(self, theta: Tensor, l2: float, l1: float) -> tuple[Tensor, Tensor]:
        """[n, d] -> [n], [n, d]."""
        return self.batch(theta, None, l2, l1, with_force=True)

    def correct(self, theta: Tensor) -> Tensor:
        """Share of samples whose largest output is their class, [n, d] -> [n]."""
        right = self._targets.argmax(-1)
        return torch.cat([(self._forward(part, self._x)[0][-1].argmax(-1) == right).to(theta.dtype).mean(-1)
                          for part in self._chunks(theta, len(self._x))])

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        """[n, d], [m, p] -> [n, m, k]."""
        return torch.cat([self._forward(part, x)[0][-1] for part in self._chunks(theta, len(x))])

    @torch.no_grad()
    def batch(self, theta: Tensor, indices: Any, l2: float, l1: float,
              with_force: bool) -> tuple[Tensor, Tensor]:
        """Energies [n] and forces [n, d]; indices [n, B], [B] (-1: no sample) or None (all samples)."""
        energies, forces, at = [], [], 0
        chosen = None if indices is None else torch.as_tensor(indices, device=theta.device)
        samples = len(self._x) if chosen is None else chosen.shape[-1]
        ragged = indices is not None and bool((indices < 0).any())  # asked of the caller's array: no wait for a device
        for part in self._chunks(theta, samples):
            rows = chosen[at:at + len(part)] if chosen is not None and chosen.ndim == 2 else chosen
            energy, gradient = self._evaluate(part, rows, with_force, ragged)
            # An infinite weight behind a saturated unit would leave the loss finite: 0 x inf = NaN tells.
            poison = (0 * part).sum(-1)
            energies.append(energy + 0.5 * l2 * (part * part).sum(-1) + l1 * part.abs().sum(-1) + poison)
            if with_force:
                forces.append(poison[:, None] - gradient - l2 * part - l1 * part.sign())
            at += len(part)
        return torch.cat(energies), torch.cat(forces) if with_force else theta[:0]

    def _chunks(self, theta: Tensor, samples: int) -> Iterator[Tensor]:
        yield from theta.split(max(1, _CHUNK // max(1, samples * self._widest)))

    def _evaluate(self, theta: Tensor, rows: Tensor | None, with_force: bool, ragged: bool) -> tuple[Tensor, Tensor]:
        x, targets = (self._x, self._targets) if rows is None else (self._x[rows], self._targets[rows])
        weight = _shares(rows, x) if ragged else torch.full(x.shape[-2:-1], 1 / x.shape[-2], dtype=x.dtype,
                                                            device=x.device)
        values, sums = self._forward(theta, x)
        z = values[-1]
        if self._task == "classification":
            logs = z - torch.logsumexp(z, -1, keepdim=True)
            energy = -((logs * targets).sum(-1) * weight).sum(-1)
            delta = logs.exp() - targets if with_force else z
        else:
            energy = 0.5 * ((z - targets).square().mean(-1) * weight).sum(-1)
            delta = (z - targets) / z.shape[-1]
        return energy, self._backward(theta, values, sums, delta * weight[..., None]) if with_force else z

    def _forward(self, theta: Tensor, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Values of all layers (inputs first, outputs last) and the hidden sums, [n, samples, units]."""
        values, sums = [x.expand(len(theta), *x.shape[-2:])], []
        for layer in self._layers:
            z = torch.baddbmm(theta[:, None, layer.bias], values[-1], self._weight(theta, layer))
            last = layer is self._layers[-1]
            values.append(z if last else self._activation(z))
            sums.append(z)
        return values, sums

    def _backward(self, theta: Tensor, values: list[Tensor], sums: list[Tensor], delta: Tensor) -> Tensor:
        gradient = torch.empty_like(theta)
        for k in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[k]
            gradient[:, layer.weight] = (values[k].transpose(1, 2) @ delta).flatten(1)
            gradient[:, layer.bias] = delta.sum(1)
            if k:
                delta = delta @ self._weight(theta, layer).transpose(1, 2)
                delta *= self._slope(sums[k - 1], values[k])
        return gradient

    @staticmethod
    def _weight(theta: Tensor, layer: Any) -> Tensor:
        return theta[:, layer.weight].reshape(len(theta), *layer.shape)


def _shares(rows: Any, x: Tensor) -> Tensor:
    """What each sample of rows [..., B] counts in the mean: nothing where there is none (-1)."""
    there = (rows >= 0).to(x.dtype)
    return there / there.sum(-1, keepdim=True)


def module_of(theta: np.ndarray, layers: Sequence[Any], activation: str, dtype: str) -> nn.Sequential:
    """torch.nn.Sequential with Linear layers and activations between them, holding theta [d]."""
    parts: list[nn.Module] = []
    for layer in layers:
        fan_in, fan_out = layer.shape
        linear = nn.Linear(fan_in, fan_out, dtype=getattr(torch, dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(theta[layer.weight].reshape(layer.shape).T))
            linear.bias.copy_(torch.from_numpy(theta[layer.bias]))
        parts += [linear, _ACTIVATIONS[activation][0]()]
    return nn.Sequential(*parts[:-1])


def parameters_of(module: Any, sizes: tuple[int, ...], activation: str) -> np.ndarray:
    """theta [d], float64, of a Sequential of Linear layers and one activation. Raises BadInput on others."""
    if not isinstance(module, nn.Module):
        raise BadInput(f"a torch module is needed, got {type(module).__name__}.")
    parts = list(_flat(module))
    linears = [part for part in parts if isinstance(part, nn.Linear)]
    widths = (linears[0].in_features, *(part.out_features for part in linears)) if linears else ()
    if widths != sizes:
        raise BadInput(f"the module has widths {'-'.join(map(str, widths)) or 'none'}, "
                       f"this network {'-'.join(map(str, sizes))}.")
    if any(part.bias is None for part in linears):
        raise BadInput("every Linear layer of the module must have a bias.")
    kinds = [type(part) for part in parts if not isinstance(part, nn.Identity)]
    if kinds != _expected(len(linears), activation):
        raise BadInput(f"the module must be a Sequential of Linear layers with {activation} between them, "
                       f"got {', '.join(type(part).__name__ for part in parts)}.")
    if any(isinstance(part, nn.GELU) and part.approximate != "none" for part in parts):
        raise BadInput("gelu is the exact one here: nn.GELU(approximate='none').")
    with torch.no_grad():
        pieces = [piece.double().cpu().numpy() for part in linears for piece in (part.weight.T, part.bias)]
    return np.concatenate([piece.ravel() for piece in pieces])


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from _flat(part)
    else:
        yield module


def _expected(linears: int, activation: str) -> list[type[nn.Module]]:
    between = [] if activation == "linear" else [_ACTIVATIONS[activation][0]]
    return [nn.Linear, *([*between, nn.Linear] * (linears - 1))]
