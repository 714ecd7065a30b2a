"""The heat of the data: how strong the gradient noise is, in all directions and in the slice, as temperatures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.energies.samples import single_gradients
from ...core.fluctuations.gradient_noise import batch_factor, noise_temperature


def noise_numbers(dynamics: Sequence[Any], batch_size: int | None, batching: str, loss: Any, plane: Any,
                  surface: Any) -> dict[str, Any]:
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
    share = batch_factor(batch_size, batching, loss.n_samples)
    shares = [0.0 if one.full_batch else share for one in dynamics]

    def temperatures(shares: list[float], trace: float, d: int) -> list[float | None]:
        return [noise_temperature(one.noise_rate, share, trace, d)
                for one, share in zip(dynamics, shares, strict=True)]

    return {
        "noise_at": at.tolist(), "noise_trace": trace, "noise_trace_in_plane": in_plane,
        "T_sgd": temperatures(shares, trace, loss.d), "T_slice": temperatures(shares, in_plane, 2),
        "T_of_batch_1": temperatures([1.0] * len(shares), in_plane, 2),
    }
