"""compose.yaml: what starts again, what may be written, who is asked whether it is well, which settings are named."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from distributed.cli import dask_scheduler

from thermoviz.__main__ import _parser
from thermoviz.core.settings import PREFIX, Settings, variable

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOOR = ROOT / "docker" / "haproxy.cfg"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_starts_again_writes_nothing_and_is_asked_whether_it_is_well(name):
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True and "/tmp" in service["tmpfs"]
    assert service["healthcheck"]["test"][0] == "CMD" and {"interval", "timeout"} <= set(service["healthcheck"])
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]


def test_there_are_the_two_ways():
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}
    assert profiles.pop("single") == ["single"]
    assert set(profiles) == {"web", "scheduler", "worker", "door"}
    assert all(profile == ["workshop"] for profile in profiles.values())
    assert SERVICES["web"]["deploy"]["replicas"] > 1, "or there is no need of a door"


def test_settings_that_are_named_exist():
    known = {variable(name) for name in Settings.model_fields}
    for name, service in SERVICES.items():
        named = {key for key in service.get("environment", {}) if key.startswith(PREFIX)}
        assert named <= known, f"{name} sets {named - known}"


def test_all_that_compute_share_the_volume_of_the_image_s_store():
    place = re.search(r"THERMOVIZ_STORE=(\S+)", (ROOT / "Dockerfile").read_text())[1]
    for name in ("single", "web", "worker"):
        volume, _, where = SERVICES[name]["volumes"][0].partition(":")
        assert volume in COMPOSE["volumes"] and place.startswith(where)


def test_commands_are_those_of_the_programs():
    chosen = _parser().parse_args(SERVICES["worker"]["command"][3:])
    assert chosen.address == SERVICES["web"]["environment"]["THERMOVIZ_SCHEDULER"]
    assert str(chosen.health_port) in SERVICES["worker"]["healthcheck"]["test"][-1]
    _, _, *options = SERVICES["scheduler"]["command"]
    known = {name for part in dask_scheduler.main.params for name in (*part.opts, *part.secondary_opts)}
    assert {option for option in options if option.startswith("--")} <= known
    assert chosen.address.endswith(":" + options[options.index("--port") + 1])


def test_the_door_keeps_a_browser_with_its_server():
    text = DOOR.read_text()
    assert re.search(r"cookie \w+ insert", text) and "/healthz" in text and "web:8501" in text
    inside = SERVICES["door"]["ports"][0].rpartition(":")[2]
    assert f"bind :{inside}" in text


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy on this machine")
def test_the_door_s_file_is_valid():
    done = subprocess.run(["haproxy", "-c", "-f", str(DOOR)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
