"""Whatever a module holds, kept and given back: tensors, attributes, containers, modes, gradients, generators.

forward may change any of it: buffers in place or assigned anew, a recurrent state, counters, lists of outputs, a
generator of its own. `Kept` walks through all that the module and the loss function reach. Lists, dictionaries and
arrays that only the loss function reaches are somebody's own notes: they are left to them.
"""

import collections
import functools
import random
import signal
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

MANY = 10_000  # containers with more entries are kept as they are; what is in their entries is not looked into
# Objects of these packages are not looked into: what they hold is no state of the model.
_FOREIGN = ("torch", "numpy", "builtins", "lightning", "pytorch_lightning", "thermoviz", "transformers.trainer")


class Entry(NamedTuple):
    """One thing that can change: whether it did, and how it is put back."""

    changed: Callable[[], bool]
    restore: Callable[[], None]


class Kept:
    """What the module and `function` hold at this moment."""

    def __init__(self, model: Any, function: Any) -> None:
        self.entries: list[Entry] = []
        self._seen: dict[int, Any] = {}
        self._visit(model, own=True)
        self._visit(function, own=False)
        self._globals_of(function)

    def changed(self) -> list[Entry]:
        """Those that are not as they were."""
        return [entry for entry in self.entries if entry.changed()]

    def restore(self) -> None:
        """All is as it was, objects included."""
        for entry in self.entries:
            entry.restore()

    def _visit(self, thing: Any, own: bool) -> None:
        import torch

        if id(thing) in self._seen or thing is None or isinstance(thing, (bool, int, float, complex, str, bytes, type)):
            return
        self._seen[id(thing)] = thing
        generator = generator_entry(thing)
        if generator is not None:
            self.entries.append(generator)
        elif isinstance(thing, torch.Tensor):
            self._tensor(thing, own)
        elif isinstance(thing, torch.nn.Module):
            self._mapping(thing.__dict__, True)
        elif isinstance(thing, np.ndarray):
            self._array(thing, own)
        elif isinstance(thing, dict):
            self._mapping(thing, own)
        elif isinstance(thing, (list, set, collections.deque)):
            self._container(thing, own)
        elif isinstance(thing, (tuple, frozenset)):
            self._all(thing, own)
        elif isinstance(thing, types.MethodType):
            self._all((thing.__self__, thing.__func__), own)
        elif isinstance(thing, functools.partial):
            self._all((thing.func, thing.args, thing.keywords), own)
        elif isinstance(thing, types.FunctionType):
            self._code(thing, own)
        elif type(thing).__module__.partition(".")[0] not in _FOREIGN and isinstance(
                getattr(thing, "__dict__", None), dict):
            self._mapping(thing.__dict__, own)

    def _all(self, things: Iterable[Any], own: bool) -> None:
        for thing in things:
            self._visit(thing, own)

    def _code(self, function: Any, own: bool) -> None:
        """What a function reaches; what a hook of the module writes to is the module's own."""
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # nothing was ever put there
                continue
            if own:
                self.entries.append(_cell(cell, value))
            self._visit(value, own)
        self._all((function.__defaults__, function.__kwdefaults__, function.__dict__), own)

    def _globals_of(self, function: Any) -> None:
        """Modules and generators that a function written at the top of a script uses."""
        import torch

        function = getattr(function, "__wrapped__", function)
        code = getattr(function, "__code__", None)
        for name in code.co_names if code is not None else ():
            thing = function.__globals__.get(name)
            if isinstance(thing, torch.nn.Module) or generator_entry(thing) is not None:
                self._visit(thing, own=True)

    def _mapping(self, mapping: dict[Any, Any], own: bool) -> None:
        before = dict(mapping)

        def changed() -> bool:
            return len(mapping) != len(before) or any(
                key not in mapping or mapping[key] is not value for key, value in before.items())

        def restore() -> None:
            if changed():
                mapping.clear()
                mapping.update(before)

        if own:
            self.entries.append(Entry(changed, restore))
        if len(before) <= MANY:
            self._all(before.values(), own)

    def _container(self, container: Any, own: bool) -> None:
        before = list(container)

        def changed() -> bool:
            return len(container) != len(before) or any(
                one is not other for one, other in zip(container, before, strict=True))

        def restore() -> None:
            if changed():
                container.clear()
                (container.update if isinstance(container, set) else container.extend)(before)

        if own:
            self.entries.append(Entry(changed, restore))
        if len(before) <= MANY:
            self._all(before, own)

    def _array(self, array: np.ndarray, own: bool) -> None:
        if not own or not array.flags.writeable:
            return
        before = array.copy()

        def restore() -> None:
            array[...] = before

        self.entries.append(Entry(lambda: array.tobytes() != before.tobytes(), restore))

    def _tensor(self, tensor: Any, own: bool) -> None:
        self.entries.append(_marks(tensor))
        if tensor.is_leaf and tensor.grad is not None:
            self._visit(tensor.grad, own=True)
        if own and tensor.layout.__str__() == "torch.strided" and tensor.device.type != "meta":
            self.entries.append(_values(tensor))


def _cell(cell: Any, value: Any) -> Entry:
    def changed() -> bool:
        return cell.cell_contents is not value

    def restore() -> None:
        cell.cell_contents = value

    return Entry(changed, restore)


def _marks(tensor: Any) -> Entry:
    """Whether gradients are asked of it, and the gradient that it has."""
    asked, leaf = tensor.requires_grad, tensor.is_leaf
    gradient = tensor.grad if leaf else None

    def changed() -> bool:
        return leaf and (tensor.requires_grad != asked or tensor.grad is not gradient)

    def restore() -> None:
        if leaf and tensor.is_leaf:
            tensor.grad = gradient
            if tensor.requires_grad != asked:
                tensor.requires_grad_(asked)

    return Entry(changed, restore)


def _values(tensor: Any) -> Entry:
    data, before = tensor.detach(), tensor.detach().clone()
    place = data.data_ptr()

    def changed() -> bool:
        if tensor.shape != before.shape or tensor.dtype != before.dtype or tensor.data_ptr() != place:
            return True
        return not bytes_equal(tensor.detach(), before)

    def restore() -> None:
        import torch

        with torch.no_grad():
            if tensor.shape != data.shape or tensor.dtype != data.dtype or tensor.data_ptr() != place:
                tensor.data = data
            tensor.data.copy_(before)

    return Entry(changed, restore)


def bytes_equal(one: Any, other: Any) -> bool:
    """Whether two tensors of one shape hold the same numbers; NaN equals NaN."""
    import torch

    if torch.equal(one, other):
        return True
    return bool(((one == other) | ((one != one) & (other != other))).all())  # NaN is not equal to itself


def generator_entry(thing: Any) -> Entry | None:
    """A generator of random numbers by its state; None for what is none."""
    import torch

    if isinstance(thing, torch.Generator):
        state, put = thing.get_state(), thing.set_state

        def give_back() -> None:
            put(state)

        return Entry(lambda: not torch.equal(thing.get_state(), state), give_back)
    if isinstance(thing, np.random.Generator):
        bits, kept = thing.bit_generator, thing.bit_generator.state
        return Entry(lambda: repr(bits.state) != repr(kept), lambda: setattr(bits, "state", kept))
    if isinstance(thing, np.random.RandomState):
        before = thing.get_state(legacy=False)
        return Entry(lambda: repr(thing.get_state(legacy=False)) != repr(before), lambda: thing.set_state(before))
    if isinstance(thing, random.Random):
        held = thing.getstate()
        return Entry(lambda: thing.getstate() != held, lambda: thing.setstate(held))
    return None


@contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not stop what gives back: inside, it is not heard."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def common_generators() -> tuple[Any, ...]:
    """Those that everybody draws from: Python's, numpy's, torch's on the processor and on each device in use."""
    import torch

    devices = torch.cuda.default_generators if torch.cuda.is_available() and torch.cuda.is_initialized() else ()
    # Python and numpy show theirs as functions of the module; these are the methods' own objects.
    return (random._inst, np.random.mtrand._rand, torch.default_generator, *devices)  # type: ignore[attr-defined]


def seed_all(generators: Iterable[Any], seed: int = 0) -> None:
    """Each begins anew."""
    for generator in generators:
        (getattr(generator, "manual_seed", None) or generator.seed)(seed)


def as_if_never_written(around: ExitStack, parameters: Sequence[Any]) -> None:
    """By the versions that torch counts: a graph that was made before, and a Recorder, find the values they know."""
    import torch

    around.enter_context(torch.autograd._unsafe_preserve_version_counter(tuple(parameters)))


def without_trainer(around: ExitStack, model: Any) -> None:
    """A Lightning module that has had its trainer refuses to log outside of its loops; without one it does not."""
    for module in model.modules():
        trainer = module.__dict__.get("_trainer")
        if trainer is not None:
            module.__dict__["_trainer"] = None
            around.callback(module.__dict__.__setitem__, "_trainer", trainer)


def alone(around: ExitStack) -> None:
    """Without the autocast and the inference mode in which the caller may be."""
    import torch

    around.enter_context(torch.inference_mode(False))
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
        around.enter_context(torch.autocast(device, enabled=False))
