"""What is told of the engine's work to those who run it: what became of each job, how things stand, who used what."""

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from ..presentation.words import _, counted

REFUSED = "refused"  # an outcome beside those of workers: it never stood in the queue
NAME_LENGTH = 6
VISITORS_REMEMBERED = 10_000


class Account(NamedTuple):
    """What became of a job. `visitor`: a short random name of the browser session that asked first; seconds waited in
    the queue, computed by the clock, and of processors; attempts begun; outcome: done, failed, cancelled or refused;
    reason: why, in one sentence, where it is not done."""

    id: str
    kind: str
    visitor: str
    waited: float
    computed: float
    cpu: float
    attempts: int
    outcome: str
    reason: str = ""


class Underway(NamedTuple):
    """A job that a worker has: what, for whom, fraction done, seconds so far."""

    id: str
    kind: str
    visitor: str
    fraction: float
    seconds: float


class Standing(NamedTuple):
    """How the engine stands: jobs that wait, workers, what they do, how questions were met so far ("known", "joined",
    "new"), and why no job could begin just now ("" where one could)."""

    queued: int
    places: int
    underway: tuple[Underway, ...]
    asked: Counter[str]
    ailing: str


def short(viewer: str) -> str:
    """The name by which logs call a browser session."""
    return viewer[:NAME_LENGTH]


class Budget:
    """Seconds of processors that each visitor may use within a sliding window; without end where `seconds` is None.

    A visitor is a browser session. What is under way counts when it has ended, so that the last job may pass the
    limit. Safe for many threads.
    """

    def __init__(self, seconds: float | None, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.window, self._clock = seconds, window, clock
        self._spent: OrderedDict[str, deque[tuple[float, float]]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, viewer: str, seconds: float) -> None:
        """`viewer` has used so much, just now."""
        if self.seconds is None or seconds <= 0:
            return
        with self._lock:
            self._spent.setdefault(viewer, deque()).append((self._clock(), seconds))
            self._spent.move_to_end(viewer)
            while len(self._spent) > VISITORS_REMEMBERED:
                self._spent.popitem(last=False)

    def wait(self, viewer: str) -> float:
        """Seconds until `viewer` may go on; 0 where they may."""
        if self.seconds is None:
            return 0.0
        now, begun = self._clock(), 0.0
        with self._lock:
            spent = self._spent.get(viewer, deque[tuple[float, float]]())
            while spent and spent[0][0] <= now - self.window:
                spent.popleft()
            left = sum(seconds for _at, seconds in spent)
            for at, seconds in spent:
                if left < self.seconds:
                    break
                left, begun = left - seconds, at
            return begun + self.window - now if begun else 0.0

    def refusal(self, viewer: str) -> Callable[[], str] | None:
        """Why `viewer` has to wait, as a sentence that counts the minutes left; None where they may go on."""
        wait = self.wait(viewer)
        if wait <= 0:
            return None
        until = self._clock() + wait
        return lambda: self._sentence(max(1, math.ceil((until - self._clock()) / 60)))

    def _sentence(self, minutes: int) -> str:
        used = _("You have used the {seconds} seconds of computing that each visitor has here in {minutes} minutes."
                 ).format(seconds=f"{self.seconds:g}", minutes=f"{self.window / 60:g}")
        return used + " " + counted(
            "You can go on in one minute; what was computed before opens at once.",
            "You can go on in {n} minutes; what was computed before opens at once.", minutes)
