"""Ways over: the path of least energy between two places, and how high one must climb on it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import BadInput

# Images of a path, descents of each, their momentum, and points looked at between two images.
IMAGES, STEPS, MOMENTUM, BETWEEN = 25, 600, 0.9, 8


class Path(NamedTuple):
    """A path of straight pieces: its corners x [n, d]; along [p] shares of its length and the energies [p] there.

    Its highest energy bounds the lowest pass between both ends from above: a better path may lie lower.
    """

    x: np.ndarray
    along: np.ndarray
    energy: np.ndarray

    @property
    def climbs(self) -> tuple[float, float]:
        """How far one climbs from the start, and how far from the end."""
        top = float(self.energy.max())
        return top - float(self.energy[0]), top - float(self.energy[-1])


def straight_path(energy: Any, start: Any, end: Any, points: int = IMAGES * BETWEEN) -> Path:
    """The straight line from start [d] to end [d]; energy maps [n, d] to [n]. Raises BadInput."""
    return _scanned(energy, np.stack(_ends(start, end)), points)


def lowest_path(
    energy: Any, start: Any, end: Any, rate: float, images: int = IMAGES, steps: int = STEPS,
    momentum: float = MOMENTUM, report: Callable[[float], Any] = lambda fraction: None,
) -> Path:
    """A path from start [d] to end [d] that runs along valley floors, begun as a straight line.

    String method: images descend across the path, then are spread evenly along it (W. E, W. Ren and E. Vanden-Eijnden,
    Phys. Rev. B 66, 052301 (2002); J. Chem. Phys. 126, 164103 (2007)), here with heavy-ball momentum, for valleys a
    thousand times softer along than across. energy: `__call__` [n, d] -> [n] and `force`; rate: length of a step per
    gradient, below 1 over the largest curvature. Ends stay where they are: they should be minima. Energies are
    scanned between images too. Never higher than the straight line, which is returned where nothing lower was found.
    Raises BadInput.
    """
    if images < 3 or steps < 0 or not rate > 0 or not 0 <= momentum < 1:
        raise BadInput("lowest_path needs at least 3 images, a rate above 0, and a momentum from 0 to below 1.")
    a, b = _ends(start, end)
    x = a + np.linspace(0, 1, images)[:, None] * (b - a)
    velocity = np.zeros_like(x)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps if (a != b).any() else 0):
            velocity = momentum * velocity + _across(np.asarray(energy.force(x), np.float64), x)
            velocity[[0, -1]] = 0
            x = x + rate * velocity
            if not np.isfinite(x).all():
                break
            x = _even(x)
            report((step + 1) / steps)
    line = straight_path(energy, a, b)
    found = _scanned(energy, x, BETWEEN) if np.isfinite(x).all() else line
    return found if found.energy.max() < line.energy.max() else line


def _ends(start: Any, end: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    if a.ndim != 1 or a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise BadInput(f"a path needs two places [d] of finite numbers, got {list(a.shape)} and {list(b.shape)}.")
    return a, b


def _across(force: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The part of the force [n, d] at right angles to the path."""
    tangent = np.gradient(x, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-300)
    return force - (force * tangent).sum(axis=1, keepdims=True) * tangent


def _even(x: np.ndarray) -> np.ndarray:
    """As many corners [n, d], evenly spread along the same path."""
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(x, axis=0), axis=1)))
    at = np.linspace(0, length[-1], len(x))
    piece = np.clip(np.searchsorted(length, at, side="right") - 1, 0, len(x) - 2)
    share = (at - length[piece]) / np.maximum(length[piece + 1] - length[piece], 1e-300)
    return x[piece] + share[:, None] * (x[piece + 1] - x[piece])


def _scanned(energy: Any, x: np.ndarray, between: int) -> Path:
    """The path with its energies at `between` points per piece."""
    share = np.linspace(0, 1, between, endpoint=False)[:, None]
    points = np.concatenate([(x[:-1, None] + share * (x[1:] - x[:-1])[:, None]).reshape(-1, x.shape[1]), x[-1:]])
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1)))
    return Path(x, length / max(length[-1], 1e-300), np.asarray(energy(points), np.float64))
