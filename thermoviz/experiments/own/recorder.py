"""Keeps the path of a model while somebody's own loop trains it."""

from typing import Any

import numpy as np

from ...core.errors import BadInput
from .parameters import flat, size, trainable

FEWEST = 16  # records must fit, or there is no path to speak of


class Recorder:
    """Keeps the path of a model's trainable parameters, and of its buffers, while one's own loop trains it.

    every: a record each so many calls of `step()`, the start included. Memory is bounded: beyond `max_bytes`
    every other record is dropped and `every` doubles. Layers that thaw later are followed from the start, for until
    then they did not move. Raises BadInput for a model that is no torch module, has no trainable parameters, or is so
    large that fewer than 16 records fit.
    """

    def __init__(self, model: Any, every: int = 10, max_bytes: int = 256 * 2**20) -> None:
        if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
            raise BadInput(f"every must be a whole number from 1 on, got {every!r}.")
        self.model, self.every, self.n_steps, self._max_bytes = model, int(every), 0, max_bytes
        self._followed = trainable(model)
        needed = FEWEST * sum(array.nbytes for array in self._now() if array is not None)
        if needed > max_bytes:
            raise BadInput(f"{sum(map(size, self._followed)):,} parameters are too many to record: {FEWEST} records "
                           f"need {needed:,} bytes, allowed are {max_bytes:,}: give it max_bytes={needed} or more.")
        self._frozen = self._still()
        self._records = [self._now()]
        self._mark = self._marks()

    def step(self) -> None:
        """Call it once after each training step. Raises BadInput if parameters came in that cannot be followed back."""
        self._follow_thawed()
        self.n_steps += 1
        self._mark = self._marks()
        if self.n_steps % self.every:
            return
        self._records.append(self._now())
        if len(self._records) * self._bytes() > self._max_bytes:
            self._records = self._records[::2]
            self.every *= 2

    @property
    def path(self) -> np.ndarray:
        """The recorded parameters [T, d], from the start to the last step: float32, or float64 for a double model."""
        return np.stack([theta for theta, _ in self._all()])

    @property
    def buffers(self) -> np.ndarray | None:
        """The numbers of all buffers at each point of `path` [T, b]; None where they do not change along it."""
        found = [own for _, own in self._all() if own is not None]
        same = all(np.array_equal(found[0], own, equal_nan=True) for own in found[1:])
        return None if same or len({len(own) for own in found}) > 1 else np.stack(found)

    @property
    def steps(self) -> np.ndarray:
        """[T]: the number of training steps before each point of `path`."""
        regular = self.every * np.arange(len(self._records))
        return np.array([*regular.tolist(), *[self.n_steps] * (len(self._all()) - len(self._records))])

    @property
    def places(self) -> list[int]:
        """Which of `model.parameters()` the path is of."""
        followed = set(map(id, self._followed))
        return [k for k, parameter in enumerate(self.model.parameters()) if id(parameter) in followed]

    def _now(self) -> tuple[np.ndarray, np.ndarray | None]:
        buffers = list(self.model.buffers())
        return flat(self._followed), flat(buffers) if buffers else None

    def _bytes(self) -> int:
        return sum(array.nbytes for array in self._records[0] if array is not None)

    def _all(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """The records, and the state after the last step unless it was recorded or the model was changed since."""
        done = self.n_steps == self.every * (len(self._records) - 1)
        return self._records if done or self._marks() != self._mark else [*self._records, self._now()]

    def _marks(self) -> list[Any]:
        """What changes as soon as somebody writes to a parameter."""
        return [(parameter._version, parameter.data_ptr()) for parameter in self._followed]

    def _still(self) -> dict[int, np.ndarray]:
        """The frozen parameters, once, so that they are known from the start if they thaw."""
        followed = set(map(id, self._followed))
        frozen = [one for one in self.model.parameters() if id(one) not in followed]
        return {id(one): flat([one]) for one in frozen} if sum(map(size, frozen)) * 4 <= self._max_bytes // 4 else {}

    def _follow_thawed(self) -> None:
        known = set(map(id, self._followed))
        new = {id(one) for one in self.model.parameters() if one.requires_grad} - known
        if not new:
            return
        if not new <= self._frozen.keys():
            raise BadInput(f"{len(new)} parameters became trainable at step {self.n_steps + 1} that cannot be followed "
                           "back to the start: start a new Recorder; what this one recorded until here is kept.")
        sizes = [size(one) for one in self._followed]
        order = [one for one in self.model.parameters() if id(one) in known | new]
        self._records = [(self._widened(theta, sizes, order), own) for theta, own in self._records]
        self._followed = order

    def _widened(self, theta: np.ndarray, sizes: list[int], order: list[Any]) -> np.ndarray:
        parts = dict(zip(map(id, self._followed), np.split(theta, np.cumsum(sizes)[:-1]), strict=True))
        return np.concatenate([parts[id(one)] if id(one) in parts else self._frozen[id(one)] for one in order])
