"""The programs of the browser: Streamlit's own files and the stage, compressed once, and which of them come first.

Streamlit leaves its files as they are, since most servers stand behind a proxy that compresses; one in a classroom does
not. It compresses the stage anew for everybody. Whatever has a hash of its content in its name never changes: it is
read and compressed once, kept, and answered without Streamlit.
"""

import dataclasses
import functools
import gzip
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.responses import Response
from streamlit import file_util

from ...stage.html import component_file
from ..component import NAME
from .addresses import below, header

COMPRESSIBLE = re.compile(r"(text/|application/(javascript|json|manifest\+json|wasm)|image/svg\+xml|font/ttf)")
SMALLEST = 1000  # bytes: below, a packet is a packet
FOR_EVER = "public, immutable, max-age=31536000"
HASHED = re.compile(r"/static/(?:js|css|media)/[\w.-]+\.[\w-]{8}\.\w+")
STAGE = f"/_stcore/bidi-components/{NAME}/{component_file()[0]}"
# Streamlit's elements that stand on a page when its first picture is drawn, and those that follow.
FIRST, LATER = ("BidiComponent", "Html", "Button"), ("PlotlyChart",)
_IMPORTS = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')


def takes_gzip(scope: Any) -> bool:
    """Whether the request's sender reads gzip."""
    for one in header(scope, b"accept-encoding").split(","):
        name, _semicolon, quality = one.strip().partition(";")
        if name in ("gzip", "*"):
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", quality)
    return False


@dataclasses.dataclass(frozen=True)
class Packed:
    """A compressed file: what is sent of it, its kind, its tag."""

    body: bytes
    kind: str
    tag: str

    def answer(self, scope: Any) -> Response:
        """The file, or that the browser has it already."""
        headers = {"Cache-Control": FOR_EVER, "ETag": self.tag, "Vary": "Accept-Encoding"}
        if self.tag in header(scope, b"if-none-match"):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.kind, headers=headers | {"Content-Encoding": "gzip"})


@functools.cache
def packed(path: str) -> Packed | None:
    """The file at an address below the app's; None: there is none, or compressing it saves nothing."""
    if path == STAGE:
        return _packed(component_file()[1].encode(), "text/javascript")
    file, kind = Path(file_util.get_static_dir(), path[1:]), mimetypes.guess_type(path)[0] or ""
    if not COMPRESSIBLE.match(kind) or not file.is_file() or file.stat().st_size < SMALLEST:
        return None
    return _packed(file.read_bytes(), kind)


def _packed(content: bytes, kind: str) -> Packed:
    return Packed(gzip.compress(content, 9, mtime=0), kind, f'W/"{hashlib.sha256(content).hexdigest()[:20]}"')


class CompressedFiles:
    """Answers for files that never change; sockets, streams, parts of files and all else pass untouched."""

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        file = None
        if scope["type"] == "http" and scope["method"] == "GET" and takes_gzip(scope) and not header(scope, b"range"):
            path = below(scope, self.base) or ""
            if path == STAGE or HASHED.fullmatch(path):
                file = await to_thread.run_sync(packed, path)
        await (self.app if file is None else file.answer(scope))(scope, receive, send)


# What is wanted first


@functools.cache
def shell() -> str:
    """Streamlit's own document."""
    return Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")


def programs(*elements: str) -> tuple[str, ...]:
    """The files of these elements, and all that they import, which the document does not name; those first that are
    imported most deeply."""
    folder = Path(file_util.get_static_dir(), "static", "js")
    named, found = shell(), dict[str, None]()

    def visit(name: str) -> None:
        if name in named or name in found:
            return
        for imported in _IMPORTS.findall((folder / name).read_text(encoding="utf-8")):
            if imported != name:
                visit(imported)
        found[name] = None

    for element in elements:
        for file in folder.glob(f"{element}.*.js"):
            visit(file.name)
    return tuple(f"/static/js/{name}" for name in found)


@functools.cache
def first_programs() -> tuple[str, ...]:
    """What the first picture needs beside what the document names."""
    return *programs(*FIRST), STAGE


def prepare() -> None:
    """Compresses, before anybody asks, what everybody asks for."""
    for path in (*re.findall(r'\.(/static/[^"]*\.(?:js|css))"', shell()), *first_programs(), *programs(*LATER)):
        packed(path)
