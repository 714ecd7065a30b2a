"""The page "Yours" behind its widgets: what is taken, what is refused in which words, what its links open."""

import base64
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed_cases import LONG, SCRIPTS, SQL, TRAVERSALS, TRICKS, assert_one_sentence

import thermoviz as tv
from thermoviz.dashboard.pages.yours import visit as page
from thermoviz.dashboard.pages.yours.columns import _preview
from thermoviz.dashboard.pages.yours.saying import plain_text
from thermoviz.dashboard.pages.yours.sketch import sketch
from thermoviz.dashboard.pages.yours.visit import YoursVisit, opened
from thermoviz.dashboard.state import gone
from thermoviz.engine.brought.kept import DATA, RUN, Brought
from thermoviz.engine.store import Store
from thermoviz.experiments.tables.table import read
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs import files
from thermoviz.runs.carried import OwnData

CSV = ("a,b,kind\n" + "".join(f"{k % 9},{k % 4},{('x', 'y')[k % 2]}\n" for k in range(40))).encode()
HOUSE = types.SimpleNamespace(look="dark", hidden=frozenset())


@pytest.fixture
def brought(tmp_path, monkeypatch):
    kept = Brought(Store(tmp_path))
    made = types.SimpleNamespace(brought=kept, delete=kept.delete, leave=lambda id, viewer: None)
    monkeypatch.setattr(page, "engine", lambda: made)
    yield kept
    OwnData.shelf.forget()


def taken(name, contents):
    """A visitor who has chosen this file."""
    here = YoursVisit(viewer="somebody")
    here.answer(lambda: here._take(name, len(contents), lambda: contents))
    return here


def learned(contents=CSV, target="kind", inputs=("a", "b"), task="classification"):
    here = taken("flowers.csv", contents)
    here.learn(target, list(inputs), task, False)
    assert not here.refusal
    return here


def test_a_table_is_looked_at_then_learned_and_its_link_opens_it_again(brought):
    here = learned()
    assert here.opened.kind == DATA and here.opened.title == "“kind” from flowers.csv" and here.table is None
    OwnData.shelf.forget()
    link = here.query(here.base, HOUSE)
    again = opened(link)
    assert again.base == here.base and again.opened == here.opened and not again.messages
    assert len(link["data"]) == 64 and link["kind"] == "yours" and "dataset" not in link


def test_what_is_changed_stands_in_the_link(brought):
    import dataclasses

    here = learned()
    changed = dataclasses.replace(here.base, steps=300, network=tv.MLP((5, 6)))
    again = opened(here.query(changed, HOUSE))
    assert again.base == changed and not again.messages


def test_a_run_file_is_opened_and_never_answers_a_question(brought):
    run = tv.load_preset("mueller-brown")
    here = taken("mine.safetensors", run.to_bytes())
    assert here.opened.kind == RUN and not here.refusal
    assert brought.run(here.opened.key).content == run.content and run.id not in brought.store
    assert opened(here.query(None, HOUSE)).opened.key == here.opened.key


def test_deletion_takes_it_from_every_link(brought):
    here = learned()
    link = here.query(here.base, HOUSE)
    here.delete(here.opened)
    assert here.opened is None and not here.mine and "is deleted" in here.messages[0]
    assert opened(link).messages == (gone(),) and opened(link).opened is None


@pytest.mark.parametrize("query", [
    {"data": "0" * 64}, {"run": "0" * 64}, *({name: text} for name in ("data", "run") for text in (
        *TRAVERSALS, *SCRIPTS, *SQL, *TRICKS, *LONG, ""))])
def test_a_link_to_nothing_is_one_sentence(brought, query):
    found = opened({"kind": "yours", **query})
    assert found.opened is None and found.messages == (gone(),)


def test_settings_of_a_link_that_cannot_be_are_told(brought):
    here = learned()
    found = opened({**here.query(here.base, HOUSE), "network.hidden": "0", "nonsense": "1"})
    assert found.opened == here.opened and len(found.messages) == 2


def corrupt(**other):
    """A run file that passes its checksum and does not fit together."""
    run = tv.load_preset("mueller-brown")
    return files.pack({**run.arrays, **{name: change(run.arrays[name]) for name, change in other.items()}},
                      run._metadata())


@pytest.mark.parametrize("name, contents", [
    ("a.safetensors", b"\xff\0\0\0\0\0\0\0{" + b"x" * 50), ("b.safetensors", tv.load_preset("digits").to_bytes()[:-9]),
    ("c.safetensors", corrupt(xs=lambda xs: xs[:-3])), ("h.safetensors", corrupt(U=lambda U: U * np.nan)),
    ("i.safetensors", corrupt(xs=lambda xs: xs[::-1])), ("d.csv", b""), ("e.csv", b"\x80\x04K\x01."),
    ("f.npy", b"\x93NUMPY\x01\0\x10\0{'descr': '|O',}"), ("g.csv", b"a,b\n1\n")])
def test_each_bad_file_is_one_sentence(brought, name, contents):
    here = taken(name, contents)
    assert here.opened is None and here.table is None
    assert_one_sentence(here.refusal)


def test_too_large_a_file_is_not_even_read(brought):
    here = YoursVisit(viewer="somebody")
    here.answer(lambda: here._take("large.csv", 65 * 2**20, lambda: pytest.fail("it was read")))
    assert "at most 64 MB" in here.refusal


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_bytes_are_brought_there_is_an_answer(contents):
    here = taken("x", contents)
    if here.table is None:
        assert_one_sentence(here.refusal)


def test_names_that_are_no_names_are_shown_as_they_are(brought):
    names = [*SCRIPTS[:4], "**bold** [x](http://evil.example)", "![](http://evil.example/x.png)"]
    rows = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    table = read((rows + "\n" + ",".join("1" * len(names)) + "\n" + ",".join("2" * len(names)) + "\n").encode())
    shown = _preview(table, table.names[0], table.names[1:])
    assert "<script" not in shown and "<img" not in shown and "&lt;script&gt;" in shown
    assert all(mark not in plain_text(name).replace("\\" + mark, "") for name in table.names for mark in "*[]()!<>")


def test_a_drawing_is_learned_and_a_browser_is_not_believed(brought):
    here = YoursVisit(viewer="somebody")
    points = [[x / 10 - 0.9, np.sin(x) / 2, x % 2] for x in range(19)]
    for bad in (None, [], [[9, 9, 9]] * 20, [{}] * 20, "x" * 30):
        here.learn_drawn(bad, "classification")
        assert here.opened is None
        assert_one_sentence(here.refusal)
    here.learn_drawn(points, {"no": "task"})
    assert here.opened.kind == DATA and here.base.dataset.task == "classification"
    here.learn_drawn(points, "regression")
    assert here.base.dataset.task == "regression" and len(here.mine) == 2


@pytest.mark.parametrize("columns, task", [(1, "classification"), (1, "regression"), (3, "classification"),
                                           (3, "regression")])
def test_data_are_sketched_until_there_is_more(columns, task):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((50, columns))
    data = tv.Dataset(x, (x[:, 0] > 0).astype(int) if task == "classification" else x[:, 0], task)
    text = base64.b64decode(sketch(data, LOOKS["dark"]).partition(",")[2]).decode()
    assert text.count("<circle") == 50 and "nan" not in text


def test_data_of_every_size_are_learned_with_settings_that_may_be(brought):
    generator = np.random.default_rng(0)
    for n, p in ((8, 1), (40, 3), (3000, 20), (50_000, 8)):
        x = generator.standard_normal((n, p))
        data = tv.table(np.column_stack([x, x[:, 0]]), task="regression")
        spec = page.first_spec(page.own_data(data), data)
        assert spec.batch_size <= data.n_train and spec.resolution in (21, 41, 81)
