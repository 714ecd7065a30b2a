"""The page "Equilibrium" played as its hint says: without hidden layers SGD forgets where it began."""

import re

import pytest
from test_app_browser import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DONE = """run => document.querySelector('h1.tv-headline')?.dataset.run
    && document.querySelector('h1.tv-headline').dataset.run !== run
    && !document.querySelector('.st-key-progress')"""
# A default run, and one more beside whatever else the machine does.
LONG_MS = 10 * PATIENCE_MS


def kept(page):
    """What SGD keeps of the squared distance between two starts, in %, as the answer under the headline states it."""
    return int(re.search(r"SGD keeps (−?\d+) %", page.locator(".tv-hint").inner_text())[1].replace("−", "-"))


def test_without_hidden_layers_the_start_is_forgotten(new_page, server):
    page = new_page(reduced_motion="reduce")
    page.goto(f"{server[0]}/equilibrium")
    page.wait_for_selector(".tv-verdict", timeout=PATIENCE_MS)
    hint = page.locator(".tv-hint").inner_text()
    before, after = re.search(r"falls from (\d+) % to (\d+)\.", hint).groups()
    assert kept(page) == int(before) > 100
    page.get_by_role("button", name="Experiment").click()
    shown = page.locator("h1.tv-headline").get_attribute("data-run")
    field = page.get_by_test_id("stSidebar").get_by_role("textbox", name="Hidden layers")
    field.fill("")
    field.press("Enter")
    page.wait_for_function(DONE, arg=shown, timeout=LONG_MS)
    assert kept(page) == int(after) == 0
    # The charts of what this network does not have are gone; nobody waits for them.
    assert not page.get_by_text("This chart is being computed.").count()
    assert not page.complaints
