"""A page's own address leads to the first page's, which opens it: relative, so that it holds behind any proxy."""

import asyncio
from urllib.parse import urljoin

import pytest

from thermoviz.catalogue import LABS
from thermoviz.dashboard.front.addresses import BeginAtFirstPage
from thermoviz.dashboard.menu import FIRST, LAST, menu

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def answer(path, query=b"", method="GET", kind="http", accept="", base="", root_path=""):
    """Where the middleware sends a request, or "passed" if it leaves it to the app."""
    sent = []

    async def app(scope, receive, send):
        sent.append({"passed": True})

    async def send(message):
        sent.append(message)

    headers = [(b"accept", accept.encode())] if accept else []
    scope = {"type": kind, "method": method, "path": path, "query_string": query, "headers": headers,
             "root_path": root_path}
    asyncio.run(BeginAtFirstPage(app, base)(scope, None, send))
    if sent[0].get("passed"):
        return "passed"
    assert 300 <= sent[0]["status"] < 400
    return dict(sent[0]["headers"])[b"location"].decode()


def test_every_lab_has_an_address():
    names = list(menu())
    assert names[:len(LABS) + 1] == [FIRST.name, *LABS] and names[-1] == LAST


@pytest.mark.parametrize(("path", "query", "place"), [
    ("/second_law", b"", "./?kind=second_law"),
    ("/second_law", b"heat=1&kind=nonsense&look=light", "./?kind=second_law&heat=1&look=light"),
    ("/below/a/proxy/second_law", b"heat=1", "./?kind=second_law&heat=1"),
    ("/about", b"embed=true", "./?kind=about&embed=true"),
    ("/second_law", b"start=%22%0d%0aX-Y:1", "./?kind=second_law&start=%22%0D%0AX-Y%3A1"),
    ("/landscape", b"", "./"), ("/landscape", b"preset=digits", "./?preset=digits"),
])
def test_addresses_of_pages_lead_to_the_first(path, query, place):
    assert answer(path, query) == place


@pytest.mark.parametrize(("path", "base", "place"), [
    ("/nowhere", "", "/?lost=nowhere"), ("/nonsense/page", "", "/?lost=nonsense%2Fpage"),
    ("/a/b/c", "", "/?lost=a%2Fb%2Fc"), ("/page.html", "", "/?lost=page.html"),
    ("/lab/nonsense/page", "lab", "/lab/?lost=nonsense%2Fpage"), ("/lab/nowhere", "/lab/", "/lab/?lost=nowhere"),
])
def test_addresses_that_are_none_lead_to_the_first_page_which_hears_of_it(path, base, place):
    assert urljoin(path, answer(path, accept=BROWSER, base=base)) == place


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/second_law/_stcore/stream", "/static/js/index.js",
                                  "//example.org", "/media/abc", "/component/thermoviz.stage/x.js", "/x.js",
                                  "/favicon.png", "/picture/digits.png"])
def test_all_else_passes(path):
    assert answer(path) == "passed"
    assert answer("/second_law", method="POST") == answer("/second_law", kind="websocket") == "passed"


def test_nothing_outside_the_apps_own_place_is_answered():
    assert answer("/elsewhere", accept=BROWSER, base="lab") == "passed"
    assert answer("/labour", accept=BROWSER, root_path="/lab") == "passed"


def test_the_first_page_of_the_menu_is_the_one_without_a_question():
    assert next(iter(menu().values())) is FIRST and [p.name for p in menu().values() if not p.title] == [FIRST.name]
