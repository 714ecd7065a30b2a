"""Numbers from outside, numpy or torch: one way in for arrays, one for single settings; nothing is lost in silence."""

import mmap
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .errors import BadInput


def is_tensor(value: Any) -> bool:
    """Whether value is a torch tensor. Whoever has one has loaded torch; nobody else needs to wait for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def library(x: Any) -> Any:
    """numpy or torch, whichever x belongs to."""
    return sys.modules["torch"] if is_tensor(x) else np


def as_numpy(value: Any) -> np.ndarray:
    """value as an array of numpy in its own type, from whatever numpy reads or from a torch tensor on any device."""
    return np.asarray(value.detach().cpu() if is_tensor(value) else value)


def real(value: Any) -> np.ndarray:
    """value as a float64 array, from whatever numpy reads or from a torch tensor on any device.

    Raises TypeError or ValueError for what holds no real numbers: words, ragged lists, and complex numbers, of which
    numpy would drop the imaginary part with a mere warning.
    """
    array = as_numpy(value)
    if array.dtype.kind == "c":
        raise TypeError("complex numbers")
    return np.asarray(array, dtype=np.float64)


def single_or_double(value: Any) -> np.ndarray:
    """As `real`, but a float32 array stays one."""
    array = as_numpy(value)
    return array if array.dtype == np.float32 else real(array)


# What may be larger than memory: read in blocks

BLOCK = 2**21  # numbers of a block


def row_blocks(array: np.ndarray, numbers: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, array[rows]) in blocks of at most so many numbers (BLOCK), of one row at least. Do not keep them."""
    rows = max(1, (numbers or BLOCK) // max(1, array[0].size)) if len(array) else 1
    for start in range(0, len(array), rows):
        chosen = slice(start, min(start + rows, len(array)))
        yield chosen, array[chosen]
        let_go(array)


def column_blocks(arrays: Sequence[np.ndarray]) -> Iterator[tuple[slice, np.ndarray]]:
    """(columns, block) of arrays [m, d] below each other, in float64, in blocks of at most BLOCK numbers."""
    width = max(1, BLOCK // sum(map(len, arrays)))
    for start in range(0, arrays[0].shape[1], width):
        chosen = slice(start, start + width)
        yield chosen, np.concatenate([array[:, chosen] for array in arrays], dtype=np.float64)
        for array in arrays:
            let_go(array)


def let_go(array: Any) -> None:
    """What was read of a file that is mapped into memory leaves it again; all else stays."""
    kept = False
    while isinstance(array, np.ndarray):
        kept |= getattr(array, "mode", "r") == "c"  # changes that are in no file
        array = array.base
    if isinstance(array, mmap.mmap) and not kept and hasattr(array, "madvise"):
        array.madvise(mmap.MADV_DONTNEED)


# Single settings


def whole(name: str, value: Any, least: int) -> int:
    """value as a whole number. Raises BadInput unless it is one, of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise BadInput(f"{name} must be a whole number of at least {least}, got {value!r}.")
    return int(value)


def positive(name: str, value: Any) -> float:
    """value as a float. Raises BadInput unless it is one finite number > 0."""
    if not 0 < (number := _number(value)) < np.inf:
        raise BadInput(f"{name} must be a finite number > 0, got {value!r}.")
    return number


def not_negative(name: str, value: Any) -> float:
    """value as a float. Raises BadInput unless it is one finite number >= 0."""
    if not 0 <= (number := _number(value)) < np.inf:
        raise BadInput(f"{name} must be a finite number >= 0, got {value!r}.")
    return number


def _number(value: Any) -> float:
    """value as a float; NaN where it is no single real number (words and truth values are none)."""
    try:
        array = as_numpy(value)
    except (TypeError, ValueError):
        return np.nan
    return float(array) if array.ndim == 0 and array.dtype.kind in "iuf" else np.nan
