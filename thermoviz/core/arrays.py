"""Numbers from outside, as arrays: one way in, that loses nothing in silence."""

from typing import Any

import numpy as np


def real(value: Any) -> np.ndarray:
    """value as a float64 array, from whatever numpy reads or from a torch tensor on any device.

    Raises TypeError or ValueError for what holds no real numbers: words, ragged lists, and complex numbers, of which
    numpy would drop the imaginary part with a mere warning.
    """
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind == "c":
        raise TypeError("complex numbers")
    return np.asarray(array, dtype=np.float64)


def single_or_double(value: Any) -> np.ndarray:
    """As `real`, but a float32 array stays one."""
    array = np.asarray(value)
    return array if array.dtype == np.float32 else real(array)
