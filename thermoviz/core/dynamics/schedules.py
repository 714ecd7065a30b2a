"""Temperature programmes, in steps, never in frames."""

from typing import Annotated, Literal

from pydantic import ValidationInfo, field_validator

from ..specs import Field, specification

ProgrammeKind = Literal["hold", "quench", "linear", "exponential", "cycle"]
Temperature = Annotated[float, Field(ge=0, le=1e9)]


@specification
class Schedule:
    """A temperature programme, T as a function of the step: `schedule(step) -> T`. The browser plays the same five.

    hold: T0 throughout. quench: T0 for `steps`, then T1 at once. linear: from T0 to T1 over `steps`, then T1.
    exponential: T0 (T1/T0)^(step/steps), then T1; both above 0. cycle: from T0 to T1 and back, a triangle of period
    `steps`, over and over. Raises BadInput.
    """

    kind: Annotated[ProgrammeKind, Field(title="Programme", description="How the temperature changes.")] = "hold"
    T0: Annotated[Temperature, Field(title="T0", description="Temperature at the start.")] = 1.0
    T1: Annotated[Temperature, Field(validate_default=True, title="T1", description="Temperature to go to.")] = 0.0
    steps: Annotated[int, Field(ge=1, le=10**9, title="Steps", description="Steps until T1, or of one cycle.")] = 1000

    @field_validator("T1", mode="after")
    @classmethod
    def _ratio_exists(cls, T1: float, others: ValidationInfo) -> float:
        if others.data.get("kind") == "exponential" and not (T1 > 0 and others.data.get("T0", 1.0) > 0):
            raise ValueError("exponential cooling needs both T0 and T1 above 0")
        return T1

    def __call__(self, step: float) -> float:
        """Temperature in front of `step` (0, 1, ..., or a share of one)."""
        if self.kind == "hold":
            return self.T0
        if self.kind == "quench":
            return self.T0 if step < self.steps else self.T1
        share = min(step / self.steps, 1.0)
        if self.kind == "cycle":
            share = 1 - abs(1 - 2 * (step % self.steps) / self.steps)
        if self.kind == "exponential":
            return float(self.T0 * (self.T1 / self.T0) ** share)
        return self.T0 + (self.T1 - self.T0) * share
