"""What the server does around Streamlit's: it begins at the first page, sends its own HTML, and compresses files."""

import functools
import gzip
import hashlib
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.middleware import Middleware
from starlette.responses import Response
from streamlit import config, file_util

from ...core.errors import BadInput
from ...core.settings import settings
from ...experiments.presets import DEFAULT_PRESET
from .addresses import BeginAtFirstPage, below, header
from .memory import keep_few_heaps
from .shell import card, document, has_picture, opened, still
from .sockets import send_at_once

A_DAY = "public, max-age=86400"
COMPRESSIBLE = re.compile(r"(text/|application/(javascript|json|manifest\+json|wasm)|image/svg\+xml|font/ttf)")
SMALLEST = 1000  # bytes: below, a packet is a packet
LEVEL = 6


def middleware() -> list[Middleware]:
    """What stands before Streamlit, outermost first; the first picture is drawn meanwhile."""
    try:
        settings()
    except BadInput as error:  # an operator's slip ends the server before it answers anybody
        raise SystemExit(f"thermoviz: {error}") from None
    keep_few_heaps()  # before there are threads
    send_at_once()
    base = config.get_option("server.baseUrlPath") or ""
    threading.Thread(target=still, args=(DEFAULT_PRESET, "dark"), daemon=True).start()
    return [Middleware(BeginAtFirstPage, base=base), Middleware(FirstDocument, base=base),
            Middleware(CompressedFiles, base=base)]


class FirstDocument:
    """Answers the app's own address with its HTML (see `shell`), and `picture/NAME.png` with a link's picture."""

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asks = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        path = below(scope, self.base) if asks else None
        found = re.fullmatch(r"/picture/([\w-]{1,40})\.png", path or "")
        if path == "/":
            answer = await to_thread.run_sync(self._document, scope)
        elif found and has_picture(found[1]):
            answer = _answer(scope, await to_thread.run_sync(card, found[1]), "image/png", A_DAY)
        else:
            await self.app(scope, receive, send)
            return
        await answer(scope, receive, send)

    def _document(self, scope: Any) -> Response:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        languages = header(scope, b"accept-language").split(",")[0].split(";")[0]
        text = document(_shell(), opened(query), root(scope, self.base), languages)
        return _answer(scope, text.encode(), "text/html; charset=utf-8", "no-cache")


@functools.cache
def _shell() -> str:
    return Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")


def root(scope: Any, base: str) -> str:
    """The app's absolute address as its visitors know it, with what a proxy says of it; "" where that is not sound."""
    scheme = header(scope, b"x-forwarded-proto").split(",")[0].strip() or scope.get("scheme", "http")
    host = header(scope, b"x-forwarded-host").split(",")[0].strip() or header(scope, b"host")
    path = "/".join(filter(None, (part.strip("/") for part in (
        header(scope, b"x-forwarded-prefix"), scope.get("root_path", ""), base))))
    if scheme not in ("http", "https") or not re.fullmatch(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?", host):
        return ""
    if not re.fullmatch(r"[\w.\-~/]*", path):
        return ""
    return f"{scheme}://{host}/{path}{'/' if path else ''}"


def _answer(scope: Any, body: bytes, kind: str, caching: str) -> Response:
    """The body, compressed where that helps, or that the browser has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding, Accept-Language"}
    if tag in header(scope, b"if-none-match").replace("W/", "").split(", "):
        return Response(status_code=304, headers=headers)
    if COMPRESSIBLE.match(kind) and takes_gzip(scope):
        body, headers["Content-Encoding"] = gzip.compress(body, LEVEL), "gzip"
        headers["ETag"] = f"W/{tag}"
    return Response(body, media_type=kind, headers=headers)


def takes_gzip(scope: Any) -> bool:
    """Whether the request's sender reads gzip."""
    for one in header(scope, b"accept-encoding").split(","):
        name, _semicolon, quality = one.strip().partition(";")
        if name in ("gzip", "*"):
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", quality)
    return False


class CompressedFiles:
    """Sends Streamlit's own files compressed: each is compressed once, and kept.

    Streamlit leaves them as they are, since most servers stand behind a proxy that compresses; one in a classroom does
    not. Sockets, streams, parts of files, media and all that is not below /static pass untouched.
    """

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base
        self.kept: dict[tuple[str, str], bytes] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wanted = scope["type"] == "http" and scope["method"] == "GET" and not header(scope, b"range")
        if not wanted or not (below(scope, self.base) or "").startswith("/static/") or not takes_gzip(scope):
            await self.app(scope, receive, send)
            return
        # The tag that we gave to the compressed file, as Streamlit knows it.
        headers = [(name, value.replace(b'-gzip"', b'"') if name == b"if-none-match" else value)
                   for name, value in scope["headers"]]
        # Without extensions: a server that can send a file by its path would leave nothing to compress.
        plain = {**scope, "headers": headers, "extensions": {}}
        await self.app(plain, receive, _Compressing(self, scope["path"], send))


class _Compressing:
    """One answer on its way: held back until it is whole, then sent compressed."""

    def __init__(self, files: CompressedFiles, path: str, send: Any) -> None:
        self.files, self.path, self.send = files, path, send
        self.start: dict[str, Any] | None = None
        self.body = b""

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.start = {**message, "headers": _tagged(message["headers"])}
            if not _worth_it(message):
                start, self.start = self.start if message["status"] == 304 else message, None
                await self.send(start)
        elif self.start is None:
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self.start)

    async def _finish(self, start: dict[str, Any]) -> None:
        headers = dict(start["headers"])
        key = self.path, headers.get(b"etag", b"").decode("latin-1")
        if key not in self.files.kept:
            self.files.kept[key] = await to_thread.run_sync(gzip.compress, self.body, 9)
        packed = self.files.kept[key]
        headers |= {b"content-length": str(len(packed)).encode(), b"content-encoding": b"gzip",
                    b"vary": b"Accept-Encoding"}
        headers.pop(b"accept-ranges", None)
        await self.send({**start, "headers": list(headers.items())})
        await self.send({"type": "http.response.body", "body": packed})


def _worth_it(message: dict[str, Any]) -> bool:
    headers = dict(message["headers"])
    kind = headers.get(b"content-type", b"").decode("latin-1")
    return (message["status"] == 200 and b"content-encoding" not in headers and COMPRESSIBLE.match(kind) is not None
            and int(headers.get(b"content-length", SMALLEST)) >= SMALLEST)


def _tagged(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The compressed file is another one than the plain: its tag says so."""
    return [(name, value[:-1] + b'-gzip"' if name == b"etag" and value.endswith(b'"') else value)
            for name, value in headers]
