"""Many visitors at once, beside a stock Streamlit app under the same crowd: how long they wait, what memory it takes.

A third each is on the first page, at a preset and in a lab; each acts about every PERIOD_S, and each third action is a
change of page. BENCH_CROWD_SECONDS: how long (300). Once more beside two trainings at low priority. `endurance`: a
hundred visitors for BENCH_ENDURANCE_SECONDS (600) beside two trainings, and by how much the server grows meanwhile.
"""

import asyncio
import contextlib
import dataclasses
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .clock import Row
from .first_picture import ROOT, serving
from .visitors import STOCK_APP, Answer, resident_mb, visitor

VISITORS, MANY, PERIOD_S, OPENING_S = 50, 100, 10.0, 10.0
SETTLED_S = 60.0  # from then on the server should grow no more
PLACES = ("", "preset=digits", "kind=second_law")
PEER = "stock Streamlit app, same crowd"
TRAINING = """
import os, torch
os.nice(10)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.Tanh(), torch.nn.Linear(256, 10))
steps, x, y = torch.optim.SGD(model.parameters(), 0.1), torch.randn(64, 64), torch.randint(10, (64,))
while True:
    steps.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    steps.step()
"""


@dataclasses.dataclass
class Waited:
    """Seconds until the script was done: at the openings, at the reruns. Bytes of an opening; MB of the server at the
    end, and after the first minute."""

    openings: list[float] = dataclasses.field(default_factory=list)
    reruns: list[float] = dataclasses.field(default_factory=list)
    sizes: list[int] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    memory: float = 0.0
    settled: float = 0.0

    def hear(self, answer: Answer, heard: list[float]) -> None:
        heard.append(answer.seconds)
        self.errors += ["an exception on the page"] * answer.exceptions


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


async def _visit(address: str, k: int, end: float, waited: Waited) -> None:
    """The k-th visitor."""
    chance = random.Random(k)
    await asyncio.sleep(chance.random() * OPENING_S)
    place = k % len(PLACES)
    async with visitor(address) as guest:
        answer = await guest.rerun(PLACES[place])
        waited.hear(answer, waited.openings)
        waited.sizes.append(answer.bytes)
        while time.monotonic() < end:
            await asyncio.sleep(PERIOD_S * (0.5 + chance.random()))
            place = (place + (chance.random() < 1 / 3)) % len(PLACES)
            waited.hear(await guest.rerun(PLACES[place]), waited.reruns)


async def _crowd(address: str, pid: int, visitors: int, seconds: float) -> Waited:
    waited, end = Waited(), time.monotonic() + seconds
    asyncio.get_running_loop().call_later(SETTLED_S, lambda: setattr(waited, "settled", resident_mb(pid)))
    for error in await asyncio.gather(*(_visit(address, k, end, waited) for k in range(visitors)),
                                      return_exceptions=True):
        if error is not None:
            waited.errors.append(repr(error))
    return waited


@contextlib.contextmanager
def trainings(n: int) -> Iterator[None]:
    """That many processes train meanwhile, at low priority."""
    running = [subprocess.Popen([sys.executable, "-c", TRAINING]) for _ in range(n)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def waited(script: Path, folder: str, visitors: int, seconds: float, beside: int = 0) -> Waited:
    """What a crowd waits for at the server of a script, beside so many trainings."""
    with serving(script, folder) as (address, pid), trainings(beside):
        found = asyncio.run(_crowd(address, pid, visitors, seconds))
        found.memory = resident_mb(pid)
    return found


def both(visitors: int, seconds: float, beside: int) -> tuple[Waited, Waited, str]:
    """The same crowd at the stock app's server and at ours, and what it is called."""
    with tempfile.TemporaryDirectory() as folder:
        stock_app = Path(folder) / "stock.py"
        stock_app.write_text(STOCK_APP)
        found = [waited(app, folder, visitors, seconds, beside) for app in (stock_app, ROOT / "app.py")]
    return found[0], found[1], f"{visitors} visitors, {seconds:.0f} s" + (f", beside {beside} trainings" * bool(beside))


def compared(seconds: float, beside: int) -> list[Row]:
    """The rows of one crowd."""
    stock, ours, crowd = both(VISITORS, seconds, beside)
    return [
        Row(f"{crowd}: rerun, p50", statistics.median(ours.reruns), "s", "", statistics.median(stock.reruns), PEER),
        Row(f"{crowd}: rerun, p95", p95(ours.reruns), "s", ">= 0.67 x, aim 1 x", p95(stock.reruns), PEER),
        Row(f"{crowd}: openings within {OPENING_S:.0f} s, p95", p95(ours.openings), "s", ">= 0.5 x, aim 0.83 x",
            p95(stock.openings), PEER),
        Row(f"{crowd}: sent at an opening", statistics.median(ours.sizes) / 1000, "kB", "stated",
            statistics.median(stock.sizes) / 1000, PEER),
        Row(f"{crowd}: errors", len(ours.errors), "", "0"),
        Row(f"{crowd}: web process", ours.memory, "MB", "250 MB, aim 200 MB", stock.memory, PEER)]


def endurance() -> list[Row]:
    """A large room for long."""
    stock, ours, crowd = both(MANY, float(os.environ.get("BENCH_ENDURANCE_SECONDS", "600")), 2)
    return [
        Row(f"{crowd}: rerun, p95", p95(ours.reruns), "s", ">= 0.5 x", p95(stock.reruns), PEER),
        Row(f"{crowd}: errors", len(ours.errors), "", "0"),
        Row(f"{crowd}: web process at the end, against after the first minute", ours.memory, "MB", ">= 0.95 x",
            ours.settled, "after the first minute")]


def rows() -> list[Row]:
    seconds = float(os.environ.get("BENCH_CROWD_SECONDS", "300"))
    return [row for beside in (0, 2) for row in compared(seconds, beside)]
