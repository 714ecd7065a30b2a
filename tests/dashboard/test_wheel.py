"""The wheel is the whole house: installed alone in a clean folder it serves the dashboard from anywhere."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from test_app_browser import PATIENCE_MS, free_port, wait_until_healthy

from thermoviz.dashboard.menu import menu
from thermoviz.presentation.looks import LOOKS, rgba

ROOT = Path(__file__).parents[2]
NEEDED = ("pyproject.toml", "requirements.txt", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built of a copy, so that the checkout stays clean."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "thermoviz", copy / "thermoviz", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        shutil.copy(ROOT / name, copy)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    return next(out.glob("*.whl"))


def pip(*arguments):
    done = subprocess.run([sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_every_file_of_the_package(wheel):
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "thermoviz").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and path.suffixes != [".d", ".ts"]}
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
        entries = next(name for name in held if name.endswith("entry_points.txt"))
        assert "thermoviz = thermoviz.__main__:main" in opened.read(entries).decode()
    assert {name for name in held if ".dist-info/" not in name} == ours
    assert "thermoviz/dashboard/serving/.streamlit/config.toml" in ours


def serves(new_page, command, folder, **environment):
    """What the command serves has the menu of all labs, our settings, and a console that is silent."""
    port = free_port()
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(port)], cwd=folder, stdout=log, stderr=log,
            env={**os.environ, "THERMOVIZ_STORE": str(folder / "store"), **environment})
    try:
        wait_until_healthy(f"http://localhost:{port}")
        page = new_page()
        page.goto(f"http://localhost:{port}/?kind=volume_or_depth")
        page.wait_for_function("document.querySelectorAll('.tv-verdict').length > 0", timeout=PATIENCE_MS)
        assert [link.inner_text() for link in page.get_by_test_id("stTopNavLink").all()] == [
            entry.menu for entry in menu().values()]
        ground = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
        assert ground.replace(" ", "") == rgba(LOOKS["dark"].background, 1).replace("rgba", "rgb").replace(",1)", ")")
        assert page.complaints == []
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.slow
@pytest.mark.browser
def test_a_clean_folder_with_the_wheel_serves_the_app(wheel, new_page, tmp_path):
    pip("install", "--no-deps", "--no-index", "--target", str(tmp_path / "site"), str(wheel))
    serves(new_page, ["thermoviz", "serve", "--address", "localhost", "--port"], tmp_path,
           PYTHONPATH=str(tmp_path / "site"))


@pytest.mark.slow
@pytest.mark.browser
def test_streamlits_own_command_serves_the_checkout(new_page, tmp_path):
    serves(new_page, ["streamlit", "run", str(ROOT / "app.py"), "--server.port"], tmp_path, PYTHONPATH=str(ROOT))
