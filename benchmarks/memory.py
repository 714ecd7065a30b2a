"""Peak memory of the default run's worker and of the web process that serves the page."""

import subprocess
import sys
import tempfile
from pathlib import Path

from . import own_memory
from .clock import Row
from .first_picture import PATIENCE_MS, ROOT, serving

WORKER = """
from thermoviz.engine.worker import warm_up
import thermoviz as tv, resource
warm_up()
tv.run(tv.PRESETS["three-minds"].spec)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


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

    from tests.browsing import CHROMIUM_FLAGS, chromium_path

    with (tempfile.TemporaryDirectory() as folder, serving(ROOT / "app.py", folder) as (address, pid),
          sync_playwright() as playwright):
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("canvas", timeout=PATIENCE_MS)
        page.wait_for_selector(".js-plotly-plot", timeout=PATIENCE_MS)
        used = _resident(pid)
        browser.close()
        return used


def rows() -> list[Row]:
    return [Row("memory of the default run: worker, peak", _worker(), "MB", "450 MB"),
            Row("memory of the default run: web process", _web(), "MB", "200 MB"), *own_memory.rows()]
