"""The dashboard as a program: `serve` starts it, `app.py` is what Streamlit runs, `.streamlit` holds its settings.

They stand in a folder of their own, since Streamlit puts the folder of what it runs on the path of imports.
"""

import sys
from pathlib import Path

from streamlit.web import cli

APP = Path(__file__).with_name("app.py")


def serve(port: int, address: str | None = None) -> None:
    """Serves the dashboard until it is interrupted; `address`: of the network to listen on, None: every one."""
    where = [f"--server.address={address}"] if address else []
    sys.argv = ["streamlit", "run", str(APP), f"--server.port={port}", *where]
    cli.main(prog_name="streamlit")
