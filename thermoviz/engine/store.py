"""The store: run files in a folder, written whole, checked on reading, the least used pruned."""

import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import BadFile, BadInput
from ..core.settings import settings
from ..runs import files
from ..runs.run import Run, open_run

# Scratch files of computations that no living engine can still be writing.
STALE_SECONDS = 24 * 3600
_ID = re.compile(r"[0-9a-f]{16}")
log = logging.getLogger("thermoviz.store")


def default_folder() -> Path:
    """The folder that is set, else the user's cache folder (XDG); where that cannot be written, a temporary folder."""
    named = settings().store
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "thermoviz"
    wanted = named or cache
    if _writable(wanted):
        return wanted
    private = Path(tempfile.gettempdir()) / f"thermoviz-{os.getuid() if hasattr(os, 'getuid') else 'store'}"
    if named:
        log.warning("THERMOVIZ_STORE=%s cannot be written; runs are kept in %s instead", named, private)
    return private


def _writable(folder: Path) -> bool:
    """Whether files can be made in this folder, or in the nearest one above it that exists."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


class Store:
    """Runs by the identity of their specification; safe for many threads and processes at once.

    `limit`: bytes of run files kept (None: as set); beyond it the least recently used go. Raises BadInput where the
    folder cannot be made or written.
    """

    def __init__(self, folder: str | Path | None = None, limit: int | None = None):
        self.folder = Path(folder) if folder is not None else default_folder()
        self.limit = settings().store_megabytes * 2**20 if limit is None else limit
        self._lock = threading.Lock()
        try:
            for part in (self.runs, self.jobs, self.data):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"the store {self.folder} cannot be made: {error.strerror or error}.") from None
        if not all(map(_writable, (self.runs, self.jobs, self.data))):
            raise BadInput(f"the store {self.folder} cannot be written.")
        self._sweep()

    @property
    def runs(self) -> Path:
        """Finished runs: <id>.safetensors."""
        return self.folder / "runs"

    @property
    def jobs(self) -> Path:
        """What running computations write: progress, partial runs, cancel flags."""
        return self.folder / "jobs"

    @property
    def data(self) -> Path:
        """People's own data sets: <content hash>.safetensors."""
        return self.folder / "data"

    def path(self, id: str) -> Path:
        """Where the run of this id is kept. Raises BadInput for what is not an id."""
        if not isinstance(id, str) or not _ID.fullmatch(id):
            raise BadInput(f"a run's id is 16 hex digits, got {str(id)[:40]!r}.")
        return self.runs / f"{id}.safetensors"

    def __contains__(self, id: str) -> bool:
        return self.path(id).is_file()

    def get(self, id: str) -> Run | None:
        """The run, or None. A file that does not pass its checksum, or answers another question, is removed."""
        path = self.path(id)
        if not path.is_file():
            return None
        try:
            run = open_run(path)
            if run.id != id:
                raise BadFile(f"{path} holds the run {run.id}.")
        except BadFile:
            path.unlink(missing_ok=True)
            return None
        try:
            os.utime(path)  # the least recently used is the oldest
        except OSError:
            pass  # pruned meanwhile, or a read-only store: the run is read
        return run

    def put(self, run: Run) -> None:
        """Keeps a run, and prunes."""
        files.write_atomically(self.path(run.id), run.to_bytes())
        self._prune()

    def _prune(self) -> None:
        with self._lock:
            kept = sorted(self._files(), key=lambda item: -item[0].st_mtime_ns)
            total = 0
            for i, (status, path) in enumerate(kept):
                total += status.st_size
                if total > self.limit and i > 0:  # the newest stays, whatever its size
                    Path(path).unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[os.stat_result, str]]:
        """(status, path) of every run; what another process prunes meanwhile is left out."""
        for entry in os.scandir(self.runs):
            if entry.name.endswith(".safetensors"):
                try:
                    yield entry.stat(), entry.path
                except FileNotFoundError:
                    continue

    def _sweep(self) -> None:
        """Removes what crashed computations left behind."""
        before = time.time() - STALE_SECONDS
        for folder in (self.jobs, self.runs):
            for path in folder.iterdir():
                scratch = folder == self.jobs or path.suffix == ".tmp"
                try:
                    if scratch and path.stat().st_mtime < before:
                        path.unlink()
                except FileNotFoundError:
                    pass  # another process has just finished with it
