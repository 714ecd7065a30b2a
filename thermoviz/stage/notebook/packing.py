"""What a widget brings to a notebook: the stage's program and message, packed, and a picture for readers without it."""

import base64
import functools
import gzip
import hashlib
import html
import json
from pathlib import Path
from typing import Any

from ...presentation.looks import LOOKS, Look
from ..html import widget_program
from ..message import Message
from ..payload import NO_SURFACE
from .picture import still_png


def reading(run: Any) -> str:
    """What became of the run, and that there is nothing to show where that is so."""
    return " ".join(part for part in (run.reading, NO_SURFACE.capitalize() if run.surface is None else "") if part)


def packed(message: Message | None) -> bytes:
    """A message as a widget brings it: compressed, which its base64 is not; empty for none."""
    return b"" if message is None else gzip.compress(json.dumps(message, allow_nan=False).encode(), mtime=0)


@functools.cache
def packed_program() -> tuple[str, bytes]:
    """The stage's program, named by its hash: widgets of one page share what the first one unpacks."""
    text = widget_program().encode()
    return hashlib.sha256(text).hexdigest()[:12], gzip.compress(text, 9, mtime=0)


@functools.cache
def loader() -> str:
    """The ES module that each widget brings."""
    return Path(__file__).with_name("loader.js").read_text(encoding="utf-8")


def still_html(run: Any, look: str | Look = "dark") -> str:
    """The reading and a still picture, which need neither a kernel nor scripts."""
    theme = LOOKS[look] if isinstance(look, str) else look
    text = f"<p>{html.escape(reading(run))}</p>" if reading(run) else ""
    if run.surface is None:
        return text
    picture = base64.b64encode(still_png(run, theme)).decode()
    return f'{text}<img alt="{html.escape(repr(run))}" src="data:image/png;base64,{picture}" style="max-width:100%">'
