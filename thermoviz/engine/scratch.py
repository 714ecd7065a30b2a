"""What a running computation and its engine tell each other, as small files in the store's folder `jobs`.

Written by the worker: progress (one line of JSON, replaced whole) and the latest partial run: each array once per
content, in a file named by its digest, and a small list of what the run has (replaced whole). Written by the engine:
the cancel flag. Files rather than pipes, so that a killed worker leaves nothing half-read, and so that an engine on
another machine may share them. What one machine wrote for itself a moment ago is not checked as a run file is.
"""

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..runs import files
from ..runs.run import Run
from .workers import Told


class Desk(Protocol):
    """Where a worker puts what it has to tell of one attempt, and hears whether that is still wanted."""

    def tell(self, told: Told) -> None:
        """Progress."""

    def cancelled(self) -> bool:
        """Whether nobody wants this any more."""

    def put(self, digest: str, array: np.ndarray) -> None:
        """An array of a partial run."""

    def show(self, arrays: Mapping[str, str], run: Run) -> None:
        """A partial run, of whose arrays these are the digests; all of them were put."""

    def drop(self, digest: str) -> None:
        """An array that no partial run has any more."""


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
        """Worker: progress. Not flushed to disk: it is worth nothing after a crash. No run fails for the lack of it."""
        temporary = self._path("writing")
        with contextlib.suppress(OSError):
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

    def show(self, arrays: Mapping[str, str], run: Run) -> None:
        """Worker: a partial run, of whose arrays these are the digests."""
        temporary = self._path("showing")
        temporary.write_text(files.dumps({"arrays": arrays, "numbers": run.numbers}))
        os.replace(temporary, self.partial)

    def put(self, digest: str, array: np.ndarray) -> None:
        """Worker: an array of a partial run."""
        np.save(self._path(f"{digest}.npy"), array, allow_pickle=False)

    def drop(self, digest: str) -> None:
        """Worker: an array that no partial run has any more."""
        self._path(f"{digest}.npy").unlink(missing_ok=True)

    def shown(self, spec: Any, known: Mapping[str, np.ndarray]) -> tuple[Run, dict[str, np.ndarray]] | None:
        """Engine: the latest partial run and its arrays by digest, of which only those that are not `known` are read.

        None where there is none, or where the next one has just replaced it.
        """
        try:
            told = json.loads(self.partial.read_text())
            arrays = {digest: known[digest] if digest in known else self._array(digest)
                      for digest in told["arrays"].values()}
        except (OSError, ValueError):
            return None
        return Run(spec, {name: arrays[digest] for name, digest in told["arrays"].items()}, told["numbers"]), arrays

    def _array(self, digest: str) -> np.ndarray:
        array: np.ndarray = np.load(self._path(f"{digest}.npy"), allow_pickle=False)
        return array

    def cancel(self) -> None:
        """Engine: asks the worker to return; on a disk without room for that it goes on to its end."""
        with contextlib.suppress(OSError):
            self._path("cancel").touch()

    def cancelled(self) -> bool:
        """Worker: whether nobody wants this any more."""
        return self._path("cancel").exists()

    def remove(self) -> None:
        """Leaves nothing behind."""
        for path in self.folder.glob(f"{self.name}.*"):
            path.unlink(missing_ok=True)


class Shown:
    """Worker: what of the partial runs of one attempt has been written, so that nothing is written twice.

    An array that nobody can change any more is known by itself; all others by a digest of their contents.
    """

    def __init__(self, scratch: Desk) -> None:
        self._scratch = scratch
        self._digests: dict[str, tuple[Any, Any, str]] = {}

    def show(self, run: Run) -> bool:
        """Writes what is new of `run`, then what it has, and removes what it has no more.

        False where there is no room for it: the next one is written whole.
        """
        try:
            self._show(run)
        except OSError:
            self._digests = {}
            return False
        return True

    def _show(self, run: Run) -> None:
        before = {digest for _, _, digest in self._digests.values()}
        self._digests = {name: self._known(name, array) for name, array in run.arrays.items()}
        now = {name: digest for name, (_, _, digest) in self._digests.items()}
        for name, digest in now.items():
            if digest not in before:
                self._scratch.put(digest, run.arrays[name])
                before.add(digest)
        self._scratch.show(now, run)
        for digest in before - set(now.values()):
            self._scratch.drop(digest)

    def _known(self, name: str, array: np.ndarray) -> tuple[Any, Any, str]:
        """Of an array: whose memory it is, where in it, and its digest."""
        owner = array if array.base is None else array.base
        place = array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
        seen = self._digests.get(name)
        frozen = isinstance(owner, np.ndarray) and not owner.flags.writeable
        if seen is not None and frozen and seen[0] is owner and seen[1] == place:
            return seen
        digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
        digest.update(array.data)
        return owner, place, digest.hexdigest()
