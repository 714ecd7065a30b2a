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
SEARCH_SECONDS = 60.0


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


class _Search:
    """When everything was last searched for garbage."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time again; who is told so does it."""
        now = time.monotonic()
        with self.lock:
            if now < self.last + SEARCH_SECONDS:
                return False
            self.last = now
            return True


_search = _Search()


def put_aside() -> None:
    """What is alive just now is not searched for garbage for a while: asked when a page script begins.

    Streamlit searches all objects after every rerun, which takes long over imported modules, runs and other visitors'
    widgets; so it searches what the rerun itself has left. What becomes garbage among the rest is found when everything
    is searched, which costs a tenth of a second every SEARCH_SECONDS, while somebody is there.
    """
    if _search.due():
        gc.unfreeze()
        gc.collect()
    gc.freeze()
