"""Stages side by side: who turns or warms one does so to both, and both are drawn between the same energies."""

import math

import pytest
import stage_scene

from thermoviz.stage import html

pytestmark = pytest.mark.browser

STATES = "() => [...document.querySelectorAll('section > div')].map(({ shadowRoot }) => shadowRoot)"
PAIR = f"(({STATES})().map((root) => root.querySelector('.tv').thermoviz))"
SCALE = 0.7


def message(function, group="two", **more):
    made = stage_scene.message(function, n=31, **more)
    made["surface"]["shown"] = (0.0, 5.0)
    made["coupled"] = {"group": group, "scale": SCALE}
    return made


@pytest.fixture
def pair(new_page, tmp_path):
    """Opens two stages in one file: `pair(first, second)`; `page.both(script)` gives what it says of each `stage`."""
    def open_pair(*messages, seen=2, **settings):
        path = tmp_path / "pair.html"
        path.write_text(html.page(*messages), encoding="utf-8")
        page = new_page(**settings)
        page.goto(path.as_uri())
        page.wait_for_function(f"{PAIR}.slice(0, {seen}).every((stage) => stage.state().pictures > 2)")
        page.both = lambda script: page.evaluate(f"{PAIR}.map((stage) => {script})")
        return page
    return open_pair


def agree(page, script):
    """Waits until both stages say the same."""
    page.wait_for_function(f"(([a, b]) => JSON.stringify(a) === JSON.stringify(b))({PAIR}.map((stage) => {script}))")
    return page.both(script)


def test_whoever_turns_one_turns_the_other(pair):
    page = pair(message(stage_scene.valleys), message(stage_scene.bowl))
    start, _ = agree(page, "stage.state().camera")
    for moved in (0, 1):
        page.evaluate(f"{PAIR}[{moved}].view.camera.orbit(0.2, 0.1 - 0.3 * {moved})")
        page.wait_for_function(f"(before) => {PAIR}.every((stage) => stage.state().camera.azimuth !== before)",
                               arg=start["azimuth"])
        now, other = agree(page, "stage.state().camera")
        assert now == other and not math.isclose(now["azimuth"], start["azimuth"])
        start = now
    page.evaluate(f"{PAIR}[1].actions.top(true)")
    page.wait_for_function(f"{PAIR}[0].state().camera.top")
    pressed = page.locator(".choices button", has_text="top").evaluate_all(
        "(buttons) => buttons.map((button) => button.getAttribute('aria-pressed'))")
    assert pressed == ["true", "true"] and page.complaints == []


def test_one_heat_warms_both_and_the_last_hand_counts(pair):
    page = pair(message(stage_scene.valleys), message(stage_scene.bowl))
    first = page.locator("section").nth(0).get_by_label("Temperature").get_by_role("slider")
    second = page.locator("section").nth(1).get_by_label("Temperature").get_by_role("slider")
    first.focus()
    first.press("End")
    hot = 10 * SCALE  # the sliders are of one scale, whatever the surfaces' own
    page.wait_for_function(f"(T) => {PAIR}.every((stage) => Math.abs(stage.state().T - T) < 1e-9 * T)", arg=hot)
    assert first.input_value() == second.input_value()
    page.evaluate(f"{PAIR}[0].actions.programme('cycle')")
    page.wait_for_function(f"{PAIR}[1].state().programme === 'cycle' && {PAIR}[1].state().T !== {hot}")
    second.focus()
    second.press("Home")
    page.wait_for_function(f"{PAIR}.every((stage) => stage.state().T === 0 && stage.state().programme === 'hold')")


def test_both_are_drawn_between_the_same_energies_until_each_has_its_own(pair):
    page = pair(message(stage_scene.valleys), message(stage_scene.bowl))
    assert page.both("[stage.view.renderer.frame.min, stage.view.renderer.frame.span]") == [[0, 5], [0, 5]]
    places = page.both("stage.state().positions.length")
    own = stage_scene.message(stage_scene.bowl, n=31)
    page.evaluate(f"(message) => {PAIR}[1].update(message)", own)
    low, high = own["surface"]["min"], own["surface"]["ceiling"]
    frames = page.both("[stage.view.renderer.frame.min, stage.view.renderer.frame.span]")
    assert frames[0] == [0, 5] and frames[1] == pytest.approx([low, high - low])
    assert page.both("stage.state().positions.length") == places
    page.evaluate(f"{PAIR}[0].view.camera.orbit(0.4, 0)")  # it has left the group
    page.wait_for_function(f"{PAIR}[0].state().camera.azimuth !== {PAIR}[1].state().camera.azimuth")


def test_who_stays_behind_keeps_the_heat_and_alone_all_the_time(pair):
    page = pair(message(stage_scene.valleys), message(stage_scene.bowl))
    page.evaluate(f"{PAIR}[0].actions.change(0.3)")
    page.wait_for_function(f"{PAIR}[1].state().T === 0.3")
    second = page.evaluate_handle(f"{PAIR}[1]")
    page.evaluate(f"{PAIR}[0].destroy()")
    pictures = second.evaluate("(stage) => stage.state().pictures")
    page.wait_for_function("([stage, before]) => stage.state().pictures > before", arg=[second, pictures])
    assert second.evaluate("(stage) => stage.state().T") == 0.3
    second.evaluate("(stage) => stage.actions.change(0.1)")
    assert second.evaluate("(stage) => stage.state().T") == 0.1 and page.complaints == []


def test_other_groups_and_single_stages_go_their_own_way(pair):
    page = pair(message(stage_scene.valleys), message(stage_scene.bowl, group="others"))
    before = page.evaluate(f"{PAIR}[1].state()")
    page.evaluate(f"{PAIR}[0].actions.change(0.9)")
    page.evaluate(f"{PAIR}[0].view.camera.orbit(0.4, 0)")
    pictures = page.evaluate(f"{PAIR}[1].state().pictures")
    page.wait_for_function(f"(before) => {PAIR}[1].state().pictures > before + 1", arg=pictures)
    after = page.evaluate(f"{PAIR}[1].state()")
    assert (after["T"], after["camera"]) == (before["T"], before["camera"])


def test_on_a_phone_the_one_that_is_out_of_sight_draws_nothing_and_follows_once_seen(pair):
    page = pair(message(stage_scene.valleys), message(stage_scene.bowl), seen=1, width=390, height=844)
    before = page.both("stage.state().pictures")
    page.evaluate(f"{PAIR}[0].view.camera.orbit(0.4, 0)")
    page.wait_for_function(f"(before) => {PAIR}[0].state().pictures > before + 8", arg=before[0])
    assert page.both("stage.state().pictures")[1] == before[1]
    page.locator("section").nth(1).evaluate("(section) => section.scrollIntoView()")
    page.wait_for_function(f"{PAIR}[1].state().pictures > 2")
    agree(page, "stage.state().camera")
