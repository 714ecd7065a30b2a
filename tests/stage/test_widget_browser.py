"""The notebook's widget in a browser: what it tells, what it heeds, and that many of them share few contexts."""

import pytest
import widget_host
from browsing import PATIENCE_S, after_pictures

import thermoviz as tv

pytestmark = pytest.mark.browser
PATIENCE = 1000 * PATIENCE_S
MOST = 8  # contexts at once, as contexts.js has it
AWAKE = "(k) => { const { view } = window.models[k].stage(); return !view.asleep && !view.lost; }"
@pytest.fixture(scope="module")
def run():
    return tv.load_preset("the-way-down")


def shown(page, k=0):
    widget_host.wait_for_picture(page, page.locator(".thermoviz").nth(k))


def told(page, name, k=0):
    return page.evaluate("([k, name]) => window.models[k].get(name)", [k, name])


def test_a_widget_draws_and_tells_where_its_camera_stands(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=50)])
    shown(page)
    page.wait_for_function("() => 'azimuth' in window.models[0].get('camera')", timeout=PATIENCE)
    stand = told(page, "camera")
    widget = run.widget()
    widget.camera = stand  # Python takes what the browser tells
    assert widget.camera == stand and set(stand) == {"azimuth", "elevation", "zoom", "panX", "panY", "top"}
    assert page.complaints == []


def test_what_python_sets_is_seen(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=50)])
    shown(page)
    put = "([name, value]) => window.models[0].put(name, value)"
    page.evaluate(put, ["temperature", 0.37])
    assert page.evaluate("() => window.models[0].stage().simulation.T") == 0.37
    page.evaluate(put, ["camera", {"azimuth": 1.25, "zoom": 2}])
    page.wait_for_function("""() => { const { azimuth, zoom } = window.models[0].get("camera");
        return azimuth === 1.25 && zoom === 2 && !window.models[0].stage().view.camera.moving; }""", timeout=PATIENCE)
    page.evaluate(put, ["camera", {"top": True}])
    page.wait_for_function("() => window.models[0].stage().state().camera.top", timeout=PATIENCE)
    x, y = run.surface.basins.minima[0]
    page.evaluate(put, ["_click", [float(x), float(y), 1]])
    page.locator(".dropped").wait_for(state="attached", timeout=PATIENCE)
    assert page.complaints == []


def test_what_a_visitor_does_is_told(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=50)])
    shown(page)
    # A place where the surface is.
    x, y = page.evaluate("""() => {
        const { view } = window.models[0].stage(), box = view.element.getBoundingClientRect();
        for (let k = 0; k < 400; k++) {
            const [px, py] = [box.width * (.3 + .4 * (k % 20) / 20), box.height * (.3 + .4 * Math.floor(k / 20) / 20)];
            if (view.pick(px, py)) return [box.x + px, box.y + py];
        }
    }""")
    page.mouse.click(x, y)
    page.wait_for_function("() => window.models[0].get('_click')", timeout=PATIENCE)
    click = told(page, "_click")
    widget = run.widget()
    widget._click = click
    assert widget.clicked["count"] == 1 and widget.clicked["loss"] == pytest.approx(float(run.surface(click[:2])))
    slider = page.locator(".temperature input[type=range]")
    slider.focus()
    slider.press("End")
    page.wait_for_function("() => window.models[0].saved.some((one) => 'temperature' in one)", timeout=PATIENCE)
    widget.temperature = told(page, "temperature")
    assert widget.temperature > run.widget().temperature
    assert page.complaints == []


def test_keys_and_wheel_belong_to_the_stage_that_was_chosen(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=20), run.widget(n_balls=20)])
    shown(page)
    # Not chosen: the wheel scrolls the page, and "?" opens nothing.
    page.mouse.move(300, 300)
    page.mouse.wheel(0, 40)
    page.wait_for_function("() => window.scrollY > 0", timeout=PATIENCE)
    page.keyboard.press("?")
    assert page.locator(".help:visible").count() == 0
    page.locator(".view").first.focus()
    page.keyboard.press("?")
    assert page.locator(".help:visible").count() == 1
    page.keyboard.press("Escape")
    zoom = page.evaluate("() => window.models[0].stage().view.camera.stand.zoom")
    page.locator(".view").first.hover()
    page.mouse.wheel(0, -60)
    page.wait_for_function("(zoom) => window.models[0].stage().view.camera.stand.zoom > zoom", arg=zoom,
                           timeout=PATIENCE)
    assert page.complaints == []


@pytest.mark.slow
def test_twenty_below_each_other_give_their_contexts_back_and_take_them_again(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=20) for _ in range(20)])
    for k in [*range(20), 0]:
        page.locator(".thermoviz").nth(k).scroll_into_view_if_needed()
        shown(page, k)
        page.wait_for_function(AWAKE, arg=k, timeout=PATIENCE)
    assert page.evaluate("window.most") <= MOST
    # Nobody sees the last ones: their balls wait.
    page.wait_for_function("() => window.models[19].stage().view.asleep", timeout=PATIENCE)
    before = page.evaluate("() => window.models[19].stage().state()")
    after_pictures(page, 10)
    after = page.evaluate("() => window.models[19].stage().state()")
    assert (before["steps"], before["pictures"]) == (after["steps"], after["pictures"])
    assert page.evaluate("window.contexts.length") == 20  # each has one, which comes back
    assert page.complaints == []


def test_more_in_sight_than_contexts_show_their_last_picture_until_pointed_at(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=20) for _ in range(12)],
                              style="float: left; width: 24%; height: 500px; overflow: hidden",
                              width=1600, height=1600)
    for k in range(12):
        shown(page, k)
    page.wait_for_function("() => window.alive() <= 8", timeout=PATIENCE)
    assert page.evaluate("window.most") <= MOST
    asleep = page.evaluate("() => window.models.findIndex((one) => one.stage().view.asleep)")
    page.locator(".thermoviz").nth(asleep).hover()
    page.wait_for_function(AWAKE, arg=asleep, timeout=PATIENCE)
    assert page.evaluate("window.most") <= MOST and page.complaints == []


def test_what_ends_leaves_nothing(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=20)])
    shown(page)
    for _ in range(3):  # shown again, as an editor does when a cell runs anew
        page.evaluate("""async () => {
            const [model] = window.models;
            model.end();
            if (model.listeners() || model.el.children.length) throw new Error("something was left");
        }""")
        page.wait_for_function("() => window.alive() === 0", timeout=PATIENCE)
        page.evaluate("""async () => {
            const [model] = window.models;
            model.end = await (await window.load(model.get("_esm")))({ model, el: model.el });
        }""")
        shown(page)
    assert page.evaluate("window.alive()") == 1 and page.complaints == []


def test_the_look_follows_the_page(new_page, tmp_path, run):
    page = widget_host.opened(new_page, tmp_path, [run.widget(n_balls=20)])
    shown(page)
    page.evaluate("() => window.models[0].put('temperature', .2)")
    ground = "() => getComputedStyle(document.querySelector('.thermoviz').shadowRoot.querySelector('.tv')).colorScheme"
    assert page.evaluate(ground) == "light"
    page.evaluate("() => { document.body.style.background = '#111'; }")
    page.wait_for_function(f"() => ({ground})() === 'dark'", timeout=PATIENCE)
    assert page.evaluate("() => window.models[0].stage().simulation.T") == .2 and page.complaints == []


def test_a_run_without_a_surface_is_a_sentence(new_page, tmp_path):
    page = widget_host.opened(new_page, tmp_path, [widget_host.lost_run().widget()])
    page.get_by_text("no surface to show").wait_for(timeout=PATIENCE)
    assert page.evaluate("window.contexts.length") == 0 and page.complaints == []
