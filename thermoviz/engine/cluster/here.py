"""Starts processes of a cluster on this machine: `thermoviz worker ADDRESS`, and `thermoviz cluster` to try it.

They are Dask's own programs, with what must not be forgotten: one thread each, what makes them ours, certificates. What
ends is started again here, and not by Dask's nanny: that is a second process of Dask for each worker, which takes as
long to start as the worker itself, and seconds to end.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..worker import THREADS
from .terms import ENDING, PRELOAD, certificates, refuse_address, refuse_without_dask

LOOK_SECONDS = 0.2
GRACE_SECONDS = 10.0  # for processes that are asked to end
LOCALHOST = "127.0.0.1"


def worker_command(scheduler: str, health_port: int = 0) -> list[str]:
    """The command that runs one worker, which answers http://127.0.0.1:PORT/health (0: any port). Raises BadInput."""
    refuse_without_dask()
    return [sys.executable, "-m", "distributed.cli.dask_worker", refuse_address(scheduler), "--nthreads", "1",
            "--no-nanny", "--no-dashboard", "--dashboard-address", f"{LOCALHOST}:{health_port}",
            "--preload", PRELOAD, *_certificates(scheduler)]


def scheduler_command(address: str) -> list[str]:
    """The command that runs a scheduler at this address. Raises BadInput."""
    refuse_without_dask()
    protocol, _, rest = refuse_address(address).partition("://")
    host, _, port = rest.rpartition(":")
    return [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--protocol",
            protocol, "--no-dashboard", "--dashboard-address", f"{LOCALHOST}:0",
            "--preload", ENDING, *_certificates(address)]


def _certificates(address: str) -> list[str]:
    if not address.startswith("tls://"):
        return []
    files = certificates()
    return ["--tls-ca-file", files["tls_ca"], "--tls-cert", files["tls_cert"], "--tls-key", files["tls_key"]]


def work(scheduler: str, processes: int, health_port: int = 0) -> None:
    """Workers of the scheduler, until it is interrupted; the first answers at the port. Raises BadInput."""
    _until_interrupted([worker_command(scheduler, port) for port in (health_port, *[0] * (processes - 1))])


def try_out(processes: int, port: int) -> None:
    """A scheduler and workers on this machine alone, until it is interrupted. Raises BadInput."""
    address = f"tcp://{LOCALHOST}:{port}"
    commands = [scheduler_command(address), *[worker_command(address)] * processes]
    print(f"A cluster of {processes} workers at {address}; Ctrl-C ends it. In another shell:\n"
          f"    THERMOVIZ_SCHEDULER={address} {sys.executable} -m thermoviz serve", flush=True)
    _until_interrupted(commands)


def _until_interrupted(commands: Sequence[list[str]]) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    supervise(commands, lambda: False, env={**os.environ, **THREADS})


def supervise(commands: Sequence[list[str]], done: Callable[[], bool], **settings: Any) -> None:
    """Runs the commands, each anew when it ends, until `done()` or an interrupt; then all are ended. `settings`: of
    subprocess.Popen."""
    running = [subprocess.Popen(command, **settings) for command in commands]
    try:
        while not done():
            time.sleep(LOOK_SECONDS)
            for k, process in enumerate(running):
                if process.poll() is not None:
                    running[k] = subprocess.Popen(commands[k], **settings)
    except KeyboardInterrupt:
        pass
    finally:
        end(running)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def end(running: Sequence["subprocess.Popen[Any]"]) -> None:
    """Ends the processes; those that do not by themselves are killed."""
    for process in running:
        process.terminate()
    before = time.monotonic() + GRACE_SECONDS
    for process in running:
        try:
            process.wait(max(before - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
