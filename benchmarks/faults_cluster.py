"""Faults of a cluster, many times each: `python -m benchmarks.faults_cluster [--times 20]`.

kill -9 of a worker's process and of the scheduler while a run is computed; two servers that ask fifty times the same
question at once. Prints wrong results, runs that failed or wanted a click, and how long it took until a question was
computed again, beside what the same part takes to start cold (for the scheduler: with its worker, which ends with it).
"""

import argparse
import multiprocessing
import os
import signal
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import thermoviz as tv
from thermoviz.engine import Engine
from thermoviz.engine.cluster.here import LOCALHOST

from .clusters import Errand, cluster, now, processes, scheduler_pid, server, supervised, wait_for, worker

ASKED = 50
STEPS = 4000


def question(seed: int) -> Any:
    """About a second of computing, in several stages."""
    return tv.Descent(tv.DATASETS["moons"](n=200), tv.MLP((8,)), steps=STEPS, replicas=8, resolution=33, seed=seed)


class Tally:
    """What became of the runs of one kind of fault."""

    def __init__(self, name: str, cold: float) -> None:
        self.name, self.cold = name, cold
        self.wrong = self.failed = 0
        self.seconds: list[float] = []

    def judge(self, engine: Engine, spec: Any, id: str) -> None:
        """Waits for the run, and compares it with what this process computes."""
        wait_for(lambda: engine.state(id).finished)
        run = engine.result(id)
        if run is None:
            self.failed += 1
            print(f"    {self.name}: {engine.state(id)}", flush=True)
            return
        right = tv.run(spec)
        same = all(np.allclose(run.arrays[name], right.arrays[name], rtol=1e-4, atol=1e-6, equal_nan=True)
                   for name in right.arrays)
        self.wrong += not same

    def __str__(self) -> str:
        median, most = statistics.median(self.seconds), max(self.seconds)
        return (f"| {self.name}, {len(self.seconds)} times | {self.wrong} | {self.failed} | {median:.2f} s, most "
                f"{most:.2f} s | {self.cold:.2f} s | {median / self.cold:.2f} x, most {most / self.cold:.2f} x |")


def killed(engine: Engine, tally: Tally, times: int, victim: Callable[[], int], seen: Callable[[str], bool]) -> None:
    """Kills what `victim()` names while a run is computed. `seen(id)`: whether the engine knows of it."""
    for k in range(times):
        spec = question(k + 1000 * len(tally.name))
        id = engine.submit(spec, "ann")
        wait_for(lambda id=id: engine.state(id).fraction > 0.2)
        os.kill(victim(), signal.SIGKILL)
        begun = now()
        wait_for(lambda id=id: seen(id))
        wait_for(lambda id=id: engine.state(id).status == "running")
        tally.seconds.append(now() - begun)
        tally.judge(engine, spec, id)
        print(f"    {tally.name} {k + 1}: {tally.seconds[-1]:.2f} s", flush=True)


def ask(address: str, folder: str, spec: Any, times: int, gate: Any, answers: Any) -> None:
    """A server in a process of its own."""
    with server(address, Path(folder)) as engine:
        gate.wait()
        for k in range(times):
            id = engine.submit(spec, f"visitor {k}")
        wait_for(lambda: engine.state(id).finished)
        answers.put((engine.state(id).status, engine.store.contents(id)))


def asked_at_once(address: str, folder: Path, times: int) -> str:
    """Two servers, fifty identical questions, so many times."""
    spawn, once, same = multiprocessing.get_context("spawn"), 0, 0
    for k in range(times):
        diary = folder / f"diary {k}"
        spec, gate, answers = Errand(str(diary), seed=k), spawn.Barrier(2), spawn.Queue()
        servers = [spawn.Process(target=ask, args=(address, str(folder / f"{k}-{n}"), spec, ASKED // 2, gate, answers))
                   for n in range(2)]
        for one in servers:
            one.start()
        found = [answers.get() for _ in servers]
        for one in servers:
            one.join()
        once += len(diary.read_text().split()) == 1
        same += found[0] == found[1] and found[0][0] == "done"
    return (f"{ASKED} identical questions at once of two servers, {times} times: computed once {once} times, the same "
            f"bytes for both {same} times.")


def cold_worker(address: str, folder: Path, engine: Engine) -> float:
    """Seconds from starting a second worker until it has a place."""
    (folder / "cold").mkdir()
    begun = now()
    with supervised([worker(address, folder / "cold")], folder / "cold"):
        wait_for(lambda: engine.workers.places == 2)
        seconds = now() - begun
    wait_for(lambda: engine.workers.places == 1)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = now()
        with cluster(folder) as address, server(address, folder / "server") as engine:
            all_cold = now() - begun
            engine.submit(question(-1 % 2**31), "ann")  # kernels are compiled
            of_worker = Tally("kill -9 of a worker", cold_worker(address, folder, engine))
            of_scheduler = Tally("kill -9 of the scheduler", all_cold)
            killed(engine, of_worker, times, lambda: next(iter(processes(engine).values())),
                   lambda id: engine.state(id).attempt > 1)
            killed(engine, of_scheduler, times, lambda: scheduler_pid(address),
                   lambda id: engine.state(id).status == "queued")
            at_once = asked_at_once(address, folder, times)
    print(f"\nOne worker, scheduler on {LOCALHOST}; supervised as Docker does.\n\n"
          "| fault | wrong | failed or wanted a click | a question begins after | the part starts cold in | ratio |\n"
          f"|---|---|---|---|---|---|\n{of_worker}\n{of_scheduler}\n\n{at_once}")


if __name__ == "__main__":
    main()
