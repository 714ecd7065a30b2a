"""A server that is killed and started again, as a restart policy does, costs no visitor a click."""

import pytest
from test_app_browser import PATIENCE_MS, free_port, serving

pytestmark = pytest.mark.browser


def test_a_page_whose_server_was_killed_goes_on_by_itself(tmp_path, new_page):
    """While a run is computed: it is asked for again, and shown."""
    port, page = free_port(), new_page()
    with serving(tmp_path, port=port) as (address, process):
        page.goto(f"{address}/heat_bath?kind=heat_bath&replicas=8&steps=6000&seed=3")
        page.get_by_test_id("stProgress").get_by_text("below is").wait_for(timeout=PATIENCE_MS)
        process.kill()
        process.wait()
    with serving(tmp_path, port=port):
        page.locator("h1.tv-headline:not([data-run=''])").wait_for(timeout=PATIENCE_MS)
        page.locator(".st-key-progress").wait_for(state="detached", timeout=PATIENCE_MS)
        assert page.locator(".tv-verdict").count() > 5 and "seed=3" in page.url
        assert not page.get_by_role("alert").filter(has_text="try again").count()
