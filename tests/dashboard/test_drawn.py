"""What a run looks like is made once for all visitors, and what is kept stays within its bound."""

import dataclasses
import json
import threading

import pytest
from plotly.basedatatypes import BaseFigure
from streamlit.testing.v1 import AppTest

import thermoviz as tv
from thermoviz.catalogue import LABS
from thermoviz.dashboard import component, drawn, panels
from thermoviz.dashboard.serving import APP
from thermoviz.experiments.presets import DEFAULT_PRESET, PRESETS, load_preset
from thermoviz.figures import charts
from thermoviz.presentation import words
from thermoviz.presentation.looks import LOOKS

DARK, LIGHT = LOOKS["dark"], LOOKS["light"]
FEW = {"heat_bath": dict(steps=100, replicas=4), "interactions": dict(steps=60, networks=4, ramp_steps=30, walkers=16),
       "volume_or_depth": dict(walkers=3), "second_law": dict(balls=100, steps=100),
       "equilibrium": dict(steps=200, replicas=4), "crystal_or_glass": dict(steps=100, balls=10)}


@pytest.fixture(autouse=True)
def _anew():
    drawn.forget()
    yield
    drawn.forget()


@pytest.fixture
def built(monkeypatch):
    """What is built from now on: a list of "figure" and "stage"."""
    made = []
    begin, message = BaseFigure.__init__, component.payload

    def figure(self, *args, **settings):
        made.append("figure")
        begin(self, *args, **settings)

    def stage(*args, **settings):
        made.append("stage")
        return message(*args, **settings)

    monkeypatch.setattr(BaseFigure, "__init__", figure)
    monkeypatch.setattr(component, "payload", stage)
    return made


def first_page(**query):
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return shown(app)


def shown(app):
    app.run()
    assert not app.exception, app.exception
    return app


def pictures(app):
    """What goes to the browser for every chart and for the stage, but for the stage's name of this mounting."""
    figures = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    return figures, [one.proto.json for one in app.get("bidi_component")], [one.value for one in app.caption]


@pytest.mark.parametrize("key", PRESETS)
def test_a_rerun_of_the_first_page_builds_nothing_again(built, key):
    app = first_page(preset=key)
    before = pictures(app)
    assert before[0] and before[1] and "figure" in built and built.count("stage") == 1
    built.clear()
    assert pictures(shown(app)) == before
    assert built == []


@pytest.mark.parametrize("kind", LABS)
def test_a_rerun_of_a_lab_builds_nothing_again(at_once, lab_page, built, kind):
    at_once.limits = FEW[kind]
    app = lab_page(kind)
    before = pictures(shown(app))
    assert before[0] and "figure" in built
    built.clear()
    assert pictures(shown(app)) == before
    assert built == []


def test_what_is_replayed_is_what_the_figure_says():
    app = shown(first_page())
    run = load_preset(DEFAULT_PRESET)
    specs = [one.proto.spec for one in app.get("plotly_chart")]
    for draw in (charts.free_energy, charts.shares, charts.losses):
        assert draw(run, DARK).to_json(validate=False) in specs


def test_two_visitors_share(built):
    mine = pictures(first_page())
    built.clear()
    assert pictures(first_page()) == mine
    assert built == []


def test_each_look_has_its_own(built):
    dark = first_page()
    built.clear()
    light = first_page(look="light")
    assert "figure" in built and "stage" in built
    assert pictures(light)[0] != pictures(dark)[0] and pictures(light)[1] != pictures(dark)[1]
    built.clear()
    assert pictures(shown(dark)) != pictures(shown(light))
    assert built == []


def counted(made):
    def make():
        made.append(words.language())
        return len(made), 1

    return make


def test_each_language_look_figure_setting_and_state_of_a_run_has_its_own(monkeypatch):
    whole = load_preset(DEFAULT_PRESET)
    part = tv.Run(whole.spec, {name: array for name, array in whole.arrays.items() if name != "test_losses"},
                  whole.numbers)
    assert part.id == whole.id and part.content != whole.content
    monkeypatch.setattr(words, "languages", lambda: ["en", "de"])
    made = []
    make = counted(made)
    asked = [("en", whole, DARK, "a", ()), ("de", whole, DARK, "a", ()), ("en", part, DARK, "a", ()),
             ("en", whole, LIGHT, "a", ()), ("en", whole, dataclasses.replace(DARK, font=15), "a", ()),
             ("en", whole, DARK, "b", ()), ("en", whole, DARK, "a", ("T=1",))]
    try:
        for _round in range(2):
            for i, (language, run, look, key, settings) in enumerate(asked, 1):
                words.read_in(language)
                assert drawn.drawn(run, look, key, make, *settings) == i
    finally:
        words.read_in("en")
    assert made == [language for language, *_rest in asked]


def test_a_run_read_from_its_file_shares_with_the_run():
    run = load_preset(DEFAULT_PRESET)
    made = []
    for one in (run, tv.Run.from_bytes(run.to_bytes())):
        drawn.drawn(one, DARK, "a", counted(made))
    assert len(made) == 1


def test_what_fails_is_not_kept():
    run, made = load_preset(DEFAULT_PRESET), []

    def fails():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drawn.drawn(run, DARK, "a", fails)
    assert drawn.drawn(run, DARK, "a", counted(made)) == 1


def test_what_is_kept_stays_within_its_bound(monkeypatch):
    monkeypatch.setattr(drawn.SHELF, "most", 10)
    run, made = load_preset(DEFAULT_PRESET), []

    def ask(key, weight):
        return drawn.drawn(run, DARK, key, lambda: (made.append(key), weight))

    for key in "abc":
        ask(key, 4)  # the third drives out the first
    assert drawn.SHELF.weight == 8
    ask("b", 4)  # so that c is the least lately used
    ask("a", 4)
    assert drawn.SHELF.weight == 8 and made == ["a", "b", "c", "a"]
    ask("b", 4)
    assert len(made) == 4
    ask("c", 4)
    assert made[4:] == ["c"]
    ask("large", 11)
    ask("large", 11)
    assert drawn.SHELF.weight == 0 and made[5:] == ["large", "large"]


def test_what_is_kept_weighs_what_it_sends():
    app = first_page()
    sent = sum(len(one.proto.spec) for one in app.get("plotly_chart"))
    sent += sum(len(one.proto.json) for one in app.get("bidi_component"))
    sent += sum(len(one.proto.body) for one in app.get("html"))
    assert 0.9 * sent < drawn.SHELF.weight < 1.1 * sent


def test_visitors_who_come_at_once_wait_for_one_drawing():
    run, made = load_preset(DEFAULT_PRESET), []
    began, go_on = threading.Event(), threading.Event()

    def slow():
        made.append(1)
        began.set()
        go_on.wait()
        return None, 1

    threads = [threading.Thread(target=drawn.drawn, args=(run, DARK, "a", slow)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert began.wait(60)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_every_chart_of_the_dashboard_goes_this_way():
    """One place hands a figure to Streamlit."""
    folder = APP.parents[1]
    assert [path.name for path in sorted(folder.rglob("*.py")) if "plotly_chart(" in path.read_text()] == [
        panels.__name__.split(".")[-1] + ".py"]
