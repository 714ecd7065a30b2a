"""The shares of the valleys beside the stage, and the sentence that says when the balls need longer."""

import re

import numpy as np
import pytest
import stage_scene

pytestmark = pytest.mark.browser
PASS = "(element, steps) => element.thermoviz.pass(steps)"
STILL = {"reduced_motion": "reduce"}


def shown(page, kind, name="deepest"):
    return page.locator(f"[data-{kind}='{name}']").inner_text()


def test_shares_stand_beside_their_exact_values(open_stage):
    """What the table says is what the stage measured, and the exact equilibrium of the surface, in whole per cent."""
    page = open_stage(stage_scene.message(temperature=0.05), **STILL)
    page.stage.evaluate(PASS, 1)
    state = page.state()
    exact = stage_scene.surface_of().equilibrium(state["T"]).shares
    shares = state["measurement"]["shares"]
    for k, name in enumerate(state["names"]):
        assert shown(page, "share", name) == f"{round(100 * shares[k])} %"
        assert abs(int(shown(page, "exact", name).split()[0]) - 100 * exact[k]) <= 0.51
    headings = page.locator(".places thead th").all_inner_texts()
    assert [text.lower() for text in headings] == ["where the balls are", "now", "at equilibrium"]


def test_where_hops_are_slow_the_stage_says_so_and_shows_the_way(open_stage):
    """A cloud from everywhere in cold valleys does not sort itself; the button in the sentence does it."""
    page = open_stage(stage_scene.message(temperature=0.02, start="uniform"), **STILL)
    sentence = page.locator(".places .slow")
    page.stage.evaluate(PASS, 24)
    assert sentence.is_hidden()  # nobody knows yet
    for _ in range(30):
        page.stage.evaluate(PASS, 24)
    assert "need longer" in sentence.inner_text()
    sentence.get_by_role("button", name="jump to equilibrium").click()
    for _ in range(30):
        page.stage.evaluate(PASS, 24)
    assert sentence.is_hidden()
    page.stage.evaluate("(element) => element.thermoviz.actions.release(0)")
    page.stage.evaluate("(element) => element.thermoviz.actions.start('uniform')")
    page.stage.evaluate(PASS, 24)
    assert "Without heat" in sentence.inner_text()


def test_where_balls_hop_freely_nothing_is_said(open_stage):
    page = open_stage(stage_scene.message(temperature=0.6, start="basin:1"), **STILL)
    for _ in range(100):
        page.stage.evaluate(PASS, 24)
        assert page.locator(".places .slow").is_hidden()


def egg_box(x, y):
    """Thirteen valleys or more in a bowl."""
    return 0.3 * np.sin(2.4 * x) * np.sin(2.4 * y) + 0.01 * (x**2 + y**2)


def test_many_valleys_become_few_rows(open_stage):
    """The deepest four, and all others together, which makes the whole."""
    names = [f"valley {k}" for k in range(len(stage_scene.surface_of(egg_box).basins.minima))]
    message = stage_scene.message(egg_box, with_networks=False, temperature=0.1, n_balls=3000)
    message["basins"]["names"] = names
    page = open_stage(message, **STILL)
    page.stage.evaluate(PASS, 1)
    assert len(names) > 5 and page.locator(".places tbody tr").count() == 5
    for column in (".now", ".eq"):
        shares = [int(text.split()[0]) for text in page.locator(f".places tbody {column}").all_inner_texts()]
        assert abs(sum(shares) - 100) <= 2  # five roundings, of half a per cent each


def test_what_a_screen_reader_hears_is_never_out_of_date(open_stage):
    """After each measurement the sentence is either true within a tenth of the scale, or gone; at rest it is there."""
    page = open_stage(stage_scene.message(temperature=0.05), **STILL)
    scale, spoken = page.state()["scale"], page.locator("[aria-live=polite].quiet")
    said = 0
    for T in (0.05, 0.5, 0.0):
        page.stage.evaluate("(element, T) => element.thermoviz.actions.change(T)", T)
        for _ in range(60):
            page.stage.evaluate(PASS, 24)
            if text := spoken.inner_text().replace("\u2212", "-"):
                temperature, energy = (float(number.rstrip(".")) for number in re.findall(r"-?[0-9.]+", text)[:2])
                state = page.state()
                said += 1
                assert abs(temperature - state["T"]) < .001
                assert abs(energy - state["measurement"]["E"]) < .1 * scale
        assert spoken.inner_text()
    assert said > 90
