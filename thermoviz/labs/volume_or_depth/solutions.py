"""Two solutions of one learning problem, from small and from large batches: is the wider one the more probable?

Each is brought to its minimum and its Hessian taken; then copies of it are heated and cooled again, to see where they
end. The heat is isotropic Langevin motion, not SGD.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD, Overdamped
from ...core.dynamics.simulation import simulate
from ...core.learning.alignment import align, log_copies
from ...core.learning.datasets import Moons
from ...core.learning.minima import descended, minimum
from ...core.learning.networks import MLP, NetworkLoss
from ...core.thermodynamics.free_energy import crossing_temperature
from ...runs.pipeline import Report
from .results import Solutions

DATA, NETWORK, DECAY = Moons(n=300, noise=0.2), MLP((8,), "tanh"), 1e-3
OPTIMISER, TRAINING_STEPS = SGD(0.1, 0.9), 1500
# Samples per step of solution A and of solution B.
BATCHES = (8, 128)
# Heat of the copies, copies per heat and solution, and their steps of 0.2 / largest curvature.
HEATS, COPIES, HEATED_STEPS, STEP = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3), 24, 1500, 0.2
TEMPERATURES = np.geomspace(1e-5, 3e-3, 61)
# A cooled copy is back where its distance, hidden units aligned, is below this share of the distance from A to B.
NEAR = 0.1
# Two solutions nearer than this share of their length are one.
SAME = 0.01
# Widths are looked for up to this length; a basin ends where its energy leaves the parabola by this factor. Rises below
# FAINT drown in float32.
LENGTHS, FACTOR, FAINT = np.geomspace(1e-2, 30.0, 36), 2.0, 1e-5


def two_solutions(seed: int, report: Report) -> Solutions:
    """Both solutions at their minima, their free energies, and where heated and cooled copies of them end."""
    loss = NetworkLoss(NETWORK, DATA.load(seed), weight_decay=DECAY)
    minima = _minima(loss, seed, report.part(0.0, 0.3))
    h, width = (np.stack(rows) for rows in zip(*(harmonic_widths(loss, theta) for theta in minima), strict=True))
    energies = np.asarray(loss(minima), dtype=np.float64)
    limits = np.array([harmonic_up_to(*pair) for pair in zip(h, width, strict=True)])
    half_ln_det = np.array([0.5 * np.log(row).sum() if (row > 0).all() else np.nan for row in h])
    ln_copies = log_copies(minima, loss)
    F = energies + TEMPERATURES[:, None] * (half_ln_det - ln_copies)
    to_b = align(minima[0], minima[1], loss.layer_slices, NETWORK.activation)
    aligned = float(np.linalg.norm(to_b - minima[1]))
    fate = fates(loss, minima, aligned, float(h.max()), seed, report.part(0.3, 1.0))
    deep, high = int(np.argmin(energies)), int(np.argmax(energies))
    room = half_ln_det - ln_copies
    ratio = 2 * (room[deep] - room[high])
    known = bool(np.isfinite(ratio)) and not _same(aligned, minima)
    return Solutions(
        h, width, TEMPERATURES, F, np.array(HEATS), fate, energies.tolist(), loss.test_energy(minima).tolist(),
        loss.accuracy(minima, test=True).tolist(), half_ln_det.tolist(), ln_copies.tolist(), limits.tolist(),
        float(np.linalg.norm(minima[0] - minima[1])), aligned, _same(aligned, minima),
        crossing_temperature(float(energies[high] - energies[deep]), float(ratio)) if known else None,
        loss.d, COPIES, list(BATCHES))


def _minima(loss: NetworkLoss, seed: int, report: Callable[[float], Any]) -> np.ndarray:
    """[2, d]: the solutions that the two batch sizes lead to, each at the bottom of its basin."""
    ends = np.stack([trained(loss, size, seed, lambda f, k=k: report(0.3 * (k + f)))  # type: ignore[misc]
                     for k, size in enumerate(BATCHES)])
    stiffest = max(float(loss.leading_eigenpairs(theta, 1)[0][0]) for theta in ends)
    bottoms = descended(loss, ends, stiffest, lambda f: report(0.6 + 0.4 * f))
    return np.stack([minimum(loss, theta) for theta in bottoms])


def trained(loss: NetworkLoss, batch_size: int, seed: int, report: Callable[[float], Any]) -> np.ndarray:
    """theta [d] after SGD from the one start of this seed."""
    path = simulate(loss, OPTIMISER, loss.init(1, seed), TRAINING_STEPS, seed=seed, record_every=TRAINING_STEPS,
                    batch_size=batch_size, progress=report)
    return path.x[-1, 0]


def harmonic_widths(loss: NetworkLoss, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h [d], w [d]): Hessian eigenvalues at a minimum theta [d], and how far along each the parabola holds.

    w: the length up to which the rise of L on both sides is h w^2 / 2 within a factor FACTOR; 0 where h <= 0.
    """
    h, axes = np.linalg.eigh(loss.hessian(theta))
    bottom = float(loss(theta))
    width = np.zeros(len(h))
    for i in np.flatnonzero(h > 0):
        away = np.concatenate([LENGTHS, -LENGTHS])[:, None] * axes[:, i]
        rise = np.asarray(loss(theta + away)).reshape(2, -1) - bottom
        parabola = 0.5 * h[i] * LENGTHS**2
        fits = ((rise <= FACTOR * parabola) & (rise >= parabola / FACTOR)).all(axis=0) | (parabola < FAINT)
        width[i] = LENGTHS[-1] if fits.all() else LENGTHS[max(int(np.argmin(fits)) - 1, 0)]
    return h, width


def harmonic_up_to(h: np.ndarray, width: np.ndarray) -> float:
    """The temperature at which the first mode's thermal spread T/h reaches the basin's width^2; 0 if any h <= 0."""
    return float((h * width**2).min()) if (h > 0).all() else 0.0


def fates(loss: NetworkLoss, minima: np.ndarray, aligned: float, stiffest: float, seed: int,
          report: Report) -> np.ndarray:
    """How many copies [heats, 2, 3] of each minimum ended in A, in B, elsewhere, after being heated and cooled again.

    Where A and B are one solution, all that come back count as being back where they started.
    """
    heat = np.repeat(HEATS, 2 * COPIES)
    copies = np.tile(np.repeat(minima, COPIES, axis=0), (len(HEATS), 1)).astype(np.float32)
    hot = simulate(loss, Overdamped(STEP / stiffest), copies, HEATED_STEPS, heat, seed, HEATED_STEPS,
                   progress=report.part(0.0, 0.5)).x[-1]
    ends = descended(loss, hot, stiffest, report.part(0.5, 1.0)).astype(np.float64)
    away = np.stack([np.linalg.norm(align(ends, theta, loss.layer_slices, NETWORK.activation) - theta, axis=1)
                     for theta in minima], axis=1).reshape(len(HEATS), 2, COPIES, 2)
    if _same(aligned, minima):
        back = away.min(axis=3) < NEAR * float(np.linalg.norm(minima[0]))
        home = np.broadcast_to(np.arange(2)[None, :, None], back.shape)
    else:
        back, home = away.min(axis=3) < NEAR * aligned, away.argmin(axis=3)
    end = np.where(back, home, 2)
    return (end[..., None] == np.arange(3)).sum(axis=2)


def _same(aligned: float, minima: np.ndarray) -> bool:
    return aligned < SAME * float(np.linalg.norm(minima[0]))
