"""The documents name what the code has: dependencies, table entries, commands."""

import importlib
import re
import typing
from pathlib import Path

import pytest

import thermoviz as tv

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def requirements(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [line for line in lines if line and line[0] not in "#-"]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "benchmarks/requirements.txt"])
def test_every_dependency_is_pinned_and_has_its_reason(file):
    for line in requirements(file):
        name, _, version = line.partition("==")
        assert version, f"{line} in {file} is not pinned"
        assert re.search(rf"\b{re.escape(name)}\b", README), f"README gives no reason for {name}"


@pytest.mark.parametrize("table", ["POTENTIALS", "DATASETS", "DYNAMICS", "PLANES", "EXPERIMENTS"])
def test_every_table_entry_is_in_the_readme_and_has_a_docstring(table):
    for name, member in getattr(tv, table).items():
        assert f"`{name}`" in README, f"{name} of {table} is missing in README.md"
        assert (member.__doc__ or "").strip(), f"{member.__name__} has no docstring"


def test_first_lines_say_what_for_whom_and_how():
    head = "\n".join(README.splitlines()[:11])
    assert "make run" in head and "For people" in head and "instructors" in head


def test_every_make_target_named_in_the_documents_exists():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`?make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text()))
    for target in named - {"it"}:
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target} is not in the Makefile"


def test_pictures_in_the_readme_exist():
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


def test_every_public_name_loads():
    for name in tv.__all__:
        assert getattr(tv, name) is not None


@pytest.mark.parametrize("table, module, union", [
    ("POTENTIALS", "energies.potentials", "AnyPotential"), ("DATASETS", "learning.datasets", "AnyDataset"),
    ("DYNAMICS", "dynamics.integrators", "AnyDynamics"), ("PLANES", "landscape.planes", "AnyPlane"),
])
def test_table_and_union_of_a_family_have_the_same_members(table, module, union):
    members = typing.get_args(getattr(importlib.import_module(f"thermoviz.core.{module}"), union))[0]
    assert typing.get_args(members) == tuple(getattr(tv, table).values())


def test_what_the_readme_says_can_be_hidden_can():
    from thermoviz.dashboard.state import HIDEABLE

    for name in HIDEABLE:
        assert f"`{name}`" in README
