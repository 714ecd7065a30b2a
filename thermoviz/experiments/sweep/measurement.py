"""How a piece, or a sweep as a whole, is computed in one process: runs that may be side by side are one batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...core.errors import Cancelled, ThermovizError
from ...runs.mapped import numbers
from ...runs.progress import Progress, silent
from ...runs.run import Run
from ..landscape import side_by_side
from ..landscape.specification import Descent
from .pieces import parts
from .rows import joined, rows_of
from .specification import Piece, Sweep

STAGE = "runs"
Found = Mapping[str, float] | str | None
# Experiments whose runs can be computed side by side; of all others one is computed after the other.
BATCHES: dict[type, Callable[[Sequence[Any], Callable[[float], None]], Sequence[Found]]] = {
    Descent: side_by_side.measured,
}


def measure(spec: Sweep | Piece, progress: Progress | None = None) -> Run:
    """A run of rows, see `results.Rows`: of a piece, or of all of a sweep's pieces one after the other."""
    tell = progress or silent
    if isinstance(spec, Piece):
        return Run(spec, *rows_of(_measured(list(spec.specifications()), tell)).write())
    done: list[tuple[tuple[int, ...], Run]] = []
    pieces = parts(spec)
    for k, part in enumerate(pieces):
        done.append((part.rows, measure(part.piece, _share(tell, k / len(pieces), 1 / len(pieces)))))
        tell((k + 1) / len(pieces), STAGE, joined(spec, done))
    return joined(spec, done)


def _share(tell: Progress, start: float, share: float) -> Progress:
    return lambda fraction, stage, partial: tell(start + share * fraction, STAGE, None)


def _measured(specs: list[Any], tell: Progress) -> Sequence[Found]:
    """What is mapped of each run, or why it cannot be computed."""
    batch = BATCHES.get(type(specs[0]))
    if batch is not None:
        return batch(specs, lambda share: tell(share, STAGE, None))
    return [_alone(spec, _share(tell, k / len(specs), 1 / len(specs))) for k, spec in enumerate(specs)]


def _alone(spec: Any, tell: Progress) -> Found:
    try:
        return numbers(spec.compute(tell))
    except Cancelled:
        raise
    except ThermovizError as error:
        return str(error)
