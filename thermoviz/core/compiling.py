"""Who hears that a kernel is being compiled, which may take long: light, so that no worker loads numba for it."""

import contextlib
from collections.abc import Callable, Iterator

_listener: Callable[[], None] | None = None


@contextlib.contextmanager
def heard_by(listener: Callable[[], None]) -> Iterator[None]:
    """Within it, `listener` is called whenever a kernel has to be compiled, in the thread that compiles."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def tell() -> None:
    """A kernel is being compiled."""
    if _listener is not None:
        _listener()
