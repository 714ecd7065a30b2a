"""The image leaves parts of libraries out (docker/slim.py): in an environment made so, everything of thermoviz works.

The environment holds what requirements.txt asks for, linked from the present one, and nothing that tests need.
"""

import asyncio
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
BASE_BYTES = 130e6  # python:3.11-slim, unpacked
MOST_BYTES = 1.7e9  # of the whole image

# Everything once, with small settings; what a page draws, what a file keeps, one's own model.
USE = """
import importlib, os, pkgutil, sys
import thermoviz as tv, thermoviz
for module in pkgutil.walk_packages(thermoviz.__path__, "thermoviz."):
    if not module.name.endswith((".__main__", ".serving.app")):
        importlib.import_module(module.name)
print("imported")

from thermoviz.catalogue import EXPERIMENTS, run
from thermoviz.core.specs import from_json
import json
for text in json.loads(sys.argv[1]):
    spec = from_json(EXPERIMENTS[text["kind"]], text)
    made = run(spec)
    made.figure().to_json()
    made.save("run.safetensors")
    assert tv.open_run("run.safetensors").id == made.id
    print("ran", text["kind"])

import torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
x = torch.randn(64, 2); y = x[:, :1] * x[:, 1:]
recorder = tv.Recorder(model)
optimiser = torch.optim.Adam(model.parameters(), lr=.05)
for step in range(30):
    optimiser.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimiser.step()
    recorder.step()
seen = tv.explore(model, lambda m: torch.nn.functional.mse_loss(m(x), y), recorder, resolution=11)
seen.to_html("stage.html")
seen.figure().write_html("figure.html", include_plotlyjs=True)
assert os.path.getsize("figure.html") > 4e6
for name in ("a.png", "a.svg", "a.pdf", "a.gif", "a.csv", "a.parquet"):
    seen.export(name, **({"seconds": 0.2, "size": (96, 64)} if name == "a.gif" else {}))
print("explored")
"""
PAGES = """
from streamlit.testing.v1 import AppTest
from thermoviz.dashboard.menu import menu
from thermoviz.dashboard.serving import APP

for name in menu():
    app = AppTest.from_file(APP, default_timeout=600)
    app.query_params["kind"] = name
    app.run()
    assert not app.exception, (name, app.exception)
    print("drew", name)
"""


def required() -> set[str]:
    """The distributions that requirements.txt brings."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    todo, found = [Requirement(line) for line in lines if line and not line.startswith("#")], set()
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop().name).lower()
        if name not in found:
            found.add(name)
            more = map(Requirement, importlib.metadata.requires(name) or ())
            todo += [one for one in more if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def linked(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment as the Dockerfile makes it, its weights before and after."""
    sys.path.insert(0, str(ROOT / "docker"))
    import slim

    folder = tmp_path_factory.mktemp("image") / "venv"
    venv.create(folder, with_pip=False)
    site, here = next(folder.glob("lib/python3*/site-packages")), Path(sys.prefix)
    for name in required():
        for file in importlib.metadata.files(name) or ():
            source = Path(file.locate()).resolve()
            if source.is_file() and source.is_relative_to(here.resolve()):
                linked(source, folder / source.relative_to(here.resolve()))
    before = slim.weights(folder)
    slim.slim(folder)
    yield folder, before, slim.weights(folder)
    assert site.is_dir()


def used(environment, folder: Path, *arguments: str) -> str:
    """What a command of the environment's Python prints. It writes no byte code: what lacks it is seen."""
    done = subprocess.run([environment[0] / "bin" / "python", *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=3000, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder),
                                             "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(folder / "numba"),
                                             "THERMOVIZ_STORE": str(folder / "store"), "THERMOVIZ_WARM": "0"})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def small_runs() -> list[dict]:
    """Of each kind its default, with settings that make it quick; and a training on each library's data."""
    from labs.test_contract import FEW

    import thermoviz as tv
    from thermoviz.catalogue import EXPERIMENTS
    from thermoviz.core.specs import to_json

    few = {**FEW, "descent": dict(network=tv.MLP((4,)), steps=30, resolution=11)}
    digits = EXPERIMENTS["descent"](dataset=tv.DATASETS["digits"](), network=tv.MLP((4,)), steps=10, resolution=11)
    return [to_json(one) for one in (*(cls(**few.get(kind, {})) for kind, cls in EXPERIMENTS.items()), digits)]


@pytest.mark.slow
def test_nothing_that_is_left_out_is_missed(environment, tmp_path):
    """From an empty cache: kernels, every module, every kind of run, a model of one's own, exports, all pages."""
    assert "kernels are ready" in used(environment, tmp_path, "-m", "thermoviz", "warm")
    told = used(environment, tmp_path, "-c", USE, json.dumps(small_runs()))
    assert told.count("ran ") == len(small_runs()) and "explored" in told
    from thermoviz.dashboard.menu import menu

    assert used(environment, tmp_path, "-c", PAGES).count("drew ") == len(menu())
    for command in (("export", "three-minds", "a.html"), ("export", "digits", "b.html", "--figure"),
                    ("show", "digits")):
        used(environment, tmp_path, "-m", "thermoviz", *command)


@pytest.mark.slow
def test_the_image_is_light(environment):
    _folder, before, after = environment
    assert sum(after.values()) + BASE_BYTES < MOST_BYTES
    assert sum(after.values()) < 0.8 * sum(before.values())


@pytest.mark.slow
def test_what_is_linked_elsewhere_stays_whole(environment):
    """The environment in which the tests run is not the one that was made lighter."""
    import torch

    assert (Path(torch.__file__).parent / "include").is_dir() and torch.ones(2).sum() == 2


# As a container runs it: nothing can be written but the volume and /tmp, and there is no home.
READ_ONLY = """
set -e
mount --bind "$1" "$1"; mount --bind "$2" "$2"; mount -t tmpfs tmpfs "$2/tmp"
mount --bind "$2/said" "$2/said"
for place in / "$3"; do mount --bind "$place" "$place" 2>/dev/null || true; mount -o remount,ro,bind "$place"; done
mount -o remount,ro,bind "$2"
for place in / "$2" "$3" "$HOME"; do
    if touch "$place/written" 2>/dev/null; then echo "$place can be written" >&2; exit 9; fi
done
shift 3
unset HOME XDG_CACHE_HOME
exec "$@"
"""


def can_unshare() -> bool:
    return shutil.which("unshare") is not None and subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not can_unshare(), reason="this system lets nobody have file systems of their own")
def test_the_server_runs_where_nothing_but_the_volume_can_be_written(tmp_path, monkeypatch):
    """Pages, a run by a worker, health; and nothing is written elsewhere, which the namespace would refuse."""
    from test_life import Served, seen

    volume, rest = tmp_path / "volume", tmp_path / "rest"
    (rest / "tmp").mkdir(parents=True)
    kernels = os.environ.get("NUMBA_CACHE_DIR")
    shutil.copytree(kernels, volume / "numba") if kernels and Path(kernels).is_dir() else (volume / "numba").mkdir(
        parents=True)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(volume / "numba"))
    monkeypatch.setenv("TMPDIR", str(rest / "tmp"))
    server = Served(rest, before=("unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(volume), str(rest), str(ROOT)),
                    store=volume / "store")
    try:
        answer = asyncio.run(seen(server, "kind=second_law&v=4&balls=64&seed=12"))
        assert answer.exceptions == 0 and answer.whole
        assert [path.stem for path in (volume / "store" / "runs").iterdir()] == [answer.whole]
        assert server.get("/healthz")[::2] == (200, "ok\n")
    finally:
        server.end()
    assert {path.name for path in rest.iterdir()} == {"tmp", "said"} and not list((rest / "tmp").iterdir())
    assert "Traceback" not in server.said and "Read-only" not in server.said, server.said


def test_the_image_asks_health_of_the_workers_and_keeps_what_is_written_in_a_volume():
    text = (ROOT / "Dockerfile").read_text()
    assert "/healthz" in text and re.search(r"^VOLUME /home/thermoviz/\.cache$", text, re.M)
    places = re.findall(r"\b(?:NUMBA_CACHE_DIR|THERMOVIZ_STORE)=(\S+)", text)
    assert len(places) == 2 and all(place.startswith("/home/thermoviz/.cache/") for place in places)
    assert re.search(r"^USER 1000:1000$", text, re.M)
