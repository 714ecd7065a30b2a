"""What people bring into a specification: named there by the hash of its contents, while the arrays travel beside it.

`tv.Descent(dataset=tv.Dataset(x, y))` turns the data into an OwnData, `tv.SecondLaw(landscape=surface)` the surface
into an OwnSlice, and this process remembers the arrays. The engine writes them once to its store for the workers
(`keep`), and every run file of such a specification carries them (`in_run`, `take_up`).
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import numpy as np

from ..core.errors import BadFile, BadInput
from ..core.landscape.surfaces import Surface
from ..core.learning.data import Dataset
from ..core.specs import Field, specification
from . import files

REMEMBERED = 32
T = TypeVar("T")
_folders: list[Path] = []


class Words(NamedTuple):
    """How what is carried is called, and what to do where it is missing."""

    one: str
    other: str
    missing: str


class Shelf(Generic[T]):
    """Things by the hash of their contents: those of this process, and those in the folders where some may lie.

    kind: of its files, whose names begin with `prefix`. to_arrays, from_arrays: what is written of a thing.
    """

    def __init__(self, kind: str, prefix: str, words: Words, hashed: Callable[[T], str],
                 to_arrays: Callable[[T], dict[str, np.ndarray]], from_arrays: Callable[[Any], T]) -> None:
        self._kind, self._prefix, self._words = kind, prefix, words
        self._hashed, self._to_arrays, self._from_arrays = hashed, to_arrays, from_arrays
        self._known: OrderedDict[str, T] = OrderedDict()

    def remember(self, thing: T) -> str:
        """Keeps it at hand in this process; its hash."""
        key = self._hashed(thing)
        self._known[key] = thing
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return key

    @property
    def kind(self) -> str:
        """What lies on it: "data" or "slice"."""
        return self._kind

    def forget(self, key: str | None = None) -> None:
        """Nothing, or not the thing of this hash, is at hand any more but what lies in the folders."""
        if key is None:
            self._known.clear()
        else:
            self._known.pop(key, None)

    def knows(self, key: str) -> bool:
        """Whether it is at hand in this process."""
        return key in self._known

    def packed(self, key: str, more: Mapping[str, str] | None = None) -> bytes:
        """The contents of its file, with more words beside it."""
        return files.pack(self._to_arrays(self.fetch(key)), {"kind": self._kind, **(more or {})})

    def fetch(self, key: str) -> T:
        """The thing of this hash. Raises BadInput where it is not at hand, BadFile where its file is not its own."""
        thing = self._known.get(key) or self._stored(key)
        if thing is None:
            raise BadInput(f"the {self._words.one} {key[:12]} is not at hand: {self._words.missing}.")
        return thing

    def _stored(self, key: str) -> T | None:
        for folder in _folders:
            path = self.path(folder, key)
            if path.is_file():
                arrays, _ = files.unpack(files.read(path))
                thing = self._from_arrays(arrays)
                if self._hashed(thing) != key:
                    raise BadFile(f"{path} holds {self._words.other} than its name says.")
                return thing
        return None

    def keep(self, key: str, folder: Path) -> None:
        """Writes it into `folder`, once, for other processes."""
        path = self.path(folder, key)
        if not path.is_file():
            files.write_atomically(path, self.packed(key))

    def take_up(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Remembers what an opened run file carries, where it is what `key` names."""
        thing = self._from_arrays(arrays)
        if self._hashed(thing) == key:
            self.remember(thing)

    def path(self, folder: Path, key: str) -> Path:
        """Its file in `folder`."""
        return folder / f"{self._prefix}{key}.safetensors"


class Carried:
    """Base of the members of a specification that name by `content_hash` what travels beside it."""

    shelf: ClassVar[Shelf[Any]]
    # Of their names in a run file; without one they are arrays that such a run has anyway.
    prefix: ClassVar[str] = ""
    content_hash: str

    def keep(self, folder: Path) -> None:
        """Writes it into `folder`, once, for other processes. Raises BadInput where it is not at hand."""
        self.shelf.keep(self.content_hash, folder)

    def take_up(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes it up from an opened run file's arrays, if they hold it."""
        own = {name.removeprefix(self.prefix): array for name, array in arrays.items() if name.startswith(self.prefix)}
        if own:
            self.shelf.take_up(self.content_hash, own)

    def in_run(self) -> dict[str, np.ndarray]:
        """The arrays that a run file carries along."""
        if not self.prefix:
            return {}
        return {self.prefix + name: array for name, array in
                self.shelf._to_arrays(self.shelf.fetch(self.content_hash)).items()}


_DATA: Shelf[Dataset] = Shelf(
    "data", "", Words("data set", "other data", "open the run file that carries it, or hand over the arrays again"),
    lambda data: data.content_hash, Dataset.to_arrays, Dataset.from_arrays)


@specification
class OwnData(Carried):
    """Arrays that somebody brought: named by the sha256 of their contents, see `core.learning.data.Dataset`."""

    shelf = _DATA
    prefix = "own_"
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", title="Contents",
                                       description="sha256 of the data's shapes and bytes")]
    task: Annotated[Literal["classification", "regression"], Field(title="Task")] = "classification"
    kind: Literal["own"] = Field(default="own", kw_only=True, repr=False)

    def load(self, seed: int = 0) -> Dataset:
        """The arrays, scaled where networks could not learn from them as they are (`Dataset.learnable`); there is
        nothing to draw. Raises BadInput where they are not at hand.
        """
        return _DATA.fetch(self.content_hash).learnable()


def _grid(surface: Surface) -> dict[str, np.ndarray]:
    return {"xs": np.ascontiguousarray(surface.xs), "ys": np.ascontiguousarray(surface.ys),
            "U": np.ascontiguousarray(surface.E, np.float32)}


def _surface(arrays: Mapping[str, np.ndarray]) -> Surface:
    return Surface.from_grid(arrays["xs"], arrays["ys"], arrays["U"])


def _hash_of_grid(surface: Surface) -> str:
    digest = hashlib.sha256()
    for array in _grid(surface).values():
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


_SLICES: Shelf[Surface] = Shelf(
    "slice", "slice-",
    Words("slice", "another surface", "hand over its run or surface again, or open a run file made from it"),
    _hash_of_grid, _grid, _surface)


@specification
class OwnSlice(Carried):
    """A surface that somebody handed over: named by the sha256 of its grid."""

    shelf = _SLICES
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", title="Contents",
                                       description="sha256 of the grid and its energies")]
    kind: Literal["own_slice"] = Field(default="own_slice", kw_only=True, repr=False)

    def take_up(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes up the grid that an opened run file has, if it has one."""
        if "U" in arrays:
            super().take_up(arrays)

    def surface(self) -> Surface:
        """The surface. Raises BadInput where it is not at hand."""
        return _SLICES.fetch(self.content_hash)


def own_data(data: Dataset) -> OwnData:
    """The specification that names `data`, whose arrays stay at hand in this process."""
    return OwnData(_DATA.remember(data), "classification" if data.task == "classification" else "regression")


def own_slice(surface: Surface) -> OwnSlice:
    """The specification that names `surface`, which stays at hand in this process."""
    return OwnSlice(_SLICES.remember(surface))


def as_spec(value: Any) -> Any:
    """A Dataset becomes the OwnData that names it; all else stays."""
    return own_data(value) if isinstance(value, Dataset) else value


def carried_by(spec: Any) -> Iterator[Carried]:
    """The members of a specification that name what travels beside it; of a sweep those of its experiment."""
    for name in getattr(spec, "__dataclass_fields__", ()):
        member = getattr(spec, name, None)
        if isinstance(member, Carried):
            yield member
        elif name == "base":
            yield from carried_by(member)


def named_in(contents: bytes) -> list[str]:
    """The hashes of what a run file's specification names. Raises BadFile for what is no run file."""
    return re.findall(r'"content_hash":"([0-9a-f]{64})"', files.metadata(contents).get("specification", ""))


def in_run(spec: Any) -> dict[str, np.ndarray]:
    """The arrays that a run of `spec` carries along for what people brought."""
    return {name: array for member in carried_by(spec) for name, array in member.in_run().items()}


class Travelling(NamedTuple):
    """What a step of a pipeline gives to have arrays in the run as they are: those of `in_run`."""

    arrays: dict[str, np.ndarray]

    def write(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """(arrays, numbers) as a run keeps them."""
        return dict(self.arrays), {}


def look_in(folder: Path) -> None:
    """Adds a folder in which what people brought may lie (a worker's store)."""
    if folder not in _folders:
        _folders.append(folder)
