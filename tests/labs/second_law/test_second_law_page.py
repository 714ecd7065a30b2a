"""The page "Second law", and through it the frame of all labs: default, both ends of every control, links, waiting."""

import functools
import re
from pathlib import Path

import pytest
from browsing import go_to
from streamlit.testing.v1 import AppTest
from test_app_browser import PATIENCE_MS

import thermoviz as tv
from thermoviz.dashboard import lab
from thermoviz.dashboard.serving import APP
from thermoviz.presentation import verdicts

ROOT = Path(__file__).parents[3]
QUICK = {"balls": "100", "steps": "100"}


@pytest.fixture
def page(lab_page, at_once):
    """Opens the page by link; at most a few balls and steps are computed."""
    at_once.limits = {"balls": 200, "steps": 100}
    return functools.partial(lab_page, "second_law")


def here(app):
    return app.session_state["lab_second_law"]


def text(app):
    return " ".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize(("settings", "answer", "hint"), [
    ({"start": "uniform"}, "No. What falls", "it falls from 2.6 to"),
    ({"start": "basin"}, "In this cloud it does", "it stays at"), ({"heat": "0"}, "Without heat", "give the bath heat"),
    ({"start": "point"}, "In this cloud it does", "it rises from"),
])
def test_answer_and_hint_follow_the_run(page, settings, answer, hint):
    app = page(**QUICK, **settings)
    assert not app.exception and answer in text(app) and hint in text(app)


def test_a_refused_text_leaves_the_other_controls_where_they_are(page):
    app = page(**QUICK)
    app = app.select_slider(key=f"{here(app).prefix}/balls").set_value(30).run()
    app = app.text_input(key=f"{here(app).prefix}/at").set_value("somewhere").run()
    assert not app.exception and not app.error
    assert all("use commas, such as 0.2, 0.8" in warning.value for warning in app.warning) and app.warning
    assert app.select_slider(key=f"{here(app).prefix}/balls").value == 30
    app = app.text_input(key=f"{here(app).prefix}/at").set_value("0.5, 0.5").run()
    assert not app.warning and here(app).shown.spec.balls == 30 and here(app).shown.spec.at == (0.5, 0.5)


@pytest.mark.parametrize(("start", "on_stage"), [
    ("saddle", "point:0,0,0.135"), ("point", "point:-1.08,1.08,0.135"), ("uniform", "uniform"), ("basin", "basin")])
def test_every_start_is_the_stages_too(page, start, on_stage):
    app = page(**QUICK)
    app = app.selectbox(key=f"{here(app).prefix}/start").select(start).run()
    assert not app.exception and not app.error and here(app).shown.spec.start == start
    sent = app.get("bidi_component")[0].proto.json
    found = re.search(r'"start": ?"([^"]*)"', sent)[1]
    assert '"paused": true' in sent
    if start in ("saddle", "point"):
        kind, place = found.split(":")
        assert kind == "point"
        assert [float(x) for x in place.split(",")] == pytest.approx(
            [float(x) for x in on_stage.split(":")[1].split(",")], abs=1e-6)
    else:
        assert found == on_stage


def test_another_landscape_and_the_link_to_it(page):
    app = page(**QUICK)
    app = app.selectbox(key=f"{here(app).prefix}/landscape.kind").select("slice").run()
    assert not app.exception and here(app).shown.spec.landscape == tv.SecondLaw(landscape="slice").landscape
    query = here(app).query(here(app).asked, app.session_state["visit"])
    assert query["kind"] == "second_law" and query["landscape"] == "slice" and {"v", "seed"} <= set(query)
    assert lab.opened("second_law", query).base == here(app).asked


def test_a_labs_link_leaves_the_landscape_page_alone(page):
    app = page(**QUICK, kind="second_law", heat="1", look="light")
    house = app.session_state["visit"]
    assert house.look == "light" and not house.messages and house.base.kind == "descent"


def test_what_a_teacher_hides_is_absent(page):
    app = page(**QUICK, kind="second_law", hide="controls_share_charts_explanation")
    assert not app.exception and not app.select_slider and not app.button and not app.expander
    assert not app.get("plotly_chart") and "tv-verdict" in text(app)


def test_while_it_is_computed_the_surface_is_there(page, at_once):
    at_once.mode = "running"
    app = page(balls="77")
    assert not app.exception and len(app.get("bidi_component")) == 1 and not app.get("plotly_chart")
    assert app.get("progress") and 'data-run=""' in text(app)
    app = app.button(key="cancel").click().run()
    assert not app.exception and here(app).shown is not None


def test_who_goes_to_another_page_is_not_waited_for(at_once):
    """Or the worker would be busy with what nobody sees, while the other page waits for it."""
    at_once.mode = "running"
    app = AppTest.from_file(APP, default_timeout=60).run()
    go_to(app, "second_law")
    waited = here(app).waiting
    assert waited is not None and not at_once.left
    go_to(app, "about")
    assert not app.exception and here(app).waiting is None and at_once.left == [waited]
    go_to(app, "second_law")
    assert here(app).waiting == waited


def test_a_failure_is_one_sentence_with_a_way_back(page, at_once):
    app = page(**QUICK)
    at_once.mode = "failed"
    app = app.select_slider(key=f"{here(app).prefix}/balls").set_value(300).run()
    assert not app.exception and app.error[0].value == "It went wrong."
    at_once.mode = "done"
    app = app.button(key="back").click().run()
    assert not app.exception and not app.error and here(app).shown.spec.balls == 100


def test_one_valley_has_no_saddle_and_says_so(page):
    app = page(**QUICK, landscape="harmonic", start="point")
    assert not app.exception and not app.error and here(app).shown.spec.landscape == tv.Harmonic()


@pytest.mark.parametrize(("measured", "stderr", "words"), [
    (0.12345, 0.0123, "0.123 ± 0.012"), (-2.0, 0.5, "−2.00 ± 0.50"), (1234.0, 56.0, "1234 ± 56"), (1.5, 0.0, "1.5"),
    (float("nan"), 1.0, "–"), (2.1e-9, 3e-10, "2.1 × 10^-9 ± 3 × 10^-10"), (None, 1.0, "–"),
])
def test_measured_numbers_are_written_to_two_digits_of_their_error(measured, stderr, words):
    verdict = tv.Verdict("name", measured, stderr, None, None, None)
    assert verdicts.measured(verdict) == words.replace("^-", "^−")


def test_powers_of_ten_are_raised_in_words():
    assert lab.raised("only up to T = 1.9 × 10^−5: no") == "only up to T = 1.9 × 10⁻⁵: no"
    assert lab.raised("e^(−W/T), 3 × 10^12") == "e^(−W/T), 3 × 10¹²"


def test_references_and_badges():
    assert verdicts.reference(None) == "–" and verdicts.reference(1e-9, 0.1) == "0"
    assert verdicts.reference(0.5, 0.1) == "0.5" and verdicts.reference(1e-9) != "0"
    tones = [verdicts.standing(tv.Verdict("", 0, 0, 0, 0, holds))[1] for holds in (True, False, None)]
    assert tones == ["yes", "no", "open"]


@pytest.mark.browser
def test_in_a_real_browser_from_the_first_page_to_the_verdicts(new_page, server):
    page = new_page()
    page.goto(server[0])
    page.get_by_role("link", name="Second law").click()
    page.wait_for_selector(".tv-verdict", timeout=PATIENCE_MS)
    assert page.locator(".tv-verdict").count() == 7
    page.locator(".js-plotly-plot").nth(3).wait_for(timeout=PATIENCE_MS)
    assert "kind=second_law" in page.url and "preset" not in page.url
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not [said for said in page.complaints if not said.startswith("warning")]
