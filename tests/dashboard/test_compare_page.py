"""The page "Compare" without a browser: links to two runs, picking, bad links, and what of both is said."""

import dataclasses

import pytest

import thermoviz as tv
from thermoviz.catalogue.links import from_query, pair_to_query, shortest_query, side_of, to_query
from thermoviz.comparison import differences
from thermoviz.dashboard.compared import sides
from thermoviz.dashboard.compared.sides import opened, pair_query, read, title
from thermoviz.dashboard.compared.tables import csv_of, numbers_table
from thermoviz.dashboard.state import engine

BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=4, steps=40, resolution=33)
SMALL = dataclasses.replace(BASE, batch_size=4)
PRESETS = {key: preset.spec for key, preset in tv.PRESETS.items()}


def texts(app):
    return " ".join([*(one.value for one in (*app.warning, *app.info, *app.caption, *app.error)),
                     *(one.proto.body for one in app.get("html"))])


def asked(app):
    """What stands in the address bar."""
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


@pytest.fixture
def page(whole_app):
    """Opens the page by a link."""
    def open_it(query=None):
        return whole_app("compare", **{name: text for name, text in (query or {}).items() if name != "kind"})
    return open_it


# Links


@pytest.mark.parametrize("spec", [BASE, SMALL, *PRESETS.values(), tv.EXPERIMENTS["heat_bath"](), tv.Potential(),
                                  dataclasses.replace(PRESETS["digits"], batch_size=8)])
def test_a_link_to_two_leads_back_to_both(spec):
    query = pair_query([spec, BASE], {"T": 0.03, "scale": "own"})
    assert query["kind"] == "compare" and all(name.split(".")[0] in ("v", "kind", "a", "b", "T", "scale")
                                              for name in query)
    back = opened(query)
    assert (back.a.spec, back.b.spec, back.temperature, back.one_scale) == (spec, BASE, 0.03, False)
    assert back.a.messages == back.b.messages == () and from_query(side_of(query, "a")).spec == spec


def test_the_shortest_link_is_that_of_the_nearest_preset():
    near = dataclasses.replace(PRESETS["digits"], batch_size=8)
    assert shortest_query(near) == to_query("digits", near)
    assert title(near) == "Handwritten digits: batch size 8 instead of 64"


def test_a_pair_s_link_names_the_version_once():
    query = pair_to_query([{"v": "3", "T": "1", "preset": "digits"}, {"preset": "digits", "look": "light"}])
    assert query == {"v": query["v"], "kind": "compare", "a.preset": "digits", "b.preset": "digits"}


@pytest.mark.parametrize("text", [
    "https://host/?v=4&preset=digits&batch_size=8&seed=0&T=0.1&look=light", "?preset=digits&batch_size=8",
    "preset=digits&batch_size=8", "http://host/base/compare?kind=compare&a.preset=digits&a.batch_size=8&b.preset=x"])
def test_a_pasted_link_is_read_whatever_it_looks_like(text):
    found = read(text)
    assert (found.spec, found.messages) == (dataclasses.replace(PRESETS["digits"], batch_size=8), ())


def test_a_lab_s_address_is_a_link_to_it():
    for text in ("http://host/heat_bath", "http://host/?kind=heat_bath&seed=0"):
        assert (read(text).spec, read(text).messages) == (tv.EXPERIMENTS["heat_bath"](), ())


@pytest.mark.parametrize("text", ["hello", "https://example.org/", "?preset=moon", "?kind=nothing", "http://[", "=",
                                  "https://host/?kind=compare", "x" * 5000, "?seed=3"])
def test_a_bad_link_is_one_sentence(text):
    (sentence,) = read(text).messages
    assert read(text).spec is None and sentence.count(". ") == 0 and len(sentence) < 200


@pytest.mark.parametrize("kind", ["sweep", "about"])
def test_a_page_without_a_stage_is_no_experiment(kind):
    (sentence,) = read(f"https://host/?kind={kind}").messages
    assert "has no stage" in sentence


@pytest.mark.parametrize("query", ["data=" + "0" * 64, "run=" + "0" * 64, "run=x", "data=x", ""])
def test_a_link_to_what_is_not_here_any_more_is_one_sentence(query):
    found = read(f"https://host/?kind=yours&{query}")
    assert found.spec is None and len(found.messages) == 1


def test_what_somebody_brought_is_compared_by_its_link(page):
    """A run file, and data: both by the links of the page Yours."""
    app = page()
    run = SMALL.compute()
    brought = engine().brought
    key = brought.bring_run(run.to_bytes(), run)
    app.text_input[0].set_value(f"https://host/?kind=yours&run={key}").run()
    assert not app.exception and not app.warning
    assert asked(app)["a.run"] == key and asked(app)["a.kind"] == "yours" and run.id in texts(app)
    back = opened(asked(app))
    assert back.a.given.content == run.content and back.query(app.session_state["visit"]) == asked(app)
    next(button for button in app.button if button.key == "swap").click().run()
    assert asked(app)["b.run"] == key and run.id in texts(app)


# The page


def test_it_opens_with_two_that_are_there_at_once(page):
    app = page()
    said = texts(app)
    assert tv.load_preset("three-minds").id in said and tv.load_preset("digits").id in said
    for run in (tv.load_preset("three-minds"), tv.load_preset("digits")):
        assert repr(float(run.surface.barrier)) in said


def test_the_table_says_the_runs_own_numbers(page):
    first, second = BASE.compute(), SMALL.compute()
    for run in (first, second):
        engine().store.put(run)
    said = texts(page(pair_query([BASE, SMALL])))
    assert 'data-setting="batch_size"' in said and "<td>32</td><td>4</td>" in said
    found = differences.numbers(first, second)
    assert numbers_table(found) in said
    assert "Batch size" in said and "One plane through both" in said  # why there is none


def test_a_bad_side_says_so_and_the_other_stays(page):
    app = page({"a.preset": "digits", "b.preset": "nonsense"})
    (warning,) = app.warning
    assert "nonsense" in warning.value and tv.load_preset("digits").id in texts(app)


def test_a_pasted_link_changes_one_side_and_a_bad_one_neither(page):
    app = page()
    app.text_input[1].set_value("https://host/?preset=mueller-brown").run()
    assert not app.exception and asked(app)["b.preset"] == "mueller-brown"
    assert "heights are different quantities" in texts(app)
    app.text_input[0].set_value("nothing at all").run()
    assert "is no link to an experiment" in app.warning[0].value and len(app.warning) == 1
    assert (asked(app)["a.preset"], asked(app)["b.preset"]) == ("three-minds", "mueller-brown")


def test_a_choice_and_the_swap_are_in_the_link(page):
    app = page()
    app.selectbox[0].select_index(3).run()
    assert not app.exception and asked(app)["a.preset"] == "breast-cancer"
    next(button for button in app.button if button.key == "swap").click().run()
    assert (asked(app)["a.preset"], asked(app)["b.preset"]) == ("digits", "breast-cancer")


def test_the_switch_of_scales_is_in_the_link_and_is_followed(page):
    app = page()
    assert app.toggle[0].value and "scale" not in app.query_params
    app.toggle[0].set_value(False).run()
    assert asked(app)["scale"] == "own" and "own scale" in texts(app)
    assert page({"scale": "own"}).toggle[0].value is False


def test_what_was_looked_at_can_be_chosen_and_a_lab_compared(page):
    app = page({"a.kind": "heat_bath"})
    assert "runs of two kinds" in texts(app)
    app.selectbox[0].select_index(1).run()  # away from the lab
    assert any(option.startswith(("Lab: Heat bath", "Looked at: Heat bath")) for option in app.selectbox[0].options)


def test_share_of_a_run_leads_to_its_comparison(whole_app):
    app = whole_app("heat_bath")
    next(button for button in app.button if button.key == "compare_with").click().run()
    assert not app.exception
    assert "Two runs side by side" in texts(app) and asked(app)["a.kind"] == "heat_bath"


def test_one_side_alone_opens_its_own_page(page):
    app = page({"a.kind": "heat_bath"})
    next(button for button in app.button if button.key == "open_a").click().run()
    assert not app.exception and asked(app)["kind"] == "heat_bath"


def test_both_on_one_plane_opens_the_experiment_of_both(page):
    other = dataclasses.replace(BASE, dynamics=(tv.Adam(0.02),))
    for spec in (BASE, other):
        engine().store.put(spec.compute())
    app = page(pair_query([BASE, other]))
    next(button for button in app.button if button.key == "one_plane").click().run()
    assert not app.exception
    assert from_query(asked(app)).spec == dataclasses.replace(BASE, dynamics=(*BASE.dynamics, *other.dynamics))


def test_the_file_with_commas_holds_the_table():
    import csv
    import io

    both = tv.compare(tv.load_preset("three-minds"), tv.load_preset("digits"))
    rows = list(csv.DictReader(io.StringIO(csv_of(both))))
    table = both.table()
    assert [row["what"] for row in rows] == list(table["what"]) and list(rows[0]) == list(table.columns)
    barrier = next(row for row in rows if row["what"] == "Barrier out of the deepest valley")
    assert float(barrier["a"]) == both.a.surface.barrier and barrier["differs"] == "True"


def test_what_is_looked_at_is_remembered_up_to_a_bound(monkeypatch):
    import streamlit as st

    from thermoviz.dashboard import state

    monkeypatch.setattr(st, "session_state", {})
    for seed in range(20):
        state.look_at(dataclasses.replace(BASE, seed=seed))
    state.look_at(dataclasses.replace(BASE, seed=15))
    seeds = [spec.seed for spec in state.looked_at().values()]
    assert len(seeds) == state.MOST_REMEMBERED and seeds[-2:] == [19, 15]
    state.look_at(tv.Sweep(BASE, over={"batch_size": [4, 8]}, seeds=1))
    assert len(state.looked_at()) == len(seeds)
    ids = list(sides.choices(sides.Side("a", BASE)))
    assert len(ids) == len(set(ids))
