"""The processes of a Dask cluster as an engine's workers; while there is no cluster, those of this machine."""

import threading
from collections.abc import Callable
from typing import Any

from ...core.settings import settings
from ...presentation.words import _
from ..local import LocalWorkers, lay_out
from ..store import Store
from ..workers import FAILED, Attempt, Outcome, Told
from .attempt import ClusterAttempt
from .connection import Connection
from .terms import refuse_address, refuse_without_dask


class ClusterWorkers:
    """Workers of the cluster whose scheduler is at `scheduler` (tcp://HOST:PORT or tls://HOST:PORT).

    Runs end up in `store`. When the cluster cannot be reached for `patience` seconds, this machine's processes compute
    until it is back; without `alone` jobs fail instead, in one sentence. A run that takes longer than `seconds` is
    stopped. What is None is as set (core/settings.py). Raises BadInput for what is no address, for tls:// without
    certificates, and where Dask is not installed. That nobody answers there is no error: it is looked for in the
    background, again and again.
    """

    def __init__(self, store: Store, scheduler: str, patience: float | None = None, seconds: float | None = None,
                 alone: bool = True):
        refuse_without_dask()
        self.store = store
        self._connection = Connection(refuse_address(scheduler), settings().scheduler_seconds if patience is None
                                      else patience, self._changed)
        self._seconds = seconds or settings().job_seconds
        self._here = LocalWorkers(store, seconds=seconds) if alone else None
        self._watching: Callable[[], None] = _nothing
        self._ready, self._lock, self._started = threading.Event(), threading.Lock(), False

    @property
    def places(self) -> int:
        """Those of the cluster; 0 while it is waited for; those of this machine, where it is given up for now."""
        if not self._connection.given_up:
            return self._connection.places
        return 1 if self._here is None else self._here.places

    def watch(self, changed: Callable[[], None]) -> None:
        """See `workers.Workers`; from now on the cluster is looked for."""
        self._watching = changed
        self._start()

    def notice(self) -> str:
        """What is wrong with the cluster, and what is done about it."""
        trouble = self._connection.trouble
        if trouble is None:
            return ""
        done = (_("This server computes by itself until that is mended.") if self._connection.given_up else
                _("This server waits a moment before it computes by itself."))
        return f"{trouble.say()} {done}"

    def ailing(self) -> str:
        """See `workers.Workers`: without the cluster those of this machine are asked."""
        return self._here.ailing() if self._here is not None and self._connection.given_up else ""

    def prepare(self, spec: Any) -> None:
        """Puts what the specification only names by its hash into the store, from which it travels along."""
        lay_out(spec, self.store)

    def attempt(self, id: str, spec: Any) -> Attempt:
        """A new attempt, there or here; see `workers.Workers`."""
        self._start()
        if self._connection.given_up:
            trouble = self._connection.trouble
            if self._here is None and trouble is not None:
                return Refused(lambda: f"{self._connection.address}: {trouble.say()}")
            if self._here is not None and self._here.free:
                return self._here.attempt(id, spec)
        return ClusterAttempt(self._connection, self.store, self._seconds, id, spec)

    def warm(self) -> None:
        """Looks for the cluster; its workers are warm."""
        self._start()

    def wait_until_warm(self, timeout: float) -> None:
        """Blocks until the cluster is there, or given up. Raises TimeoutError."""
        self._start()
        if not self._ready.wait(timeout):
            raise TimeoutError(f"no cluster within {timeout:g} s")

    def close(self) -> None:
        """Leaves the cluster, and ends what this machine computes."""
        self._connection.close()
        if self._here is not None:
            self._here.close()

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                self._connection.start()

    def _changed(self) -> None:
        if self.places > 0:
            self._ready.set()
        self._watching()


class Refused:
    """An attempt that fails at once, since there is nobody to make it."""

    def __init__(self, say: Callable[[], str]) -> None:
        self._say = say

    def begin(self, ended: Callable[[Outcome], None]) -> None:
        ended(Outcome(FAILED, self._say, again=True))

    def told(self) -> Told:
        return Told()

    def shown(self, known: Any) -> None:
        """Nothing."""

    def cancel(self) -> None:
        """It never began."""

    def remove(self) -> None:
        """Nothing is left behind."""


def _nothing() -> None:
    """Nobody watches yet."""
