"""The landscape: networks are trained, a plane is cut through the loss they descended, and the energy on it scanned.

`Descent` does it for networks, `Potential` for an analytic energy, which is a surface from the start.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationInfo, field_validator

from ...core.dynamics.integrators import DYNAMICS, SGD, AnyDynamics
from ...core.energies.potentials import POTENTIALS, AnyPotential, MuellerBrown
from ...core.landscape.planes import PLANES, AnyPlane, PathPCA, ThroughSolutions
from ...core.learning.datasets import Moons
from ...core.learning.networks import MLP
from ...core.specs import Field, specification
from ...runs.experiment import Experiment
from ...runs.families import named, one_or_many
from ...runs.fields import AnyData, Network, Resolution, Seed, Tolerance
from ...runs.record import Grid
from ...runs.run import Run


@specification
class Potential(Experiment):
    """An analytic energy of two coordinates, tabulated: nothing is learned and nothing hidden."""

    potential: Annotated[AnyPotential, named(POTENTIALS), Field(title="Potential", description="The energy")] = (
        MuellerBrown())
    resolution: Resolution = 81
    tolerance: Tolerance = 5e-3
    seed: Seed = 0
    kind: Literal["potential"] = Field(default="potential", kw_only=True, repr=False)


@specification
class Descent(Experiment):
    """Networks trained from common starts by one to four dynamics, and the slice of their loss landscape."""

    dataset: AnyData = Moons()
    network: Network = MLP()
    dynamics: Annotated[
        tuple[Annotated[AnyDynamics, named(DYNAMICS)], ...], BeforeValidator(one_or_many),
        Field(min_length=1, max_length=4, title="Optimisers",
              description="Compared from the same starts, with the same batches")] = (SGD(0.1),)
    weight_decay: Annotated[float, Field(
        ge=0, le=1, title="Weight decay", json_schema_extra={"ladder": [0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2]},
        description="Strength of the energy |theta|^2 / 2 added to the loss")] = 1e-3
    l1: Annotated[float, Field(
        ge=0, le=1, title="L1", json_schema_extra={"ladder": [0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2]},
        description="Strength of the energy sum |theta_i| added to the loss")] = 0.0
    batch_size: Annotated[int | None, Field(
        ge=1, le=10_000, title="Batch size", json_schema_extra={"ladder": [1, 3, 10, 32, 100, 300, None]},
        description="Samples per step; none takes all of them, without noise")] = 32
    batching: Annotated[Literal["replacement", "fresh", "epochs"], Field(
        title="Batches", description="Drawn with replacement, afresh without, or in shuffled epochs")] = "replacement"
    temperature: Annotated[float, Field(
        ge=0, le=10, title="Heat in training", json_schema_extra={"ladder": [0, 1e-5, 1e-4, 1e-3, 1e-2]},
        description="Temperature of the networks' own bath, felt by the Langevin dynamics only")] = 0.0
    replicas: Annotated[int, Field(ge=1, le=256, title="Replicas", json_schema_extra={"ladder": [1, 3, 10, 32, 100]},
                                   description="Networks per optimiser, each from its own random start")] = 8
    steps: Annotated[int, Field(ge=1, le=50_000, title="Steps",
                                json_schema_extra={"ladder": [100, 300, 1000, 3000, 10_000]},
                                description="Training steps")] = 1000
    plane: Annotated[AnyPlane, named(PLANES), Field(title="Slice", description="How the plane is chosen")] = (
        PathPCA())
    resolution: Resolution = 81
    tolerance: Tolerance = 5e-3
    margin: Annotated[float, Field(
        ge=0, le=3, title="Room around", json_schema_extra={"ladder": [0.1, 0.3, 0.5, 1]},
        description="Room around what the plane shows, as a share of its longer side")] = 0.3
    seed: Seed = 0
    kind: Literal["descent"] = Field(default="descent", kw_only=True, repr=False)

    @field_validator("plane", mode="after")
    @classmethod
    def _enough_solutions(cls, plane: Any, others: ValidationInfo) -> Any:
        networks = others.data.get("replicas", 3) * len(others.data.get("dynamics", ()))
        if isinstance(plane, ThroughSolutions) and 0 < networks < 3:
            raise ValueError("a slice through three solutions needs at least 3 networks (replicas x optimisers)")
        return plane


def surface_run(spec: Any, surface: Any) -> Run:
    """A Run that is a surface alone."""
    return Run(spec, *Grid.of(surface).write())
