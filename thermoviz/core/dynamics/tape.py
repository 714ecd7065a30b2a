"""What a simulation leaves: positions and energies at the recorded steps, and the step at which a replica diverged; and
what is seen on the way, without records."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import as_numpy
from ..errors import BadInput

# Beyond this a position counts as diverged: float32 losses are no longer finite there.
FAR = 1e15
# Bytes of recorded positions beyond which a run is refused before it starts.
MOST_RECORDED = 2**34


class Tape:
    """Records of n replicas in d dimensions at steps [T]: x [T, n, d], values [T, n] (energies of all samples).

    diverged_at [n]: the step after which a replica left the finite numbers, or -1. Raises BadInput for records that
    would take too much memory, and for an energy that does not map [n, d] to [n].
    """

    def __init__(self, energy: Any, x: Any, steps: int, record_every: int) -> None:
        self.energy, self.every = energy, record_every
        size = (steps // record_every + 2) * len(x) * x[0].nbytes
        if size > MOST_RECORDED:
            raise BadInput(f"the records would take {size / 2**30:.3g} GiB, at most {MOST_RECORDED // 2**30} are "
                           "allowed: choose a larger record_every.")
        self.steps = np.unique(np.append(np.arange(0, steps + 1, record_every), steps))
        self.x = np.empty((len(self.steps), *x.shape), dtype=np.asarray(as_numpy(x[:0])).dtype)
        self.values = np.empty((len(self.steps), len(x)))
        self.diverged_at = np.full(len(x), -1)
        self.filled = 0

    @property
    def any_diverged(self) -> bool:
        return bool((self.diverged_at >= 0).any())

    def due(self, first: int, last: int) -> np.ndarray:
        """The recorded steps in first + 1..last."""
        return self.steps[np.searchsorted(self.steps, first, "right"):np.searchsorted(self.steps, last, "right")]

    def record(self, step: int, x: Any) -> None:
        """x [n, d] as it is after `step` steps, if that is a recorded step."""
        if self.filled == len(self.steps) or self.steps[self.filled] != step:
            return
        values = as_numpy(self.energy(x))
        if values.shape != (len(x),):
            raise BadInput(f"energy must map x [n, d] to [n]: for {list(x.shape)} it gave {list(values.shape)}.")
        self._keep(step, as_numpy(x), values)

    def record_all(self, steps: np.ndarray, x: np.ndarray) -> None:
        """x [k, n, d] as it is after each of the next recorded steps [k].

        An energy with a method `of_records(x [k, n, d]) -> [k, n]` is asked once for all of them.
        """
        together = getattr(self.energy, "of_records", None)
        if together is None:
            for step, one in zip(steps.tolist(), x, strict=True):
                self.record(step, one)
        elif len(steps):
            for step, one, values in zip(steps.tolist(), x, together(x), strict=True):
                self._keep(step, one, values)

    def _keep(self, step: int, x: np.ndarray, values: np.ndarray) -> None:
        self.x[self.filled], self.values[self.filled] = x, values
        if self.any_diverged:
            self.values[self.filled, (self.diverged_at >= 0) & (self.diverged_at <= step)] = np.nan
        self.filled += 1

    def mark_diverged(self, step: int, state: Any) -> Any:
        """The state with every replica that has left the finite numbers set to NaN, for good."""
        x = state.x
        if not self.any_diverged and float(x.max()) < FAR and float(x.min()) > -FAR:
            return state
        gone = ~as_numpy((abs(x) < FAR).all(-1))
        self.diverged_at[gone & (self.diverged_at < 0)] = step
        x = x + 0
        x[gone] = float("nan")
        return state._replace(x=x)


class Watch:
    """Who is shown steps 0, every, 2 every, ...: `observe(step, before [n, d], after [n, d])`, or nobody (None).

    An `observe` that has a method `together(steps [k], before [k, n, d], after [k, n, d])` is handed all observed steps
    of a block of compiled steps in one call.
    """

    def __init__(self, observe: Callable[[int, Any, Any], Any] | None, every: int) -> None:
        self.observe, self.every = observe, every

    def due(self, first: int, last: int) -> np.ndarray:
        """The observed steps in first..last - 1."""
        if self.observe is None:
            return np.zeros(0, np.int64)
        return np.arange(-(-first // self.every) * self.every, last, self.every)

    def see(self, step: int, before: Any, after: Any) -> None:
        if self.observe is not None and step % self.every == 0:
            self.observe(step, before, after)

    def see_all(self, steps: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
        together = getattr(self.observe, "together", None)
        if together is not None:
            together(steps, before, after)
            return
        for step, x, moved in zip(steps.tolist(), before, after, strict=True):
            self.see(step, x, moved)
