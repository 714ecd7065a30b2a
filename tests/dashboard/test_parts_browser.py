"""An interaction that concerns one part of the page draws that part alone: what the server sends after it."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from test_app_browser import PATIENCE_MS, STAGE, first_drawing, sidebar_slider

from thermoviz.experiments.presets import load_preset

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(server, new_page):
    """Opens a page, and waits until all of it is drawn: `page.sent` lists what elements the server has sent."""
    def open_it(query="", chart="losses"):
        page = new_page()
        page.sent, page.finished = [], []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: hear(page, frame)))
        first_drawing(page, f"{server[0]}/{query}")
        page.locator(f".st-key-card_{chart} .js-plotly-plot").wait_for(timeout=PATIENCE_MS)
        return page
    return open_it


def hear(page, frame):
    message = ForwardMsg()
    message.ParseFromString(frame)
    kind = message.WhichOneof("type")
    if kind == "delta":
        page.sent.append(message.delta.new_element.WhichOneof("type") or "block")
    elif kind == "ref_hash":  # what the browser has already
        page.sent.append("known")
    elif kind == "script_finished":
        page.finished.append(message.script_finished)


def wait_for_answer(page):
    while not page.finished:
        page.evaluate("() => new Promise(requestAnimationFrame)")


def test_the_heat_and_a_control_in_the_same_moment_are_both_heard(opened):
    page = opened()
    page.get_by_role("button", name="Experiment").click()
    rate = sidebar_slider(page, "Learning rate")
    rate.wait_for(state="visible", timeout=PATIENCE_MS)
    page.evaluate(LIE_FOR_A_WHILE)
    page.locator(".st-key-scene").get_by_role("slider", name="Temperature").press("ArrowRight")
    rate.press("ArrowLeft")
    for said in ("T=", "lr="):
        page.wait_for_function("said => location.search.includes(said)", arg=said, timeout=PATIENCE_MS)
    assert page.complaints == []


def test_the_controls_open_and_close_and_the_page_is_not_drawn_again(opened):
    page = opened()
    page.evaluate(f"() => {{ ({STAGE}).marked = true }}")
    for visible in (True, False):
        page.sent.clear(), page.finished.clear()
        page.get_by_role("button", name="Experiment").click()
        wait_for_answer(page)
        assert set(page.sent) <= {"block", "button"}
        sidebar_slider(page, "Learning rate").wait_for(state="visible" if visible else "hidden", timeout=PATIENCE_MS)
    assert page.evaluate(f"({STAGE}).marked") and page.complaints == []


# A browser so busy that what is to be sent lies for a while.
LIE_FOR_A_WHILE = """() => {
    const timer = window.setTimeout;
    window.setTimeout = (call, ms, ...rest) => timer(call, ms || 400, ...rest);
}"""
# A button is pressed when the stage has just told the page that it stands, so that both are sent together.
PRESS_AT_ONCE = f"""(selector) => {{
    ({LIE_FOR_A_WHILE})();
    const look = () => {{
        const button = document.querySelector(selector);
        if (button && (({STAGE})?.state().pictures ?? 0) >= 8) button.click();
        else requestAnimationFrame(look);
    }};
    look();
}}"""


@pytest.mark.parametrize(("pressed", "comes"), [
    ("experiment", lambda page: sidebar_slider(page, "Learning rate")),
    ("preset_narrow-deep", lambda page: page.locator(f"h1[data-run='{load_preset('narrow-deep').id}']"))])
def test_the_stage_s_word_and_a_press_in_the_same_moment_are_both_heard(server, new_page, pressed, comes):
    page = new_page()
    page.add_init_script(f"({PRESS_AT_ONCE})('.st-key-{pressed} button')")
    page.goto(server[0])
    comes(page).wait_for(state="visible", timeout=PATIENCE_MS)
    page.locator(".st-key-card_free_energy .js-plotly-plot").wait_for(timeout=PATIENCE_MS)
    assert page.complaints == []


# The link is followed just before the stage tells the page that it stands, and so before the server can have answered.
LEAVE_BEFORE_IT_STANDS = f"""(name) => {{
    const look = () => {{
        const link = [...document.querySelectorAll("a")].find((link) => link.textContent.includes(name));
        if (link && (({STAGE})?.state().pictures ?? 0) >= 7) link.click();
        else requestAnimationFrame(look);
    }};
    look();
}}"""


def test_who_leaves_the_page_is_not_called_back_by_the_stage_s_word(server, new_page):
    """The word is of the page that is left: the server would draw that one again."""
    page = new_page()
    page.add_init_script(f"({LEAVE_BEFORE_IT_STANDS})('Second law')")
    page.goto(server[0])
    page.locator(".tv-verdict").first.wait_for(timeout=PATIENCE_MS)
    assert page.url.startswith(f"{server[0]}/second_law?") and page.complaints == []
