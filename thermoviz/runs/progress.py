"""How a computation reports: `progress(fraction, stage, partial)`, throttled, each stage with its share."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .run import Run

# progress(fraction 0..1, stage, partial Run or None); may raise Cancelled.
Progress = Callable[[float, str, "Run | None"], None]


def silent(fraction: float, stage: str, partial: "Run | None") -> None:
    """The progress of one who does not want to know."""


class Stages:
    """Shares one progress callback among stages: `stages.part("training", 0, .5)` maps its 0..1 to 0..0.5.

    Partial runs are costly to build, so a stage hands over a function that makes one, which is called at most
    every `interval` seconds. The callback itself is called every time: it is what notices a cancel.
    """

    def __init__(self, progress: Progress | None, interval: float = 0.15):
        self._progress = progress or silent
        self._interval = interval
        self._wanted = progress is not None
        self._last = time.monotonic()

    def part(self, name: str, start: float, end: float) -> Callable[..., None]:
        """report(fraction, make=None): `make() -> Run` is called when a new partial is due."""

        def report(fraction: float, make: Callable[[], Any] | None = None) -> None:
            self.tell(start + (end - start) * min(max(fraction, 0.0), 1.0), name, make)

        return report

    def each_new(self, name: str, start: float, end: float, make: Callable[[Any], Any]) -> Callable[..., None]:
        """report(fraction, thing): `make(thing) -> Run` is shown at once for every thing not seen before."""
        seen: list[Any] = [None]

        def report(fraction: float, thing: Any = None) -> None:
            new, seen[0] = thing is not None and thing is not seen[0], thing
            self.tell(start + (end - start) * fraction, name, (lambda: make(thing)) if new else None, now=True)

        return report

    def tell(self, fraction: float, name: str, make: Callable[[], Any] | None = None, now: bool = False) -> None:
        """Reports; `now` does not wait for the interval."""
        partial = None
        if make is not None and self._wanted and (now or time.monotonic() - self._last >= self._interval):
            partial = make()
            self._last = time.monotonic()
        self._progress(fraction, name, partial)
