"""What runs of many kinds keep alike, written and read in one place: grid, plane, a sample of the data, networks.

Arrays of a run that have these names have these axes, whatever the kind of the run; equal letters of all of them
have equal lengths (`refuse_misfit`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from ..core.errors import BadInput
from ..core.landscape.planes import Plane
from ..core.landscape.surfaces import Surface
from ..core.learning.data import Dataset
from . import results
from .results import Array, Kept, Number, Result

# Temperatures at which the equilibrium is shown, in units of the surface's scale (its barrier).
TEMPERATURES = np.geomspace(0.01, 10, 31)
SAMPLE_NUMBERS = 20_000  # of the data kept in a run, for the network under the pointer
SAMPLE_ROWS = 1000  # of the data, and of a plane's points


class Grid(Result):
    """The energy on the slice. Its derivatives and equilibria are recomputed from it, on first use."""

    xs: Annotated[np.ndarray, Array("nx", "Places along the first side")]
    ys: Annotated[np.ndarray, Array("ny", "Places along the second side")]
    U: Annotated[np.ndarray, Array("nx ny", "Energy; NaN where there are no data", "energy", dtype="float32")]
    temperatures: Annotated[np.ndarray, Array("t", "At which the equilibrium is shown", "energy")]
    levels: Annotated[list[int], Number("Points per axis of the nested grids", name="surface.levels")]
    error: Annotated[float | None, Number("Largest error, where it was measured", "energy", name="surface.error")]

    @classmethod
    def of(cls, surface: Surface) -> "Grid":
        """What a run keeps of a surface; its values are float32 numbers already."""
        return cls(surface.xs, surface.ys, surface.E, surface.scale * TEMPERATURES, list(surface.levels),
                   surface.error)


class Section(Result):
    """The plane in parameter space, where the slice is cut."""

    origin: Annotated[np.ndarray, Array("d", "Parameters of its origin", name="plane_origin")]
    u: Annotated[np.ndarray, Array("d", "First direction, of length 1", name="plane_u")]
    v: Annotated[np.ndarray, Array("d", "Second direction, of length 1", name="plane_v")]
    tick_scale: Annotated[np.ndarray | None, Array("2", "Lengths of one unit on its axes",
                                                   name="plane_tick_scale")] = None
    points: Annotated[np.ndarray | None, Array("k 2", "Places that it was chosen to show", name="plane_points")] = None
    explained: Annotated[np.ndarray | None, Array("1", "Share of the paths' variance in it",
                                                  name="plane_explained")] = None

    @classmethod
    def of(cls, plane: Plane, most_points: int = SAMPLE_ROWS) -> "Section":
        """What a run keeps of a plane; its points where there are at most `most_points`."""
        few = plane.points is not None and len(plane.points) <= most_points
        return cls(plane.origin, plane.u, plane.v, plane.tick_scale, plane.points if few else None,
                   None if plane.explained is None else np.array([plane.explained]))

    @property
    def plane(self) -> Plane:
        """The plane itself."""
        return Plane(self.origin, self.u, self.v, self.points, np.ones(2) if self.tick_scale is None
                     else self.tick_scale, None if self.explained is None else float(self.explained[0]))


class Sample(Result):
    """The first training points (they are shuffled), for a page that loads no data sets itself."""

    x: Annotated[np.ndarray, Array("s p", "Inputs", name="data_x", dtype="float32")]
    y: Annotated[np.ndarray, Array("s ...", "Classes or values", name="data_y")]
    center: Annotated[np.ndarray | None, Array("p", "Mean of the inputs as they were", name="data_center")] = None
    scale: Annotated[np.ndarray | None, Array("p", "Their spread", name="data_scale")] = None
    y_center: Annotated[np.ndarray | None, Array("o", "Mean of the targets in their own unit",
                                                 name="data_y_center")] = None
    y_scale: Annotated[np.ndarray | None, Array("o", "Their spread, in which y and the losses are",
                                                name="data_y_scale")] = None

    @classmethod
    def of(cls, data: Dataset) -> "Sample":
        """What a run keeps of a data set."""
        rows = max(1, min(SAMPLE_ROWS, SAMPLE_NUMBERS // data.n_inputs))
        kind = np.int16 if data.task == "classification" else np.float32
        return cls(data.x_train[:rows], data.y_train[:rows].astype(kind), data.center, data.scale, data.y_center,
                   data.y_scale)


class Bodies(Result):
    """Networks as bodies on the slice, over T moments: n of them, of which `member` says to whom each belongs.

    losses: what training descends and the slice has for its height; `data_losses` and `regulariser` are its two parts,
    `test_losses` is to be compared with `data_losses`.
    """

    steps: Annotated[np.ndarray, Array("T", "Training steps")]
    losses: Annotated[np.ndarray, Array("T n", "The energy that training descends", "energy", dtype="float32")]
    member: Annotated[np.ndarray, Array("n", "To which dynamics, or group, each belongs", dtype="int8")]
    diverged_at: Annotated[np.ndarray, Array("n", "Step at which each left the finite numbers; -1: never",
                                             dtype="int32")]
    times: Annotated[np.ndarray | None, Array("T", "Time of training", "time")] = None
    paths_u: Annotated[np.ndarray | None, Array("T n 2", "Places on the slice", dtype="float32")] = None
    residual: Annotated[np.ndarray | None, Array("T n", "Distance from the slice", dtype="float32")] = None
    data_losses: Annotated[np.ndarray | None, Array("T n", "Loss of the training samples", "energy",
                                                    dtype="float32")] = None
    regulariser: Annotated[np.ndarray | None, Array("T n", "What weight decay and l1 add", "energy",
                                                    dtype="float32")] = None
    test_losses: Annotated[np.ndarray | None, Array("T n", "Loss of the test samples", "energy",
                                                    dtype="float32")] = None
    accuracy: Annotated[np.ndarray | None, Array("T n", "Of the training samples; R^2 of regression",
                                                 dtype="float32")] = None
    test_accuracy: Annotated[np.ndarray | None, Array("T n", "Of the test samples", dtype="float32")] = None

    @staticmethod
    def on(plane: Plane, paths: np.ndarray) -> dict[str, np.ndarray]:
        """`paths_u` and `residual` of paths [T, n, d], moment by moment, so that no second copy of all is made."""
        return {"paths_u": np.stack([plane.project(theta) for theta in paths]).astype(np.float32),
                "residual": np.stack([plane.residual(theta) for theta in paths]).astype(np.float32)}


class Finals(Result):
    """Final parameters of some of the bodies."""

    theta: Annotated[np.ndarray, Array("m d", "Parameters", name="theta_final", dtype="float32")]
    member: Annotated[np.ndarray, Array("m", "Whose they are among the bodies", name="theta_member", dtype="int32")]


class Honest(Result):
    """How much the slice hides."""

    honesty: Annotated[dict[str, Any], Number("As `core.landscape.honesty.Honesty` says it")]


KINDS = (Grid, Section, Sample, Bodies, Finals, Honest)
_TOGETHER = (("xs", "ys", "U"), ("plane_origin", "plane_u", "plane_v"), ("theta_final", "theta_member"))


def refuse_misfit(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises BadInput unless the arrays that all kinds of runs share have their axes and are there together."""
    results.refuse_misfit(KINDS, arrays, together=True)
    for group in _TOGETHER:
        present = [name for name in group if name in arrays]
        if present and len(present) < len(group):
            raise BadInput(f"a run has {', '.join(group)} together, got only {', '.join(present)}.")


# Those that some run still holds.
_surfaces: WeakValueDictionary[Any, Surface] = WeakValueDictionary()


def surface_of(run: Kept) -> Surface | None:
    """The surface whose grid a run keeps: one for all runs of this process that keep the same, for what is found on a
    surface (basins, crossings, equilibria) takes long, and a run in pieces would find it again with each piece."""
    if "U" not in run.arrays:
        return None
    grid, measured = [run.arrays[name] for name in ("xs", "ys", "U")], run.numbers.get("surface", {})
    levels, error = measured.get("levels"), measured.get("error")
    key = *(hashlib.sha256(axis.astype(float).tobytes()).digest() for axis in grid), tuple(levels or ()), error
    surface = _surfaces.get(key)
    if surface is None:
        surface = _surfaces[key] = Surface.from_grid(*grid, levels=levels, error=error)
    return surface


def plane_of(run: Kept) -> Plane | None:
    """The plane that a run keeps."""
    section = Section.read(run)
    return None if section is None else section.plane


def axes_of(name: str) -> tuple[str | int, ...] | None:
    """The axes of an array that all kinds of runs share."""
    return next((entry.kept.shape for kind in KINDS for entry in kind.schema if name in entry.kept.names), None)


class Lost(NamedTuple):
    """Of the group `name`, `n` of `of` left the finite numbers, the first of them at step `first`."""

    name: str
    n: int
    of: int
    first: int


def lost_by_group(names: Sequence[str], group: np.ndarray, at: np.ndarray) -> list[Lost] | None:
    """Lost for each group that lost some; None if nobody did. group [n]: index into names; at [n]: step, or -1."""
    found = [Lost(name, int((gone >= 0).sum()), len(gone), int(gone[gone >= 0].min()))
             for name, gone in ((name, at[group == k]) for k, name in enumerate(names)) if (gone >= 0).any()]
    return found or None


def lost(arrays: Mapping[str, np.ndarray]) -> tuple[tuple[int, int, int], ...]:
    """Per group that lost bodies: its number, how many of them diverged, the first step at which one did."""
    if "diverged_at" not in arrays:
        return ()
    at, member = arrays["diverged_at"], arrays["member"]
    steps = {k: at[(member == k) & (at >= 0)] for k in np.unique(member).tolist()}
    return tuple((k, len(found), int(found.min())) for k, found in steps.items() if len(found))
