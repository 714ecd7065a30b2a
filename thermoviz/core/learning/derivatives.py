"""What curves the loss and what makes it noisy, exactly: second derivatives and single-sample gradients.

All in float64, with derivatives written out: back-propagation per sample, and Pearlmutter's R-operator ("Fast
exact multiplication by the Hessian", Neural Computation 6, 1994) for Hessian-vector products. Leading eigenpairs by
Lanczos (ARPACK through scipy). Everything here concerns the data energy; NetworkLoss adds the regularisers.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy

from ..errors import BadInput, ThermovizError
from ..seeds import rng

# Matrices [d, d] are formed up to here.
LARGEST_MATRIX = 1000
# Numbers held at once by intermediate arrays (32 MB), and by a result (2 GB).
_CHUNK, _LARGEST_RESULT = 4_000_000, 250_000_000
# Numbers in the outputs' derivatives of several networks at once (512 KB): in the processor's cache.
_CHUNK_OF_HESSIANS = 64_000
# Below this, all eigenpairs together are cheaper than Lanczos.
_DENSE = 64


class Pass(NamedTuple):
    """A forward pass: inputs h of each layer, activation' and '' at the hidden sums, outputs, dl/d outputs."""

    h: list[np.ndarray]
    slope: list[np.ndarray]
    bend: list[np.ndarray]
    outputs: np.ndarray
    residual: np.ndarray


def _turned(matrix: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrix, -1, -2)


def _linear(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return z, np.ones_like(z), np.zeros_like(z)


def _tanh(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = np.tanh(z)
    slope = 1 - h * h
    return h, slope, -2 * h * slope


def _relu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.maximum(z, 0), (z > 0).astype(z.dtype), np.zeros_like(z)


def _sigmoid(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = 0.5 * (1 + np.tanh(0.5 * z))
    slope = h * (1 - h)
    return h, slope, slope * (1 - 2 * h)


def _gelu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    below, density = scipy.special.ndtr(z), np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return z * below, below + z * density, density * (2 - z * z)


# Activation and its first two derivatives.
_ACTIVATIONS = {"linear": _linear, "tanh": _tanh, "relu": _relu, "gelu": _gelu, "sigmoid": _sigmoid}


class ExactNetwork:
    """One network's derivatives on one problem: x [N, p], targets [N, k] (classes as rows of zeros and a one)."""

    def __init__(self, sizes: tuple[int, ...], activation: str, task: str, x: np.ndarray,
                 targets: np.ndarray) -> None:
        self._shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
        self._activation = _ACTIVATIONS[activation]
        self._task = task
        self._x, self._targets = np.asarray(x, np.float64), np.asarray(targets, np.float64)
        self.d = sum((fan_in + 1) * fan_out for fan_in, fan_out in self._shapes)
        self.n = len(x)

    def per_sample_gradients(self, theta: np.ndarray) -> np.ndarray:
        """[N, d]."""
        if self.n * self.d > _LARGEST_RESULT:
            raise BadInput(f"{self.n} gradients of {self.d} numbers do not fit in memory: "
                           "use gradient_noise_trace or leading_eigenpairs(of='noise').")
        run = self._forward(theta)
        gradients = np.empty((self.n, self.d))
        self._fill_gradients(theta, run, slice(None), gradients)
        return gradients

    def gradient_covariance(self, theta: np.ndarray) -> np.ndarray:
        """[d, d]: mean of (g - mean g)(g - mean g)^T over the samples."""
        self._refuse_large("gradient_covariance", "gradient_noise_trace or leading_eigenpairs(of='noise')")
        run = self._forward(theta)
        mean = self._weighted_gradient(theta, run, np.full(self.n, 1 / self.n))
        total = np.zeros((self.d, self.d))
        step = max(1, _CHUNK // self.d)
        for start in range(0, self.n, step):
            part = slice(start, min(start + step, self.n))
            gradients = np.empty((part.stop - part.start, self.d))
            self._fill_gradients(theta, run, part, gradients)
            gradients -= mean
            total += gradients.T @ gradients
        return total / self.n

    def gradient_noise_trace(self, theta: np.ndarray) -> np.ndarray:
        """tr C = mean |g|^2 - |mean g|^2, |g|^2 = sum over layers |dl/dz|^2 (|h|^2 + 1) (Goodfellow 2015).

        theta [..., d] -> [...].
        """
        run = self._forward(theta)
        mean = self._weighted_gradient(theta, run, np.full(self.n, 1 / self.n))
        squares = np.zeros((*theta.shape[:-1], self.n))
        for layer, delta in self._backward(theta, run, run.residual):
            squares += (delta**2).sum(-1) * ((run.h[layer] ** 2).sum(-1) + 1)
        return np.maximum(0.0, squares.mean(-1) - (mean**2).sum(-1))

    def hvp(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Hessian of the mean loss times each row of v [m, d]."""
        run = self._forward(theta)
        widest = max(max(shape) for shape in self._shapes)
        step = max(1, _CHUNK // (self.n * widest))
        parts = [self._hvp(theta, run, v[start:start + step]) for start in range(0, len(v), step)]
        return np.concatenate(parts) if parts else np.zeros_like(v)

    def cvp(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Covariance of single-sample gradients times each row of v [m, d]."""
        run = self._forward(theta)
        return np.stack([self._covariance_times(theta, run, row) for row in v]) if len(v) else np.zeros_like(v)

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """[d, d], symmetric to the last bit."""
        self._refuse_large("hessian", "hvp or leading_eigenpairs")
        matrix = self._hessian_of_one_layer(theta) if self._in_one_go() else self.hvp(theta, np.eye(self.d))
        return 0.5 * (matrix + matrix.T)

    def sharpness(self, thetas: np.ndarray) -> np.ndarray:
        """Largest eigenvalue of the Hessian at each of thetas [m, d]: [m]."""
        if self.d > _DENSE or not self._in_one_go():
            return np.array([self.leading_eigenpairs(theta, 1, "hessian")[0][0] for theta in thetas])
        step = max(1, _CHUNK_OF_HESSIANS // (self.n * self.d * self._shapes[1][1]))
        return np.concatenate([np.linalg.eigvalsh(self._hessian_of_one_layer(thetas[start:start + step]))[:, -1]
                               for start in range(0, len(thetas), step)])

    def _in_one_go(self) -> bool:
        """Whether the outputs' derivatives by all parameters fit in memory: then a Hessian is a product of these."""
        return len(self._shapes) == 2 and self.n * self.d * self._shapes[1][1] <= _CHUNK

    def _hessian_of_one_layer(self, theta: np.ndarray) -> np.ndarray:
        """Of one hidden layer, several times as quick as d products: J^T L J, with J the outputs' derivatives by theta
        and L the second ones of the loss by outputs, and what second derivatives of the outputs add.
        """
        run, (inputs, units), outputs = self._forward(theta), self._shapes[0], self._shapes[1][1]
        W, first = self._weights(theta)[1][0], (inputs + 1) * units
        several = theta.shape[:-1]
        x, h = (np.concatenate([values, np.ones((*values.shape[:-1], 1))], axis=-1) for values in run.h)
        # of each unit, by its own weights
        moved = (x[:, :, None] * run.slope[0][..., None, :]).reshape(*several, self.n, first)
        J = np.zeros((outputs, *several, self.n, self.d))
        for c in range(outputs):
            np.multiply(moved, np.tile(W[..., None, :, c], inputs + 1), out=J[c, ..., :first])
            J[c, ..., first + c::outputs] = h
        H = np.zeros((*several, self.d, self.d))
        for c, unit in enumerate(np.eye(outputs)):
            bent = np.broadcast_to(self._output_curvature(run, unit), (*several, self.n, outputs))
            H += _turned(J[c]) @ np.einsum("...ne,e...nd->...nd", bent, J)
        bend = run.residual @ _turned(W) * run.bend[0]
        for j in range(units):
            H[..., j:first:units, j:first:units] += x.T @ (x * bend[..., j, None])
        rows = np.arange(first)[:, None]
        columns = first + rows % units * outputs + np.arange(outputs)
        mixed = _turned(moved) @ run.residual
        H[..., rows, columns] += mixed
        H[..., columns, rows] += mixed
        return H / self.n

    def sample_hessians(self, theta: np.ndarray) -> np.ndarray:
        """[N, d, d]: the Hessian of each sample's own loss."""
        if self.n * self.d**2 > _LARGEST_RESULT:
            raise BadInput(f"{self.n} Hessians of {self.d} x {self.d} numbers do not fit in memory: use hvp.")
        return np.moveaxis(self._sample_hvp(theta, self._forward(theta), np.eye(self.d)), 0, -1)

    def leading_eigenpairs(self, theta: np.ndarray, k: int, of: str) -> tuple[np.ndarray, np.ndarray]:
        """(values [k] from the largest down, vectors [k, d]) of the Hessian or of the noise covariance."""
        if of not in ("hessian", "noise"):
            raise BadInput(f"of must be 'hessian' or 'noise', got {of!r}.")
        most = self.d if self.d <= LARGEST_MATRIX else self.d // 2
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= most:
            raise BadInput(f"k must be a whole number from 1 to {most} for d = {self.d}, got {k!r}.")
        if self.d <= _DENSE or (2 * k >= self.d and self.d <= LARGEST_MATRIX):
            matrix = self.hessian(theta) if of == "hessian" else self.gradient_covariance(theta)
            values, vectors = np.linalg.eigh(matrix)
        else:
            values, vectors = self._lanczos(theta, k, of)
        order = np.argsort(values)[::-1][:k]
        return values[order], vectors.T[order]

    def _lanczos(self, theta: np.ndarray, k: int, of: str) -> tuple[np.ndarray, np.ndarray]:
        run = self._forward(theta)

        def apply(v: np.ndarray) -> np.ndarray:
            v = np.ravel(v)
            if of == "hessian":
                return self._hvp(theta, run, v[None])[0]
            return self._covariance_times(theta, run, v)

        operator = scipy.sparse.linalg.LinearOperator((self.d, self.d), matvec=apply, dtype=np.float64)
        try:
            # A start of our own makes the answer a function of theta alone.
            start = rng(0, "lanczos").standard_normal(self.d)
            return scipy.sparse.linalg.eigsh(operator, k, which="LA", v0=start)
        except scipy.sparse.linalg.ArpackNoConvergence:
            raise ThermovizError(f"Lanczos found fewer than {k} eigenpairs ({of}): ask for fewer.") from None

    # Passes through the layers

    def _weights(self, theta: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """(W [..., fan_in, fan_out], b [..., 1, fan_out]) per layer of theta [..., d]."""
        layers, at = [], 0
        for fan_in, fan_out in self._shapes:
            end = at + fan_in * fan_out
            layers.append((theta[..., at:end].reshape(*theta.shape[:-1], fan_in, fan_out),
                           theta[..., None, end:end + fan_out]))
            at = end + fan_out
        return layers

    def _forward(self, theta: np.ndarray) -> Pass:
        layers = self._weights(theta)
        h, slope, bend = [self._x], [], []
        for W, b in layers[:-1]:
            value, first, second = self._activation(h[-1] @ W + b)
            h.append(value)
            slope.append(first)
            bend.append(second)
        z = h[-1] @ layers[-1][0] + layers[-1][1]
        if self._task == "regression":
            return Pass(h, slope, bend, z, (z - self._targets) / z.shape[-1])
        p = np.exp(z - z.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        return Pass(h, slope, bend, p, p - self._targets)

    def _backward(self, theta: np.ndarray, run: Pass, delta: np.ndarray) -> Any:
        """Yields (layer, dl/dz [..., N, fan_out]) from the last layer to the first."""
        layers = self._weights(theta)
        for layer in range(len(layers) - 1, -1, -1):
            yield layer, delta
            if layer:
                delta = (delta @ _turned(layers[layer][0])) * run.slope[layer - 1]

    def _fill_gradients(self, theta: np.ndarray, run: Pass, part: slice, gradients: np.ndarray) -> None:
        """gradients [n, d] <- those of the samples in `part`."""
        parts = self._weights(gradients)
        for layer, delta in self._backward(theta, run, run.residual):
            W, b = parts[layer]
            np.multiply(run.h[layer][part, :, None], delta[part, None, :], out=W)
            b[:, 0] = delta[part]

    def _weighted_gradient(self, theta: np.ndarray, run: Pass, weights: np.ndarray) -> np.ndarray:
        """sum over samples of weights[i] g_i, theta [..., d] -> [..., d]."""
        total = np.empty(theta.shape)
        parts = self._weights(total)
        for layer, delta in self._backward(theta, run, run.residual * weights[:, None]):
            parts[layer][0][:] = _turned(run.h[layer]) @ delta
            parts[layer][1][:] = delta.sum(-2, keepdims=True)
        return total

    def _tangents(self, theta: np.ndarray, run: Pass, v: np.ndarray) -> tuple[list[Any], list[np.ndarray]]:
        """Derivatives along v [..., d] of each layer's input h (None: 0) and sum z, [..., N, units]."""
        layers, along = self._weights(theta), self._weights(v)
        of_h: list[Any] = [None]
        of_z: list[np.ndarray] = []
        for layer, ((W, _), (V, c)) in enumerate(zip(layers, along, strict=True)):
            z = run.h[layer] @ V + c
            if layer:
                z = z + of_h[layer] @ W
            of_z.append(z)
            if layer < len(layers) - 1:
                of_h.append(run.slope[layer] * z)
        return of_h, of_z

    def _hvp(self, theta: np.ndarray, run: Pass, v: np.ndarray) -> np.ndarray:
        """v [m, d] -> [m, d], mean over samples."""
        result = np.empty_like(v)
        parts = self._weights(result)
        for layer, delta, change, of_h in self._backward_along(theta, run, v):
            W, b = parts[layer]
            W[:] = run.h[layer].T @ change
            if layer:
                W += _turned(of_h) @ delta
            b[:] = change.sum(-2, keepdims=True)
        return result / self.n

    def _sample_hvp(self, theta: np.ndarray, run: Pass, v: np.ndarray) -> np.ndarray:
        """v [m, d] -> [m, N, d], of each sample's own loss."""
        result = np.empty((len(v), self.n, self.d))
        parts = self._weights(result)
        for layer, delta, change, of_h in self._backward_along(theta, run, v):
            W, b = parts[layer]
            W[:] = run.h[layer][:, :, None] * change[..., None, :]
            if layer:
                W += of_h[..., :, None] * delta[:, None, :]
            b[..., 0, :] = change
        return result

    def _backward_along(self, theta: np.ndarray, run: Pass, v: np.ndarray) -> Any:
        """Yields (layer, dl/dz [N, fan_out], its derivative along v [..., N, fan_out], that of the layer's input)."""
        layers, along = self._weights(theta), self._weights(v)
        of_h, of_z = self._tangents(theta, run, v)
        delta, change = run.residual, self._output_curvature(run, of_z[-1])
        for layer in range(len(layers) - 1, -1, -1):
            yield layer, delta, change, of_h[layer]
            if layer:
                back = delta @ layers[layer][0].T
                back_change = change @ layers[layer][0].T + delta @ _turned(along[layer][0])
                change = back_change * run.slope[layer - 1] + back * run.bend[layer - 1] * of_z[layer - 1]
                delta = back * run.slope[layer - 1]

    def _output_curvature(self, run: Pass, along: np.ndarray) -> np.ndarray:
        """Second derivative of each sample's loss by its outputs, times `along` [..., N, k]."""
        if self._task == "regression":
            return along / along.shape[-1]
        p = run.outputs
        return p * (along - (p * along).sum(-1, keepdims=True))

    def _covariance_times(self, theta: np.ndarray, run: Pass, v: np.ndarray) -> np.ndarray:
        """C v = mean of (g.v - mean g.v) g, from directional derivatives and one weighted gradient."""
        along = (run.residual * self._tangents(theta, run, v)[1][-1]).sum(-1)
        return self._weighted_gradient(theta, run, (along - along.mean()) / self.n)

    def _refuse_large(self, what: str, instead: str) -> None:
        if self.d > LARGEST_MATRIX:
            raise BadInput(f"{what} forms a matrix [d, d] and takes d <= {LARGEST_MATRIX}, got d = {self.d}: "
                           f"use {instead}.")
