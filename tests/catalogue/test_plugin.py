"""A lab in a package of its own (`outside/random_walk`): one entry point, and it stands wherever a lab of ours does."""

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browsing import lab_alone

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS, LABS, kinds, register
from thermoviz.catalogue.links import from_query, to_query
from thermoviz.core.specs import to_json
from thermoviz.dashboard import lab, scene, state
from thermoviz.dashboard.menu import LAST, SWEEP, menu
from thermoviz.engine import Engine, JobState
from thermoviz.presentation.looks import LOOKS
from thermoviz.presentation.settings import describe

ROOT = Path(__file__).parents[2]
OUTSIDE = Path(__file__).parent / "outside"


@contextlib.contextmanager
def installed(folder):
    """The packages in a folder are on the path of imports, and their labs are known; afterwards nothing is left."""
    before, loaded = tuple(LABS), set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        kinds.register_installed()
        yield
    finally:
        sys.path.remove(str(folder))
        for kind in set(LABS) - set(before):
            del EXPERIMENTS[kind], LABS[kind]
        for name in set(sys.modules) - loaded:
            if name.split(".")[0] in ("odd", "random_walk"):
                del sys.modules[name]


SPECIFICATION = (OUTSIDE / "random_walk" / "specification.py").read_text()
ODD = SPECIFICATION.replace("class RandomWalk", "class Odd").replace("random_walk", "odd")


@pytest.fixture(scope="module")
def walk():
    """The class of the specification of the lab outside."""
    with installed(OUTSIDE):
        yield EXPERIMENTS["random_walk"]


def in_a_new_process(*arguments, path=OUTSIDE, **settings):
    """What Python says where the package is installed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)])}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=300,
                          **settings)


def test_the_library_computes_draws_and_keeps_it(walk):
    run = tv.run(walk(walkers=1000, steps=30))
    verdict, = run.verdicts
    assert verdict.holds and verdict.confirmed and verdict.name == "Walkers diffuse"
    assert abs(verdict.measured - 1) < 5 * verdict.stderr and "30 steps" in verdict.sentence
    assert all(run.figure(look=look).data for look in LOOKS)
    again = tv.Run.from_bytes(run.to_bytes())
    assert again.id == run.id and again.spec == run.spec and again.verdicts[0].sentence == verdict.sentence


def test_it_is_the_last_lab_of_the_menu_and_has_links(walk):
    names = list(menu())
    assert names[names.index("random_walk") + 1] == SWEEP and names[-1] == LAST
    assert menu()["random_walk"].menu == "Random walk"
    spec = walk(steps=7, seed=3)
    link = from_query(to_query("three-minds", spec))
    assert link.spec == spec and not link.messages
    refused = from_query({"kind": "random_walk", "steps": "-5"})
    assert refused.spec == walk() and "steps" in refused.messages[0]


def test_the_command_line_knows_it(tmp_path):
    (tmp_path / "walk.json").write_text(json.dumps({"kind": "random_walk"}))
    done = in_a_new_process("-m", "thermoviz", "run", "walk.json", "--set", "steps=9", "--out", "walk.safetensors",
                            cwd=tmp_path)
    assert done.returncode == 0 and "Walkers diffuse" in done.stdout, done.stderr
    assert done.stderr == ""


def test_a_worker_computes_it(walk, tmp_path):
    run = tv.run(walk(walkers=50, steps=5))
    with Engine(tmp_path, workers=1) as engine:
        engine.submit(run.spec, "visitor")
        while not engine.state(run.id).finished:
            time.sleep(0.1)
        found = engine.result(run.id)
    assert (found.arrays["squared"] == run.arrays["squared"]).all() and found.spec == run.spec


class AtOnce:
    """An engine that computes when it is asked."""

    runs: dict = {}

    def notice(self):
        return ""

    def submit(self, spec, viewer):
        run = tv.run(spec)
        self.runs[run.id] = run

    def state(self, id):
        return JobState("done", 1.0, "")

    def result(self, id):
        return self.runs[id]

    def leave(self, id, viewer):
        """Nothing runs on."""


@pytest.mark.parametrize("query", [{}, {"steps": "1000"}, {"walkers": "4"}, {"walkers": "no"}])
def test_its_page_is_drawn(walk, query, monkeypatch):
    for module in (state, lab, scene):
        monkeypatch.setattr(module, "engine", AtOnce)
    app = lab_alone("random_walk")
    for name, text in query.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception and not app.error and bool(app.warning) == ("no" in query.values())
    said = " ".join(element.proto.body for element in app.get("html"))
    assert "How far does a random walker come?" in said and "Walkers diffuse" in said
    assert len(app.get("plotly_chart")) == 1 and len(app.select_slider) == 2


def test_one_process_can_name_it_without_an_installation(tmp_path):
    write_package(tmp_path, {"specification.py": ODD})
    shutil.rmtree(tmp_path / "odd-1.0.dist-info")
    with installed(tmp_path):
        assert "odd" not in LABS
        cls = register("odd")
        assert EXPERIMENTS["odd"] is cls and LABS["odd"] == "odd" and register("odd") is cls  # twice is once
        (tmp_path / "odd" / "heat_bath").mkdir()
        (tmp_path / "odd" / "heat_bath" / "specification.py").write_text("class HeatBath: pass")
        with pytest.raises(tv.BadInput, match="another experiment"):
            register("odd.heat_bath")
    with pytest.raises(tv.BadInput, match="of nowhere.random_walk is left out: ModuleNotFoundError"):
        register("nowhere.random_walk")



BROKEN = {
    "syntax": ("specification.py", "def", "SyntaxError"),
    "exits": ("specification.py", "raise SystemExit(3)", "SystemExit: 3"),
    "nothing": ("specification.py", "", "no experiment Odd"),
    "misnamed": ("specification.py", SPECIFICATION.replace("class RandomWalk", "class Odd"), "kind is 'random_walk'"),
    "default": ("specification.py", ODD.replace("] = 300", "]"), "walkers: field required"),
    "page": ("page.py", "def page():\n    return 3", "no Page"),
    "no page": ("nothing.py", "", "ModuleNotFoundError"),
}


@pytest.mark.parametrize(("file", "text", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_lab_is_left_out_with_one_sentence(tmp_path, caplog, file, text, why):
    write_package(tmp_path, {"specification.py": ODD, file: text})
    before = tuple(LABS)
    with installed(tmp_path):
        assert tuple(menu())[1:1 + len(before)] == before == tuple(LABS)
    record, = caplog.records
    said = record.getMessage()
    assert "“odd” of odd is left out" in said and why in said and "\n" not in said and said.endswith(".")
    assert from_query({"kind": "odd"}).messages


def write_package(folder, files):
    (folder / "odd").mkdir()
    (folder / "odd-1.0.dist-info").mkdir()
    (folder / "odd-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (folder / "odd-1.0.dist-info" / "entry_points.txt").write_text("[thermoviz.labs]\nodd = odd\n")
    for name, text in {"__init__.py": "", **files}.items():
        (folder / "odd" / name).write_text(text)


def test_the_command_line_goes_on_beside_a_broken_lab(tmp_path):
    write_package(tmp_path, {"specification.py": "import nothing_of_that_name"})
    (tmp_path / "spec.json").write_text(json.dumps(to_json(tv.Potential(resolution=9, tolerance=0.5))))
    done = in_a_new_process("-m", "thermoviz", "run", "spec.json", path=tmp_path, cwd=tmp_path)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    said, = done.stderr.splitlines()
    assert "nothing_of_that_name" in said and "odd" in said


# In a real browser: the test that drives every control of our labs drives these


@pytest.fixture(scope="module")
def address(walk, tmp_path_factory):
    from test_app_browser import serving

    with serving(tmp_path_factory.mktemp("outside"), OUTSIDE) as (address, _process):
        yield address


@pytest.mark.browser
@pytest.mark.parametrize("name", ["walkers", "steps", "seed"])
def test_both_ends_of_every_control(walk, address, new_page, name):
    import test_lab_controls_browser as ours

    assert name in {setting.name for setting in describe(walk)}
    ours.test_both_ends_of_every_control(address, new_page, "random_walk", name)


@pytest.mark.browser
def test_it_is_opened_from_the_menu(walk, address, new_page):
    page = new_page()
    page.goto(address)
    page.get_by_role("link", name="Random walk").click()
    page.locator(".tv-verdict").wait_for(timeout=90_000)
    assert page.locator("h1.tv-headline").inner_text() == "How far does a random walker come?"
    assert not [said for said in page.complaints if not said.startswith("warning")]
