"""Shared fixtures: one real Chromium for all browser tests, and pages that remember what the console said."""

import os
import sys
from pathlib import Path

import pytest
from browsing import CHROMIUM_FLAGS, PATIENCE_S, chromium_path, lab_alone, visible

if "PYTEST_XDIST_WORKER" in os.environ:  # a core each; the libraries read it when they are loaded
    for name in ("THERMOVIZ_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
os.environ.setdefault("THERMOVIZ_WARM", "0")  # nobody waits for a first answer

ROOT = Path(__file__).parent.parent
MAIN = sys.modules["__main__"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """What AppTest leaves: its script as `__main__`, which every worker that is spawned later would run again, and word
    that this process does without numba, by which the numbers of surfaces differ in their last bits."""
    sys.modules["__main__"] = MAIN
    os.environ.pop("THERMOVIZ_NO_NUMBA", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A browser test that fails tells what its pages said, which nobody can look up on another machine."""
    report = yield
    if report.when == "call" and report.failed and "new_page" in getattr(item, "funcargs", {}):
        for page in item.funcargs["new_page"].opened:
            report.sections.append((f"what stood on {page.url}", "\n".join([visible(page), *page.complaints])))
    return report


@pytest.fixture
def setting(monkeypatch):
    """Sets what an operator may set: `setting(store=folder, threads=2)`; the process reads it anew, and after it."""
    from thermoviz.core.settings import settings, variable

    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(variable(name), str(value))
        settings.cache_clear()

    yield put
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture(scope="session")
def chromium():
    """One headless Chromium with software WebGL2 for the whole session."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


# What the driver says of a page that is put together without it, where each picture of the stage is read back. The
# stage's own code never reads pixels.
READ_BACK = "GPU stall due to ReadPixels"
# A new window begins without what an earlier visitor left.
FORGET = """try {
        if (!sessionStorage.getItem("tests")) localStorage.clear();
        sessionStorage.setItem("tests", "began");
    } catch { /* a page of no origin keeps nothing */ }"""


class Visitors:
    """Contexts of the browser, by their settings. Who comes back after a test has kept nothing but the app's programs,
    which are large and need not be read and compiled for every test."""

    def __init__(self, browser):
        self.browser, self.free = browser, {}

    def take(self, settings: dict):
        free = self.free.setdefault(repr(sorted(settings.items())), [])
        return free.pop() if free else self.browser.new_context(**settings)

    def give_back(self, context, settings: dict) -> None:
        for page in context.pages:
            page.close()
        context.clear_cookies()
        self.free[repr(sorted(settings.items()))].append(context)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server, (address, process), for all tests that ask nothing of its first visitor or of its memory."""
    from test_app_browser import serving

    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def visitors(chromium):
    return Visitors(chromium)


@pytest.fixture
def new_page(visitors):
    """Opens pages: `page = new_page(width=1400, height=900)`; `page.complaints` lists console errors and warnings."""
    taken, opened = [], []

    def open_page(width: int = 1400, height: int = 900, **settings):
        context = visitors.take(settings)
        taken.append((context, settings))
        page = context.new_page()
        opened.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.add_init_script(FORGET)
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(f"{m.type}: {m.text}")
                if m.type in ("error", "warning") and READ_BACK not in m.text else None)
        page.on("pageerror", lambda error: page.complaints.append(f"exception: {error}"))
        return page

    open_page.opened = opened
    yield open_page
    for context, settings in taken:
        visitors.give_back(context, settings)


@pytest.fixture(scope="module")
def modules(chromium):
    """The stage's modules in a page of their own: `modules(body, argument)`, see `stage_browser.Modules`."""
    from stage_browser import Modules

    page = chromium.new_page()
    made = Modules(page)
    yield made
    made.close()
    page.close()


@pytest.fixture
def open_stage(new_page, tmp_path):
    """Opens the stage of a message as a file; the page notes every request other than for the file itself."""
    import stage_scene

    from thermoviz.stage import html

    def open_it(message=None, width=1400, height=900, script=None, **settings):
        path = tmp_path / "stage.html"
        path.write_text(html.page(message or stage_scene.message()), encoding="utf-8")
        page = new_page(width, height, **settings)
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        if script:
            page.add_init_script(script)
        page.goto(path.as_uri())
        page.wait_for_selector(".tv")
        page.stage = page.locator(".tv")
        page.state = lambda: page.stage.evaluate("(element) => element.thermoviz.state()")
        return page
    return open_it


@pytest.fixture
def whole_app(tmp_path, setting):
    """Opens a page of the whole app without a browser, by link: `whole_app(kind, name=value)` gives its AppTest."""
    from streamlit.testing.v1 import AppTest

    from thermoviz.dashboard import state
    from thermoviz.dashboard.serving import APP

    setting(store=tmp_path)
    engine_of_process = state.engine if hasattr(state.engine, "clear") else None  # else a test's own
    if engine_of_process:
        engine_of_process.clear()

    def opened(page: str, **query: str):
        made = AppTest.from_file(APP, default_timeout=PATIENCE_S)
        for name, value in query.items():
            made.query_params[name] = value
        made.query_params["kind"] = page
        made.run()
        assert not made.exception, made.exception
        return made

    yield opened
    if engine_of_process:
        engine_of_process().close()
        engine_of_process.clear()


@pytest.fixture(scope="session")
def parts_shared():
    """Runs share what does not depend on the settings in which they differ."""
    from computed_runs import parts_once

    with parts_once():
        yield


@pytest.fixture(scope="module")
def surfaces_shared():
    """Above the rooms where surfaces are made, equal ones are one object."""
    from computed_runs import surfaces_once

    with surfaces_once():
        yield


@pytest.fixture(autouse=True)
def _shared(request):
    room = request.path.relative_to(Path(__file__).parent).parts[0]
    if room == "labs":
        request.getfixturevalue("parts_shared")
    if room in ("labs", "presentation", "stage", "dashboard", "figures", "catalogue", "experiments"):
        request.getfixturevalue("surfaces_shared")


@pytest.fixture
def at_once(monkeypatch):
    """The engine of all pages of this test, without processes: see `at_once.AtOnce`."""
    from at_once import AtOnce

    from thermoviz.dashboard import chrome, lab, scene, state

    engine = AtOnce()
    for module in (state, lab, scene, chrome):
        monkeypatch.setattr(module, "engine", lambda: engine)
    return engine


@pytest.fixture
def lab_page(at_once):
    """Opens a lab's page by link, without the app's own start: `lab_page(kind, name=value)` gives its AppTest."""
    def opened(lab: str, /, **query: str):
        app = lab_alone(lab)
        for name, text in query.items():
            app.query_params[name] = text
        app.run()
        assert not app.exception, app.exception
        return app

    return opened
