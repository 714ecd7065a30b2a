"""Rows of numbers, one for each run: put together from pieces, averaged over seeds, and as a table."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import BadInput
from ...core.specs import identity
from ...runs.results import Pair
from ...runs.run import Run
from .results import Rows
from .specification import SEED, Sweep

if TYPE_CHECKING:
    import pandas


def rows_of(found: Sequence[Mapping[str, float] | str | None]) -> Rows:
    """One row for each run: its numbers, why it has none, or None where it is not computed."""
    names = list(dict.fromkeys(name for one in found if isinstance(one, Mapping) for name in one))
    values = np.full((len(found), len(names)), np.nan)
    for row, one in enumerate(found):
        if isinstance(one, Mapping):
            values[row] = [one.get(name, np.nan) for name in names]
    refused = {str(row): one for row, one in enumerate(found) if isinstance(one, str)}
    return Rows(values, np.array([one is not None for one in found]), names, refused)


def joined(sweep: Sweep, pieces: Iterable[tuple[Sequence[int], Run]]) -> Run:
    """The run of a sweep of which these pieces are known: (numbers of the rows, run of the piece)."""
    known = [(np.asarray(rows), Rows.expect(run)) for rows, run in pieces]
    names = list(dict.fromkeys(name for _, part in known for name in part.names))
    values, computed = np.full((sweep.n_runs, len(names)), np.nan), np.zeros(sweep.n_runs, bool)
    refused: dict[str, str] = {}
    for rows, part in known:
        columns = np.array([names.index(name) for name in part.names], dtype=int)
        computed[rows] = part.computed
        values[np.ix_(rows, columns)] = part.values
        refused |= {str(rows[int(row)]): said for row, said in part.refused.items()}
    return Run(sweep, *Rows(values, computed, names, refused).write())


def over_seeds(run: Run, name: str) -> Pair:
    """Mean of a mapped number over seeds, and its standard error, one for each combination, in the sweep's shape.

    NaN where no run has the number; the error is NaN where fewer than two have it. Raises BadInput for an unknown name.
    """
    rows = Rows.expect(run)
    if name not in rows.names:
        raise BadInput(f"this sweep has no number called {name!r}; it has {', '.join(rows.names)}.")
    values = rows.values[:, rows.names.index(name)].reshape(*run.spec.shape, run.spec.seeds)
    n = np.isfinite(values).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(n > 0, np.nansum(values, -1) / n, np.nan)
        square = np.nansum((values - mean[..., None]) ** 2, -1) / (n - 1)
        return Pair(mean, np.where(n > 1, np.sqrt(square / n), np.nan))


def table(run: Run) -> "pandas.DataFrame":
    """One row per run: its settings, seed and id, then everything that was measured of it; NaN: not (yet)."""
    import pandas

    sweep, rows = run.spec, Rows.expect(run)
    settings: list[dict[str, Any]] = []
    for point, values in enumerate(sweep.points):
        for seed in range(sweep.seeds):
            settings.append({**dict(zip(sweep.settings, map(_shown, values), strict=True)), SEED: sweep.seed + seed,
                             "id": identity(sweep.run_of(point, seed))})
    measured = pandas.DataFrame(rows.values, columns=rows.names)
    with contextlib.suppress(KeyError):  # the last column, where there is one
        measured.insert(len(measured.columns) - 1, "diverged", measured.pop("diverged"))
    return pandas.concat([pandas.DataFrame(settings), measured], axis=1)


def _shown(value: Any) -> Any:
    """A setting's value as it may stand in a column: a list as the text that a link has."""
    return "_".join(map(str, value)) if isinstance(value, tuple) else value
