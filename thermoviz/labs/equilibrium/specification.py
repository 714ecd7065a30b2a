"""What "equilibrium" is asked: data, a network and SGD's settings, and how many replicas of it are trained how long."""

from typing import Annotated, Any, ClassVar, Literal

from ...core.learning.datasets import Moons
from ...core.learning.networks import MLP
from ...core.specs import Field, specification
from ...runs.experiment import Experiment
from ...runs.fields import AnyData, Network, Problem, Seed


@specification
class Equilibrium(Experiment):
    """Replicas over starts and resampled data: forgotten starts, R-hat outside and inside, ergodicity, ageing, loops.

    Controls: isotropic heat as strong as SGD's, which forgets what SGD remembers, and linear regression, where the
    parameters agree as well.
    """

    dataset: AnyData = Moons()
    network: Network = MLP((8,))
    lr: Annotated[float, Field(
        gt=0, le=100, title="Learning rate", json_schema_extra={"ladder": [0.1, 0.3, 1.0, 3.0]},
        description="Length of a step per gradient; the larger, the hotter the bath")] = 1.0
    batch_size: Annotated[int, Field(
        ge=1, le=1000, title="Batch size", json_schema_extra={"ladder": [4, 10, 32, 100]},
        description="Samples per step, drawn with replacement; the smaller, the hotter the bath")] = 32
    momentum: Annotated[float, Field(
        ge=0, lt=1, title="Momentum", json_schema_extra={"ladder": [0.0, 0.5, 0.9]},
        description="Share of the last step that is kept")] = 0.0
    weight_decay: Annotated[float, Field(
        ge=0, le=1, title="Weight decay", json_schema_extra={"ladder": [0, 3e-4, 1e-3, 3e-3, 1e-2]},
        description="Strength of the energy |theta|^2 / 2 added to the loss; without it nothing settles")] = 1e-3
    replicas: Annotated[int, Field(
        ge=2, le=64, title="Replicas", json_schema_extra={"ladder": [4, 8, 16, 32]},
        description="Networks in each of the six groups; more of them, smaller errors")] = 16
    steps: Annotated[int, Field(
        ge=100, le=100_000, title="Steps", json_schema_extra={"ladder": [1000, 3000, 10_000, 20_000, 30_000]},
        description="Training steps; the first half is not counted")] = 20_000
    problem: Problem = 0
    seed: Annotated[Seed, Field(title="Seed", description="Draws starts, resampled data and batches")] = 0
    kind: Literal["equilibrium"] = Field(default="equilibrium", kw_only=True, repr=False)

    WARM_UP: ClassVar[dict[str, Any]] = {"steps": 100, "replicas": 2}  # what compiles its kernels, at the smallest size

    @property
    def rate(self) -> float:
        """Time per step of the networks' SGD."""
        return self.lr / (1 - self.momentum)
