"""A run as a file: what its name ends in says what is written, and nothing is ever written under another's name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import BadInput
from ..figures.still import still
from ..runs import files
from .film import ENDINGS, film
from .page import to_html
from .still.picture import picture
from .tables import csv, parquet, table

Contents = Callable[..., bytes]


def _picture(form: str) -> Contents:
    def contents(run: Any, figure: str | None, *, width: int | None = None, height: int | None = None,
                 scale: float = 2.0, **settings: Any) -> bytes:
        return picture(still(run, figure=figure or None, **settings), form, width, height, scale)

    return contents


def _page(run: Any, figure: str | None, **settings: Any) -> bytes:
    """The live stage, or the chart that is named as Plotly draws it."""
    if figure is None:
        return to_html(run, **settings).encode()
    drawn = still(run, figure=figure or None, **settings)
    return str(drawn.to_html(include_plotlyjs=True)).encode()


def _table(written: Callable[[Any], bytes]) -> Contents:
    def contents(run: Any, figure: str | None) -> bytes:
        return written(table(run, figure or None))

    return contents


def _film(form: str) -> Contents:
    def contents(run: Any, figure: str | None, **settings: Any) -> bytes:
        if figure:
            raise BadInput(f"a film shows the balls on the surface, and no figure {figure!r}; leave it out, or name a "
                           f"picture such as {figure}.png.")
        return film(run, form, **settings)

    return contents


# Ending -> what makes the file's contents of a run and the name of a figure (None: none was named).
FORMATS: dict[str, Contents] = {
    "png": _picture("png"), "svg": _picture("svg"), "pdf": _picture("pdf"), "html": _page,
    "csv": _table(csv), "parquet": _table(parquet), **{form: _film(form) for form in ENDINGS}}


def export(run: Any, path: Any, figure: str | None = None, **settings: Any) -> Path:
    """Writes a run, or one of its figures, as what `path` ends in says: all of the file or nothing.

    .png, .svg, .pdf: a still picture that needs no browser (`look`, `width`, `height`, `scale`, `title`, `caption`).
    .html: the live stage, or with a figure's name that chart as Plotly shows it. .csv, .parquet: the numbers of a
    figure (`run.tables` names them). .gif, .mp4: balls that roll on the surface (what `run.to_film` takes). figure: as
    in `run.figure(figure=...)`. Raises BadInput for another ending, a figure that the run does not have, and a file
    that cannot be written.
    """
    file = files.path_of(path)
    return files.written(file, FORMATS[ending(file)](run, figure, **settings))


def ending(file: Path) -> str:
    """What a file's name ends in, a key of FORMATS. Raises BadInput for any other."""
    found = file.suffix.lower().removeprefix(".")
    if found == "htm":
        return "html"
    if found not in FORMATS:
        raise BadInput(f"{files.brief(file.name)} must end in {', '.join(f'.{one}' for one in FORMATS)}: what a file "
                       "is called says what is written.")
    return found
