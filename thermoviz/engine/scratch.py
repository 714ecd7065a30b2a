"""What a running computation and its engine tell each other, as small files in the store's folder `jobs`.

Written by the worker: progress (one line of JSON, replaced whole) and the latest partial run. Written by the
engine: the cancel flag. Files rather than pipes, so that a killed worker leaves nothing half-read, and so that an
engine on another machine may share them.
"""

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Told(NamedTuple):
    """The worker's last word: fraction 0..1, stage, and the number of partial runs written so far."""

    fraction: float = 0.0
    stage: str = ""
    version: int = 0


@dataclass(frozen=True)
class Scratch:
    """The files of one attempt at one run."""

    folder: Path
    name: str

    @classmethod
    def new(cls, folder: Path, id: str) -> "Scratch":
        """For a new attempt: a name that no other attempt, process or machine uses."""
        return cls(folder, f"{id}-{uuid.uuid4().hex[:12]}")

    def _path(self, kind: str) -> Path:
        return self.folder / f"{self.name}.{kind}"

    @property
    def partial(self) -> Path:
        """The latest partial run."""
        return self._path("partial")

    def tell(self, told: Told) -> None:
        """Worker: progress. Not flushed to disk: it is worth nothing after a crash."""
        temporary = self._path("writing")
        temporary.write_text(json.dumps(told))
        os.replace(temporary, self._path("progress"))

    def told(self) -> Told:
        """Engine: the last progress."""
        try:
            return Told(*json.loads(self._path("progress").read_text()))
        except (OSError, ValueError):
            return Told()

    def last_sign(self) -> float:
        """Engine: when the worker last wrote (seconds since the epoch), 0 if never."""
        try:
            return self._path("progress").stat().st_mtime
        except OSError:
            return 0.0

    def show(self, contents: bytes) -> None:
        """Worker: a partial run."""
        temporary = self._path("showing")
        temporary.write_bytes(contents)
        os.replace(temporary, self.partial)

    def cancel(self) -> None:
        """Engine: asks the worker to return."""
        self._path("cancel").touch()

    def cancelled(self) -> bool:
        """Worker: whether nobody wants this any more."""
        return self._path("cancel").exists()

    def remove(self) -> None:
        """Leaves nothing behind."""
        for kind in ("progress", "writing", "partial", "showing", "cancel"):
            self._path(kind).unlink(missing_ok=True)
