"""The widget where it is meant to be: JupyterLab in a real browser, twenty runs in one notebook."""

import ast
import re

import notebooks
import pytest
import widget_host
from browsing import PATIENCE_S

pytestmark = pytest.mark.browser
PATIENCE = 1000 * PATIENCE_S
MANY, MOST = 20, 8  # widgets; contexts at once, as contexts.js has it
STAGE = "(host) => host.shadowRoot.querySelector('.tv').thermoviz"
AWAKE = f"(host) => {{ const {{ view }} = ({STAGE})(host); return !view.asleep && !view.lost; }}"
# What others say: JupyterLab of slow machines, of kernels that restart, and of widgets whose kernel has gone; anywidget
# where a machine is so slow that a module was not loaded within its two seconds.
OTHERS = re.compile(r"Plugin \S+ (\(|is taking)|Connection lost|widget model not found|GPU stall due to ReadPixels|"
                    r"\[anywidget\] Failed to initialize model")
FIRST, RUN, PRINTED, LOST = 1, MANY + 1, MANY + 2, MANY + 3  # cells
CELLS = (
    "import thermoviz as tv\nruns = [tv.load_preset(key) for key in tv.PRESETS]\nwidgets = []",
    *(f"widgets.append(runs[{k} % len(runs)].widget(n_balls=20, seed={k}))\nwidgets[-1]" for k in range(MANY)),
    "runs[1]",
    "print(widgets[0].temperature, widgets[0].clicked)",
    """lost = {"steps": [0, 1], "losses": [[1.0], [float("nan")]], "member": [0], "diverged_at": [1]}
tv.Run(runs[0].spec, lost)""",
)


@pytest.fixture(scope="module")
def notebook(chromium, tmp_path_factory):
    """A notebook of CELLS, all of which have run."""
    folder = tmp_path_factory.mktemp("notebooks")
    notebooks.written(folder / "many.ipynb", *CELLS)
    with notebooks.lab(folder) as address:
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(f"{m.type}: {m.text}")
                if m.type in ("error", "warning") and not OTHERS.search(m.text) else None)
        page.on("pageerror", lambda error: page.complaints.append(f"exception: {error}")
                if not OTHERS.search(str(error)) else None)
        page.add_init_script(widget_host.COUNT)
        made = notebooks.Notebook(page, address("many.ipynb"))
        made.run_all()
        yield made
        page.close()


def host_of(notebook, k):
    """The widget in cell k, in sight and drawn."""
    host = notebook.cell(k).locator(".thermoviz")
    host.wait_for(timeout=PATIENCE)
    widget_host.wait_for_picture(notebook.page, host)
    return host


def test_twenty_runs_stay_alive_in_one_notebook(notebook):
    for k in [*range(FIRST, FIRST + MANY), FIRST]:
        host = host_of(notebook, k)
        notebook.page.wait_for_function(AWAKE, arg=host.element_handle(), timeout=PATIENCE)
    assert notebook.page.evaluate("window.most") <= MOST < MANY
    assert notebook.page.complaints == []


def test_a_run_alone_in_its_cell_is_a_widget_too(notebook):
    host_of(notebook, RUN)
    cell = notebook.cell(RUN)
    assert cell.locator(".thermoviz-still:visible").count() == 0 and cell.locator("iframe").count() == 0
    assert cell.get_by_text("This network learned").filter(visible=True).count() == 1


def test_temperature_and_clicks_reach_a_cell(notebook):
    page, host = notebook.page, host_of(notebook, FIRST)
    slider = host.locator(".temperature input[type=range]")
    slider.focus()
    slider.press("End")
    x, y = host.evaluate("""(host) => {
        const { view } = host.shadowRoot.querySelector(".tv").thermoviz, box = view.element.getBoundingClientRect();
        for (let k = 0; k < 400; k++) {
            const px = box.width * (.3 + .4 * (k % 20) / 20), py = box.height * (.3 + .3 * Math.floor(k / 20) / 20);
            if (view.pick(px, py)) return [box.x + px, box.y + py];
        }
    }""")
    page.mouse.click(x, y)
    hottest = host.evaluate(f"(host) => ({STAGE})(host).simulation.T")
    notebook.until("widgets[0].clicked is not None")
    said = notebook.run_cell(PRINTED)
    temperature, clicked = said.split(" ", 1)
    clicked = ast.literal_eval(clicked)
    assert float(temperature) == hottest > 1
    assert set(clicked) == {"x", "y", "loss", "valley", "step", "count"} and clicked["count"] == 1
    assert float(notebook.ask(f"print(float(runs[0].surface(({clicked['x']}, {clicked['y']}))))")) == clicked["loss"]
    assert page.complaints == []


def test_what_python_sets_moves_the_stage(notebook):
    page, host = notebook.page, host_of(notebook, FIRST + 1)
    assert notebook.ask("widgets[1].camera = {'azimuth': 1.5, 'zoom': 2}\nwidgets[1].temperature = .125") == ""
    page.wait_for_function(f"""(host) => {{ const {{ view, simulation }} = ({STAGE})(host);
        const {{ azimuth, zoom }} = view.camera.stand;
        return azimuth === 1.5 && zoom === 2 && !view.camera.moving && simulation.T === .125; }}""",
                           arg=host.element_handle(), timeout=PATIENCE)
    assert notebook.ask("x, y = runs[1].surface.basins.minima[0]\nwidgets[1].clicked = (x, y)") == ""
    host.locator(".dropped").wait_for(state="attached", timeout=PATIENCE)
    assert "BadInput: temperature must be" in notebook.ask("widgets[1].temperature = -1")
    assert page.complaints == []


def test_keys_on_the_stage_are_not_the_notebook_s(notebook):
    """"0 0" restarts a kernel, "D D" deletes a cell: not while the stage has the focus."""
    page, host = notebook.page, host_of(notebook, FIRST + 2)
    cells = page.locator(".jp-Notebook-cell").count()
    host.locator(".view").focus()
    for key in ("0", "0", "d", "d", "s"):
        page.keyboard.press(key)
    notebook.until("widgets[2].temperature == 0")
    assert page.locator(".jp-Dialog").count() == 0 and page.locator(".jp-Notebook-cell").count() == cells


def test_a_cell_that_runs_again_leaves_nothing_behind(notebook):
    page = notebook.page
    host_of(notebook, FIRST)
    before = page.evaluate("window.alive()")
    for _ in range(3):
        notebook.run_cell(FIRST)
        host_of(notebook, FIRST)
    assert notebook.cell(FIRST).locator(".thermoviz").count() == 1
    page.wait_for_function("(before) => window.alive() <= before", arg=before, timeout=PATIENCE)
    assert page.complaints == []


def test_the_look_follows_the_notebook_s_theme(notebook):
    page, host = notebook.page, host_of(notebook, FIRST + 3)
    scheme = "(host) => getComputedStyle(host.shadowRoot.querySelector('.tv')).colorScheme"
    assert host.evaluate(scheme) == "light"
    for name, wanted in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        page.wait_for_function(f"([host, wanted]) => ({scheme})(host) === wanted", arg=[host.element_handle(), wanted],
                               timeout=PATIENCE)
    assert page.complaints == []


def test_a_run_without_a_surface_is_its_sentence(notebook):
    cell = notebook.cell(LOST)
    cell.get_by_text("no surface to show").filter(visible=True).wait_for(timeout=PATIENCE)
    assert "Traceback" not in cell.inner_text()


def test_a_saved_notebook_shows_pictures_without_its_kernel(notebook):
    """The last test: the kernel that the widgets live in is gone after it."""
    notebook.reopened()
    cell = notebook.cell(FIRST)
    cell.locator(".thermoviz-still img").wait_for(timeout=PATIENCE)
    assert cell.locator("img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 100
    assert cell.get_by_text("model not found").filter(visible=True).count() == 0
    assert notebook.page.complaints == []
