"""What is this? Three captions point into the picture until the first gesture; every drop and every quench tells."""

import numpy as np
import pytest
import stage_scene

pytestmark = pytest.mark.browser
STILL = {"reduced_motion": "reduce"}
# Boxes of all captions, of what they may not cover, the ends of their lines, and where the deepest valley is drawn.
LAYOUT = """(element) => {
    const { view, simulation } = element.thermoviz, origin = view.element.getBoundingClientRect();
    const box = (e) => { const b = e.getBoundingClientRect();
        return [b.x - origin.x, b.y - origin.y, b.width, b.height]; };
    const layout = view.layout(), [x, y] = simulation.surface.minima[0];
    const spot = layout.spot(x, y, simulation.surface.energy(x, y));
    return { captions: [...element.querySelectorAll('.caption')].map(box), size: [layout.width, layout.height],
        taken: layout.taken().map(({ x, y, width, height }) => [x, y, width, height]),
        panels: [...element.querySelectorAll('.head, .corner')].map(box).filter(([, , width]) => width),
        ends: [...element.querySelectorAll('.captions circle')].map((c) => [Number(c.getAttribute('cx')),
            Number(c.getAttribute('cy'))]), deepest: [spot.x, spot.y] };
}"""


def explained(**more):
    return stage_scene.message(captions=True, start="boltzmann", temperature=0.02, **more)


def wait_for_captions(page):
    """Until their places have been found."""
    page.wait_for_function("""() => [...document.querySelectorAll('body, body *')].map((e) => e.shadowRoot)
        .some((root) => root?.querySelectorAll('.caption[style]').length === 3)""")


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


@pytest.mark.parametrize("width, height", [(1400, 900), (390, 844)])
@pytest.mark.parametrize("look", ["dark", "light", "projector"])
def test_three_captions_point_into_the_picture(open_stage, look, width, height):
    """Inside the picture, over no name, no panel and none of each other; the first points at the deepest valley."""
    page = open_stage(explained(look=look), width, height, **STILL)
    wait_for_captions(page)
    found = page.stage.evaluate(LAYOUT)
    boxes = found["captions"]
    assert len(boxes) == 3 and all(w > 40 and h > 15 for _x, _y, w, h in boxes)
    for k, box in enumerate(boxes):
        assert box[0] >= 0 and box[1] >= 0 and box[0] + box[2] <= found["size"][0] + .5
        assert box[1] + box[3] <= found["size"][1] + .5
        others = [*boxes[:k], *found["taken"], *found["panels"]]
        assert not [other for other in others if overlap(box, other)]
    assert np.allclose(found["ends"][0], found["deepest"], atol=.1)
    assert all(not overlap(box, [*end, 0, 0]) for end in found["ends"] for box in boxes)
    assert page.complaints == []


def test_the_first_caption_shows_what_the_network_there_does(open_stage):
    page = open_stage(explained(), **STILL)
    wait_for_captions(page)
    accuracy = page.locator(".under dd").nth(2).inner_text()
    assert "whole neural network" in page.locator(".caption").first.inner_text()
    assert accuracy in page.locator(".caption").first.inner_text()
    colours = page.locator(".caption canvas").evaluate("""(canvas) => new Set(new Uint32Array(canvas.getContext('2d')
        .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size""")
    assert colours > 20


def shown(page):
    return page.locator(".captions").is_visible()


@pytest.mark.parametrize("gesture", ["pointer", "key", "slider"])
def test_they_go_at_the_first_gesture_and_come_back_by_the_question_mark(open_stage, gesture):
    page = open_stage(explained(), **STILL)
    wait_for_captions(page)
    page.mouse.move(300, 300)
    page.keyboard.press("Tab")
    assert shown(page)  # looking around is no gesture
    if gesture == "pointer":
        page.locator(".view").click(position={"x": 60, "y": 300})
    elif gesture == "key":
        page.keyboard.press("t")
    else:
        page.get_by_role("slider", name="Temperature", exact=True).fill("300")
    assert not shown(page)
    page.locator("body").press("?")
    assert shown(page) and page.locator(".help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".help").is_hidden() and shown(page)
    reload_until_remembered(page)
    assert not shown(page)  # it is no first visit any more
    assert page.complaints == []


def reload_until_remembered(page):
    """A busy browser may hand the page back before it has written down what the page keeps; not five times."""
    for _ in range(5):
        page.reload()
        page.wait_for_selector(".tv .view")
        if not shown(page):
            return


def test_a_browser_without_a_memory_is_explained_to_each_time(open_stage):
    forbidden = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no'); } });"
    page = open_stage(explained(), script=forbidden, **STILL)
    wait_for_captions(page)
    page.keyboard.press("t")
    assert not shown(page)
    page.stage.evaluate("(element, message) => element.thermoviz.update(message)", explained(link="other"))
    assert not shown(page)  # within a visit they do not come again
    page.reload()
    wait_for_captions(page)
    assert page.complaints == []


def test_a_file_and_a_page_that_hides_explanations_have_none(open_stage):
    page = open_stage(stage_scene.message(), **STILL)
    assert not shown(page) and page.locator(".invitation").is_hidden()
    page.keyboard.press("?")
    assert not shown(page) and page.locator(".help").is_visible()


def test_a_potential_has_words_of_its_own(open_stage):
    page = open_stage(explained(with_networks=False), **STILL)
    wait_for_captions(page)
    text = " ".join(page.locator(".caption").all_inner_texts())
    assert "network" not in text and "Height is energy" in text


def test_the_slider_invites_until_the_first_gesture(open_stage):
    page = open_stage(explained())
    wait_for_captions(page)
    invitation = page.locator(".invitation")
    assert "warm it" in invitation.inner_text()
    moving = "(element) => element.getAnimations().length"
    assert invitation.evaluate(moving) > 0
    page.keyboard.press("t")
    assert invitation.is_hidden()
    still = open_stage(explained(), **STILL)
    still.evaluate("localStorage.clear()")
    still.reload()
    wait_for_captions(still)
    assert still.locator(".invitation").is_visible() and still.locator(".invitation").evaluate(moving) == 0


@pytest.mark.parametrize("T", [0.0, 0.05])
def test_dropped_balls_are_told(open_stage, T):
    page = open_stage(stage_scene.message(temperature=T), **STILL)
    box = page.locator(".view").bounding_box()
    page.mouse.click(box["x"] + .5 * box["width"], box["y"] + .5 * box["height"])
    assert page.locator(".dropped").count() == 1
    assert page.locator(".note", has_text="60 balls dropped").is_visible()


@pytest.mark.parametrize("programme", ["quench", "anneal"])
def test_reset_undoes_what_a_programme_did(open_stage, programme):
    """The heat and the places with which the run began, also after the balls were frozen."""
    page = open_stage(stage_scene.message(temperature=0.2, start="boltzmann", n_balls=300), **STILL)
    begun = page.state()
    assert page.stage.evaluate("""(element, programme) => {
        const { actions } = element.thermoviz;
        actions.programmeSteps(1000);
        actions.programme(programme);
        element.thermoviz.pass(1200);
        return element.thermoviz.state().T; }""", programme) < 0.01
    page.get_by_role("button", name="Reset").click()
    after = page.state()
    assert after["T"] == begun["T"] and after["programme"] == "hold" and after["steps"] == 0
    assert after["positions"] == begun["positions"]
    assert page.locator(".temperature output").inner_text() == "0.200"
