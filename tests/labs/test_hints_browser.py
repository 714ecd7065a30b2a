"""Every hint of every preset, played in a browser: the numbers that it names move as it says.

The table of what was measured is printed (pytest -s) and, where THERMOVIZ_HINTS names a file, written there.
"""

import os

import pytest
from hints import visit_stage

from thermoviz.experiments.presets import DEFAULT_PRESET, PRESETS

pytestmark = pytest.mark.browser
PROMISES = [(key, k) for key, preset in PRESETS.items() for k in range(len(preset.promises))]
TENTHS, TEN_SECONDS = 10, 2400  # steps at the usual pace


def note(line):
    print(line)
    if path := os.environ.get("THERMOVIZ_HINTS"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_promises_something(key):
    assert PRESETS[key].promises


@pytest.mark.parametrize("key, k", PROMISES)
def test_the_hint_of_a_preset_comes_true(server, new_page, key, k):
    """The number stands on the page, and lies where the hint says before and after what it says to do."""
    preset, promise = PRESETS[key], PRESETS[key].promises[k]
    here = visit_stage(new_page, f"{server[0]}/?preset={key}")
    assert preset.hint in here.page.locator(".tv-hint").inner_text()
    here.do(promise.first)
    before = here.number(promise.number)
    here.do(promise.do)
    after = here.number(promise.number)
    note(f"| {preset.title} | {preset.hint} | {promise.number} | {before:.3g} | {after:.3g} |")
    assert promise.before[0] <= before <= promise.before[1]
    assert promise.after[0] <= after <= promise.after[1]
    kind, _, valley = promise.number.partition(" ")
    if kind == "share":
        assert here.root.locator(f"[data-share='{valley}']").inner_text() == f"{round(100 * after)} %"
    assert here.page.complaints == []


def within_chance(here):
    """Every share lies within four binomial errors of its exact value."""
    n = here.number("n")
    for name in here.state()["names"]:
        share, exact = here.number(f"share {name}"), here.number(f"exact {name}")
        assert abs(share - exact) <= 4 * (exact * (1 - exact) / n) ** .5, name


def test_the_first_page_opens_cold_and_in_equilibrium(server, new_page):
    here = visit_stage(new_page, server[0])
    assert here.number("T") == PRESETS[DEFAULT_PRESET].temperature < here.number("crossing")
    within_chance(here)
    shares = {name: here.number(f"share {name}") for name in here.state()["names"]}
    assert max(shares, key=shares.get).startswith("deepest") and max(shares.values()) > 0.5


def test_at_the_crossing_the_page_says_that_balls_need_longer_and_shows_the_way(server, new_page):
    here = visit_stage(new_page, server[0])
    here.crossing()
    sentence = here.root.locator(".places .slow")
    for _tenth in range(TENTHS):
        here.let_pass(TEN_SECONDS // TENTHS)
        if sentence.is_visible():
            break
    assert "need longer" in sentence.inner_text() and "T*" in sentence.inner_text()
    sentence.get_by_role("button", name="jump to equilibrium").click()
    here.let_pass(1)
    assert sentence.is_hidden()
    within_chance(here)


def test_pointing_at_a_slope_shows_a_worse_network(server, new_page):
    """The network under the pointer is the one that stands there."""
    here = visit_stage(new_page, f"{server[0]}/?preset=digits")
    here.point_at("valley")
    good = here.number("data loss"), here.number("accuracy")
    here.point_at("slope")
    bad = here.number("data loss"), here.number("accuracy")
    note(f"| Handwritten digits | pointer from valley to slope | data loss | {good[0]:.3g} | {bad[0]:.3g} |")
    assert bad[0] > 2 * good[0] and bad[1] < good[1]


@pytest.mark.parametrize("query, explained", [("", True), ("?hide=explanation", False)])
def test_the_first_visit_is_explained_unless_an_instructor_hides_it(server, new_page, query, explained):
    """Three captions, of which the first names the network of the deepest valley; they are gone at the first key."""
    here = visit_stage(new_page, f"{server[0]}/{query}")
    captions = here.root.locator(".captions")
    assert captions.is_visible() is explained
    if explained:
        assert f"{100 * here.number('accuracy'):.0f} % right" in captions.inner_text()
        here.page.keyboard.press("x")
        assert not captions.is_visible()
