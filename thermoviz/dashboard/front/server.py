"""What the server does around Streamlit's: it begins at the first page, sends its own HTML, and compresses files."""

import gzip
import hashlib
import re
import threading
from typing import Any
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.middleware import Middleware
from starlette.responses import Response
from streamlit import config

from ...core.errors import BadInput
from ...core.settings import settings
from ...experiments.presets import DEFAULT_PRESET, PRESETS, load_preset
from ...stage.payload import payload
from ..operating.life import life
from ..operating.signin import refuse_half_set
from ..panels import pictures
from . import files
from .addresses import BeginAtFirstPage, below, header
from .downloads import Downloads
from .files import COMPRESSIBLE, CompressedFiles, first_programs, takes_gzip
from .guard import guards, say_quietly
from .health import Health
from .memory import keep_few_heaps
from .operator import Operator
from .shell import card, document, has_picture, opened, still
from .sockets import send_at_once

A_DAY = "public, max-age=86400"
LEVEL = 6


def around() -> dict[str, Any]:
    """What Streamlit's app is made with: what stands before it, its life, and what becomes of its errors."""
    return {"middleware": middleware(), "lifespan": life, "on_script_error": say_quietly}


def middleware() -> list[Middleware]:
    """What stands before Streamlit, outermost first; what the first visitor sees is made by then."""
    try:
        settings()
        refuse_half_set()
    except BadInput as error:  # an operator's slip ends the server before it answers anybody
        raise SystemExit(f"thermoviz: {error}") from None
    keep_few_heaps()  # before there are threads
    send_at_once()
    base = config.get_option("server.baseUrlPath") or ""
    _prepare()
    threading.Thread(target=_prepare_more, daemon=True).start()
    return [*guards(base), Middleware(Health, base=base), Middleware(Operator, base=base),
            Middleware(BeginAtFirstPage, base=base), Middleware(FirstDocument, base=base),
            Middleware(Downloads, base=base), Middleware(CompressedFiles, base=base)]


def _prepare() -> None:
    """What every visitor sees first is made before the first comes: the still, and the surface's own numbers."""
    still(DEFAULT_PRESET, "dark")
    payload(load_preset(DEFAULT_PRESET))


def _prepare_more() -> None:
    """What else takes long and is kept, in the order in which a visitor waits for it: the programs, the pictures of
    the presets, their surfaces' own numbers."""
    files.prepare()
    pictures("dark")
    for key in PRESETS:
        payload(load_preset(key))


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
        text = document(files.shell(), opened(query), root(scope, self.base), languages, first_programs())
        return _answer(scope, text.encode(), "text/html; charset=utf-8", "no-cache")


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
