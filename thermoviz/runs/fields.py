"""Fields that specifications share: `seed: Seed = 0`. A field may say more: `Annotated[Seed, Field(title="...")]`."""

from typing import Annotated

from ..core.learning.datasets import DATASETS, AnyDataset
from ..core.learning.networks import MLP
from ..core.seeds import MAX_SEED
from ..core.specs import Field
from .carried import OwnData, as_spec
from .families import named

AnyData = Annotated[Annotated[AnyDataset | OwnData, Field(discriminator="kind")], named(DATASETS, as_spec),
                    Field(title="Data", description="What the networks learn")]
Network = Annotated[MLP, Field(title="Network", description="Layers and activation")]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, title="Seed",
                            description="The same seed gives the same data, starts and noise")]
Problem = Annotated[int, Field(ge=0, le=MAX_SEED, title="Problem", description="Which draw of the data")]
Resolution = Annotated[int, Field(ge=9, le=161, title="Resolution", json_schema_extra={"ladder": [21, 41, 81, 161]},
                                  description="Most points along each side of the surface")]
Tolerance = Annotated[float, Field(ge=0, le=0.5, title="Tolerance",
                                   json_schema_extra={"ladder": [0, 1e-3, 5e-3, 2e-2]},
                                   description="Largest error of the surface, as a share of the barrier; 0 computes "
                                               "every point")]
