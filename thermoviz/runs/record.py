"""What runs of many kinds keep alike, written and read in one place: the surface's grid."""

from typing import Annotated, Any

import numpy as np

from .results import Array, Number, Result

# Temperatures at which the equilibrium is shown, in units of the surface's scale (its barrier).
TEMPERATURES = np.geomspace(0.01, 10, 31)


class Grid(Result):
    """The energy on the slice. Its derivatives and equilibria are recomputed from it, on first use."""

    xs: Annotated[np.ndarray, Array("nx", "Places along the first side")]
    ys: Annotated[np.ndarray, Array("ny", "Places along the second side")]
    U: Annotated[np.ndarray, Array("nx ny", "Energy; NaN where there are no data", "energy", dtype="float32")]
    temperatures: Annotated[np.ndarray, Array("t", "At which the equilibrium is shown", "energy")]
    levels: Annotated[list[int], Number("Points per axis of the nested grids", name="surface.levels")]
    error: Annotated[float | None, Number("Largest error, where it was measured", "energy", name="surface.error")]

    @classmethod
    def of(cls, surface: Any) -> "Grid":
        """Of a Surface; the values are float32 numbers already."""
        return cls(surface.xs, surface.ys, surface.E, surface.scale * TEMPERATURES, list(surface.levels),
                   surface.error)
