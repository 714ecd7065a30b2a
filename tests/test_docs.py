"""The documents name what the code has: dependencies, table entries, commands."""

import importlib
import re
import typing
from pathlib import Path

import pytest

import thermoviz as tv
from thermoviz.core.specs import from_json, to_json

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
def test_a_family_s_members_are_in_its_table_by_their_kind(table, module, union):
    there = importlib.import_module(f"thermoviz.core.{module}")
    members = typing.get_args(typing.get_args(getattr(there, union))[0])
    assert len(members) == len(getattr(tv, table)) > 1
    for kind, member in getattr(tv, table).items():
        made = member()
        assert made.kind == kind and from_json(getattr(there, union), to_json(made)) == made
        assert getattr(there, member.__name__) is member


def test_a_potential_or_dynamics_that_nobody_listed_is_found_by_its_name(monkeypatch):
    """As after adding one to its family's file, and to nothing else."""
    for name, module in (("Harmonic", "energies.potentials"), ("SGD", "dynamics.integrators")):
        monkeypatch.delitem(tv._MODULE, name)
        monkeypatch.delitem(vars(tv), name, raising=False)
        assert getattr(tv, name) is getattr(importlib.import_module(f"thermoviz.core.{module}"), name)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = tv.Nothing


def test_what_the_readme_says_can_be_hidden_can():
    from thermoviz.dashboard.state import HIDEABLE

    for name in HIDEABLE:
        assert f"`{name}`" in README
