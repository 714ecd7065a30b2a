"""What the page "Interactions" says to try comes true, in a browser."""

import re

import pytest
from test_app_browser import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # one run of the lab is computed
CARD = ".tv-verdict:has(b:text-is('Dropout heats the bath')) .tv-measured"


def heat_of(page, address: str) -> float:
    """The number on the card, once the run of this link is whole."""
    page.goto(address)
    page.locator(".tv-headline[data-run]:not([data-run=''])").wait_for(timeout=PATIENCE_MS)
    page.wait_for_function("() => !document.querySelector('.st-key-status [data-testid]')", timeout=PATIENCE_MS)
    return float(re.match(r"[\d.]+", page.locator(CARD).inner_text())[0])


def test_more_dropout_heats_the_bath_more(server, new_page):
    page = new_page()
    before = heat_of(page, f"{server[0]}/interactions")
    hint = page.locator(".tv-hint").inner_text()
    assert "raise dropout" in hint and "Dropout heats the bath" in hint
    after = heat_of(page, f"{server[0]}/interactions?dropout=0.5")
    print(f"hint of Interactions: tr C over that of the plain bath {before} -> {after}")
    assert after > 2 * before
    assert page.complaints == []
