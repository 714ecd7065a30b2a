"""The runs that come with the package: presets, and the default run of each lab that takes many seconds.

`python -m thermoviz presets` computes all of them anew. A run that is stale is no error: it is computed like any other.
"""

import functools
from pathlib import Path

from ..core.errors import BadFile
from ..core.specs import identity
from ..experiments.presets import FOLDER, PRESETS, load_preset, preset_of
from ..runs.run import Run, open_run

# Labs whose default takes too long for a page to open with.
LABS = ("heat_bath", "interactions", "equilibrium")
KEYS = (*PRESETS, *LABS)


def specification_and_path(key: str) -> tuple[object, Path]:
    """What the shipped run `key` (of KEYS) asks, and where it lies."""
    from . import EXPERIMENTS

    if key in PRESETS:
        return PRESETS[key].spec, PRESETS[key].path
    return EXPERIMENTS[key](), FOLDER / f"{key}.safetensors"


@functools.cache
def load_lab(kind: str) -> Run | None:
    """The shipped default run of the lab `kind`; None where its file is missing or stale."""
    spec, path = specification_and_path(kind)
    try:
        run = open_run(path)
    except BadFile:
        return None
    return run if run.id == identity(spec) else None


@functools.cache
def _lab_of() -> dict[str, str]:
    return {identity(specification_and_path(kind)[0]): kind for kind in LABS}


def is_shipped(id: str) -> bool:
    """Whether the run `id` comes with the package."""
    return preset_of(id) is not None or (id in _lab_of() and load_lab(_lab_of()[id]) is not None)


def shipped(id: str) -> Run | None:
    """The run `id` if it comes with the package, else None."""
    key = preset_of(id)
    if key is not None:
        return load_preset(key)
    kind = _lab_of().get(id)
    return None if kind is None else load_lab(kind)
