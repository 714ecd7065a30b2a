"""What the server sends before the app runs: title and preview of a link, pictures, compressed files."""

import asyncio
import gzip
import html
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from streamlit import file_util

from thermoviz.catalogue.links import to_query
from thermoviz.dashboard.front import files as programs
from thermoviz.dashboard.front import server, shell
from thermoviz.dashboard.menu import document_title, menu
from thermoviz.experiments.presets import PRESETS, load_preset
from thermoviz.figures.preview import picture, png
from thermoviz.presentation.looks import LOOKS
from thermoviz.stage.html import component_file

HOST = (b"host", b"lab.example.org:8501")


class Head(HTMLParser):
    """Title, metas and the attributes of the document."""

    def __init__(self, text):
        super().__init__()
        self.metas, self.title, self.language, self.scripts, self._in_title = {}, "", "", 0, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "meta" and (name := found.get("property") or found.get("name")):
            assert name not in self.metas, f"{name} stands twice"
            self.metas[name] = found["content"]
        self.language = found.get("lang", self.language) if tag == "html" else self.language
        self.scripts += tag == "script"
        self._in_title = tag == "title"

    def handle_data(self, data):
        if self._in_title:
            self.title, self._in_title = data, False


def asked(app, path="/", query=b"", headers=(HOST,), **scope):
    """What an application answers: (status, headers, body)."""
    sent = []

    async def send(message):
        sent.append(message)

    whole = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": list(headers),
             "scheme": "http", "root_path": "", "asgi": {"spec_version": "2.4"}, **scope}
    asyncio.run(app(whole, None, send))
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


async def no_app(scope, receive, send):
    raise AssertionError("passed on")


def first(query=b"", headers=(HOST,), base="", **scope):
    status, found, body = asked(server.FirstDocument(no_app, base), query=query, headers=headers, **scope)
    assert status == 200 and found[b"content-type"] == b"text/html; charset=utf-8"
    return Head(body.decode())


# Unfurling


@pytest.mark.parametrize(("query", "title", "image"), [
    (b"", "Three minds", "three-minds"), (b"preset=digits&v=3", "Handwritten digits", "digits"),
    (b"kind=second_law&heat=1", "Does entropy always rise?", "second_law"),
    (b"kind=about", "A loss landscape is an energy surface, and data are a heat bath", "about"),
    (b"preset=digits&steps=300", "An experiment from “Handwritten digits”", "digits"),
    (b"preset=nonsense&kind=nonsense", "Three minds", "three-minds"),
])
def test_a_link_says_what_it_opens(query, title, image):
    head = first(query)
    metas = head.metas
    assert head.title == metas["og:title"] == f"{title} · thermoviz" and head.language == "en"
    assert metas["description"] == metas["og:description"] and len(metas["description"]) > 40
    assert metas["og:image"] == f"http://lab.example.org:8501/picture/{image}.png"
    assert metas["og:type"] == "website" and metas["twitter:card"] == "summary_large_image"
    assert metas["og:url"].startswith("http://lab.example.org:8501/")


def test_every_page_and_preset_has_its_own_title_and_description():
    queries = [f"preset={key}" for key in PRESETS] + [f"kind={name}" for name in list(menu())[1:]]
    heads = [first(query.encode()) for query in queries]
    assert len({head.title for head in heads}) == len({head.metas["description"] for head in heads}) == len(queries)
    assert all(head.title != "Streamlit" for head in heads)


def test_the_browsers_title_is_the_links():
    assert document_title(menu()["second_law"], "digits") == "Does entropy always rise? · thermoviz"
    assert first(b"preset=digits").title == document_title(menu()["landscape"], "digits")


@pytest.mark.parametrize(("headers", "base", "scope", "root"), [
    ([HOST], "", {}, "http://lab.example.org:8501/"),
    ([HOST], "/teach/", {"path": "/teach/"}, "http://lab.example.org:8501/teach/"),
    ([HOST], "", {"path": "/below/", "root_path": "/below"}, "http://lab.example.org:8501/below/"),
    ([HOST, (b"x-forwarded-proto", b"https")], "", {}, "https://lab.example.org:8501/"),
    ([HOST, (b"x-forwarded-proto", b"https, http"), (b"x-forwarded-host", b"physics.example"),
      (b"x-forwarded-prefix", b"/viz")], "", {}, "https://physics.example/viz/"),
    ([(b"host", b"[::1]:8501")], "", {}, "http://[::1]:8501/"),
])
def test_addresses_are_absolute_as_the_visitor_knows_them(headers, base, scope, root):
    metas = first(headers=headers, base=base, **scope).metas
    assert metas["og:image"] == f"{root}picture/three-minds.png" and metas["og:url"] == root


@pytest.mark.parametrize("headers", [
    [(b"host", b'x"><script>alert(1)</script>')], [HOST, (b"x-forwarded-proto", b"javascript")], [],
    [HOST, (b"x-forwarded-prefix", b'/"><script>')],
])
def test_a_host_that_is_none_gives_no_address(headers):
    assert "og:image" not in first(headers=headers).metas


EVIL = '"><script>alert(1)</script><x y="'


@pytest.mark.parametrize("name", ["preset", "kind", "look", "T", "lost", "dataset", EVIL])
def test_what_comes_from_an_address_is_escaped(name):
    plain = first(b"preset=digits" if name != "preset" else b"").scripts
    query = f"{name}={html.escape(EVIL)}&{name}2={EVIL}".encode()
    assert first(query).scripts == plain
    assert EVIL not in shell.document(programs.shell(), shell.opened({name: EVIL}), "https://a.b/", EVIL)


def test_the_head_changes_nothing_else_of_streamlits_document():
    """Each thing that is replaced stands there once; the programs are all still asked for, and those of the stage."""
    before = programs.shell()
    after = shell.document(before, shell.opened({}), "", None, programs.first_programs())
    asked_before, asked_after = (re.findall(r'(?:src|href)="\.(/[^"]*\.(?:js|css))"', text) for text in (before, after))
    assert sorted(asked_after) == sorted([*asked_before, *programs.first_programs()])
    assert after.count('<div id="root"></div>') == 1 and "Streamlit</title>" not in after
    assert after.count('rel="shortcut icon"') == 1 and "favicon.png" not in after
    # The style of the app comes after the picture: nothing stands in the head that a browser would wait for.
    assert after.index('<div id="tv-still"') < after.index('rel="stylesheet"')


def test_the_document_is_sent_once():
    app = server.FirstDocument(no_app)
    _status, headers, body = asked(app, headers=[HOST, (b"accept-encoding", b"br, gzip")])
    assert headers[b"content-encoding"] == b"gzip" and headers[b"cache-control"] == b"no-cache"
    assert b"<title>" in gzip.decompress(body) and len(body) < 32_000
    assert asked(app, headers=[HOST, (b"if-none-match", headers[b"etag"])])[0] == 304
    assert b"<title>" in asked(app, headers=[HOST, (b"accept-encoding", b"gzip;q=0")])[2]
    assert asked(app, headers=[HOST, (b"if-none-match", b'"other"')])[0] == 200


def test_a_link_made_from_a_link_is_the_same():
    """og:url leads to what the address led to, and the temperature has three digits."""
    query = to_query("digits", PRESETS["digits"].spec, {"T": 0.0949})
    url = first("&".join(f"{k}={v}" for k, v in query.items()).encode()).metas["og:url"]
    assert url == f"http://lab.example.org:8501/?{urlencode(query)}" and url.endswith("T=0.0949")


# Pictures


def pixels(data):
    """A palette PNG as RGB [height, width, 3], read by the standard's own rules."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size, tag = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(tag + body)
        chunks[tag], at = body, at + 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (8, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[rows[:, 1:]]


@pytest.mark.parametrize("key", ["three-minds", "second_law", "heat_bath", "about"])
def test_a_picture_is_one_for_chats(key):
    status, headers, body = asked(server.FirstDocument(no_app), path=f"/picture/{key}.png")
    assert status == 200 and headers[b"content-type"] == b"image/png" and b"max-age" in headers[b"cache-control"]
    drawn = pixels(body)
    assert drawn.shape == (630, 1200, 3) and len(body) < 300_000
    ground = np.array([11, 18, 32])
    share = (np.abs(drawn.astype(int) - ground).max(axis=-1) > 24).mean()
    assert 0.1 < share < 0.9  # a relief on its ground
    warm = (drawn[..., 0].astype(int) - drawn[..., 2] > 60).mean()
    assert warm > 1e-3  # balls, which are the only warm colour, also where it is cold and they lie close together


def test_there_is_no_picture_of_what_is_not_there():
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 404, "headers": []})

    for path in ("/picture/nonsense.png", "/picture/landscape.png", "/picture/../x.png", "/picture/digits.svg"):
        assert asked(server.FirstDocument(app), path=path)[0] == 404
    assert len(reached) == 4


def test_the_relief_shows_its_valleys_dark_and_hides_what_a_ridge_hides():
    surface = load_preset("narrow-deep").surface
    drawn = picture(surface, LOOKS["dark"], 300, 200).astype(int)
    deep = np.array([int(LOOKS["dark"].surface[0][i:i + 2], 16) for i in (1, 3, 5)])
    assert np.abs(drawn - deep).max(axis=-1).min() < 40  # somewhere the bottom is seen
    assert (drawn[:2] == drawn[0, 0]).all() and (drawn[-2:] == drawn[0, 0]).all()  # within its margin


def test_a_palette_is_close_to_what_it_stands_for():
    drawn = picture(load_preset("mueller-brown").surface, LOOKS["light"], 240, 160)
    apart = np.abs(pixels(png(drawn, 48)).astype(int) - drawn)
    assert apart.mean() < 4 and np.quantile(apart, 0.99) < 24


# Compressed files


@pytest.fixture
def files():
    """Streamlit's own files behind the middleware."""
    from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_handler

    return programs.CompressedFiles(create_streamlit_static_handler(file_util.get_static_dir(), ""))


PROGRAM = "/static/js/" + re.search(r"static/js/(index\.[\w-]+\.js)", programs.shell())[1]
GZIP = (b"accept-encoding", b"gzip, deflate, br")


def test_programs_travel_compressed_and_are_the_same(files):
    _status, plain, whole = asked(files, PROGRAM)
    status, packed, body = asked(files, PROGRAM, headers=[GZIP])
    assert status == 200 and gzip.decompress(body) == whole and len(body) < 0.4 * len(whole)
    assert packed[b"content-encoding"] == b"gzip" and int(packed[b"content-length"]) == len(body)
    kept = [set(one[b"cache-control"].split(b", ")) for one in (packed, plain)]
    assert kept[0] == kept[1] and b"immutable" in kept[0]
    assert packed[b"content-type"].split(b";")[0].endswith(b"/javascript")
    assert packed[b"vary"] == b"Accept-Encoding" and packed[b"etag"] != plain[b"etag"]
    assert b"content-encoding" not in plain


def test_each_file_is_compressed_once(monkeypatch):
    """Whoever asks for it, and the stage as well, which Streamlit would compress anew for everybody."""
    programs.packed.cache_clear()
    compressed, compress = [], gzip.compress
    monkeypatch.setattr(programs.gzip, "compress", lambda *given, **more: compressed.append(1) or compress(
        *given, **more))
    app = programs.CompressedFiles(no_app)
    wanted = [PROGRAM, *programs.first_programs()]
    bodies = [[asked(app, path, headers=[GZIP])[2] for path in wanted if programs.packed(path)] for _visitor in "abc"]
    assert bodies[0] == bodies[1] == bodies[2] and len(compressed) == len(bodies[0]) > 4
    assert gzip.decompress(bodies[0][-1]).decode() == component_file()[1]


def test_what_the_stage_needs_is_known_before_it_is_asked_for():
    """The chunks of Streamlit's that draw the first page's elements are files, with all that they import."""
    needed = programs.first_programs()
    assert {path.rpartition("/")[2].partition(".")[0] for path in needed} >= set(programs.FIRST)
    assert len(set(needed)) == len(needed) and needed[-1] == programs.STAGE
    named = programs.shell()
    for path in needed[:-1]:
        text = (Path(file_util.get_static_dir()) / path[1:]).read_text()
        assert all(name in named or f"/static/js/{name}" in needed for name in
                   re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', text))
    assert not set(programs.programs(*programs.LATER)) & set(needed)
    assert sum(len(programs.packed(path).body) for path in needed if programs.packed(path)) < 200_000


def test_who_has_a_compressed_file_is_told_so(files):
    tag = asked(files, PROGRAM, headers=[GZIP])[1][b"etag"]
    status, headers, body = asked(files, PROGRAM, headers=[GZIP, (b"if-none-match", tag)])
    assert status == 304 and not body and headers[b"etag"] == tag


def test_what_is_small_ranged_or_compressed_passes(files):
    ranged = asked(files, PROGRAM, headers=[GZIP, (b"range", b"bytes=0-9")])
    assert ranged[0] == 206 and len(ranged[2]) == 10
    font = next(path for path in re.findall(r"static/media/[\w.-]+\.woff2", programs.shell()))
    assert b"content-encoding" not in asked(files, f"/{font}", headers=[GZIP])[1]


def test_sockets_and_streams_are_not_touched():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], send))

    async def send(message):
        raise AssertionError

    for scope in ({"type": "websocket", "path": "/_stcore/stream", "headers": [GZIP]},
                  {"type": "lifespan"},
                  {"type": "http", "method": "GET", "path": "/_stcore/stream", "headers": [GZIP], "root_path": ""}):
        asyncio.run(programs.CompressedFiles(app)(scope, None, send))
    assert [kind for kind, _send in seen] == ["websocket", "lifespan", "http"]
    assert all(passed is send for _kind, passed in seen)
