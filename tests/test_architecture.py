"""The arrows between the rooms point downwards only, heavy libraries stay where they belong, importing is light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "thermoviz"
# A room may import itself and those before it.
ROOMS = ("core", "runs", "presentation", "experiments", "figures", "stage", "labs", "catalogue", "engine",
         "dashboard")
# May be imported by every room, and import none.
LEAVES = {"presentation.words", "presentation.looks"}
# Arrows that still run upwards: to be turned.
UPWARDS = {("runs.run", "experiments.landscapes"), ("runs.run", "catalogue")}
ONLY_IN = {"streamlit": ("dashboard/",), "pebble": ("engine/",), "plotly": ("figures/", "labs/", "dashboard/"),
           "numba": ("core/kernels_cache", "core/landscape/kernels/", "core/learning/kernels/",
                     "core/thermodynamics/kernels/")}
# Imported inside functions only, so that importing a module stays light.
# (`import scipy` alone is light: it loads its parts itself, on first use.)
NEVER_AT_TOP = {"torch", "sklearn", "numba", "pebble"}
# Backends: they import their library, and are themselves imported at the point of use.
BACKENDS = re.compile(r"core\.(kernels_cache|\w+\.kernels\.\w+|learning\.tensors)")
LIGHT = {"torch", "sklearn", "numba"}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    """core.planes for thermoviz/core/landscape/planes.py; "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, inside_functions: bool = True) -> list[str]:
    """Every module that a file imports, absolute and dotted; own ones start with "thermoviz."."""
    package = ("thermoviz", *path.relative_to(ROOT).parts[:-1])
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.extend(f"{base}.{alias.name}" for alias in node.names)
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not typing_only and (inside_functions or not isinstance(node, functions)):
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(ast.parse(path.read_text()))
    return found


def room(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_arrows_point_downwards(path):
    here = name_of(path)
    for target in imports(path):
        if not target.startswith("thermoviz."):
            continue
        there = target.removeprefix("thermoviz.")
        if any(there == leaf or there.startswith(leaf + ".") for leaf in LEAVES):
            continue
        assert here not in LEAVES, f"{here} is a leaf and must not import {there}"
        if room(there) in ROOMS and room(here) in ROOMS:
            upwards = any(here == a and there.startswith(b) for a, b in UPWARDS)
            assert upwards or ROOMS.index(room(there)) <= ROOMS.index(room(here)), f"{here} must not import {there}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_libraries_stay_in_their_rooms(path):
    relative = path.relative_to(ROOT).as_posix()
    for target in imports(path):
        allowed = ONLY_IN.get(target.split(".")[0])
        assert allowed is None or relative.startswith(allowed), f"{relative} must not import {target}"


@pytest.mark.parametrize("path", [p for p in modules() if not BACKENDS.fullmatch(name_of(p))], ids=name_of)
def test_heavy_libraries_are_imported_at_the_point_of_use(path):
    heavy = {target.split(".")[0] for target in imports(path, inside_functions=False)} & NEVER_AT_TOP
    assert not heavy, f"{name_of(path)} imports {', '.join(heavy)} when it is imported"


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh process has loaded after `statement`."""
    code = f"{statement}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def importable(path: Path) -> bool:
    """Not the backends."""
    return not BACKENDS.fullmatch(name_of(path))


def test_importing_every_room_loads_no_heavy_library():
    names = [f"thermoviz.{name_of(path)}".rstrip(".") for path in modules()
             if importable(path) and path.name != "__main__.py"]
    loaded = loaded_by("import " + ", ".join(names))
    assert "numpy" in loaded and not loaded & LIGHT


def test_importing_the_package_loads_nothing_but_itself():
    assert not loaded_by("import thermoviz") & (LIGHT | {"numpy", "pydantic", "scipy", "streamlit", "plotly"})


def test_opening_presets_needs_no_heavy_library():
    loaded = loaded_by("import thermoviz as tv\n"
                       "for key in tv.PRESETS:\n    assert tv.load_preset(key).surface.basins is not None")
    assert not loaded & LIGHT


def test_no_file_is_longer_than_it_should_be():
    long = {name_of(path): n for path in modules() if (n := len(path.read_text().splitlines())) > 450}
    assert not long, f"split these: {long}"
