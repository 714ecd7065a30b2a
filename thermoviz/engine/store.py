"""The store: run files in one place, written whole, checked on reading, the least used pruned."""

import logging
import math
import os
import re
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..core.errors import BadFile, BadInput, NotKept
from ..core.settings import settings
from ..runs import files
from ..runs.carried import named_in
from ..runs.run import Run
from .index import Index
from .places import Bucket, Folder, Place, temporary_folder

ENDING = ".safetensors"
# Scratch files of computations that no living engine can still be writing.
STALE_SECONDS = 24 * 3600
# What this machine has written since it last looked at all files, as a share of the limit; and how long ago that may
# be. Two machines on one folder stay within 110 % of it.
LOOK_AFTER, LOOK_SECONDS = 0.05, 300.0
INDEX_RESTS_SECONDS = 20.0
MIB = 2**20
MOST_HELD = 128 * MIB  # of finished runs in memory, for which there was no room
_ID = re.compile(r"[0-9a-f]{16}")
_HASH = re.compile(r"[0-9a-f]{64}")
NOTE = ".run"  # in the folder of own data: whose run that is
Found = TypeVar("Found")
log = logging.getLogger("thermoviz.store")


def cache_folder() -> Path:
    """The user's cache folder (XDG) of thermoviz; where that cannot be written, a temporary one."""
    home = os.path.expanduser("~")  # stays as it is for a user whom the system does not know
    wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache")) / "thermoviz"
    return wanted if wanted.is_absolute() and _writable(wanted) else temporary_folder()


def default_folder() -> Path:
    """The folder that is set, else the user's cache folder; where it cannot be written, a temporary folder."""
    named = settings().store
    if named is None or "://" in named:
        return cache_folder()
    if _writable(Path(named)):
        return Path(named)
    log.warning("THERMOVIZ_STORE=%s cannot be written; runs are kept in %s instead", named, temporary_folder())
    return temporary_folder()


def _writable(folder: Path) -> bool:
    """Whether files can be made in this folder, or in the nearest one above it that exists."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


class Store:
    """Runs by the identity of their specification; safe for many threads, processes and machines at once.

    folder: a folder, or the address of an object storage such as s3://bucket/runs (what computations write meanwhile
    then lies in this machine's cache folder); None: as set. `limit`: bytes of run files kept; beyond it the least
    recently used go. `floor`: bytes that must stay free on the disk. None: as set. Raises BadInput where the folder
    cannot be made or written.
    """

    def __init__(self, folder: str | Path | None = None, limit: int | None = None, floor: int | None = None):
        self.address = str(folder if folder is not None else settings().store or "")
        remote = "://" in self.address
        self.folder = Path(folder) if folder is not None and not remote else default_folder()
        self.address = self.address if remote else str(self.folder.absolute())
        self.limit = settings().store_megabytes * MIB if limit is None else limit
        self.floor = settings().free_megabytes * MIB if floor is None else floor
        ours = (self.jobs, self.data, self.refused)
        self._make_folders(ours if remote else (self.runs, *ours))
        self.place: Place = Bucket(self.address, ENDING) if remote else Folder(self.runs, ENDING)
        self.index = Index(self.address, self.place.listing)
        self._index_rests = 0.0  # until then, on time.monotonic's clock
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._holding = threading.Lock()
        self._sweep()

    def _make_folders(self, folders: tuple[Path, ...]) -> None:
        try:
            for part in folders:
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"the store {self.folder} cannot be made: {error.strerror or error}.") from None
        if not all(map(_writable, folders)):
            raise BadInput(f"the store {self.folder} cannot be written.")

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
        """People's own data, as workers read them: <content hash>.safetensors; and <content hash>.<id>.run, empty, for
        each run here that was computed of them."""
        return self.folder / "data"

    @property
    def refused(self) -> Path:
        """What killed its worker every time: <id>.json."""
        return self.folder / "refused"

    def path(self, id: str) -> Path:
        """Where the run of this id is kept, in a store that is a folder. Raises BadInput for what is not an id."""
        return self.runs / _name(id)

    def __contains__(self, id: str) -> bool:
        name = _name(id)
        if id in self._held:
            return True
        try:
            return name in self.place
        except OSError as error:
            log.warning("the store %s does not answer: %s", self.address, error)
            return False

    def get(self, id: str) -> Run | None:
        """The run, or None. A file that does not pass its checksum, or answers another question, is removed."""
        name, contents = _name(id), self.contents(id)
        try:
            run = None if contents is None else Run.from_bytes(contents)
            if run is not None and run.id != id:
                raise BadFile(f"this file holds the run {run.id}.")
        except BadFile as error:
            log.warning("the file of run %s is removed, and the run computed anew: %s", id, error)
            self._remove(name)
            return None
        if run is not None and id not in self._held:
            self.place.touch(name)
            self._ask(lambda index: index.used(name))
        return run

    def contents(self, id: str) -> bytes | None:
        """The run's file as it is, unchecked; None where there is none, or where it cannot be read."""
        name = _name(id)
        if (held := self._held.get(id)) is not None:
            return held
        try:
            return self.place.read(name)
        except OSError as error:  # it may be there again in a moment
            log.warning("the run %s cannot be read from %s: %s", id, self.address, error)
            return None

    def put(self, run: Run) -> None:
        """Keeps a run; the least recently used go for it. Raises NotKept where they are not enough."""
        self.keep(run.id, run.to_bytes())

    def keep(self, id: str, contents: bytes) -> None:
        """Keeps the contents of a run's file, which were made or checked already; see `put`."""
        name = _name(id)
        self._note(id, contents)
        self._ask(lambda index: index.compare_after(int(LOOK_AFTER * self.limit), LOOK_SECONDS))
        free = self.place.free()
        spare = None if free is None else free - self.floor
        going = self._ask(lambda index: (index.take_room(name, len(contents), self.limit, spare),))
        if going is not None and going[0] is None:
            raise NotKept(self._not_kept(f"only {(free or 0) / MIB:.0f} MB are free there, of which "
                                       f"{self.floor / MIB:.0f} are to stay free"))
        for old in going[0] if going is not None and going[0] else ():
            self.place.remove(old)
        try:
            self.place.write(name, contents)
        except OSError as error:
            self._ask(lambda index: index.forget(name))
            raise NotKept(self._not_kept(error.strerror or str(error))) from None
        self._ask(lambda index: index.written(name))

    def _note(self, id: str, contents: bytes) -> None:
        """Of whose own data the run was computed, so that it goes with them."""
        for key in _named(contents):
            (self.data / f"{key}.{id}{NOTE}").touch()

    def forget(self, key: str) -> list[str]:
        """Removes the data of this content hash, and the runs that were computed of them; the ids of these."""
        ids = [path.suffixes[0][1:] for path in self.data.glob(f"{_key(key)}.*{NOTE}")]
        for id in ids:
            self._held.pop(id, None)
            self._remove(_name(id))
        for path in self.data.glob(f"*{key}.*"):
            path.unlink(missing_ok=True)
        return ids

    def carried(self, before: float = math.inf) -> set[str]:
        """Content hashes of the own data that lie here, or of which runs do, written before that (the epoch's seconds).
        """
        found = ((path, _HASH.search(path.name)) for path in self.data.iterdir())
        return {key[0] for path, key in found if key is not None and _modified(path) < before}

    def hold(self, id: str, contents: bytes) -> None:
        """Keeps the contents of a run's file; those for which there is no room stay in memory until there is."""
        with self._holding:
            self._held[id] = contents
            for waiting in tuple(self._held):
                try:
                    self.keep(waiting, self._held[waiting])
                except NotKept as error:
                    log.warning("%s It is held in memory.", error)
                    break
                del self._held[waiting]
            while sum(map(len, self._held.values())) > MOST_HELD and len(self._held) > 1:
                self._held.popitem(last=False)

    def _not_kept(self, reason: str) -> str:
        return f"The run could not be kept in the store {self.address}: {reason}."

    def _remove(self, name: str) -> None:
        try:
            self.place.remove(name)
        except OSError as error:
            log.warning("%s cannot be removed from %s: %s", name, self.address, error)
        self._ask(lambda index: index.forget(name))

    def _ask(self, question: Callable[[Index], Found]) -> Found | None:
        """The index's answer; None where it cannot be had: a store without one still serves and keeps runs.

        One that did not answer is left alone for a while, since asking takes seconds.
        """
        if time.monotonic() < self._index_rests:
            return None
        for _attempt in range(2):
            try:
                return question(self.index)
            except (sqlite3.OperationalError, OSError) as error:  # locked by a process that hangs, or no room for it
                log.warning("the index %s does not answer: %s", self.index.path, error)
                self._index_rests = time.monotonic() + INDEX_RESTS_SECONDS
                return None
            except sqlite3.DatabaseError:
                self.index.renew()
        return None

    def _sweep(self) -> None:
        """Removes what crashed computations left behind."""
        before = time.time() - STALE_SECONDS
        for folder in filter(Path.is_dir, (self.jobs, self.runs)):
            for path in folder.iterdir():
                scratch = folder == self.jobs or path.suffix == files.UNFINISHED
                try:
                    if scratch and path.stat().st_mtime < before:
                        path.unlink()
                except FileNotFoundError:
                    pass  # another process has just finished with it


def _named(contents: bytes) -> list[str]:
    try:
        return named_in(contents)
    except BadFile:  # whoever reads it will say so
        return []


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # gone meanwhile
        return time.time()


def _key(key: str) -> str:
    """A content hash. Raises BadInput for what is none."""
    if not isinstance(key, str) or not _HASH.fullmatch(key):
        raise BadInput(f"a content hash is 64 hex digits, got {str(key)[:40]!r}.")
    return key


def _name(id: str) -> str:
    """The file of the run of this id. Raises BadInput for what is not an id."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise BadInput(f"a run's id is 16 hex digits, got {str(id)[:40]!r}.")
    return f"{id}{ENDING}"
