"""CPU from an empty cache of kernels to the first result of the first page, in a fresh process.

The yardstick is a fresh process that imports numba and has it compile one small loop, also from nothing: what numba
costs whoever uses it at all, on this machine and with its libraries. CPU, not wall time: others' work does not count.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile

from .clock import Row

REPEATS = 3
# The question of the first page at its smallest size: its kernels are those of every size.
FIRST = "from thermoviz.catalogue import WARM_UP, run; run(WARM_UP[1])"
ALL = "from thermoviz.catalogue import WARM_UP, run\nfor spec in WARM_UP: run(spec)"
YARDSTICK = """
import numba, numpy
@numba.njit
def total(x):
    sum = 0.0
    for i in range(x.size): sum += x[i]
    return sum
total(numpy.ones(3))
"""
# Yardsticks until the first result: half of the 15.6 that e590a9b took in the same run.
MOST = 7.8


def _cpu(code: str, folder: str) -> float:
    """Seconds of CPU of a process that keeps its kernels in `folder`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "NUMBA_CACHE_DIR": folder})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _from_nothing(code: str) -> tuple[float, float]:
    """(CPU with an empty cache, CPU once more with what that left there)."""
    with tempfile.TemporaryDirectory() as folder:
        return _cpu(code, folder), _cpu(code, folder)


def rows() -> list[Row]:
    rounds = [(*_from_nothing(FIRST), _from_nothing(ALL)[0], _from_nothing(YARDSTICK)[0]) for _ in range(REPEATS)]
    first, again, everything, unit = (statistics.median(column) for column in zip(*rounds, strict=True))
    peer = "numba imported, one small loop compiled"
    return [Row("CPU from no kernels to the first page's first result", first, "s", f">= {1 / MOST:.2g} x", unit, peer),
            Row("the same with kernels on disk", again, "s", "", unit, peer),
            Row("CPU to compile all that `thermoviz warm` does", everything, "s", "", unit, peer)]
