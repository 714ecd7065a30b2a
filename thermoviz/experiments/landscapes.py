"""The surface that a lab works on: an analytic potential, the slice of a shipped preset, or of any other Run.

A lab's field is `landscape: AnyLandscape`; `surface_of(landscape)` tabulates it. A Run or a Surface handed over in its
place is named by the hash of its grid (`OwnSlice`), while the grid itself travels beside the specification: in this
process, in the engine's store for the workers, and in every run file made from it.
"""

import functools
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..core.energies.potentials import POTENTIALS, AnyPotential
from ..core.errors import BadInput
from ..core.landscape.scan import scan
from ..core.landscape.surfaces import Surface
from ..core.specs import Field, specification
from ..runs.carried import OwnSlice, own_slice
from ..runs.families import named
from ..runs.run import Run
from .presets import DEFAULT_PRESET, PRESETS, load_preset, preset_of

if TYPE_CHECKING:
    PresetKey = str
else:
    PresetKey = Literal[tuple(PRESETS)]

# A potential is tabulated on the finest grid that travels to a browser, and costs nothing to evaluate.
RESOLUTION = 81


@specification
class Slice:
    """The landscape of a shipped preset: what its networks (or its potential) look like on their plane."""

    preset: Annotated[PresetKey, Field(title="Of the preset", description="Whose landscape is taken")] = DEFAULT_PRESET
    kind: Literal["slice"] = Field(default="slice", kw_only=True, repr=False)

    def surface(self) -> Surface:
        """The stored surface. Raises BadFile where the preset's file is missing or stale."""
        return load_preset(self.preset).surface


def as_spec(value: Any) -> Any:
    """A Run or a Surface becomes the specification that names its slice; all else stays. Raises BadInput."""
    if isinstance(value, Run):
        key = preset_of(value.id)
        if key is not None:
            return Slice(key)
        if value.surface is None:
            raise BadInput("this run has no surface to work on: every network diverged, or it is not computed yet.")
        return own_slice(value.surface)
    return own_slice(value) if isinstance(value, Surface) else value


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
