"""Does entropy always rise? A cloud of balls in a heat bath, beside the exact evolution of its density.

In contact with a bath the free energy F = E - TS of the cloud falls, to -T ln Z; its entropy S may rise or fall.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from ...core.energies.potentials import DoubleWell
from ...core.errors import BadInput
from ...core.landscape.surfaces import Surface
from ...core.specs import Field, specification
from ...core.statistics.nearest_neighbours import FEWEST
from ...core.thermodynamics.evolution import CELLS
from ...experiments.landscapes import AnyLandscape
from ...runs.experiment import Experiment
from ...runs.fields import Seed

# Width of a start at a point, in cells of the exact evolution.
WIDTH = 3.0


@specification
class SecondLaw(Experiment):
    """A cloud of balls, its E, S and F over time, against the exact evolution; and controls in which F must rise."""

    WARM_UP: ClassVar[dict[str, Any]] = {"steps": 30, "balls": 1000}  # what compiles its kernels, quickly

    landscape: AnyLandscape = DoubleWell()
    start: Annotated[Literal["saddle", "point", "uniform", "basin"], Field(
        title="Start", description="Where the cloud begins: on the lowest pass, at a point, everywhere alike, or "
                                   "settled in the deepest valley")] = "saddle"
    at: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]], Field(
        title="The point", description="Of a start at a point: shares of the landscape's two sides")] = (0.2, 0.8)
    heat: Annotated[float, Field(
        ge=0, le=100, title="Temperature, in barriers", json_schema_extra={"ladder": [0, 0.1, 0.25, 0.5, 1, 3]},
        description="Heat of the bath as a share of the barrier (of the height, where there is one valley)")] = 0.1
    balls: Annotated[int, Field(ge=FEWEST, le=50_000, title="Balls",
                                json_schema_extra={"ladder": [30, 100, 300, 1000, 3000, 10_000]},
                                description="More balls, smaller errors")] = 3000
    steps: Annotated[int, Field(ge=30, le=100_000, title="Steps", json_schema_extra={"ladder": [100, 300, 1000, 3000]},
                                description="How far the balls walk; the exact evolution goes further")] = 1000
    seed: Seed = 0
    kind: Literal["second_law"] = Field(default="second_law", kw_only=True, repr=False)

    def width(self, surface: Surface) -> float:
        """Standard deviation of a start at a point or on the pass: WIDTH cells of the exact evolution."""
        return WIDTH * max(high - low for low, high in surface.bounds) / CELLS

    def centre(self, surface: Surface) -> np.ndarray:
        """Of a start at a point or on the lowest pass: u [2]. Raises BadInput where there is no saddle."""
        if self.start == "point":
            (x0, x1), (y0, y1) = surface.bounds
            return np.array([x0, y0]) + np.array(self.at) * [x1 - x0, y1 - y0]
        passes = surface.basins.passes
        if not len(passes):
            raise BadInput("this landscape has one valley and hence no saddle to start from: choose another start.")
        return np.asarray(passes[0], dtype=float)
