"""The landscape of somebody's own PyTorch model: record the path of its training, then look at the slice around it.

    rec = tv.Recorder(model, every=10)
    for batch in loader:
        ...                       # the training step, whatever it is
        rec.step()
    run = tv.explore(model, lambda model: criterion(model(x), y), trajectory=rec)
"""

import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from ..core.errors import BadInput, ThermovizError
from ..core.landscape.honesty import honesty
from ..core.landscape.planes import PLANES, AnyPlane, PathPCA, Plane
from ..core.landscape.scan import scan
from ..core.landscape.surfaces import Surface
from ..core.seeds import MAX_SEED
from ..core.specs import Field, specification
from ..runs.pipeline import Numbers, Pipeline, Report, Step
from ..runs.progress import Progress, silent
from ..runs.record import Bodies, Finals, Grid, Honest, Section
from ..runs.run import Run

MOST_POINTS = 200  # of a recorded path that a run keeps
KEPT_PARAMETERS = 50_000  # final parameters are kept in a run up to this many


@specification
class OwnModel:
    """What `explore` was asked: the slice, and by their sha256 the path and the final parameters it was asked about.

    Unlike other specifications it cannot be computed again without the model. plane: None for a Plane of one's own.
    """

    contents: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of path, parameters and plane")]
    d: Annotated[int, Field(ge=2, description="Number of trainable parameters")]
    plane: Annotated[AnyPlane | None, Field(title="Slice", description="How the plane is chosen")] = PathPCA()
    resolution: Annotated[int, Field(ge=9, le=161, title="Resolution",
                                     description="Most points along each side of the surface")] = 61
    tolerance: Annotated[float, Field(ge=0, le=0.5, title="Tolerance",
                                      description="Largest error of the surface, as a share of the barrier")] = 5e-3
    margin: Annotated[float, Field(ge=0, le=3, title="Margin",
                                   description="Room around the path, as a share of its longer side")] = 0.3
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, title="Seed")] = 0
    kind: Literal["own_model"] = Field(default="own_model", kw_only=True, repr=False)

    dynamics: ClassVar[tuple[Any, ...]] = ()  # the training was not ours

    def compute(self, progress: Progress | None = None) -> Run:
        """Raises BadInput: only `explore` has the model."""
        raise BadInput("the landscape of an own model is computed by tv.explore(model, loss_fn), where the model is.")


class Recorder:
    """Keeps the path of a model's trainable parameters while one's own loop trains it.

    every: a record each so many calls of `step()`, the start included. Memory is bounded: beyond `max_bytes`
    every other record is dropped and `every` doubles. Raises BadInput for a model that is no torch module, has
    no trainable parameters, or is so large that fewer than 16 records fit.
    """

    def __init__(self, model: Any, every: int = 10, max_bytes: int = 256 * 2**20) -> None:
        if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
            raise BadInput(f"every must be a whole number from 1 on, got {every!r}.")
        self.model, self.every, self.n_steps = model, int(every), 0
        start = _flat(model)
        self._capacity = max_bytes // start.nbytes
        if self._capacity < 16:
            raise BadInput(f"{start.size:,} parameters are too many to record: 16 records need "
                           f"{16 * start.nbytes:,} bytes, allowed are {max_bytes:,}.")
        self._records = [start]

    def step(self) -> None:
        """Call it once after each training step."""
        self.n_steps += 1
        if self.n_steps % self.every:
            return
        self._records.append(_flat(self.model))
        if len(self._records) > self._capacity:
            self._records = self._records[::2]
            self.every *= 2

    @property
    def path(self) -> np.ndarray:
        """The recorded parameters [T, d], float32, from the start to the model as it is now."""
        return np.stack([*self._records, *self._unrecorded()])

    @property
    def steps(self) -> np.ndarray:
        """[T]: the number of training steps before each point of `path`."""
        regular = self.every * np.arange(len(self._records))
        return np.append(regular, [self.n_steps] * len(self._unrecorded()))

    def _unrecorded(self) -> list[np.ndarray]:
        now = _flat(self.model)
        return [] if np.array_equal(now, self._records[-1], equal_nan=True) else [now]


def explore(model: Any, loss_fn: Callable[..., Any], trajectory: Any = None, plane: Any = "pca",
            resolution: int = 61, margin: float = 0.3, tolerance: float = 5e-3, seed: int = 0,
            progress: Progress | None = None) -> Run:
    """The landscape around the training of one's own model: a Run with path, plane, surface and honesty.

    model: any torch.nn.Module; parameters, gradients, buffers, modes and torch's random state are as before
    afterwards, to the last bit. loss_fn: `loss_fn(model)` or a closure without arguments that uses the same
    module, returning a scalar; it should be deterministic on a fixed batch of data (random numbers drawn in it are
    the same at every point). What it returns is the slice's height and the run's `losses`, as it is: a regulariser in
    it is not split off, and losses of unseen data are not known. trajectory: a Recorder, or an array [T, d] in the
    order of `torch.nn.utils.parameters_to_vector`; None is the model as it is. plane: a kind or member of PLANES, or a
    Plane. resolution, margin, tolerance as in `scan`. A path that leaves the finite numbers is shown up to there.
    Raises BadInput, also for what loss_fn raises.
    """
    loss = ModuleLoss(model, loss_fn)
    path, steps, diverged_at = _path(loss, trajectory)
    how = _how(plane)
    with loss.held():
        (progress or silent)(0.0, "slice", None)
        chosen = plane if how is None else how.choose(loss, path, seed)
        if chosen.d != loss.d:
            raise BadInput(f"the plane has {chosen.d} parameters, the model {loss.d}.")

        def trained() -> list[Any]:
            return [*_training(loss, path, steps, diverged_at, chosen), Numbers({"d": loss.d})]

        def surface(report: Report) -> Surface:
            return scan(loss, chosen, resolution, margin, tolerance=tolerance, progress=report.each_new(Grid.of))

        def grid(surface: Surface) -> Grid:
            return Grid.of(surface)

        def hidden(surface: Surface) -> Honest:
            return Honest(honesty(loss, chosen, path, surface).to_json())

        spec = OwnModel(_contents(path, chosen), loss.d, how, resolution, tolerance, margin, seed)
        return Pipeline(spec, progress, (Step("slice", 1, trained), Step("surface", 8, surface),
                                         Step("surface", 0, grid), Step("honesty", 1, hidden))).run()


class _NeedsGradients(Exception):
    """loss_fn calls backward() itself and so cannot run without gradients."""


class ModuleLoss:
    """The loss of a torch module as an Energy on its trainable parameters theta [..., d], point by point.

    Outside of `held()` each call restores the module; inside, it is restored once at the end.
    """

    def __init__(self, model: Any, loss_fn: Callable[..., Any]) -> None:
        self._parameters = _trainable(model)
        if not callable(loss_fn):
            raise BadInput(f"loss_fn must be a function of the model, got {type(loss_fn).__name__}.")
        self._model, self._loss_fn = model, loss_fn if _takes_an_argument(loss_fn) else lambda _: loss_fn()
        self._held = False
        self._differentiates = False
        self.d = sum(parameter.numel() for parameter in self._parameters)

    @property
    def theta(self) -> np.ndarray:
        """The module's parameters as they are, [d]."""
        return _flat(self._model)

    @property
    def filters(self) -> list[np.ndarray]:
        """Index arrays [filters, size] into theta: what enters one unit or channel, and each bias vector."""
        found, at = [], 0
        for parameter in self._parameters:
            rows = np.arange(at, at + parameter.numel())
            at += parameter.numel()
            by_unit = rows.reshape(parameter.shape[0], -1) if parameter.ndim > 1 else rows[None]
            found.append(by_unit if by_unit.shape[1] > 1 else rows[None])
        return found

    def __call__(self, theta: Any) -> np.ndarray:
        """Energies [...] at parameters [..., d]."""
        theta = np.asarray(theta, dtype=np.float64)
        with self.held():
            values = [self._value(point) for point in theta.reshape(-1, self.d)]
        return np.array(values).reshape(theta.shape[:-1])

    def force(self, theta: Any) -> np.ndarray:
        """Minus the gradient [..., d] at parameters [..., d], by torch's autograd."""
        theta = np.asarray(theta, dtype=np.float64)
        with self.held():
            forces = [self._force(point) for point in theta.reshape(-1, self.d)]
        return np.array(forces).reshape(theta.shape)

    def _value(self, point: np.ndarray) -> float:
        import torch

        self._move_to(point)
        try:
            with torch.set_grad_enabled(self._differentiates):
                return float(self._scalar().detach())
        except _NeedsGradients:
            self._differentiates = True
        return self._value(point)

    def _force(self, point: np.ndarray) -> np.ndarray:
        import torch

        self._move_to(point)
        for parameter in self._parameters:
            parameter.grad = None
        with torch.enable_grad():
            value = self._scalar()
            gradients: Any = [parameter.grad for parameter in self._parameters]
            if all(gradient is None for gradient in gradients):
                if not value.requires_grad:
                    raise BadInput("loss_fn must return a loss that depends on the model's parameters.")
                gradients = torch.autograd.grad(value, self._parameters, allow_unused=True)
        return -np.concatenate([
            np.zeros(parameter.numel()) if gradient is None else _numbers(gradient)
            for parameter, gradient in zip(self._parameters, gradients, strict=True)])

    def _scalar(self) -> Any:
        """The loss here, every time with the same random numbers (dropout)."""
        import torch

        devices = sorted({one.device.index for one in self._parameters if one.device.type == "cuda"})
        with torch.random.fork_rng(devices=devices):
            torch.default_generator.manual_seed(0)
            for device in devices:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(0)
            try:
                value = self._loss_fn(self._model)
            except ThermovizError:
                raise
            except Exception as error:
                if "does not require grad" in str(error) and not torch.is_grad_enabled():
                    raise _NeedsGradients from None
                raise BadInput(f"loss_fn failed with {type(error).__name__}: {error}.") from error
        if not isinstance(value, torch.Tensor):
            try:
                value = torch.as_tensor(value)
            except (TypeError, ValueError, RuntimeError):
                raise BadInput(f"loss_fn must return a single number, got {type(value).__name__}.") from None
        if value.numel() != 1:
            raise BadInput(f"loss_fn must return a single number, got shape {list(value.shape)}.")
        return value.reshape(())

    def _move_to(self, point: np.ndarray) -> None:
        import torch

        at = 0
        with torch.no_grad():
            for parameter in self._parameters:
                values = torch.as_tensor(point[at:at + parameter.numel()])
                parameter.copy_(values.reshape(parameter.shape))
                at += parameter.numel()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Whatever happens inside, the module is afterwards what it was before."""
        if self._held:
            yield
            return
        import torch

        tensors = [*self._model.parameters(), *self._model.buffers()]
        kept = [tensor.detach().clone() for tensor in tensors]
        gradients = [(parameter, parameter.grad, None if parameter.grad is None else parameter.grad.clone())
                     for parameter in self._model.parameters()]
        modes = [(module, module.training) for module in self._model.modules()]
        self._held = True
        try:
            yield
        finally:
            self._held = False
            with torch.no_grad():
                for tensor, value in zip(tensors, kept, strict=True):
                    tensor.copy_(value)
                for parameter, gradient, value in gradients:
                    parameter.grad = gradient
                    if gradient is not None:
                        gradient.copy_(value)
            for module, training in modes:
                module.training = training


def _takes_an_argument(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
               or one.kind == one.VAR_POSITIONAL for one in parameters)


def _trainable(model: Any) -> list[Any]:
    """The parameters that training moves. Raises BadInput for what is no torch module or has none."""
    import torch

    if not isinstance(model, torch.nn.Module):
        raise BadInput(f"the model must be a torch.nn.Module, got {type(model).__name__}.")
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if sum(parameter.numel() for parameter in found) < 2:
        raise BadInput("the model must have at least two trainable parameters (requires_grad).")
    return found


def _numbers(tensor: Any) -> np.ndarray:
    return tensor.detach().double().cpu().numpy().ravel()


def _flat(model: Any) -> np.ndarray:
    """The trainable parameters [d], float32."""
    return np.concatenate([_numbers(parameter) for parameter in _trainable(model)]).astype(np.float32)


def _path(loss: ModuleLoss, trajectory: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """(path [T, d] as far as it is finite, steps [T], step of divergence or -1), at most MOST_POINTS points."""
    if isinstance(trajectory, Recorder):
        path, steps = trajectory.path, trajectory.steps
    else:
        path = loss.theta[None] if trajectory is None else np.asarray(getattr(trajectory, "x", trajectory))
        path = path[:, 0] if path.ndim == 3 and path.shape[1] == 1 else path
        steps = np.asarray(getattr(trajectory, "steps", np.arange(len(path) if path.ndim else 0)))
    if path.ndim != 2 or path.shape[1] != loss.d or path.dtype.kind not in "fiu":
        raise BadInput(f"trajectory must be a Recorder or numbers [T, {loss.d}] (the model's trainable parameters), "
                       f"got shape {list(path.shape)}.")
    finite = np.isfinite(path).all(1)
    until = len(path) if finite.all() else int(finite.argmin())
    if until == 0:
        raise BadInput("the path starts outside the finite numbers: nothing can be drawn.")
    diverged_at = -1 if until == len(path) else int(steps[until])
    chosen = np.unique(np.linspace(0, until - 1, min(until, MOST_POINTS)).round().astype(int))
    return np.ascontiguousarray(path[chosen]), steps[chosen], diverged_at


def _how(plane: Any) -> Any:
    """The member of PLANES that chooses, or None for a Plane of one's own."""
    if isinstance(plane, Plane):
        return None
    if isinstance(plane, str) and plane in PLANES:
        return PLANES[plane]()
    if isinstance(plane, tuple(PLANES.values())):
        return plane
    raise BadInput(f"plane must be one of {', '.join(PLANES)}, or a Plane, got {plane!r}.")


def _contents(path: np.ndarray, plane: Plane) -> str:
    digest = hashlib.sha256()
    for array in (path, plane.origin, plane.u, plane.v):
        digest.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _training(loss: ModuleLoss, path: np.ndarray, steps: np.ndarray, diverged_at: int, plane: Plane) -> list[Any]:
    """The path as one body on the slice, the plane, and where the path ended."""
    body = Bodies(steps.astype(np.int32), loss(path)[:, None], np.zeros(1), np.array([diverged_at]),
                  steps.astype(np.float64), plane.project(path)[:, None], plane.residual(path)[:, None])
    ends = [Finals(path[-1:], np.zeros(1))] if loss.d <= KEPT_PARAMETERS else []
    return [body, Section.of(plane, MOST_POINTS), *ends]
