"""How large a machine for how many people: measures what a person costs and works out the table of docs/sizing.md.

    python -m benchmarks.sizing            measures and prints the table
    python -m benchmarks.sizing --write    puts it between the marks in docs/sizing.md as well

What is measured: processor seconds of the web process per rerun, its memory alone and per visitor, memory of a worker,
processor seconds of the default run of each kind. What is assumed of people stands in `Habits`.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .first_picture import ROOT, serving
from .visitors import cpu_seconds, resident_mb, visitor

PEOPLE = (20, 50, 100, 500)
PLACES = ("", "preset=digits", "kind=second_law", "kind=heat_bath")
RERUNS, CROWD = 12, 40
MARKS = "<!-- sizing: begin -->", "<!-- sizing: end -->"
DOCUMENT = ROOT / "docs" / "sizing.md"


@dataclasses.dataclass(frozen=True)
class Habits:
    """What people do, and how full a machine may be: a person acts every `act` seconds and asks for something new every
    `ask` seconds, of which a share `same` is being computed, or was, for somebody else. At most a share `full` of a
    processor is used, so that waits stay short."""

    act: float = 10.0
    ask: float = 60.0
    same: float = 0.5
    full: float = 0.6
    system_mb: float = 500.0


@dataclasses.dataclass(frozen=True)
class Costs:
    """Measured: processor seconds of a rerun and of a run; MB of the web process, per visitor, and of a worker."""

    rerun: float
    run: float
    web_mb: float
    visitor_mb: float
    worker_mb: float


@dataclasses.dataclass(frozen=True)
class Size:
    """What so many people need."""

    people: int
    page_cores: float
    servers: int
    workers: int
    memory_mb: float

    @property
    def cores(self) -> int:
        return max(1, math.ceil(self.page_cores)) + self.workers


def size(people: int, costs: Costs, habits: Habits) -> Size:
    """The arithmetic of docs/sizing.md."""
    page = people * costs.rerun / habits.act / habits.full
    servers = max(1, math.ceil(page))  # a web process uses one core
    computing = people * (1 - habits.same) * costs.run / habits.ask / habits.full
    workers = max(1, math.ceil(computing))
    memory = (servers * costs.web_mb + people * costs.visitor_mb + workers * costs.worker_mb + habits.system_mb)
    return Size(people, page, servers, workers, memory)


# Measuring


async def _reruns(address: str, pid: int) -> float:
    """Processor seconds of a rerun: the mean over the places, after a first visit of each."""
    found = []
    for place in PLACES:
        async with visitor(address) as guest:
            await guest.see(place)
            before = cpu_seconds(pid)
            for _ in range(RERUNS):
                await guest.rerun(place)
            found.append((cpu_seconds(pid) - before) / RERUNS)
    return statistics.mean(found)


async def _crowd(address: str, pid: int) -> float:
    """MB that each visitor adds, when CROWD of them stand on the page."""
    guests = [visitor(address) for _ in range(CROWD)]
    before = resident_mb(pid)
    for number, guest in enumerate(guests):
        await (await guest.__aenter__()).rerun(PLACES[number % len(PLACES)])
    grown = resident_mb(pid) - before
    for guest in guests:
        await guest.__aexit__(None, None, None)
    return max(0.0, grown) / CROWD


def _worker_mb(pid: int) -> float:
    """Of the largest process that the server has started."""
    found = [0.0]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(IndexError, OSError):  # one that ends just now has no memory
                found.append(resident_mb(int(child)))
    return max(found)


def _run_seconds() -> dict[str, float]:
    """Processor seconds of the default run of each kind, in a process of its own with one thread, as in a worker."""
    code = ("import time\nfrom thermoviz.catalogue import EXPERIMENTS, LABS, run\n"
            "from thermoviz.engine.worker import warm_up\nwarm_up()\n"
            "for kind in (*LABS, 'descent'):\n    begun = time.process_time()\n"
            "    run(EXPERIMENTS[kind](seed=1000))\n    print(kind, time.process_time() - begun, flush=True)")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
                          env={**os.environ, "OMP_NUM_THREADS": "1", "THERMOVIZ_THREADS": "1"})
    return {kind: float(seconds) for kind, seconds in (line.split() for line in done.stdout.splitlines())}


def measured() -> tuple[Costs, dict[str, float]]:
    """The costs on this machine, and those of each kind of run."""
    with tempfile.TemporaryDirectory() as folder, serving(ROOT / "app.py", folder) as (address, pid):
        rerun = asyncio.run(_reruns(address, pid))
        web, more = resident_mb(pid), asyncio.run(_crowd(address, pid))
        worker = _worker_mb(pid)
    runs = _run_seconds()
    return Costs(rerun, statistics.mean(runs.values()), web, more, worker), runs


# The table


def text(costs: Costs, runs: dict[str, float], habits: Habits) -> str:
    """What stands between the marks."""
    lines = [f"Measured on {time.strftime('%d %B %Y')}, {os.cpu_count()} cores, {platform.machine()}: "
             f"a rerun takes {costs.rerun:.3f} s of a processor; the web process {costs.web_mb:.0f} MB and "
             f"{costs.visitor_mb:.2f} MB per visitor; a worker {costs.worker_mb:.0f} MB; a default run "
             f"{costs.run:.1f} s of a processor in the mean ("
             + ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in runs.items()) + ").", "",
             "| people | cores for the page | web servers | workers | cores in all | memory |",
             "|---|---|---|---|---|---|"]
    for people in PEOPLE:
        one = size(people, costs, habits)
        lines.append(f"| {people} | {one.page_cores:.1f} | {one.servers} | {one.workers} | {one.cores} | "
                     f"{one.memory_mb / 1024:.1f} GB |")
    return "\n".join(lines)


def write(found: str) -> None:
    """Puts the table into the document."""
    begin, end = MARKS
    whole = DOCUMENT.read_text()
    DOCUMENT.write_text(re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{found}\n{end}", whole, flags=re.DOTALL))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/sizing.md")
    chosen = parser.parse_args()
    found = text(*measured(), Habits())
    print(found)
    if chosen.write:
        write(found)


if __name__ == "__main__":
    main()
