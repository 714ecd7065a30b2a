"""People's own data in a specification: by content hash, while the arrays travel beside it.

`tv.Descent(dataset=tv.Dataset(x, y))` turns the data into an OwnData and remembers the arrays in this process; the
engine writes them once to its store for the workers, and every run file of such a specification carries them.
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ..core.errors import BadFile, BadInput
from ..core.learning.data import Dataset
from ..core.specs import Field, specification
from . import files

REMEMBERED = 32
PREFIX = "own_"  # of their names in a run file
_known: OrderedDict[str, Dataset] = OrderedDict()
_folders: list[Path] = []


@specification
class OwnData:
    """Arrays that somebody brought: named by the sha256 of their contents, see `core.data.Dataset`."""

    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", title="Contents",
                                       description="sha256 of the data's shapes and bytes")]
    task: Annotated[Literal["classification", "regression"], Field(title="Task")] = "classification"
    kind: Literal["own"] = Field(default="own", kw_only=True, repr=False)

    def load(self, seed: int = 0) -> Dataset:
        """The arrays; there is nothing to draw. Raises BadInput where they are not at hand."""
        data = _known.get(self.content_hash) or self._stored()
        if data is None:
            raise BadInput(f"the data set {self.content_hash[:12]} is not at hand: open the run file that "
                           "carries it, or hand over the arrays again.")
        return data

    def _stored(self) -> Dataset | None:
        for folder in _folders:
            path = _path(folder, self.content_hash)
            if path.is_file():
                arrays, _ = files.unpack(files.read(path))
                data = Dataset.from_arrays(arrays)
                if data.content_hash != self.content_hash:
                    raise BadFile(f"{path} holds other data than its name says.")
                return data
        return None


def remember(data: Dataset) -> OwnData:
    """The specification that names `data`, whose arrays stay at hand in this process."""
    key = data.content_hash
    _known[key] = data
    _known.move_to_end(key)
    while len(_known) > REMEMBERED:
        _known.popitem(last=False)
    return OwnData(key, "classification" if data.task == "classification" else "regression")


def look_in(folder: Path) -> None:
    """Adds a folder in which data sets may lie (a worker's store)."""
    if folder not in _folders:
        _folders.append(folder)


def folders() -> tuple[Path, ...]:
    """The folders in which what people brought may lie."""
    return tuple(_folders)


def keep(spec: OwnData, folder: Path) -> None:
    """Writes the data of `spec` into `folder`, once, for other processes."""
    path = _path(folder, spec.content_hash)
    if not path.is_file():
        files.write_atomically(path, files.pack(spec.load().to_arrays(), {"kind": "data"}))


def to_arrays(data: Dataset) -> dict[str, np.ndarray]:
    """The arrays that a run file carries along."""
    return {PREFIX + name: array for name, array in data.to_arrays().items()}


def remember_from(arrays: Mapping[str, np.ndarray]) -> None:
    """Takes up the data that an opened run file carries, if it carries any."""
    own = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    if own:
        remember(Dataset.from_arrays(own))


def _path(folder: Path, key: str) -> Path:
    return folder / f"{key}.safetensors"


def as_spec(value: Any) -> Any:
    """A Dataset becomes the OwnData that names it; all else stays."""
    return remember(value) if isinstance(value, Dataset) else value
