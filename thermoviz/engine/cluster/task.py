"""What happens in a process of the cluster: it answers one question, and shows how far it is to whoever asks.

Questions come as JSON, runs go back as run files, partial ones as arrays in the same format. That nobody wants an
answer any more is known without a message: Dask counts which servers wait for a task, and takes it from its worker when
none does, which the task sees in its own process. Progress goes through the scheduler to all servers; what a partial
run looks like is fetched by those that draw it, as often as they draw.
"""

import functools
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...catalogue import known_kinds
from ...core.errors import BadInput
from ...core.specs import from_json, identity
from ...runs import files
from ...runs.run import Run
from ..store import Store
from ..worker import answered
from ..workers import DONE, FAILED, Told
from .terms import TOPIC

TELL_SECONDS = 0.25  # so often each task tells how far it is; less often where there are many workers
SILENCE_SECONDS = 2.0  # a task that nobody wants any more and that gives no sign for so long ends with its process
WATCH_SECONDS = 0.2
KEPT_SECONDS = 24 * 3600.0  # own data, and runs of them, leave a worker's own store at the next such task after that
MOST_SHOWN = 16 * 2**20  # bytes of new arrays of one partial run

log = logging.getLogger("thermoviz.worker")
_desks: dict[str, "Desk"] = {}


def compute(text: str, id: str, carried: Mapping[str, bytes]) -> tuple[str, str, float, float, str]:
    """(DONE | FAILED | CANCELLED, sentence, seconds, seconds of processors, address of this worker).

    Of a run that lay here already no seconds.
    text: the specification as JSON. carried: files of what it only names by its hash.
    """
    from distributed import get_worker

    worker: Any = get_worker()
    begun, used = time.monotonic(), time.process_time()
    desk = _desks[id] = Desk(id, worker, worker.get_current_task())
    try:
        status, message = desk.watched(functools.partial(_answer, text, id, carried, desk))
    finally:
        _desks.pop(id, None)
    seconds = time.monotonic() - begun if desk.began else 0.0
    return status, message, seconds, time.process_time() - used, worker.address


def _answer(text: str, id: str, carried: Mapping[str, bytes], desk: "Desk") -> tuple[str, str]:
    store = _store()
    try:
        spec = _specification(text, id)
        for key in store.carried(time.time() - KEPT_SECONDS) if carried else ():
            store.forget(key)
        for name, contents in carried.items():
            files.write_atomically(store.data / name, contents)
    except (BadInput, OSError) as error:
        return FAILED, str(error)
    if store.get(id) is not None:  # another server's question, a moment ago
        return DONE, ""
    return answered(spec, id, desk, Kept(store))


def _specification(text: str, id: str) -> Any:
    value = json.loads(text)
    kinds = known_kinds()
    if value.get("kind") not in kinds:
        raise BadInput(f"the cluster's workers know no experiment {value.get('kind')!r}: install there what is "
                       "installed on the server.")
    spec = from_json(kinds[value["kind"]], value)
    if identity(spec) != id:
        raise BadInput("the cluster's workers run another version of thermoviz than this server: install the same one.")
    return spec


@functools.cache
def _store() -> Store:
    return Store()


class Kept:
    """This machine's store; what it has no room for it holds in memory, until a server has fetched it."""

    def __init__(self, store: Store) -> None:
        self._store, self.data = store, store.data

    def put(self, run: Run) -> None:
        self._store.hold(run.id, run.to_bytes())


def contents(id: str) -> bytes | None:
    """The file of a run that was finished here; None where it is gone."""
    return _store().contents(id)


def shown(id: str, known: Iterable[str]) -> tuple[int, dict[str, str], str, bytes] | None:
    """The latest partial run of what is being computed here; None where there is none.

    (its version, digests of its arrays by their names, its numbers as JSON, those arrays that are not `known` by
    their digest, as a safetensors file).
    """
    desk = _desks.get(id)
    return None if desk is None else desk.shown(set(known))


class Desk:
    """What one task has to tell and to show; see `scratch.Desk`."""

    def __init__(self, id: str, worker: Any, key: Any) -> None:
        self._id, self._worker, self._key = id, worker, key
        self._told, self._sent = Told(), 0.0
        self._arrays: dict[str, np.ndarray] = {}
        self._latest: tuple[int, dict[str, str], str] | None = None
        self._versions = 0
        self._sign = time.monotonic()

    @property
    def began(self) -> bool:
        """Whether anything was computed."""
        return bool(self._told.stage)

    def tell(self, told: Told) -> None:
        """To all servers: at once what is new in kind, all else now and then."""
        now = time.monotonic()
        new = told.stage != self._told.stage or (told.version > 0) != (self._told.version > 0)
        self._told = told
        if new or now - self._sent >= self._interval():
            self._sent = now
            self._worker.log_event(TOPIC, {"id": self._id, "told": list(told)})

    def _interval(self) -> float:
        """Half of the heartbeat, which the scheduler makes the slower the more workers it has."""
        return max(TELL_SECONDS, self._worker.periodic_callbacks["heartbeat"].callback_time / 2000)

    def cancelled(self) -> bool:
        self._sign = time.monotonic()
        return not self._wanted()

    def _wanted(self) -> bool:
        state = self._worker.state.tasks.get(self._key)
        return (self._worker.status.name in ("running", "paused") and state is not None
                and state.state in ("executing", "long-running"))

    def put(self, digest: str, array: np.ndarray) -> None:
        self._arrays[digest] = np.array(array, order="C")

    def show(self, arrays: Mapping[str, str], run: Run) -> None:
        self._versions += 1
        self._latest = self._versions, dict(arrays), files.dumps(run.numbers)

    def drop(self, digest: str) -> None:
        self._arrays.pop(digest, None)

    def shown(self, known: set[str]) -> tuple[int, dict[str, str], str, bytes] | None:
        """Called by another thread than the one that computes: what was replaced just now is not shown."""
        from safetensors.numpy import save

        if self._latest is None:
            return None
        version, names, numbers = self._latest
        try:
            new = {digest: self._arrays[digest] for digest in set(names.values()) - known}
        except KeyError:
            return None
        if sum(array.nbytes for array in new.values()) > MOST_SHOWN:
            return None
        return version, names, numbers, save(new)

    def watched(self, work: Any) -> Any:
        """What `work()` gives, while somebody looks whether it is wanted."""
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), daemon=True).start()
        try:
            return work()
        finally:
            done.set()

    def _watch(self, done: threading.Event) -> None:
        """Ends the process where the task is silent though nobody wants it: Dask starts another."""
        since = None
        while not done.wait(WATCH_SECONDS):
            now = time.monotonic()
            since = None if self._wanted() else since or now
            if since is not None and now - max(since, self._sign) > SILENCE_SECONDS:
                log.warning("the task of run %s did not answer a cancel; its process ends", self._id)
                os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
