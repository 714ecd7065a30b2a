"""The page "Phase diagram": opens with the shipped one, says what a sweep takes before it begins, and follows links."""

import dataclasses

import pytest

import thermoviz as tv
from thermoviz.catalogue.links import sweep_to_query
from thermoviz.catalogue.shipped import load_sweep, phase_diagram
from thermoviz.core.specs import identity
from thermoviz.dashboard.pages import sweep as page
from thermoviz.dashboard.state import engine
from thermoviz.engine.jobs import RUNNING, JobState

BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=2, steps=20)
SWEEP = tv.Sweep(BASE, over={"batch_size": [4, 16], "dynamics.1.lr": [0.1, 0.3]}, seeds=2)


@pytest.fixture
def opened(whole_app):
    """Opens the page by a link, without a browser."""
    def open_it(query=None):
        test = whole_app("sweep", **{name: text for name, text in (query or {}).items() if name != "kind"})
        assert not test.exception, test.exception
        return test
    return open_it


def headline(test):
    return next(html.body for html in (one.proto for one in test.get("html")) if "tv-headline" in html.body)


def test_it_opens_with_the_shipped_diagram(opened):
    test = opened()
    assert load_sweep().id in headline(test) and "times the learning rate of theory" in headline(test)
    assert not any(button.label == "Compute" for button in test.button)


def test_what_a_sweep_takes_is_said_before_it_begins(monkeypatch, opened):
    asked = []
    monkeypatch.setattr(type(engine()), "submit", lambda self, spec, viewer: asked.append(spec) or identity(spec))
    monkeypatch.setattr(type(engine()), "state", lambda self, id: JobState(RUNNING, 0.25, "runs"))
    test = opened(sweep_to_query(SWEEP))
    assert any("8 runs: a few seconds" in info.value for info in test.info) and not asked
    next(button for button in test.button if button.label == "Compute").click().run()
    assert asked == [SWEEP]


def test_what_takes_too_long_for_a_page_is_not_begun(opened):
    long = tv.Sweep(dataclasses.replace(BASE, steps=50_000, replicas=256), over={"batch_size": [100, 200]}, seeds=1000)
    test = opened(sweep_to_query(long))
    assert any("use the command" in warning.value for warning in test.warning)
    assert not any(button.label == "Compute" for button in test.button)


def test_what_is_known_is_shown_at_once(opened):
    engine().store.put(SWEEP.compute())
    test = opened(sweep_to_query(SWEEP, {"map": "sharpness"}))
    assert identity(SWEEP) in headline(test)
    assert next(box for box in test.selectbox if box.label == "What is shown").value == "sharpness"


def test_a_link_that_cannot_be_followed_says_so(opened):
    test = opened({"kind": "sweep", "over.batch_size": "0"})
    assert any("batch" in warning.value.lower() for warning in test.warning)


def test_refused_values_are_said_in_a_sentence(opened):
    test = opened()
    box = next(box for box in test.text_input if box.label == "Values of batch size")
    box.set_value("1,0").run()
    assert not test.exception and any("Batch size" in warning.value for warning in test.warning)
    box.set_value("").run()
    assert not test.exception


def test_a_visit_follows_its_link():
    visit = page.opened({**sweep_to_query(SWEEP, {"map": "lost"}), "look": "light"})
    assert visit.start == SWEEP and visit.mapped == "lost" and not visit.messages
    bare = page.opened({"kind": "sweep"})
    assert bare.start == phase_diagram()
    assert page.opened({"preset": "digits", "dataset.n": "30"}).start == phase_diagram()


@pytest.mark.browser
def test_a_sweep_is_asked_for_shown_and_opened(server, new_page):
    """From a link to the picture of it, and from a cell to the run that it stands for."""
    from urllib.parse import parse_qs, urlencode, urlsplit

    here = new_page()
    here.goto(f"{server[0]}/?{urlencode(sweep_to_query(SWEEP))}")
    here.get_by_role("button", name="Compute").click(timeout=page_patience())
    here.locator(f'[data-run="{identity(SWEEP)}"]').wait_for(timeout=page_patience())
    plot = here.locator(".st-key-card_phase .nsewdrag").first
    plot.wait_for(timeout=page_patience())
    box = plot.bounding_box()
    here.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    link = here.get_by_role("link", name="Open the run with batch size 16, learning rate 0.3")
    link.wait_for(timeout=page_patience())
    asked = parse_qs(urlsplit(link.get_attribute("href")).query)
    assert asked["batch_size"] == ["16"] and asked["dynamics.1.lr"] == ["0.3"]


def page_patience():
    return 120_000
