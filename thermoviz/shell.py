"""A sweep from the shell: what it will take, a bar while it is computed, tables and run files at the end."""

import io
import sys
import time
from pathlib import Path
from typing import Any

from .core.errors import BadInput
from .engine.ask import engine_of, remaining, waited_for
from .engine.store import Store
from .experiments.sweep.specification import Sweep
from .presentation.waits import about
from .runs import files
from .runs.run import Run

BAR = 30  # characters


def sweep(spec: Sweep, out: str, workers: int | None = None, scheduler: str | None = None) -> None:
    """Computes a sweep into the folder `out`: table.csv, table.parquet, and run files in `runs`.

    By so many processes of this machine (None: one per core), or by the cluster of a Dask scheduler.

    Pieces that are there already are not computed again, so that the same command goes on after an interruption.
    Raises BadInput where the folder cannot be written.
    """
    store = Store(_folder(out))
    with engine_of(store, scheduler, workers) as engine:
        missing, seconds = remaining(engine, spec)
        _say(_announced(spec, missing, seconds, engine.workers.places))
        bar = Bar(spec.n_runs)
        try:
            run = waited_for(engine, spec, bar)
        except KeyboardInterrupt:
            bar.end()
            _say("interrupted; the same command goes on where it was.")
            raise
        bar.end()
    _write(run, Path(out))
    print(f"{spec.n_runs:,} runs: {Path(out) / 'table.csv'}, {Path(out) / 'table.parquet'}, {store.path(run.id)}")


def _folder(out: str) -> Path:
    path = files.path_of(out)
    if path.exists() and not path.is_dir():
        raise BadInput(f"--out: {files.brief(path)} is a file; name a folder.")
    return path


def _announced(spec: Sweep, missing: int, seconds: float, places: int) -> str:
    there = f", {spec.n_runs - missing:,} of them there already" if missing < spec.n_runs else ""
    comes = f"; {about(seconds)} with {places} {'process' if places == 1 else 'processes'}" if missing else ""
    return f"{spec.n_runs:,} runs{there}{comes}."


def _say(sentence: str) -> None:
    print(f"thermoviz: {sentence}", file=sys.stderr, flush=True)


class Bar:
    """A progress callback that draws a bar where somebody sees it."""

    def __init__(self, runs: int) -> None:
        self._runs, self._begun, self._drawn = runs, time.monotonic(), False

    def __call__(self, fraction: float, stage: str, partial: Run | None) -> None:
        if not sys.stderr.isatty():
            return
        done = int(BAR * fraction)
        spent = time.monotonic() - self._begun
        left = f", {about(spent * (1 - fraction) / fraction)} left" if fraction > 0.02 else ""
        text = f"[{'#' * done}{'.' * (BAR - done)}] {fraction:4.0%} of {self._runs:,} runs{left}"
        print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
        self._drawn = True

    def end(self) -> None:
        """Leaves the line."""
        if self._drawn:
            print(file=sys.stderr, flush=True)


def _write(run: Run, folder: Path) -> None:
    table: Any = run.table()
    parquet = io.BytesIO()
    table.to_parquet(parquet, index=False)
    for name, contents in (("table.csv", table.to_csv(index=False).encode()), ("table.parquet", parquet.getvalue())):
        try:
            files.write_atomically(folder / name, contents)
        except OSError as error:
            raise BadInput(f"{files.brief(folder / name)} cannot be written: {error.strerror or error}.") from None
