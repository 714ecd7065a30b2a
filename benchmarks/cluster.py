"""What a cluster costs besides computing: `python -m benchmarks.cluster [--tasks 2000] [--runs 100]`.

Processor time of scheduler, web server and worker per task, bytes over the network, runs per second with one and two
workers, and from these the arithmetic for 10, 100 and 1000. In a network of its own the bytes are exact:
`unshare -n sh -c 'ip link set lo up; python -m benchmarks.cluster'`.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import thermoviz as tv
from thermoviz.engine import Engine
from thermoviz.engine.cluster import task
from thermoviz.engine.cluster.terms import RESOURCE

from .clusters import Errand, cluster, cpu, now, processes, scheduler_pid, server, supervised, wait_for, worker

RUNS = {"a run of the first page": 1.0, "a piece of a sweep": 10.0}  # seconds of one worker
WORKERS = (10, 100, 1000)
COLUMNS = "| {:46} | {:>11} | {:>11} | {:>11} | {:>11} | {:>9} |"


def loopback() -> int:
    """Bytes that this machine's processes have sent each other."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    return int(next(line for line in lines if line.strip().startswith("lo:")).split()[1])


class Costs:
    """Seconds of processors per task, of each part, and bytes, between entering and leaving."""

    def __init__(self, engine: Engine, address: str, tasks: int) -> None:
        self.tasks = tasks
        self._pids = {"scheduler": [scheduler_pid(address)], "server": [os.getpid()],
                      "worker": list(processes(engine).values())}
        self.per_task: dict[str, float] = {}
        self.seconds = self.bytes = 0.0

    def _now(self) -> dict[str, float]:
        return {name: sum(map(cpu, pids)) for name, pids in self._pids.items()}

    @contextmanager
    def measured(self) -> Iterator[None]:
        used, sent, begun = self._now(), loopback(), now()
        yield
        self.seconds = (now() - begun) / self.tasks
        self.bytes = (loopback() - sent) / self.tasks
        self.per_task = {name: (after - used[name]) / self.tasks for name, after in self._now().items()}

    def row(self, name: str) -> str:
        parts = [f"{self.per_task[part] * 1e3:.2f} ms" for part in ("scheduler", "server", "worker")]
        return COLUMNS.format(f"{name} ({self.tasks})", *parts, f"{self.seconds * 1e3:.2f} ms", f"{self.bytes:,.0f}")


def of_dask(engine: Engine, tasks: int) -> None:
    """Empty tasks by Dask alone, all at once."""
    connection: Any = engine.workers._connection  # type: ignore[attr-defined]

    async def all_of_them() -> None:
        client = connection.client
        futures = client.map(abs, range(tasks), key=[f"empty-{now()}-{k}" for k in range(tasks)],
                             resources={RESOURCE: 1})
        await client.gather(futures)
    asyncio.run_coroutine_threadsafe(all_of_them(), connection._loop).result()


def of_engine(engine: Engine, specs: list[Any]) -> None:
    """Runs by the whole way: queue, task, run file in the worker's store, and in this server's."""
    ids = [engine.submit(spec, f"visitor {k % 20}") for k, spec in enumerate(specs)]
    for id in ids:
        wait_for(lambda id=id: engine.state(id).finished)
        if engine.state(id).status != "done":
            raise SystemExit(engine.state(id).message)


def real(seed: int, n: int) -> list[Any]:
    """Small trainings, about .2 s each."""
    return [tv.Descent(tv.DATASETS["moons"](n=100), tv.MLP((8,)), steps=1500, replicas=16, resolution=33,
                       seed=seed + k) for k in range(n)]


def arithmetic(overhead: dict[str, float], word: float, size: float) -> None:
    """What so many workers can do, and what of it scheduler and servers take."""
    print("\n| workers | what they compute | tasks/s | scheduler busy | progress adds | web servers busy (cores) | "
          "network, Mbit/s | |\n|---|---|---|---|---|---|---|---|")
    for n in WORKERS:
        for name, seconds in RUNS.items():
            rate = n / (seconds + overhead["worker"])
            interval = max(task.TELL_SECONDS, heartbeat(n) / 2)
            busy, adds = rate * overhead["scheduler"], n / interval * word
            verdict = "scheduler is the limit" if busy + adds > 1 else ""
            print(f"| {n} | {name}, {seconds:g} s | {rate:.1f} | {busy:.0%} | {adds:.0%} | "
                  f"{rate * overhead['server']:.2f} | {rate * size * 8 / 1e6:.1f} | {verdict} |")
    for name, seconds in RUNS.items():
        print(f"{name}: one scheduler is busy all the time, progress aside, at "
              f"{seconds / overhead['scheduler']:,.0f} workers")


def heartbeat(workers: int) -> float:
    """Seconds, as Dask's scheduler spaces them."""
    from distributed.scheduler import heartbeat_interval

    return float(heartbeat_interval(workers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=100)
    chosen = parser.parse_args()
    print(COLUMNS.format("per task", "scheduler", "web server", "worker", "wall", "bytes"))
    print(COLUMNS.format(*["---"] * 6))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with cluster(folder) as address, server(address, folder / "server") as engine:
            of_engine(engine, real(0, 2))  # compiled and loaded
            of_dask(engine, 100)
            dask = Costs(engine, address, chosen.tasks)
            with dask.measured():
                of_dask(engine, chosen.tasks)
            print(dask.row("empty tasks of Dask"), flush=True)
            whole = Costs(engine, address, chosen.runs)
            with whole.measured():
                of_engine(engine, [Errand(str(folder / "diary"), seed=k) for k in range(chosen.runs)])
            print(whole.row("runs of nothing, the whole way"), flush=True)
            one = Costs(engine, address, chosen.runs)
            with one.measured():
                of_engine(engine, real(100, chosen.runs))
            print(one.row("small trainings, 1 worker"), flush=True)
            (folder / "more").mkdir()
            with supervised([worker(address, folder / "more")], folder / "more"):
                wait_for(lambda: engine.workers.places == 2)
                of_engine(engine, real(10_000, 4))
                two = Costs(engine, address, chosen.runs)
                with two.measured():
                    of_engine(engine, real(20_000, chosen.runs))
                print(two.row("small trainings, 2 workers"), flush=True)
            wait_for(lambda: engine.workers.places == 1)
            word, seconds = waiting(engine, address, folder)
            print(f"\nA run that only tells how far it is, for {seconds:.0f} s: {word * 1e3:.2f} ms of the scheduler "
                  f"for each word.\nRuns per second: {1 / one.seconds:.2f} with one worker, {1 / two.seconds:.2f} with "
                  f"two ({one.seconds / two.seconds:.2f} x); run files of {size(engine):,.0f} bytes.")
            print("\nRuns of nothing, whose small files are fetched (as good as where all share one store):")
            arithmetic(whole.per_task, word, whole.bytes)
            print("\nSmall trainings, of each of which one picture and the file are fetched through the scheduler:")
            arithmetic({**one.per_task, "worker": whole.per_task["worker"]}, word, one.bytes)


def waiting(engine: Engine, address: str, folder: Path, seconds: float = 20.0) -> tuple[float, float]:
    """Processor time of the scheduler for one word of progress, less what it takes when nothing happens."""
    idle = Costs(engine, address, 1)
    with idle.measured():
        begun = now()
        wait_for(lambda: now() - begun > seconds)
    id = engine.submit(Errand(str(folder / "diary"), str(folder / "gate"), seed=-1 % 2**20), "ann")
    wait_for(lambda: engine.state(id).stage == "walking")
    busy = Costs(engine, address, 1)
    with busy.measured():
        begun = now()
        wait_for(lambda: now() - begun > seconds)
    (folder / "gate").touch()
    wait_for(lambda: engine.state(id).finished)
    words = seconds / task.TELL_SECONDS
    return max(busy.per_task["scheduler"] - idle.per_task["scheduler"], 0.0) / words, seconds


def size(engine: Engine) -> float:
    """Mean bytes of this server's run files."""
    sizes = [path.stat().st_size for path in engine.store.runs.glob("*.safetensors")]
    return sum(sizes) / len(sizes)


if __name__ == "__main__":
    main()
