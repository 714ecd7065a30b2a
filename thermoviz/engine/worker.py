"""What happens in a worker process: it is made ready once, then answers one specification after the other.

Nothing but numbers, names and sentences goes back to the engine, so that no exception has to travel.
"""

import logging
import multiprocessing.context
import os
import subprocess
import sys
import threading
import time
import uuid
from multiprocessing import spawn
from typing import Any

from ..core import logs
from ..core.settings import settings
from .workers import CANCELLED, DONE, FAILED, Told

# One thread per library: a worker's parallelism is the kernels' own. Set before numpy is imported.
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
THREADS["OMP_WAIT_POLICY"] = "PASSIVE"
NICE = 10  # the page comes first
LAST = 19  # and what nobody has asked for comes last
POLL_SECONDS = 0.05
TELL_SECONDS = 0.1
ALONE_SECONDS = 1.0  # so often a worker looks whether its server still lives

# The stage of a job that meets a kernel which is not compiled.
COMPILING = "compiling, once per machine"

log = logging.getLogger("thermoviz.worker")
_starting = threading.RLock()


class Alone(multiprocessing.context.SpawnProcess):
    """A process that knows nothing of the script which asked for it.

    Else it would run that script again (as `__mp_main__`), and with it whatever it asks of thermoviz. It stands here
    since a new process loads this module before `start` has set its threads: it must not load numpy.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _starting:
            known = spawn.get_preparation_data
            spawn.get_preparation_data = lambda name: {
                key: value for key, value in known(name).items() if not key.startswith("init_main_from")}
            try:
                return multiprocessing.context.SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]
            finally:
                spawn.get_preparation_data = known


class Context(multiprocessing.context.SpawnContext):
    """Starts such processes."""

    Process = Alone


def start(address_space: int) -> None:
    """Makes a fresh process ready: polite, limited, and warm, so that the first visitor does not wait."""
    os.environ.update(THREADS)
    os.environ.pop("THERMOVIZ_NO_NUMBA", None)  # the web process forbids it to itself, and a child inherits that
    if hasattr(os, "nice"):
        os.nice(NICE)
    _limit_memory(address_space)
    logs.to_standard_error()
    end_with_parent()
    if not is_warmth_wanted():
        return
    try:
        _warm_up_quickly()
    except Exception:  # a worker that is not warm is slow; one that fails here would end the pool
        log.exception("a worker could not be warmed up")


def end_with_parent() -> None:
    """This process ends soon after the one that started it, however that ended: whose server was killed computes for
    nobody. What a worker writes is whole or not there at any moment."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ALONE_SECONDS)
    os._exit(1)


def is_warmth_wanted() -> bool:
    """Whether workers make ready what a first visitor would wait for."""
    return settings().warm


def _limit_memory(address_space: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (address_space, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _warm_up_quickly() -> None:
    """Where kernels have yet to be compiled a worker does not wait for them: its first job compiles what it needs."""
    from ..core import kernels_cache

    if kernels_cache.compiled() or not kernels_cache.CACHE:
        warm_up()


def warm_up() -> None:
    """Imports what experiments need and runs tiny ones, so that every common kernel is compiled, kept and loaded."""
    from ..catalogue import WARM_UP, run
    from ..core import kernels_cache

    if not kernels_cache.compiled():
        log.warning("Compiling the kernels for this machine, once (half a minute of one processor).")
    for spec in WARM_UP:
        run(spec)
    kernels_cache.mark_compiled()


def compile_kernels() -> None:
    """What a server's own process does at its start: compiles, once per machine, with the lowest priority."""
    os.environ.update(THREADS)
    os.environ.pop("THERMOVIZ_NO_NUMBA", None)
    if hasattr(os, "nice"):
        os.nice(LAST)
    from ..core import kernels_cache

    if not kernels_cache.compiled():
        warm_up()


def compile_beside() -> "subprocess.Popen[bytes] | None":
    """Starts `compile_kernels` in a process of its own, for which nothing waits; None where it is not wanted."""
    if not is_warmth_wanted():
        return None
    code = f"from {__name__} import compile_kernels; compile_kernels()"
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)


def ready() -> bool:
    """A task that is done when the worker has started."""
    return True


def compute(spec: Any, id: str, scratch_name: str, folder: str, limit: int) -> tuple[str, str, float, float, bytes]:
    """Computes the run and keeps it in the store; returns (DONE | FAILED | CANCELLED, sentence, seconds by the clock,
    of processors, the run's file where the store has no room for it)."""
    from .scratch import Scratch
    from .store import Store

    begun, used = time.monotonic(), time.process_time()
    store = Store(folder, limit)
    way = WayOut(store)
    status, message = answered(spec, id, Scratch(store.jobs, scratch_name), way)
    return status, message, time.monotonic() - begun, time.process_time() - used, way.left


class WayOut:
    """The store, of which this process is a guest for one run: what it has no room for is `left`, as a file."""

    def __init__(self, store: Any) -> None:
        self._store, self.data, self.left = store, store.data, b""

    def put(self, run: Any) -> None:
        from ..core.errors import NotKept

        contents = run.to_bytes()
        try:
            self._store.keep(run.id, contents)
        except NotKept:
            self.left = contents


def answered(spec: Any, id: str, scratch: Any, store: Any) -> tuple[str, str]:
    """Computes the run `id` and has it kept: (DONE | FAILED | CANCELLED, sentence). `scratch`: hears how far it is."""
    from ..catalogue import run
    from ..core import compiling
    from ..core.errors import Cancelled, ThermovizError
    from ..runs import carried

    carried.look_in(store.data)
    try:
        reporter = Reporter(scratch)
        reporter(0.0, "starting")
        with compiling.heard_by(reporter.compiling):
            store.put(run(spec, reporter))
        return DONE, ""
    except Cancelled:
        return CANCELLED, ""
    except ThermovizError as error:
        return FAILED, str(error)
    except MemoryError:
        return FAILED, "This run needs more memory than a worker has; choose fewer replicas, points or parameters."
    except Exception:
        reference = uuid.uuid4().hex[:8]
        log.exception("run %s failed (reference %s)", id, reference)
        return FAILED, f"This could not be computed (reference {reference})."


class Reporter:
    """The progress callback of a worker: tells what is known, and raises Cancelled when nobody waits any more.

    scratch: a `scratch.Desk`, such as files of a Scratch.
    """

    def __init__(self, scratch: Any):
        from .scratch import Shown

        self._scratch = scratch
        self._shown = Shown(scratch)
        self._version = 0
        self._began = time.monotonic()
        self._polled = self._told = 0.0
        self._stage, self._fraction = "", 0.0

    def compiling(self) -> None:
        """Says so instead of seeming to hang, until the next progress."""
        if self._stage != COMPILING:
            self._told, self._stage = time.monotonic(), COMPILING
            self._scratch.tell(Told(self._fraction, COMPILING, self._version, self._told - self._began))

    def __call__(self, fraction: float, stage: str, partial: Any = None) -> None:
        now, self._fraction = time.monotonic(), fraction
        if now - self._polled >= POLL_SECONDS:
            self._polled = now
            self._leave_if_cancelled()
        shown = partial is not None and self._shown.show(partial)
        self._version += shown
        if shown or stage != self._stage or now - self._told >= TELL_SECONDS:
            self._told, self._stage = now, stage
            self._scratch.tell(Told(fraction, stage, self._version, now - self._began))

    def _leave_if_cancelled(self) -> None:
        from ..core.errors import Cancelled

        if self._scratch.cancelled():
            raise Cancelled("nobody waits for this run any more")
