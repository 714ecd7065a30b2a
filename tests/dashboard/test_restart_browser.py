"""A server that is killed and started again, as a restart policy does, costs no visitor a click."""

import pytest
from test_app_browser import PATIENCE_MS, free_port, serving

pytestmark = pytest.mark.browser

LONG = "heat_bath?kind=heat_bath&replicas=128&steps=200000"  # minutes of work


def in_work(folder):
    return list((folder / "store" / "jobs").glob("*.progress"))


def wait_until_in_work(page, folder):
    """The page is asked in between, since whatever it does is heard only then."""
    waited = 0
    while not in_work(folder):
        page.wait_for_timeout(50)
        waited += 50
        assert waited < PATIENCE_MS, page.locator("body").inner_text()[:500]


def test_a_page_whose_server_was_killed_goes_on_by_itself(tmp_path, new_page):
    """While a run is computed: the page asks the new server for it."""
    port, page = free_port(), new_page()
    with serving(tmp_path, port=port) as (address, process):
        page.goto(f"{address}/{LONG}")
        wait_until_in_work(page, tmp_path)
        process.kill()
        process.wait()
    for left in in_work(tmp_path):
        left.unlink()
    with serving(tmp_path, port=port):
        wait_until_in_work(page, tmp_path)
        page.locator(".st-key-progress").wait_for(timeout=PATIENCE_MS)
        assert "steps=200000" in page.url
