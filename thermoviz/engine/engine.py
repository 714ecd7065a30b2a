"""The engine: a specification becomes a job, a job becomes a run in the store; the same question is asked once.

Workers are processes of Pebble's pool: one that is killed fails only its own job and is replaced. Cancelling is a
flag that the worker polls, because killing a warm worker costs seconds; only one that stays silent is killed.
"""

import dataclasses
import logging
import multiprocessing
import threading
import time
from collections import OrderedDict
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from ..catalogue.shipped import is_shipped, shipped
from ..core.errors import BadInput
from ..core.settings import settings
from ..core.specs import identity
from ..runs.carried import carried_by
from ..runs.run import Run
from . import worker
from .scratch import Scratch
from .store import Store

QUEUED, RUNNING = "queued", "running"
DONE, FAILED, CANCELLED = worker.DONE, worker.FAILED, worker.CANCELLED

SILENCE_SECONDS = 2.0  # a cancelled worker that gives no sign for so long is killed
# A job that nobody has asked after for so long was left by a closed browser; it ends as soon as another wants to start.
# (A hidden tab asks once a minute.)
FORGOTTEN_SECONDS = 150.0
# Besides those that come with the package: a run with surface and equilibria takes a few MB; others wait in the store.
RUNS_IN_MEMORY = 6
JOBS_REMEMBERED = 500

log = logging.getLogger("thermoviz.engine")


@dataclasses.dataclass(frozen=True)
class JobState:
    """status: queued, running, done, failed or cancelled. fraction 0..1 of the work, `stage` in words.

    version: counts the partial runs, so that a page knows when to draw anew. message: why it failed.
    """

    status: str
    fraction: float = 0.0
    stage: str = ""
    version: int = 0
    message: str = ""

    @property
    def finished(self) -> bool:
        """Nothing more will come."""
        return self.status in (DONE, FAILED, CANCELLED)


class _Job:
    """One attempt at one run; the engine's lock guards it."""

    def __init__(self, id: str, spec: Any, scratch: Scratch):
        self.id = id
        self.spec = spec
        # The latest partial run that somebody saw, with its version, and its arrays by their digests.
        self.partial: tuple[int, Run] | None = None
        self.arrays: dict[str, Any] = {}
        self.scratch = scratch
        self.viewers: set[str] = set()
        self.status = QUEUED
        self.message = ""
        self.asked_after = time.monotonic()
        self.future: Future | None = None


class Engine:
    """Computes runs in `workers` processes and keeps them in `store` (a Store, a folder, or None for the default).

    A run that takes longer than `job_seconds` is stopped. What is None is as set (core/settings.py).

    Safe to call from many threads. Processes start at the first need, or by `warm()`.
    """

    def __init__(self, store: Store | str | Path | None = None, workers: int | None = None,
                 job_seconds: float | None = None):
        if workers is not None and workers < 1:
            raise BadInput(f"an engine needs at least one worker, got {workers}.")
        self.store = store if isinstance(store, Store) else Store(store)
        self.workers = workers or settings().workers
        self._job_seconds = job_seconds or settings().job_seconds
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._pool: Any = None
        self._closed = False

    # What a page asks

    def submit(self, spec: Any, viewer: str) -> str:
        """Asks for the run of `spec`; returns its id at once. The same id running or stored is used.

        A failed or cancelled run is tried again, unless `viewer` is still looking at the failure.
        """
        id = identity(spec)
        with self._lock:
            job = self._jobs.get(id)
            if job is not None and not self._over(job):
                job.viewers.add(viewer)
                job.asked_after = time.monotonic()
            elif self._known(id):
                self._jobs.pop(id, None)
            elif job is None or job.status != FAILED or viewer not in job.viewers:
                self._start(spec, id, viewer)
        return id

    def state(self, id: str) -> JobState:
        """How far the run is. Raises BadInput for an id that was never asked for."""
        with self._lock:
            job = self._jobs.get(id)
            status, message = (job.status, job.message) if job else (None, "")
            if job:
                job.asked_after = time.monotonic()
        if job is None or status == DONE:
            if self._known(id):
                return JobState(DONE, 1.0)
            if job is None:
                raise BadInput(f"there is no run {id!r}: submit its specification first.")
            return JobState(FAILED, message="This run was computed, but its file is gone; ask for it again.")
        if status in (FAILED, CANCELLED):
            return JobState(status, message=message)
        told = job.scratch.told()
        running = job.future is not None and job.future.running()
        return JobState(RUNNING if running or told.stage else QUEUED, told.fraction, told.stage, told.version)

    def partial(self, id: str) -> Run | None:
        """The latest partial run of what is being computed, the run itself once it is done, or None."""
        with self._lock:
            job = self._jobs.get(id)
        if job is None or job.status == DONE:
            return self.result(id)
        if self._over(job):
            return None
        version, seen = job.scratch.told().version, job.partial
        if seen is not None and seen[0] == version:
            return seen[1]
        found = job.scratch.shown(job.spec, job.arrays)
        if found is None:
            return None if seen is None else seen[1]
        run, job.arrays = found
        job.partial = version, run
        return run

    def result(self, id: str) -> Run | None:
        """The finished run, or None."""
        with self._lock:
            if id in self._runs:
                self._runs.move_to_end(id)
                return self._runs[id]
        run = shipped(id) or self.store.get(id)
        if run is not None:
            with self._lock:
                self._runs[id] = run
                while len(self._runs) > RUNS_IN_MEMORY:
                    self._runs.popitem(last=False)
        return run

    def leave(self, id: str, viewer: str) -> None:
        """`viewer` no longer waits for this run; when nobody does, it is cancelled."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None:
                return
            job.viewers.discard(viewer)
            if not job.viewers and not self._over(job):
                self._cancel(job)

    # Life

    def warm(self) -> None:
        """Starts the workers in the background, so that the first job finds them ready."""
        if worker.is_warmth_wanted():
            with self._lock:
                self._started_pool().schedule(worker.ready)

    def wait_until_warm(self, timeout: float = 120.0) -> None:
        """Blocks until a worker is ready: for tests, benchmarks and the command line."""
        with self._lock:
            future = self._started_pool().schedule(worker.ready)
        future.result(timeout)

    def close(self) -> None:
        """Ends the workers and what they compute. The engine cannot be used afterwards."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.stop()
            pool.join()
        for job in list(self._jobs.values()):
            job.scratch.remove()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    # Inside; every method below that changes a job is called with the lock held

    def _over(self, job: _Job) -> bool:
        return job.status in (DONE, FAILED, CANCELLED)

    def _known(self, id: str) -> bool:
        return id in self._runs or is_shipped(id) or id in self.store

    def _started_pool(self) -> Any:
        if self._closed:
            raise BadInput("this engine is closed.")
        if self._pool is None:
            from pebble import ProcessPool
            self._pool = ProcessPool(max_workers=self.workers, initializer=worker.start,
                                     initargs=(int(settings().worker_gigabytes * 2**30),),
                                     context=multiprocessing.get_context("spawn"))
        return self._pool

    def _start(self, spec: Any, id: str, viewer: str) -> None:
        self._cancel_forgotten()
        job = _Job(id, spec, Scratch.new(self.store.jobs, id))
        job.viewers.add(viewer)
        self._jobs.pop(id, None)
        self._jobs[id] = job
        self._forget_old_jobs()
        job.message = self._hand_over(spec)
        if job.message:
            job.status = FAILED
            return
        job.future = self._started_pool().schedule(
            worker.compute, args=(spec, id, job.scratch.name, self.store.address, self.store.limit),
            timeout=self._job_seconds)
        job.future.add_done_callback(lambda future: self._ended(job, future))

    def _hand_over(self, spec: Any) -> str:
        """Puts what the specification only names by its hash where workers find it; a sentence if that fails."""
        try:
            for member in carried_by(spec):
                member.keep(self.store.data)
        except BadInput as error:
            return str(error)
        except OSError as error:
            return f"The store {self.store.folder} cannot be written: {error.strerror or error}."
        return ""

    def _cancel_forgotten(self) -> None:
        """Ends the jobs whose viewers have gone without a word, so that the new one gets a worker."""
        before = time.monotonic() - FORGOTTEN_SECONDS
        for job in self._jobs.values():
            if not self._over(job) and job.asked_after < before:
                self._cancel(job)

    def _forget_old_jobs(self) -> None:
        for id in [id for id, job in self._jobs.items() if self._over(job)]:
            if len(self._jobs) <= JOBS_REMEMBERED:
                return
            del self._jobs[id]

    def _cancel(self, job: _Job) -> None:
        """The state is cancelled at once; the worker returns within its polling time, or is watched.

        A queued job is flagged too, and returns as soon as it is begun: asking the pool to drop it could kill a
        worker that has just taken it up.
        """
        job.status = CANCELLED
        job.scratch.cancel()
        self._watch(job, time.time())

    def _watch(self, job: _Job, since: float) -> None:
        timer = threading.Timer(SILENCE_SECONDS, self._kill_if_silent, (job, since))
        timer.daemon = True
        timer.start()

    def _kill_if_silent(self, job: _Job, since: float) -> None:
        if job.future is None or job.future.done():
            return
        last = max(job.scratch.last_sign(), since if job.future.running() else time.time())
        if time.time() - last >= SILENCE_SECONDS:
            log.warning("the worker of run %s did not answer a cancel and was stopped", job.id)
            job.future.cancel()
        else:
            self._watch(job, last)

    def _ended(self, job: _Job, future: Future) -> None:
        """Called by the pool's thread when the worker answered, was killed, or ran out of time."""
        from pebble import ProcessExpired
        try:
            status, message = future.result()
        except CancelledError:
            status, message = CANCELLED, ""
        except TimeoutError:
            status, message = FAILED, (f"This run took longer than {self._job_seconds:g} s and was stopped; "
                                       "choose fewer steps, replicas or points.")
        except ProcessExpired:
            status, message = FAILED, "The process that computed this run ended unexpectedly; please try again."
        except Exception:
            log.exception("run %s failed on its way back", job.id)
            status, message = FAILED, "This run could not be computed; please try again."
        with self._lock:
            if job.status != CANCELLED:
                job.status, job.message = status, message
        job.scratch.remove()
        job.partial, job.arrays = None, {}
