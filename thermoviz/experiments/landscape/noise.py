"""The heat of the data: how strong the gradient noise is, in all directions and in the slice, as temperatures."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .specification import Descent

GRADIENT_NUMBERS = 20_000_000  # of single-sample gradients held at once


def noise_numbers(spec: "Descent", loss: Any, plane: Any, surface: Any) -> dict[str, Any]:
    """Gradient noise at the deepest minimum on the slice, and the temperatures that follow; one entry per dynamics.

    C: covariance of single-sample gradients. `noise_trace` tr C, `noise_trace_in_plane` tr(P C P^T), `noise_at` [2].
    `T_sgd`: r tr C / (2 B d), r the dynamics' own `noise_rate`, x (N - B)/(N - 1) for batches without replacement
    (Mandt, Hoffman & Blei 2017; docs/physics); within shuffled epochs noise partly cancels, so that it is an upper
    bound there. `T_slice`: the same for the two directions of the slice, r tr(P C P^T) / (4 B). `T_of_batch_1`: that
    at B = 1; the slider's equivalent batch size at temperature T is T_of_batch_1 / T. None where `noise_rate` is:
    directions without a learning rate in common have no temperature in common.
    """
    basins = surface.basins
    at = np.asarray(basins.minima[int(np.argmin(basins.energies))], float)
    gradients = single_gradients(loss, plane.embed(at))
    centred = gradients - gradients.mean(0)
    trace = float(np.sum(centred**2) / len(centred))
    in_plane = float(np.sum(plane.in_plane(centred) ** 2) / len(centred))
    share = batch_factor(spec.batch_size, spec.batching, loss.n_samples)
    rates = [_rate(dynamics) for dynamics in spec.dynamics]
    shares = [0.0 if dynamics.full_batch else share for dynamics in spec.dynamics]
    return {
        "noise_at": at.tolist(), "noise_trace": trace, "noise_trace_in_plane": in_plane,
        "T_sgd": _times(rates, shares, trace / (2 * loss.d)),
        "T_slice": _times(rates, shares, in_plane / 4),
        "T_of_batch_1": _times(rates, [1.0] * len(rates), in_plane / 4),
    }


def _times(rates: list[float | None], shares: list[float], strength: float) -> list[float | None]:
    return [None if rate is None else rate * share * strength for rate, share in zip(rates, shares, strict=True)]


def _rate(dynamics: Any) -> float | None:
    """The learning rate that the data's noise meets, the mean where replicas have their own; None: none in common."""
    return None if dynamics.noise_rate is None else float(np.mean(dynamics.noise_rate))


def batch_factor(batch_size: int | None, batching: str, n: int) -> float:
    """1/B, or (N - B)/(B (N - 1)) without replacement; 0 for the whole data set at once."""
    if batch_size is None:
        return 0.0
    if batching == "replacement" or n == 1:
        return 1 / batch_size
    b = min(batch_size, n)
    return (n - b) / (b * (n - 1))


def single_gradients(loss: Any, theta: np.ndarray) -> np.ndarray:
    """Gradients of single samples [N, d] at theta [d]; of evenly spread samples where all would not fit in memory."""
    n, room = loss.n_samples, max(2, GRADIENT_NUMBERS // loss.d)
    if n <= room:
        return np.asarray(loss.per_sample_gradients(theta), float)
    chosen = np.linspace(0, n - 1, room).round().astype(int)
    each = loss.minibatch(chosen[:, None])
    return -np.asarray(each.force(np.broadcast_to(theta, (room, len(theta)))), float)
