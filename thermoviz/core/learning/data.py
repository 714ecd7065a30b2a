"""One learning problem as arrays: checked, frozen, split into a training and a test part."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import as_numpy
from ..errors import BadInput

# Means and deviations of columns that networks learn from as they are, at the usual rates; else they are scaled.
MOST_MEAN, LEAST_SPREAD, MOST_SPREAD = 0.5, 0.5, 2.0


@dataclass(frozen=True, eq=False, init=False)
class Dataset:
    """Inputs and targets, float64 and read-only; the training points come first.

    `Dataset(x, y, task)` takes all points for training; `x_test`, `y_test` add a test part, so that `data.x`,
    `data.y` hold *all* n points, `data.train` [n] is True for those that are trained on, and `x_train`,
    `y_train`, `x_test`, `y_test` are views. Inputs and targets are kept as given; `standardised()` rescales inputs,
    `with_scaled_targets()` the targets of a regression, by the training part.

    x: [n, p]. y: "classification": labels [n] of any whole numbers, booleans or words, held as int64 0..K-1
    in the sorted order of `classes` [K]; "regression": [n] or [n, k], held as float64 [n, k].
    Raises BadInput for missing values in any form (None, NaN, NA, NaT, "", masked), infinite ones and words among
    inputs, each named by row and column; empty data, wrong or unequal shapes, one class only, and test labels that the
    training part does not have.
    """

    x: np.ndarray
    y: np.ndarray
    task: str
    n_train: int
    classes: np.ndarray | None
    center: np.ndarray
    scale: np.ndarray
    y_center: np.ndarray | None
    y_scale: np.ndarray | None

    def __init__(self, x: Any, y: Any, task: str = "classification", x_test: Any = None, y_test: Any = None):
        if task not in ("classification", "regression"):
            raise BadInput(f"task must be 'classification' or 'regression', got {task!r}.")
        if (x_test is None) != (y_test is None):
            raise BadInput("x_test and y_test must be given together.")
        inputs = _inputs(x, "x")
        targets, classes = _targets(y, "y", task, len(inputs))
        n_train = len(inputs)
        if x_test is not None and np.size(x_test):
            more = _inputs(x_test, "x_test", inputs.shape[1])
            more_targets, _ = _targets(y_test, "y_test", task, len(more), classes, targets.shape[1:])
            inputs, targets = np.concatenate([inputs, more]), np.concatenate([targets, more_targets])
        p = inputs.shape[1]
        self._fill(inputs, targets, task, n_train, classes, np.zeros(p), np.ones(p))

    def _fill(self, x: np.ndarray, y: np.ndarray, task: str, n_train: int, classes: np.ndarray | None,
              center: np.ndarray, scale: np.ndarray, y_center: np.ndarray | None = None,
              y_scale: np.ndarray | None = None) -> None:
        for name, value in (("x", x), ("y", y), ("classes", classes), ("center", center), ("scale", scale),
                            ("y_center", y_center), ("y_scale", y_scale)):
            if value is not None:
                value = np.array(value, order="C")
                value.flags.writeable = False
            object.__setattr__(self, name, value)
        object.__setattr__(self, "task", task)
        object.__setattr__(self, "n_train", int(n_train))

    @classmethod
    def _of(cls, *parts: Any) -> "Dataset":
        made = cls.__new__(cls)
        made._fill(*parts)
        return made

    @property
    def train(self) -> np.ndarray:
        """Mask [n]: True where a point is trained on."""
        return np.arange(len(self.x)) < self.n_train

    @property
    def x_train(self) -> np.ndarray:
        """[n_train, p]."""
        return self.x[:self.n_train]

    @property
    def y_train(self) -> np.ndarray:
        """[n_train] labels or [n_train, k] targets, label noise included."""
        return self.y[:self.n_train]

    @property
    def x_test(self) -> np.ndarray:
        """[n_test, p], possibly without rows."""
        return self.x[self.n_train:]

    @property
    def y_test(self) -> np.ndarray:
        """[n_test] labels or [n_test, k] targets, clean."""
        return self.y[self.n_train:]

    @property
    def n_test(self) -> int:
        """Number of test points, 0 where there is no test part."""
        return len(self.x) - self.n_train

    @property
    def n_inputs(self) -> int:
        """p, the number of input columns."""
        return self.x.shape[1]

    @property
    def n_classes(self) -> int | None:
        """K, or None for regression."""
        return None if self.classes is None else len(self.classes)

    @property
    def n_outputs(self) -> int:
        """What a network must put out: K logits, or k values."""
        return self.y.shape[1] if self.classes is None else len(self.classes)

    @property
    def content_hash(self) -> str:
        """sha256 (64 hex digits) of shapes and bytes: equal data, equal hash."""
        digest = hashlib.sha256(f"{self.task}:{self.n_train}".encode())
        for name, array in self.to_arrays().items():
            digest.update(f"|{name}:{array.dtype.str}:{array.shape}|".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def __repr__(self) -> str:
        return (f"Dataset({self.task}, {self.n_train} training and {self.n_test} test points, "
                f"{self.n_inputs} inputs, {self.n_outputs} outputs)")

    def standardised(self) -> "Dataset":
        """The same data with each input column at mean 0 and variance 1 over the training part.

        A column that is constant there carries nothing to learn from and becomes zero everywhere, also in the
        test part. `raw(x)` leads back.
        """
        mean, deviation = self.x_train.mean(0), self.x_train.std(0)
        varies = deviation > 1e-12 * np.abs(self.x_train).max(0)
        x = np.where(varies, (self.x - mean) / np.where(varies, deviation, 1.0), 0.0)
        return Dataset._of(x, self.y, self.task, self.n_train, self.classes, self.center + self.scale * mean,
                           self.scale * np.where(varies, deviation, 0.0), self.y_center, self.y_scale)

    def with_scaled_targets(self) -> "Dataset":
        """The same regression with each target at mean 0 and variance 1 over the training part, whatever its unit.

        A target that is constant there keeps its scale. `raw_targets(y)` leads back. Classes stay as they are.
        """
        if self.classes is not None:
            return self
        mean, deviation = self.y_train.mean(0), self.y_train.std(0)
        scale = np.where(deviation > 1e-12 * np.abs(self.y_train).max(0), deviation, 1.0)
        before = (0.0, 1.0) if self.y_center is None or self.y_scale is None else (self.y_center, self.y_scale)
        return Dataset._of(self.x, (self.y - mean) / scale, self.task, self.n_train, None, self.center, self.scale,
                           before[0] + before[1] * mean, before[1] * scale)

    def raw_targets(self, y: Any) -> np.ndarray:
        """Targets [..., k] in the unit they came in: the inverse of `with_scaled_targets`."""
        y = np.asarray(y, float)
        return y if self.y_center is None or self.y_scale is None else y * self.y_scale + self.y_center

    def learnable(self) -> "Dataset":
        """Inputs, and the targets of a regression, as they are where they are of a size that networks learn from; else
        at mean 0 and variance 1 over the training part.
        """
        data = self if _of_order_one(self.x_train) else self.standardised()
        return data if self.classes is not None or _of_order_one(self.y_train) else data.with_scaled_targets()

    def raw(self, x: Any) -> np.ndarray:
        """Inputs [..., p] in the units the data came in: the inverse of the standardisation."""
        return np.asarray(x, float) * self.scale + self.center

    def with_label_noise(self, fraction: float, generator: np.random.Generator) -> "Dataset":
        """The same data with spoiled training targets; the test part stays clean.

        Classification: round(fraction n_train) labels become another class, all others equally likely.
        Regression: Gaussian noise of `fraction` times each target's standard deviation over the training
        part.
        """
        y = self.y.copy()
        if self.classes is None:
            y[:self.n_train] += fraction * self.y_train.std(0) * generator.standard_normal(self.y_train.shape)
        else:
            chosen = generator.permutation(self.n_train)[:round(fraction * self.n_train)]
            turn = generator.integers(1, len(self.classes), len(chosen))
            y[chosen] = (y[chosen] + turn) % len(self.classes)
        return Dataset._of(self.x, y, self.task, self.n_train, self.classes, self.center, self.scale,
                           self.y_center, self.y_scale)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain numeric arrays for a file; the names of the classes travel as JSON bytes."""
        names = json.dumps(None if self.classes is None else self.classes.tolist())
        scaled = {} if self.y_center is None or self.y_scale is None else {
            "y_center": self.y_center, "y_scale": self.y_scale}
        return {"x": self.x, "y": self.y, "n_train": np.array([self.n_train], np.int64),
                "center": self.center, "scale": self.scale,
                "classes": np.frombuffer(names.encode(), np.uint8), **scaled}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Dataset":
        """The inverse of `to_arrays`. Raises BadInput if arrays are missing or do not fit together."""
        try:
            names = json.loads(bytes(np.asarray(arrays["classes"], np.uint8)).decode())
            n_train = int(arrays["n_train"][0])
            x, y, center, scale = (np.asarray(arrays[key]) for key in ("x", "y", "center", "scale"))
            of_y = [np.asarray(arrays[key]) for key in ("y_center", "y_scale") if key in arrays]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BadInput(f"these arrays do not hold a dataset: {error}.") from None
        task = "regression" if names is None else "classification"
        fits = x.ndim == 2 and 1 <= n_train <= len(x) and x.shape[1:] == center.shape == scale.shape
        if not fits:
            raise BadInput("these arrays do not hold a dataset: x, n_train, center and scale do not fit.")
        classes = None if names is None else np.arange(len(names))
        inputs, (targets, _) = _inputs(x, "x"), _targets(y, "y", task, len(x), classes)
        classes = None if names is None else np.array(names)
        if of_y and (len(of_y) != 2 or task != "regression" or {one.shape for one in of_y} != {targets.shape[1:]}):
            raise BadInput("these arrays do not hold a dataset: y, y_center and y_scale do not fit.")
        return cls._of(inputs, targets, task, n_train, classes, center, scale, *of_y)


def _of_order_one(values: np.ndarray) -> bool:
    """Whether every column of values [n, p] has about the size that standardised ones have."""
    mean, deviation = np.abs(values.mean(0)), values.std(0)
    return bool(((mean <= MOST_MEAN) & (deviation >= LEAST_SPREAD) & (deviation <= MOST_SPREAD)).all())


def _inputs(x: Any, name: str, columns: int | None = None) -> np.ndarray:
    """x as float64 [n, p], or one sentence on what is wrong with it."""
    _refuse_missing(x, name)
    try:
        given = as_numpy(x)
        array = given.astype(np.float64) if given.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise BadInput(f"{name} must be an array of real numbers with shape [n, p]{_no_number(x)}.")
    if array.size == 0:
        raise BadInput(f"{name} is empty (shape {list(array.shape)}): it needs a row and a column at least.")
    if array.ndim != 2:
        raise BadInput(f"{name} must have shape [n, p] (one row per point), got shape {list(array.shape)}.")
    if columns is not None and array.shape[1] != columns:
        raise BadInput(f"{name} must have as many columns as x ({columns}), got {array.shape[1]}.")
    _refuse_non_finite(array, name)
    return array


def _cells(value: Any) -> np.ndarray | None:
    """Its cells as they came, where numpy's own types do not hold them: words, objects, a mixture. None otherwise."""
    try:
        plain = as_numpy(value)
        if plain.dtype.kind in "biufc":
            return None
        return plain if hasattr(value, "dtype") or hasattr(value, "columns") else np.asarray(value, dtype=object)
    except (TypeError, ValueError):
        return None


def _refuse_missing(value: Any, name: str) -> None:
    """Before numpy makes words of them."""
    if np.ma.isMaskedArray(value):
        missing = np.ma.getmaskarray(value)
    elif (cells := _cells(value)) is not None:
        missing = np.frompyfunc(_is_missing, 1, 1)(cells).astype(bool)
    else:
        return
    bad = np.argwhere(missing)
    if len(bad):
        more = f" ({len(bad)} such values in all)" if len(bad) > 1 else ""
        raise BadInput(f"{name} has a missing value in {_place(value, bad[0])}{more}: fill it in or leave its row out.")


def _is_missing(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, np.floating, np.datetime64)) and bool(cell != cell)


def _no_number(value: Any) -> str:
    """Where the first of its cells stands that is none."""
    cells = _cells(value)
    for at in () if cells is None else np.ndindex(cells.shape):
        try:
            float(cells[at])  # type: ignore[index]
        except (TypeError, ValueError):
            return f", but {_place(value, at)} holds {str(cells[at])[:40]!r}"  # type: ignore[index]
    return ""


def _place(value: Any, at: Any) -> str:
    """Row and column of a cell, columns by their names where they have any."""
    if len(at) < 2:
        return f"row {at[0]}" if len(at) else "its only cell"
    column = getattr(value, "columns", range(at[1] + 1))[at[1]]
    return f"row {at[0]}, column {column}"


def _refuse_non_finite(array: np.ndarray, name: str) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0]
        more = f" ({len(bad)} such values in all)" if len(bad) > 1 else ""
        raise BadInput(f"{name} holds {array[row, column]} in row {row}, column {column}{more}: "
                       "all values must be finite numbers.")


def _targets(y: Any, name: str, task: str, n: int, classes: np.ndarray | None = None,
             trailing: tuple[int, ...] | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """(y, classes): labels as int64 [n] with the classes they name, or values as float64 [n, k] with None."""
    _refuse_missing(y, name)
    try:
        array = as_numpy(y)
    except ValueError:
        raise BadInput(f"{name} must be an array with one row for each row of the inputs.") from None
    if array.ndim == 0 or len(array) != n:
        given = "a single value" if array.ndim == 0 else f"{len(array)}"
        raise BadInput(f"{name} must have one entry for each of the {n} rows of the inputs, got {given}.")
    if task == "regression":
        return _values(array, name, trailing), None
    return _labels(array, name, classes)


def _values(array: np.ndarray, name: str, trailing: tuple[int, ...] | None) -> np.ndarray:
    if array.ndim not in (1, 2) or array.size == 0:
        raise BadInput(f"{name} must have shape [n] or [n, k] for regression, got shape {list(array.shape)}.")
    try:
        values = array.astype(np.float64).reshape(len(array), -1) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        values = None
    if values is None:
        raise BadInput(f"{name} must hold real numbers for regression.")
    if trailing is not None and values.shape[1:] != trailing:
        raise BadInput(f"{name} must have as many columns as y ({trailing[0]}), got {values.shape[1]}.")
    _refuse_non_finite(values, name)
    return values


def _labels(array: np.ndarray, name: str, classes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise BadInput(f"{name} must have shape [n] for classification (one label per point), "
                       f"got shape {list(array.shape)}.")
    if array.dtype.kind == "O":
        array = np.array(array.tolist())
        if array.ndim != 1:
            raise BadInput(f"{name} must hold one label per point: a whole number, a truth value or a word.")
    if array.dtype.kind == "f":
        _refuse_non_finite(array[:, None], name)
        if (array != np.round(array)).any():
            row = int(np.argmax(array != np.round(array)))
            raise BadInput(f"{name} holds {array[row]} in row {row}: labels must be whole numbers or words "
                           "(use task='regression' for real values).")
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuUS":
        raise BadInput(f"{name} must hold labels: whole numbers, booleans or words.")
    found = np.unique(array)
    if classes is None:
        if len(found) < 2:
            raise BadInput(f"{name} holds one class only ({found[0]}): classification needs at least two.")
        classes = found
    unknown = found[~np.isin(found, classes)]
    if len(unknown):
        raise BadInput(f"{name} holds the label {unknown[0]}, which the training labels do not have.")
    return np.searchsorted(classes, array).astype(np.int64), classes
