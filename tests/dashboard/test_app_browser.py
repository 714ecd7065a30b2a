"""The running app in a real browser: drawn at once, answers while it computes, says nothing in the console."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
WEB_PROCESS_MB = 200
# What the web process never loads; of scipy itself, which loads its parts on first use, only the parts.
FORBIDDEN = ("torch", "sklearn", "numba", "scipy/linalg", "scipy/sparse", "scipy/special", "scipy/optimize",
             "scipy/spatial", "scipy/integrate", "scipy/interpolate")
PATIENCE_MS = 90_000  # a machine that runs other tests at the same time


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextlib.contextmanager
def serving(folder, path="", port=None):
    """The app as `make run` serves it, on a free port with an empty store; gives (address, process).

    `path`: a folder of further packages.
    """
    port = port or free_port()
    with open(folder / "log", "a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "thermoviz", "serve", "--port", str(port)],
            cwd=ROOT, stdout=log, stderr=log,
            env={**os.environ, "THERMOVIZ_STORE": str(folder / "store"), "PYTHONPATH": str(path)})
    address = f"http://localhost:{port}"
    try:
        wait_until_healthy(address)
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests that do not ask what its first visitor waits for."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


def wait_until_healthy(address, patience_s=60):
    until = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < until, "the server did not start"
        time.sleep(0.1)


# The stage lives in the component's shadow root, and tells how many frames it has drawn.
STAGE = """[...document.querySelectorAll('.st-key-scene *')].map(e => e.shadowRoot?.querySelector('.tv'))
    .find(Boolean)?.thermoviz"""
FRAMES = f"(({STAGE})?.state().drawn ?? 0)"
# What tells one surface from another: its energies along the diagonal.
ENERGIES = f"""(({{ x0, x1, y0, y1, energy }}) => [0.1, 0.3, 0.5, 0.7, 0.9].map(
    (share) => energy(x0 + share * (x1 - x0), y0 + share * (y1 - y0))))(({STAGE}).simulation.surface)"""
SHOWN = "document.querySelector('h1.tv-headline')?.dataset.run"


def first_drawing(page, address):
    """Opens the page; seconds from its own load event until the stage has drawn its first frame."""
    page.goto(address)
    drawn = page.wait_for_function(f"() => {FRAMES} > 0 && performance.now()", timeout=PATIENCE_MS).json_value()
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    return (drawn - loaded) / 1000


def shown(page):
    return page.evaluate(SHOWN)


def wait_for_another_run(page, before):
    page.wait_for_function(f"before => {SHOWN} && {SHOWN} !== before", arg=before, timeout=PATIENCE_MS)


def wait_for_another_surface(page, before):
    page.wait_for_function(f"before => JSON.stringify({ENERGIES}) !== JSON.stringify(before)", arg=before,
                           timeout=PATIENCE_MS)


def stage_state(page):
    return page.evaluate(f"({STAGE}).state()")


def sidebar_slider(page, name):
    return page.get_by_test_id("stSidebar").get_by_role("slider", name=name)


def open_controls(page):
    page.get_by_role("button", name="Experiment").click()
    sidebar_slider(page, "Learning rate").wait_for(timeout=PATIENCE_MS)


def test_the_balls_move_and_the_charts_follow(server, new_page):
    page = new_page()
    first_drawing(page, server[0])
    before = stage_state(page)
    page.wait_for_function(f"n => ({STAGE}).state().steps > n", arg=before["steps"], timeout=PATIENCE_MS)
    assert not np.allclose(before["positions"], stage_state(page)["positions"])
    page.locator(".st-key-card_losses .js-plotly-plot").wait_for(timeout=PATIENCE_MS)
    assert page.complaints == []


def test_digits_heat_and_learning_rate_while_the_old_run_computes(tmp_path, new_page):
    """On a server of its own: what it weighs at the end is this visit's doing, whatever other tests have asked."""
    with serving(tmp_path) as (address, process):
        turn_while_computing(new_page(), address)
        assert_light(process.pid)


def turn_while_computing(page, address):
    first_drawing(page, address)
    preset, surface = shown(page), page.evaluate(ENERGIES)
    page.get_by_role("button", name="Handwritten digits").click()
    wait_for_another_run(page, preset)
    digits = shown(page)
    wait_for_another_surface(page, surface)
    surface = page.evaluate(ENERGIES)
    open_controls(page)
    rate = sidebar_slider(page, "Learning rate")
    rate.press("ArrowLeft")
    # The old picture lives on, dimmed, unless a worker was so quick that the coarse new surface is there already.
    page.wait_for_function(
        f"was => getComputedStyle(document.querySelector('.st-key-scene')).opacity < 1 || {SHOWN} !== was",
        arg=digits, timeout=PATIENCE_MS)
    heat = page.locator(".st-key-scene").get_by_role("slider", name="Temperature")
    cold = stage_state(page)["T"]
    for _press in range(5):
        heat.press("ArrowRight")
    assert stage_state(page)["T"] > cold
    rate.press("ArrowLeft")  # asks for another run while the first is still computed
    page.wait_for_function("() => location.search.includes('lr=')", timeout=PATIENCE_MS)
    wait_for_another_run(page, digits)
    wait_until_computed(page)
    assert shown(page) not in (preset, digits)
    wait_for_another_surface(page, surface)
    page.wait_for_function("() => location.search.includes('T=')", timeout=PATIENCE_MS)
    assert "preset=digits" in page.url and "seed=" in page.url
    assert page.complaints == []


def wait_until_computed(page):
    """Until the progress is gone; its container stays, empty."""
    page.locator(".st-key-progress").wait_for(state="detached", timeout=PATIENCE_MS)


def assert_light(pid):
    """After drawing and computing the web process has loaded none of the heavy libraries, and is small."""
    if sys.platform != "linux":
        return  # other systems do not tell what a process has loaded
    text = Path(f"/proc/{pid}/maps").read_text()
    assert [name for name in FORBIDDEN if f"/{name}/" in text] == []
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < WEB_PROCESS_MB * 1e6, f"{resident / 1e6:.0f} MB"


def test_cancel_goes_back_to_what_is_shown(server, new_page):
    page = new_page()
    first_drawing(page, f"{server[0]}/?steps=50000&replicas=256&network.hidden=64_64")  # minutes of work
    before = shown(page)
    page.get_by_role("button", name="Cancel").click(timeout=PATIENCE_MS)
    wait_until_computed(page)
    assert shown(page) == before and page.complaints == []


def test_what_a_link_may_not_ask_for_is_told_and_the_page_stands(server, new_page):
    page = new_page()
    first_drawing(page, f"{server[0]}/?preset=mueller-brown&resolution=5000&look=light")
    assert "resolution" in page.locator(".st-key-messages").inner_text(timeout=PATIENCE_MS)
    assert page.locator(".st-key-card_losses").count() == 0  # a potential has no networks
    assert page.complaints == []


@pytest.mark.parametrize("query", ["", "?kind=second_law"])
def test_without_webgl2_the_stage_lives_on_and_one_sentence_says_so(server, new_page, query):
    page = new_page()
    page.add_init_script("""const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };""")
    page.goto(f"{server[0]}/{query}")
    page.wait_for_function(f"() => {FRAMES} > 0", timeout=PATIENCE_MS)
    assert stage_state(page)["webgl"] is False and page.get_by_text("WebGL2").count() == 1
    assert page.complaints == []


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_nothing_is_wider_than_the_window(server, new_page, width, height):
    page = new_page(width=width, height=height)
    first_drawing(page, server[0])
    main = page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    assert page.complaints == []
