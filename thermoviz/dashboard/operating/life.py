"""The server's life: it says that it starts, and ends within seconds of a SIGTERM, whoever is being computed for."""

import asyncio
import contextlib
import importlib.metadata
import logging
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any

from streamlit.logger import init_uvicorn_logs
from streamlit.web.server import server_util

from ...core import logs
from ...core.settings import settings
from ...engine.worker import compile_beside
from ..state import engine
from .counts import counts
from .metrics import listen

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# After a signal: browsers that do not hang up are not waited for longer. Docker and systemd kill after 10 s and more.
LAST_SECONDS = 3.5
SWEEP_SECONDS = 600.0  # so often is looked for what people brought whose time is over
log = logging.getLogger("thermoviz.server")


def version() -> str:
    """The installed package's, or that it runs from a checkout."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("thermoviz")
    return "checkout"


class End:
    """Everything that the server started ends once, whoever asks first."""

    def __init__(self, compiling: "subprocess.Popen[bytes] | None") -> None:
        self._compiling = compiling
        self._lock = threading.Lock()
        self._over = False

    def now(self) -> None:
        """Ends workers and what they compute; returns when that is done."""
        with self._lock:
            if self._over:
                return
            self._over = True
            if self._compiling is not None:
                self._compiling.kill()
            engine().close()
            logs.told(log, "server stopped", seconds=counts.uptime, opened=counts.opened, closed=counts.closed,
                      jobs=sum(counts.jobs.values()))

    def after(self, number: int) -> None:
        """A signal came: ends what computes at once, and the process itself where that does not end by itself."""
        last = threading.Timer(LAST_SECONDS, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        self.now()


def _listen(end: End) -> None:
    """A signal ends the workers while the server still says goodbye to its browsers."""
    for number in SIGNALS if threading.current_thread() is threading.main_thread() else ():
        before: Any = signal.getsignal(number)

        def heard(number: int, frame: FrameType | None, before: Any = before) -> None:
            threading.Thread(target=end.after, args=(number,), daemon=True).start()
            if callable(before):
                before(number, frame)

        signal.signal(number, heard)


def _one_format() -> None:
    """Streamlit's and its server's own lines look like ours; none tells who is connected."""
    init_uvicorn_logs()
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: record.levelno >= logging.WARNING or "WebSocket" not in str(record.msg))
    for name in list(logging.root.manager.loggerDict):
        for handler in logging.getLogger(name).handlers if name.startswith(("streamlit", "uvicorn")) else ():
            handler.setFormatter(logs.formatter())


def _sweep(over: threading.Event) -> None:
    """Until the server ends: what people brought goes when its time is over."""
    while not over.wait(SWEEP_SECONDS):
        try:
            engine().sweep()
        except Exception as error:  # the store does not answer: next time
            log.warning("what people brought was not looked through: %s", error)


@contextlib.asynccontextmanager
async def life(app: Any) -> AsyncIterator[None]:
    """Streamlit's lifespan: around everything that it answers."""
    logs.to_standard_error()
    _one_format()
    end = End(compile_beside())
    _listen(end)
    port = settings().metrics_port
    if port is not None:
        listen(port, settings().metrics_address)
    logs.told(log, "server started", open=server_util.get_url("localhost"), version=version(),
              workers=settings().workers, process=os.getpid())
    over = threading.Event()
    threading.Thread(target=_sweep, args=(over,), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        await asyncio.to_thread(end.now)
