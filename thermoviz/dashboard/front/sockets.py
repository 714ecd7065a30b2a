"""Answers leave at once."""

import contextlib
import os
import socket
from collections.abc import Iterator

DESCRIPTORS = "/dev/fd"


def send_at_once() -> None:
    """No answer of this server waits until the one before it is acknowledged (Nagle's algorithm), which takes 40 ms.

    A rerun sends a hundred small messages and a large one. Streamlit's server leaves the algorithm on; connections take
    this setting from the socket on which they were accepted. Does nothing where a system does not list a process's
    sockets.
    """
    for listening in _listening():
        with contextlib.suppress(OSError):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _listening() -> Iterator[socket.socket]:
    """The sockets on which this process waits for connections."""
    try:
        names = os.listdir(DESCRIPTORS)
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError), socket.socket(fileno=int(name)) as found:
            try:
                if found.family in (socket.AF_INET, socket.AF_INET6) and _waits(found):
                    yield found
            finally:
                found.detach()  # it stays open


def _waits(found: socket.socket) -> bool:
    return found.type == socket.SOCK_STREAM and bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
