"""Without WebGL2 the stage lives on, seen from above: balls, heat, shares, paths, names and pictures."""

import numpy as np
import pytest
import stage_scene
from browsing import chromium_path
from test_stage_browser import UPDATE, wait_until

from thermoviz.stage import html

pytestmark = pytest.mark.browser
STILL = {"reduced_motion": "reduce"}
NO_WEBGL2 = """const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };"""
# A context is given, but the driver refuses every program.
NO_SHADERS = "WebGL2RenderingContext.prototype.getProgramParameter = () => 0;"
# Of the stage's own canvas: how many colours, and how many pixels as warm as a ball, (x, y) of the warm ones.
LOOK = """(element) => {
    const { view } = element.thermoviz, { canvas } = view;
    const copy = document.createElement('canvas');
    copy.width = canvas.width; copy.height = canvas.height;
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const data = context.getImageData(0, 0, copy.width, copy.height).data, seen = new Set(), warm = [];
    for (let k = 0; k < data.length; k += 4) {
        seen.add((data[k] >> 4) * 256 + (data[k + 1] >> 4) * 16 + (data[k + 2] >> 4));
        if (data[k] > 200 && data[k + 2] < 0.5 * data[k])
            warm.push([(k / 4) % copy.width, Math.floor(k / 4 / copy.width)]);
    }
    return { seen: seen.size, warm, size: [copy.width, copy.height] };
}"""


@pytest.mark.parametrize("script", [NO_WEBGL2, NO_SHADERS])
def test_the_stage_is_alive_and_says_it_once(open_stage, script):
    page = open_stage(stage_scene.message(), script=script)
    first = page.state()
    later = wait_until(page, lambda state: state["steps"] > first["steps"] + 20)
    assert later["positions"] != first["positions"] and later["webgl"] is False
    found = page.stage.evaluate(LOOK)
    assert found["seen"] > 60 and len(found["warm"]) > 100
    assert page.get_by_text("WebGL2").count() == 1
    assert page.get_by_role("button", name="3D").count() == 0
    page.get_by_role("slider", name="Temperature", exact=True).fill("0")
    assert page.state()["T"] == 0
    assert page.locator("[data-share='deepest']").is_visible()
    assert [said for said in page.complaints if said.startswith(("error", "exception"))] == []


def test_balls_are_drawn_where_they_are(open_stage):
    """A cloud in the deepest valley is warm around the place at which a click there finds it."""
    message = stage_scene.message(start="basin", temperature=0.01, with_networks=False)
    page = open_stage(message, script=NO_WEBGL2, **STILL)
    wait_until(page, lambda state: state["drawn"] == 1000)
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    found = page.stage.evaluate(LOOK)
    place = page.stage.evaluate("""(element) => {
        const { view, simulation } = element.thermoviz, [x, y] = simulation.surface.minima[0], layout = view.layout();
        const spot = layout.spot(x, y, simulation.surface.min), back = view.pick(spot.x, spot.y);
        return { at: [spot.x / layout.width, spot.y / layout.height], back: [back.x - x, back.y - y] };
    }""")
    middle = np.median(np.array(found["warm"]), axis=0) / found["size"]
    assert np.allclose(middle, place["at"], atol=.02)
    assert np.allclose(place["back"], 0, atol=.02)


@pytest.mark.parametrize("function", [stage_scene.flat, stage_scene.steep, stage_scene.holed])
def test_odd_surfaces_and_changes(open_stage, function):
    page = open_stage(stage_scene.message(), script=NO_WEBGL2, **STILL)
    after = page.stage.evaluate(UPDATE, stage_scene.message(function, with_networks=False, look="light"))
    assert after["camera"]["top"] is True
    page.get_by_label("First view again").click()
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert page.stage.evaluate(LOOK)["seen"] > 1
    assert page.state()["camera"]["top"] is True and page.complaints == []


def test_captions_point_at_it_too(open_stage):
    message = stage_scene.message(captions=True, start="boltzmann", temperature=0.02)
    page = open_stage(message, script=NO_WEBGL2, **STILL)
    page.locator(".caption").nth(2).wait_for()
    page.wait_for_function("""() => [...document.querySelectorAll('body, body *')].map((e) => e.shadowRoot)
        .some((root) => root?.querySelectorAll('.caption[style]').length === 3)""")
    assert "Colour is how wrong" in page.locator(".captions").inner_text()


def test_a_browser_without_a_graphics_card(chromium, tmp_path):
    """The real thing: neither a card nor a driver in software."""
    path = tmp_path / "stage.html"
    path.write_text(html.page(stage_scene.message()), encoding="utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"]
    browser = chromium.browser_type.launch(executable_path=chromium_path(), args=flags)
    try:
        page = browser.new_page()
        page.goto(path.as_uri())
        page.stage = page.locator(".tv")
        page.state = lambda: page.stage.evaluate("(element) => element.thermoviz.state()")
        assert wait_until(page, lambda state: state["steps"] > 20)["webgl"] is False
        assert page.stage.evaluate(LOOK)["seen"] > 60
    finally:
        browser.close()
