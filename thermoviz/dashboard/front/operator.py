"""The operator's page: queue, workers, store, sessions, last failures; plain, and it reloads itself.

It exists where a secret is set. `/operator?secret=...` (or the header `Authorization: Bearer ...`) opens it, and leaves
a cookie, so that the secret need not stand in an address again. Who does not know it is answered as if there were none.
"""

import datetime
import hashlib
import hmac
import html
import importlib.metadata
import platform
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs

from anyio import to_thread
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ...core.settings import settings
from ...core.specs import NUMERICS_VERSION
from ...presentation.looks import LOOKS
from ...presentation.words import _
from ..operating.counts import Counts, counts
from ..operating.house import house
from ..operating.life import version
from ..operating.report import Kept, kept, memory, standing
from ..state import engine
from .addresses import below, header

PATH, COOKIE = "/operator", "thermoviz_operator"
RELOAD_SECONDS = 5
TRIES, TRIES_SECONDS = 20, 60.0  # wrong secrets, of all that try
SHOWN_LIBRARIES = ("streamlit", "plotly", "numpy", "numba", "torch")
MIB = 2**20
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
           "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}


class Lock:
    """Knows the secret; compares in constant time, and not more often than TRIES wrong ones in TRIES_SECONDS."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret, self._clock = secret.encode(), clock
        self.token = hmac.new(self._secret, b"operator", hashlib.sha256).hexdigest()
        self._wrong: deque[float] = deque(maxlen=TRIES)
        self._guard = threading.Lock()

    def opens(self, secret: str) -> bool:
        """Whether it is the secret, and there were not too many that were not."""
        now = self._clock()
        with self._guard:
            if len(self._wrong) == TRIES and now - self._wrong[0] < TRIES_SECONDS:
                return False
            if hmac.compare_digest(secret.encode(), self._secret):
                return True
            self._wrong.append(now)
            return False

    def knows(self, token: str) -> bool:
        """Whether a cookie is one that it gave; nobody finds 256 bits by trying."""
        return hmac.compare_digest(token.encode(), self.token.encode())


class Operator:
    """Answers `/operator` for those who know the secret."""

    def __init__(self, app: Any, base: str = "", secret: str | None = None) -> None:
        secret = secret or settings().operator_secret
        self.app, self.base, self.lock = app, base, Lock(secret) if secret else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        ours = (self.lock is not None and scope["type"] == "http" and scope["method"] == "GET"
                and below(scope, self.base) == PATH)
        answer = await self._answer(scope, self.lock) if ours and self.lock is not None else None
        await (answer or self.app)(scope, receive, send)

    async def _answer(self, scope: Any, lock: Lock) -> Response | None:
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("secret", [""])[0]
        kind, _space, bearer = header(scope, b"authorization").partition(" ")
        if lock.knows(cookie_parser(header(scope, b"cookie")).get(COOKIE, "")) and not asked:
            return await _page()
        if kind.lower() == "bearer" and lock.opens(bearer.strip()):
            return await _page()
        if asked and lock.opens(asked):
            led = RedirectResponse("./operator", 303, HEADERS)
            led.set_cookie(COOKIE, lock.token, httponly=True, samesite="strict",
                           secure=scope.get("scheme") == "https" or header(scope, b"x-forwarded-proto") == "https")
            return led
        return None


async def _page() -> Response:
    return HTMLResponse(await to_thread.run_sync(page), headers=HEADERS)


# The page


def page() -> str:
    """All of it, as HTML."""
    look, how, made = LOOKS["dark"], standing(), engine()
    trouble = how.ailing or made.notice()
    parts = [_state(trouble), _numbers(counts, how, kept(made)), _underway(how.underway), _failures(counts),
             _versions()]
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_("Operator")} · thermoviz</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="refresh" content="{RELOAD_SECONDS}"><style>{_style(look)}</style></head>'
            f'<body><h1>{_("How the server is")}</h1>{"".join(parts)}</body></html>')


def _style(look: Any) -> str:
    return f"""body {{ background: {look.background}; color: {look.text}; font: 16px/1.45 {look.font_family};
        margin: 0 auto; padding: 1rem; max-width: 70rem; }}
    h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin: 1.6rem 0 .5rem; }}
    .well, .ill {{ padding: .6rem .9rem; border-radius: 8px; border: 1px solid {look.line};
        background: {look.panel}; }} .ill {{ border-color: {look.heat}; color: {look.heat}; }}
    dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .7rem; margin: 1rem 0; }}
    dl div {{ background: {look.panel}; border: 1px solid {look.line}; border-radius: 8px; padding: .5rem .8rem; }}
    dt {{ color: {look.dim}; font-size: .85rem; }} dd {{ margin: 0; font-size: 1.15rem; font-weight: 600;
        overflow-wrap: anywhere; }}
    .wide {{ overflow-x: auto; }} table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
    th, td {{ text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid {look.line};
        vertical-align: top; }} th {{ color: {look.dim}; font-weight: 500; }}
    p {{ color: {look.dim}; }}"""


def _state(trouble: str) -> str:
    return (f'<div class="ill" role="status">{html.escape(trouble)}</div>' if trouble else
            f'<div class="well" role="status">{_("All is well: a job could begin now.")}</div>')


def _numbers(all: Counts, how: Any, store: Kept) -> str:
    with all.lock:
        shown = {
            _("Running for"): _duration(all.uptime),
            _("Visitors let in"): f"{house().inside()} / {settings().sessions}",
            _("Browsers connected"): all.opened - all.closed,
            _("Sessions so far"): all.opened, _("Turned away"): all.turned_away,
            _("Jobs that wait"): how.queued, _("Workers busy"): f"{len(how.underway)} / {how.places}",
            _("Jobs by outcome"): ", ".join(f"{key} {n}" for key, n in sorted(all.jobs.items())) or "0",
            _("Known before asked"): f"{how.asked['known']} / {how.asked.total()}",
            _("Mean wait"): _mean(all.waited), _("Mean job"): _mean(all.computed),
            _("Mean rerun"): _mean(all.reruns), _("Processors, all jobs"): f"{all.cpu:.0f} s",
            _("Store"): f"{store.bytes / MIB:.0f} / {store.limit / MIB:.0f} MiB",
            _("Runs in the store"): store.files, _("Runs that went for others"): store.evicted,
            _("Free on its disk"): "" if store.free is None else f"{store.free / 2**30:.1f} GiB",
            _("Memory of the web process"): f"{memory() / MIB:.0f} MiB", _("Page errors"): all.errors,
        }
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{html.escape(str(value)) or '–'}</dd></div>"
                            for name, value in shown.items()) + "</dl>"


def _mean(spread: Any) -> str:
    return f"{spread.total / spread.number:.2g} s" if spread.number else ""


def _duration(seconds: float) -> str:
    return str(datetime.timedelta(seconds=int(seconds)))


def _table(title: str, names: Sequence[str], rows: Iterable[Sequence[Any]], nothing: str) -> str:
    cells = ["".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<h2>{title}</h2>" + (f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>' if cells else
                                  f"<p>{nothing}</p>")


def _underway(jobs: Iterable[Any]) -> str:
    rows = [(one.kind, one.id, one.visitor, f"{one.fraction:.0%}", f"{one.seconds:.1f} s") for one in jobs]
    return _table(_("Being computed"), (_("kind"), _("run"), _("for"), _("done"), _("for so long")), rows,
                  _("Nothing just now."))


def _failures(all: Counts) -> str:
    with all.lock:
        latest = list(reversed(all.failures))
    now = time.time()
    rows = [(_("{time} ago").format(time=_duration(max(0.0, now - one.at))), one.what, one.visitor, one.why)
            for one in latest]
    return _table(_("Last failures"), (_("when"), _("what"), _("for"), _("why")), rows, _("None so far."))


def _versions() -> str:
    rows = [("thermoviz", version()), (_("numbers"), NUMERICS_VERSION), ("Python", platform.python_version())]
    rows += [(name, importlib.metadata.version(name)) for name in SHOWN_LIBRARIES]
    return _table(_("Versions"), (_("what"), _("which")), rows, "")
