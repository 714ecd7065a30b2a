"""Run: what an experiment found, as arrays and numbers beside the specification that asked; one file each.

Surfaces, their derivatives and equilibria are not stored: they are recomputed from the grid, on first use.
"""

import functools
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import BadFile, BadInput
from ..core.landscape.crossings import Crossing
from ..core.landscape.honesty import Honesty
from ..core.specs import NUMERICS_VERSION, canonical, from_json, identity
from ..core.statistics.quantiles import finite_quantiles
from . import files, record
from .carried import carried_by
from .late import above, room_of
from .results import refuse_misfit, results_of
from .verdict import Verdict

# The band over replicas: these quantiles and the median.
BAND = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """Immutable: the specification, read-only arrays, numbers (plain JSON values) and `kind`.

    Arrays and numbers that runs of many kinds keep alike are documented in `runs.record`, those of one kind in
    `results` beside its specification. A partial run lacks what is not known yet. Of a descent n is
    len(spec.dynamics) x replicas, dynamics by dynamics; a path recorded from somebody's own model has `losses` alone:
    whatever loss_fn returned, for nobody else knows its parts.
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
        record.refuse_misfit(arrays)
        refuse_misfit(results_of(room_of(self.spec)), arrays)
        object.__setattr__(self, "arrays", arrays)
        object.__setattr__(self, "numbers", files.plain(self.numbers))
        object.__setattr__(self, "kind", self.kind or self.spec.kind)

    @functools.cached_property
    def id(self) -> str:
        """The identity of the specification: 16 hex digits, marked where older numerics computed this run."""
        current = self.numerics_version == NUMERICS_VERSION
        return identity(self.spec) if current else f"v{self.numerics_version}-{identity(self.spec)}"

    @functools.cached_property
    def surface(self) -> Any:
        """The energy on the slice (a Surface), or None while there is none (training, or all diverged)."""
        return record.surface_of(self)

    @functools.cached_property
    def plane(self) -> Any:
        """The plane in parameter space (a Plane), or None for a potential."""
        return record.plane_of(self)

    @functools.cached_property
    def honesty(self) -> Any:
        """How much the slice hides (an Honesty), or None for a potential."""
        if "honesty" not in self.numbers:
            return None
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
        if name not in self.arrays or record.axes_of(name) != ("T", "n"):
            raise BadInput(f"this run has no array {name!r} [T, n].")
        return finite_quantiles(np.asarray(self.arrays[name], float)[:, self.arrays["member"] == k], BAND)

    @property
    def lost(self) -> tuple[tuple[int, int, int], ...]:
        """Per dynamics that lost replicas: its index, how many of them diverged, the first step at which one did."""
        return record.lost(self.arrays)

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Every (cold, hot, T), coldest first, where the surface's largest share passes to another basin."""
        return () if self.surface is None else self.surface.crossings

    @property
    def crossing(self) -> Crossing | None:
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
        return str(above("reading")(self))

    def figure(self, figure: str | None = None, **settings: Any) -> Any:
        """A still Plotly figure of the run: `figure` by its name, None for the one that stands for the run."""
        return above("figure")(self, figure=figure, **settings)

    def export(self, path: Any, figure: str | None = None, **settings: Any) -> Path:
        """Writes the run, or one of its figures, as what `path` ends in says; the path. No browser is needed.

        .png, .svg, .pdf: a still picture (`look`, `width`, `height`, `scale`, ...). .html: the live stage, or the named
        figure as Plotly shows it. .csv, .parquet: a figure's numbers. .gif, .mp4: balls on the surface, as `to_film`.
        Raises BadInput, and writes nothing, for another ending and for what the run does not have.
        """
        written: Path = above("export")(self, path, figure, **settings)
        return written

    def to_film(self, path: Any, **settings: Any) -> Path:
        """Balls that roll on the surface, as an .mp4 (needs "thermoviz[film]") or a .gif; the path.

        settings: seconds, fps, size, temperature (a number or a schedule), n_balls, start, seed, speed, look, title;
        see `exports.film.film`. Raises BadInput for a run without a surface and for what is out of range.
        """
        written: Path = above("film")(self, path, **settings)
        return written

    @property
    def tables(self) -> list[str]:
        """Names that `table` knows: of the figures that this run has; of a sweep also "runs"."""
        names: list[str] = above("tables")(self)
        return names

    def table(self, name: str | None = None) -> Any:
        """The numbers of a figure as a pandas DataFrame, its columns named with their units; None: the first of
        `tables`, of a sweep one row for each of its runs. Raises BadInput for a name that is not among `tables`.
        """
        return above("table")(self, name)

    def to_html(self, path: Any = None, **settings: Any) -> str:
        """The live stage in one HTML file that needs no network; written to `path` if given.

        Of a run without a surface: its words and charts.
        """
        text = above("html")(self, **settings)
        if path is not None:
            files.written(files.path_of(path), text.encode())
        return text

    def widget(self, look: Any = "auto", **settings: Any) -> Any:
        """The live stage as a widget for notebooks, whose `temperature`, `camera` and `clicked` can be read and set.

        look: "auto" follows the notebook's theme; else as `to_html`, whose `settings` it takes too. A run without a
        surface shows what became of it. Needs `pip install "thermoviz[notebook]"`; raises BadInput without, and for
        values out of range.
        """
        return above("widget")(self, look, **settings)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return None if above("summary")(self) else above("cell")(self)

    def _repr_html_(self) -> str:
        if words := above("summary")(self):
            return f"<pre>{html.escape(words)}</pre>"
        if self.surface is None:
            return f'{above("still")(self)}{above("chart")(self)}'
        source = html.escape(self.to_html(), quote=True)
        return (f'<p>{html.escape(self.reading)}</p><iframe srcdoc="{source}" sandbox="allow-scripts allow-downloads" '
                'style="width:100%;height:640px;border:0"></iframe>')

    def __repr__(self) -> str:
        return f"Run({self.id}, {self.spec!r})"

    def __str__(self) -> str:
        return str(above("summary")(self)) or repr(self)

    def to_bytes(self) -> bytes:
        """The run file's contents; `Run.from_bytes` gives back every bit of arrays and numbers."""
        return files.pack(self.arrays, self._metadata())

    def _metadata(self) -> dict[str, str]:
        return {
            "numerics_version": str(self.numerics_version), "kind": self.kind,
            "specification": canonical(self.spec), "numbers": files.dumps(self.numbers),
        }

    @functools.cached_property
    def content(self) -> str:
        """A digest of all that the run holds; unlike `id` it tells a partial run from the whole one."""
        return files.checksum(self.arrays, self._metadata())

    @classmethod
    def from_bytes(cls, contents: bytes, kinds: Mapping[str, Any] | None = None) -> "Run":
        """The run in a file's contents. Raises BadFile for what is truncated, altered, too large or not ours.

        kinds: the specifications that it may be of, by kind; None: all that the catalogue knows.
        """
        arrays, metadata = files.unpack(contents)
        try:
            settings = json.loads(metadata["specification"])
            spec = from_json((above("kinds")() if kinds is None else kinds)[settings["kind"]], settings)
            for member in carried_by(spec):
                member.take_up(arrays)
            run = cls(spec, arrays, json.loads(metadata["numbers"]), metadata["kind"],
                      int(metadata["numerics_version"]))
            # in forms that we know
            _ = run.honesty, [one.name for one in run.verdicts], run.numbers.get("surface", {}).get("error")
            return run
        except BadInput as error:
            raise BadFile(f"this run file holds what this version does not allow: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise BadFile("this run file lacks its specification or its numbers, or has them in a form that "
                          "this version does not know.") from None

    def save(self, path: Any) -> Path:
        """Writes the run file, all of it or nothing. Raises BadInput where that cannot be done, and for a run that is
        too large to be opened again.
        """
        file = files.path_of(path)
        files.refuse_unreadable(sum(array.nbytes for array in self.arrays.values()))
        contents = self.to_bytes()
        files.refuse_unreadable(len(contents))
        return files.written(file, contents)


def open_run(path: Any, kinds: Mapping[str, Any] | None = None) -> Run:
    """The run in a file, see `Run.from_bytes`. Raises BadFile for what is missing, truncated, altered or not ours."""
    return Run.from_bytes(files.read(files.path_of(path)), kinds)

