"""What the page "Volume or depth" says to try comes true, in a browser."""

import re

import pytest
from test_app_browser import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # runs of the lab are computed
HINT = re.compile(r"set Narrowness to (\d+) .*T\* goes from ([\d.]+\d) to ([\d.]+\d)")


def read(page, address):
    """(answer and hint, T* in the answer or None) of the run of this link, once it is whole."""
    page.goto(address)
    page.locator(".tv-headline[data-run]:not([data-run=''])").wait_for(timeout=PATIENCE_MS)
    page.wait_for_function("() => !document.querySelector('.st-key-status [data-testid]')", timeout=PATIENCE_MS)
    text = page.locator(".tv-hint").inner_text()
    found = re.search(r"below T\* = ([\d.]+\d)", text)
    return text, None if found is None else float(found[1])


def test_a_narrower_valley_loses_sooner_and_at_equal_widths_the_answer_is_yes(server, new_page):
    page = new_page()
    text, now = read(page, f"{server[0]}/volume_or_depth")
    narrowness, said_now, said_then = HINT.search(text).groups()
    _, then = read(page, f"{server[0]}/volume_or_depth?ratio={narrowness}")
    equal, none = read(page, f"{server[0]}/volume_or_depth?ratio=1")
    print(f"hint of Volume or depth: T* {now} (said {said_now}) -> {then} (said {said_then}); at 1: {equal[:30]}")
    # Four standard errors of the measured T*, each 1 % of it (its verdict's error).
    assert now == pytest.approx(float(said_now), rel=0.04) and then == pytest.approx(float(said_then), rel=0.04)
    assert text.startswith("No") and equal.startswith("Yes") and none is None
    assert page.complaints == []
