"""What holds the house up: floors (import-linter's contracts in pyproject.toml), no circle, no hidden import, no hall;
heavy libraries stay where they belong, and importing is light."""

import ast
import collections
import graphlib
import logging
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent / "thermoviz"
# Modules that import ours inside functions, and what: a quick `--help`, threads that are set before numpy, torch.
LATE = {"__main__": "", "engine.worker": "", "engine.cluster.preload": "",
        "core.learning.networks": "core.learning.tensors",
        "stage.notebook.shown": "stage.notebook.widget"}
# Where a module may be found by its name: a specification's siblings, and names that load on first use.
BY_NAME = re.compile(r"runs/late\.py|(\w+/)*__init__\.py")
MOST_MODULES = 16  # of a folder
ONLY_IN = {"streamlit": ("dashboard/",), "pebble": ("engine/",), "distributed": ("engine/cluster/",),
           "anywidget": ("stage/notebook/",), "traitlets": ("stage/notebook/",),
           "plotly": ("figures/", "labs/", "dashboard/"), "matplotlib": ("exports/",), "av": ("exports/",),
           "numba": ("core/kernels_", "core/dynamics/kernels/", "core/landscape/kernels/",
                     "core/learning/kernels/", "core/thermodynamics/kernels/")}
# Imported inside functions only, so that importing a module stays light.
# (`import scipy` alone is light: it loads its parts itself, on first use.)
NEVER_AT_TOP = {"torch", "sklearn", "numba", "pebble", "distributed", "tqdm", "anywidget", "traitlets", "matplotlib",
                "PIL", "av", "lightning", "transformers"}
# Backends: they import their library, and are themselves imported at the point of use.
BACKENDS = re.compile(r"core\.(kernels_cache|kernels_options|\w+\.kernels\.\w+|learning\.tensors)|"
                      r"stage\.notebook\.widget")
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


def test_floors_are_kept():
    """The contracts that `make lint` checks."""
    from importlinter.cli import lint_imports

    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    try:
        assert lint_imports(config_filename=str(ROOT.parent / "pyproject.toml"), no_cache=True) == 0
    finally:
        for one in loggers:
            one.disabled = False  # it silences all that it does not know, for the tests that come later


def test_no_circle():
    """Imports inside functions and for typing count as well."""
    graph = grimp.build_graph("thermoviz", cache_dir=None)
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_stand_at_the_top(path):
    here = name_of(path)
    late = collections.Counter(imports(path)) - collections.Counter(imports(path, inside_functions=False))
    for target in late:
        if target.split(".")[0] == "thermoviz":
            allowed = LATE.get(here)
            assert allowed is not None and target.startswith(f"thermoviz.{allowed}"), f"{here} imports {target} late"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_modules_are_found_by_name_in_few_places(path):
    if not BY_NAME.fullmatch(path.relative_to(ROOT).as_posix()):
        names = {node.attr if isinstance(node, ast.Attribute) else node.id for node in ast.walk(
            ast.parse(path.read_text())) if isinstance(node, (ast.Attribute, ast.Name))}
        assert not names & {"import_module", "__import__"}


def test_no_folder_is_a_hall():
    crowded = {folder: n for folder, n in collections.Counter(path.parent for path in modules()).items()
               if n > MOST_MODULES}
    assert not crowded, f"make rooms of these: {crowded}"


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
