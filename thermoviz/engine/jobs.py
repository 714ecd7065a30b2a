"""A job: one question that is being answered, and what a page may know of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ..runs.run import Run
from .workers import CANCELLED, DONE, FAILED, Attempt, Told, nothing

QUEUED, RUNNING = "queued", "running"
OVER = (DONE, FAILED, CANCELLED)


@dataclasses.dataclass(frozen=True)
class JobState:
    """status: queued, running, done, failed or cancelled. fraction 0..1 of the work, `stage` in words.

    version: counts the partial runs, so that a page knows when to draw anew. message: why it failed, in the reader's
    language; again: whether asking once more may help. place: of a queued job, 1 is the next one; 0 has its worker,
    which is still made ready. wait: seconds until it begins, as expected just now; None where nothing like what stands
    before it was measured. attempt: 1, and one more for each worker that died over it.
    """

    status: str
    fraction: float = 0.0
    stage: str = ""
    version: int = 0
    message: str = ""
    again: bool = False
    place: int | None = None
    wait: float | None = None
    attempt: int = 1

    @property
    def finished(self) -> bool:
        """Nothing more will come."""
        return self.status in OVER


class Job:
    """One question on its way to an answer, in one attempt or several; the engine's lock guards what changes it."""

    def __init__(self, id: str, spec: Any, now: float):
        self.id = id
        self.spec = spec
        self.viewers: set[str] = set()
        self.asker = ""  # who asked first
        self.asked_after = self.asked = now
        self.handed: float | None = None  # when, to its first worker
        self.cpu = 0.0  # seconds of processors that it took so far
        self.status = QUEUED
        self.lost = self.lost_at_work = 0  # attempts whose workers died; those of them that had begun
        self._say: Callable[[], str] = nothing
        self._again = False
        # The attempt under way, and how many partial runs those before it have shown.
        self._trial: tuple[Attempt | None, int] = None, 0
        # The latest partial run that somebody saw, with its version, and its arrays by their digests.
        self._seen: tuple[int, Run] | None = None
        self._arrays: dict[str, Any] = {}

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return self.status in OVER

    @property
    def attempt(self) -> Attempt | None:
        """The one under way; None in the queue."""
        return self._trial[0]

    @property
    def told(self) -> Told:
        """The last word of its worker."""
        return Told() if self.attempt is None else self.attempt.told()

    def tried(self, attempt: Attempt, now: float) -> None:
        """It is handed to a worker."""
        self.handed = now if self.handed is None else self.handed
        self._trial = attempt, self._trial[1]

    @property
    def attempts(self) -> int:
        """Begun so far."""
        return self.lost + (self.attempt is not None)

    def lose(self) -> None:
        """The worker died."""
        self.lost += 1
        self.lost_at_work += bool(self.told.stage)
        self.put_back()

    def put_back(self) -> None:
        """It is no worker's any more, and begins anew. Its last partial run stays until the next attempt has one."""
        version = self.told.version
        self.look()
        self._trial = None, self._trial[1] + version

    def end(self, status: str, say: Callable[[], str] = nothing, again: bool = False) -> None:
        """Nothing more will come. `say`: why, in the language of whoever reads it."""
        self.status, self._say, self._again = status, say, again
        self._seen, self._arrays = None, {}

    @property
    def reason(self) -> str:
        """Why it ended as it did, in the language of whoever reads it."""
        return self._say()

    def ended(self) -> JobState:
        """The state of a job that is over."""
        return JobState(self.status, message=self._say(), again=self._again, attempt=self.lost + 1)

    def queued(self, place: int, wait: float | None) -> JobState:
        """The state of a job that has not begun."""
        return JobState(QUEUED, version=self._trial[1], place=place, wait=wait, attempt=self.lost + 1)

    def under_way(self) -> JobState:
        """The state of a job that was handed over."""
        attempt, before = self._trial
        told = Told() if attempt is None else attempt.told()
        if not told.stage:
            return self.queued(0, None)
        return JobState(RUNNING, told.fraction, told.stage, before + told.version, attempt=self.lost + 1)

    def look(self) -> Run | None:
        """The latest partial run, of an attempt before where this one has none yet. For many threads."""
        (attempt, before), seen = self._trial, self._seen
        if attempt is None:
            return None if seen is None else seen[1]
        version = before + attempt.told().version
        if seen is None or seen[0] != version:
            found = attempt.shown(self._arrays)
            if found is not None:
                seen = version, found[0]
                self._seen, self._arrays = seen, found[1]
        return None if seen is None else seen[1]
