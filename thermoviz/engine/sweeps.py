"""Sweeps beside the engine: their pieces are submitted as jobs, and what comes back is put together.

All pieces of a sweep take their turns as the visitor who asked for it, and few of them stand in the queue at once, so
that others wait for one piece at most. Pieces are kept like any other run: what is known already is not computed again,
so that a sweep that was stopped, or whose server was killed, goes on where it was. One thread looks after all of them;
it only reads and joins rows of numbers.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from ..core.specs import identity
from ..experiments.sweep.pieces import Part, parts
from ..experiments.sweep.rows import joined
from ..experiments.sweep.specification import Sweep
from ..presentation.words import counted
from ..runs.run import Run
from .jobs import QUEUED, RUNNING, JobState
from .store import Store
from .workers import CANCELLED, DONE, FAILED, Workers

LOOK_SECONDS = 0.1
WAITING = 2  # pieces of a sweep that wait for a worker, beside those that have one
FORGOTTEN_SECONDS = 150.0  # as the engine's jobs
REMEMBERED = 50  # sweeps that are over
STAGE = "runs"

log = logging.getLogger("thermoviz.engine")


class Answering(Protocol):
    """What is asked of the engine: see `Engine`."""

    store: Store
    workers: Workers

    def submit(self, spec: Any, viewer: str) -> str: ...

    def state(self, id: str) -> JobState: ...

    def knows(self, id: str) -> bool: ...

    def leave(self, id: str, viewer: str) -> None: ...


class Gathering:
    """One sweep on its way: which pieces are known, which are asked for. The thread alone changes it, but viewers."""

    def __init__(self, id: str, sweep: Sweep, now: float) -> None:
        self.id, self.sweep, self.asked_after = id, sweep, now
        self.viewers: dict[str, None] = {}  # the first of them is the one whose turns its pieces take
        self.status, self.begun = QUEUED, now
        self.parts: tuple[Part, ...] = ()
        self.ids: list[str] = []
        self.known: dict[int, Run] = {}
        self.asked: dict[int, JobState] = {}
        self.asker: dict[int, str] = {}
        self.failed: dict[int, Callable[[], str]] = {}
        self.fresh = 0.0  # seconds, on a usual processor, of what was not known before
        self._seen: tuple[int, Run] | None = None

    @property
    def over(self) -> bool:
        return self.status in (DONE, FAILED, CANCELLED)

    @property
    def pending(self) -> list[int]:
        """Pieces that nobody was asked for yet."""
        return [k for k in range(len(self.parts)) if k not in self.known and k not in self.asked
                and k not in self.failed]

    def state(self) -> JobState:
        """As that of any job; `version` counts the pieces."""
        if self.status == FAILED:
            return JobState(FAILED, message=self._reason(), again=True, version=len(self.known))
        begun = [state for state in self.asked.values() if state.status == RUNNING]
        if not self.over and not self.known and not begun:
            waiting = min((state for state in self.asked.values() if state.place is not None),
                          key=lambda state: state.place or 0, default=JobState(QUEUED, place=0))
            return JobState(QUEUED, place=waiting.place, wait=waiting.wait)
        return JobState(RUNNING if not self.over else self.status, self._fraction(), STAGE, len(self.known))

    def _fraction(self) -> float:
        whole = sum(part.seconds for part in self.parts) or 1.0
        done = sum(self.parts[k].seconds for k in self.known)
        return (done + sum(self.parts[k].seconds * state.fraction for k, state in self.asked.items())) / whole

    def _reason(self) -> str:
        missing = sum(len(self.parts[k].rows) for k in self.failed)
        first = next(iter(self.failed.values()))()
        lost = counted("One run of this sweep could not be computed.", "{n} runs of this sweep could not be computed.",
                       missing)
        return f"{lost} {first}"

    def look(self) -> Run:
        """The run of all pieces that are known."""
        known = dict(self.known)
        if self._seen is None or self._seen[0] != len(known):
            self._seen = len(known), joined(self.sweep, [(self.parts[k].rows, run) for k, run in known.items()])
        return self._seen[1]


class Sweeps:
    """All sweeps of one engine. For many threads."""

    def __init__(self, engine: Answering, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._lock = threading.Lock()
        self._all: OrderedDict[str, Gathering] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self.pace = 1.0  # seconds that a second's worth of work takes here

    def submit(self, sweep: Sweep, viewer: str) -> str:
        """Asks for the sweep's run; returns its id at once. One that failed begins again with what is missing."""
        id = identity(sweep)
        with self._lock:
            found = self._all.get(id)
            if found is None or found.over:
                if self._engine.knows(id):
                    self._all.pop(id, None)
                    return id
                found = self._all[id] = Gathering(id, sweep, self._clock())
                self._forget()
            found.viewers[viewer] = None
            found.asked_after = self._clock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._follow, name="sweeps", daemon=True)
                self._thread.start()
        return id

    def state(self, id: str) -> JobState | None:
        """How far it is; None for what is no sweep that is under way, or failed."""
        found = self._all.get(id)
        if found is None:
            return None
        found.asked_after = self._clock()
        return found.state()

    def partial(self, id: str) -> Run | None:
        """What is known of a sweep under way."""
        found = self._all.get(id)
        return None if found is None or not found.parts else found.look()

    def leave(self, id: str, viewer: str) -> None:
        """`viewer` no longer waits for it; when nobody does, its pieces are cancelled."""
        found = self._all.get(id)
        if found is not None:
            found.viewers.pop(viewer, None)

    def expected(self, sweep_parts: tuple[Part, ...]) -> float:
        """Seconds until all pieces are computed, if none is known and nobody else asks for anything."""
        return self.pace * sum(part.seconds for part in sweep_parts) / max(1, self._engine.workers.places)

    def close(self) -> None:
        """Nothing more is asked for."""
        self._closed.set()

    # The thread

    def _follow(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            with self._lock:
                under_way = [one for one in self._all.values() if not one.over]
                if not under_way:
                    self._thread = None
                    return
            for one in under_way:
                try:
                    self._step(one)
                except Exception:
                    if not self._closed.is_set():
                        log.exception("the sweep %s failed", one.id)
                        one.failed.setdefault(0, lambda: "")
                        one.status = FAILED

    def _step(self, one: Gathering) -> None:
        viewers = list(one.viewers)
        if not viewers or one.asked_after < self._clock() - FORGOTTEN_SECONDS:
            self._cancel(one)
            return
        if not one.parts:
            cut = parts(one.sweep)
            one.ids = [identity(part.piece) for part in cut]
            one.parts = cut
            self._take_known(one)
            one.begun = self._clock()
        for k in list(one.asked):
            self._hear(one, k)
        for k in one.pending[:max(0, self._engine.workers.places + WAITING - len(one.asked))]:
            self._engine.submit(one.parts[k].piece, viewers[0])
            one.asker[k] = viewers[0]
            one.asked[k] = JobState(QUEUED, place=0)
        if not one.asked and not one.pending:
            self._end(one)

    def _take_known(self, one: Gathering) -> None:
        """Pieces that were computed before."""
        for k, id in enumerate(one.ids):
            run = self._engine.store.get(id) if id in self._engine.store else None
            if run is not None:
                one.known[k] = run

    def _hear(self, one: Gathering, k: int) -> None:
        state = self._engine.state(one.ids[k])
        one.asked[k] = state
        if state.status == DONE:
            run = self._engine.store.get(one.ids[k])
            del one.asked[k]
            if run is not None:  # otherwise its file is damaged or gone, and it is asked for again
                one.known[k] = run
                one.fresh += one.parts[k].seconds
        elif state.status == CANCELLED:
            del one.asked[k]
        elif state.status == FAILED:
            del one.asked[k]
            said = state.message
            one.failed[k] = lambda: said
            self._engine.leave(one.ids[k], one.asker[k])  # so that asking again tries again

    def _end(self, one: Gathering) -> None:
        if one.failed:
            one.status = FAILED
            return
        if one.fresh:
            self.pace = (self._clock() - one.begun) * max(1, self._engine.workers.places) / one.fresh
        self._engine.store.put(one.look())
        one.status = DONE
        with self._lock:
            self._all.pop(one.id, None)

    def _cancel(self, one: Gathering) -> None:
        one.status = CANCELLED
        for k in one.asked:
            self._engine.leave(one.ids[k], one.asker[k])
        with self._lock:
            self._all.pop(one.id, None)

    def _forget(self) -> None:
        for id in [id for id, one in self._all.items() if one.over][:max(0, len(self._all) - REMEMBERED)]:
            del self._all[id]
