"""How things are timed and printed: medians of repeated calls, ratios within one run."""

import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from thermoviz.core.threads import n_threads


@dataclass(frozen=True)
class Row:
    """One line of the report. `flops`: multiply-adds x 2 that the work needs at least, or None.

    A value of NaN: nothing was measured, and `work` says why.
    """

    work: str
    value: float
    unit: str
    goal: str
    peer: float | None = None
    peer_name: str = ""
    flops: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer (both in seconds)."""
        return None if self.peer is None else self.peer / self.value


def median_seconds(work: Callable[[], object], repeats: int = 5, warm: bool = True) -> float:
    """Median wall time of `work` over `repeats` calls, after one call that is not counted."""
    if warm:
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matrix_rate(n: int = 1024) -> float:
    """The machine's float32 matrix-product rate, operations per second (best of ten)."""
    a = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
    best = min(median_seconds(lambda: a @ a, repeats=1) for _ in range(10))
    return 2 * n**3 / best


def tanh_rate(n: int = 8192) -> float:
    """numpy's float32 tanh of arrays near the processor, numbers per second in all threads (best of ten)."""
    threads = n_threads()
    arrays = np.random.default_rng(0).standard_normal((threads, n), dtype=np.float32)

    def work(a: np.ndarray) -> None:
        out = np.empty_like(a)
        for _ in range(100):
            np.tanh(a, out=out)

    with ThreadPoolExecutor(threads) as pool:
        best = min(median_seconds(lambda: list(pool.map(work, arrays)), repeats=1) for _ in range(10))
    return 100 * arrays.size / best


def show(rows: list[Row], rate: float) -> None:
    """Prints the rows as a Markdown table."""
    print("| work | thermoviz | peer | ratio | goal | share of the matrix rate | share of products and numpy's tanh |\n"
          "|---|---|---|---|---|---|---|")
    for row in rows:
        peer = f"{row.peer:.3g} {row.unit} ({row.peer_name})" if row.peer is not None else ""
        ratio = f"{row.ratio:.3g} x" if row.ratio is not None else ""
        share = f"{row.flops / row.value / rate:.1%}" if row.flops is not None else ""
        value = "" if math.isnan(row.value) else f"{row.value:.3g} {row.unit}"
        reached = f"{row.limit / row.value:.1%}" if row.limit is not None else ""
        print(f"| {row.work} | {value} | {peer} | {ratio} | {row.goal} | {share} | {reached} |")
