"""What `report` was asked."""

from typing import Annotated, Any, ClassVar, Literal

from ...core.errors import BadInput
from ...core.seeds import MAX_SEED
from ...core.specs import Field, specification
from ...runs.progress import Progress
from ...runs.run import Run


@specification
class ModelReport:
    """What `report` was asked: how much was measured, and by their sha256 the model, the loss and the paths.

    Unlike other specifications it cannot be computed again without the model.
    """

    contents: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of parameters, loss and paths")]
    d: Annotated[int, Field(ge=2, description="Number of trainable parameters")]
    k: Annotated[int, Field(ge=1, le=100, title="Eigenvalues", description="Leading ones of the Hessian")] = 10
    probes: Annotated[int, Field(ge=4, le=10_000, title="Probes", description="Random vectors for the traces")] = 32
    density: Annotated[int, Field(ge=0, le=200, title="Density", description="Steps of each run of Lanczos for the "
                                  "spectral density; 0 leaves it out")] = 24
    snapshots: Annotated[int, Field(ge=2, le=200, title="Snapshots", description="Of the path at which gradients "
                                    "are asked, at most")] = 64
    lr: Annotated[float | None, Field(gt=0, title="Learning rate", description="Of the training by SGD")] = None
    momentum: Annotated[float, Field(ge=0, lt=1, title="Momentum")] = 0.0
    batch_size: Annotated[int | None, Field(ge=1, title="Batch size", description="Of the training")] = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, title="Seed")] = 0
    kind: Literal["model_report"] = Field(default="model_report", kw_only=True, repr=False)

    dynamics: ClassVar[tuple[Any, ...]] = ()  # the training was not ours

    def compute(self, progress: Progress | None = None) -> Run:
        """Raises BadInput: only `report` has the model."""
        raise BadInput("a report on an own model is computed by tv.report(model, loss_fn), where the model is.")
