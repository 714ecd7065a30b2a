"""What "volume beats depth" is asked: a narrow deep basin against a wide shallow one, of which depth and narrowness."""

import math
from typing import Annotated, Literal

from pydantic import ValidationInfo, field_validator

from ...core.energies.potentials import TwoBasins
from ...core.errors import BadInput
from ...core.specs import Field, specification
from ...experiments.landscapes import AnyLandscape, Slice
from ...runs.experiment import Experiment
from ...runs.fields import Seed

# Curvature of the wide basin along every axis: the unit in which the other curvatures are given.
SOFT = 4.0


@specification
class VolumeOrDepth(Experiment):
    """A narrow deep basin against a wide shallow one: which holds more at temperature T, and where that changes.

    Harmonic theory: F_i = E_i + T/2 ln det H_i + const, equal at T* = depth / (1/2 ln(det H_deep / det H_wide)). The
    curvatures differ along one axis only, so that T* and the barrier are the same in every d. Source: Hochreiter and
    Schmidhuber 1997; Zhang, Saxe, Advani and Lee 2018.
    """

    depth: Annotated[float, Field(
        gt=0, le=10, title="Depth", json_schema_extra={"ladder": [0.1, 0.2, 0.5, 1.0, 2.0]},
        description="How much deeper the narrow basin is, in units of energy")] = 0.5
    ratio: Annotated[float, Field(
        ge=1, le=1000, title="Narrowness", json_schema_extra={"ladder": [1.0, 3.0, 10.0, 30.0, 100.0]},
        description="How many times as curved the deep basin is as the wide one; at 1 both are equally wide")] = 10.0
    d: Annotated[int, Field(
        ge=1, le=512, title="Dimensions d", json_schema_extra={"ladder": [1, 2, 8, 32, 128]},
        description="The basins differ along one direction, whatever the number of all directions")] = 8
    distance: Annotated[float, Field(
        ge=0.5, le=10, validate_default=True, title="Distance", json_schema_extra={"ladder": [1.0, 1.5, 2.0, 3.0, 5.0]},
        description="Between the two minima; the farther, the higher the barrier")] = 2.0
    walkers: Annotated[int, Field(
        ge=2, le=1000, title="Walkers", json_schema_extra={"ladder": [3, 10, 30, 100, 300]},
        description="Independent samplers per basin and temperature; with too few, no verdict")] = 100
    landscape: AnyLandscape = Slice()
    networks: Annotated[bool, Field(
        title="On real networks", description="Also two solutions of one learning problem, heated and cooled again; "
                                              "takes up to ten seconds")] = False
    seed: Seed = 0
    kind: Literal["volume_or_depth"] = Field(default="volume_or_depth", kw_only=True, repr=False)

    @field_validator("distance", mode="after")
    @classmethod
    def _two_basins(cls, distance: float, others: ValidationInfo) -> float:
        if {"depth", "ratio"} <= others.data.keys():
            try:
                along_the_line(others.data["depth"], others.data["ratio"], distance)
            except BadInput:
                least = math.sqrt(2 * others.data["depth"] / (SOFT * others.data["ratio"]))
                raise ValueError(
                    f"two basins of this depth and narrowness must be more than {least:.3g} apart") from None
        return distance


def along_the_line(depth: float, ratio: float, distance: float) -> TwoBasins:
    """The energy on the axis that joins the minima. Raises BadInput where they are too near to be two basins."""
    return TwoBasins(depth=depth, narrow=(ratio * SOFT,), wide=(SOFT,), distance=distance)
