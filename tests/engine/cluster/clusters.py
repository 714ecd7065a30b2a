"""Clusters of this machine for tests: a scheduler and its workers, started again when they end."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from thermoviz.engine.cluster import here
from thermoviz.engine.cluster.terms import PRELOAD
from thermoviz.engine.worker import THREADS

TESTS = Path(__file__).parents[2]
PATIENCE_S = 600.0  # after which a process must have hung


def free_port() -> int:
    with socket.socket() as found:
        found.bind((here.LOCALHOST, 0))
        return found.getsockname()[1]


def wait_for(condition):
    """Returns as soon as it holds; gives up where a process must have hung."""
    start = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - start < PATIENCE_S, "waited too long"
        time.sleep(0.01)
    return found


def environment(folder):
    """Of processes whose store is `folder`/store, and who find what tests share; threads as `thermoviz worker` has."""
    return {**os.environ, **THREADS, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
            "THERMOVIZ_STORE": str(folder / "store")}


def worker(address, folder, *options):
    """The command that runs one worker, which knows errands."""
    return [*here.worker_command(address), "--preload", "errand", "--local-directory", str(folder), *options]


def strange_worker(address, folder, *options):
    """The same by Dask alone: it offers nothing of ours."""
    command = worker(address, folder, *options)
    at = command.index(PRELOAD)
    return command[:at - 1] + command[at + 1:]


@contextlib.contextmanager
def supervised(commands, folder):
    """The commands run until the block is left, and are started again when they end."""
    over = threading.Event()
    with open(folder / "cluster.log", "a") as log:
        supervisor = threading.Thread(target=here.supervise, args=(commands, over.is_set), kwargs={
            "env": environment(folder), "stdout": log, "stderr": subprocess.STDOUT})
        supervisor.start()
        try:
            yield
        finally:
            over.set()
            supervisor.join()


@contextlib.contextmanager
def cluster(folder, protocol="tcp", port=None, of=worker, options=()):
    """The address of a scheduler that has one worker."""
    address = f"{protocol}://{here.LOCALHOST}:{port or free_port()}"
    with supervised([here.scheduler_command(address), of(address, folder, *options)], folder):
        yield address


def scheduler_pid(address: str) -> int:
    """The process that listens there."""
    port = address.rpartition(":")[2]
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(OSError):
                command = (path / "cmdline").read_bytes().split(b"\0")
                if b"distributed.cli.dask_scheduler" in command and port.encode() in command:
                    return int(path.name)
    return 0
