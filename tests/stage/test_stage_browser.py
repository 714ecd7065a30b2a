"""The live stage in a real Chromium: as a file from disk, and mounted by Streamlit."""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import stage_scene
from browsing import after_pictures
from test_app_browser import wait_until_healthy

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
STATE = "(element) => element.thermoviz.state()"


def wait_until(page, condition, seconds=60.0):
    """Polls the stage's state until the condition holds, and returns that state."""
    end = time.monotonic() + seconds
    while True:
        state = page.state()
        if condition(state):
            return state
        assert time.monotonic() < end, {k: v for k, v in state.items() if k != "positions"}
        after_pictures(page, 2)


def test_balls_move_from_disk_without_requests(open_stage):
    page = open_stage()
    first = page.state()
    later = wait_until(page, lambda state: state["steps"] > first["steps"] + 20)
    assert later["positions"] != first["positions"]
    assert len(page.requests) == 1 and page.requests[0].startswith("file:")
    assert page.complaints == []


def test_something_is_drawn(open_stage):
    """The relief has many colours, the balls are warm, and the background is that of the look."""
    page = open_stage()
    wait_until(page, lambda state: state["steps"] > 5)
    colours = page.stage.evaluate("""(element) => {
        const { view } = element.thermoviz, canvas = document.createElement("canvas");
        canvas.width = 300; canvas.height = 200;
        const context = canvas.getContext("2d");
        view.shoot(context, 300, 200, 2);
        const data = context.getImageData(0, 0, 300, 200).data, seen = new Set();
        let warm = 0;
        for (let k = 0; k < data.length; k += 4) {
            seen.add((data[k] >> 4) * 256 + (data[k + 1] >> 4) * 16 + (data[k + 2] >> 4));
            if (data[k] > 180 && data[k + 2] < 0.6 * data[k]) warm++;
        }
        return { seen: seen.size, warm };
    }""")
    assert colours["seen"] > 60 and colours["warm"] > 20


@pytest.mark.parametrize("T", [.2, 1.0])
def test_mean_energy_at_equilibrium(open_stage, T):
    """In a harmonic well <E> is exact for this scheme: a cloud that started everywhere agrees within 3 errors."""
    page = open_stage(stage_scene.message(stage_scene.bowl, with_networks=False, temperature=T, n_balls=3000))
    measured = page.stage.evaluate("""(element) => {
        const { actions } = element.thermoviz;
        actions.toggle();
        actions.start("uniform");
        for (let k = 0; k < 300; k++) actions.step();
        const { balls } = element.thermoviz.simulation, n = balls.n;
        let sum = 0, square = 0;
        for (let k = 0; k < n; k++) { sum += balls.energy[k]; square += balls.energy[k] ** 2; }
        return { mean: sum / n, error: Math.sqrt((square / n - (sum / n) ** 2) / n) };
    }""")
    exact = stage_scene.surface_of(stage_scene.bowl).equilibrium(T).U
    assert abs(measured["mean"] - exact) < 3 * measured["error"]


def test_keyboard(open_stage):
    page = open_stage()
    page.locator(".view").focus()
    page.keyboard.press("Space")
    assert page.state()["playing"] is False
    steps = page.state()["steps"]
    page.keyboard.press("s")
    assert page.state()["steps"] == steps + 1
    page.keyboard.press("0")
    assert page.state()["T"] == 0
    seed = page.state()["seed"]
    page.keyboard.press("n")
    assert page.state()["seed"] != seed and page.state()["steps"] == 0
    page.keyboard.press("?")
    assert page.locator(".help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".help").is_hidden()
    # Controls keep their own keys: the arrow moves the slider, not the camera.
    page.get_by_role("slider", name="Temperature", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.state()["T"] > 0
    assert page.complaints == []


def test_reset_replays_the_same_seed(open_stage):
    page = open_stage()
    after_twenty = """(element) => {
        const { actions, state } = element.thermoviz;
        if (state().playing) actions.toggle();
        actions.reset();
        for (let k = 0; k < 20; k++) actions.step();
        return state().positions;
    }"""
    assert page.stage.evaluate(after_twenty) == page.stage.evaluate(after_twenty)


def test_programmes_end_where_they_say(open_stage):
    page = open_stage()
    T = page.stage.evaluate("""(element) => {
        const { actions, state } = element.thermoviz, T = {};
        actions.toggle();
        actions.programmeSteps(1000);
        T.start = state().T;
        actions.programme("anneal");
        for (let k = 0; k < 500; k++) actions.step();
        T.half = state().T;
        for (let k = 0; k < 600; k++) actions.step();
        T.end = state().T;
        actions.release(T.start);
        actions.programme("quench");
        actions.step();
        T.quenched = state().T;
        return T;
    }""")
    assert T["half"] == pytest.approx(T["start"] / 10, rel=1e-9)
    assert T["end"] == pytest.approx(T["start"] / 100, rel=1e-9)
    assert T["quenched"] == 0


def test_click_drops_a_handful(open_stage):
    page = open_stage()
    page.stage.evaluate("(element) => element.thermoviz.actions.toggle()")
    before = page.state()["positions"]
    box = page.locator(".view").bounding_box()
    page.mouse.click(box["x"] + .5 * box["width"], box["y"] + .5 * box["height"])
    assert page.state()["positions"] != before


def test_picture_film_and_file(open_stage, tmp_path):
    page = open_stage(width=700, height=700)
    box = page.locator(".view").bounding_box()

    def saved(click, name):
        with page.expect_download() as download:
            click()
        download.value.save_as(tmp_path / name)
        return (tmp_path / name).read_bytes()

    def take_picture(times):
        page.get_by_label("Picture", exact=True).click()
        page.get_by_text(f"picture, {times}×").click()

    for times in (2, 4):
        png = saved(lambda times=times: take_picture(times), f"{times}.png")
        width, height = struct.unpack(">II", png[16:24])
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert abs(width - times * box["width"]) <= times and height > times * box["height"] + 20
    page.get_by_label("Film", exact=True).click()
    filmed = page.state()["pictures"]
    wait_until(page, lambda state: state["pictures"] > filmed + 10)
    film = saved(lambda: page.get_by_label("Stop and save the film").click(), "film")
    assert len(film) > 2000 and (film[:4] == b"\x1aE\xdf\xa3" or film[4:8] == b"ftyp")

    file = saved(lambda: page.get_by_label("One file that runs by itself").click(), "again.html")
    assert len(file) < 400_000
    page.requests.clear()
    page.goto((tmp_path / "again.html").as_uri())
    page.stage = page.locator(".tv")
    wait_until(page, lambda state: state["steps"] > 5)
    assert len(page.requests) == 1 and page.complaints == []


def test_same_surface_keeps_balls_and_camera(open_stage):
    """New data for the same surface, such as another look, changes neither balls nor clock nor camera."""
    page = open_stage()
    wait_until(page, lambda state: state["steps"] > 10)
    page.stage.evaluate("(element) => element.thermoviz.actions.toggle()")
    page.stage.evaluate("(element) => element.thermoviz.actions.top(true)")
    before = page.state()
    update = "(element, message) => { element.thermoviz.update(message); return element.thermoviz.state(); }"
    after = page.stage.evaluate(update, stage_scene.message(look="light"))
    assert after["positions"] == before["positions"] and after["steps"] == before["steps"]
    assert after["camera"] == before["camera"] and after["playing"] is False
    other = page.stage.evaluate(update, stage_scene.message(stage_scene.bowl, with_networks=False))
    assert other["positions"] != before["positions"] and other["camera"]["top"] is True
    after_pictures(page)
    assert page.complaints == []


def test_refined_surface_keeps_the_balls(open_stage):
    """The same run's surface, tabulated more finely: the balls stay where they are, and so does the heat."""
    coarse, fine = (stage_scene.message(n=n, id="one run") for n in (21, 41))
    page = open_stage(coarse)
    page.stage.evaluate("(element) => element.thermoviz.actions.toggle()")
    page.stage.evaluate("(element) => element.thermoviz.actions.release(0.123)")
    before = page.state()
    after = page.stage.evaluate(
        "(element, message) => { element.thermoviz.update(message); return element.thermoviz.state(); }", fine)
    assert after["positions"] == before["positions"] and after["T"] == before["T"] == .123
    assert page.complaints == []


UPDATE = "(element, message) => { element.thermoviz.update(message); return element.thermoviz.state(); }"


def test_the_viewer_s_temperature_outlives_late_messages(open_stage):
    """Key presses reach the page late: neither its former temperature nor an echo of an older one undoes the last."""
    def answer(seed_of_surface, T, title="one subject"):
        return stage_scene.message(lambda x, y: (1 + .01 * seed_of_surface) * stage_scene.bowl(x, y),
                                   with_networks=False, n=21, temperature=T, title=title,
                                   id=f"run {seed_of_surface}")
    page = open_stage(answer(0, .5))
    slider = page.get_by_role("slider", name="Temperature", exact=True)
    slider.focus()
    said = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        said.append(page.state()["T"])
    assert len(set(said)) == 4
    for k, late in enumerate((.5, said[0], said[2])):
        assert page.stage.evaluate(UPDATE, answer(k + 1, late))["T"] == said[-1]
        assert page.stage.evaluate(UPDATE, answer(k + 11, late, "own experiment"))["T"] == said[-1]
    # Another preset brings its own, and until the viewer sets one again the page decides.
    assert page.stage.evaluate(UPDATE, answer(21, .07, "another preset"))["T"] == .07
    assert page.stage.evaluate(UPDATE, answer(22, .08, "another preset"))["T"] == .08
    assert float(slider.input_value()) > 0 and page.complaints == []


def test_a_new_word_of_the_page_about_start_heat_and_number_is_followed(open_stage):
    """On the same surface, as when a lab's control is turned: the balls begin anew, at the new heat."""
    page = open_stage(stage_scene.message(start="uniform", temperature=0.1, n_balls=50), reduced_motion="reduce")
    before = page.state()
    after = page.stage.evaluate(UPDATE, stage_scene.message(start="point:0.3,-0.2", temperature=0.1, n_balls=50))
    places = np.array(after["positions"]).reshape(-1, 2)
    assert after["positions"] != before["positions"] and (np.abs(places - [0.3, -0.2]) < 2).all()
    assert page.get_by_label("Where the balls start").input_value() == "point:0.3,-0.2"
    hot = page.stage.evaluate(UPDATE, stage_scene.message(start="point:0.3,-0.2", temperature=0.4, n_balls=30))
    assert hot["T"] == .4 and hot["n"] == 30 and hot["positions"] == after["positions"][:60]
    after_pictures(page)
    assert page.complaints == []


@pytest.mark.parametrize("start, basin", [("basin", 0), ("basin:1", 1)])
def test_balls_start_where_the_message_says(open_stage, start, basin):
    page = open_stage(stage_scene.message(start=start, temperature=0.0), reduced_motion="reduce")
    surface = stage_scene.surface_of()
    assert (surface.basins.label_at(np.array(page.state()["positions"]).reshape(-1, 2)) == basin).all()
    everywhere = page.stage.evaluate(UPDATE, stage_scene.message(n=21, start="uniform", id="another"))["positions"]
    assert np.ptp(np.array(everywhere).reshape(-1, 2), axis=0).min() > 4


def test_slow_machines_say_that_time_runs_slower(open_stage):
    """Where a picture's share of time does not suffice for its steps, a note says so, and it stops being true."""
    page = open_stage(stage_scene.message(n_balls=300))
    page.stage.evaluate("(element) => { element.thermoviz.view.quality.record = () => false; }")
    slow = """(element) => { const { simulation } = element.thermoviz; element.thermoviz.actions.toggle();
        for (let k = 0; k < 60; k++) simulation.advance(1 / 60, 1, 1e-9);
        return simulation.behind; }"""
    assert page.stage.evaluate(slow) is True
    page.locator(".note", has_text="Time runs slower").wait_for(timeout=5000)
    assert page.stage.evaluate("""(element) => { const { simulation } = element.thermoviz;
        for (let k = 0; k < 200; k++) simulation.advance(1 / 60, 1, 1e9);
        return simulation.behind; }""") is False


def test_lost_context_is_restored(open_stage):
    page = open_stage()
    page.stage.evaluate("""(element) => {
        window.loss = element.thermoviz.view.renderer.gl.getExtension("WEBGL_lose_context");
        window.loss.loseContext();
    }""")
    wait_until(page, lambda state: state["lost"])
    steps = page.state()["steps"]
    wait_until(page, lambda state: state["steps"] > steps)
    page.evaluate("window.loss.restoreContext()")
    wait_until(page, lambda state: not state["lost"])
    after_pictures(page)
    assert page.stage.evaluate("(element) => element.thermoviz.view.renderer.gl.getError()") == 0
    assert [line for line in page.complaints if "CONTEXT_LOST" not in line] == []


def test_width_zero_pauses(open_stage):
    page = open_stage()
    wait_until(page, lambda state: state["steps"] > 5)
    page.evaluate("document.querySelector('main').style.display = 'none'")
    # The browser tells the stage with its next frame, which a busy machine may draw late.
    steps = -1
    while (now := page.state()["steps"]) != steps:
        steps = now
        after_pictures(page, 10)
    after_pictures(page, 10)
    assert page.state()["steps"] == steps
    page.evaluate("document.querySelector('main').style.display = ''")
    wait_until(page, lambda state: state["steps"] > steps)
    assert page.complaints == []


def test_reduced_motion_starts_paused(open_stage):
    page = open_stage(reduced_motion="reduce")
    after_pictures(page, 20)
    assert page.state()["playing"] is False and page.state()["steps"] == 0


def test_a_browser_that_draws_nothing_is_told_so(open_stage):
    page = open_stage(script="HTMLCanvasElement.prototype.getContext = () => null;")
    assert "cannot draw" in page.locator(".without").inner_text()
    assert page.complaints == []


@pytest.mark.parametrize("look, width, height", [
    ("projector", 390, 844), ("light", 1400, 900),
    *(pytest.param(*case, marks=pytest.mark.slow)
      for case in (("dark", 390, 844), ("light", 390, 844), ("projector", 1920, 1080)))])
def test_fits_the_screen(open_stage, look, width, height):
    """No horizontal overflow and no clipped control, down to a phone."""
    page = open_stage(stage_scene.message(look=look), width, height, has_touch=width < 500)
    wait_until(page, lambda state: state["measurement"] is not None)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    clipped = page.stage.evaluate("""(element) => [...element.querySelectorAll("button, select, .value, td, dd, .card")]
        .filter((e) => e.clientWidth && (e.scrollWidth > e.clientWidth + 1
            || e.getBoundingClientRect().right > innerWidth + .5))
        .map((e) => e.className + " " + e.textContent)""")
    assert clipped == []
    small = page.stage.evaluate("""(element) => [...element.querySelectorAll("button, select, input[type=range]")]
        .filter((e) => e.offsetHeight && e.offsetHeight < 33.5).map((e) => e.textContent || e.ariaLabel)""")
    assert small == []


def test_phone_has_temperature_below_the_stage(open_stage):
    page = open_stage(width=390, height=844, has_touch=True)
    view, heat, bar = (page.locator(name).first.bounding_box() for name in (".view", ".temperature", ".bar"))
    assert view["y"] + view["height"] <= heat["y"] < bar["y"]
    assert heat["y"] - view["y"] - view["height"] < 30
    # A vertical swipe may scroll the page, a horizontal one turns the relief.
    assert page.locator(".view").evaluate("(element) => getComputedStyle(element).touchAction") == "pan-y"


@pytest.mark.parametrize("scene", [stage_scene.flat, stage_scene.bowl, stage_scene.steep, stage_scene.holed])
def test_odd_surfaces_keep_their_balls(open_stage, scene):
    """All equal, one basin, steep walls, holes: the balls stay finite, inside and out of the holes."""
    message = stage_scene.message(scene, with_networks=False)
    page = open_stage(message)
    lost = page.stage.evaluate("""(element, T) => {
        const { actions } = element.thermoviz, lost = [];
        for (const heat of [0, T]) for (const scheme of ["leimkuhler-matthews", "euler-maruyama", "baoab"]) {
            actions.change(heat);
            actions.start("uniform");
            actions.scheme(scheme);
            for (let k = 0; k < 60; k++) actions.step();
            const { balls, surface } = element.thermoviz.simulation;
            for (let k = 0; k < balls.n; k++) {
                const x = balls.x[2 * k], y = balls.x[2 * k + 1];
                if (!(x >= surface.x0 && x <= surface.x1 && y >= surface.y0 && y <= surface.y1)
                    || surface.masked(x, y) || !Number.isFinite(balls.energy[k])) lost.push([scheme, x, y]);
            }
        }
        return lost.slice(0, 5);
    }""", 3 * (message["surface"]["scale"] or 1.0))
    assert lost == []
    after_pictures(page)
    assert page.complaints == []


def test_two_stages_on_one_page(open_stage):
    page = open_stage()
    page.evaluate("thermoviz.open()")
    for k in range(2):
        page.wait_for_function("(element) => element.thermoviz.state().steps > 0",
                               arg=page.locator(".tv").nth(k).element_handle())
    page.locator(".tv").nth(1).evaluate("(element) => element.thermoviz.actions.release(0)")
    assert page.locator(".tv").nth(0).evaluate(STATE)["T"] > 0
    assert page.complaints == []


APP = """
import json, sys
sys.path.insert(0, {root!r})
import streamlit as st
from thermoviz.dashboard.component import mount, stage
from thermoviz.experiments.presets import load_preset
st.set_page_config(layout="wide")
st.button("again")
preset = st.query_params.get("preset")
got = (stage(load_preset(preset), "dark", "stage", n_balls=3000, start="boltzmann") if preset
       else mount(json.load(open({data!r})), "stage"))
st.text(f"temperature {{got['temperature']}}")
st.session_state.drawn = st.session_state.get("drawn", 0) + 1
st.text(f"drawn {{st.session_state.drawn}} times")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A Streamlit server with one page that mounts the stage; yields its address."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "data.json").write_text(json.dumps(stage_scene.message()))
    (folder / "page.py").write_text(APP.format(root=str(ROOT), data=str(folder / "data.json")))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = open(folder / "log", "w")
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "page.py", f"--server.port={port}", "--server.headless=true",
         "--server.address=127.0.0.1", "--browser.gatherUsageStats=false", "--server.fileWatcherType=none"],
        cwd=folder, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)
        log.close()


def test_streamlit_rerun_keeps_the_balls(app, new_page):
    """A rerun with equal data does not restart them; the released temperature reaches Python; all is quiet."""
    page = new_page()
    page.goto(app)
    page.wait_for_selector(".tv .stage", timeout=30000)
    page.stage = page.locator(".tv")
    page.state = lambda: page.stage.evaluate(STATE)
    page.stage.evaluate("(element) => { element.dataset.mark = 'same'; }")
    wait_until(page, lambda state: state["steps"] > 10)
    steps = page.state()["steps"]
    page.get_by_role("button", name="again", exact=True).click()
    page.get_by_text("drawn 2 times", exact=True).wait_for()
    assert page.state()["steps"] >= steps and page.stage.get_attribute("data-mark") == "same"
    page.get_by_role("slider", name="Temperature", exact=True).focus()
    page.keyboard.press("Home")
    page.get_by_text("temperature 0", exact=True).wait_for(timeout=8000)
    assert page.state()["T"] == 0 and page.state()["steps"] >= steps
    # Only the browser's own remarks on Streamlit's page itself may stand here.
    assert [line for line in page.complaints if "thermoviz" in line or line.startswith("exception")] == []


def test_mean_energy_of_a_preset_in_the_running_app(app, new_page):
    """<E> of independent balls against the exact value at two temperatures, 3 standard errors; a rerun keeps them.

    The slider sets the temperature and the button draws the balls from Boltzmann; 300 steps later they must still be.
    """
    from thermoviz.experiments.presets import load_preset

    surface = load_preset("narrow-deep").surface
    page = new_page()
    page.goto(f"{app}/?preset=narrow-deep")
    page.wait_for_selector(".tv .stage", timeout=30000)
    page.stage = page.locator(".tv")
    page.state = lambda: page.stage.evaluate(STATE)
    page.stage.evaluate("(element) => { window.kept = element.thermoviz.simulation; }")
    for position in ("320", "440"):
        page.get_by_role("slider", name="Temperature", exact=True).fill(position)
        page.get_by_role("button", name="jump to equilibrium").click()
        begun = page.state()["steps"]
        wait_until(page, lambda state, begun=begun: state["steps"] > begun + 150, 30)
        page.get_by_role("button", name="again", exact=True).click()
        wait_until(page, lambda state, begun=begun: state["steps"] > begun + 300, 30)
        assert page.state()["n"] == 3000
        energy = np.array(page.stage.evaluate("""(element) => {
            const { balls } = element.thermoviz.simulation;
            return Array.from(balls.energy.subarray(0, balls.n)); }"""))
        error = energy.std(ddof=1) / np.sqrt(len(energy))
        assert page.stage.evaluate("(element) => element.thermoviz.simulation === window.kept")
        assert abs(energy.mean() - surface.equilibrium(page.state()["T"]).U) < 3 * error
    assert [line for line in page.complaints if "thermoviz" in line or line.startswith("exception")] == []


def test_streamlit_sends_the_program_once_and_little_data(app, new_page):
    """The message with data stays below 180 kB and does not hold the program, which is one file."""
    page = new_page()
    frames, files = [], []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(len(data))))
    page.on("request", lambda request: files.append(request.url) if "bidi-components" in request.url else None)
    page.goto(app)
    page.wait_for_selector(".tv .stage", timeout=30000)
    assert len(files) == 1
    assert max(frames) < 180_000
