"""Whether all is well, for whatever restarts the server: `/healthz` asks the workers too, unlike Streamlit's own."""

from typing import Any

import anyio
from anyio import to_thread
from starlette.responses import PlainTextResponse

from ..operating.report import ailing
from .addresses import below

PATH = "/healthz"
PATIENCE_SECONDS = 3.0


class Health:
    """Answers 200 "ok" where a job could begin just now, else 503 and why."""

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or below(scope, self.base) != PATH:
            await self.app(scope, receive, send)
            return
        why = "the engine does not answer"
        with anyio.move_on_after(PATIENCE_SECONDS):
            why = await to_thread.run_sync(ailing, abandon_on_cancel=True)
        await PlainTextResponse(f"{why or 'ok'}\n", 503 if why else 200, {"Cache-Control": "no-store"})(
            scope, receive, send)
