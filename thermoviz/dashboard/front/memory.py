"""Memory of the server: few heaps, given back when they are free; and little to search for garbage."""

import ctypes
import gc
import sys
import threading
import time

# Of glibc's malloc.h: parameters of mallopt.
_TRIM_THRESHOLD, _ARENA_MAX = -1, -8
HEAPS = 2
FREE_BYTES = 64 * 1024
ASIDE_SECONDS = 60.0


def keep_few_heaps() -> None:
    """At most HEAPS heaps for all threads of this process, and free memory goes back to the system.

    Streamlit runs each visitor's script in a thread of its own, and glibc gives each thread a heap that it keeps: the
    same visit weighs 205 MB without this and 145-175 MB with it. Does nothing where the C library is another one.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    if sys.platform == "linux":
        mallopt(_ARENA_MAX, HEAPS)
        mallopt(_TRIM_THRESHOLD, FREE_BYTES)


class _Aside:
    """When what is alive was last put aside, and at which places that has been done."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places: set[str] = set()
        self.last = -ASIDE_SECONDS


_aside = _Aside()


def put_aside(place: str) -> None:
    """Puts what is alive aside from the search for garbage: at the first visit to a place, and then now and again.

    Streamlit searches all objects for garbage after every rerun, which takes long over imported modules, runs and other
    visitors' widgets. Those that were put aside are not searched. What of them becomes garbage meanwhile is found when
    everything is searched once more, which costs a tenth of a second every ASIDE_SECONDS, while somebody is there.
    """
    now = time.monotonic()
    with _aside.lock:
        if place in _aside.places and now < _aside.last + ASIDE_SECONDS:
            return
        _aside.places.add(place)
        _aside.last = now
    gc.unfreeze()
    gc.collect()
    gc.freeze()
