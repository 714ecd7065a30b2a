"""Rows of numbers that may be more than memory holds: the first of them in memory, many in a temporary file."""

import tempfile
from typing import Any

import numpy as np

from ...core.arrays import let_go


class Records:
    """Rows of d numbers each, of one type: in memory up to `in_memory` bytes, beyond it in a temporary file, which goes
    with them and with the last array that was read from it.
    """

    def __init__(self, in_memory: int) -> None:
        self._in_memory, self._rows, self._n = in_memory, list[np.ndarray](), 0
        self._file: Any = None
        self._shape, self._kind = (0,), np.dtype(np.float32)

    def __len__(self) -> int:
        return self._n

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self._shape[0] * self._kind.itemsize

    @property
    def form(self) -> tuple[tuple[int, ...], Any]:
        """Shape and type of a row."""
        return self._shape, self._kind

    @property
    def on_disk(self) -> bool:
        """Whether they have left memory."""
        return self._file is not None

    def append(self, row: np.ndarray) -> None:
        """One more row [d]. Raises OSError where the disk has no room for it; then there is none more."""
        if not self._n:
            self._shape, self._kind = row.shape, row.dtype
        if self._file is None and (self._n + 1) * self.row_bytes > self._in_memory:
            self._file = _written(self._rows)
            self._rows = []
        if self._file is None:
            self._rows.append(row)
        else:
            self._put(row)
        self._n += 1

    def cut(self, n: int) -> None:
        """Only the first n rows stay."""
        self._rows, self._n = self._rows[:n], min(n, self._n)

    def thin(self) -> None:
        """Every other row is dropped, the first one stays."""
        if not self._n:
            return
        rows = self.array()
        try:
            self._replace(rows[::2])
        except OSError:  # no room for another file: within this one
            for k in range(0, self._n, 2):
                self._put(np.array(rows[k]), at=k // 2)
            self._n = (self._n + 1) // 2

    def widen(self, wider: Any) -> None:
        """Each row [d] becomes wider(row)."""
        self._replace(map(wider, self.array() if self._n else ()))

    def array(self, last: np.ndarray | None = None) -> np.ndarray:
        """All rows [n, d], read-only and mapped into memory where they lie in a file; `last` as one more."""
        if self._file is None:
            return np.stack([*self._rows, *([] if last is None else [last])])
        if last is not None:
            self._put(last)
        return np.memmap(self._file, self._kind, "r", shape=(self._n + (last is not None), *self._shape))

    def _replace(self, rows: Any) -> None:
        kept = Records(self._in_memory)
        for row in rows:
            kept.append(np.array(row))
            let_go(row)
        self.__dict__.update(kept.__dict__)

    def _put(self, row: np.ndarray, at: int | None = None) -> None:
        self._file.seek((self._n if at is None else at) * self.row_bytes)
        _write(self._file, row)


def taken(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """rows[chosen]; of a mapped file as a mapped file again, so that they stay out of memory."""
    if len(chosen) == len(rows):
        return rows
    if not isinstance(rows, np.memmap):
        return rows[chosen]
    file = _written(rows[k] for k in chosen)
    return np.memmap(file, rows.dtype, "r", shape=(len(chosen), *rows.shape[1:]))


def _written(rows: Any) -> Any:
    """A temporary file of these rows, without a buffer of its own."""
    file = tempfile.TemporaryFile(buffering=0)
    for row in rows:
        _write(file, row)
        let_go(row)
    return file


def _write(file: Any, row: np.ndarray) -> None:
    left = np.ascontiguousarray(row).data.cast("B")
    while left:
        left = left[file.write(left):]
