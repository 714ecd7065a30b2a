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
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port), "--server.headless=true"],
        cwd=script.parent, env={**os.environ, "THERMOVIZ_STORE": folder}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_healthy(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read() == b"ok":
                return
        time.sleep(0.1)
    raise SystemExit("The server did not start.")


def visit(playwright: Any, address: str, drawn: str) -> float:
    """Seconds from asking for the page to the first drawing, in a browser that has never been here."""
    from tests.conftest import CHROMIUM_FLAGS, chromium_path

    browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(drawn, timeout=PATIENCE_MS)
    page.evaluate(PAINTED)
    seconds = time.perf_counter() - begun
    browser.close()
    return seconds


def rows() -> list[Row]:
    from playwright.sync_api import sync_playwright

    seconds = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN_APP)
        for name, script in (("plain", plain), ("thermoviz", ROOT / "app.py")):
            with serving(script, folder) as (address, _pid):
                cold = visit(playwright, address, DRAWN[name])
                warm = statistics.median(visit(playwright, address, DRAWN[name]) for _ in range(WARM_VISITS))
            seconds[name] = {"cold": cold, "warm": warm}
    return [Row(f"first picture in a browser, {kind}", seconds["thermoviz"][kind], "s", ">= 0.77 x",
                seconds["plain"][kind], "plain Streamlit app with one Plotly surface") for kind in ("cold", "warm")]
