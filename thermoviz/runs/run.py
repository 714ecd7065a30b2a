"""Run: what an experiment found, as arrays and numbers beside the specification that asked; one file each.

Surfaces, their derivatives and equilibria are not stored: they are recomputed from the grid, on first use.
"""

import functools
import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import BadFile, BadInput
from ..core.specs import NUMERICS_VERSION, canonical, from_json, identity
from . import files
from .late import room_of
from .results import refuse_misfit, results_of
from .verdict import Verdict

if TYPE_CHECKING:
    from ..core.landscape.crossings import Crossing

# Pictures of a run, filled by the package's __init__: figure(run, **settings), html(run, **settings) -> str,
# reading(run) -> str.
VIEWS: dict[str, Callable[..., Any]] = {}

# What each array's axes mean; equal letters have equal lengths. Numbers are fixed lengths.
AXES: dict[str, tuple[str | int, ...]] = {
    "steps": ("T",), "times": ("T",), "losses": ("T", "n"), "data_losses": ("T", "n"), "regulariser": ("T", "n"),
    "test_losses": ("T", "n"), "accuracy": ("T", "n"), "test_accuracy": ("T", "n"), "paths_u": ("T", "n", 2),
    "residual": ("T", "n"), "diverged_at": ("n",), "member": ("n",), "theta_final": ("m", "d"),
    "theta_member": ("m",), "plane_origin": ("d",), "plane_u": ("d",), "plane_v": ("d",), "plane_points": ("k", 2),
    "plane_tick_scale": (2,), "plane_explained": (1,),
    "xs": ("nx",), "ys": ("ny",), "U": ("nx", "ny"), "temperatures": ("t",),
    "data_x": ("s", "p"), "data_center": ("p",), "data_scale": ("p",),
}
_TOGETHER = (("xs", "ys", "U"), ("plane_origin", "plane_u", "plane_v"), ("theta_final", "theta_member"))


# The band over replicas: these quantiles and the median.
BAND = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """Immutable: the specification, read-only arrays, numbers (plain JSON values) and `kind`.

    kind: "descent" (networks) or "potential" (a surface only). Arrays of a descent, with n = len(spec.dynamics)
    x replicas, dynamics by dynamics: `steps`, `times` [T]; [T, n]: `losses`, the energy that training descends and that
    the slice has for its height, and its two parts `data_losses` (of the training samples) and `regulariser` (weight
    decay and l1); `test_losses`, the data loss of the test samples, to be compared with `data_losses`; `accuracy`,
    `test_accuracy`. A path recorded from somebody's own model has `losses` alone: whatever loss_fn returned, for
    nobody else knows its parts. Further `paths_u` [T, n, 2], `residual` [T, n], `diverged_at` [n] (-1: never), `member`
    [n] (index into spec.dynamics), `theta_final` [m, d] of the replicas `theta_member` [m], `plane_origin`, `plane_u`,
    `plane_v` [d], `plane_points` [k, 2], and a sample of the training data: `data_x` [s, p], `data_y`. Arrays of every
    surface: `xs`, `ys`, `U` [nx, ny], `temperatures`. A partial run lacks what is not known yet.

    Numbers of a descent: `d`, `diverged` (a sentence, or None), `honesty`, `verdicts`, and the heat of the data as
    `noise.noise_numbers` documents it; of every surface: `surface` {levels, error}.
    """

    spec: Any
    arrays: Mapping[str, np.ndarray]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    numerics_version: int = NUMERICS_VERSION

    def __post_init__(self) -> None:
        if not hasattr(self.spec, "kind"):
            raise BadInput(f"a run needs the specification of an experiment, got {type(self.spec).__name__}.")
        if not isinstance(self.arrays, Mapping) or not isinstance(self.numbers, Mapping):
            raise BadInput("arrays and numbers of a run must be mappings of names to values.")
        arrays = {}
        for name, value in self.arrays.items():
            array = np.ascontiguousarray(value).view()
            array.flags.writeable = False
            arrays[name] = array
        _refuse_misfit(arrays)
        refuse_misfit(results_of(room_of(self.spec)), arrays)
        object.__setattr__(self, "arrays", arrays)
        object.__setattr__(self, "numbers", files.plain(self.numbers))
        object.__setattr__(self, "kind", self.kind or self.spec.kind)

    @property
    def id(self) -> str:
        """The identity of the specification: 16 hex digits, marked where older numerics computed this run."""
        current = self.numerics_version == NUMERICS_VERSION
        return identity(self.spec) if current else f"v{self.numerics_version}-{identity(self.spec)}"

    @functools.cached_property
    def surface(self) -> Any:
        """The energy on the slice (a Surface), or None while there is none (training, or all diverged)."""
        if "U" not in self.arrays:
            return None
        from ..core.landscape.surfaces import Surface
        measured = self.numbers.get("surface", {})
        return Surface.from_grid(self.arrays["xs"], self.arrays["ys"], self.arrays["U"],
                                 levels=measured.get("levels"), error=measured.get("error"))

    @functools.cached_property
    def plane(self) -> Any:
        """The plane in parameter space (a Plane), or None for a potential."""
        if "plane_u" not in self.arrays:
            return None
        from ..core.landscape.planes import Plane
        explained = self.arrays.get("plane_explained")
        return Plane(self.arrays["plane_origin"], self.arrays["plane_u"], self.arrays["plane_v"],
                     self.arrays.get("plane_points"), self.arrays.get("plane_tick_scale", np.ones(2)),
                     None if explained is None else float(explained[0]))

    @functools.cached_property
    def honesty(self) -> Any:
        """How much the slice hides (an Honesty), or None for a potential."""
        if "honesty" not in self.numbers:
            return None
        from ..core.landscape.planes import Honesty
        return Honesty.from_json(self.numbers["honesty"])

    @functools.cached_property
    def equilibria(self) -> tuple[Any, ...]:
        """The exact equilibrium of the surface at each of `temperatures`; empty without a surface."""
        if self.surface is None or "temperatures" not in self.arrays:
            return ()
        return self.surface.equilibria(self.arrays["temperatures"].tolist())

    def band(self, name: str, k: int) -> np.ndarray:
        """Quantiles [3, T] (10 %, 50 %, 90 %) of the array `name` [T, n] over the finite replicas of dynamics k.

        NaN at the times at which none is finite.
        """
        if name not in self.arrays or AXES.get(name) != ("T", "n"):
            raise BadInput(f"this run has no array {name!r} [T, n].")
        values = np.asarray(self.arrays[name], float)[:, self.arrays["member"] == k]
        some = np.isfinite(values).any(axis=1)
        quantiles = np.full((len(BAND), len(values)), np.nan)
        if some.any():
            quantiles[:, some] = np.nanquantile(np.where(np.isfinite(values), values, np.nan)[some], BAND, axis=1)
        return quantiles

    @property
    def lost(self) -> tuple[tuple[int, int, int], ...]:
        """Per dynamics that lost replicas: its index, how many of them diverged, the first step at which one did."""
        if "diverged_at" not in self.arrays:
            return ()
        at, member = self.arrays["diverged_at"], self.arrays["member"]
        steps = {k: at[(member == k) & (at >= 0)] for k in np.unique(member).tolist()}
        return tuple((k, len(found), int(found.min())) for k, found in steps.items() if len(found))

    @property
    def crossings(self) -> "tuple[Crossing, ...]":
        """Every (cold, hot, T), coldest first, where the surface's largest share passes to another basin."""
        return () if self.surface is None else self.surface.crossings

    @property
    def crossing(self) -> "Crossing | None":
        """The coldest of `crossings`; None where one basin wins throughout."""
        return self.crossings[0] if self.crossings else None

    @functools.cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The claims this run decides, each with its number."""
        room = room_of(self.spec)
        return tuple(Verdict.from_json(verdict, room) for verdict in self.numbers.get("verdicts", ()))

    @property
    def reading(self) -> str:
        """What became of the trainings, in words, and what to change; "" for a run of none."""
        return str(_view("reading")(self))

    def figure(self, **settings: Any) -> Any:
        """A still Plotly figure of the run."""
        return _view("figure")(self, **settings)

    def to_html(self, path: Any = None, **settings: Any) -> str:
        """The live stage in one HTML file that needs no network; written to `path` if given."""
        text = _view("html")(self, **settings)
        if path is not None:
            _write(files.path_of(path), text.encode())
        return text

    def _repr_html_(self) -> str:
        source = html.escape(self.to_html(), quote=True)
        return (f'<p>{html.escape(self.reading)}</p><iframe srcdoc="{source}" sandbox="allow-scripts allow-downloads" '
                'style="width:100%;height:640px;border:0"></iframe>')

    def __repr__(self) -> str:
        return f"Run({self.id}, {self.spec!r})"

    def to_bytes(self) -> bytes:
        """The run file's contents; `Run.from_bytes` gives back every bit of arrays and numbers."""
        return files.pack(self.arrays, {
            "numerics_version": str(self.numerics_version), "kind": self.kind,
            "specification": canonical(self.spec), "numbers": files.dumps(self.numbers),
        })

    @classmethod
    def from_bytes(cls, contents: bytes) -> "Run":
        """The run in a file's contents. Raises BadFile for what is truncated, altered, too large or not ours."""
        from ..catalogue import EXPERIMENTS, OPENED_ONLY
        from ..experiments import landscapes as slices
        from . import carried as own_data

        arrays, metadata = files.unpack(contents)
        try:
            settings = json.loads(metadata["specification"])
            experiment = {**EXPERIMENTS, **OPENED_ONLY}[settings["kind"]]
            own_data.remember_from(arrays)
            spec = from_json(experiment, settings)
            slices.remember_from(spec, arrays)
            run = cls(spec, arrays, json.loads(metadata["numbers"]), metadata["kind"],
                      int(metadata["numerics_version"]))
            # in forms that we know
            _ = run.honesty, [one.name for one in run.verdicts], run.numbers.get("surface", {}).get("error")
            return run
        except BadInput as error:
            raise BadFile(f"this run file holds what this version does not allow: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BadFile("this run file lacks its specification or its numbers, or has them in a form that "
                          "this version does not know.") from None

    def save(self, path: Any) -> Path:
        """Writes the run file, all of it or nothing. Raises BadInput where that cannot be done."""
        return _write(files.path_of(path), self.to_bytes())


def open_run(path: Any) -> Run:
    """The run in a file. Raises BadFile for what is missing, truncated, altered, too large or not ours."""
    return Run.from_bytes(files.read(files.path_of(path)))


def _write(path: Path, contents: bytes) -> Path:
    try:
        files.write_atomically(path, contents)
    except (OSError, ValueError) as error:  # the latter: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{files.brief(path)} cannot be written: {reason}.") from None
    return path


def _refuse_misfit(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises BadInput unless the known arrays have the axes that AXES gives them, of equal lengths."""
    lengths: dict[str, tuple[int, str]] = {}
    for name, axes in AXES.items():
        if name not in arrays:
            continue
        shape = arrays[name].shape
        if len(shape) != len(axes):
            raise BadInput(f"the array {name} of a run must have {len(axes)} axes, got shape {list(shape)}.")
        for axis, length in zip(axes, shape, strict=True):
            expected, where = (axis, name) if isinstance(axis, int) else lengths.setdefault(axis, (length, name))
            if length != expected:
                raise BadInput(f"the array {name} of a run has shape {list(shape)}, which does not fit {where}.")
    for group in _TOGETHER:
        present = [name for name in group if name in arrays]
        if present and len(present) < len(group):
            raise BadInput(f"a run has {', '.join(group)} together, got only {', '.join(present)}.")


def _view(name: str) -> Callable[..., Any]:
    """The function that draws. The package, which stands above all rooms, hands it over on first use of a name."""
    if name not in VIEWS:
        import thermoviz
        _ = thermoviz.Run
    return VIEWS[name]
