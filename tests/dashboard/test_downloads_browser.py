"""A visitor clicks the links below a chart: each leaves its file, and nothing is drawn anew."""

import io

import pandas
import pytest
from test_parts_browser import opened  # noqa: F401

from thermoviz.experiments.presets import load_preset

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000


def test_a_click_leaves_a_picture_and_the_numbers(opened):  # noqa: F811
    page = opened()
    page.sent.clear()
    card = page.locator(".st-key-card_losses")
    found = {}
    for word in ("PNG", "SVG", "PDF", "CSV", "Parquet"):
        with page.expect_download(timeout=PATIENCE_MS) as download:
            card.get_by_role("link", name=word, exact=True).click()
        found[word] = download.value.suggested_filename, download.value.path().read_bytes()
    run = load_preset("three-minds")
    for word, start in (("PNG", b"\x89PNG"), ("SVG", b"<?xml"), ("PDF", b"%PDF-")):
        assert found[word][1].startswith(start) and found[word][0] == f"thermoviz-losses-{run.id}.{word.lower()}"
    pandas.testing.assert_frame_equal(pandas.read_parquet(io.BytesIO(found["Parquet"][1])), run.table("losses"))
    assert len(found["CSV"][1].decode().splitlines()) == len(run.table("losses")) + 1
    assert not page.sent and page.complaints == []
