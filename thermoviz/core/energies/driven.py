"""Energies with a handle: what is turned from outside while particles move, and what a turn costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .protocol import positions, value_and_force


@dataclass(frozen=True, eq=False)
class Trap:
    """A harmonic trap: E = k/2 |x - centre|^2. k: a number or one per replica [n]; centre: a number, [d] or [n, d]."""

    k: Any
    centre: Any = 0.0

    def __call__(self, x: Any) -> Any:
        x = positions(x, "Trap")
        return 0.5 * np.asarray(self.k) * ((x - np.asarray(self.centre)) ** 2).sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-k (x - centre) [..., d]."""
        x = positions(x, "Trap")
        k = np.asarray(self.k)
        return -(k[..., None] if k.ndim else k) * (x - np.asarray(self.centre))

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature."""
        return float(np.max(self.k))


class Tilted:
    """Another energy on a slope: E(x) + slope . x, slope [d], or [n, d] for one per replica; its walls stay."""

    def __init__(self, energy: Any, slope: Any) -> None:
        self.energy, self.slope = energy, np.asarray(slope, dtype=np.float64)
        self.confining = bool(getattr(energy, "confining", False))
        self.mask = getattr(energy, "mask", False)
        self.bounds = getattr(energy, "bounds", None)

    def __call__(self, x: Any) -> Any:
        return self.energy(x) + (self.slope * x).sum(axis=-1)

    def force(self, x: Any) -> Any:
        """-grad E - slope [..., d]."""
        return self.energy.force(x) - self.slope

    def value_and_force(self, x: Any) -> tuple[Any, Any]:
        """(E [...], force [..., d]) in one pass."""
        value, force = value_and_force(self.energy, x)
        return value + (self.slope * x).sum(axis=-1), force - self.slope

    def masked(self, x: Any) -> Any:
        """Whether x [..., d] lies in a cell without data."""
        return self.energy.masked(x)


class WithDecay:
    """Another energy with weight decay: E(x) + sum_i strength_i x_i^2 / 2.

    strength: a number, one per replica [n], or one per replica and direction [n, d] (n may be 1).
    """

    def __init__(self, energy: Any, strength: Any) -> None:
        self.energy, self.strength = energy, np.asarray(strength, dtype=np.float64)

    def __call__(self, x: Any) -> Any:
        """[n, d] -> [n]."""
        return self.energy(x) + decay_energy(self.strength, x)

    def force(self, x: Any) -> Any:
        """[n, d] -> [n, d]."""
        return self.energy.force(x) - self._each(x)

    def value_and_force(self, x: Any) -> tuple[Any, Any]:
        """(E [n], force [n, d]) in one pass."""
        value, force = value_and_force(self.energy, x)
        return value + decay_energy(self.strength, x), force - self._each(x)

    def minibatch(self, indices: Any) -> "WithDecay":
        """The same decay on the energy of a batch (only where the energy has samples)."""
        return WithDecay(self.energy.minibatch(indices), self.strength)

    def _each(self, x: Any) -> Any:
        return (self.strength[..., None] if self.strength.ndim == 1 else self.strength) * x


def decay_energy(strength: np.ndarray, x: Any) -> Any:
    """What weight decay of such strengths (see WithDecay) costs: x [n, d] -> [n]."""
    if strength.ndim < 2:
        return strength * half_square(x)
    x = np.asarray(x, dtype=np.float64)
    return 0.5 * np.einsum("...i,...i->...", strength * x, x)


def half_square(x: Any) -> Any:
    """|x|^2 / 2, [..., d] -> [...]: what a unit of weight decay costs."""
    x = np.asarray(x, dtype=np.float64)
    return 0.5 * np.einsum("...i,...i->...", x, x)


@dataclass(frozen=True, eq=False)
class Paraboloid:
    """bottom + (x - centre) . H (x - centre) / 2: the whole loss of a linear regression. H [d, d], centre [d]."""

    H: np.ndarray
    centre: np.ndarray
    bottom: float = 0.0

    def __call__(self, x: Any) -> Any:
        return self.value_and_force(x)[0]

    def force(self, x: Any) -> Any:
        """[..., d] -> [..., d]."""
        return self.value_and_force(x)[1]

    def value_and_force(self, x: Any) -> tuple[Any, Any]:
        """(E [...], force [..., d])."""
        away = positions(x, "Paraboloid") - self.centre
        force = -away @ self.H
        return self.bottom - 0.5 * np.einsum("...i,...i->...", away, force), force
