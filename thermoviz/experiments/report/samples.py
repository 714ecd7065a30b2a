"""The loss of somebody's own module sample by sample at one point: gradient, Hessian, and covariance of gradients.

Products of blocks of vectors [n, d] share one forward pass a batch, and of a single batch its graph is kept.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ...core.errors import BadInput
from ...core.seeds import rng
from ..own.module_loss import ModuleLoss, loss_in
from ..own.parameters import move, size

BLOCK = 64  # vectors in one block of a whole matrix


class Sampled:
    """A module's loss over batches of samples; to be used within `loss.held()`.

    sizes: samples in each batch; None where loss_fn gives a mean alone, and all batches count alike. n: all samples.
    """

    def __init__(self, loss: ModuleLoss, model: Any, parameters: Sequence[Any], tick: Callable[[], None]) -> None:
        self.loss, self.model, self.parameters, self.d = loss, model, list(parameters), loss.d
        self._tick = tick
        found = [self._sized(losses) for losses in self.losses(loss.theta)]
        single = all(one is None for one in found)
        self.sizes = None if single else [1 if one is None else one for one in found]
        self.n = None if self.sizes is None else sum(self.sizes)
        self.batches = len(found)

    def losses(self, theta: np.ndarray, prepare: Callable[[], None] | None = None) -> Iterator[Any]:
        """What loss_fn gives for each batch, as tensors [B] or single numbers."""
        for call in self.loss.calls():
            with _twice_differentiable():
                found = loss_in(self.loss.answer(theta, call, prepare))
            self._tick()
            yield found

    @staticmethod
    def _sized(losses: Any) -> int | None:
        if losses.ndim > 1:
            raise BadInput(f"loss_fn must give the losses [B] of single samples, or their mean, "
                           f"got shape {list(losses.shape)}.")
        return None if losses.ndim == 0 else len(losses)

    def weighted(self, losses: Any) -> Any:
        """What a batch adds to the mean over all samples, as one number."""
        return losses.sum() / (self.batches if self.n is None else self.n)

    def value(self, theta: np.ndarray) -> float:
        """The loss at theta [d]."""
        import torch

        with torch.no_grad():
            return float(sum(float(self.weighted(losses)) for losses in self.losses(theta)))

    def at(self, theta: np.ndarray, buffers: np.ndarray | None = None) -> "Point":
        """The same at one point, with the buffers that belong to it."""
        return Point(self, theta, buffers)


class Point:
    """Gradient, Hessian and covariance C of single-sample gradients (centred, divided by n) at theta [d]."""

    def __init__(self, sampled: Sampled, theta: np.ndarray, buffers: np.ndarray | None = None) -> None:
        self._all, self._theta, self.d, self.dtype = sampled, theta, sampled.d, theta.dtype
        self._prepare = None if buffers is None else lambda: move(list(sampled.model.buffers()), buffers)
        self._kept: list[tuple[Any, Any]] | None = None
        self.products, self.by_differences = 0, False

    @functools.cached_property
    def gradient(self) -> np.ndarray:
        """[d]."""
        return self._flat_sum(slopes for _, slopes in self._sloped(twice=False))

    @functools.cached_property
    def loss(self) -> float:
        """The mean over all samples."""
        return self._all.value(self._theta)

    def hessian(self, block: np.ndarray) -> np.ndarray:
        """H v [n, d] of vectors [n, d]: differentiated twice, or by differences of gradients where that fails."""
        self.products += len(block)
        if not self.by_differences:
            try:
                return self._twice(block)
            except (RuntimeError, NotImplementedError):
                self.by_differences = True
        return np.stack([self._difference(vector) for vector in block])

    def matrix(self, products: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """[d, d] of products, column by column."""
        columns = np.eye(self.d, dtype=self.dtype)
        return np.concatenate([products(columns[k:k + BLOCK]) for k in range(0, self.d, BLOCK)]).astype(np.float64)

    def noise(self, block: np.ndarray) -> np.ndarray:
        """C v [n, d] of vectors [n, d]."""
        import torch

        total, mean = np.zeros_like(block), block.astype(np.float64) @ self.gradient
        for losses in self._graphs():
            weights = torch.zeros_like(losses, requires_grad=True)
            slopes = torch.autograd.grad(losses, self._parameters, weights, create_graph=True, allow_unused=True)
            for k, vector in enumerate(block):
                known, parts = self._paired(slopes, vector)
                along = torch.autograd.grad(known, weights, parts, retain_graph=True)[0] - float(mean[k])
                back = torch.autograd.grad(losses, self._parameters, along / (self._all.n or 1), retain_graph=True,
                                           allow_unused=True)
                total[k] += self._flat(back)
        return total

    def squares(self, seed: int) -> float:
        """The mean of single samples' |g|^2, estimated without bias by random signs, one for each sample."""
        import torch

        draw, found = rng(seed, "signs"), 0.0
        for losses in self._graphs():
            signs = torch.as_tensor(2 * draw.integers(0, 2, len(losses)) - 1).to(losses)
            pushed = self._flat(torch.autograd.grad(losses, self._parameters, signs, allow_unused=True))
            found += float(np.dot(pushed, pushed))
        return found / (self._all.n or 1)

    @property
    def _parameters(self) -> list[Any]:
        return self._all.parameters

    def _graphs(self) -> Iterator[Any]:
        import torch

        with torch.enable_grad():
            for losses in self._all.losses(self._theta, self._prepare):
                yield losses.reshape(-1)

    def _sloped(self, twice: bool) -> Iterator[tuple[Any, Any]]:
        """(what a batch adds to the loss, its slopes), of a single batch kept."""
        import torch

        if self._kept is not None and twice:
            yield from self._kept
            return
        for losses in self._graphs():
            part = self._all.weighted(losses)
            slopes = torch.autograd.grad(part, self._parameters, create_graph=twice, allow_unused=True)
            if twice and self._all.batches == 1:
                self._kept = [(part, slopes)]
            yield part, slopes

    def _twice(self, block: np.ndarray) -> np.ndarray:
        import torch

        total = np.zeros_like(block)
        for _, slopes in self._sloped(twice=True):
            for k, vector in enumerate(block):
                known, parts = self._paired(slopes, vector)
                if known:
                    total[k] += self._flat(torch.autograd.grad(known, self._parameters, parts, retain_graph=True,
                                                               allow_unused=True))
        return total

    def _difference(self, vector: np.ndarray) -> np.ndarray:
        step = np.finfo(self.dtype).eps ** (1 / 3) * max(1.0, float(np.abs(self._theta).max())) / max(
            float(np.abs(vector).max()), 1e-300)
        ahead, behind = (Point(self._all, (self._theta + sign * step * vector).astype(self.dtype)).gradient
                         for sign in (1, -1))
        return ((ahead - behind) / (2 * step)).astype(self.dtype)

    def _paired(self, slopes: Sequence[Any], vector: np.ndarray) -> tuple[list[Any], list[Any]]:
        """The slopes that depend on anything, and the vector's parts beside them."""
        pairs = [(slope, part) for slope, part in zip(slopes, self._parts(vector), strict=True)
                 if slope is not None and slope.requires_grad]
        return [slope for slope, _ in pairs], [part for _, part in pairs]

    def _parts(self, vector: np.ndarray) -> list[Any]:
        import torch

        ends = np.cumsum([size(parameter) for parameter in self._parameters])[:-1]
        return [torch.as_tensor(part).to(parameter).reshape(parameter.shape)
                for part, parameter in zip(np.split(vector, ends), self._parameters, strict=True)]

    def _flat(self, gradients: Sequence[Any]) -> np.ndarray:
        parts = [np.zeros(size(parameter), self.dtype) if gradient is None
                 else gradient.detach().to_dense().reshape(-1).cpu().numpy()
                 for parameter, gradient in zip(self._parameters, gradients, strict=True)]
        return np.concatenate(parts, dtype=self.dtype)

    def _flat_sum(self, each: Iterator[Any]) -> np.ndarray:
        total = np.zeros(self.d, self.dtype)
        for slopes in each:
            total += self._flat(slopes)
        return total


@contextmanager
def _twice_differentiable() -> Iterator[None]:
    """Attention in the form that can be differentiated twice."""
    import torch

    with ExitStack() as around:
        around.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        yield
