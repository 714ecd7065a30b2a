"""What a widget brings to a notebook: the stage's program and message, packed."""

import functools
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

from ..html import widget_program
from ..message import Message
from ..payload import NO_SURFACE


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
