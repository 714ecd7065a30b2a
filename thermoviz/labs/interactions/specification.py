"""What do regularisers do? They are extra energies, or better: extra interactions; or else they are extra heat.

Weight decay and |theta|_1 add an energy: the minimum moves, and its data energy pays. Dropout and label noise change
the bath. And turning weight decay up is work, from which a free energy follows (Jarzynski).
"""

from typing import Annotated, Any, ClassVar, Literal

from ...core.learning.datasets import Moons
from ...core.learning.networks import MLP
from ...core.specs import Field, specification
from ...runs.experiment import Experiment
from ...runs.fields import AnyData, Network, Problem, Seed


@specification
class Interactions(Experiment):
    """Data energy and regulariser on one slice, what dropout and label noise do to the bath, and the work of a ramp."""

    # What compiles its kernels, at the smallest size.
    WARM_UP: ClassVar[dict[str, Any]] = {"steps": 4, "networks": 4, "ramp_steps": 10, "walkers": 4}

    dataset: AnyData = Moons(n=400, noise=0.3, test_fraction=0.75)
    network: Network = MLP((8,))
    regulariser: Annotated[Literal["l2", "l1"], Field(
        title="Regulariser", description="Weight decay λ|θ|²/2 (l2), or λ times the sum of all |θ| (l1)")] = "l2"
    strength: Annotated[float, Field(
        ge=1e-4, le=1, title="Largest strength λ", json_schema_extra={"ladder": [1e-3, 3e-3, 1e-2, 3e-2, 0.1]},
        description="Of the regulariser: the minimum is followed up to it, and weight decay is ramped up to it")] = 3e-3
    dropout: Annotated[float, Field(
        ge=0, le=0.9, title="Dropout", json_schema_extra={"ladder": [0, 0.1, 0.2, 0.3, 0.5]},
        description="Probability that a hidden unit is left out, for each sample anew")] = 0.2
    label_noise: Annotated[float, Field(
        ge=0, le=1, title="Label noise", json_schema_extra={"ladder": [0, 0.03, 0.1, 0.3]},
        description="Probability that a sample shows another class, each time anew; for regression the size of the "
                    "noise in standard deviations of the target")] = 0.1
    rate: Annotated[float, Field(
        gt=0, le=1000, title="Learning rate", json_schema_extra={"ladder": [0.01, 0.03, 0.1, 0.3, 1]},
        description="Of SGD with batches of 10 and momentum 0.9")] = 0.1
    networks: Annotated[int, Field(ge=2, le=64, title="Networks", json_schema_extra={"ladder": [4, 8, 12, 24]},
                                   description="Trained under each condition, all from the same starts")] = 12
    steps: Annotated[int, Field(ge=1, le=50_000, title="Training steps", json_schema_extra={
        "ladder": [300, 1000, 1500, 3000]}, description="Of every training")] = 1500
    temperature: Annotated[float, Field(
        gt=0, le=1, title="Temperature of the ramp", json_schema_extra={"ladder": [1e-6, 1e-5, 1e-4, 1e-3]},
        description="Of the walkers around the network while weight decay is ramped, in units of the loss")] = 1e-5
    ramp_steps: Annotated[int, Field(ge=10, le=50_000, title="Ramp steps", json_schema_extra={
        "ladder": [30, 100, 300, 1000, 3000]}, description="Of the slowest ramp")] = 1000
    walkers: Annotated[int, Field(ge=4, le=5000, title="Walkers", json_schema_extra={"ladder": [16, 64, 256, 1000]},
                                  description="Replicas that are ramped; more walkers, smaller errors")] = 256
    problem: Annotated[Problem, Field(description="Which draw of the data and of the random start")] = 0
    seed: Annotated[Seed, Field(description="Draws the noise only: masks, labels, batches, heat")] = 0
    kind: Literal["interactions"] = Field(default="interactions", kw_only=True, repr=False)

    # The regulariser as strengths of both energies.

    @property
    def weight_decay(self) -> float:
        return self.strength if self.regulariser == "l2" else 0.0

    @property
    def l1(self) -> float:
        return self.strength if self.regulariser == "l1" else 0.0
