"""What stands at the door: which names the server answers to, how much may be sent to it, what is said of errors.

Files come in at one place only, up to the size of a run file, and not when much of them is held already; of all else
what is larger than a form is turned away before it is read. Nobody is shown a traceback.
"""

import logging
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from streamlit import runtime

from ...core.settings import settings
from ...presentation.words import _
from ...runs.files import MAX_BYTES
from ..operating.counts import counts
from .addresses import below, header

MAX_HEADERS, MAX_QUERY, MAX_BODY = 32_000, 16_000, 64_000  # bytes
SOCKET = "/_stcore/stream"
UPLOADS = "/_stcore/upload_file/"
MAX_FILE = MAX_BYTES + MAX_BODY  # with what a form puts around it
MAX_HELD = 512 * 2**20  # bytes of files that pages have not read yet
# Asked by whatever keeps the server running, by its own machine's name, or by a proxy that gives none.
HEALTH = frozenset({"/healthz", "/_stcore/health"})
OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
CLOSED = frozenset({"/_stcore/metrics"})  # Streamlit's own are open to all; ours have a port of their own
HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"strict-origin-when-cross-origin"),
           (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
           (b"content-security-policy", b"base-uri 'self'; object-src 'none'; form-action 'self'"))
TOO_LARGE = "This is more than the server takes."
log = logging.getLogger("thermoviz.server")


def guards(base: str) -> list[Middleware]:
    """The middleware of the door, outermost first."""
    return [Middleware(Door, base=base), Middleware(Counted, base=base)]


# Who may come in


def names(hosts: str | None) -> tuple[str, ...]:
    """The setting `hosts` as names in small letters; () lets all in."""
    return tuple(one.strip().lower().rstrip(".") for one in (hosts or "").split(",") if one.strip())


def is_named(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether the header Host names one of these; "*.example.org" stands for whatever ends so."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(name == one or one.startswith("*.") and name.endswith(one[1:]) for one in allowed)


def answer(status: int, sentence: str) -> Response:
    """A refusal, in one sentence."""
    return PlainTextResponse(sentence + "\n", status, headers={"Cache-Control": "no-store"})


class Door:
    """Turns away what has another name, or is too large, and puts HEADERS on what is answered."""

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base, self.allowed = app, base, names(settings().hosts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            limit = _most(scope, below(scope, self.base) or "")
            await self.app(scope, _at_most(receive, limit) if scope["type"] == "http" else receive,
                           _with_headers(send))
        elif scope["type"] == "http":
            await refusal(scope, receive, _with_headers(send))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Any) -> Response | None:
        host, path = header(scope, b"host"), below(scope, self.base) or ""
        if self.allowed and not is_named(host, self.allowed) and not (
                path in HEALTH and (not host or is_named(host, tuple(OF_THIS_MACHINE)))):
            return answer(421, "This server is not known by that name.")
        if len(scope.get("query_string", b"")) > MAX_QUERY:
            return answer(414, "This address is longer than any link of this page.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            return answer(431, TOO_LARGE)
        length = header(scope, b"content-length")
        if length and not (re.fullmatch("[0-9]{1,9}", length) and int(length) <= _most(scope, path)):
            return answer(413, TOO_LARGE)
        if path.startswith(UPLOADS) and scope.get("method") == "PUT" and held() > MAX_HELD:
            return answer(503, "This server holds many files just now: please try again in a minute.")
        return answer(404, "There is nothing here.") if path in CLOSED else None


def _most(scope: Any, path: str) -> int:
    """Bytes that a request may send."""
    return MAX_FILE if path.startswith(UPLOADS) and scope.get("method") == "PUT" else MAX_BODY


def held() -> int:
    """Bytes of the files that browsers have sent, and that no page has put away yet."""
    if not runtime.exists():
        return 0
    manager: Any = runtime.get_instance().uploaded_file_mgr
    return sum(one.byte_length for stats in manager.get_stats().values() for one in stats)


def _at_most(receive: Any, most: int = MAX_BODY) -> Any:
    """Of a request without a length no more is read than `most` bytes."""
    taken = 0

    async def limited() -> Any:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= most else {"type": "http.disconnect"}

    return limited


def _with_headers(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _value in message.get("headers", ())}
            message = message | {"headers": [*message.get("headers", ()),
                                             *(one for one in HEADERS if one[0] not in there)]}
        await send(message)

    return sending


class Counted:
    """Counts the browsers that are connected; those that vanish hang up when they answer no ping."""

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and below(scope, self.base) == SOCKET:
            with counts.session():
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)


# What is said of errors


def say_quietly(error: Exception) -> bool:
    """A page could not be drawn: the log has all of it, the visitor one sentence."""
    reference = uuid.uuid4().hex[:8]
    counts.error(reference, error)
    st.error(_("This page could not be drawn (reference {reference}). Please reload it; what was computed is not lost."
               ).format(reference=reference))
    return True
