"""What the page says while somebody waits, and when there is nothing to wait for any more."""

import pytest
from browsing import lab_alone

from thermoviz.dashboard import state

COMING, NOT_THERE = "This chart is being computed.", "This chart was not computed."


@pytest.fixture
def page(at_once):
    """Opens the page of a lab that shows a bare surface until there is more: `page("running", place=3)`."""
    def opened(mode, **told):
        at_once.mode, at_once.told = mode, told
        app = lab_alone("second_law")
        app.query_params["balls"] = "100"
        app.run()
        assert not app.exception
        return app
    return opened


def captions(app):
    return {element.value for element in app.caption}


def told(app):
    """The text beside the bar of progress."""
    progress, = app.get("progress")
    return progress.proto.text


@pytest.mark.parametrize(("fields", "said"), [
    ({"place": 3, "wait": 21.0}, "Third in line, about 20 s"), ({"place": 1}, "Next in line"),
    ({"place": 0}, "getting ready to compute"),
    ({"place": 0, "attempt": 2}, "begun again after a fault: getting ready to compute"),
])
def test_a_queued_visitor_reads_place_and_wait(page, fields, said):
    app = page("queued", **fields)
    assert told(app).split(" · ")[0] == said and COMING in captions(app)


def test_a_retry_needs_no_click_and_is_told(page):
    app = page("running", attempt=3)
    assert told(app).startswith("begun again after a fault: balls") and not app.error


@pytest.mark.parametrize("mode", ["failed", "cancelled"])
def test_where_nothing_comes_no_chart_says_that_it_does(page, mode):
    app = page(mode)
    assert NOT_THERE in captions(app) and COMING not in captions(app)


def test_who_comes_back_after_their_place_was_taken_gets_a_new_one_without_a_click(page, at_once, monkeypatch):
    app = page("running")
    at_once.mode = "cancelled"
    monkeypatch.setattr(at_once, "submit", lambda spec, viewer: setattr(at_once, "mode", "queued"))
    app.run()
    assert told(app).startswith("getting ready to compute") and not app.info


def test_what_may_pass_can_be_tried_again_with_a_click(page, at_once):
    app = page("failed", again=True)
    assert app.warning[0].value == "It went wrong." and not app.error
    at_once.mode, at_once.told = "done", {}
    app.button(key="again").click().run()
    assert not app.warning and not captions(app) & {COMING, NOT_THERE} and len(at_once.left) == 1


def test_what_is_refused_cannot_be_tried_again(page):
    app = page("failed")
    assert app.error[0].value == "It went wrong."
    assert not {"again", "back"} & {button.key for button in app.button}, "there is nothing yet to go back to"


def test_all_pages_of_a_session_take_turns_as_one_visitor(page, at_once):
    app = page("done")
    assert app.session_state["lab_second_law"].viewer == app.session_state["visit"].viewer
    assert page("done").session_state["visit"].viewer != app.session_state["visit"].viewer
    assert isinstance(app.session_state["visit"], state.Visit)


def test_what_is_wrong_with_a_cluster_stands_on_the_page_until_it_is_mended(lab_page, at_once):
    at_once.said = "The cluster cannot be reached. This server computes by itself until that is mended."
    app = lab_page("second_law")
    assert [one.value for one in app.warning] == [at_once.said]
    at_once.said = ""
    assert not app.run().warning
