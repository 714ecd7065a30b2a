"""What is asked."""

from typing import Annotated, Literal

from thermoviz.core.specs import Field, specification
from thermoviz.runs.experiment import Experiment


@specification
class RandomWalk(Experiment):
    """Walkers step by +1 or -1; their mean squared distance grows by 1 with every step."""

    walkers: Annotated[int, Field(ge=4, le=100_000, title="Walkers", description="How many walk",
                                  json_schema_extra={"ladder": [10, 100, 1000]})] = 300
    steps: Annotated[int, Field(ge=1, le=1000, title="Steps", description="How far they walk",
                                json_schema_extra={"ladder": [10, 100]})] = 100
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, title="Seed", description="Which chance")] = 0
    kind: Literal["random_walk"] = Field(default="random_walk", kw_only=True, repr=False)
