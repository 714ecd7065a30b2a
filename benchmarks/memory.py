"""Peak memory of the default run's worker and of the web process that serves the page."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from .clock import Row

ROOT = Path(__file__).parent.parent
WORKER = """
from thermoviz.engine.worker import warm_up
import thermoviz as tv, resource
warm_up()
tv.run(tv.PRESETS["three-minds"].spec)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
PORT = 8599


def _worker() -> float:
    """MB of a process that does what a worker does; the first of two may have to compile the kernels."""
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", WORKER], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _resident(pid: int) -> float:
    """MB resident now, Linux."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _web() -> float:
    """MB of the web process after a browser has drawn the page."""
    from playwright.sync_api import sync_playwright

    from tests.conftest import CHROMIUM_FLAGS, chromium_path

    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(PORT)], cwd=ROOT,
            env={**os.environ, "THERMOVIZ_STORE": folder}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_healthy()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{PORT}")
                page.wait_for_selector("canvas", timeout=60_000)
                time.sleep(5)
                used = _resident(server.pid)
                browser.close()
            return used
        finally:
            server.terminate()
            server.wait(20)


def _wait_until_healthy() -> None:
    for _ in range(100):
        try:
            if urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_stcore/health", timeout=2).read() == b"ok":
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The dashboard did not start.")


def rows() -> list[Row]:
    return [Row("memory of the default run: worker, peak", _worker(), "MB", "450 MB"),
            Row("memory of the default run: web process", _web(), "MB", "200 MB")]
