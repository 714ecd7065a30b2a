"""Files of a chart, asked for by the links below it: right, for those who saw the page, and nothing else."""

import html
import io
import re
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pandas
import pytest
from streamlit.testing.v1 import AppTest
from test_server import asked

from thermoviz.catalogue.shipped import load_sweep
from thermoviz.dashboard import drawn, panels
from thermoviz.dashboard.front import downloads
from thermoviz.dashboard.front.addresses import BeginAtFirstPage
from thermoviz.dashboard.front.downloads import Downloads
from thermoviz.dashboard.share import SAVED, key_of
from thermoviz.engine.brought.kept import Brought
from thermoviz.engine.store import Store
from thermoviz.experiments.presets import load_preset
from thermoviz.figures import charts
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.run import Run

RUN = load_preset("three-minds")


async def beyond(scope, receive, send):
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"beyond"})


def answer(path, base="", **query):
    return asked(Downloads(beyond, base), path, "&".join(f"{k}={v}" for k, v in query.items()).encode())


def card():
    """A page with one chart."""
    from thermoviz.dashboard import panels
    from thermoviz.experiments.presets import load_preset
    from thermoviz.figures import charts
    from thermoviz.presentation.looks import LOOKS

    panels.chart(load_preset("three-minds"), LOOKS["light"], "losses", charts.losses)


def links():
    """The links below a chart, as they stand on the page."""
    drawn.forget()
    app = AppTest.from_function(card, default_timeout=60).run()
    assert not app.exception and panels and charts and LOOKS
    text = next(one.proto.body for one in app.get("html") if "tv-saved" in one.proto.body)
    return [html.unescape(one) for one in re.findall(r'href="\./([^"]*)" download', text)]


def test_every_link_below_a_chart_gives_its_file():
    found = links()
    assert [urlsplit(one).path.rpartition(".")[2] for one in found] == list(SAVED)
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "csv": b"series,", "parquet": b"PAR1"}
    for one in found:
        parts = urlsplit(one)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, headers, body = answer(f"/{parts.path}", **query)
        form = parts.path.rpartition(".")[2]
        assert status == 200 and body.startswith(starts[form])
        assert f'filename="thermoviz-losses-{RUN.id}.{form}"'.encode() in headers[b"content-disposition"]
        assert query["look"] == "light"
        if form == "parquet":
            pandas.testing.assert_frame_equal(pandas.read_parquet(io.BytesIO(body)), RUN.table("losses"))


def test_a_picture_has_the_look_of_the_page():
    pictures = [answer(f"/export/{RUN.id}/shares.svg", key=key_of(RUN.id), look=look)[2] for look in ("dark", "light")]
    for body, look in zip(pictures, ("dark", "light"), strict=True):
        assert LOOKS[look].background.encode() in body


@pytest.mark.parametrize("path, key", [
    (f"/export/{RUN.id}/losses.csv", ""), (f"/export/{RUN.id}/losses.csv", "0" * 32),
    (f"/export/{RUN.id}/losses.mp4", None), (f"/export/{RUN.id}/losses.html", None),
    (f"/export/{RUN.id}/nonsense.csv", None), (f"/export/{RUN.id}/nonsense.png", None),
    ("/export/0000000000000000/losses.csv", None)])
def test_what_is_not_there_or_not_for_all_is_told_in_one_sentence(path, key):
    status, _headers, body = answer(path, key=key_of(path.split("/")[2]) if key is None else key)
    assert status == 404 and body.decode().count("\n") == 1 and b"Traceback" not in body


def test_a_look_that_is_none_is_refused():
    assert answer(f"/export/{RUN.id}/losses.png", key=key_of(RUN.id), look="pink")[0] == 404


def test_the_phase_diagram_is_the_number_that_is_shown():
    run = load_sweep()
    one, other = (answer(f"/export/{run.id}/phase.svg", key=key_of(run.id), mapped=name)[2]
                  for name in ("loss", "lost"))
    assert b"mean loss" in one and b"mean loss" not in other
    assert answer(f"/export/{run.id}/phase.csv", key=key_of(run.id), mapped="loss")[0] == 200


def test_a_run_that_was_brought_gives_its_files_once_it_was_shown(monkeypatch, tmp_path):
    """It never enters the store under its id: its own contents name it, not those that another file gives that id."""
    brought = Brought(Store(tmp_path))
    monkeypatch.setattr(downloads, "engine", lambda: SimpleNamespace(brought=brought, partial=lambda id: None))
    run = Run(RUN.spec, RUN.arrays, {**RUN.numbers, "brought": 1})
    key = brought.bring_run(run.to_bytes(), run)

    def asked_for(of):
        return answer(f"/export/{run.id}/losses.csv", key=key_of(run.id), content=of.content)

    assert asked_for(run)[0] == 404
    assert brought.run(key).content == run.content
    assert asked_for(run)[0] == 200 and asked_for(RUN)[0] == 404
    brought.delete("run", key)
    assert asked_for(run)[0] == 404


def test_other_addresses_go_on_to_the_app():
    assert answer("/export/a/b.c.d")[0] == 299 and answer("/")[0] == 299
    assert answer(f"/base/export/{RUN.id}/losses.csv", "/base", key=key_of(RUN.id))[0] == 200


def test_no_page_is_looked_for_at_a_files_address():
    status, _headers, body = asked(BeginAtFirstPage(beyond), "/export/x/y", headers=((b"accept", b"text/html"),))
    assert (status, body) == (299, b"beyond")
