"""A page's own address leads to the first page's, which opens it: relative, so that it holds behind any proxy."""

import asyncio

import pytest

from thermoviz.dashboard.addresses import PAGES, BeginAtFirstPage
from thermoviz.dashboard.state import KINDS
from thermoviz.experiments import EXPERIMENTS


def answer(path, query=b"", method="GET", kind="http"):
    """Where the middleware sends a request, or "passed" if it leaves it to the app."""
    sent = []

    async def app(scope, receive, send):
        sent.append({"passed": True})

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "method": method, "path": path, "query_string": query, "headers": []}
    asyncio.run(BeginAtFirstPage(app)(scope, None, send))
    if sent[0].get("passed"):
        return "passed"
    assert 300 <= sent[0]["status"] < 400
    return dict(sent[0]["headers"])[b"location"].decode()


def test_every_lab_has_an_address():
    assert set(EXPERIMENTS) - set(KINDS) <= PAGES


@pytest.mark.parametrize(("path", "query", "place"), [
    ("/second_law", b"", "./?kind=second_law"),
    ("/second_law", b"heat=1&kind=nonsense&look=light", "./?kind=second_law&heat=1&look=light"),
    ("/below/a/proxy/second_law", b"heat=1", "./?kind=second_law&heat=1"),
    ("/about", b"embed=true", "./?kind=about&embed=true"),
    ("/second_law", b"start=%22%0d%0aX-Y:1", "./?kind=second_law&start=%22%0D%0AX-Y%3A1"),
])
def test_addresses_of_pages_lead_to_the_first(path, query, place):
    assert answer(path, query) == place


@pytest.mark.parametrize("path", ["/", "/landscape", "/_stcore/health", "/second_law/_stcore/stream",
                                  "/static/js/index.js", "//example.org", "/second_law/", "/nowhere"])
def test_all_else_passes(path):
    assert answer(path) == "passed"
    assert answer("/second_law", method="POST") == answer("/second_law", kind="websocket") == "passed"
