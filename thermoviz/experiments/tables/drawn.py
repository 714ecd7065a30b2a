"""Points that were drawn by hand on a plane, as a learning problem."""

import math
from typing import Any

import numpy as np

from ...core.errors import BadInput
from ...core.learning.data import Dataset
from ...core.learning.datasets import split
from ...core.seeds import rng
from .table import Task

FEWEST, MOST = 8, 1000
NAMES = ("round", "square")  # of the two classes, as they are drawn


def drawn(points: Any, task: Task, seed: int = 0) -> Dataset:
    """The Dataset of points [x, y, class], drawn in the square from -1 to 1.

    "classification": the class of each place; "regression": y as a function of x, classes do not matter. A quarter is
    held back for the test. Raises BadInput, in one sentence, for what is no such drawing (it comes from a browser).
    """
    array = checked(points)
    if len(array) < FEWEST:
        raise BadInput(f"{len(array)} points are drawn, and at least {FEWEST} are needed.")
    labels = array[:, 2].astype(np.int64)
    if task == "classification" and len(np.unique(labels)) < 2:
        raise BadInput("all points are of one class: draw some of the other as well.")
    if task == "regression" and np.ptp(array[:, 0]) < 1e-6:
        raise BadInput("all points stand above one another: draw a curve from left to right.")
    generator = rng(seed, "data")
    classes = task == "classification"
    chosen, rest = split(labels if classes else None, len(array), len(array) // 4, generator)
    x = array[:, :2] if classes else array[:, :1]
    y = np.array(NAMES)[labels] if classes else array[:, 1]
    return Dataset(x[chosen], y[chosen], task, x[rest], y[rest]).standardised()


def checked(points: Any) -> np.ndarray:
    """[n, 3], whatever a browser sent. Raises BadInput."""
    rows = points if isinstance(points, (list, tuple)) else ()
    if len(rows) > MOST:
        raise BadInput(f"{len(rows):,} points are drawn, and at most {MOST:,} are taken.")
    good = [row for row in rows if isinstance(row, (list, tuple)) and len(row) == 3 and all(map(_is_number, row))]
    if len(good) < len(rows) or any(abs(x) > 1 or abs(y) > 1 or of not in (0, 1) for x, y, of in good):
        raise BadInput("these are no points of the plane from -1 to 1.")
    return np.array(good, dtype=float).reshape(-1, 3)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
