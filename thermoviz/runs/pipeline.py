"""Pipeline: a measurement as named steps, each a function of what it needs and of nothing else.

    def measure(spec, progress=None):
        return Pipeline(spec, progress, (
            Step("training", 6, minimum), Step("copies", 55, copies), Step("verdicts", 0, verdicts))).run()

    def minimum(loss, problem, report): ...        # `problem` is a field of the specification
    def copies(spec, minimum, report): ...         # `minimum` is what the step above gave

- A step's inputs are its parameters: steps before it by their functions' names, fields of the specification, `spec`
  itself, and `report`. A name that is none of these is refused before the work begins.
- What a step returns is kept for later steps. Of it the run gets what can be written: a typed result
  (`runs.results`), several in a list, {"net": result} under a prefix, and Verdicts. All else is the steps' own.
- What people brought (`runs.carried`) is part of the run without a step.
- weight: the step's share of the work, in any unit. name: what the visitor reads while it works.
- `report(fraction, found)` tells how far a step is, and may show what it has so far: a result, or a function that
  makes one, called only when a new partial run is due. Whoever listens may raise Cancelled out of it.
"""

import contextlib
import contextvars
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import numpy as np

from ..core.specs import to_json
from .carried import in_run
from .files import dumps
from .progress import Progress, silent
from .run import Run
from .verdict import Verdict

# Seconds between two partial runs while a step works; what a step leaves at its end is shown at once.
INTERVAL = 0.15
# Results of steps by all that they depend on, where somebody wants them kept (see `remembering`).
_memory: contextvars.ContextVar[MutableMapping[Any, Any] | None] = contextvars.ContextVar("memory", default=None)


class Numbers(NamedTuple):
    """Plain numbers of a run that another function documents."""

    numbers: Mapping[str, Any]

    def write(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """(no arrays, the numbers)."""
        return {}, dict(self.numbers)


class Step(NamedTuple):
    """One step: the stage's name, its weight, and the function that does it."""

    name: str
    weight: float
    work: Callable[..., Any]

    @property
    def key(self) -> str:
        """Under which later steps ask for what it gave: its function's name."""
        return self.work.__name__

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what it needs."""
        return tuple(inspect.signature(self.work).parameters)


class Report:
    """How a step tells how far it is: report(fraction 0..1, what it has found so far)."""

    def __init__(self, tell: Callable[..., None], start: float = 0.0, end: float = 1.0) -> None:
        self._tell, self._start, self._end = tell, start, end

    def __call__(self, fraction: float, found: Any = None, now: bool = False) -> None:
        """found: what to show, or a function that makes it. now: without waiting for the interval."""
        share = min(max(fraction, 0.0), 1.0)
        told = self._start + (self._end - self._start) * share
        self._tell(min(told, self._end), found, now)  # rounding must not go beyond, or progress would fall

    def part(self, start: float, end: float) -> "Report":
        """For a part of the step, from `start` to `end` of its work."""
        return Report(self, start, end)

    def each_new(self, make: Callable[[Any], Any]) -> Callable[..., None]:
        """report(fraction, thing): `make(thing)` is shown at once for every thing not seen before."""
        seen: list[Any] = [None]

        def report(fraction: float, thing: Any = None) -> None:
            new, seen[0] = thing is not None and thing is not seen[0], thing
            self(fraction, (lambda: make(thing)) if new else None, now=True)

        return report


class Pipeline:
    """The steps of one measurement of `spec`. Raises TypeError for a step whose inputs no step before it gives."""

    def __init__(self, spec: Any, progress: Progress | None, steps: tuple[Step, ...]) -> None:
        self._spec, self._steps = spec, steps
        self._progress, self._wanted = progress or silent, progress is not None
        self._shown, self._told = time.monotonic(), 0.0
        self._written: dict[str, tuple[Mapping[str, np.ndarray], Mapping[str, Any]]] = {}
        self._carried = in_run(spec)
        self._fields = tuple(getattr(spec, "__dataclass_fields__", ()))
        _refuse_unknown_inputs(steps, self._fields)

    def run(self) -> Run:
        """Does all steps. Raises what they raise, and Cancelled where the listener does."""
        whole, done = sum(step.weight for step in self._steps) or 1.0, 0.0
        known: dict[str, Any] = {name: getattr(self._spec, name) for name in self._fields} | {"spec": self._spec}
        for step in self._steps:
            start, end = done / whole, (done + step.weight) / whole
            done += step.weight
            self._tell(start, step)
            known[step.key] = found = self._work(step, known, start, end)
            self._written[step.key] = written = merged(found)
            if any(written) and step.weight and step is not self._steps[-1]:
                self._tell(end, step, self.so_far, now=True)
        return self.so_far()

    def so_far(self, *more: tuple[Mapping[str, np.ndarray], Mapping[str, Any]]) -> Run:
        """The run of all that is known."""
        arrays, numbers = dict(self._carried), dict[str, Any]()
        for some, others in (*self._written.values(), *more):
            arrays |= some
            numbers = _merged(numbers, others)
        return Run(self._spec, arrays, numbers)

    def _work(self, step: Step, known: Mapping[str, Any], start: float, end: float) -> Any:
        def tell(fraction: float, found: Any, now: bool) -> None:
            make = None if found is None else lambda: self.so_far(merged(found() if callable(found) else found))
            self._tell(fraction, step, make, now)

        memory = _memory.get()
        given = {name: Report(tell, start, end) if name == "report" else known[name] for name in step.inputs}
        if memory is None:
            return step.work(**given)
        key = self._depends(step)
        if key not in memory:
            memory[key] = step.work(**given)
        return memory[key]

    def _depends(self, step: Step) -> Any:
        """All functions and all fields of the specification on which it depends, directly or through other steps."""
        fields, by_key = to_json(self._spec), {one.key: one for one in self._steps}
        read, done, waiting = set[str](), list[Step](), [step]
        while waiting:
            one = waiting.pop()
            done.append(one)
            waiting += [by_key[name] for name in one.inputs if name in by_key and by_key[name] not in done + waiting]
            read.update(*({name} if name in fields else fields if name == "spec" else () for name in one.inputs))
        return (tuple((one.work.__module__, one.work.__qualname__) for one in done),
                dumps({name: fields[name] for name in sorted(read)}))

    def _tell(self, fraction: float, step: Step, make: Callable[[], Run] | None = None, now: bool = False) -> None:
        partial = None
        if make is not None and self._wanted and (now or time.monotonic() - self._shown >= INTERVAL):
            partial = make()
            self._shown = time.monotonic()
        self._told = max(self._told, fraction)  # rounding must not look like a step back
        self._progress(self._told, step.name, partial)


@contextlib.contextmanager
def remembering(memory: MutableMapping[Any, Any]) -> Iterator[None]:
    """Within it, a step is not done again where a step with the same inputs was: for tests of many like runs."""
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)


def _refuse_unknown_inputs(steps: tuple[Step, ...], fields: tuple[str, ...]) -> None:
    known = {*fields, "spec", "report"}
    for step in steps:
        for name in step.inputs:
            if name not in known:
                raise TypeError(f"the step {step.key} needs {name}, which no step before it gives.")
        known.add(step.key)


def merged(found: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, numbers) of what can be written of what a step gave."""
    arrays: dict[str, np.ndarray] = {}
    numbers: dict[str, Any] = {}
    for some, others in _written(found):
        arrays |= some
        numbers = _merged(numbers, others)
    for array in arrays.values():
        if array.base is None:
            array.flags.writeable = False  # what was shown stays as it was shown, and need not be compared again
    return arrays, numbers


def _written(found: Any) -> Iterator[tuple[dict[str, np.ndarray], dict[str, Any]]]:
    if isinstance(found, Verdict):
        yield {}, {"verdicts": [found.to_json()]}
    elif hasattr(found, "write"):
        yield found.write()
    elif isinstance(found, Mapping):
        yield from (result.write(within) for within, result in found.items() if hasattr(result, "write"))
    elif isinstance(found, (list, tuple)):
        for one in found:
            yield from _written(one)


def _merged(some: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Both; mappings are merged, lists of verdicts joined, and of all else the later one counts."""
    merged = dict(some)
    for name, value in others.items():
        before = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _merged(before, value)
        elif name == "verdicts" and before:
            value = [*before, *value]
        merged[name] = value
    return merged
