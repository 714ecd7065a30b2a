"""The page "Yours" as its user has it: a table with columns chosen by click, points drawn, a run file from Python."""

import os
import time

import numpy as np
import pytest
from test_app_browser import FRAMES, SHOWN, serving
from test_history_browser import IDLE

import thermoviz as tv

pytestmark = pytest.mark.browser
PATIENCE_MS = 180_000  # a machine that runs other things, and compiles


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(address, folder of the store) of a server of this file's own."""
    folder = tmp_path_factory.mktemp("yours")
    with serving(folder) as (address, _process):
        yield address, folder / "store"


@pytest.fixture
def page(place, new_page):
    here = new_page(reduced_motion="reduce")
    here.set_default_timeout(PATIENCE_MS)  # of clicks too: the stage is drawn by the processor here
    here.goto(f"{place[0]}/?kind=yours")
    here.get_by_role("application").wait_for(timeout=PATIENCE_MS)
    return here


def table():
    generator = np.random.default_rng(3)
    rows = ["length,width,seen,colour,species"]
    for k in range(90):
        kind = k % 3
        rows.append(f"{4 + kind + generator.normal() / 2:.2f},{3 - kind + generator.normal() / 2:.2f},"
                    f"2024-03-{1 + k % 28:02},{('red', 'white')[k % 2]},{('iris', 'rose', 'tulip')[kind]}")
    rows[17] = rows[17][rows[17].index(","):]
    return "\n".join(rows).encode()


def bring(page, name, contents):
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/plain", "buffer": contents})


def wait_for_picture(page):
    page.wait_for_function(f"() => {SHOWN} && {FRAMES} > 0", timeout=PATIENCE_MS)
    return page.evaluate(SHOWN)


def says(page, text):
    page.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)


def test_a_table_with_columns_chosen_by_click_becomes_a_landscape(page, place, new_page):
    bring(page, "flowers.csv", table())
    says(page, "90 rows, 5 columns")
    assert "missing" in page.locator(".tv-table").inner_text()
    says(page, "Missing values: row 17, length")
    assert page.get_by_role("button", name="Train on it").is_disabled()
    page.get_by_role("button", name="seen", exact=True).last.click()  # not predicted from it
    page.get_by_text("Leave that row out").click()
    page.get_by_role("button", name="Train on it").and_(page.locator(":enabled")).click(timeout=PATIENCE_MS)
    run = wait_for_picture(page)
    says(page, "89 rows")
    says(page, "3 classes: iris, rose, tulip")
    assert "“species” from flowers.csv" in page.locator("h1.tv-headline").inner_text()
    page.locator(".st-key-card_losses .js-plotly-plot").wait_for(timeout=PATIENCE_MS)
    other = new_page(reduced_motion="reduce")  # somebody who was sent the link
    other.set_default_timeout(PATIENCE_MS)
    other.goto(page.url)
    assert wait_for_picture(other) == run
    page.get_by_role("button", name="Delete").click()
    says(page, "is deleted")
    other.reload()
    says(other, "This server no longer holds these data: bring the file again.")
    assert not list((place[1] / "data").glob("*")) and not (place[1] / "runs" / f"{run}.safetensors").exists()
    assert page.complaints == other.complaints == []


def test_points_are_drawn_by_pointer_and_keyboard_and_trained(page):
    sheet = page.get_by_role("application")
    box = sheet.bounding_box()

    def drag(height):
        page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + height * box["height"])
        page.mouse.down()
        for k in range(2, 10):
            page.mouse.move(box["x"] + k / 10 * box["width"], box["y"] + height * box["height"])
        page.mouse.up()

    drag(0.2)
    says(page, "9 round, 0 square. Now some of the other class.")
    page.get_by_role("radio", name="square").click()
    drag(0.8)
    sheet.focus()
    for key in ("ArrowUp", "Space", "ArrowRight", "Space", "Backspace", "1", "Enter"):
        page.keyboard.press(key)
    says(page, "10 round, 10 square.")
    page.get_by_role("button", name="Undo").click()
    says(page, "9 round, 10 square.")
    page.get_by_role("button", name="Train on it").click()
    wait_for_picture(page)
    says(page, "19 rows")
    page.get_by_role("button", name="Bring something else").click()
    says(page, "What you brought")
    page.get_by_role("button", name="Clear").click()
    says(page, "Click, or drag")
    assert page.complaints == []


def small_cnn():
    """What `explore` makes of a small network with convolutions, trained in a plain loop."""
    import torch

    torch.manual_seed(0)
    images, labels = torch.rand(64, 1, 8, 8), torch.arange(64) % 2
    images[labels == 1, :, :4] += 1
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
                                torch.nn.Linear(144, 2))
    recorder, optimiser = tv.Recorder(model), torch.optim.SGD(model.parameters(), 0.05)
    for _step in range(20):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
        recorder.step()
    model.eval()
    return tv.explore(model, lambda model: torch.nn.functional.cross_entropy(model(images), labels), recorder,
                      resolution=21, progress=False)


def test_a_run_of_explore_is_brought_shown_shared_saved_and_expires(page, place, new_page):
    run = small_cnn()
    bring(page, "cnn.safetensors", run.to_bytes())
    assert wait_for_picture(page) == run.id
    says(page, "As its file says")
    page.locator(".st-key-card_contour .js-plotly-plot").wait_for(timeout=PATIENCE_MS)
    link = page.url
    page.get_by_role("button", name="Share").click()
    says(page, "Run file (.safetensors)")
    with page.expect_download() as download:
        page.get_by_role("button", name="Run file").click()
    assert tv.open_run(download.value.path()).content == run.content
    other = new_page(reduced_motion="reduce")
    other.set_default_timeout(PATIENCE_MS)
    other.goto(link)
    assert wait_for_picture(other) == run.id
    for file in (place[1] / "brought").glob("run-*"):
        os.utime(file, (time.time() - 25 * 3600,) * 2)
    until = time.monotonic() + PATIENCE_MS / 1000
    while "no longer holds these data" not in other.locator("body").inner_text():
        assert time.monotonic() < until
        other.reload()
        other.locator("h1.tv-headline").wait_for(timeout=PATIENCE_MS)
    assert page.complaints == other.complaints == []


def test_a_report_on_a_model_is_shown_by_its_numbers_and_charts(page):
    import torch

    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = (x[:, 0] > 0).long()
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    report = tv.report(model, lambda model, batch: torch.nn.functional.cross_entropy(
        model(batch[0]), batch[1], reduction="none"), data=[(x, y)], progress=False)
    bring(page, "report.safetensors", report.to_bytes())
    says(page, "Own model of 23 parameters")
    page.locator(".st-key-card_spectrum .js-plotly-plot").wait_for(timeout=PATIENCE_MS)
    assert page.locator(".st-key-card_rows tr").count() > 3 and page.complaints == []


def test_the_surface_of_a_run_is_asked_about_in_a_lab_and_back_leads_back(page):
    bring(page, "chemist.safetensors", tv.load_preset("mueller-brown").to_bytes())
    wait_for_picture(page)
    page.get_by_role("button", name="In the labs").click()
    page.get_by_role("button", name="Second law", exact=True).click()
    page.wait_for_function(
        f"() => location.pathname === '/second_law' && location.search.includes('own_slice') && {IDLE}",
        timeout=PATIENCE_MS)
    page.go_back()
    says(page, "As its file says")
    assert "/yours" in page.url and page.complaints == []


@pytest.mark.parametrize("name, contents, told", [
    ("a.csv", b"a,b\n1,2\n1,2,3\n", "Row 2 of this table has 3 cells"),
    ("b.csv", b"\x80\x04\x95\x00", "This file is a Python pickle"),
    ("c.npy", b"\x93NUMPY\x01\0\x50\0" + b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }".ljust(80),
     "holds Python objects"),
    ("d.safetensors", b"\x10\0\0\0\0\0\0\0{}", "truncated"),
    ("<img src=x onerror=alert(1)>.csv", b"a\n" + b"x" * 10_000, "holds a text of 10,000 letters")])
def test_a_bad_file_is_one_sentence_and_the_next_is_taken(page, name, contents, told):
    bring(page, name, contents)
    says(page, told)
    page.wait_for_function(f"() => {IDLE}", timeout=PATIENCE_MS)  # the next file has a widget of its own
    bring(page, "flowers.csv", table())
    says(page, "90 rows, 5 columns")
    assert page.get_by_text(told).count() == 0 and page.complaints == []
