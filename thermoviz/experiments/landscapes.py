"""The surface that a lab works on: an analytic potential, the slice of a shipped preset, or of any other Run.

A lab's field is `landscape: AnyLandscape`; `surface_of(landscape)` tabulates it. A Run or a Surface handed over in its
place is named by the hash of its grid (`OwnSlice`), while the grid itself travels beside the specification: in this
process, in the engine's store for the workers, and in every run file made from it.
"""

import functools
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ..core.energies.potentials import POTENTIALS, AnyPotential
from ..core.errors import BadFile, BadInput
from ..core.landscape.scan import scan
from ..core.landscape.surfaces import Surface
from ..core.specs import Field, specification
from ..runs import carried as own_data
from ..runs import files
from ..runs.families import named
from ..runs.run import Run
from .presets import DEFAULT_PRESET, PRESETS, load_preset, preset_of

if TYPE_CHECKING:
    PresetKey = str
else:
    PresetKey = Literal[tuple(PRESETS)]

REMEMBERED = 32
# A potential is tabulated on the finest grid that travels to a browser, and costs nothing to evaluate.
RESOLUTION = 81
_known: OrderedDict[str, Surface] = OrderedDict()


@specification
class Slice:
    """The landscape of a shipped preset: what its networks (or its potential) look like on their plane."""

    preset: Annotated[PresetKey, Field(title="Of the preset", description="Whose landscape is taken")] = DEFAULT_PRESET
    kind: Literal["slice"] = Field(default="slice", kw_only=True, repr=False)

    def surface(self) -> Surface:
        """The stored surface. Raises BadFile where the preset's file is missing or stale."""
        return load_preset(self.preset).surface


@specification
class OwnSlice:
    """A surface that somebody handed over: named by the sha256 of its grid, see `remember`."""

    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", title="Contents",
                                       description="sha256 of the grid and its energies")]
    kind: Literal["own_slice"] = Field(default="own_slice", kw_only=True, repr=False)

    def surface(self) -> Surface:
        """The surface. Raises BadInput where it is not at hand."""
        surface = _known.get(self.content_hash) or self._stored()
        if surface is None:
            raise BadInput(f"the slice {self.content_hash[:12]} is not at hand: hand over its run or surface again, "
                           "or open a run file made from it.")
        return surface

    def _stored(self) -> Surface | None:
        for folder in own_data.folders():
            path = _path(folder, self.content_hash)
            if path.is_file():
                arrays, _ = files.unpack(files.read(path))
                surface = _surface(arrays)
                if content_hash(surface) != self.content_hash:
                    raise BadFile(f"{path} holds another surface than its name says.")
                return surface
        return None


def content_hash(surface: Surface) -> str:
    """sha256 of a surface's grid: its axes and its energies as they are stored."""
    digest = hashlib.sha256()
    for array in _arrays(surface).values():
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def remember(surface: Surface) -> OwnSlice:
    """The specification that names `surface`, which stays at hand in this process."""
    key = content_hash(surface)
    _known[key] = surface
    _known.move_to_end(key)
    while len(_known) > REMEMBERED:
        _known.popitem(last=False)
    return OwnSlice(key)


def keep(spec: Any, folder: Path) -> None:
    """Writes the grid that a lab's specification names into `folder`, once, for other processes."""
    landscape = getattr(spec, "landscape", None)
    if isinstance(landscape, OwnSlice):
        path = _path(folder, landscape.content_hash)
        if not path.is_file():
            files.write_atomically(path, files.pack(_arrays(landscape.surface()), {"kind": "slice"}))


def remember_from(spec: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Takes up the grid that an opened run file carries, where its specification names one."""
    landscape = getattr(spec, "landscape", None)
    if isinstance(landscape, OwnSlice) and "U" in arrays:
        surface = _surface(arrays)
        if content_hash(surface) == landscape.content_hash:
            remember(surface)


def as_spec(value: Any) -> Any:
    """A Run or a Surface becomes the specification that names its slice; all else stays. Raises BadInput."""
    if isinstance(value, Run):
        key = preset_of(value.id)
        if key is not None:
            return Slice(key)
        if value.surface is None:
            raise BadInput("this run has no surface to work on: every network diverged, or it is not computed yet.")
        return remember(value.surface)
    return remember(value) if isinstance(value, Surface) else value


# What a landscape may be called by name: a potential, or a preset whose slice is meant.
LANDSCAPES: dict[str, Any] = {**POTENTIALS, "slice": Slice, **{key: functools.partial(Slice, key) for key in PRESETS}}
# A lab's field: `landscape: AnyLandscape = DoubleWell()`; takes an instance, a name, a Run or a Surface.
AnyLandscape = Annotated[
    Annotated[AnyPotential | Slice | OwnSlice, Field(discriminator="kind")], named(LANDSCAPES, as_spec),
    Field(title="Landscape", description="The energy surface that the balls roll on")]


def surface_of(landscape: Any, resolution: int = RESOLUTION) -> Surface:
    """The surface of a landscape; a potential is tabulated in its box, `resolution` points along each side."""
    if isinstance(landscape, (Slice, OwnSlice)):
        return landscape.surface()
    return scan(landscape, resolution=resolution, tolerance=0)


def _arrays(surface: Surface) -> dict[str, np.ndarray]:
    return {"xs": np.ascontiguousarray(surface.xs), "ys": np.ascontiguousarray(surface.ys),
            "U": np.ascontiguousarray(surface.E, np.float32)}


def _surface(arrays: Mapping[str, np.ndarray]) -> Surface:
    return Surface.from_grid(arrays["xs"], arrays["ys"], arrays["U"])


def _path(folder: Path, key: str) -> Path:
    return folder / f"slice-{key}.safetensors"
