"""Addresses of pages: who opens one is led to the first page, which leads on to the page (`house.follow_link`).

Streamlit's program in the browser takes the address of a page for that of a server, looks there for one, and the
console says that there is none. At the first page's address nothing has to be guessed. An address that is none leads
there too: `lost` says which it was, and the page says so.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse

from ..menu import FIRST, menu

# Folders of the server's own: what is asked for there is no page. (See streamlit.web.server.starlette.)
RESERVED = frozenset({"_stcore", "static", "media", "component", "app", "oauth2callback", "auth", "picture", "export"})


def header(scope: Any, name: bytes) -> str:
    """A request's header, or ""."""
    return next((value.decode("latin-1") for key, value in scope.get("headers", ()) if key == name), "")


def below(scope: Any, base: str) -> str | None:
    """The path of a request below the place where the app is served; None if it lies elsewhere."""
    path: str = scope["path"]
    for prefix in (scope.get("root_path", ""), base.strip("/") and f"/{base.strip('/')}"):
        if prefix and path != prefix and not path.startswith(f"{prefix}/"):
            return None
        path = path.removeprefix(prefix)
    return path or "/"


class BeginAtFirstPage:
    """Answers a page's address `.../second_law?heat=1` with `.../?kind=second_law&heat=1`, relative, for proxies.

    base: the path at which the app is served (`server.baseUrlPath`).
    """

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        place = self._place(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if place is None:
            await self.app(scope, receive, send)
        else:
            await RedirectResponse(place, headers={"Cache-Control": "no-cache"})(scope, receive, send)

    def _place(self, scope: Any) -> str | None:
        """Where the request is led; None: it is no page's, or the first one's."""
        path = below(scope, self.base)
        if path is None or not path.strip("/") or path.startswith("//"):
            return None
        *folders, name = path.strip("/").split("/")
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if name in menu() and not path.endswith("/"):  # wherever a proxy serves the app
            asked = asked if name == FIRST.name else [("kind", name), *(pair for pair in asked if pair[0] != "kind")]
            return "./" + (f"?{urlencode(asked, errors='replace')}" if asked else "")
        if not _is_page(scope, path):
            return None
        up = "../" * (path.count("/") - 1) or "./"
        return f"{up}?{urlencode({'lost': path.strip('/')}, errors='replace')}"


def _is_page(scope: Any, path: str) -> bool:
    """Whether someone looks for a page there, rather than a program for one of the server's files."""
    if RESERVED & set(path.split("/")):
        return False
    return "text/html" in header(scope, b"accept") or "." not in path.rpartition("/")[2]
