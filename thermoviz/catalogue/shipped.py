"""The runs that come with the package: presets, and the default run of each lab that takes many seconds.

`python -m thermoviz presets` computes all of them anew, `python -m thermoviz presets KIND` adds a lab's: what is
shipped is what has its file. A run that is stale is no error: it is computed like any other.
"""

import functools
import inspect
from pathlib import Path

from ..core.errors import BadFile
from ..core.specs import identity
from ..experiments.landscape.specification import Descent
from ..experiments.presets import FOLDER, PRESETS, load_preset, preset_of
from ..experiments.sweep.specification import Axis, Sweep
from ..runs.run import Run, open_run
from .kinds import EXPERIMENTS, LABS, OF_THE_HOUSE

SWEEP = "phase-diagram"
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
RATES = (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


@functools.cache
def phase_diagram() -> Sweep:
    """Learning rate and batch size of the default network: frozen, warm, and thrown out."""
    return Sweep(Descent(replicas=4), (Axis("batch_size", SIZES), Axis("dynamics.1.lr", RATES)), seeds=4)


@functools.cache
def load_sweep() -> Run | None:
    """The shipped phase diagram; None where its file is missing or stale."""
    return _of(phase_diagram(), FOLDER / f"{SWEEP}.safetensors")


def labs() -> tuple[str, ...]:
    """The labs whose default takes too long for a page to open with: there is a file of it."""
    return tuple(kind for kind in LABS if _path(kind).is_file())


def keys() -> tuple[str, ...]:
    """Everything that is shipped."""
    return (*PRESETS, *labs(), SWEEP)


def _path(kind: str) -> Path:
    """Where the default run of a lab lies: with the presets, or beside the specification of a package of its own."""
    folder = FOLDER if kind in OF_THE_HOUSE else Path(inspect.getfile(EXPERIMENTS[kind])).parent
    return folder / f"{kind}.safetensors"


def specification_and_path(key: str) -> tuple[object, Path]:
    """What the shipped run `key` (a preset, or a lab) asks, and where it lies."""
    if key in PRESETS:
        return PRESETS[key].spec, PRESETS[key].path
    if key == SWEEP:
        return phase_diagram(), FOLDER / f"{SWEEP}.safetensors"
    return EXPERIMENTS[key](), _path(key)


@functools.cache
def load_lab(kind: str) -> Run | None:
    """The shipped default run of the lab `kind`; None where its file is missing or stale."""
    return _of(*specification_and_path(kind))


def _of(spec: object, path: Path) -> Run | None:
    try:
        run = open_run(path)
    except BadFile:
        return None
    return run if run.id == identity(spec) else None


@functools.cache
def _sweep_id() -> str:
    return identity(phase_diagram())


@functools.cache
def _lab_of(kinds: tuple[str, ...]) -> dict[str, str]:
    return {identity(specification_and_path(kind)[0]): kind for kind in kinds}


def is_shipped(id: str) -> bool:
    """Whether the run `id` comes with the package."""
    known = _lab_of(labs())
    return (preset_of(id) is not None or (id in known and load_lab(known[id]) is not None)
            or (id == _sweep_id() and load_sweep() is not None))


def shipped(id: str) -> Run | None:
    """The run `id` if it comes with the package, else None."""
    key = preset_of(id)
    if key is not None:
        return load_preset(key)
    if id == _sweep_id():
        return load_sweep()
    kind = _lab_of(labs()).get(id)
    return None if kind is None else load_lab(kind)
