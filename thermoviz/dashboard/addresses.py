"""Addresses of pages: who opens one is led to the first page, which leads on to the page (`house.follow_link`).

Streamlit's program in the browser takes the address of a page for that of a server, looks there for one, and the
console says that there is none. At the first page's address nothing has to be guessed.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse

PAGES = frozenset(script.stem for script in (Path(__file__).parent / "pages").glob("*.py")) - {"landscape"}


class BeginAtFirstPage:
    """Answers a page's address `.../second_law?heat=1` with `.../?kind=second_law&heat=1`, relative, for proxies."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"].rpartition("/")[2] if scope["type"] == "http" and scope["method"] == "GET" else ""
        if name not in PAGES:
            await self.app(scope, receive, send)
            return
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = urlencode([("kind", name), *(pair for pair in asked if pair[0] != "kind")])
        await RedirectResponse(f"./?{query}", headers={"Cache-Control": "no-cache"})(scope, receive, send)
