"""Data are a heat bath: how hot is it, is it the same in all directions, and is SGD in equilibrium with it?

One network is brought to its best minimum; from there many copies are shaken by minibatches in several ways side by
side. Beside them: copies under isotropic heat (the control), and linear regression, where all is known exactly.
"""

from typing import Annotated, Literal

from ...core.learning.datasets import Xor
from ...core.learning.networks import MLP
from ...core.specs import Field, specification
from ...runs.experiment import Experiment
from ...runs.fields import AnyData, Network, Problem, Seed


@specification
class HeatBath(Experiment):
    """Minibatch noise as a heat bath: spectrum, temperatures, the lr/B law, fluctuation-dissipation, currents."""

    dataset: AnyData = Xor(n=400)
    network: Network = MLP((4,))
    lr: Annotated[float, Field(
        gt=0, le=10, title="Learning rate", json_schema_extra={"ladder": [0.03, 0.1, 0.3, 1.0]},
        description="Length of a step per gradient; the larger, the hotter the bath")] = 0.3
    batch_size: Annotated[int, Field(
        ge=1, le=1000, title="Batch size", json_schema_extra={"ladder": [1, 4, 16, 64]},
        description="Samples per step; the smaller, the hotter the bath")] = 16
    momentum: Annotated[float, Field(
        ge=0.1, le=0.99, title="Momentum", json_schema_extra={"ladder": [0.5, 0.9, 0.99]},
        description="Of the condition with momentum; its learning rate is lower by 1 − momentum, so that its heat is "
                    "the same")] = 0.9
    weight_decay: Annotated[float, Field(
        gt=0, le=1, title="Weight decay", json_schema_extra={"ladder": [3e-3, 1e-2, 3e-2]},
        description="Strength of the energy |theta|^2 / 2 added to the loss; without it nothing settles")] = 1e-2
    replicas: Annotated[int, Field(
        ge=2, le=128, title="Copies", json_schema_extra={"ladder": [4, 8, 16, 32]},
        description="Networks in each condition; more of them, smaller errors")] = 16
    steps: Annotated[int, Field(
        ge=300, le=200_000, title="Steps", json_schema_extra={"ladder": [3000, 12_000, 30_000]},
        description="Steps of the copies; the softest direction needs 3 / (learning rate x its curvature) to settle")
    ] = 12_000
    problem: Annotated[Problem, Field(description="Which draw of the data and of the first networks")] = 0
    seed: Annotated[Seed, Field(title="Seed", description="Draws the batches")] = 0
    kind: Literal["heat_bath"] = Field(default="heat_bath", kw_only=True, repr=False)
