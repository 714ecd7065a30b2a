"""Numbers from outside, numpy or torch: one way in for arrays, one for single settings; nothing is lost in silence."""

import sys
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
