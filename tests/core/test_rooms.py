"""Each room of core says in one paragraph what its idea is, and names every module that stands in it."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CORE = TESTS.parent / "thermoviz" / "core"
ROOMS = sorted(path.parent for path in CORE.glob("*/__init__.py"))


def told(room: Path) -> str:
    return ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_tells_its_idea_in_one_paragraph_that_names_its_modules(room):
    text = told(room)
    assert len(text.splitlines()) <= 8 and "\n\n" not in text
    modules = {path.stem for path in room.glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"[a-z_]+", text)), modules - set(re.findall(r"[a-z_]+", text))
    assert not re.search(r"^(from|import) ", (room / "__init__.py").read_text(), re.M)


def test_core_names_its_rooms_and_what_every_room_speaks():
    words = set(re.findall(r"[a-z_]+", told(CORE)))
    assert {room.name for room in ROOMS} <= words
    # (Where compiled kernels are kept is told in a file of its own.)
    assert {path.stem for path in CORE.glob("*.py")} - {"__init__", "kernels_cache"} <= words


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
