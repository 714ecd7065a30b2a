"""What "crystal or glass" is asked: a landscape, a programme of cooling, and over how many steps at the slowest."""

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from ...core.energies.potentials import TwoBasins
from ...core.learning.networks import MLP
from ...core.seeds import MAX_SEED
from ...core.specs import Field, specification
from ...experiments.landscapes import AnyLandscape
from ...runs.experiment import Experiment
from ...runs.fields import Seed

# What a deep narrow and a shallow wide valley look like with a pass low enough to be crossed while it is warm.
DEEP_OR_WIDE = TwoBasins(depth=1.5, narrow=16.0, wide=2.0, distance=1.5, rounding=0.2)
Share = Annotated[float, Field(ge=0.003, le=100)]


@specification
class CrystalOrGlass(Experiment):
    """Mass in the deepest valley, and loops of energy against temperature, for cooling times over three decades."""

    WARM_UP: ClassVar[dict[str, Any]] = {"steps": 100, "balls": 4}  # what compiles its kernels, at the smallest size

    landscape: AnyLandscape = DEEP_OR_WIDE
    programme: Annotated[Literal["linear", "exponential"], Field(
        title="Cooling", description="By equal steps of temperature, or by equal ratios")] = "linear"
    hot: Annotated[Share, Field(
        title="Hot, in barriers", json_schema_extra={"ladder": [0.1, 0.3, 0.5, 1, 3]},
        description="Temperature at the start, as a share of the barrier (of the height, where there is one valley)",
    )] = 0.5
    cold: Annotated[Share, Field(
        validate_default=True, title="Cold, in barriers", json_schema_extra={"ladder": [0.01, 0.03, 0.05, 0.1, 0.3]},
        description="Temperature at the end; must be below the hot one")] = 0.05
    steps: Annotated[int, Field(
        ge=100, le=100_000, title="Slowest cooling, in steps", json_schema_extra={"ladder": [300, 1000, 3000, 10_000]},
        description="Steps of the slowest cooling; five more are each about three times quicker")] = 3000
    balls: Annotated[int, Field(ge=4, le=10_000, title="Balls", json_schema_extra={"ladder": [10, 30, 100, 300, 1000]},
                                description="Balls for each cooling time; more balls, smaller errors")] = 300
    pull: Annotated[float, Field(
        ge=0.01, le=30, title="Pull, in barriers", json_schema_extra={"ladder": [0.1, 0.3, 1, 3, 10]},
        description="How far the landscape is tilted from the deepest valley towards the next, for the work")] = 1.0
    networks: Annotated[bool, Field(
        title="On real networks", description="Also cool small networks in all dimensions of their own loss; takes "
                                              "some seconds more")] = False
    network: Annotated[MLP, Field(title="Network", description="Layers and activation of the networks")] = MLP((4,))
    network_hot: Annotated[float, Field(
        ge=1e-6, le=1, title="Heat of the networks", json_schema_extra={"ladder": [3e-4, 1e-3, 3e-3, 1e-2]},
        description="Temperature at which their cooling starts, in units of the loss")] = 3e-3
    problems: Annotated[int, Field(
        ge=4, le=256, title="Problems", json_schema_extra={"ladder": [4, 10, 40, 100]},
        description="Draws of the data that networks learn; two networks for each of them and each cooling time")] = 40
    problem: Annotated[int, Field(ge=0, le=MAX_SEED - 256, title="First problem",
                                  description="Which draws of the data")] = 0
    seed: Seed = 0
    kind: Literal["crystal_or_glass"] = Field(default="crystal_or_glass", kw_only=True, repr=False)

    @field_validator("cold", mode="after")
    @classmethod
    def _colder(cls, cold: float, others: ValidationInfo) -> float:
        if cold >= others.data.get("hot", math.inf):
            raise ValueError("the cold temperature must be below the hot one")
        return cold
