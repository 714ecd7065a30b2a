"""What stays of a widget in a saved notebook: a picture, for readers who have no kernel."""

import base64
import html
import sys
from typing import Any

from ...presentation.looks import LOOKS, Look
from .packing import reading
from .picture import still_png

# Of a widget whose kernel has gone JupyterLab tells in one line of text, which has no elements: the picture says more.
_STYLE = (".jp-OutputArea-child:has(.thermoviz-still) + .jp-OutputArea-child > .jupyter-widgets:not(:has(*))"
          " { display: none; }")


def still_html(run: Any, look: str | Look = "dark", token: str = "") -> str:
    """The reading and a still picture, which need neither a kernel nor scripts. The live widget with this token hides
    them.
    """
    theme = LOOKS[look] if isinstance(look, str) else look
    text = f"<p>{html.escape(reading(run))}</p>" if reading(run) else ""
    if run.surface is not None:
        picture = base64.b64encode(still_png(run, theme)).decode()
        text += f'<img alt="{html.escape(repr(run))}" src="data:image/png;base64,{picture}" style="max-width:100%">'
    if not token:
        return text
    return f'<style>{_STYLE}</style><div class="thermoviz-still" data-thermoviz="{token}">{text}</div>'


def in_notebook() -> bool:
    """Whether a kernel answers here."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def leave_still(still: str) -> None:
    """Puts the picture into the cell, as an output of its own: beside a widget in one output, notebooks that know
    widgets never show it.
    """
    from IPython.display import display

    display({"text/html": still, "text/plain": ""}, raw=True)
