"""Workers on this machine: processes of Pebble, each in a pool of its own.

Pebble replaces a process that died at work and fails only what it worked at; a pool whose process died idle, or before
it took up its task, is broken, and is replaced here. In a pool of one no death can be taken for another's, and none
leaves behind a lock that others wait for. Cancelling is a flag that the worker polls, because killing a warm worker
costs seconds; only one that stays silent is killed.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ..core.errors import BadInput
from ..core.settings import settings
from ..presentation.words import _
from ..runs.carried import carried_by
from ..runs.run import Run
from . import worker
from .scratch import Scratch
from .store import Store
from .workers import CANCELLED, FAILED, LOST, Outcome, Told

TAKEN_UP_SECONDS = 0.5  # so often an attempt that no process has taken up looks whether its pool still stands
ASK_SECONDS, SIGN_SECONDS, MISSED = 5.0, 120.0, 2  # see Process.unwell
SILENCE_SECONDS = 2.0  # a cancelled worker that gives no sign for so long is killed

log = logging.getLogger("thermoviz.engine")


class Process:
    """One worker process, started at the first need and again when it has died."""

    def __init__(self) -> None:
        self.pool: Any = None
        # The last sign of life that was asked for, when, and of which pool; whether it is counted among those missed.
        self._sign: tuple[Future | None, float, Any] = None, 0.0, None
        self._counted = False
        self._missed = 0  # in a row

    def schedule(self, function: Callable[..., Any], *arguments: Any, timeout: float | None = None) -> Future:
        """Has it called there, after what was scheduled before."""
        if self.pool is not None and not self.pool.active:
            # Often one of the broken pool's own threads tells of it, and comes here: it cannot wait for itself.
            threading.Thread(target=self.pool.join, daemon=True).start()
            self.pool = None
        if self.pool is None:
            from pebble import ProcessPool
            self.pool = ProcessPool(max_workers=1, initializer=worker.start,
                                    initargs=(int(settings().worker_gigabytes * 2**30),),
                                    context=worker.Context())
        future: Future = self.pool.schedule(function, args=arguments, timeout=timeout)
        return future

    def unwell(self) -> bool:
        """Whether it gave no sign of life MISSED times in a row; asks for the next. Only while nothing else is asked of
        it: then it answers at once, or dies of it, or has SIGN_SECONDS to start."""
        now, (sign, asked, pool) = time.monotonic(), self._sign
        lost = sign is not None and not sign.done() and (now - asked > SIGN_SECONDS or not pool.active)
        if sign is not None and (sign.done() or lost) and not self._counted:
            alive = not lost and not sign.cancelled() and sign.exception() is None
            self._missed, self._counted = 0 if alive else self._missed + 1, True
        if sign is None or self._counted and (lost or now - asked > ASK_SECONDS):
            self._ask(now)
        return self._missed >= MISSED

    def _ask(self, now: float) -> None:
        try:
            self._sign, self._counted = (self.schedule(worker.ready), now, self.pool), False
        except (OSError, RuntimeError):
            self._missed += 1

    @property
    def started(self) -> bool:
        """Whether it was ever needed."""
        return self.pool is not None

    def close(self) -> None:
        """Ends it."""
        if self.pool is not None:
            self.pool.stop()
            self.pool.join()
            self.pool = None


class LocalWorkers:
    """`places` processes on this machine that leave their runs in `store`. A run that takes longer than `seconds` is
    stopped. What is None is as set (core/settings.py)."""

    def __init__(self, store: Store, places: int | None = None, seconds: float | None = None):
        if places is not None and places < 1:
            raise BadInput(f"an engine needs at least one worker, got {places}.")
        self.store = store
        self.places = places = places or settings().workers
        self.seconds = seconds or settings().job_seconds
        self.processes = tuple(Process() for _ in range(places))
        self.free = list(self.processes)  # the one that ended last is taken first: it is warm

    def watch(self, changed: Callable[[], None]) -> None:
        """There are always as many."""

    def notice(self) -> str:
        """Nothing."""
        return ""

    def prepare(self, spec: Any) -> None:
        """Puts what the specification only names by its hash into the store."""
        asked = type(getattr(spec, "base", spec))
        if asked.__module__ == "__main__":
            raise BadInput(f"{asked.__name__} is defined in the program that is run, which worker processes do not "
                           "know: put it into a module, and import it from there.")
        lay_out(spec, self.store)

    def attempt(self, id: str, spec: Any) -> "LocalAttempt":
        """A new attempt; see `workers.Workers`."""
        return LocalAttempt(self, id, spec)

    def warm(self) -> None:
        """Starts the processes in the background, so that the first job finds them ready."""
        if worker.is_warmth_wanted():
            self._started()

    def wait_until_warm(self, timeout: float) -> None:
        """Blocks until all are ready."""
        for future in self._started():
            future.result(timeout)

    def _started(self) -> list[Future]:
        return [process.schedule(worker.ready) for process in self.processes]

    def ailing(self) -> str:
        """Why no job could begin; see `workers.Workers`. A process that works is well."""
        idle = tuple(self.free)
        well = len(idle) < self.places or not all([process.unwell() for process in idle])
        return "" if well else f"none of {self.places} worker processes answers, or can be started"

    def close(self) -> None:
        """Ends the processes and what they compute, all at once."""
        closing = [threading.Thread(target=process.close) for process in self.processes]
        for one in closing:
            one.start()
        for one in closing:
            one.join()


def lay_out(spec: Any, store: Store) -> None:
    """Puts what the specification only names by its hash into the store. Raises BadInput where it cannot."""
    try:
        for member in carried_by(spec):
            member.keep(store.data)
    except OSError as error:
        raise BadInput(f"The store {store.folder} cannot be written: {error.strerror or error}.") from None


class LocalAttempt:
    """One attempt: its files in the store's folder `jobs`, and the process that has it."""

    def __init__(self, workers: LocalWorkers, id: str, spec: Any):
        self._workers = workers
        self._id = id
        self._spec = spec
        self._scratch = Scratch.new(workers.store.jobs, id)
        self._future: Future | None = None
        self._orphaned = False

    def begin(self, ended: Callable[[Outcome], None]) -> None:
        """Hands it to a free process."""
        workers, process = self._workers, self._workers.free.pop()

        def answered(future: Future) -> None:
            workers.free.append(process)
            ended(self._outcome(future))

        try:
            self._future = process.schedule(worker.compute, self._spec, self._id, self._scratch.name,
                                            workers.store.address, workers.store.limit, timeout=workers.seconds)
        except (OSError, RuntimeError):  # no process can be started, or the pool broke just now
            log.exception("run %s found no process", self._id)
            workers.free.append(process)
            ended(Outcome(LOST))
        else:
            self._future.add_done_callback(answered)
            self._guard(process.pool)

    def _guard(self, pool: Any) -> None:
        """A pool that breaks just when it is given a task forgets that task: then it is lost."""
        future = self._future
        if future is None or future.running() or future.done():
            return
        if pool.active:
            timer = threading.Timer(TAKEN_UP_SECONDS, self._guard, (pool,))
            timer.daemon = True
            timer.start()
        else:
            self._orphaned = True
            future.cancel()

    def told(self) -> Told:
        """What the worker wrote last."""
        return self._scratch.told()

    def shown(self, known: Mapping[str, Any]) -> tuple[Run, dict[str, Any]] | None:
        """The latest partial run; see `workers.Attempt`."""
        return self._scratch.shown(self._spec, known)

    def cancel(self) -> None:
        """The worker returns within its polling time, or is watched.

        One that has not begun is flagged too, and returns as soon as it has: asking the pool to drop it could kill a
        worker that has just taken it up.
        """
        self._scratch.cancel()
        self._watch(self._scratch.last_sign(), time.monotonic())

    def remove(self) -> None:
        """Its files go."""
        self._scratch.remove()

    def _watch(self, sign: float, since: float) -> None:
        timer = threading.Timer(SILENCE_SECONDS, self._kill_if_silent, (sign, since))
        timer.daemon = True
        timer.start()

    def _kill_if_silent(self, sign: float, since: float) -> None:
        """`sign`: the time of the last one, only to be compared, since clocks may be moved; `since`: when it came."""
        if self._future is None or self._future.done():
            return
        now, latest = time.monotonic(), self._scratch.last_sign()
        if latest != sign or not self._future.running():
            since = now
        if now - since >= SILENCE_SECONDS:
            log.warning("the worker of run %s did not answer a cancel and was stopped", self._id)
            self._future.cancel()
        else:
            self._watch(latest, since)

    def _outcome(self, future: Future) -> Outcome:
        """What became of it: the worker answered, was killed, or ran out of time."""
        from pebble import ProcessExpired
        try:
            status, message, seconds, cpu, left = future.result()
            if left:
                self._workers.store.hold(self._id, left)
            return Outcome(status, lambda: message, seconds=seconds, cpu=cpu)
        except CancelledError:
            return Outcome(LOST if self._orphaned else CANCELLED)
        except TimeoutError:
            return Outcome(FAILED, self._too_long)
        except (ProcessExpired, BrokenProcessPool):
            return Outcome(LOST)
        except Exception:
            log.exception("run %s failed on its way back", self._id)
            return Outcome(FAILED, lambda: _("This run could not be computed; please try again."), again=True)

    def _too_long(self) -> str:
        return _("This run took longer than {seconds} s and was stopped; choose fewer steps, replicas or points."
                 ).format(seconds=f"{self._workers.seconds:g}")
