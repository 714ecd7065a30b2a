"""JupyterLab as somebody runs it on their own machine: a server on a free port, a notebook, a browser before it."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
from browsing import PATIENCE_S

ROOT = Path(__file__).parents[2]
THEMES = {"dark": "JupyterLab Dark", "light": "JupyterLab Light"}


def written(path: Path, *cells: str) -> Path:
    """A notebook file of these cells of code."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the machine's own Jupyter is read or written; kernels find thermoviz from its checkout."""
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
           "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    return {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(folder / name.lower()) for name in own}}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def lab(folder: Path, theme: str = "light"):
    """JupyterLab over the notebooks in `folder`: gives a function from a file's name to its address."""
    own = folder.with_name(f"{folder.name}-jupyter")
    settings = own / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": THEMES[theme]}))
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    port, token = _free_port(), secrets.token_hex(16)
    log = open(own / "lab.log", "w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
         "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
         "--ServerApp.allow_root=True", "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True",
         "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        env=environment(own), stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE_S
        while not _answers(f"http://127.0.0.1:{port}/api?token={token}"):
            assert server.poll() is None and time.monotonic() < end, (own / "lab.log").read_text()
            time.sleep(.2)
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?token={token}&reset"
    finally:
        server.terminate()  # its kernels end with it
        server.wait()
        log.close()


class Notebook:
    """A notebook open in JupyterLab."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address = page, address
        self.open()

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_function("""() => {
            const { context, sessionContext } = window.jupyterapp?.shell?.currentWidget ?? {};
            return context?.isReady && sessionContext?.session?.kernel?.status === "idle";
        }""", timeout=1000 * PATIENCE_S)

    def command(self, name: str) -> None:
        self.page.evaluate("(name) => window.jupyterapp.commands.execute(name)", name)

    def run_all(self) -> None:
        self.page.evaluate("() => { window.ran = false; window.jupyterapp.commands.execute('notebook:run-all-cells')"
                           ".then(() => { window.ran = true; }); }")
        self.page.wait_for_function("() => window.ran", timeout=1000 * PATIENCE_S)

    def ask(self, code: str) -> str:
        """What the kernel prints of `code`."""
        return self.page.evaluate("""async (code) => {
            const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
            const future = kernel.requestExecute({ code, store_history: false }), said = [];
            future.onIOPub = ({ content }) => {
                if (content.text) said.push(content.text);
                if (content.evalue) said.push(`${content.ename}: ${content.evalue}`);
            };
            await future.done;
            return said.join("");
        }""", code).strip()

    def until(self, condition: str) -> None:
        """Waits until the kernel finds the condition true."""
        end = time.monotonic() + PATIENCE_S
        while self.ask(f"print({condition})") != "True":
            assert time.monotonic() < end, condition

    def run_cell(self, k: int) -> str:
        """Runs the cell k; its outputs' text."""
        cell = self.cell(k)
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
        return cell.locator(".jp-OutputArea").first.inner_text().strip()

    def reopened(self) -> None:
        """Saves it, and opens it where its kernel has gone."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.open()

    def cell(self, k: int):
        """The cell k, scrolled into sight."""
        self.page.evaluate("""(k) => {
            const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = k;
            return content.scrollToItem(k, "start");
        }""", k)
        return self.page.locator(f".jp-Notebook-cell[data-windowed-list-index='{k}']")
