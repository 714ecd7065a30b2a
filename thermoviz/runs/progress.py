"""How a computation reports: `progress(fraction, stage, partial)`. Stages and their shares are the pipeline's."""

from collections.abc import Callable

from .run import Run

# progress(fraction 0..1, stage, partial Run or None); may raise Cancelled.
Progress = Callable[[float, str, Run | None], None]


def silent(fraction: float, stage: str, partial: Run | None) -> None:
    """The progress of one who does not want to know."""
