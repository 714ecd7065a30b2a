"""How the server is just now, gathered from engine, store and counts: for metrics, operator's page and health."""

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from ...core.errors import BadInput
from ...engine import Engine
from ...engine.accounts import Standing
from ..state import engine
from .counts import counts


class Kept(NamedTuple):
    """What the store holds: bytes and files, as this machine's index knows them, the limit, how many went for others so
    far, bytes free on the disk (None: no end)."""

    bytes: int = 0
    files: int = 0
    limit: int = 0
    evicted: int = 0
    free: int | None = None


def kept(of: Engine) -> Kept:
    """The store's numbers; zeros where its index cannot be asked."""
    with contextlib.suppress(sqlite3.Error, OSError):
        index = of.store.index
        return Kept(index.total(), len(index.names()), of.store.limit, index.evicted(), of.store.place.free())
    return Kept(limit=of.store.limit)


def standing() -> Standing:
    """The engine's, which is made if nobody has asked yet."""
    return engine().standing()


def sessions() -> int:
    """Browsers that are connected."""
    with counts.lock:
        return counts.opened - counts.closed


def memory() -> int:
    """Bytes of the web process in memory; 0 where the system does not tell."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) * 1024
    return 0


def ailing() -> str:
    """Why no job could begin just now, in one line; "" where one could."""
    try:
        return standing().ailing
    except BadInput as error:
        return str(error)
