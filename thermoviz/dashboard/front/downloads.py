"""Files of a chart, made when somebody asks for them: `export/ID/CHART.ENDING`, a picture or its numbers.

The links stand beside each chart (`share.saved`) and carry a key, so that they open for those who saw the page: where
one signs in, nobody else comes by a run's numbers. Nothing is computed here that the page does not show.
"""

import hmac
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.responses import PlainTextResponse, Response

from ...core.errors import BadInput
from ...exports.formats import FORMATS
from ...presentation.words import read_in
from ..share import SAVED, key_of
from ..state import engine
from .addresses import below, header

PATH = re.compile(r"/export/([\w-]{1,40})/(\w{1,40})\.(\w{1,8})")
AT_ONCE = 2  # the rest waits: pages go before
_room: list[CapacityLimiter] = []


class Downloads:
    """Answers what `share.saved` links to."""

    def __init__(self, app: Any, base: str = "") -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asks = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        found = PATH.fullmatch(below(scope, self.base) or "") if asks else None
        if found is None:
            await self.app(scope, receive, send)
            return
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        languages = header(scope, b"accept-language").split(",")[0].split(";")[0]
        id, figure, form = found.groups()
        if not _room:
            _room.append(CapacityLimiter(AT_ONCE))
        answer = await to_thread.run_sync(partial(_answer, id, figure, form, query, languages), limiter=_room[0])
        await answer(scope, receive, send)


def _answer(id: str, figure: str, form: str, query: dict[str, str], languages: str) -> Response:
    read_in(languages)
    if form not in SAVED or not hmac.compare_digest(query.get("key", ""), key_of(id)):
        return _refused("There is nothing here.")
    run = engine().brought.shown(query.get("content", "")) or engine().partial(id)
    if run is None:
        return _refused("This run is no longer kept here; ask for it again on its page.")
    settings = {name: query[name] for name in ("look", "mapped") if name in query and form not in ("csv", "parquet")}
    try:
        contents = FORMATS[form](run, figure, **settings)
    except BadInput as error:
        return _refused(str(error))
    name = f"thermoviz-{figure}-{id}.{form}"
    return Response(contents, media_type=SAVED[form][1], headers={
        "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-cache"})


def _refused(sentence: str) -> Response:
    return PlainTextResponse(sentence + "\n", 404, headers={"Cache-Control": "no-store"})
