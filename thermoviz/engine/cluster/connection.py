"""The talk with a cluster's scheduler: one thread, which finds it, watches its workers, and finds it again.

Nothing here keeps anybody waiting: what others ask is what was known last.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ...core.errors import BadInput
from ...core.specs import NUMERICS_VERSION
from ...presentation.words import _
from .terms import OFFERED, RESOURCE, TOPIC, id_of, security

CONNECT_SECONDS = 5.0  # of one try
CLOSE_SECONDS = 3.0
RETRY_SECONDS = 0.5
TICK_SECONDS = 0.1
LOOK_SECONDS = 10.0  # so often workers are counted though none is said to have come or gone

log = logging.getLogger("thermoviz.cluster")


class Trouble(NamedTuple):
    """Why the cluster cannot compute. `passes`: whether it is worth while to wait a little."""

    say: Callable[[], str]
    passes: bool = True


class Leg(Protocol):
    """One question that the cluster works at."""

    def heard(self, told: list[Any], worker: str) -> None:
        """Its task told how far it is."""

    def died(self, worker: str, alone: bool) -> None:
        """A worker died that had the task; `alone`: it had no other."""

    def give_back(self) -> None:
        """The cluster is gone."""


class Connection:
    """`changed` is called whenever there are other places, or another trouble. `patience`: seconds that a trouble which
    may pass is waited for."""

    def __init__(self, address: str, patience: float, changed: Callable[[], None]) -> None:
        self.address, self._patience, self._changed = address, patience, changed
        self.client: Any = None  # Dask's, of this thread, while there is one
        self.legs: dict[str, list[Leg]] = {}  # by the id of the run; of this thread
        self._fitting, self._trouble = 0, Trouble(_unreachable)
        self._since: float | None = None  # when the trouble began; None where there is none
        self._told: Any = None  # what `changed` was called for last
        self._trying: asyncio.Future[Any] | None = None
        self._look = self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="thermoviz-cluster", daemon=True)

    # What others ask

    def start(self) -> None:
        """Begins to look for the scheduler."""
        self._since = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    @property
    def trouble(self) -> Trouble | None:
        """What stands in the way just now."""
        return None if self._since is None else self._trouble

    @property
    def given_up(self) -> bool:
        """Whether it is not waited for any more."""
        since, trouble = self._since, self._trouble
        return since is not None and (not trouble.passes or time.monotonic() - since >= self._patience)

    @property
    def places(self) -> int:
        """Workers that can take a question. One, where there are none yet: some clusters grow on demand."""
        return max(self._fitting, 1) if self.client is not None else 0

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Has it called in this thread, at once."""
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        """Leaves the cluster; what only this server wanted ends there."""
        self._closing = True
        self.call(self._leave)
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    # In the thread

    def _leave(self) -> None:
        if self._trying is not None:
            self._trying.cancel()

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
            self._loop.run_until_complete(_ended(asyncio.all_tasks(self._loop)))
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        while not self._closing:
            self._trying = asyncio.ensure_future(self._connected())
            await asyncio.wait([self._trying])
            client = self._trying.result()
            if client is None:
                self._tick()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                await self._stay(client)
            except Exception as error:  # whatever the network does
                log.info("the cluster %s: %s", self.address, error)
            finally:
                self.client, self._fitting = None, 0
                self._give_back()
                with contextlib.suppress(Exception):
                    await client.close(timeout=1)
            if not self._closing:
                log.warning("The cluster %s is lost.", self.address)
                self._now(Trouble(_unreachable))
                self._tick()

    async def _connected(self) -> Any:
        """A client, or None, and the reason is noted."""
        from distributed import Client
        from distributed import __version__ as ours

        for name in ("distributed.client", "distributed.comm", "distributed.core"):  # which set themselves up above
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it is told by this class
        client = None
        try:
            client = Client(self.address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False,
                            security=security(self.address), name="thermoviz")
            await client
            scheduler: Any = client.scheduler
            theirs = (await scheduler.versions())["packages"]["distributed"]
            if theirs == ours:
                return client
            self._now(Trouble(lambda: _other_dask(theirs, ours), passes=False))
        except asyncio.CancelledError:
            pass  # this server closes
        except BadInput as error:
            said = str(error)
            self._now(Trouble(lambda: said, passes=False))
        except Exception as error:
            self._now(Trouble(_refused, passes=False) if _is_about_certificates(error) else
                      Trouble(_unreachable))
        if client is not None:
            with contextlib.suppress(Exception):
                await client.close(timeout=1)
        return None

    async def _stay(self, client: Any) -> None:
        """Until it is lost."""
        client.subscribe_topic(TOPIC, self._progress)
        client.subscribe_topic("all", self._event)
        await self._count(client)
        self.client = client
        log.warning("Connected with the cluster %s, %d workers.", self.address, self._fitting)
        counted, counting, comm = time.monotonic(), None, client.scheduler_comm
        # One that Dask has connected again by itself knows nothing of what was asked of it.
        while client.status == "running" and client.scheduler_comm is comm and not self._closing:
            if (self._look or time.monotonic() - counted > LOOK_SECONDS) and (counting is None or counting.done()):
                self._look, counted = False, time.monotonic()
                counting = asyncio.ensure_future(self._recount(client))
            self._tick()
            if self.given_up:
                self._give_back()
            await asyncio.sleep(TICK_SECONDS)
        if counting is not None:
            counting.cancel()

    async def _recount(self, client: Any) -> None:
        try:
            await self._count(client)
        except Exception as error:  # the network; whether that is lost is seen by another
            log.info("the workers of %s cannot be counted: %s", self.address, error)
            self._look = True

    async def _count(self, client: Any) -> None:
        """The workers that fit, and what is wrong where none does."""
        workers = (await client.scheduler.identity(n_workers=-1))["workers"].values()
        offered = Counter(_offered(worker["resources"]) for worker in workers
                          if worker["status"] in ("running", "paused"))
        self._fitting = offered.pop(RESOURCE, 0)
        if self._fitting:
            self._since = None
        elif not offered:
            self._now(Trouble(_empty))
        else:
            self._now(Trouble(lambda: _others(offered), passes=False))

    def _now(self, trouble: Trouble) -> None:
        if self._since is None:
            self._since = time.monotonic()
        self._trouble = trouble

    def _tick(self) -> None:
        """Tells whoever watches what is new."""
        state = self.places, self.given_up, self.trouble is None
        if state != self._told:
            self._told = state
            if self.trouble is not None:
                log.warning("%s: %s", self.address, self.trouble.say())
            asyncio.get_running_loop().run_in_executor(None, self._changed)

    def _give_back(self) -> None:
        for legs in list(self.legs.values()):
            for leg in list(legs):
                leg.give_back()

    def _progress(self, event: tuple[float, Mapping[str, Any]]) -> None:
        told = event[1]
        for leg in list(self.legs.get(told["id"], ())):
            leg.heard(told["told"], told["worker"])

    def _event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Of the scheduler's own: workers that came, went or died."""
        told = event[1]
        action = told.get("action")
        self._look = self._look or action in ("add-worker", "remove-worker", "worker-status-change")
        if action == "remove-worker" and not told["expected"]:
            ids = [id_of(key) for key in told["processing-tasks"]]
            for id in ids:
                for leg in list(self.legs.get(id, ())):
                    leg.died(told["worker"], len(ids) == 1)


async def _ended(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Ends what is still under way."""
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# What is said, in the language of whoever reads it. Visitors read it too: no addresses.


def _unreachable() -> str:
    return _("The cluster cannot be reached.")


def _refused() -> str:
    return _("The cluster does not accept this server's certificate, or the other way round; look at THERMOVIZ_TLS_CA, "
             "THERMOVIZ_TLS_CERT and THERMOVIZ_TLS_KEY.")


def _empty() -> str:
    return _("The cluster has no workers; they are started with “thermoviz worker”.")


def _other_dask(theirs: str, ours: str) -> str:
    return _("The cluster runs distributed {theirs}, this server {ours}; install the same version on both.").format(
        theirs=theirs, ours=ours)


def _others(offered: Iterable[str]) -> str:
    versions = ", ".join(sorted(name.removeprefix(OFFERED) for name in offered if name))
    if not versions:
        return _("The workers of the cluster were started without thermoviz; start them with “thermoviz worker”.")
    return _("The workers of the cluster compute with version {versions} of the numerics, this server with version "
             "{ours}; install the same thermoviz on both.").format(versions=versions, ours=NUMERICS_VERSION)


def _offered(resources: Mapping[str, float]) -> str:
    """What a worker offers of ours; "" where it is none of ours."""
    return next((name for name in sorted(resources, key=lambda name: name != RESOURCE) if name.startswith(OFFERED)), "")


def _is_about_certificates(error: BaseException | None) -> bool:
    """Whether a failed connection failed by TLS: the reason stands somewhere in its chain of causes."""
    while error is not None:
        if "ssl" in type(error).__module__ or "SSL" in str(error) or "certificate" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False
