"""Directions in parameter space that planes are made of: filter-normalised, stiff, and noisy ones."""

from typing import Any

import numpy as np

from ..arrays import real
from ..energies.protocol import force
from ..errors import BadInput
from .pca import DEPENDENT, leading_components, spans_plane

_NO_NOISE = "the gradient noise here has fewer than two directions: choose another plane."


def filter_normalised(theta: np.ndarray, loss: Any, generator: np.random.Generator) -> np.ndarray:
    """[2, d]: random directions, orthogonal, each filter as long as the same filter of theta [d].

    Where the loss says which numbers directions may move (`inside` [d]), all others are 0. Source: Li et al. 2018,
    section 4. Raises BadInput where a direction vanishes, as at theta = 0.
    """
    d = getattr(loss, "d", theta.size)
    if d != theta.size:
        raise BadInput(f"theta must have {d} numbers, as many as the loss has parameters, got {theta.size}.")
    first, second = generator.standard_normal((2, theta.size))
    for rows in _filters(loss, theta.size):
        sizes = np.linalg.norm(theta[rows], axis=-1, keepdims=True)
        first[rows], second[rows] = _turned_pair(first[rows], second[rows], sizes)
    inside = getattr(loss, "inside", None)
    if inside is not None:
        first, second = first * inside, second * inside
    if not first.any() or not second.any():
        raise BadInput("theta has no filter of two or more numbers that are not all zero, so that "
                       "filter-normalised directions vanish: choose another point.")
    return np.stack([first, second])


def _filters(loss: Any, d: int) -> list[np.ndarray]:
    """Index arrays [filters, size] into theta, one for each part that is normalised by itself."""
    if hasattr(loss, "filters"):
        return loss.filters
    if not hasattr(loss, "layer_slices"):
        return [np.arange(d)[None]]
    filters = []
    for weight, shape, bias in loss.layer_slices:
        columns = np.arange(d)[weight].reshape(shape).T
        # One number per neuron (one input) cannot be turned: then the layer's weights are one filter.
        filters.append(columns if columns.shape[1] > 1 else columns.T)
        filters.append(np.arange(d)[bias][None])
    return filters


def _turned_pair(first: np.ndarray, second: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two directions [filters, size], orthogonal in each filter and of its length `sizes` [filters, 1].

    In a filter of a single number there is one direction only, and the first takes it.
    """
    first = first / np.linalg.norm(first, axis=-1, keepdims=True)
    second = second - np.sum(first * second, axis=-1, keepdims=True) * first
    if first.shape[-1] == 1:
        return first * sizes, np.zeros_like(second)
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return first * sizes, second * sizes


def hessian_eigenvectors(loss: Any, theta: np.ndarray) -> np.ndarray:
    """[2, d]. Energies without their own Lanczos get a dense one, from differences of the force."""
    if hasattr(loss, "leading_eigenpairs"):
        return _signed(real(loss.leading_eigenpairs(theta, 2, of="hessian")[1]))
    if theta.size > 1000:
        raise BadInput("the Hessian of an energy without leading_eigenpairs is taken up to d = 1000, "
                       f"got {theta.size}.")
    step = 1e-5 * max(1.0, np.abs(theta).max())
    shifts = step * np.eye(theta.size)
    hessian = (real(force(loss, theta - shifts)) - real(force(loss, theta + shifts))) / (2 * step)
    return _signed(np.linalg.eigh((hessian + hessian.T) / 2)[1].T[::-1][:2])


def noise_eigenvectors(loss: Any, theta: np.ndarray) -> np.ndarray:
    """[2, d], leading eigenvectors of the covariance of single-sample gradients."""
    if hasattr(loss, "leading_eigenpairs"):
        values, vectors = loss.leading_eigenpairs(theta, 2, of="noise")
        if values[1] <= DEPENDENT**2 * values[0]:
            raise BadInput(_NO_NOISE)
        return _signed(real(vectors))
    if not hasattr(loss, "per_sample_gradients"):
        raise BadInput("this energy has no samples and hence no gradient noise: choose another plane.")
    gradients = real(loss.per_sample_gradients(theta))
    _, axes, ratios = leading_components(gradients)
    if not spans_plane(gradients, ratios):
        raise BadInput(_NO_NOISE)
    return axes


def _signed(directions: np.ndarray) -> np.ndarray:
    """Directions [k, d] with their largest entry positive."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], axis=1)
    return directions * np.where(largest < 0, -1.0, 1.0)
