"""Typed results: what a measurement leaves, as small frozen classes that know the names in which a run keeps it.

How a lab does it, in its `results.py` (both its measurement and its figures may import that):

    class Cloud(Result):
        \"\"\"The balls at each moment.\"\"\"

        times: Annotated[np.ndarray, Array("T", "0, then evenly in log t", "time")]
        F: Annotated[Pair, Measured("T", "free energy of the balls", "energy", name="cloud_F")]
        places: Annotated[np.ndarray | None, Array("T n 2", "where they are", dtype="float32")] = None
        dt: Annotated[float, Number("time step of the balls")]
        rise: Annotated[Estimate, Number("of the control", "T", name="control.rise")]

- One line per thing: its Python type, its axes, one sentence, its unit; `name` where the run's name is another.
  Equal letters of one class have equal lengths; numbers are fixed lengths, "..." stands for any further axes. A dotted
  name of a Number is a path.
- A field with the default None may be missing in a run; without all others `read` gives None (partial runs).
- A step of the pipeline (`runs.pipeline`) returns the result; it is written by `write()`, and read by
  `Cloud.read(run)`; `Cloud.expect(run)` where it must be there. A chart says `needs=Cloud.needs()`.
- Results of which there are several in one run: `class Course(Result, within=("net", "lin"))`; a step returns
  {"net": Course(...), "lin": Course(...)}, read as `Course.read(run, "net")`. Arrays get the prefix "net_", numbers
  stand under "net".

The docstring's table, the check of each run (`refuse_misfit`) and `docs/results.md` come from the same lines.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, Self, dataclass_transform

import numpy as np

from ..core.errors import BadInput
from ..core.statistics.estimators import Estimate
from .late import perhaps

Arrays = dict[str, np.ndarray]
Numbers = dict[str, Any]


class Kept(Protocol):
    """What has arrays and numbers by name: a Run."""

    @property
    def arrays(self) -> Mapping[str, np.ndarray]: ...

    @property
    def numbers(self) -> Mapping[str, Any]: ...


class Pair(NamedTuple):
    """Measured numbers and their standard errors, arrays of one shape."""

    value: np.ndarray
    stderr: np.ndarray


@dataclasses.dataclass(frozen=True)
class Array:
    """An array of a run: its axes ("T n 2"), one sentence, its unit; `name` in the run, `dtype` in which it is kept."""

    axes: str
    says: str
    unit: str = ""
    name: str = ""
    dtype: str = ""

    @property
    def shape(self) -> tuple[str | int, ...]:
        """The axes: letters, and fixed lengths."""
        return tuple(int(axis) if axis.isdecimal() else axis for axis in self.axes.split())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arrays in the run."""
        return (self.name,)

    def write(self, value: Any, arrays: Arrays, numbers: Numbers) -> None:
        """Puts it where a run keeps it."""
        for name, part in zip(self.names, value if len(self.names) > 1 else (value,), strict=True):
            with np.errstate(over="ignore"):  # of what diverges, on its way out, float32 may not hold all
                arrays[name] = np.asarray(part, dtype=self.dtype or None)

    def read(self, hint: Any, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Any:
        """What the field holds. Raises KeyError where the run has it not."""
        return arrays[self.name]


@dataclasses.dataclass(frozen=True)
class Measured(Array):
    """A Pair: two arrays of a run, the second of standard errors, called `name` + `error`, or `error` (without `_`)."""

    error: str = "_error"

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, _beside(self.name, self.error)

    def read(self, hint: Any, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Any:
        return Pair(*(arrays[name] for name in self.names))


@dataclasses.dataclass(frozen=True)
class Number:
    """Plain JSON among a run's numbers; `name` may be a dotted path. NaN is null there.

    An Estimate is kept as [value, standard error], a NamedTuple as a mapping by its fields' names. error: where an
    Estimate is kept as two numbers, how the second is called; as in Measured.
    """

    says: str
    unit: str = ""
    name: str = ""
    error: str = ""
    names: ClassVar[tuple[str, ...]] = ()

    def write(self, value: Any, arrays: Arrays, numbers: Numbers) -> None:
        """Puts it where a run keeps it."""
        *path, last = self.name.split(".")
        for part in path:
            numbers = numbers.setdefault(part, {})
        if not self.error:
            numbers[last] = _to_json(value)
            return
        numbers[last], numbers[_beside(last, self.error)] = (None, None) if value is None else _to_json(value)

    def read(self, hint: Any, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Any:
        """What the field holds. Raises KeyError where the run has it not."""
        value: Any = numbers
        *path, last = self.name.split(".")
        for part in path:
            value = value[part]
        if self.error and value[last] is not None:
            return _from_json(hint, (value[last], value[_beside(last, self.error)]))
        return _from_json(hint, value[last])


def _beside(name: str, error: str) -> str:
    """Under which the standard error of `name` is kept."""
    return name + error if error.startswith("_") else error


class Entry(NamedTuple):
    """One line of a schema."""

    field: str
    hint: Any
    kept: Any  # Array, Measured or Number
    needed: bool


@dataclass_transform(frozen_default=True, eq_default=False)
class Result:
    """Base of typed results: see the module. Subclasses become frozen dataclasses."""

    schema: ClassVar[tuple[Entry, ...]] = ()
    within: ClassVar[tuple[str, ...]] = ("",)

    def __init_subclass__(cls, within: tuple[str, ...] = ("",), **settings: Any) -> None:
        super().__init_subclass__(**settings)
        dataclasses.dataclass(frozen=True, eq=False)(cls)
        cls.within = within
        cls.schema = tuple(_entries(cls))
        cls.__doc__ = f"{cls.__doc__}\n\n    {_table(cls)}\n    "

    def write(self, within: str = "") -> tuple[Arrays, Numbers]:
        """(arrays, numbers) as a run keeps them."""
        arrays: Arrays = {}
        numbers: Numbers = {}
        for entry in self.schema:
            if entry.needed or getattr(self, entry.field) is not None:
                entry.kept.write(getattr(self, entry.field), arrays, numbers)
        if not within:
            return arrays, numbers
        return {f"{within}_{name}": array for name, array in arrays.items()}, {within: numbers} if numbers else {}

    @classmethod
    def read(cls, run: Kept, within: str = "") -> Self | None:
        """What `run` keeps of it; None where it lacks some of it."""
        arrays: Mapping[str, np.ndarray] = run.arrays
        numbers: Mapping[str, Any] = run.numbers
        if within:
            arrays = {name.removeprefix(f"{within}_"): array for name, array in arrays.items()
                      if name.startswith(f"{within}_")}
            numbers = numbers.get(within) or {}
        found = {}
        for entry in cls.schema:
            try:
                found[entry.field] = entry.kept.read(entry.hint, arrays, numbers)
            except (KeyError, TypeError):
                if entry.needed:
                    return None
        return cls(**found)

    @classmethod
    def expect(cls, run: Kept, within: str = "") -> Self:
        """As `read`, of a run that must have it. Raises BadInput where it lacks some of it."""
        found = cls.read(run, within)
        if found is None:
            raise BadInput(f"this run lacks {' '.join(filter(None, (within, cls.__name__)))}: it was not asked for, or "
                           "is not measured yet.")
        return found

    @classmethod
    def needs(cls, within: str = "") -> tuple[str, ...]:
        """Names of the arrays without which there is nothing to read."""
        prefix = f"{within}_" if within else ""
        return tuple(prefix + name for entry in cls.schema if entry.needed for name in entry.kept.names)


def refuse_misfit(kinds: tuple[type[Result], ...], arrays: Mapping[str, np.ndarray], together: bool = False) -> None:
    """Raises BadInput unless the arrays that `kinds` know have their axes, of equal lengths.

    Equal letters mean equal lengths within each kind; `together`: in all of them.
    """
    lengths: dict[str, tuple[int, str]] = {}
    for kind in kinds:
        for within in kind.within:
            lengths = lengths if together else {}
            for entry in kind.schema:
                for name in entry.kept.names:
                    full = f"{within}_{name}" if within else name
                    if full in arrays:
                        _refuse_shape(full, arrays[full].shape, entry.kept.shape, lengths)


def _refuse_shape(name: str, shape: tuple[int, ...], axes: tuple[str | int, ...],
                  lengths: dict[str, tuple[int, str]]) -> None:
    if axes[-1:] == ("...",):
        axes = (*axes[:-1], *(f"{name} {k}" for k in range(len(axes) - 1, len(shape))))
    if len(shape) != len(axes):
        raise BadInput(f"the array {name} of a run must have {len(axes)} axes, got shape {list(shape)}.")
    for axis, length in zip(axes, shape, strict=True):
        expected, where = (axis, name) if isinstance(axis, int) else lengths.setdefault(axis, (length, name))
        if length != expected:
            raise BadInput(f"the array {name} of a run has shape {list(shape)}, which does not fit {where}.")


def results_in(module: types.ModuleType) -> tuple[type[Result], ...]:
    """The results that a module defines, in its order."""
    return tuple(kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Result)
                 and kind.__module__ == module.__name__)


@functools.cache
def results_of(room: str) -> tuple[type[Result], ...]:
    """The results of the lab in the package `room`."""
    module = perhaps(room, "results")
    return () if module is None else results_in(module)


def table(kinds: tuple[type[Result], ...]) -> str:
    """The schema of some results as a Markdown table."""
    lines = ["| name | axes | unit | |", "|---|---|---|---|"]
    for kind in kinds:
        for entry in kind.schema:
            axes = f"[{', '.join(map(str, entry.kept.shape))}]" if entry.kept.names else "number"
            for within in kind.within:
                names = [f"`{f'{within}_' if within else ''}{name}`" for name in entry.kept.names] or [
                    f"`{f'{within}.' if within else ''}{entry.kept.name}`"]
                lines.append(f"| {', '.join(names)} | {axes} | {entry.kept.unit} | {entry.kept.says} |")
    return "\n".join(lines)


def _entries(cls: type) -> Iterator[Entry]:
    hints = typing.get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        hint, kept = typing.get_args(hints[field.name])
        named = kept if kept.name else dataclasses.replace(kept, name=field.name)
        yield Entry(field.name, hint, named, field.default is dataclasses.MISSING)


def _table(cls: type[Result]) -> str:
    """The schema in words, for the docstring."""
    return "\n    ".join(
        f"{entry.field}: {entry.kept.says}" + (f", in {entry.kept.unit}" if entry.kept.unit else "")
        + (f" [{', '.join(map(str, entry.kept.shape))}]" if entry.kept.names else "")
        + (f"; `{', '.join(entry.kept.names) or entry.kept.name}`" if entry.kept.name != entry.field else "")
        for entry in cls.schema)


def _to_json(value: Any) -> Any:
    if isinstance(value, Estimate):
        return [value.value, value.stderr]
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value


def _from_json(hint: Any, value: Any) -> Any:
    """The value of that type: NaN where a float is missing, Estimates and NamedTuples made; else as it is."""
    if value is None:
        return math.nan if hint is float else None
    if hint is Estimate:
        return Estimate(*(math.nan if number is None else number for number in value))
    if hasattr(hint, "_fields"):
        return hint(**{name: _from_json(each, value[name]) for name, each in typing.get_type_hints(hint).items()})
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _from_json(inner[0], value)
    if origin is dict:
        return {key: _from_json(inner[1], item) for key, item in value.items()}
    if origin in (tuple, list) and not isinstance(value, str):  # an older file may have a sentence there
        make: Callable[..., Any] = origin
        return make(_from_json(inner[0], item) for item in value)
    return value
