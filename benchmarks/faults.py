"""What faults cost on one machine: parts killed, files harmed, the disk full, the index locked, the clock moved back.

Each BENCH_FAULTS times (20). A fault costs something where a run comes out wrong, where a finished run is lost, or
where somebody would have to click: "failures" counts all three. How soon the next job begins is compared with the cold
start of the same part.
"""

import asyncio
import contextlib
import dataclasses
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np

import thermoviz as tv
from thermoviz.catalogue.links import to_query
from thermoviz.core.specs import identity
from thermoviz.engine import Engine, Store
from thermoviz.runs.run import Run

from .clock import Row
from .first_picture import ROOT, free_port, wait_until_healthy
from .visitors import visitor

TIMES = int(os.environ.get("BENCH_FAULTS", "20"))
PATIENCE_S = 300.0
WITHIN = "0"
SOON = ">= 0.5 x"
DISK_MB = 6


@dataclasses.dataclass
class Tally:
    """What a fault cost, each time: failures, in words; seconds until the next job had begun, those of a cold start."""

    fault: str
    failures: list[str] = dataclasses.field(default_factory=list)
    begun: list[float] = dataclasses.field(default_factory=list)
    cold: list[float] = dataclasses.field(default_factory=list)

    def rows(self) -> list[Row]:
        what = f"{self.fault}, {TIMES} times"
        for failure in self.failures:
            print(f"  {self.fault}: {failure}")
        found = [Row(f"{what}: failures", len(self.failures), "", WITHIN)]
        if self.begun:
            found.append(Row(f"{what}: until the next job begins", statistics.median(self.begun), "s", SOON,
                             statistics.median(self.cold), "cold start of the same part"))
        return found

    def compare(self, run: Run | None, spec: object) -> None:
        """The run of `spec` against the one that nothing disturbed."""
        if run is None:
            self.failures.append("a run was lost")
        elif not equal(run, undisturbed(spec)):
            self.failures.append("a run came out wrong")


def question(k: int) -> tv.Descent:
    """About a second of work; another for every k."""
    return tv.Descent(steps=3000, replicas=16, resolution=21, seed=1000 + k)


_undisturbed: dict[str, Run] = {}


def undisturbed(spec: object) -> Run:
    """The run that an engine gives where nothing happens."""
    id = identity(spec)
    if id not in _undisturbed:
        with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
            _undisturbed[id] = answer(engine, spec)
    return _undisturbed[id]


def equal(one: Run, other: Run) -> bool:
    """To the last bit, but for the time that it took."""
    return one.id == other.id and one.arrays.keys() == other.arrays.keys() and all(
        np.array_equal(one.arrays[name], other.arrays[name], equal_nan=one.arrays[name].dtype.kind == "f")
        for name in one.arrays)


def wait(condition: Callable[[], object]) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > PATIENCE_S:
            raise SystemExit("A fault was not survived: waited too long.")
        time.sleep(0.005)
    return time.monotonic() - begun


def answer(engine: Engine, spec: object) -> Run:
    id = engine.submit(spec, "bench")
    wait(lambda: engine.state(id).finished)
    run = engine.result(id)
    if run is None:
        raise SystemExit(f"A run failed: {engine.state(id).message}")
    return run


def begins(engine: Engine, id: str) -> bool:
    return engine.state(id).status in ("running", "done")


def cold_start(k: int) -> float:
    """Seconds from a question to an engine that has just been made until it is worked at."""
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        id = engine.submit(question(k), "bench")
        return wait(lambda: begins(engine, id))


def killed_worker() -> Tally:
    """kill -9 while it trains."""
    tally = Tally("pool worker killed at work")
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        for k in range(TIMES):
            spec = question(k)
            id = engine.submit(spec, "bench")
            wait(lambda: engine.state(id).stage == "training")  # noqa: B023
            for pid in children(os.getpid()):
                if "resource_tracker" not in command(pid):
                    os.kill(pid, signal.SIGKILL)
            tally.begun.append(wait(lambda: engine.state(id).attempt > 1 and begins(engine, id)))  # noqa: B023
            wait(lambda: engine.state(id).finished)  # noqa: B023
            if engine.state(id).status != "done":
                tally.failures.append(f"needs a click: {engine.state(id).message}")
            tally.compare(engine.result(id), spec)
    tally.cold = [cold_start(k) for k in range(3)]
    return tally


def children(pid: int) -> list[int]:
    """Processes that it started, and theirs; Linux."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *children(child)]
    return found


def command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return "resource_tracker"  # gone by itself


@contextlib.contextmanager
def server(port: int, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "thermoviz", "serve", "--port", str(port)], cwd=ROOT,
        env={**os.environ, "THERMOVIZ_STORE": folder}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def killed_server() -> Tally:
    """kill -9 of a server that computes, and one started in its place at once, as a restart policy does."""
    tally = Tally("web server killed while it computes")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        finished = [question(k) for k in range(3)]
        for spec in finished:
            store.put(undisturbed(spec))
        for k in range(TIMES):
            with server(port, folder) as process:
                begun = time.monotonic()
                wait_until_healthy(f"http://127.0.0.1:{port}")
                (tally.begun if k else tally.cold).append(time.monotonic() - begun)
                asyncio.run(asked(port, question(100 + k)))
                wait(lambda: any(store.jobs.iterdir()))
                workers = children(process.pid)
                process.kill()
            wait(lambda: not any(map(alive, workers)))  # noqa: B023
            again = Store(folder)
            for spec in finished:
                tally.compare(again.get(identity(spec)), spec)
    return tally


async def asked(port: int, spec: object) -> None:
    """Somebody opens the link to a run, and leaves."""
    async with visitor(f"http://127.0.0.1:{port}") as guest:
        await guest.rerun(urllib.parse.urlencode(to_query("three-minds", spec)))


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def harmed_files() -> Tally:
    """A stored file cut short or with one bit turned is never served, and its run is computed anew."""
    tally, chance = Tally("stored file cut or with a bit turned"), random.Random(0)
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        for k in range(TIMES):
            spec = question(k % 3)
            answer(engine, spec)
            path = engine.store.path(identity(spec))
            contents = bytearray(path.read_bytes())
            if k % 2:
                contents = contents[:chance.randrange(len(contents))]
            else:
                contents[chance.randrange(len(contents))] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(contents))
            with Engine(Store(folder), workers=engine.workers) as fresh:
                tally.compare(answer(fresh, spec), spec)
    return tally


def full_disk() -> Tally:
    """A disk of a few MB that something else fills while a run is computed; the next server finds room again."""
    tally = Tally("disk full")
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "thermoviz", folder],
                                 capture_output=True)
        if mounted.returncode:
            print("  disk full: not tried, since this needs the right to mount a disk")
            return tally
        try:
            _fill_while_computing(Path(folder), tally)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    return tally


def _fill_while_computing(folder: Path, tally: Tally) -> None:
    with mock.patch.dict(os.environ, THERMOVIZ_FREE_MEGABYTES="0"), \
            Engine(Store(folder, floor=0), workers=1) as engine:
        for k in range(TIMES):
            spec, ballast = question(k), folder / "ballast"
            id = engine.submit(spec, "bench")
            wait(lambda: begins(engine, id))  # noqa: B023
            with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as filling:
                while True:
                    filling.write(bytes(4096))
            wait(lambda: engine.state(id).finished)  # noqa: B023
            if engine.state(id).status != "done":
                tally.failures.append(f"needs a click: {engine.state(id).message}")
            tally.compare(engine.result(id), spec)
            ballast.unlink()
            tally.compare(engine.store.get(id), spec)


def locked_index() -> Tally:
    """Another process holds the index for as long as a run is asked for, computed, kept and read."""
    tally = Tally("index locked")
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        engine.wait_until_warm()
        for k in range(TIMES):
            spec = question(k)
            engine.store.index.compare()
            with contextlib.closing(sqlite3.connect(engine.store.index.path, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                id = engine.submit(spec, "bench")
                tally.begun.append(wait(lambda: begins(engine, id)))  # noqa: B023
                wait(lambda: engine.state(id).finished)  # noqa: B023
                tally.compare(engine.result(id), spec)
                other.execute("ROLLBACK")
    tally.cold = [cold_start(k) for k in range(3)]
    return tally


def moved_clock() -> Tally:
    """The server's clock jumps by up to a day, back more often than on, while a run is computed."""
    tally, chance, clock = Tally("clock moved back"), random.Random(0), time.time
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        engine.wait_until_warm()
        for k in range(TIMES):
            spec = question(k)
            moved = chance.uniform(-86400, 43200)
            with mock.patch("time.time", lambda: clock() + moved):  # noqa: B023
                id = engine.submit(spec, "bench")
                tally.begun.append(wait(lambda: begins(engine, id)))  # noqa: B023
                wait(lambda: engine.state(id).finished)  # noqa: B023
                tally.compare(engine.result(id), spec)
                tally.compare(Store(folder).get(id), spec)
    tally.cold = [cold_start(k) for k in range(3)]
    return tally


def rows() -> list[Row]:
    faults = (killed_worker, killed_server, harmed_files, full_disk, locked_index, moved_clock)
    return [row for fault in faults for row in fault().rows()]
