"""What a browser waits for, beside a plain Streamlit app with one Plotly surface of the same size, in the same run.

Cold: the first visit of a fresh server. Warm: the median of later visitors, each with an empty browser cache.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .clock import Row

ROOT = Path(__file__).parent.parent
WARM_VISITS = 3
PLAIN_APP = """
import numpy as np, plotly.graph_objects as go, streamlit as st
x = np.linspace(-2, 2, 81)
st.plotly_chart(go.Figure(go.Surface(z=np.add.outer(x**2, np.cos(3 * x)))))
"""
DRAWN = {"plain": ".js-plotly-plot canvas", "thermoviz": "canvas"}
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
PATIENCE_MS = 180_000


@contextlib.contextmanager
def serving(script: Path, folder: str) -> Iterator[tuple[str, int]]:
    """A Streamlit server of `script` on a free port: its address and process id."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port), "--server.headless=true"],
        cwd=script.parent, env={**os.environ, "THERMOVIZ_STORE": folder}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        server.terminate()
        server.wait(20)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_until_healthy(address: str) -> None:
    """Until the server answers."""
    for _ in range(300):
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read() == b"ok":
                return
        time.sleep(0.1)
    raise SystemExit("The server did not start.")


def visit(playwright: Any, address: str, drawn: str, carried: dict[str, float] | None = None) -> float:
    """Seconds from asking for the page to the first drawing, in a browser that has never been here. carried: takes up
    the bytes that came on the way, by address; those of the socket as "socket"."""
    from tests.browsing import CHROMIUM_FLAGS, chromium_path

    browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    if carried is not None:
        weigh(page, carried)
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(drawn, timeout=PATIENCE_MS)
    page.evaluate(PAINTED)
    seconds = time.perf_counter() - begun
    browser.close()
    return seconds


def weigh(page: Any, carried: dict[str, float]) -> None:
    """Counts the bytes that the page is sent, as they travel."""
    network, addresses = page.context.new_cdp_session(page), dict[str, str]()

    def add(name: str, n: float) -> None:
        carried[name] = carried.get(name, 0) + n

    network.on("Network.requestWillBeSent", lambda told: addresses.update({told["requestId"]: told["request"]["url"]}))
    network.on("Network.loadingFinished", lambda told: add(addresses.get(told["requestId"], ""),
                                                           told["encodedDataLength"]))
    # What is binary comes here in base64.
    network.on("Network.webSocketFrameReceived",
               lambda told: add("socket", len(told["response"]["payloadData"]) * 3 / 4))
    network.send("Network.enable")


def own(carried: dict[str, float]) -> float:
    """Of the bytes carried, those that are not Streamlit's own program."""
    return sum(n for name, n in carried.items() if "/static/" not in name)


def rows() -> list[Row]:
    from playwright.sync_api import sync_playwright

    names, carried = ("plain", "thermoviz"), {name: dict[str, float]() for name in DRAWN}
    cold, warm = dict[str, float](), {name: list[float]() for name in DRAWN}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, contextlib.ExitStack() as servers:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN_APP)
        running = {}
        for name, script in zip(names, (plain, ROOT / "app.py"), strict=True):
            running[name] = servers.enter_context(serving(script, folder))[0]
            cold[name] = visit(playwright, running[name], DRAWN[name])
        for _ in range(WARM_VISITS):  # in turn, so that a busy moment meets both
            for name in names:
                warm[name].append(visit(playwright, running[name], DRAWN[name]))
        for name in names:
            visit(playwright, running[name], DRAWN[name], carried[name])
    peer = "plain Streamlit app with one Plotly surface"
    middle = {name: statistics.median(seconds) for name, seconds in warm.items()}
    return [
        *(Row(f"first picture in a browser, {kind}", seconds["thermoviz"], "s", ">= 0.77 x", seconds["plain"], peer)
          for kind, seconds in (("cold", cold), ("warm", middle))),
        Row("bytes until the first picture, compressed", sum(carried["thermoviz"].values()) / 1000, "kB", "",
            sum(carried["plain"].values()) / 1000, peer),
        Row("of them not Streamlit's: document, stage, messages", own(carried["thermoviz"]) / 1000, "kB", ""),
    ]
