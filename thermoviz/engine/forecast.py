"""How long a job will wait, from how long others of its kind took on this machine."""

import heapq
import statistics
from collections import deque
from collections.abc import Sequence

from .workers import Told

KEPT = 15  # of each kind, the latest


class Durations:
    """Seconds that finished runs took, by their kind of experiment. The median is not moved by one odd run."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}

    def add(self, kind: str, seconds: float) -> None:
        """A run of this kind took so long."""
        self._seconds.setdefault(kind, deque(maxlen=KEPT)).append(seconds)

    def typical(self, kind: str) -> float | None:
        """Seconds; None before anything of this kind was measured."""
        return statistics.median(self._seconds[kind]) if kind in self._seconds else None

    def left(self, kind: str, told: Told) -> float | None:
        """Seconds that a running job still needs; None where nothing is known.

        The whole is expected to take (seconds so far) + (1 - fraction) typical: at first what others took, towards
        the end more and more what this one itself takes.
        """
        fraction, typical = min(max(told.fraction, 0.0), 1.0), self.typical(kind)
        if typical is None:
            return told.seconds * (1 - fraction) / fraction if fraction > 0 else None
        return (1 - fraction) * (told.seconds + (1 - fraction) * typical)


def begins(running: Sequence[float | None], queued: Sequence[float | None], places: int) -> list[float | None]:
    """Seconds until each of the `queued` jobs begins, which take so long each, in their order, on so many `places`.

    `running`: seconds until those that run now are done. None: not known, and so is what waits for it.
    """
    free = [_finite(seconds) for seconds in running] + [0.0] * (places - len(running)) or [_finite(None)]
    heapq.heapify(free)
    told = []
    for seconds in queued:
        begin = free[0]
        told.append(begin if begin < float("inf") else None)
        heapq.heapreplace(free, begin + _finite(seconds))
    return told


def _finite(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds
