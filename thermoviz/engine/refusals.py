"""Questions that killed their worker every time: remembered beside the runs, so that no worker dies of them again.

A question is named by its id, which another NUMERICS_VERSION changes. Another state of the program forgets them too,
and so does a day: a machine that had no memory left may have some tomorrow.
"""

import contextlib
import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from ..runs.files import write_atomically

FORGOTTEN_AFTER = 24 * 3600.0
PACKAGE = Path(__file__).parents[1]
log = logging.getLogger("thermoviz.engine")


@functools.cache
def program(folder: Path = PACKAGE) -> str:
    """16 hex digits that change with any file of the package."""
    parts = [hashlib.sha256(path.read_bytes()).digest() for path in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


class Refusals:
    """A small file each in `folder`, which servers that share a store share as well. `clock`: seconds since 1970."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time):
        self.folder = folder
        self._clock = clock

    def remember(self, id: str) -> None:
        """From now on `id` is refused."""
        told = json.dumps({"at": self._clock(), "program": program()})
        try:
            write_atomically(self._path(id), told.encode())
        except OSError as error:  # then it is only not remembered
            log.warning("that run %s kills its worker could not be written down: %s", id, error)

    def __contains__(self, id: str) -> bool:
        """Whether `id` is refused; what is out of date or cannot be read is forgotten."""
        path = self._path(id)
        try:
            told = json.loads(path.read_bytes())
            if 0 <= self._clock() - told["at"] < FORGOTTEN_AFTER and told["program"] == program():
                return True
        except FileNotFoundError:
            return False
        except (OSError, ValueError, TypeError, KeyError):
            pass
        with contextlib.suppress(OSError):
            path.unlink()
        return False

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.json"
