"""Memory of `Recorder` and `explore` where paths are large: the peak of a process above what it had before.

    python -m benchmarks.own_memory PARAMETERS SNAPSHOTS

prints it for one path; the rows are of a path beyond memory, and of one of many parameters.
"""

import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .clock import Row
from .first_picture import ROOT

CASES = ((1_000_000, 1000, "above what the process had, 1 M parameters x 1000 snapshots", "200 MB"),
         (5_000_000, 50, "the same as a share of the path, 5 M parameters x 50 snapshots", "3 x"))
MB = 2**20


def peak_of(parameters: int, snapshots: int, resolution: int = 17) -> tuple[float, float]:
    """(MB above what the process had, seconds) of training, recording and exploring a module of that many parameters
    whose loss takes no time or memory to speak of.
    """
    import numpy as np
    import torch

    import thermoviz as tv

    class Vector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theta = torch.nn.Parameter(torch.zeros(parameters))

    def loss_fn(module: Any) -> Any:
        return (module.theta ** 2).mean()

    warm = Vector.__new__(Vector)
    torch.nn.Module.__init__(warm)
    warm.theta = torch.nn.Parameter(torch.ones(10))
    tv.explore(warm, loss_fn, np.random.default_rng(0).standard_normal((20, 10)).astype(np.float32), resolution=17)
    torch.manual_seed(0)
    model = Vector()
    before = _resident()
    with Watched() as watched:
        begun = time.process_time()
        recorder = tv.Recorder(model, every=1)
        for _ in range(snapshots - 1):
            with torch.no_grad():
                model.theta.add_(torch.randn(parameters), alpha=0.01)
            recorder.step()
        tv.explore(model, loss_fn, recorder, resolution=resolution)
        took = time.process_time() - begun
    return (watched.peak - before) / MB, took


def _resident() -> int:
    """Bytes resident now, Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Watched:
    """The most bytes that were resident within it, looked at a hundred times a second."""

    def __enter__(self) -> "Watched":
        self.peak, self._on = _resident(), True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while self._on:
            self.peak = max(self.peak, _resident())
            time.sleep(0.01)

    def __exit__(self, *_: Any) -> None:
        self._on = False
        self._thread.join()


def rows() -> list[Row]:
    found = []
    for parameters, snapshots, name, bound in CASES:
        done = subprocess.run([sys.executable, "-m", __name__, str(parameters), str(snapshots)], cwd=ROOT,
                              capture_output=True, text=True, check=True)
        peak = float(done.stdout.split()[0])
        share = bound.endswith("x")
        found.append(Row(f"memory of explore {name}", peak * MB / (4 * parameters * snapshots) if share else peak,
                         "x" if share else "MB", bound))
    return found


if __name__ == "__main__":
    print(*peak_of(int(sys.argv[1]), int(sys.argv[2])))
