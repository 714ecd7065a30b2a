"""Compiled work over threads: kernels release the interpreter's lock."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from .settings import settings

# Below this many multiplications a second thread costs more than it saves (about 0.1 ms of work).
_WORTH_A_THREAD = 4_000_000
# Asked once: the system takes 20 microseconds to answer, as long as everything else around a call.
_CORES = os.cpu_count() or 1


def n_threads() -> int:
    """Threads for compiled work: those that are set, else the processor's cores, at most 4."""
    return settings().threads or min(4, _CORES)


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: those of a parent do not survive a fork."""
    return ThreadPoolExecutor(threads, thread_name_prefix="thermoviz-kernels")


def in_parts(work: Callable[[int, int], Any], n: int, multiplications: float) -> None:
    """work(first, last) over 0..n, split over threads where it pays; the calling thread takes the last part."""
    threads = min(n_threads(), n, 1 + int(multiplications / _WORTH_A_THREAD))
    if threads <= 1:
        work(0, n)
        return
    ends = [n * k // threads for k in range(threads + 1)]
    pool = _pool(n_threads(), os.getpid())
    others = [pool.submit(work, *part) for part in zip(ends[:-2], ends[1:-1], strict=True)]
    work(ends[-2], ends[-1])
    for other in others:
        other.result()


def alongside(work: Callable[[], Any]) -> Future[Any]:
    """`work()` in a thread of its own, while the calling one goes on."""
    return _pool(n_threads(), os.getpid()).submit(work)
