"""Paths that people bring, in whatever form: as named snapshots [T, d] with their training steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ...core.arrays import row_blocks
from ...core.errors import BadFile, BadInput
from .parameters import flat, size
from .recorder import Recorder
from .records import taken

MOST_POINTS = 200  # of each recorded path that a run keeps
MOST_PATHS = 100
PREFIXES = ("module.", "_orig_mod.")  # that wrappers put before the names of parameters
INSIDE = ("state_dict", "model_state_dict", "model")  # where checkpoints keep the parameters


class Snapshots(NamedTuple):
    """One path: theta [T, d] as far as it is finite, steps [T], the buffers at each point or None, the step at which it
    left the finite numbers, or -1, and whether its buffers are the module's own where they are None."""

    name: str
    theta: np.ndarray
    steps: np.ndarray
    buffers: np.ndarray | None
    diverged_at: int
    own_buffers: bool


class Model(NamedTuple):
    """The parameters that move, by the names under which checkpoints have them, and all buffers by theirs."""

    names: list[str]
    parameters: list[Any]
    buffers: Mapping[str, Any] = MappingProxyType({})

    @property
    def d(self) -> int:
        """How many numbers they hold."""
        return sum(map(size, self.parameters))


def followed(model: Any, trajectory: Any) -> list[Any] | None:
    """The parameters that Recorders in `trajectory` followed, of this model; None without one. Raises BadInput."""
    recorders = [one for one in _members(trajectory) if isinstance(one, Recorder)]
    if not recorders:
        return None
    places = recorders[0].places
    parameters = list(model.parameters())
    if any(one.places != places for one in recorders) or places[-1] >= len(parameters):
        raise BadInput("the recorders followed other parameters than those of this model, or of each other.")
    return [parameters[k] for k in places]


def _members(trajectory: Any) -> list[Any]:
    if isinstance(trajectory, Mapping):
        return list(trajectory.values())
    return list(trajectory) if isinstance(trajectory, (list, tuple)) else [trajectory]


def read(model: Model, trajectory: Any) -> list[Snapshots]:
    """The paths, each with a name ("" for a single one without). Raises BadInput and BadFile."""
    if isinstance(trajectory, (list, tuple, Mapping)) and not len(trajectory):
        raise BadInput("trajectory is empty: give at least one snapshot.")
    named = _named(model, trajectory)
    if len(named) > MOST_PATHS:
        raise BadInput(f"{len(named)} paths are too many for one plane: at most {MOST_PATHS}. "
                       "(Snapshots of one path are vectors of all trainable parameters, or state_dicts.)")
    return [_finite(name, *_path(model, one, name)) for name, one in named.items()]


def _named(model: Model, trajectory: Any) -> dict[str, Any]:
    if isinstance(trajectory, Mapping) and trajectory and not _is_state(trajectory):
        if all(isinstance(key, (int, np.integer)) for key in trajectory):
            return {"": (list(trajectory), list(trajectory.values()))}
        return {str(name): one for name, one in trajectory.items()}
    if isinstance(trajectory, (list, tuple)) and trajectory and not _is_steps(trajectory) and not all(
            _is_snapshot(model, one) for one in trajectory):
        return {f"path {k + 1}": one for k, one in enumerate(trajectory)}
    array = None if isinstance(trajectory, (Recorder, Mapping, list, tuple, str, Path)) else _x(trajectory)
    if array is not None and array.ndim == 3 and array.shape[1] > 1:
        steps = _steps_of(trajectory, len(array))
        return {f"path {k + 1}": (steps, array[:, k]) for k in range(array.shape[1])}
    return {"": trajectory}


def _is_state(value: Any) -> bool:
    """Whether it is one state: a state_dict, a checkpoint around one, or a module."""
    import torch

    if isinstance(value, torch.nn.Module):
        return True
    return isinstance(value, Mapping) and bool(value) and all(isinstance(key, str) for key in value) and (
        any(isinstance(value.get(name), Mapping) for name in INSIDE) or all(
            isinstance(one, torch.Tensor) for one in value.values()) and any("." in k or one.ndim < 2 or k in (
                "weight", "bias") for k, one in value.items()))


def _is_snapshot(model: Model, value: Any) -> bool:
    if _is_state(value) or isinstance(value, (str, Path)):
        return True
    if isinstance(value, (Recorder, Mapping)) or hasattr(value, "x") and not hasattr(value, "shape"):
        return False
    return np.ndim(_x(value)) == 1


def _is_steps(value: Sequence[Any]) -> bool:
    """Whether it is (steps, path)."""
    if not isinstance(value, tuple) or len(value) != 2 or isinstance(value[0], (str, Path, Mapping, Recorder)):
        return False
    first, path = _x(value[0]), _x(value[1])
    return first.ndim == 1 and first.dtype.kind in "iuf" and not (path.ndim == 1 and path.dtype.kind in "iuf")


def _x(value: Any) -> Any:
    """As an array, tensors taken off their graphs; a Trajectory by its positions."""
    import torch

    if isinstance(value, torch.Tensor):
        return flat([value]).reshape(value.shape)
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], torch.Tensor):
        return np.empty((len(value), 1))
    try:
        return np.asarray(getattr(value, "x", value))
    except (TypeError, ValueError):
        return np.empty(0, dtype=object)


def _steps_of(trajectory: Any, n: int) -> np.ndarray:
    return np.asarray(getattr(trajectory, "steps", np.arange(n)))


def _path(model: Model, given: Any, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, bool]:
    """(theta [T, d], steps [T], buffers or None, whether they are the module's own then) of one path. Raises BadInput.
    """
    where = f"trajectory {name!r}" if name else "trajectory"
    if given is None:
        return flat(model.parameters)[None], np.zeros(1, dtype=int), None, True
    if isinstance(given, Recorder):
        return given.path, given.steps, given.buffers, True
    steps, buffers, own = None, None, False
    if isinstance(given, tuple) and _is_steps(given):
        steps, given = np.asarray(given[0]), given[1]
        if isinstance(given, Recorder):
            given = given.path
    if _is_state(given) or isinstance(given, (str, Path)):
        given = [given]
    if isinstance(given, (list, tuple)) and given and all(_is_snapshot(model, one) for one in given):
        snapshots = [_snapshot(model, one, f"{where}, snapshot {k}") for k, one in enumerate(given)]
        theta: Any = _stacked([one for one, _ in snapshots])
        buffers, own = _along(model, [beside for _, beside in snapshots])
    else:
        theta = _x(given)
        steps = _steps_of(given, len(theta) if theta.ndim else 0) if steps is None else steps
    theta = theta[:, 0] if theta.ndim == 3 and theta.shape[1] == 1 else theta
    if theta.ndim != 2 or theta.shape[1] != model.d or theta.dtype.kind not in "fiu" or not len(theta):
        raise BadInput(f"{where} must be a Recorder or numbers [T, {model.d}] (the model's trainable parameters), "
                       f"got {theta.dtype} with shape {list(theta.shape)}.")
    steps = np.arange(len(theta)) if steps is None else steps
    if steps.shape != (len(theta),) or steps.dtype.kind not in "iuf" or (np.diff(steps) <= 0).any():
        raise BadInput(f"{where} has {len(theta)} snapshots and must have as many steps, each beyond the one before.")
    return theta, steps, buffers, own


def _along(model: Model, found: list[np.ndarray | None]) -> tuple[np.ndarray | None, bool]:
    """(the buffers at each snapshot [T, b], True); None where they are the module's own, or (False) not known."""
    known = [own for own in found if own is not None]
    if len(known) < len(found):
        return None, False
    now = flat(list(model.buffers.values()))
    return (None if all(np.array_equal(now, own, equal_nan=True) for own in known) else np.stack(known)), True


def _stacked(snapshots: list[np.ndarray]) -> np.ndarray:
    sizes = sorted({len(one) for one in snapshots})
    if len(sizes) > 1:
        raise BadInput(f"snapshots must have the same number of parameters, got {sizes}.")
    return np.stack(snapshots)


def _snapshot(model: Model, given: Any, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """(theta [d], buffers [b] or None where it does not say)."""
    import torch

    if isinstance(given, (str, Path)):
        given, where = load(given), str(given)
    if isinstance(given, torch.nn.Module):
        given = given.state_dict()
    if isinstance(given, Mapping):
        return _of_state(model, given, where)
    return _x(given), None


def _of_state(model: Model, state: Mapping[str, Any], where: str) -> tuple[np.ndarray, np.ndarray | None]:
    inside = next((state[name] for name in INSIDE if isinstance(state.get(name), Mapping)), state)
    known = {_bare(name): tensor for name, tensor in inside.items()}
    found = []
    for name, parameter in zip(model.names, model.parameters, strict=True):
        tensor = known.get(_bare(name))
        if tensor is None:
            raise BadInput(f"{where} has no parameter {name!r}: it is of another model.")
        if tensor.shape != parameter.shape:
            raise BadInput(f"{where}: parameter {name!r} has shape {list(tensor.shape)}, "
                           f"the model's has {list(parameter.shape)}.")
        found.append(tensor)
    return flat(found), _buffers_of(model, known)


def _buffers_of(model: Model, known: Mapping[str, Any]) -> np.ndarray | None:
    """The buffers of a state; those that states leave out are as they are now."""
    theirs = {name: known.get(_bare(name), now) for name, now in model.buffers.items()}
    of_state = any(_bare(name) in known for name in theirs)
    if not of_state or any(theirs[name].shape != now.shape for name, now in model.buffers.items()):
        return None
    return flat(list(theirs.values()))


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.replace(prefix, "")
    return name


def load(path: Any) -> Mapping[str, Any]:
    """The state in a checkpoint: safetensors, or a file of torch.save read without running any code. Raises BadFile."""
    import torch

    if not Path(path).is_file():
        raise BadFile(f"{path} cannot be read: there is no such file.")
    try:
        if str(path).endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(str(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BadFile(f"{path} cannot be read as a checkpoint without running code in it "
                      f"({type(error).__name__}): save model.state_dict(), or safetensors.") from None
    if not isinstance(state, Mapping):
        raise BadFile(f"{path} holds {type(state).__name__}, not a state_dict.")
    return state


def _finite(name: str, theta: np.ndarray, steps: np.ndarray, buffers: np.ndarray | None, own: bool) -> Snapshots:
    finite = np.concatenate([np.isfinite(block).all(1) for _, block in row_blocks(theta)])
    until = len(theta) if finite.all() else int(finite.argmin())
    if until == 0:
        raise BadInput(f"the path{f' {name!r}' if name else ''} starts outside the finite numbers.")
    diverged_at = -1 if until == len(theta) else int(steps[until])
    chosen = np.unique(np.linspace(0, until - 1, min(until, MOST_POINTS)).round().astype(int))
    beside = None if buffers is None else buffers[chosen]
    return Snapshots(name, taken(theta, chosen), steps[chosen], beside, diverged_at, own)
