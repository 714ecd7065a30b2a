"""A server whose places are taken, and a visitor whose share is used up: a kind sentence each, and then it goes on."""

import pytest
from test_app_browser import PATIENCE_MS, first_drawing, serving

pytestmark = pytest.mark.browser
FULL = "Just a moment"


def test_who_comes_when_the_house_is_full_is_let_in_by_itself(tmp_path, new_page, monkeypatch):
    monkeypatch.setenv("THERMOVIZ_SESSIONS", "1")
    with serving(tmp_path) as (address, _process):
        inside, outside = new_page(), new_page()
        first_drawing(inside, address)
        outside.goto(f"{address}/?kind=about")
        outside.get_by_role("heading", name=FULL).wait_for(timeout=PATIENCE_MS)
        assert "one place" in outside.locator("[data-testid=stMarkdown]").first.inner_text()
        inside.get_by_role("button", name="Handwritten digits").click()  # who is inside notices nothing
        inside.wait_for_function("() => document.title.includes('digits')", timeout=PATIENCE_MS)
        inside.close()
        outside.get_by_role("heading", name=FULL).wait_for(state="detached", timeout=PATIENCE_MS)
        outside.get_by_role("heading", name="A loss landscape is an energy surface").wait_for(timeout=PATIENCE_MS)
        assert outside.complaints == []


def test_who_has_used_their_share_is_told_when_they_can_go_on(tmp_path, new_page, monkeypatch):
    monkeypatch.setenv("THERMOVIZ_VISITOR_SECONDS", "0.001")
    with serving(tmp_path) as (address, _process):
        page = new_page()
        page.goto(f"{address}/?kind=second_law&v=4&balls=64&seed=3")
        page.locator("h1.tv-headline[data-run]:not([data-run=''])").wait_for(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Experiment").click()
        control = page.get_by_test_id("stSidebar").get_by_role("slider").first
        control.wait_for(timeout=PATIENCE_MS)
        control.focus()
        control.press("ArrowRight")
        said = page.get_by_text("You can go on in")
        said.wait_for(timeout=PATIENCE_MS)
        assert "each visitor has here in 60 minutes" in said.inner_text()
        page.goto(f"{address}/?preset=digits")  # what is known opens all the same
        page.locator("h1.tv-headline[data-run]:not([data-run=''])").wait_for(timeout=PATIENCE_MS)
        assert page.complaints == []
