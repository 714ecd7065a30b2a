"""The dashboard without a browser: controls out of specifications, state out of links, pages without exceptions."""

import html
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from browsing import go_to
from streamlit.testing.v1 import AppTest

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS, Descent
from thermoviz.catalogue.links import to_query
from thermoviz.core.dynamics.integrators import DYNAMICS, SGD, Adam
from thermoviz.core.errors import BadInput
from thermoviz.core.learning.datasets import Sine
from thermoviz.core.specs import Field, identity, specification, to_json
from thermoviz.dashboard import controls, state
from thermoviz.dashboard.serving import APP
from thermoviz.dashboard.style import preset_rules, stylesheet, thumbnail_rules
from thermoviz.experiments.presets import DEFAULT_PRESET, PRESETS
from thermoviz.presentation.looks import LOOKS
from thermoviz.presentation.settings import describe

ROOT = Path(__file__).parents[2]
SPECIFICATIONS = [cls for table in (EXPERIMENTS, DYNAMICS) for cls in table.values()]


@specification
class Part:
    size: Annotated[int, Field(ge=1, le=9, title="Size", description="How large")] = 3
    kind: Literal["part"] = Field("part", kw_only=True, repr=False)


@specification
class Whole:
    part: Part = Part()
    share: Annotated[float, Field(ge=0, le=1, title="Share")] = 0.25
    count: Annotated[int | None, Field(ge=1, le=99, json_schema_extra={"ladder": [1, 3, 10]})] = 3
    widths: Annotated[tuple[int, ...], Field(title="Widths")] = (16, 16)
    quick: bool = False
    colour: Literal["red", "dark_blue"] = "red"


def by_name(cls):
    return {setting.name: setting for setting in describe(cls)}


def test_settings_are_read_from_the_fields():
    settings = by_name(Whole)
    assert [s.form for s in settings.values()] == ["member", "number", "number", "list", "switch", "choice"]
    assert settings["share"].title == "Share" and (settings["share"].low, settings["share"].high) == (0, 1)
    count = settings["count"]
    assert count.optional and count.whole and count.ladder == (1, 3, 10) and count.title == "Count"
    assert settings["widths"].whole and settings["colour"].choices == ("red", "dark_blue")
    assert settings["part"].choices == (Part,)


@pytest.mark.parametrize("cls", SPECIFICATIONS, ids=lambda cls: cls.__name__)
def test_every_field_of_every_specification_has_a_widget_and_a_title(cls):
    for setting in describe(cls):
        assert setting.form in controls._WIDGETS and setting.title
        for rung in setting.ladder:
            if rung is not None:
                assert setting.low is None or rung >= setting.low
                assert setting.high is None or rung <= setting.high
        for member in setting.choices if setting.form in ("member", "members") else ():
            for inner in describe(member):
                assert inner.form in (*controls._WIDGETS, "fixed") and inner.title


def drawn(spec_class, base):
    """An app of nothing but the controls of `base`; what they return is kept in the session's state."""

    def script(spec_class, base):
        import streamlit as st

        from thermoviz.dashboard.controls import controls
        st.session_state["made"] = controls(spec_class, base, 0)

    return AppTest.from_function(script, args=(spec_class, base)).run(timeout=20)


@pytest.mark.parametrize("key", PRESETS)
def test_untouched_controls_give_back_the_specification(key):
    spec = PRESETS[key].spec
    app = drawn(type(spec), spec)
    assert not app.exception and app.session_state["made"] == spec


def widget(app, kind, label, index=0):
    return [w for w in getattr(app, kind) if w.label == label][index]


def test_a_changed_kind_starts_from_its_own_defaults():
    spec = EXPERIMENTS["descent"](dynamics=(SGD(0.3, momentum=0.9),))
    app = drawn(type(spec), spec)
    widget(app, "selectbox", "Optimiser 1").select("adam").run()
    assert not app.exception and app.session_state["made"].dynamics == (Adam(),)
    widget(app, "select_slider", "How many to compare").set_value(3)
    app.run()
    made = app.session_state["made"].dynamics
    assert len(made) == 3 and len({type(d) for d in made}) == 3


def value_of(option):
    """The number behind what a slider shows."""
    return None if option == "all" else json.loads(option.replace("−", "-").replace(" × 10^", "e"))


def test_at_both_ends_of_every_slider_the_specification_holds():
    spec = EXPERIMENTS["descent"]()
    app = drawn(type(spec), spec)
    assert len(app.select_slider) > 10
    for i in range(len(app.select_slider)):
        for end in (0, -1):
            slider = app.select_slider[i]
            start, option = slider.value, slider.options[end]
            slider.set_value(value_of(option))
            app.run(timeout=20)
            assert not app.exception, (slider.label, option)
            app.select_slider[i].set_value(value_of(start) if isinstance(start, str) else start)
    app.run()
    assert app.session_state["made"] == spec


def test_a_list_that_is_none_is_refused_in_one_sentence():
    setting = by_name(Whole)["widths"]
    with pytest.raises(BadInput, match="use commas, such as 1; .*numbers"):
        _without_streamlit(setting, "16, many")


def _without_streamlit(setting, text):
    class Fake:
        @staticmethod
        def text_input(*args, **kwargs):
            return text

        @staticmethod
        def caption(text):
            """Streamlit's own, in the page."""

    original, controls.st = controls.st, Fake
    try:
        return controls._list(setting, [1], "key")
    finally:
        controls.st = original


def test_a_list_is_read_with_any_separator():
    setting = by_name(Whole)["widths"]
    assert _without_streamlit(setting, " 8; 4,2 ") == [8, 4, 2] and _without_streamlit(setting, "") == []


# State


def test_an_empty_link_opens_the_default_preset_with_its_run():
    visit = state.opened({})
    assert visit.preset == DEFAULT_PRESET and visit.base == PRESETS[DEFAULT_PRESET].spec
    assert visit.shown.id and visit.look == "dark" and not visit.messages and not visit.hidden


def test_a_link_survives_the_round_trip():
    query = {"preset": DEFAULT_PRESET, "T": "0.02", "look": "light", "hide": "controls_share"}
    visit = state.opened(query)
    again = visit.query(visit.base)
    assert {key: again[key] for key in query} == query and {"v", "seed"} <= set(again)
    assert state.opened(again).base == visit.base


def test_what_a_link_may_not_ask_for_becomes_a_sentence():
    visit = state.opened({"look": "pink", "hide": "everything", "steps": "-5", "preset": "none such"})
    assert visit.look == "dark" and not visit.hidden and visit.preset == DEFAULT_PRESET
    said = " ".join(visit.messages)
    assert all(word in said for word in ("look=pink", "everything", "steps", "preset"))


# Pages


@pytest.fixture
def app():
    made = AppTest.from_file(APP, default_timeout=30).run()
    assert not made.exception, made.exception
    return made


def test_the_first_page_shows_a_preset_without_asking_the_engine(app):
    visit = app.session_state["visit"]
    assert visit.waiting is None and visit.shown.id == identity(PRESETS[DEFAULT_PRESET].spec) and visit.complete
    assert {button.key for button in app.button} >= {f"preset_{key}" for key in PRESETS}
    assert not app.error and not app.warning


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_is_shown_at_once(app, key):
    app.button(f"preset_{key}").click().run()
    assert not app.exception
    visit = app.session_state["visit"]
    assert visit.shown.id == identity(PRESETS[key].spec) and visit.waiting is None
    words = html.unescape(" ".join(element.proto.body for element in app.get("html")))
    assert PRESETS[key].sentence in words and PRESETS[key].hint in words


def test_about_runs(app):
    go_to(app, "about")
    assert not app.exception and app.title[0].value


@pytest.mark.parametrize("look", LOOKS)
def test_looks_by_link(look):
    made = AppTest.from_file(APP, default_timeout=30)
    made.query_params["look"] = look
    made.run()
    assert not made.exception and made.session_state["visit"].look == look


def test_hidden_panels_are_absent():
    made = AppTest.from_file(APP, default_timeout=30)
    made.query_params["hide"] = "_".join(state.HIDEABLE)
    made.run()
    assert not made.exception
    assert not made.button and not made.selectbox and not made.expander and not made.get("plotly_chart")


@pytest.fixture
def kept(tmp_path, setting):
    """An engine of its own, whose store already holds what is put into it: `kept(run)`."""
    setting(store=tmp_path)
    state.engine.clear()
    yield lambda run: state.engine().store.put(run)
    state.engine().close()
    state.engine.clear()


def test_a_run_in_which_every_training_diverged(kept):
    """The losses up to there stand with the step at which they left; there is no landscape, and no blank chart."""
    spec = Descent(Sine(), dynamics=(SGD(30.0),), replicas=4, steps=1000)
    run = tv.run(spec)
    assert run.surface is None
    (_k, count, step), = run.lost
    kept(run)
    made = shown_by_link(spec)
    said = " ".join(warning.value for warning in made.warning)
    assert f"{count} of 4 replicas" in said and f"diverged at step {step}" in said
    assert any("no landscape" in error.value for error in made.error)
    losses = json.loads(made.get("plotly_chart")[0].proto.spec)
    assert "diverged at step" in str(losses["layout"]["annotations"])
    medians = [trace for trace in losses["data"] if "name" in trace]
    assert medians and all(trace["mode"] == "lines+markers" for trace in medians)


def test_the_replicas_that_diverged_are_counted(kept):
    spec = Descent(Sine(), dynamics=(SGD(30.0), SGD(0.1)), replicas=4, steps=100)
    kept(tv.run(spec))
    made = shown_by_link(spec)
    said = " ".join(warning.value for warning in made.warning)
    assert "4 of 4 replicas of SGD lr 30" in said and "lr 0.1" not in said
    assert len(made.get("plotly_chart")) >= 4 and not made.error


def shown_by_link(spec):
    """The page that a link to `spec` opens."""
    made = AppTest.from_file(APP, default_timeout=30)
    for name, value in to_query(DEFAULT_PRESET, spec).items():
        made.query_params[name] = value
    made.run()
    assert not made.exception and made.session_state["visit"].shown.spec == spec
    return made


def test_a_visitor_who_comes_back_finds_the_controls_as_they_were(app):
    app.number_input("0/seed").set_value(5).run()
    go_to(app, "about")
    go_to(app, "landscape")
    assert not app.exception and app.session_state["visit"].asked.seed == 5


def test_a_session_that_begins_anew_again_and_again_does_not_grow(app):
    """Streamlit forgets no widget that a session has had: sets of keys come back in turn, and start from `base`."""
    def chosen(key):
        app.button(f"preset_{key}").click().run()
        here = app.session_state["visit"]
        assert not app.exception and app.number_input(f"{here.prefix}/seed").value == PRESETS[key].spec.seed
        app.number_input(f"{here.prefix}/seed").set_value(77).run()
        return len(app.session_state._state._state._new_widget_state.widget_metadata)

    had = [chosen(key) for key in ("digits", "three-minds") * state.TURNS]
    assert had[state.TURNS] == had[-1]


# Style


def test_the_theme_file_has_the_colours_of_the_dark_look():
    theme = tomllib.loads((APP.parent / ".streamlit" / "config.toml").read_text())["theme"]
    dark = LOOKS["dark"]
    assert (theme["backgroundColor"], theme["secondaryBackgroundColor"]) == (dark.background, dark.panel)
    assert (theme["primaryColor"], theme["textColor"], theme["borderColor"]) == (dark.heat, dark.text, dark.line)


@pytest.mark.parametrize("look", LOOKS)
def test_style_is_balanced_and_in_the_looks_colours(look):
    css = (stylesheet(LOOKS[look]) + preset_rules(LOOKS[look], 6)
           + thumbnail_rules(LOOKS[look], {"a": "data:,"}, "a"))
    assert css.count("{") == css.count("}") and LOOKS[look].background in css and "</" not in css


def test_no_page_lets_html_through_markdown():
    for path in (ROOT / "thermoviz").rglob("*.py"):
        assert "unsafe_allow_html" not in path.read_text(), path


def test_specifications_survive_the_controls_json():
    for preset in PRESETS.values():
        assert to_json(preset.spec)["kind"] == preset.spec.kind


@pytest.mark.parametrize("query", [
    {"dataset": '{"kind": "own", "content_hash": "' + "a" * 64 + '"}'},
    {"dynamics": '[{"kind": "sgd", "lr": [0.1, 0.2], "momentum": 0.0}]', "replicas": "2"},
])
def test_settings_that_no_widget_can_say_do_not_break_the_page(query):
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
