"""The page "Heat bath" played as its hint says: batches four times smaller, and T is four times as high."""

import re

import pytest
from test_app_browser import PATIENCE_MS

import thermoviz as tv

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DONE = """run => document.querySelector('h1.tv-headline')?.dataset.run
    && document.querySelector('h1.tv-headline').dataset.run !== run
    && !document.querySelector('.st-key-progress')"""
# A default run, and one more beside whatever else the machine does.
LONG_MS = 10 * PATIENCE_MS


def temperature(page):
    """T, as the answer under the headline states it."""
    return float(re.search(r"heat of T = ([\d.]+)", page.locator(".tv-hint").inner_text())[1])


def test_smaller_batches_make_it_hotter(new_page, server):
    page = new_page(reduced_motion="reduce")
    page.goto(f"{server[0]}/heat_bath")
    page.wait_for_selector(".tv-verdict", timeout=PATIENCE_MS)
    before, hint = temperature(page), page.locator(".tv-hint").inner_text()
    batch, promised = re.search(r"batch size to (\d+): T rises from \S+ to ([\d.]+),", hint).groups()
    assert batch == str(tv.HeatBath().batch_size // 4)
    page.get_by_role("button", name="Experiment").click()
    shown = page.locator("h1.tv-headline").get_attribute("data-run")
    slider = page.get_by_test_id("stSidebar").locator("[class*='-batch_size']").get_by_role("slider").first
    slider.press("ArrowLeft")  # from 16 to the next smaller one
    page.wait_for_function(DONE, arg=shown, timeout=LONG_MS)
    assert temperature(page) == float(promised) == pytest.approx(4 * before, rel=0.02)
