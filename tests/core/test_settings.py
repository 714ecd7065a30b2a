"""What an operator may set: environment, .env, refusals in one sentence, README's table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import thermoviz as tv
from thermoviz.core import settings as room
from thermoviz.core.settings import Settings, described, settings, table, variable
from thermoviz.engine import Engine, Store

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.fixture
def nothing_set(monkeypatch, setting, tmp_path):
    """A folder without .env and an environment without settings; the process forgets what it has read."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.chdir(tmp_path)
    setting()
    return tmp_path


def test_readme_shows_every_setting():
    assert table() in README, "put the output of thermoviz.core.settings.table() into README.md"


def test_every_setting_has_its_sentence():
    assert all(field.description.endswith(".") for field in Settings.model_fields.values())


def test_environment_before_env_file_before_default(nothing_set, monkeypatch):
    assert (settings().workers, settings().store_megabytes, settings().store) == (1, 500, None)
    (nothing_set / ".env").write_text("THERMOVIZ_WORKERS=3\nTHERMOVIZ_STORE_MEGABYTES=7\nSOMEBODY_ELSE=x\n")
    settings.cache_clear()
    assert (settings().workers, settings().store_megabytes) == (3, 7)
    monkeypatch.setenv("THERMOVIZ_WORKERS", "4")
    monkeypatch.setenv("THERMOVIZ_STORE", "")  # as good as left out
    settings.cache_clear()
    assert (settings().workers, settings().store_megabytes, settings().store) == (4, 7, None)


def test_settings_reach_what_they_are_for(nothing_set, setting):
    setting(workers=2, job_seconds=5.5, store=nothing_set / "kept", store_megabytes=3, threads=3)
    from thermoviz.core.threads import n_threads
    with Engine() as engine:
        assert (engine.workers.places, engine.workers.seconds) == (2, 5.5)
        assert (engine.store.folder, engine.store.limit) == (nothing_set / "kept", 3 * 2**20)
    assert n_threads() == 3
    assert Store(nothing_set / "other", limit=5).limit == 5, "what is said in code goes before what is set"


@pytest.mark.parametrize("name, value, sentence", [
    ("workers", "many", "THERMOVIZ_WORKERS must be a valid integer, got 'many'."),
    ("workers", "0", "THERMOVIZ_WORKERS must be greater than or equal to 1, got '0'."),
    ("job_seconds", "-1", "THERMOVIZ_JOB_SECONDS must be greater than 0, got '-1'."),
    ("warm", "perhaps", "THERMOVIZ_WARM must be a valid boolean, got 'perhaps'."),
    ("store_megabytes", "1e99", "THERMOVIZ_STORE_MEGABYTES must be a valid integer, got '1e99'."),
])
def test_what_cannot_be_set_is_said_in_one_sentence(nothing_set, monkeypatch, name, value, sentence):
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(tv.BadInput) as refused:
        settings()
    assert str(refused.value) == sentence


def test_the_server_ends_at_once_with_the_sentence(nothing_set):
    environment = {**os.environ, "THERMOVIZ_WORKERS": "no", "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-m", "thermoviz", "serve", "--port", "1"], env=environment,
                           cwd=nothing_set, capture_output=True, text=True, timeout=300)
    assert ended.returncode != 0 and "Traceback" not in ended.stderr
    assert "thermoviz: THERMOVIZ_WORKERS must be a valid integer, got 'no'." in ended.stderr


def test_the_command_writes_an_env_file_that_says_the_same(nothing_set, monkeypatch, capsys):
    from thermoviz.__main__ import main

    monkeypatch.setenv("THERMOVIZ_JOB_SECONDS", "30")
    assert main(["settings"]) == 0
    before = settings()
    written = capsys.readouterr().out
    assert written.strip() == described(before)
    monkeypatch.delenv("THERMOVIZ_JOB_SECONDS")
    (nothing_set / ".env").write_text(written)
    settings.cache_clear()
    assert settings() == before and room.settings().job_seconds == 30
