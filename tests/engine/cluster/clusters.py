"""Clusters of this machine for tests: a scheduler and its workers, started again when they end."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from thermoviz.engine.cluster import here

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


@contextlib.contextmanager
def cluster(folder, workers=1, protocol="tcp", preload=("errand",), env=None):
    """The address of a scheduler that has so many workers, whose store is `folder`/store; all are ended afterwards."""
    address = f"{protocol}://{here.LOCALHOST}:{free_port()}"
    preloads = [part for name in preload for part in ("--preload", name)]
    commands = [here.scheduler_command(address)]
    commands += [[*here.worker_command(address), *preloads, "--local-directory", str(folder)]] * workers
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
                   "THERMOVIZ_STORE": str(folder / "store"), **(env or {})}
    over = threading.Event()
    with open(folder / "cluster.log", "w") as log:
        supervisor = threading.Thread(target=here.supervise, args=(commands, over.is_set), kwargs={
            "env": environment, "stdout": log, "stderr": subprocess.STDOUT})
        supervisor.start()
        try:
            yield address
        finally:
            over.set()
            supervisor.join()


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
