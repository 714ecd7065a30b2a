"""Who closes the browser without a word does not keep others waiting."""

import pytest
from test_app_browser import PATIENCE_MS, serving

pytestmark = pytest.mark.browser


def test_a_closed_browser_makes_room_for_who_waits(tmp_path, new_page, setting):
    setting(workers=1)
    with serving(tmp_path) as (address, _):
        gone = new_page()
        gone.goto(address + "/heat_bath?kind=heat_bath&replicas=128&steps=200000")
        gone.get_by_test_id("stProgress").get_by_text("below is").wait_for(timeout=PATIENCE_MS)
        gone.close()
        here = new_page()
        here.goto(address + "/second_law?kind=second_law&balls=100&steps=100")
        here.get_by_text("Next in line").wait_for(timeout=PATIENCE_MS)
        here.locator(".tv-verdict").first.wait_for(timeout=PATIENCE_MS)
        assert here.complaints == []
