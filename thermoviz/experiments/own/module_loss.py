"""The loss of somebody's own torch module as an Energy on its parameters."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import scipy

from ...core.arrays import row_blocks
from ...core.errors import BadInput, ThermovizError
from ...core.seeds import rng
from .batched import FEWEST, at_once, together
from .held import (
    Entry,
    Kept,
    alone,
    as_if_never_written,
    common_generators,
    generator_entry,
    seed_all,
    undisturbed,
    without_trainer,
)
from .parameters import flat, inside, move, size, trainable

SAME = 1e-5  # two values of one point that differ by less, relative to them, differ by rounding
SAME_IN_BATCH = 3e-6  # the same between a batch of points and one by itself
SAME_HALF = 1e-2  # the same where numbers have 8 or 11 bits
KEPT_BATCHES = 512 * 2**20  # bytes of batches that are held in memory, so that every point has the same ones


class ModuleLoss:
    """The loss of a torch module as an Energy on its parameters theta [..., d], point by point.

    parameters: those that move (default: the trainable ones). data: batches, each given to `loss_fn(model, batch)`,
    whose mean over all batches is the loss. layers: which of them the directions of planes move, of LAYERS; `inside`
    [d] says it number by number, None where it is all. samples: loss_fn may give the losses of single samples, whose
    mean counts. Outside of `held()` each call restores all that the module holds; inside, what a call changes is put
    back before the next one, and all of it once at the end.
    `without_gradient`: why the loss has no gradient, None where it has one; known from the first call on.
    """

    def __init__(self, model: Any, loss_fn: Callable[..., Any], parameters: Sequence[Any] | None = None,
                 data: Iterable[Any] | None = None, layers: str = "all", samples: bool = False) -> None:
        own = trainable(model) if parameters is None else list(parameters)
        if not callable(loss_fn):
            raise BadInput(f"loss_fn must be a function of the model, got {type(loss_fn).__name__}.")
        self._parameters, self._model, self._function = own, model, loss_fn
        self._call = loss_fn if data is not None or _takes_an_argument(loss_fn) else lambda _: loss_fn()
        self._batches = None if data is None else _batches(data)
        self._samples = samples
        self._held = self._probed = self._differentiates = False
        self._moving: list[Entry] = []
        self._at_once = 0
        self._tick: Callable[[], None] | None = None
        self.without_gradient: str | None = None
        self.d = sum(map(size, own))
        self.inside = inside(model, own, layers)

    @property
    def theta(self) -> np.ndarray:
        """The module's parameters as they are, [d]: float32, or float64 where one of them is."""
        return flat(self._parameters)

    @property
    def filters(self) -> list[np.ndarray]:
        """Index arrays [filters, size] into theta: what enters one unit or channel, and each bias vector."""
        found, at = [], 0
        for parameter in self._parameters:
            rows = np.arange(at, at + size(parameter))
            at += len(rows)
            by_unit = rows.reshape(parameter.shape[0], -1) if parameter.ndim > 1 else rows[None]
            found.append(by_unit if by_unit.shape[1] > 1 else rows[None])
        return found

    def __call__(self, theta: Any) -> np.ndarray:
        """Energies [...] at parameters [..., d]."""
        theta = np.asarray(theta)
        with self.held():
            values = self._values(theta.reshape(-1, self.d))
        return np.array(values, dtype=np.float64).reshape(theta.shape[:-1])

    def _values(self, points: np.ndarray) -> list[float]:
        """At points [m, d]: batch by batch as long as that is right, else one by one."""
        found: list[float] = []
        while self._at_once and len(points) - len(found) >= FEWEST:
            batch = points[len(found):len(found) + self._at_once]
            values = self._together(batch)
            if values is None:
                self._at_once = 0
            else:
                found += values
        return found + [self._value(block[0]) for _, block in row_blocks(points[len(found):], 1)]

    def _together(self, batch: np.ndarray) -> list[float] | None:
        """The values of a batch, of which the first is asked for by itself, too; None where they are not right."""
        import torch

        first, calls = self._value(batch[0]), self.calls()
        try:
            with torch.no_grad():
                found = np.mean([self._called_together(batch, call) for call in calls], axis=0)
        except Exception:  # whatever it is that the module cannot do in a batch
            return None
        if not self._close(first, float(found[0]), SAME_IN_BATCH):
            return None
        if self._tick is not None:
            for _ in batch[1:]:
                self._tick()
        return [float(value) for value in found]

    def force(self, theta: Any) -> np.ndarray:
        """Minus the gradient [..., d] at parameters [..., d], by autograd. Raises BadInput where it has none."""
        theta = np.asarray(theta, dtype=np.float64)
        with self.held():
            self.needs_gradient("a force")
            forces = [-self._gradient(point) for point in theta.reshape(-1, self.d)]
        return np.array(forces).reshape(theta.shape)

    def needs_gradient(self, what: str) -> None:
        """Raises BadInput where `what` cannot be had for want of a gradient."""
        with self.held():
            if self.without_gradient is not None:
                raise BadInput(f"{what} needs gradients, but {self.without_gradient}.")

    def leading_eigenpairs(self, theta: Any, k: int = 2, of: str = "hessian") -> tuple[np.ndarray, np.ndarray]:
        """(values [k], vectors [k, d]) of the Hessian's largest eigenvalues at theta [d]. Raises BadInput."""
        if of != "hessian":
            raise BadInput("an own model's loss has no samples and hence no gradient noise: choose another plane.")
        if any(parameter.element_size() < 4 for parameter in self._parameters):
            raise BadInput("Hessian directions of half-precision parameters are those of rounding: "
                           "call model.float() first, or choose another plane.")
        with self.held():
            self.needs_gradient("the Hessian plane")
            curved = self._curvature(np.asarray(theta, dtype=np.float64))
            held = self.inside
            return _leading(curved if held is None else lambda vector: held * curved(held * vector), self.d, k)

    def along(self, path: np.ndarray, buffers: np.ndarray | None) -> np.ndarray:
        """Losses [T] of snapshots [T, d], each with the buffers that belong to it, where they are known."""
        if buffers is None:
            return self(path)
        with self.held():
            return np.array([self._with_buffers(block[0], own)
                             for (_, block), own in zip(row_blocks(path, 1), buffers, strict=True)])

    def _with_buffers(self, point: np.ndarray, own: np.ndarray) -> float:
        def fill() -> None:
            move(list(self._model.buffers()), own)

        return self._value(point, fill)

    def _value(self, point: np.ndarray, prepare: Callable[[], None] | None = None) -> float:
        import torch

        with torch.set_grad_enabled(self._differentiates):
            found = float(np.mean([float(self._scalar(point, call, prepare).detach()) for call in self.calls()]))
        if self._tick is not None:
            self._tick()
        return found

    def _called_together(self, batch: np.ndarray, call: Callable[[], Any]) -> np.ndarray:
        self._put_back()
        seed_all(self._generators)
        return together(self._model, self._parameters, batch, lambda: self._one(call()))

    def calls(self) -> Iterator[Callable[[], Any]]:
        """What asks loss_fn, batch by batch."""
        if self._batches is None:
            yield lambda: self._call(self._model)
            return
        count = 0
        with_batch: Any = self._call
        for batch in self._batches:
            count += 1
            yield functools.partial(with_batch, self._model, batch)
        if not count:
            raise BadInput("data gave no batch.")

    def _gradient(self, point: np.ndarray) -> np.ndarray:
        parts = [self._gradient_of(point, call) for call in self.calls()]
        return np.mean(parts, axis=0) if len(parts) > 1 else parts[0]

    def _gradient_of(self, point: np.ndarray, call: Callable[[], Any]) -> np.ndarray:
        import torch

        for parameter in self._parameters:
            parameter.grad = None
        with torch.enable_grad():
            value = self._scalar(point, call)
            gradients: Any = [parameter.grad for parameter in self._parameters]
            if all(gradient is None for gradient in gradients):
                if not value.requires_grad:
                    raise BadInput("loss_fn returns a number that does not depend on the model's parameters "
                                   "in a way that torch can differentiate.")
                gradients = torch.autograd.grad(value, self._parameters, allow_unused=True)
        return self._vector(gradients)

    def _vector(self, gradients: Sequence[Any]) -> np.ndarray:
        return np.concatenate([
            np.zeros(size(parameter)) if gradient is None else flat([gradient.to_dense()]).astype(np.float64)
            for parameter, gradient in zip(self._parameters, gradients, strict=True)])

    def _curvature(self, theta: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """The Hessian times a vector [d]: differentiated twice, or from differences of gradients where that fails."""
        try:
            self._twice(theta, np.ones(self.d))
            return lambda vector: self._twice(theta, vector)
        except (RuntimeError, NotImplementedError):
            return lambda vector: self._difference(theta, vector)

    def _twice(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        return np.mean([self._twice_of(theta, vector, call) for call in self.calls()], axis=0)

    def _twice_of(self, theta: np.ndarray, vector: np.ndarray, call: Callable[[], Any]) -> np.ndarray:
        import torch

        with torch.enable_grad():
            value = self._scalar(theta, call)
            slopes = torch.autograd.grad(value, self._parameters, create_graph=True, allow_unused=True)
            known = [pair for pair in zip(slopes, self._parts(vector), strict=True) if pair[0] is not None]
            along = sum((slope * part).sum() for slope, part in known)
            if not isinstance(along, torch.Tensor) or not along.requires_grad:
                return np.zeros(self.d)
            return self._vector(torch.autograd.grad(along, self._parameters, allow_unused=True))

    def _parts(self, vector: np.ndarray) -> list[Any]:
        import torch

        ends = np.cumsum([parameter.numel() for parameter in self._parameters])[:-1]
        return [torch.as_tensor(part).to(parameter).reshape(parameter.shape)
                for part, parameter in zip(np.split(vector, ends), self._parameters, strict=True)]

    def _difference(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        double = self.theta.dtype == np.float64
        longest = max(float(np.abs(vector).max()), 1e-300)
        step = (1e-5 if double else 1e-2) * max(1.0, float(np.abs(theta).max())) / longest
        return (self._gradient(theta + step * vector) - self._gradient(theta - step * vector)) / (2 * step)

    def _scalar(self, point: np.ndarray, call: Callable[[], Any], prepare: Callable[[], None] | None = None) -> Any:
        return self._one(self.answer(point, call, prepare))

    def _one(self, found: Any) -> Any:
        """The loss as a scalar tensor, from what loss_fn gave."""
        return loss_in(found).mean() if self._samples else _single(found)

    def answer(self, point: np.ndarray, call: Callable[[], Any], prepare: Callable[[], None] | None = None) -> Any:
        """Whatever loss_fn gives at `point` [d]: with the same random numbers every time, and whatever the call before
        it changed put back. Inside `held()` only. Raises BadInput for what loss_fn raises.
        """
        self._put_back()
        move(self._parameters, point)
        if prepare is not None:
            prepare()
        seed_all(self._generators)
        try:
            return call()
        except ThermovizError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise BadInput(f"loss_fn failed with {type(error).__name__}: {said}.") from error

    def _put_back(self) -> None:
        for entry in self._moving:
            entry.restore()

    @contextmanager
    def held(self, tick: Callable[[], None] | None = None) -> Iterator[None]:
        """Whatever happens inside, the module is afterwards what it was before, and so is every generator.

        tick: called after each value of the loss.
        """
        if self._held:
            yield
            return
        with ExitStack() as around:
            alone(around)
            self._generators = common_generators()
            states = [entry for one in self._generators if (entry := generator_entry(one)) is not None]
            around.callback(_give_back, self._parameters, [one.requires_grad for one in self._parameters])
            as_if_never_written(around, self._parameters)
            without_trainer(around, self._model)
            for parameter in self._parameters:  # frozen ones that a path follows, too
                parameter.requires_grad_(True)
            kept = Kept(self._model, self._function)
            try:
                self._held, self._tick = True, tick
                self._probe(kept)
                yield
            finally:
                with undisturbed():
                    self._held, self._moving, self._tick = False, [], None
                    for entry in [*kept.entries, *states]:
                        entry.restore()

    def _probe(self, kept: Kept) -> None:
        """What a call changes, whether one point has one value, and whether there is a gradient."""
        point = self.theta
        moved = {id(entry): entry for entry in self._moving}

        def watched(take: Callable[[], Any]) -> Any:
            found = take()
            moved.update((id(entry), entry) for entry in kept.changed())
            self._moving = list(moved.values())
            return found

        if self._probed:
            watched(lambda: self._value(point))
            return
        try:
            first, again = (watched(lambda: self._value(point)) for _ in range(2))
            third = watched(lambda: self._value(point))
        except BadInput as refused:
            if "require grad" not in str(refused):
                raise
            self._differentiates = True
            first, again, third = (watched(lambda: self._value(point)) for _ in range(3))
        self._refuse_two(first, again, third)
        if not self._differentiates:
            self._differentiates = True
            graded = watched(lambda: self._graded(point, first))
            self._differentiates = not self._close(first, graded)
        self.without_gradient = watched(lambda: self._why_without(point))
        if not self._differentiates:
            self._at_once = watched(lambda: at_once(self._model, self._parameters, lambda: self._value(point)))
        self._probed = True

    def _graded(self, point: np.ndarray, otherwise: float) -> float:
        """The loss while gradients are recorded; `otherwise` where it refuses that."""
        try:
            return self._value(point)
        except BadInput:
            return otherwise

    def _why_without(self, point: np.ndarray) -> str | None:
        try:
            self._gradient(point)
        except BadInput as refused:
            return str(refused).rstrip(".")
        except Exception as error:
            return f"loss_fn cannot be differentiated ({' '.join(str(error).split())[:200].rstrip('.')})"
        return None

    def _close(self, one: float, other: float, allowed: float | None = None) -> bool:
        half = any(parameter.element_size() < 4 for parameter in self._parameters)
        allowed = (SAME_HALF if half else SAME) if allowed is None else allowed
        return one == other or (np.isnan(one) and np.isnan(other)) or bool(
            abs(one - other) <= allowed * max(abs(one), abs(other)))

    def _refuse_two(self, *values: float) -> None:
        for other in values[1:]:
            if not self._close(values[0], other):
                raise BadInput(
                    f"loss_fn gives two values at one point, {values[0]:.6g} and {other:.6g}: it takes new data or "
                    "random numbers at each call that cannot be held. Give it a fixed batch, or batches as data=.")


def _give_back(parameters: Sequence[Any], asked: list[bool]) -> None:
    """Whether each asks for its gradient, as before."""
    for parameter, before in zip(parameters, asked, strict=True):
        parameter.requires_grad_(before)


def loss_in(value: Any) -> Any:
    """The loss as a torch tensor, out of an output object, a dictionary or a tuple. Raises BadInput."""
    import torch

    if isinstance(value, Mapping):
        value = value.get("loss", value)
    elif not isinstance(value, torch.Tensor) and getattr(value, "loss", None) is not None:
        value = value.loss
    elif isinstance(value, (tuple, list)) and value:
        value = value[0]
    if not isinstance(value, torch.Tensor):
        try:
            value = torch.as_tensor(value, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise BadInput(f"loss_fn must return a single number, got {type(value).__name__}.") from None
    if value.is_complex():
        raise BadInput("loss_fn must return a real number, got a complex one: take its absolute value or real part.")
    return value


def _single(value: Any) -> Any:
    """The one real number that a loss is, as a torch scalar."""
    value = loss_in(value)
    if value.numel() != 1:
        raise BadInput(f"loss_fn must return a single number, got shape {list(value.shape)}.")
    return value.reshape(())


def _leading(curved: Callable[[np.ndarray], np.ndarray], d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    if d <= max(20, k + 1):
        values, vectors = np.linalg.eigh(np.stack([curved(row) for row in np.eye(d)]))
        return values[::-1][:k], vectors.T[::-1][:k]
    operator = scipy.sparse.linalg.LinearOperator((d, d), matvec=lambda x: curved(np.ravel(x)), dtype=np.float64)
    try:
        values, vectors = scipy.sparse.linalg.eigsh(
            operator, k=k, which="LA", tol=1e-4, v0=rng(0, "hessian").standard_normal(d))
    except scipy.sparse.linalg.ArpackError as error:
        raise BadInput(f"the Hessian's leading directions were not found ({error}): choose another plane.") from None
    order = np.argsort(values)[::-1]
    return values[order], vectors.T[order]


def _takes_an_argument(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
               or one.kind == one.VAR_POSITIONAL for one in parameters)


def _batches(data: Iterable[Any]) -> Iterable[Any]:
    """The batches in memory, the same at every point; too many of them are read anew each time."""
    try:
        reader = iter(data)
    except TypeError:
        raise BadInput(f"data must give batches, as a DataLoader or a list does, got {type(data).__name__}.") from None
    kept, held = [], 0
    for batch in reader:
        kept.append(batch)
        held += _bytes(batch)
        if held > KEPT_BATCHES:
            if reader is data:
                raise BadInput(f"data can be read only once and has more than {KEPT_BATCHES // 2**20} MB: "
                               "give a DataLoader or a list, which can be read again.")
            return data
    if not kept:
        raise BadInput("data gave no batch.")
    return kept


def _bytes(batch: Any) -> int:
    if isinstance(batch, Mapping):
        return sum(map(_bytes, batch.values()))
    if isinstance(batch, (tuple, list)):
        return sum(map(_bytes, batch))
    return int(getattr(batch, "nbytes", 64))
