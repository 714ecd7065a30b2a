"""The shape of an energy on a plane, before any equilibrium: a spline with its lattice, basins and scales."""

from functools import cached_property

from ..arrays import not_negative
from ..errors import BadInput
from .basins import Basins, find_basins
from .lattice import Lattice, lattice_of
from .spline import Spline

# Largest step as a share of the stiffest relaxation time, by scheme (docs: physics, "Step").
STEP_OF_STIFFNESS = {"leimkuhler-matthews": 0.5, "euler-maruyama": 0.1}
# A step's thermal displacement stays below this share of the shorter side of the box.
STEP_OF_SIDE = 1 / 20


class Relief(Spline):
    """A Spline with its relief: basins, barrier, scales and stiffness. What equilibria are taken on."""

    @cached_property
    def lattice(self) -> Lattice:
        """The spline on a finer lattice that holds every node: at least 160 cells per side."""
        return lattice_of(self)

    @cached_property
    def basins(self) -> Basins:
        """Minima, passes and basins, by persistence."""
        return find_basins(self, self.lattice)

    @property
    def barrier(self) -> float | None:
        """Lowest pass out of the deepest basin minus its minimum; None with one basin."""
        return self.basins.barrier

    @property
    def ceiling(self) -> float:
        """Energy at which drawings fade: min + 2 (highest kept pass - min), else the 60 % quantile."""
        return self.basins.ceiling

    @property
    def minimum(self) -> float:
        """The lowest energy on the surface."""
        return self.basins.minimum

    @property
    def scale(self) -> float:
        """The energy that tolerances are shares of: the barrier, else ceiling - minimum."""
        return self.basins.scale

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature (Hessian eigenvalue, never below 0) where balls of this temperature go.

        That is where E <= max(E_min + 20 T, highest_start); without arguments the whole surface.
        """
        if temperature is not None:
            temperature = not_negative("temperature", temperature)
        return self.lattice.k_max(temperature, highest_start)

    def suggested_dt(
        self, temperature: float, scheme: str = "leimkuhler-matthews", highest_start: float | None = None
    ) -> float:
        """The largest careful time step: 0.5 / k_max (Euler-Maruyama 0.1 / k_max), sqrt(2 T dt) <= side / 20.

        Independent of the grid. `highest_start`: energy of the highest ball at the start. Raises BadInput.
        """
        if scheme not in STEP_OF_STIFFNESS:
            raise BadInput(f"scheme must be one of {', '.join(STEP_OF_STIFFNESS)}, got {scheme!r}.")
        temperature = not_negative("temperature", temperature)
        longest = STEP_OF_SIDE * min(high - low for low, high in self.bounds)
        limits = [1.0]
        stiffness = self.k_max(temperature, highest_start)
        if stiffness > 0:
            limits = [STEP_OF_STIFFNESS[scheme] / stiffness]
        if temperature > 0:
            diffusive = longest**2 / (2 * temperature)
            limits = [min(*limits, diffusive)] if stiffness > 0 else [diffusive]
        return limits[0]
