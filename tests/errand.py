"""An experiment for tests of engines: what it does in its worker is what the test says."""

import os
import signal
import sys
import time
from typing import Literal

import numpy as np

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS
from thermoviz.core.specs import Field, specification
from thermoviz.runs.run import Run


@specification
class Errand:
    """An experiment for these tests: works until the file `gate` is there, tells progress, and misbehaves as asked.

    Each computation adds a line to the file `diary`. Without a gate it is done at once.
    """

    diary: str
    gate: str = ""
    mood: Literal["good", "raises", "refuses", "dies", "silent"] = "good"
    seed: int = 0
    kind: Literal["errand"] = Field("errand", kw_only=True, repr=False)

    def compute(self, progress=None) -> Run:
        with open(self.diary, "a") as diary:
            diary.write(f"{os.getpid()}\n")
        if self.mood == "raises":
            raise RuntimeError("a secret detail")
        if self.mood == "refuses":
            raise tv.BadInput("the errand cannot be run on a Sunday.")
        if self.mood == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        rounds = 0
        while self.gate and not os.path.exists(self.gate):
            rounds += 1
            if self.mood != "silent":
                progress(1 - 1 / rounds, "walking", self.run(rounds) if rounds > 5 else None)
            time.sleep(0.02)
        return self.run(rounds)

    def run(self, rounds: int) -> Run:
        axis = np.linspace(0, 1, 9)
        return Run(self, {"xs": axis, "ys": axis, "U": np.outer(axis, axis).astype(np.float32)},
                   {"rounds": rounds, "warm": "numba" in sys.modules})


def dask_setup(worker):
    """Where this module is preloaded by a worker of a cluster: it knows errands."""
    EXPERIMENTS["errand"] = Errand
