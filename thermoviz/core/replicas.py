"""Settings that may differ from replica to replica, and normal numbers for numpy and torch alike."""

from typing import Any

import numpy as np
from pydantic import BeforeValidator

from .arrays import is_tensor, library
from .errors import BadInput


def _as_tuple(value: Any) -> Any:
    """Arrays and lists become tuples, so that a specification stays hashable."""
    return tuple(np.asarray(value).tolist()) if isinstance(value, (list, np.ndarray)) and np.ndim(value) else value


# Marks a setting `Annotated[Number | tuple[Number, ...], per_replica]`: one value for all replicas, or one each.
per_replica = BeforeValidator(_as_tuple)


def plain(value: Any) -> float | np.ndarray:
    """A setting as a number, or as an array [n] where replicas have their own."""
    return np.asarray(value) if isinstance(value, tuple) else value


def column(value: Any, x: Any) -> Any:
    """A setting ready to multiply x [n, d]: a float, or one per replica as [n, 1] in x's type and place.

    Raises BadInput if there is neither one value nor n.
    """
    if np.ndim(value) == 0:
        return float(value)
    array = np.asarray(value, dtype=np.float64)
    if array.shape != x.shape[:1]:
        raise BadInput(f"A setting per replica must hold {x.shape[0]} values, one per replica, got {array.shape}.")
    if not is_tensor(x):
        return array.astype(x.dtype)[:, None]
    return library(x).as_tensor(array, dtype=x.dtype, device=x.device)[:, None]


def normal(rng: Any, x: Any, out: Any = None) -> Any:
    """Independent normal numbers in the shape, type and place of x; rng: numpy's Generator, torch's for a tensor. out:
    an array like x that they fill."""
    if not is_tensor(x):
        dtype = np.float32 if x.dtype == np.float32 else np.float64
        return rng.standard_normal(x.shape, dtype=dtype) if out is None else rng.standard_normal(dtype=dtype, out=out)
    return library(x).randn(x.shape, generator=rng, dtype=x.dtype, device=x.device)

