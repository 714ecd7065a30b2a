"""How a sweep is cut: into pieces of about ten seconds, the same on every machine, so that they are found again."""

from typing import Any, NamedTuple

from ..landscape.specification import Descent, Potential
from .specification import SEED, Piece, Sweep

SECONDS = 10.0  # of a piece, on a processor of the speed below
FEWEST = 8  # pieces of a sweep, as long as each has two runs: for many workers, and so that a picture grows
SECOND_RUNS = 16.0  # seconds that a lab takes by default
# Multiplications per second of one thread, and what a run costs besides training.
SPEED = 1.5e9
OVERHEAD = 0.012
INPUTS = 8  # of a data set that nobody has looked at yet
SAMPLES = 400


class Part(NamedTuple):
    """A piece, the numbers of its rows among the sweep's runs, and its seconds on a processor of the usual speed."""

    piece: Piece
    rows: tuple[int, ...]
    seconds: float


def parts(sweep: Sweep) -> tuple[Part, ...]:
    """All pieces, seed by seed, so that runs on the same data stand together and every point is there early.

    Runs are numbered point by point: run `point * seeds + seed`.
    """
    order = [(point, seed) for seed in range(sweep.seeds) for point in range(sweep.n_points)]
    each = [seconds(sweep.run_of(point)) for point in range(sweep.n_points)]
    limit = min(SECONDS, max(sum(each) * sweep.seeds / FEWEST, 2 * max(each)))
    found: list[Part] = []
    rows: list[tuple[int, int]] = []
    spent = 0.0
    for point, seed in order:
        if rows and spent + each[point] > limit:
            found.append(_part(sweep, rows, spent))
            rows, spent = [], 0.0
        rows.append((point, seed))
        spent += each[point]
    return (*found, _part(sweep, rows, spent))


def _part(sweep: Sweep, rows: list[tuple[int, int]], spent: float) -> Part:
    piece = Piece(sweep.base, (*sweep.settings, SEED), tuple(sweep.row(point, seed) for point, seed in rows))
    return Part(piece, tuple(point * sweep.seeds + seed for point, seed in rows), spent)


def whole_seconds(sweep: Sweep) -> float:
    """What all runs take together, likewise."""
    return sum(seconds(sweep.run_of(point)) for point in range(sweep.n_points)) * sweep.seeds


def seconds(spec: Any) -> float:
    """What one run takes on a processor of the usual speed, before anything was measured."""
    if isinstance(spec, Potential):
        return 0.1
    if not isinstance(spec, Descent):
        return SECOND_RUNS
    return OVERHEAD + _multiplications(spec) / SPEED


def _multiplications(spec: Descent) -> float:
    """Of all training, records and measurements of a run, about."""
    samples = getattr(spec.dataset, "n", None) or SAMPLES
    sizes = spec.network.sizes(INPUTS, 2)
    d = sum((above + 1) * below for above, below in zip(sizes[:-1], sizes[1:], strict=True))
    networks = spec.replicas * len(spec.dynamics)
    seen = spec.steps * min(spec.batch_size or samples, samples) + 60 * samples
    return 3.0 * d * networks * seen
