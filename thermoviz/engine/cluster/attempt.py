"""One question on its way to the cluster and back; see `workers.Attempt`. All but what a page asks is of the
connection's thread."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from typing import Any

from ...core.errors import BadFile
from ...core.specs import canonical
from ...presentation.words import _
from ...runs.carried import carried_by
from ...runs.run import Run
from ..store import Store
from ..workers import BACK, CANCELLED, DONE, FAILED, LOST, Outcome, Told
from . import task
from .connection import Connection
from .terms import RESOURCE, key_of

SHOW_SECONDS = 0.3  # partial runs are fetched no oftener: a page draws no faster
TURNS = 4  # see `_answer`
BEGUN = "starting"  # the stage of a task of which nothing else was heard before it killed its worker

log = logging.getLogger("thermoviz.cluster")


class ClusterAttempt:
    """The run of `spec`, which is called `id`, by any worker of the cluster; it ends up in `store`."""

    def __init__(self, connection: Connection, store: Store, seconds: float, id: str, spec: Any) -> None:
        self._connection, self._store, self._seconds = connection, store, seconds
        self._id, self._spec = id, spec
        self._told, self._worker = Told(), ""
        # The latest partial run that was fetched: its version, names, numbers, arrays by digest.
        self._latest: tuple[int, dict[str, str], dict[str, Any], dict[str, Any]] | None = None
        self._looked_at, self._fetched, self._fetching = True, 0.0, False
        self._end: asyncio.Future[Outcome] | None = None
        self._cancelled = False

    # What the engine asks

    def begin(self, ended: Callable[[Outcome], None]) -> None:
        """Hands it to the cluster, by the connection's thread."""
        self._connection.call(lambda: asyncio.ensure_future(self._go(ended)))

    def told(self) -> Told:
        """What its task told last; of partial runs only those count that are here already."""
        return self._told._replace(version=0 if self._latest is None else self._latest[0])

    def shown(self, known: Mapping[str, Any]) -> tuple[Run, dict[str, Any]] | None:
        """The latest partial run that was fetched; from now on the next one is wanted."""
        self._looked_at = True
        if self._latest is None:
            return None
        _version, names, numbers, arrays = self._latest
        return Run(self._spec, {name: arrays[digest] for name, digest in names.items()}, numbers), arrays

    def cancel(self) -> None:
        """This server does not want it any more. When no other does, Dask takes it from its worker, which sees that."""
        self._cancelled = True
        self._connection.call(self._finish, Outcome(CANCELLED))

    def remove(self) -> None:
        """Nothing is left behind."""

    # What the connection tells

    def heard(self, told: list[Any], worker: str) -> None:
        """How far it is, by the worker that has it."""
        began, self._told = not self._told.stage, Told(*told)
        self._worker = worker
        if began:
            asyncio.get_running_loop().call_later(
                max(self._seconds - self._told.seconds, 0.0), self._finish, Outcome(FAILED, self._too_long))
        newer = self._told.version > (0 if self._latest is None else self._latest[0])
        due = self._looked_at and time.monotonic() - self._fetched >= SHOW_SECONDS
        if newer and due and not self._fetching:
            self._fetching = True
            asyncio.ensure_future(self._fetch(worker))

    def died(self, worker: str, alone: bool) -> None:
        """Its worker died at it, or another one that had it in line, which Dask mends."""
        if self._worker == worker or (alone and not self._worker):
            self._lost()

    def give_back(self) -> None:
        """The cluster is gone."""
        self._finish(Outcome(BACK))

    # On the way

    def _finish(self, outcome: Outcome) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(outcome)

    def _lost(self) -> None:
        self._told = self._told if self._told.stage else Told(stage=BEGUN)
        self._finish(Outcome(LOST))

    async def _go(self, ended: Callable[[Outcome], None]) -> None:
        client, loop = self._connection.client, asyncio.get_running_loop()
        if client is None or self._cancelled:
            await asyncio.to_thread(ended, Outcome(CANCELLED if self._cancelled else BACK))
            return
        self._end = loop.create_future()
        legs = self._connection.legs.setdefault(self._id, [])
        legs.append(self)
        answer = asyncio.ensure_future(self._answered(client))
        answer.add_done_callback(self._answer_came)
        try:
            outcome = await self._end
        finally:
            answer.cancel()
            legs.remove(self)
            if not legs:
                self._connection.legs.pop(self._id, None)
        await asyncio.wait([answer])  # which lets go of what Dask holds for it
        await asyncio.to_thread(ended, outcome)

    def _answer_came(self, answer: "asyncio.Task[Outcome]") -> None:
        if answer.cancelled():
            return
        if (error := answer.exception()) is not None:
            log.error("run %s failed on its way back", self._id, exc_info=error)
            self._finish(Outcome(FAILED, _not_computed, again=True))
        elif answer.result().status == LOST:
            self._lost()
        else:
            self._finish(answer.result())

    async def _answered(self, client: Any) -> Outcome:
        """Asks until there is an answer.

        A task that was cancelled for another server, just before this one asked for it, is asked for under another
        name, and so is one whose result was lost with its worker: of all servers alike, so that they still share it.
        """
        text, carried = canonical(self._spec), await asyncio.to_thread(self._carried)
        for turn in range(TURNS):
            future = client.submit(task.compute, text, self._id, carried, key=key_of(self._id, turn),
                                   resources={RESOURCE: 1})
            try:
                outcome = await self._outcome(client, future)
            finally:
                future.release()
            if outcome is not None:
                return outcome
        return Outcome(LOST)

    async def _outcome(self, client: Any, future: Any) -> Outcome | None:
        """What became of the task; None where it has to be asked for once more."""
        from distributed.scheduler import KilledWorker

        try:
            status, message, seconds, cpu, worker = await future
        except KilledWorker:
            return Outcome(LOST)
        except (asyncio.CancelledError, CancelledError):
            if future.status == "cancelled":  # by Dask: the connection is lost
                return Outcome(BACK)
            raise
        except ImportError as error:
            said = str(error)
            return Outcome(FAILED, lambda: _("The cluster's workers lack something that this server has ({what}); "
                                             "install the same thermoviz on both.").format(what=said))
        if status == CANCELLED or (status == DONE and not await self._kept(client, worker)):
            return None
        return Outcome(status, lambda: message, seconds=seconds, cpu=cpu)

    async def _kept(self, client: Any, worker: str) -> bool:
        """Whether the run is in this server's store: the worker wrote it there, or its bytes are fetched."""
        if await asyncio.to_thread(self._store.__contains__, self._id):
            return True
        contents = await _asked(client, worker, task.contents, self._id)
        return contents is not None and await asyncio.to_thread(self._keep, contents)

    def _keep(self, contents: bytes) -> bool:
        try:
            if Run.from_bytes(contents).id != self._id:
                return False
        except BadFile as error:
            log.warning("run %s came damaged: %s", self._id, error)
            return False
        self._store.hold(self._id, contents)
        return True

    async def _fetch(self, worker: str) -> None:
        """The latest partial run, of which this server has some arrays already."""
        from safetensors.numpy import load

        known: dict[str, Any] = {} if self._latest is None else self._latest[3]
        try:
            found = await _asked(self._connection.client, worker, task.shown, self._id, list(known))
            if found is not None:
                version, names, numbers, contents = found
                arrays = {**known, **load(contents)}
                arrays = {digest: arrays[digest] for digest in names.values()}
                self._looked_at = False
                self._latest = version, names, json.loads(numbers), arrays
        except Exception as error:  # a picture on the way is not worth a run
            log.info("a partial run of %s was not fetched: %s", self._id, error)
        finally:
            self._fetched, self._fetching = time.monotonic(), False

    def _carried(self) -> dict[str, bytes]:
        """What people brought, as files by name."""
        paths = [member.shelf.path(self._store.data, member.content_hash) for member in carried_by(self._spec)]
        return {path.name: path.read_bytes() for path in paths}

    def _too_long(self) -> str:
        return _("This run took longer than {seconds} s and was stopped; choose fewer steps, replicas or points."
                 ).format(seconds=f"{self._seconds:g}")


async def _asked(client: Any, worker: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the worker answers; None where it is gone."""
    if client is None:
        return None
    try:
        return (await client.run(function, *arguments, workers=[worker], on_error="raise"))[worker]
    except Exception as error:
        log.info("the worker %s does not answer: %s", worker, error)
        return None


def _not_computed() -> str:
    return _("This run could not be computed; please try again.")
