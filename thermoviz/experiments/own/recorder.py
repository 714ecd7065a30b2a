"""Keeps the path of a model while somebody's own loop trains it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import BadInput
from . import callbacks
from .following import Following, Told
from .parameters import flat, size, trainable
from .records import Records

FEWEST = 16  # records must fit, or there is no path to speak of
IN_MEMORY = 64 * 2**20  # bytes of records; more of them go to a temporary file


class Recorder:
    """Keeps the path of a model's trainable parameters, and of its buffers, while one's own loop trains it.

    every: a record each so many calls of `step()`, the start included. Memory is bounded: from `in_memory` bytes on
    records lie in a temporary file (in `tempfile.gettempdir()`), which `path` maps into memory and which goes with the
    recorder; beyond `max_bytes` in all, or where the disk is full, every other record is dropped and `every` doubles.
    Layers that thaw later are followed from the start, for until then they did not move. Raises BadInput for a model
    that is no torch module, has no trainable parameters, or is so large that fewer than 16 records fit.
    """

    def __init__(self, model: Any, every: int = 10, max_bytes: int = 4 * 2**30, in_memory: int = IN_MEMORY) -> None:
        if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
            raise BadInput(f"every must be a whole number from 1 on, got {every!r}.")
        self.model, self.every, self.n_steps = model, int(every), 0
        self._max_bytes, self._in_memory = max_bytes, in_memory
        self._followed = trainable(model)
        self._following: Following | None = None
        needed = FEWEST * sum(array.nbytes for array in self._now() if array is not None)
        if needed > max_bytes:
            raise BadInput(f"{sum(map(size, self._followed)):,} parameters are too many to record: {FEWEST} records "
                           f"need {needed:,} bytes, allowed are {max_bytes:,}: give it max_bytes={needed} or more.")
        self._frozen = self._still()
        self._path, self._beside = Records(in_memory), Records(in_memory)
        self._buffers_fit = True
        self._keep()
        self._mark = self._marks()

    def step(self) -> None:
        """Call it once after each training step. Raises BadInput if parameters came in that cannot be followed back."""
        self._follow_thawed()
        self.n_steps += 1
        self._mark = self._marks()
        if self._following is not None:
            self._following()
        if self.n_steps % self.every:
            return
        before = len(self._path)
        try:
            self._keep()
        except OSError:  # the disk is full
            self._beside.cut(before)
            self._thin()
            if self.n_steps % self.every == 0:
                self._keep()
        if len(self._path) * (self._path.row_bytes + self._beside.row_bytes) > self._max_bytes:
            self._thin()

    def _keep(self) -> None:
        theta, own = self._now()
        shape = None if own is None else (own.shape, own.dtype)
        self._buffers_fit &= not len(self._beside) or shape == self._beside.form
        if own is not None and self._buffers_fit:
            self._beside.append(own)
        self._path.append(theta)

    def _thin(self) -> None:
        self._path.thin()
        self._beside.thin()
        self.every *= 2

    def follow(self, every: int = 10, measure: Callable[[], Any] | None = None,
               say: Callable[[str], Any] | None = print) -> "Recorder":
        """Tells every 40 * every steps in one sentence whether training stands still on average, and what asking cost.

        From |theta - a|^2 and one step in `every`, for any optimiser; three vectors of the parameters are kept.
        measure: a function without arguments that returns a Run, asked then as well, such as
        `lambda: tv.report(model, loss_fn, batches, k=1, probes=8, density=0, progress=False)`; its time is in the cost.
        say: what takes the sentence, None for nobody; `told` has the numbers. Returns the recorder itself.
        """
        self._following = Following(lambda: self._followed, every, measure, say)
        return self

    @property
    def told(self) -> list[Told]:
        """What `follow` found: (step, ratio with its stderr, cost as a share of all time, report or None) in turn."""
        return [] if self._following is None else self._following.told

    def lightning(self) -> Any:
        """This recorder as a callback for Lightning: `Trainer(callbacks=[rec.lightning()])`."""
        return callbacks.lightning(self)

    def hugging_face(self) -> Any:
        """This recorder as a callback for Hugging Face: `Trainer(callbacks=[rec.hugging_face()])`."""
        return callbacks.hugging_face(self)

    @property
    def path(self) -> np.ndarray:
        """The recorded parameters [T, d], from the start to the last step: float32, or float64 for a double model."""
        return self._path.array(self._last[0])

    @property
    def buffers(self) -> np.ndarray | None:
        """The numbers of all buffers at each point of `path` [T, b]; None where they do not change along it."""
        last = self._last[1]
        if not self._buffers_fit or len(self._beside) != len(self._path) or (
                last is not None and (last.shape, last.dtype) != self._beside.form):
            return None
        found = self._beside.array(last)
        same = all(np.array_equal(found[0], own, equal_nan=True) for own in found[1:])
        return None if same else found

    @property
    def steps(self) -> np.ndarray:
        """[T]: the number of training steps before each point of `path`."""
        regular = self.every * np.arange(len(self._path))
        return regular if self._last[0] is None else np.append(regular, self.n_steps)

    @property
    def places(self) -> list[int]:
        """Which of `model.parameters()` the path is of."""
        followed = set(map(id, self._followed))
        return [k for k, parameter in enumerate(self.model.parameters()) if id(parameter) in followed]

    def _now(self) -> tuple[np.ndarray, np.ndarray | None]:
        buffers = list(self.model.buffers())
        return flat(self._followed), flat(buffers) if buffers else None

    @property
    def _last(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The state after the last step, unless it was recorded or the model was changed since."""
        done = self.n_steps == self.every * (len(self._path) - 1)
        return (None, None) if done or self._marks() != self._mark else self._now()

    def _marks(self) -> list[Any]:
        """What changes as soon as somebody writes to a parameter."""
        return [(parameter._version, parameter.data_ptr()) for parameter in self._followed]

    def _still(self) -> dict[int, np.ndarray]:
        """The frozen parameters, once, so that they are known from the start if they thaw."""
        followed = set(map(id, self._followed))
        frozen = [one for one in self.model.parameters() if id(one) not in followed]
        return {id(one): flat([one]) for one in frozen} if sum(map(size, frozen)) * 4 <= self._in_memory else {}

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
        self._path.widen(lambda theta: self._widened(theta, sizes, order))
        self._followed = order

    def _widened(self, theta: np.ndarray, sizes: list[int], order: list[Any]) -> np.ndarray:
        parts = dict(zip(map(id, self._followed), np.split(theta, np.cumsum(sizes)[:-1]), strict=True))
        return np.concatenate([parts[id(one)] if id(one) in parts else self._frozen[id(one)] for one in order])
