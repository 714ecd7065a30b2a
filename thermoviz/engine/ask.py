"""Asking from a program or a shell: the run of a specification, computed here, by all workers, or on a cluster."""

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from .. import catalogue
from ..core.errors import ThermovizError
from ..core.settings import settings
from ..core.specs import identity
from ..experiments.sweep.pieces import parts
from ..experiments.sweep.specification import Sweep
from ..runs.run import Run
from .cluster.workers import ClusterWorkers
from .engine import Engine
from .store import Store
from .workers import DONE

LOOK_SECONDS = 0.05


def run(spec: Any, progress: Callable[[float, str, Run | None], Any] | None = None,
        scheduler: str | None = None) -> Run:
    """Computes what the specification asks for: by the Dask cluster whose scheduler is at `scheduler`
    (tcp://HOST:PORT, tls://HOST:PORT), else a Sweep by all workers of this machine, all else in this process.

    progress(fraction, stage, partial Run or None) is called now and then and may raise Cancelled. What workers have
    computed is kept in the store (core/settings.py), so that a sweep that was stopped goes on where it was. Workers do
    not know the main program: an experiment of one's own stands in a module.
    Raises BadInput for what is not a specification of an experiment, and what the experiment raises; for what workers
    compute ThermovizError in one sentence, also where there is no such cluster.
    """
    if scheduler is None and not isinstance(spec, Sweep):
        return catalogue.run(spec, progress)
    catalogue.refuse_unknown(spec, progress)
    with engine_of(Store(), scheduler) as engine:
        return waited_for(engine, spec, progress)


def engine_of(store: Store, scheduler: str | None = None, workers: int | None = None) -> Engine:
    """An engine over the cluster of that scheduler, or over so many processes of this machine, or all that it can take.

    Raises BadInput for what can be neither.
    """
    if scheduler is not None:
        return Engine(store, ClusterWorkers(store, scheduler, alone=False))
    return Engine(store, all_workers() if workers is None else workers)


def all_workers() -> int:
    """As many as this process may use cores, or as are set where these are more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(settings().workers, cores)


def remaining(engine: Engine, sweep: Sweep) -> tuple[int, float]:
    """How many runs of a sweep are not in the engine's store yet, and seconds until they are computed, about."""
    missing = [part for part in parts(sweep) if not engine.knows(identity(part.piece))]
    return sum(len(part.rows) for part in missing), engine.sweeps.expected(tuple(missing))


def waited_for(engine: Engine, spec: Any, progress: Callable[[float, str, Run | None], Any] | None = None) -> Run:
    """The engine's run of `spec`, for which this thread waits.

    Raises what `progress` raises, and ThermovizError, with the engine's sentence, where it could not be computed.
    """
    viewer = uuid.uuid4().hex
    id, version = engine.submit(spec, viewer), 0
    try:
        while not (state := engine.state(id)).finished:
            if progress is not None:
                progress(state.fraction, state.stage, engine.partial(id) if state.version > version else None)
            version = state.version
            time.sleep(LOOK_SECONDS)
    except BaseException:
        engine.leave(id, viewer)
        raise
    found = engine.result(id) if state.status == DONE else None
    if found is None:
        raise ThermovizError(state.message or "this run was cancelled.")
    return found
