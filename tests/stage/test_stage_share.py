"""What is carried away from the stage says where it comes from, and opens as it was left."""

import pytest
import stage_scene

pytestmark = pytest.mark.browser
STILL = {"reduced_motion": "reduce"}
LINK = "http://localhost:8501/?preset=moons&seed=7&v=1&T={T}"
# Every text that is written on a canvas.
LISTEN = """window.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        window.written.push(text);
        return write.call(this, text, ...place); };"""


def left(page, tmp_path, click):
    with page.expect_download() as download:
        click()
    download.value.save_as(tmp_path / "left")
    return tmp_path / "left"


@pytest.mark.parametrize("width", [1400, 420])
def test_a_picture_carries_heat_badge_legend_word_mark_and_link(open_stage, tmp_path, width):
    """Also where it is narrow: sentences break, and nothing of the link is cut off."""
    message = stage_scene.message(link=LINK)
    page = open_stage(message, script=LISTEN, width=width, **STILL)
    page.get_by_role("slider", name="Temperature", exact=True).fill("333")
    T = page.state()["T"]
    page.get_by_label("Picture", exact=True).click()
    page.evaluate("window.written.length = 0")
    left(page, tmp_path, lambda: page.get_by_text("picture, 2×").click())
    written = page.evaluate("window.written")
    whole = "".join(written)
    assert "thermoviz" in written and message["title"] in " ".join(written)
    assert message["honesty"]["sentence"] in " ".join(written)
    for name in ("balls on this slice", *message["paths"]["names"]):
        assert name in written
    assert f"temperature {T:.3g}" in " ".join(written)
    assert LINK.replace("{T}", f"{T:.3g}") in whole
    assert page.complaints == []


def test_temperatures_of_the_slider_have_three_digits(open_stage):
    page = open_stage(stage_scene.message(), **STILL)
    heats = page.stage.evaluate("""(element) => Array.from({ length: 61 }, (_, k) => {
        const slider = element.querySelector('.temperature input');
        slider.value = 10 * k;
        slider.dispatchEvent(new Event('input'));
        return element.thermoviz.state().T; })""")
    assert heats[0] == 0 and all(a < b for a, b in zip(heats, heats[1:], strict=False))
    assert all(T == float(f"{T:.3g}") for T in heats)


def test_a_file_opens_as_it_was_left_and_says_where_it_comes_from(open_stage, tmp_path):
    message = stage_scene.message(link=LINK, sentence="Four valleys in a bowl.", captions=True)
    page = open_stage(message, **STILL)
    page.stage.evaluate("""(element) => {
        const { actions, view } = element.thermoviz;
        actions.release(0.123);
        actions.speed(4);
        actions.newSeed();
        actions.ladder(-1);
        actions.start("basin:1");
        actions.show("names", false);
        view.camera.orbit(0.1, 0.05);
        view.camera.zoom(1.7);
    }""")
    before, camera = page.state(), page.stage.evaluate("(element) => element.thermoviz.view.camera.stand")
    path = left(page, tmp_path, lambda: page.get_by_label("One file that runs by itself").click())
    again = path.rename(tmp_path / "again.html")
    page.goto(again.as_uri())
    page.stage = page.locator(".tv")
    page.wait_for_selector(".tv .view")
    after = page.state()
    for name in ("T", "seed", "n", "speed"):
        assert after[name] == before[name], name
    assert after["T"] == .123 and after["speed"] == 4 and after["n"] == 300
    assert after["positions"] == before["positions"]  # the same seed from the same start
    assert page.stage.evaluate("(element) => element.thermoviz.view.camera.stand") == camera
    assert page.get_by_label("Where the balls start").input_value() == "basin:1"
    assert page.locator("input[type=checkbox]").last.is_checked() is False
    assert page.title() == message["title"]
    text = page.locator("main").inner_text()
    assert message["title"] in text and message["sentence"] in text and "Made with thermoviz" in text
    assert page.locator("main > section > p a").get_attribute("href") == LINK.replace("{T}", "0.123")
    assert not page.locator(".captions").is_visible()
    assert page.complaints == []


def test_from_above_stays_from_above(open_stage, tmp_path):
    page = open_stage(stage_scene.message(), **STILL)
    page.get_by_role("button", name="top").click()
    path = left(page, tmp_path, lambda: page.get_by_label("One file that runs by itself").click())
    page.goto(path.rename(tmp_path / "top.html").as_uri())
    page.stage = page.locator(".tv")
    page.wait_for_selector(".tv .view")
    assert page.state()["camera"]["top"] is True


def test_a_link_that_is_none_leads_nowhere(open_stage):
    for link in ("", "javascript:alert(1)"):
        page = open_stage(stage_scene.message(link=link), **STILL)
        assert page.locator("main > section > p a").count() == 0
        assert "Made with thermoviz" in page.locator("main").inner_text()
