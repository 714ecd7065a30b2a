"""Every hint of every preset, played in a browser: the number that it names moves as it says.

The table of what was measured is printed (pytest -s) and, where THERMOVIZ_HINTS names a file, written there.
"""

import os

import pytest
from hints import visit_stage
from test_app_browser import server  # noqa: F401

from thermoviz.experiments.presets import DEFAULT_PRESET, PRESETS, TEN_SECONDS

pytestmark = pytest.mark.browser
# What the page calls a number of a promise; a hint names it in these words.
SAID = {"E": "⟨E⟩", "data loss": "data loss"}


def note(line):
    print(line)
    if path := os.environ.get("THERMOVIZ_HINTS"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


@pytest.mark.parametrize("key", PRESETS)
def test_the_hint_of_a_preset_comes_true(server, new_page, key):  # noqa: F811
    """The number stands on the page and in the hint, and changes by what was promised."""
    preset, promise = PRESETS[key], PRESETS[key].promise
    here = visit_stage(new_page, f"{server[0]}/?preset={key}")
    assert preset.hint in here.page.locator(".tv-hint").inner_text()
    valley = promise.number.removeprefix("share ")
    assert SAID.get(promise.number, valley) in preset.hint
    here.do(promise.first)
    before = here.number(promise.number)
    here.do(promise.then)
    after = here.number(promise.number)
    note(f"{key}: {preset.hint} | {promise.number}: {before:.3g} -> {after:.3g}")
    assert (after - before) / promise.change >= 1
    assert here.page.complaints == []


def test_the_first_page_opens_cold_and_at_rest(server, new_page):  # noqa: F811
    """In equilibrium: every share within four binomial errors of its exact value, and the deepest holds the most."""
    here = visit_stage(new_page, server[0])
    names, n = here.state()["names"], here.number("n")
    for name in names:
        share, exact = here.number(f"share {name}"), here.number(f"exact {name}")
        assert abs(share - exact) <= 4 * (exact * (1 - exact) / n) ** .5
    assert here.number("share deepest") == max(here.number(f"share {name}") for name in names) > 0.5


def test_where_hops_are_slow_the_page_shows_the_way(server, new_page):  # noqa: F811
    """Warmed to T* the shares of the first page are slow: a sentence says so, and its button leads to equilibrium."""
    here = visit_stage(new_page, server[0])
    here.crossing()
    sentence = here.root.locator(".places .slow")
    for _second in range(10):
        here.let_pass(TEN_SECONDS // 10)
        if sentence.is_visible():
            break
    assert "need longer" in sentence.inner_text()
    sentence.get_by_role("button", name="jump to equilibrium").click()
    here.let_pass(1)
    assert sentence.is_hidden()
    n = here.number("n")
    for name in here.state()["names"]:
        exact = here.number(f"exact {name}")
        assert abs(here.number(f"share {name}") - exact) <= 4 * (exact * (1 - exact) / n) ** .5


def test_the_first_page_is_the_default_preset(server, new_page):  # noqa: F811
    here = visit_stage(new_page, server[0])
    assert here.number("T") == PRESETS[DEFAULT_PRESET].temperature
