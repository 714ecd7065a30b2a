"""What lies in a store and in which order it was used: an index that belongs to one machine, and that can be lost.

SQLite's journal does not work over a network's file system, so that the index lies in this machine's own temporary
folder, whatever the store lies on. It is made anew from a list of the files where it is missing or damaged, and
compared with it now and then, since other machines write too. Order of use is counted, not timed: a clock may go back.
"""

import hashlib
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .places import Entry, temporary_folder

# Milliseconds that a process waits for the others of this machine.
PATIENCE_MS = 5000
# Seconds after which what was begun and never finished is believed to be lost with its process.
LOST_AFTER = 600.0
TABLES = """
CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, size INTEGER NOT NULL, used INTEGER NOT NULL,
                                  modified REAL NOT NULL, begun REAL);
CREATE INDEX IF NOT EXISTS order_of_use ON files (used);
CREATE TABLE IF NOT EXISTS gone (name TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""
log = logging.getLogger("thermoviz.store")


class Index:
    """The files of one place, as this machine knows them; safe for its threads and processes.

    address: the place's, which names the index; listing() -> entries of all files. A file that is being written counts
    from the moment in which its room is taken (`begun`: when), and cannot be chosen to go.
    """

    def __init__(self, address: str, listing: Callable[[], Iterable[Entry]], folder: Path | None = None) -> None:
        self._listing = listing
        name = hashlib.sha256(address.encode()).hexdigest()[:24]
        self.path = (folder or temporary_folder()) / f"index2-{name}.sqlite"

    # What a store asks

    def take_room(self, name: str, size: int, limit: int, spare: int | None) -> list[str] | None:
        """Takes room for a file; returns the names that must go for it, the least recently used first.

        limit: bytes of all files together (a file larger than that stands alone). spare: bytes that are free on the
        disk (None: no end); None is returned where not even all others would make room there.
        """
        with self._changing() as table:
            table.execute("DELETE FROM files WHERE name = ?", (name,))
            total, = table.execute("SELECT COALESCE(SUM(size), 0) FROM files").fetchone()
            going, freed, short = [], 0, 0 if spare is None else size - spare
            for old, its_size in table.execute("SELECT name, size FROM files WHERE begun IS NULL ORDER BY used"):
                if total - freed + size <= limit and freed >= short:
                    break
                going.append(old)
                freed += its_size
            if freed < short:
                return None
            _drop(table, going)
            table.execute("DELETE FROM gone WHERE name = ?", (name,))
            now = time.time()
            table.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", (name, size, _next(table), now, now))
            table.executemany("INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
                              [("written", size, size), ("evicted", len(going), len(going))])
        return going

    def written(self, name: str) -> None:
        """The file whose room was taken is there."""
        with self._changing() as table:
            table.execute("UPDATE files SET begun = NULL, modified = ? WHERE name = ?", (time.time(), name))

    def used(self, name: str) -> None:
        """The file was read: it goes last."""
        with self._changing() as table:
            table.execute("UPDATE files SET used = ?, modified = ? WHERE name = ?", (_next(table), time.time(), name))

    def forget(self, name: str) -> None:
        """The file is gone, or was never written."""
        with self._changing() as table:
            _drop(table, [name])

    def total(self) -> int:
        """Bytes of all files, those that are being written among them."""
        with self._changing() as table:
            return int(table.execute("SELECT COALESCE(SUM(size), 0) FROM files").fetchone()[0])

    def evicted(self) -> int:
        """How many went for others since this index was made."""
        return int(self._noted("evicted"))

    def names(self) -> list[str]:
        """All files, the least recently used first."""
        with self._changing() as table:
            return [name for name, in table.execute("SELECT name FROM files WHERE begun IS NULL ORDER BY used")]

    def compare_after(self, bytes_written: int, seconds: float) -> None:
        """Compares, if so much was written or so long ago it was last done: other machines write too."""
        elapsed = time.time() - self._noted("compared")
        if self._noted("written") >= bytes_written or not 0 <= elapsed < seconds:
            self.compare()

    def compare(self) -> None:
        """Takes up what is there and unknown, drops what is known and not there; what others used since goes later.

        What is still listed but went meanwhile, or is just about to, stays dropped.
        """
        with self._changing() as table:  # before looking, so that what is written meanwhile is not dropped
            before = _next(table)
            table.execute("INSERT OR REPLACE INTO notes VALUES ('written', 0), ('compared', ?)", (time.time(),))
        there = sorted(self._listing(), key=lambda entry: entry.modified)
        names = {entry.name for entry in there}
        with self._changing() as table:
            known = {name: (used, modified, begun) for name, used, modified, begun in
                     table.execute("SELECT name, used, modified, begun FROM files")}
            table.executemany("DELETE FROM files WHERE name = ?", [
                (name,) for name, (used, _modified, begun) in known.items() if name not in names
                and (used < before if begun is None else time.time() - begun > LOST_AFTER)])
            table.execute("DELETE FROM gone WHERE at NOT BETWEEN ? AND ?", (time.time() - LOST_AFTER, time.time()))
            gone = dict(table.execute("SELECT name, at FROM gone"))
            for entry in there:
                if entry.modified > gone.get(entry.name, -math.inf):
                    _take_up(table, entry, known.get(entry.name))

    # The file of the index

    def _noted(self, name: str) -> float:
        with self._changing() as table:
            row = table.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return float(row[0]) if row else 0.0

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own, in which no other process changes anything."""
        with closing(self._connected()) as table:
            table.execute("BEGIN IMMEDIATE")
            try:
                yield table
            except BaseException:
                table.execute("ROLLBACK")
                raise
            table.execute("COMMIT")

    def renew(self) -> None:
        """Begins anew, from what is there: the index is damaged."""
        log.warning("the index %s is damaged and is made anew", self.path)
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path}{ending}").unlink(missing_ok=True)
        self.compare()

    def _connected(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        table = sqlite3.connect(self.path, timeout=PATIENCE_MS / 1000, isolation_level=None)
        try:
            table.execute("PRAGMA synchronous = OFF")  # it can be made anew
            if table.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                table.execute("PRAGMA journal_mode = WAL")
            # Asked each time: another process may have begun this file and not be there yet.
            if not table.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
                table.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")
        except BaseException:
            table.close()
            raise
        return table


def _next(table: sqlite3.Connection) -> int:
    """A number above all that were given."""
    table.execute("INSERT INTO notes VALUES ('count', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
    return int(table.execute("SELECT value FROM notes WHERE name = 'count'").fetchone()[0])


def _drop(table: sqlite3.Connection, names: Iterable[str]) -> None:
    """These files count no more, and go."""
    now = time.time()
    for name in names:
        table.execute("DELETE FROM files WHERE name = ?", (name,))
        table.execute("INSERT OR REPLACE INTO gone VALUES (?, ?)", (name, now))


def _take_up(table: sqlite3.Connection, entry: Entry, known: tuple[int, float, float | None] | None) -> None:
    """A file that is there: new ones, and those that somebody else has used since, go to the end of the order."""
    if known is None:
        table.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, NULL)",
                      (entry.name, entry.size, _next(table), entry.modified))
    elif entry.modified > known[1] + 1:  # file systems round
        table.execute("UPDATE files SET used = ?, modified = ?, size = ?, begun = NULL WHERE name = ?",
                      (_next(table), entry.modified, entry.size, entry.name))
