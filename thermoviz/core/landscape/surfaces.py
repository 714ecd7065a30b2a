"""An energy tabulated on a plane: a spline with its relief and its exact equilibria."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import BadInput
from .boltzmann import BoltzmannLaw, equilibrium_curve
from .crossings import Crossing, crossings
from .relief import Relief


class Surface(Relief):
    """A Relief with its exact equilibria.

    `levels`: points per axis of the nested grids it was refined through; `error`: estimated error of the
    energy (see `scan`), None where it was not measured. The rest as in Relief and Spline.
    """

    def __init__(
        self, xs: Any, ys: Any, U: Any, *, levels: tuple[int, ...] | None = None, error: float | None = None
    ) -> None:
        super().__init__(xs, ys, U)
        self.levels = (len(self.xs),) if levels is None else tuple(levels)
        self.error = error
        self._latest: BoltzmannLaw | None = None

    @classmethod
    def from_grid(
        cls, xs: Any, ys: Any, U: Any, *, levels: tuple[int, ...] | None = None, error: float | None = None
    ) -> "Surface":
        """The surface through U[i, j] = energy at (xs[i], ys[j]).

        xs [nx], ys [ny]: increasing and equidistant, at least 4 each. U [nx, ny]: non-finite values (or
        beyond 1e30) mean "no data": every cell that touches one is masked. Raises BadInput.
        """
        return cls(xs, ys, U, levels=levels, error=error)

    def equilibrium(self, temperature: float) -> BoltzmannLaw:
        """The exact Boltzmann equilibrium at `temperature` > 0 in the box. Raises BadInput."""
        if np.ndim(temperature):
            raise BadInput(f"temperature must be one number, got {temperature!r}: for many use `equilibria`.")
        # A cloud that is followed in time asks for the same one again and again.
        if self._latest is None or self._latest.T != temperature:
            self._latest = BoltzmannLaw(self, temperature)
        return self._latest

    def equilibria(self, temperatures: Iterable[float]) -> tuple[BoltzmannLaw, ...]:
        """The exact equilibria at many temperatures > 0, far quicker than one by one. Raises BadInput."""
        asked = tuple(temperatures)  # runs that share a surface ask for the same ones
        if asked not in self._curves:
            curve = equilibrium_curve(self, asked)
            self._curves.clear()
            self._curves[asked] = curve
            return curve
        return self._curves[asked]

    @cached_property
    def _curves(self) -> dict[tuple[float, ...], tuple[BoltzmannLaw, ...]]:
        """The latest equilibria that were asked for."""
        return {}

    @cached_property
    def crossings(self) -> tuple[Crossing, ...]:
        """Every (cold, hot, T), coldest first, where the largest share passes from basin cold to basin hot.

        Within 0.01 to 10 times `scale`; for another range see `landscape.crossings.crossings`.
        """
        return crossings(self)
