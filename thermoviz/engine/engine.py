"""The engine: a specification becomes a job, a job becomes a run in the store; the same question is asked once.

Here stands what is the same wherever it is computed: who waits for what, whose turn it is, what is tried again and
what is refused. How a question gets to a process and back is the workers' (`workers.py`; `local.py` for this machine).
"""

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..catalogue.shipped import is_shipped, shipped
from ..core.errors import BadInput
from ..core.settings import settings
from ..core.specs import identity
from ..experiments.sweep.specification import Sweep
from ..presentation.words import _
from ..runs.run import Run
from .accounts import REFUSED, Account, Budget, Standing, Underway, short
from .brought.kept import Brought
from .cluster.workers import ClusterWorkers
from .forecast import Durations, begins
from .jobs import Job, JobState
from .local import LocalWorkers
from .queue import Bounds, FairQueue
from .refusals import Refusals
from .store import Store
from .sweeps import Sweeps
from .workers import BACK, CANCELLED, DONE, FAILED, LOST, Outcome, Workers

ATTEMPTS = 3  # of a job whose worker dies
# A job that nobody has asked after for so long was left by a closed browser; it ends as soon as another wants its
# place. (A hidden tab asks once a minute.)
FORGOTTEN_SECONDS = 150.0
GONE_SECONDS = 10.0  # the same where all who wanted it are known to have gone: a line that was cut is up again by then
# Besides those that come with the package: a run with surface and equilibria takes a few MB; others wait in the store.
RUNS_IN_MEMORY = 6
JOBS_REMEMBERED = 500
FORECAST_SECONDS = 0.2  # for so long one forecast serves all who ask; the places are always those of this moment

log = logging.getLogger("thermoviz.engine")


class Engine:
    """Answers specifications by runs, which it keeps in `store` (a Store, a folder, or None for the default).

    `workers`: how many processes of this machine compute, or other Workers. A job that takes these processes longer
    than `job_seconds` is stopped. `bounds`: how many jobs may wait; `budget`: what a visitor may use. What is None is
    as set (core/settings.py).

    Safe to call from many threads. Processes start at the first need, or by `warm()`. Whoever submits asks for the
    `state` now and then: a job that nobody asks after for two and a half minutes makes room for others, after ten
    seconds already where `is_here` says of each of its viewers that they have gone.
    """

    def __init__(self, store: Store | str | Path | None = None, workers: int | Workers | None = None,
                 job_seconds: float | None = None, bounds: Bounds | None = None,
                 clock: Callable[[], float] = time.monotonic, is_here: Callable[[str], bool] = lambda viewer: True,
                 budget: Budget | None = None):
        self.store = store if isinstance(store, Store) else Store(store)
        if workers is None or isinstance(workers, int):
            workers = _workers_as_set(self.store, workers, job_seconds)
        self.workers: Workers = workers
        self._clock, self._is_here = clock, is_here
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue = FairQueue(bounds or Bounds(settings().queue, settings().queue_of_one))
        self._budget = budget or Budget(settings().visitor_seconds, 60 * settings().visitor_minutes, clock)
        self._heard: list[Callable[[Account], None]] = []
        self._asked = Counter[str]()
        self._busy: set[Job] = set()  # handed over and not come back, cancelled ones too
        self._durations = Durations()
        self._forecast: tuple[float, tuple[str, ...], dict[str, tuple[int, float | None]]] = 0.0, (), {}
        self._refusals = Refusals(self.store.refused)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self.sweeps = Sweeps(self, clock)
        self.brought = Brought(self.store)
        self._closed = False
        self.workers.watch(self._resume)

    # What a page asks

    def submit(self, spec: Any, viewer: str) -> str:
        """Asks for the run of `spec`; returns its id at once. The same id running or stored is used.

        A failed or cancelled run is tried again, unless `viewer` is still looking at the failure.
        """
        if isinstance(spec, Sweep):
            return self.sweeps.submit(spec, viewer)
        id = identity(spec)
        known = self.result(id) is not None  # that there is a file is not enough: it may be damaged, and is gone then
        with self._lock:
            job = self._jobs.get(id)
            if job is not None and not job.over:
                self._asked["joined"] += 1
                self._join(job, viewer)
            elif known or self._known(id):
                self._asked["known"] += 1
                self._jobs.pop(id, None)
            elif job is None or job.status != FAILED or viewer not in job.viewers:
                self._asked["new"] += 1
                self._start(Job(id, spec, self._clock()), viewer)
        return id

    def state(self, id: str) -> JobState:
        """How far the run is. Raises BadInput for an id that was never asked for."""
        sweep = self.sweeps.state(id)
        if sweep is not None:
            return sweep
        with self._lock:
            job = self._jobs.get(id)
            if job is not None and not job.over:
                job.asked_after = self._clock()
                self._cancel_forgotten(self._busy)  # or whoever waits would wait for what nobody wants
                return job.queued(*self._standing(id)) if id in self._queue else job.under_way()
            if job is not None and job.status != DONE:
                return job.ended()
        if self._known(id):
            return JobState(DONE, 1.0)
        if job is None:
            raise BadInput(f"there is no run {id!r}: submit its specification first.")
        return JobState(FAILED, message=_("This run was computed, but its file is gone; ask for it again."), again=True)

    def partial(self, id: str) -> Run | None:
        """The latest partial run of what is being computed, the run itself once it is done, or None."""
        with self._lock:
            job = self._jobs.get(id)
        if job is None or job.status == DONE:
            return self.sweeps.partial(id) or self.result(id)
        return None if job.over else job.look()

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

    def knows(self, id: str) -> bool:
        """Whether the run is there, so that nothing need be computed."""
        with self._lock:
            return self._known(id)

    def delete(self, kind: str, key: str) -> None:
        """Removes what somebody brought (brought/kept.py), and every run that was computed of it."""
        self._forget(self.brought.delete(kind, key))

    def sweep(self) -> None:
        """Removes what people brought whose time is over, and every run that was computed of it."""
        self._forget(self.brought.sweep())

    def _forget(self, ids: Iterable[str]) -> None:
        with self._lock:
            for id in ids:
                self._runs.pop(id, None)
                job = self._jobs.get(id)
                if job is not None and job.over:
                    del self._jobs[id]

    def leave(self, id: str, viewer: str) -> None:
        """`viewer` no longer waits for this run; when nobody does, it is cancelled."""
        self.sweeps.leave(id, viewer)
        with self._lock:
            job = self._jobs.get(id)
            if job is None:
                return
            job.viewers.discard(viewer)
            if not job.over:
                self._queue.drop(id, viewer)
                if not job.viewers:
                    self._cancel(job)

    def notice(self) -> str:
        """What visitors should know of how it is computed just now, in their language; "" as a rule."""
        return self.workers.notice()

    # What whoever runs it asks

    def hear(self, listener: Callable[[Account], None]) -> None:
        """From now on `listener` is told what became of each job, at once and by any thread: it must be quick, and ask
        the engine nothing."""
        self._heard.append(listener)

    def standing(self) -> Standing:
        """How things stand just now."""
        with self._lock:
            underway = [(job, job.told) for job in self._busy]
            asked, queued = self._asked.copy(), len(self._queue)
            ailing = "the engine is closed" if self._closed else self.workers.ailing()
        return Standing(queued, self.workers.places, tuple(
            Underway(job.id, job.spec.kind, short(job.asker), told.fraction, told.seconds) for job, told in underway),
            asked, ailing)

    # Life

    def warm(self) -> None:
        """Starts the workers in the background, so that the first job finds them ready; after `close`, nothing."""
        with self._lock:
            if not self._closed:
                self.workers.warm()

    def wait_until_warm(self, timeout: float = 120.0) -> None:
        """Blocks until the workers are ready: for tests, benchmarks and the command line."""
        self.workers.wait_until_warm(timeout)

    def close(self) -> None:
        """Ends the workers and what they compute. The engine cannot be used afterwards."""
        self.sweeps.close()
        with self._lock:
            self._closed = True
        self.workers.close()
        with self._lock:
            while self._busy:  # of whom a pool that ends says nothing
                job = self._busy.pop()
                if job.attempt is not None:
                    job.attempt.remove()
                self._account(job, CANCELLED, self._clock() - (job.handed or 0.0))

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    # Inside; every method below is called with the lock held, but for `_ended` and `_resume`, which take it

    def _known(self, id: str) -> bool:
        return id in self._runs or is_shipped(id) or id in self.store

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BadInput("this engine is closed.")

    def _join(self, job: Job, viewer: str) -> None:
        job.viewers.add(viewer)
        job.asked_after = self._clock()
        if job.id in self._queue:
            self._queue.add(job.id, viewer)

    def _start(self, job: Job, viewer: str) -> None:
        self._refuse_if_closed()
        self._cancel_forgotten(self._jobs.values())  # also those that hold a worker
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        self._forget_old_jobs()
        job.viewers.add(viewer)
        job.asker = viewer
        if self._accepts(job, viewer):
            self._queue.add(job.id, viewer)
            self._dispatch(new=job)

    def _accepts(self, job: Job, viewer: str) -> bool:
        """Whether the job may stand in the queue; otherwise it has failed, and says why."""
        if job.id in self._refusals:
            job.end(FAILED, _kills_workers)
        elif (wait := self._budget.refusal(viewer) or (self._queue.full_for(viewer) if self._busy else None)):
            job.end(FAILED, wait, again=True)
        else:
            try:
                self.workers.prepare(job.spec)
            except BadInput as error:
                said = str(error)
                job.end(FAILED, lambda: said)
        if job.over:
            self._account(job, REFUSED)
        return not job.over

    def _dispatch(self, new: Job | None = None) -> None:
        """Hands over as many jobs as there are workers: the order of all others stays ours, and so does their end."""
        if len(self._queue):
            self._cancel_forgotten(self._jobs.values())
        while len(self._busy) < self.workers.places and (id := self._queue.take()) is not None:
            job = self._jobs[id]
            if job is not new and self._known(id):  # by another server, meanwhile
                job.end(DONE)
                self._account(job)
            elif (wait := self._spent(job)) is not None:  # by what they asked for before
                job.end(FAILED, wait, again=True)
                self._account(job, REFUSED)
            else:
                self._busy.add(job)
                self._try(job)

    def _spent(self, job: Job) -> Callable[[], str] | None:
        """Why a job cannot begin though its turn has come: none of those who want it has anything left to use."""
        refusals = [self._budget.refusal(viewer) for viewer in job.viewers]
        return refusals[0] if refusals and all(refusals) else None

    def _account(self, job: Job, outcome: str = "", computed: float = 0.0) -> None:
        """Tells those who listen what became of a job that is over and that no worker has any more."""
        waited = (self._clock() if job.handed is None else job.handed) - job.asked
        account = Account(job.id, job.spec.kind, short(job.asker), waited, computed, job.cpu, job.attempts,
                          outcome or job.status, "" if job.status == DONE else job.reason)
        for listener in self._heard:
            listener(account)

    def _try(self, job: Job) -> None:
        attempt = self.workers.attempt(job.id, job.spec)
        job.tried(attempt, self._clock())
        attempt.begin(lambda outcome: self._ended(job, outcome))

    def _resume(self) -> None:
        """There are other places than before; called by any thread."""
        with self._lock:
            if not self._closed:
                self._dispatch()

    def _ended(self, job: Job, outcome: Outcome) -> None:
        """An attempt came back; called by any thread."""
        with self._lock:
            used = outcome.cpu or job.told.seconds  # of one whose worker died, by its last word
            job.cpu += used
            self._budget.spend(job.asker, used)
            attempt, again = job.attempt, self._settle(job, outcome)
            if attempt is not None:
                attempt.remove()
            if again:
                self._try(job)
                return
            known = job in self._busy
            self._busy.discard(job)
            if known and (job.over or self._closed):
                self._account(job, "" if job.over else CANCELLED, self._clock() - (job.handed or 0.0))
            if not self._closed:
                self._dispatch()

    def _settle(self, job: Job, outcome: Outcome) -> bool:
        """What became of the job; whether it is to be tried again."""
        if job.over or self._closed:
            return False
        if outcome.status == LOST:
            return self._lost(job)
        if outcome.status == BACK:
            job.put_back()
            for viewer in sorted(job.viewers):
                self._queue.add(job.id, viewer)
            return False
        if outcome.status == DONE and outcome.seconds > 0:
            self._durations.add(job.spec.kind, outcome.seconds)
        job.end(outcome.status, outcome.say, outcome.again)
        return False

    def _lost(self, job: Job) -> bool:
        """Its worker died: it is tried again at once, for its turn was cut short, but not for ever."""
        job.lose()
        log.warning("the worker of run %s died, %d of %d times", job.id, job.lost, ATTEMPTS)
        if job.lost < ATTEMPTS:
            return True
        if job.lost_at_work == ATTEMPTS:
            self._refusals.remember(job.id)
            job.end(FAILED, _kills_workers)
        else:
            job.end(FAILED, _no_worker, again=True)
        return False

    def _standing(self, id: str) -> tuple[int, float | None]:
        """Place in the queue, 1 for the next, and seconds until it begins, if they can be told."""
        at, order, standing = self._forecast
        now, current = self._clock(), self._queue.order()
        if current is not order or now - at > FORECAST_SECONDS:
            left = [0.0 if job.over else self._durations.left(job.spec.kind, job.told) for job in self._busy]
            typical = [self._durations.typical(self._jobs[other].spec.kind) for other in current]
            waits = begins(left, typical, self.workers.places)
            standing = {other: (place, wait) for place, (other, wait) in enumerate(zip(current, waits, strict=True), 1)}
            self._forecast = now, current, standing
        return standing[id]

    def _cancel(self, job: Job) -> None:
        """The state is cancelled at once; the worker stays taken until it has returned."""
        job.end(CANCELLED)
        self._queue.drop(job.id)
        if job.attempt is not None:
            job.attempt.cancel()
        elif job.handed is None:
            self._account(job)

    def _cancel_forgotten(self, jobs: Iterable[Job]) -> None:
        """Ends those whose viewers have gone without a word."""
        now = self._clock()
        for job in jobs:
            if not job.over and now - job.asked_after > GONE_SECONDS and self._is_forgotten(job, now):
                self._cancel(job)

    def _is_forgotten(self, job: Job, now: float) -> bool:
        return now - job.asked_after > FORGOTTEN_SECONDS or not any(map(self._is_here, job.viewers))

    def _forget_old_jobs(self) -> None:
        for id in [id for id, job in self._jobs.items() if job.over]:
            if len(self._jobs) <= JOBS_REMEMBERED:
                return
            del self._jobs[id]


def _workers_as_set(store: Store, places: int | None, job_seconds: float | None) -> Workers:
    """Those of the cluster that is set, unless a number of this machine's processes is asked for."""
    scheduler = settings().scheduler
    if scheduler is None or places is not None:
        return LocalWorkers(store, places, job_seconds)
    return ClusterWorkers(store, scheduler, seconds=job_seconds)


def _kills_workers() -> str:
    return _("All {n} processes that began this experiment died of it, so it is not tried again today. With fewer "
             "replicas, points, steps or parameters it may be computed.").format(n=ATTEMPTS)


def _no_worker() -> str:
    return _("The processes that compute cannot be started just now; please try again in a moment.")
