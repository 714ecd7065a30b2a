"""What has happened since the server started, in numbers: the one source of its log, metrics and operator's page."""

import bisect
import contextlib
import itertools
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from ...core.logs import told
from ...engine.accounts import Account
from ...engine.workers import FAILED

JOB_BOUNDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
RERUN_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FAILURES_KEPT = 20
log = logging.getLogger("thermoviz.server")


class Spread:
    """How often a number of seconds was at most each of `bounds`, and the sum of all."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect.bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    @property
    def number(self) -> int:
        """Of all."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """(bound, how many were at most that), the last bound "+Inf"."""
        return list(zip([*(f"{bound:g}" for bound in self.bounds), "+Inf"], itertools.accumulate(self.counts),
                        strict=True))


class Failure(NamedTuple):
    """A job that was not done, or an error of a page: when (seconds since 1970), what, for whom, why."""

    at: float
    what: str
    visitor: str
    why: str


class Counts:
    """Safe for many threads; asks nothing of anybody."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.jobs = Counter[str]()  # by outcome
        self.computed, self.waited, self.reruns = Spread(JOB_BOUNDS), Spread(JOB_BOUNDS), Spread(RERUN_BOUNDS)
        self.cpu = 0.0  # seconds of processors of all jobs
        self.opened = self.closed = self.turned_away = self.errors = 0
        self.failures: deque[Failure] = deque(maxlen=FAILURES_KEPT)

    @property
    def uptime(self) -> float:
        """Seconds."""
        return time.monotonic() - self.began

    def job(self, account: Account) -> None:
        """What became of a job: the engine tells (Engine.hear)."""
        with self.lock:
            self.jobs[account.outcome] += 1
            self.waited.add(account.waited)
            self.cpu += account.cpu
            if account.attempts:
                self.computed.add(account.computed)
            if account.outcome == FAILED:
                self.failures.append(Failure(time.time(), f"{account.kind} {account.id}", account.visitor,
                                             account.reason))
        level = logging.WARNING if account.outcome == FAILED else logging.INFO
        told(log, "job", level, **account._asdict())

    def error(self, reference: str, exception: BaseException) -> None:
        """A page could not be drawn; its visitor is told the reference."""
        with self.lock:
            self.errors += 1
            self.failures.append(Failure(time.time(), f"page {reference}", "", type(exception).__name__))
        log.error("a page failed", exc_info=exception, extra={"fields": {"reference": reference}})

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        """A browser is connected meanwhile."""
        with self.lock:
            self.opened += 1
        told(log, "session opened", opened=self.opened, closed=self.closed)
        try:
            yield
        finally:
            with self.lock:
                self.closed += 1
            told(log, "session closed", opened=self.opened, closed=self.closed)

    @contextlib.contextmanager
    def rerun(self) -> Iterator[None]:
        """A page is drawn meanwhile."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            with self.lock:
                self.reruns.add(time.perf_counter() - begun)


counts = Counts()
