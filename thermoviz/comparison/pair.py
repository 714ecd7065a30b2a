"""Two runs as one object: the table of their differences, the chart of their losses, both stages in one file."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import BadInput
from ..figures.pairs import pair_losses
from ..presentation.looks import LOOKS, Look
from ..runs import files
from ..runs.late import perhaps, room_of
from ..runs.run import Run
from ..stage.html import page
from ..stage.payload import payload
from . import common, differences


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two runs side by side, as `compare` gives them."""

    a: Run
    b: Run

    @functools.cached_property
    def settings(self) -> list[differences.Setting]:
        """The settings that differ, in words."""
        return differences.settings(self.a.spec, self.b.spec)

    @functools.cached_property
    def numbers(self) -> list[differences.Difference]:
        """The numbers of both, with errors."""
        return differences.numbers(self.a, self.b)

    def table(self) -> Any:
        """A pandas DataFrame: settings that differ (as text), then numbers.

        Columns: what, a, b, difference (b - a), error (its standard error; of heights of a surface by how much they
        may be off at most), in errors (difference / error), differs (beyond chance; None: cannot be told). Where no
        error is known these are missing.
        """
        import pandas

        words = [{"what": one.title, "a": one.a, "b": one.b} for one in self.settings]
        rows = [{"what": one.what, "a": _value(one.a), "b": _value(one.b), "difference": one.difference,
                 "error": one.error, "in errors": one.in_errors, "differs": one.differs} for one in self.numbers]
        return pandas.DataFrame([*words, *rows],
                                columns=["what", "a", "b", "difference", "error", "in errors", "differs"])

    def figure(self, look: str | Look = "dark") -> Any:
        """The losses of both on common axes, a Plotly figure. Raises BadInput where neither run trained anything."""
        theme = LOOKS[look] if isinstance(look, str) else look
        if not any("losses" in run.arrays for run in (self.a, self.b)):
            raise BadInput("neither of the two runs has recorded losses.")
        drawn = pair_losses(self.a, self.b, theme)
        drawn.update_layout(paper_bgcolor=theme.background, plot_bgcolor=theme.background)
        return drawn

    def to_html(self, path: Any = None, look: str | Look = "dark", temperature: float | None = None,
                one_scale: bool | None = None) -> str:
        """Both live stages in one HTML file that needs no network, with one camera and one heat; written to `path` if
        given.

        one_scale: whether heights and colours mean the same energies in both; None: where that shows both surfaces.
        Raises BadInput where a run has no surface, as `Run.to_html` does.
        """
        text = page(*(payload(run, look, **settings) for run, settings in zip(
            (self.a, self.b), stage_settings(self.a, self.b, temperature, one_scale), strict=True)))
        if path is not None:
            file = files.path_of(path)
            _write(file, text)
        return text


def _write(path: Path, text: str) -> None:
    try:
        files.write_atomically(path, text.encode())
    except OSError as error:
        raise BadInput(f"{files.brief(path)} cannot be written: {error.strerror or error}.") from None


def _value(number: differences.Number | None) -> float | None:
    return None if number is None else number.value


def compare(run_a: Run, run_b: Run) -> Comparison:
    """Two runs side by side: `.table()` of what differs, `.figure()` of the losses, `.to_html(path)` of both stages.

    Raises BadInput for what is not a run.
    """
    for name, run in (("run_a", run_a), ("run_b", run_b)):
        if not isinstance(run, Run):
            raise BadInput(f"{name}: tv.compare needs two runs, got {type(run).__name__}.")
    return Comparison(run_a, run_b)


def stage_settings(a: Run, b: Run, temperature: float | None = None,
                   one_scale: bool | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `stage.payload.payload` is given for either, so that both have one camera, one heat and, if wanted and
    possible, one scale of heights and colours."""
    for run in (a, b):
        if run.surface is None:
            raise BadInput("one of the two runs has no surface to show: it is still computed, or every network "
                           "diverged.")
    T = common.first_temperature(a, b) if temperature is None else temperature
    shared = {"temperature": T, "coupled": {"group": common.GROUP, "scale": common.heat_scale(a, b)}}
    if (not common.why_apart(a, b)) if one_scale is None else one_scale:
        shared["shown"] = common.heights(a, b)
    return {**_own(a), **shared}, {**_own(b), **shared}


def _own(run: Run) -> Mapping[str, Any]:
    """What a lab's stage begins with."""
    lab = perhaps(room_of(run.spec), "page")
    said = lab.page().stage if lab is not None else None
    return {} if said is None else {name: value for name, value in said(run).items() if name != "captions"}
