"""What both benchmarks of a cluster share: the clusters of the tests, servers that ask one, processor time."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "engine" / "cluster")]

from clusters import cluster, scheduler_pid, supervised, wait_for, worker  # noqa: E402
from errand import Errand  # noqa: E402

from thermoviz.catalogue import EXPERIMENTS  # noqa: E402
from thermoviz.engine import Engine, Store  # noqa: E402
from thermoviz.engine.cluster.workers import ClusterWorkers  # noqa: E402

EXPERIMENTS["errand"] = Errand
FOR_EVER = 1e9  # seconds of patience

__all__ = ["Errand", "cluster", "cpu", "processes", "scheduler_pid", "server", "supervised", "wait_for", "worker"]


@contextlib.contextmanager
def server(address: str, folder: Path, patience: float = FOR_EVER) -> Iterator[Engine]:
    """A server with a store of its own, whose cluster is there."""
    store = Store(folder)
    with Engine(store, ClusterWorkers(store, address, patience)) as engine:
        wait_for(lambda: not engine.notice())
        yield engine


def processes(engine: Engine) -> dict[str, int]:
    """The processes of the cluster's workers, by their addresses."""
    connection: Any = engine.workers._connection  # type: ignore[attr-defined]

    async def asked() -> dict[str, int]:
        return dict(await connection.client.run(os.getpid))
    return asyncio.run_coroutine_threadsafe(asked(), connection._loop).result()


def cpu(pid: int) -> float:
    """Seconds of processors that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def now() -> float:
    return time.perf_counter()
