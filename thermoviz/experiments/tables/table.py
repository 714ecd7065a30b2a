"""A table, and the learning problem that its chosen columns are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...core.arrays import as_numpy
from ...core.errors import BadFile, BadInput
from ...core.learning.data import Dataset
from ...core.learning.datasets import split
from ...core.seeds import rng
from ...runs import files
from . import binary, text
from .columns import Column, names_of, of_array
from .limits import FEWEST_ROWS, MIB, MOST_BYTES, MOST_CLASSES, MOST_COLUMNS, MOST_INPUTS, MOST_ROWS, MOST_WORDS

Task = Literal["classification", "regression"]
FEW_CLASSES = 20  # whole numbers with no more different values than this are taken for classes
NAMED = 3  # missing values that a sentence names
# How files begin that are not read.
OTHERS = (
    (b"\x80", "a Python pickle"), (b"PAR1", "a Parquet file"), (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF"), (b"\xd0\xcf\x11\xe0", "an office file"), (b"\x89HDF", "an HDF5 file"),
    (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"),
)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if len(self.columns) > MOST_COLUMNS:
            raise BadInput(f"this table has {len(self.columns):,} columns, and at most {MOST_COLUMNS} can be used.")
        if not self.columns or not self.rows:
            raise BadInput("this table is empty: it needs a row and a column at least.")
        if self.rows > MOST_ROWS:
            raise BadInput(f"this table has {self.rows:,} rows, and at most {MOST_ROWS:,} can be used.")
        lengths = {len(column.values) for column in self.columns}
        if len(lengths) > 1:
            raise BadInput("the columns of this table have different numbers of rows.")

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0].values)

    @property
    def names(self) -> list[str]:
        """Of its columns."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise BadInput(f"there is no column {str(name)[:60]!r} in this table; there are {', '.join(self.names)[:300]}.")

    def missing(self, names: Iterable[str]) -> np.ndarray:
        """Mask of the rows in which a value of these columns is missing."""
        found = np.zeros(self.rows, bool)
        for name in names:
            found |= self[name].missing
        return found

    def where_missing(self, names: Sequence[str]) -> list[tuple[int, str]]:
        """(row, column) of each missing value, rows counted from 1, in the order of the rows."""
        found = [(int(row) + 1, name) for name in names for row in np.flatnonzero(self[name].missing)]
        return sorted(found, key=lambda place: (place[0], self.names.index(place[1])))


def read(contents: bytes) -> Table:
    """The table in a file's contents. Raises BadFile in one sentence for what is too large, damaged or no table."""
    refuse_size(len(contents))
    for beginning, what in OTHERS:
        if contents.startswith(beginning):
            raise BadFile(f"this file is {what}, which is never read: save the table as CSV (UTF-8) or by numpy.save.")
    if contents[4:9] == b"\0\0\0\0{":
        raise BadFile("this is a safetensors file, which is no table: bring a run file of thermoviz as a run file.")
    try:
        if contents.startswith((binary.MAGIC, binary.ARCHIVE)):
            return Table(tuple(binary.columns(contents)))
        return Table(tuple(text.columns(contents)))
    except BadFile:
        raise
    except BadInput as error:
        raise BadFile(str(error)) from None


def refuse_size(size: int) -> None:
    """Raises BadFile for a file that is too large to be read."""
    if size > MOST_BYTES:
        raise BadFile(f"this file has {size / MIB:,.0f} MB, and a table of at most {MOST_BYTES // MIB} MB can be "
                      "brought: take a part of it, drawn at random.")
    if size == 0:
        raise BadFile("this file is empty.")


def table(source: Any, target: Any = None, inputs: Sequence[str] | None = None, task: Task | None = None,
          missing: Literal["refuse", "leave out"] = "refuse", test_fraction: float = 0.25, seed: int = 0) -> Dataset:
    """A table as a Dataset: labels and inputs as words, numbers or dates, inputs standardised, a test part held back.

    source: the path of a CSV, TSV, .npy or .npz file; a DataFrame; a mapping of columns; an array [n, k]. target: the
    name of the column to predict; None: the last. inputs: names of the columns to predict it from; None: all others.
    task: None: classes where the target holds words or few different whole numbers, else regression. A word among the
    inputs is 0 or 1 for each of its values (at most 20), a date is days. missing: rows with missing values among these
    columns are refused, or left out. Raises BadInput, or BadFile for a file that is no table.
    """
    if missing not in ("refuse", "leave out"):
        raise BadInput(f"missing must be 'refuse' or 'leave out', got {missing!r}.")
    made = source if isinstance(source, Table) else _of(source)
    target = made.names[-1] if target is None else str(target)
    inputs = [name for name in made.names if name != target] if inputs is None else [str(name) for name in inputs]
    return problem(made, target, inputs, task, missing == "leave out", test_fraction, seed)


def _of(source: Any) -> Table:
    if isinstance(source, (str, Path)):
        path = files.path_of(source)
        try:
            refuse_size(path.stat().st_size)
            return read(path.read_bytes())
        except (OSError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            reason = getattr(error, "strerror", None) or error
            raise BadFile(f"{files.brief(path)} cannot be read: {reason}.") from None
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        given = list(source.columns if hasattr(source, "columns") else source)
        return Table(tuple(of_array(name, _one(name, as_numpy(source[key])))
                           for name, key in zip(names_of(given), given, strict=True)))
    array = as_numpy(source)
    if array.dtype.names:
        return Table(tuple(of_array(name, array[key].ravel())
                           for name, key in zip(names_of(array.dtype.names), array.dtype.names, strict=True)))
    if array.ndim != 2:
        raise BadInput(f"a table must have shape [n, k] (a row for each sample), got shape {list(array.shape)}.")
    return Table(tuple(of_array(f"column {k + 1}", array[:, k]) for k in range(array.shape[1])))


def _one(name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise BadInput(f"column “{name}” must hold one value for each row, got shape {list(array.shape)}.")
    return array


def tasks(column: Column) -> list[Task]:
    """What a column can be the target of, the likelier first."""
    if column.kind == "word":
        return ["classification"]
    if column.whole and 2 <= column.distinct <= MOST_CLASSES:
        few = column.distinct <= FEW_CLASSES
        return ["classification", "regression"] if few else ["regression", "classification"]
    return ["regression"]


def problem(table: Table, target: str, inputs: Sequence[str], task: Task | None = None, leave_out: bool = False,
            test_fraction: float = 0.25, seed: int = 0) -> Dataset:
    """The Dataset of these columns; `leave_out`: without the rows in which one of their values is missing.

    Raises BadInput, in one sentence, where they make no problem.
    """
    refuse(table, target, inputs, task, leave_out)
    whole = ~table.missing([target, *inputs])
    x = np.concatenate([_input(table[name], whole) for name in inputs], axis=1)
    column = table[target]
    task = task or tasks(column)[0]
    y = _labels(column, whole) if task == "classification" else column.values[whole]
    generator = rng(seed, "data")
    chosen, rest = split(y if task == "classification" else None, len(x), round(test_fraction * len(x)), generator)
    return Dataset(x[chosen], y[chosen], task, x[rest], y[rest]).standardised()


def refuse(table: Table, target: str, inputs: Sequence[str], task: Task | None = None, leave_out: bool = False) -> None:
    """Raises BadInput, in one sentence, where `problem` could not make one of them."""
    if not inputs:
        raise BadInput("choose at least one column to predict from.")
    if target in inputs:
        raise BadInput(f"the column “{target}” cannot be predicted from itself.")
    if len(set(inputs)) < len(inputs):
        raise BadInput("a column can be an input once.")
    columns = [table[name] for name in (target, *inputs)]
    missing = table.missing([target, *inputs])
    if missing.any() and not leave_out:
        places = table.where_missing([target, *inputs])
        named = "; ".join(f"row {row}, column “{name}”" for row, name in places[:NAMED])
        more = f"; {len(places):,} in all" if len(places) > NAMED else ""
        raise BadInput(f"values are missing ({named}{more}): leave their rows out, or choose other columns.")
    left = int((~missing).sum())
    if left < FEWEST_ROWS:
        raise BadInput(f"{left} rows are left, and at least {FEWEST_ROWS} are needed.")
    for column in columns[1:]:
        if column.words is not None and len(column.words) > MOST_WORDS:
            raise BadInput(f"column “{column.name}” holds {len(column.words):,} different words, and a column to "
                           f"predict from at most {MOST_WORDS}: choose others.")
    width = sum(_width(column) for column in columns[1:])
    if width > MOST_INPUTS:
        raise BadInput(f"these columns make {width} inputs (each word is one), and a network here takes at most "
                       f"{MOST_INPUTS}: choose fewer.")
    task = task or tasks(columns[0])[0]
    if task not in ("classification", "regression"):
        raise BadInput(f"task must be 'classification' or 'regression', got {task!r}.")
    (_refuse_classes if task == "classification" else _refuse_values)(columns[0], ~missing)


def _refuse_classes(column: Column, whole: np.ndarray) -> None:
    found = len(np.unique(column.values[whole]))
    if column.kind != "word" and not column.whole:
        raise BadInput(f"column “{column.name}” holds numbers that are not whole: they are no classes.")
    if found < 2:
        raise BadInput(f"column “{column.name}” holds one class only: there is nothing to tell apart.")
    if found > MOST_CLASSES:
        raise BadInput(f"column “{column.name}” holds {found:,} different classes, and at most {MOST_CLASSES} can be "
                       "told apart here.")


def _refuse_values(column: Column, whole: np.ndarray) -> None:
    if column.kind == "word":
        raise BadInput(f"column “{column.name}” holds words: they are classes, no numbers.")
    if np.ptp(column.values[whole]) == 0:
        raise BadInput(f"column “{column.name}” holds the same number in every row: there is nothing to predict.")


def _width(column: Column) -> int:
    return 1 if column.words is None or len(column.words) <= 2 else len(column.words)


def _input(column: Column, whole: np.ndarray) -> np.ndarray:
    """[n, k]: numbers and dates as they are, two words as 0 and 1, more as one input for each."""
    values = column.values[whole]
    if _width(column) == 1:
        return values[:, None]
    return (values[:, None] == np.arange(_width(column))).astype(float)


def _labels(column: Column, whole: np.ndarray) -> np.ndarray:
    values = column.values[whole].astype(np.int64)
    return values if column.words is None else np.array(column.words)[values]
