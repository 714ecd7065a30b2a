"""Compiled kernels on disk: never those of another state of any file that they are made of."""

import ast
import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from thermoviz.core import compiling, kernels_cache
from thermoviz.core.landscape import bicubic


def copy_of_core(folder: Path) -> Path:
    """The files of kernels alone, in a folder of their own."""
    for path in kernels_cache.sources():
        there = folder / path.relative_to(kernels_cache.HERE)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, there)
    return folder


def test_every_file_that_a_kernel_imports_counts():
    counted = {path.stem for path in kernels_cache.sources()}
    assert not bicubic.value_and_slope.__code__.co_names  # it calls nothing that could change elsewhere
    for path in kernels_cache.HERE.glob(kernels_cache.KERNELS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                names = [node.module.split(".")[-1]] if node.module else [alias.name for alias in node.names]
                assert {*counted}.issuperset(names), (path.name, names)


@pytest.mark.parametrize("name", sorted(str(path.relative_to(kernels_cache.HERE)) for path in kernels_cache.sources()))
def test_an_edit_in_any_of_them_leads_to_another_folder(name, tmp_path):
    before = kernels_cache.digest(copy_of_core(tmp_path))
    assert before == kernels_cache.digest()
    with open(tmp_path / name, "a", encoding="utf-8") as file:
        file.write("\n# another state\n")
    assert kernels_cache.digest(tmp_path) != before


@pytest.mark.slow
def test_an_inlined_file_that_changes_is_compiled_anew(tmp_path):
    """numba alone would go on using the old machine code: the middle of a level cell stays 1."""
    root = Path(kernels_cache.HERE).parents[1]
    shutil.copytree(root / "thermoviz", tmp_path / "thermoviz", ignore=shutil.ignore_patterns("__pycache__"))
    question = ("from thermoviz.core.landscape.kernels import surface as k; import numpy as np; "
                "nodes = np.zeros((2, 2, 4)); nodes[..., 0] = 1.0; value = np.empty(1); force = np.empty((1, 2)); "
                "k.evaluate(nodes, np.zeros(2), np.ones(2), 1e-9, np.full((1, 2), 0.5), value, force); print(value[0])")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels"), "PYTHONPATH": str(tmp_path)}

    def answer() -> float:
        return float(subprocess.run([sys.executable, "-c", question], env=environment, cwd=tmp_path, text=True,
                                    capture_output=True, check=True).stdout)

    assert answer() == answer() == 1.0
    inner = tmp_path / "thermoviz" / "core" / "landscape" / "bicubic.py"
    inner.write_text(inner.read_text().replace("    p = 1.0 - s\n", "    p = 0.0 * s\n"))
    assert answer() == 0.5


def test_whoever_reports_hears_of_a_compilation_and_only_then():
    importlib.import_module("thermoviz.core.kernels_options")
    heard = []
    double = numba.njit(lambda x: 2 * x)
    with compiling.heard_by(lambda: heard.append("compiling")):
        assert double(2) == 4 and heard
        heard.clear()
        assert double(3) == 6 and not heard
        assert double(2.5) == 5 and heard
    heard.clear()
    assert double(np.float32(1)) == 2 and not heard


@pytest.mark.parametrize("before", [True, False])
def test_no_garbage_is_collected_while_numba_compiles_and_as_before_afterwards(before):
    importlib.import_module("thermoviz.core.kernels_options")
    heard, collected = [], gc.isenabled()
    inner = numba.njit(lambda x: x + 1)
    outer = numba.njit(lambda x: inner(x))
    try:
        gc.enable() if before else gc.disable()
        with compiling.heard_by(lambda: heard.append(gc.isenabled())):
            assert outer(1) == 2
            assert gc.isenabled() == before
            with pytest.raises(numba.core.errors.TypingError):
                outer("a")
        assert len(heard) >= 3 and not any(heard)
        assert gc.isenabled() == before
    finally:
        gc.enable() if collected else gc.disable()


# How many combinations of argument types each kernel is compiled for by `thermoviz warm`: each one costs seconds.
SPECIALISATIONS = {"networks.evaluate": 2, "planes.evaluate_plane": 1, "training.move": 1, "lane_training.move": 2,
                   "resampled.look_up": 1, "annealing.follow": 1, "surface.evaluate": 1, "surface.move": 1}


COUNT = """
import json, sys
from numba.core.dispatcher import Dispatcher
import thermoviz as tv
from thermoviz.core import kernels_cache
from thermoviz.engine.worker import warm_up

def counted():
    found = {}
    for name, module in list(sys.modules.items()):
        for key, one in list(vars(module).items()) if ".kernels." in name else ():
            if isinstance(one, Dispatcher) and one.py_func.__module__ == name and one.targetoptions.get("nogil"):
                found[f"{name.split('.')[-1]}.{key}"] = len(one.signatures)
    return {key: n for key, n in found.items() if n}

before = kernels_cache.compiled()
warm_up()
warm, grown = counted(), {}
for spec in [preset.spec for preset in tv.PRESETS.values()] + [cls() for cls in tv.EXPERIMENTS.values()]:
    tv.run(spec)
    if counted() != warm:
        grown[str(spec)[:60]] = counted()
print(json.dumps([before, kernels_cache.compiled(), warm, grown]))
"""


@pytest.mark.slow
def test_warm_compiles_all_that_default_runs_need_for_as_few_types_as_stated_and_marks_that_it_is_done(tmp_path):
    told = subprocess.run([sys.executable, "-c", COUNT], env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
                          capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == [False, True, SPECIALISATIONS, {}]
