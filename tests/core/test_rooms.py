"""Each room of core says in one paragraph what its idea is, and names every module that stands in it."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CORE = TESTS.parent / "thermoviz" / "core"
ROOMS = sorted(path.parent for path in CORE.glob("*/__init__.py"))
BESIDE = {"errors", "seeds", "arrays", "specs", "replicas", "kernels_cache"}
# A room may import those of smaller number (and what stands beside); never its neighbour of the same.
FLOOR = {"energies": 1, "statistics": 1, "dynamics": 2, "landscape": 2, "learning": 3, "thermodynamics": 3,
         "fluctuations": 4}


def told(room: Path) -> str:
    return ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_tells_its_idea_in_one_paragraph_that_names_its_modules(room):
    text = told(room)
    assert len(text.splitlines()) <= 8 and "\n\n" not in text
    modules = {path.stem for path in room.glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"[a-z_]+", text)), modules - set(re.findall(r"[a-z_]+", text))
    assert not re.search(r"^(from|import) ", (room / "__init__.py").read_text(), re.M)


def test_core_names_its_rooms_and_what_stands_beside_them():
    assert {room.name for room in ROOMS} == set(FLOOR)
    assert set(FLOOR) | BESIDE - {"kernels_cache"} <= set(re.findall(r"[a-z_]+", told(CORE)))
    assert {path.stem for path in CORE.glob("*.py")} - {"__init__"} == BESIDE


def rooms_imported(path: Path) -> set[str]:
    """Rooms of core that a file names in an import at any depth, also for typing and inside functions."""
    package = path.relative_to(CORE).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = (node.module or "").split(".") if node.module else [alias.name for alias in node.names]
            found |= {(*package[:len(package) - node.level + 1], *names)[0]}
    return found & set(FLOOR)


@pytest.mark.parametrize("path", sorted(CORE.glob("*/**/*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_rooms_import_downwards_only(path):
    here = path.relative_to(CORE).parts[0]
    for there in rooms_imported(path) - {here}:
        assert FLOOR[there] < FLOOR[here], f"{path.relative_to(CORE)} must not import {there}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_module_has_its_tests(room):
    """In a file that bears its name, or in one that names it together with its room, such as a lab's."""
    mirrored = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / room.name).glob("test_*.py")}
    texts = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    for module in {path.stem for path in room.glob("*.py")} - {"__init__"} - mirrored:
        assert re.search(rf"{room.name}(\.| import .*){module}\b", texts) or loaded_by_neighbours(room, module), module


def loaded_by_neighbours(room: Path, module: str) -> bool:
    """Whether modules of the same room are made of it, whose tests are then its own (a spline of bicubic cells)."""
    return any(re.search(rf"from \.{module} import|from \. import .*\b{module}\b", path.read_text())
               for path in room.glob("*.py"))
