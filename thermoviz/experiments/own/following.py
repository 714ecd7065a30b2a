"""Whether training stands still on average, asked while it goes on, at a cost that is measured.

For any steps s that a training takes, |theta - a|^2 changes by 2 (theta - a) s + |s|^2. Where it stands still on
average, what steps pull back is what they push out: -2 <(theta - a) s> / <|s|^2> = 1. Summed over a window of steps
that is 1 - (change of |theta - a|^2) / (sum of |s|^2), for any optimiser; a: the mean over the window before. (It is
eq. (FDR1) of S. Yaida, ICLR 2019, for SGD.) It speaks of the window's length: what has not forgotten its start within
one is below 1.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import BadInput
from ...core.statistics.estimators import Estimate, ratio_of_means
from ...runs.late import above
from ...runs.run import Run
from .parameters import flat

SAMPLES = 40  # in a window
BLOCKS = 8  # of it, whose scatter is the error


class Told(NamedTuple):
    """At the end of a window: training steps so far, the ratio, the share of all time that asking took, and the report
    that was made there, or None."""

    step: int
    ratio: Estimate
    cost: float
    report: Run | None


class Following:
    """Looks at one step in `every` and tells at the end of each window of SAMPLES of them; see `Recorder.follow`."""

    def __init__(self, parameters: Callable[[], Any], every: int, measure: Callable[[], Run] | None,
                 say: Callable[[str], Any] | None) -> None:
        if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
            raise BadInput(f"every must be a whole number from 1 on, got {every!r}.")
        for name, function in (("measure", measure), ("say", say)):
            if function is not None and not callable(function):
                raise BadInput(f"{name} must be a function, got {type(function).__name__}.")
        self._parameters, self._every, self._measure, self._say = parameters, int(every), measure, say
        self._steps, self._spent, self._began = 0, 0.0, time.perf_counter()
        self._before: np.ndarray | None = None
        self._centre: np.ndarray | None = None
        self._mean: Any = 0.0
        self._pushed: list[float] = []
        self._far: list[float] = []
        self.told: list[Told] = []

    def __call__(self) -> None:
        """After each training step."""
        started = time.perf_counter()
        self._steps += 1
        if self._steps % self._every == 0:
            self._look()
        if self._every == 1 or self._steps % self._every == self._every - 1:
            self._before = self._now()
        if len(self._pushed) == SAMPLES:
            self._tell(started)
        self._spent += time.perf_counter() - started

    def _now(self) -> np.ndarray:
        return flat(self._parameters())

    def _look(self) -> None:
        now = self._now()
        if self._before is None or self._before.shape != now.shape:  # the first step, or layers thawed
            self._centre, self._mean, self._pushed, self._far = None, 0.0, [], []
            return
        self._pushed.append(_square(now - self._before))
        self._mean = self._mean + now.astype(np.float64) / SAMPLES
        if self._centre is not None:
            self._far.append(_square(now - self._centre))

    def _tell(self, started: float) -> None:
        centre, self._centre = self._centre, self._mean
        pushed, far = np.array(self._pushed), np.array(self._far)
        self._mean, self._pushed, self._far = 0.0, [], []
        if centre is None or not pushed.sum() > 0 or not np.isfinite(far).all():
            return
        report = None if self._measure is None else self._measure()
        spent = self._spent + time.perf_counter() - started
        cost = spent / max(time.perf_counter() - self._began, 1e-9)
        self.told.append(Told(self._steps, ratio(pushed, far, self._every), cost, report))
        if self._say is not None:
            self._say(above("live")(*self.told[-1]))


def ratio(pushed: np.ndarray, far: np.ndarray, every: int) -> Estimate:
    """1 - (change of |theta - a|^2) / (sum of |s|^2) from samples [n], `every` steps apart.

    Its error is the scatter between BLOCKS stretches of the window. What one of them gains in |theta - a|^2 the next
    may lose: where memory is shorter than a stretch the true error is smaller.
    """
    parts = np.array_split(np.arange(len(far) - 1), BLOCKS)
    sums = np.array([every * pushed[rows + 1].sum() for rows in parts])
    changes = np.array([far[rows[-1] + 1] - far[rows[0]] for rows in parts])
    return ratio_of_means(sums - changes, sums)


def _square(vector: np.ndarray) -> float:
    return float(np.einsum("d,d->", vector, vector, dtype=np.float64))
