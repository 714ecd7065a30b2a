"""Where compiled kernels are kept between processes: one folder for each state of the files that they are made of.

numba keeps a kernel by the contents of its own file, and does not see that a function which it inlines from another
file has changed (numba documentation, "Notes on Caching"). So the folder carries a hash of all files whose functions
end up in kernels. Whoever imports a kernel imports this module first: `CACHE` says whether kernels are kept at all.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core import caching

HERE = Path(__file__).parent
_config: Any = numba.config
# Where kernels stand, and the files besides that they are made of: functions compiled into them, and how they are.
KERNELS = "*/kernels/*.py"
BESIDES = ("landscape/bicubic.py", "kernels_options.py")
OTHERS = ("UserProvidedCacheLocator", "InTreeCacheLocator", "UserWideCacheLocator", "IPythonCacheLocator",
          "ZipCacheLocator")


def sources(folder: Path = HERE) -> list[Path]:
    """The files that kernels are made of, sorted."""
    return sorted([*folder.glob(KERNELS), *(folder / name for name in BESIDES)])


def digest(folder: Path = HERE) -> str:
    """16 hex digits that change with any of the `sources`."""
    parts = [hashlib.sha256(path.read_bytes()).digest() for path in sources(folder)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def folder() -> Path:
    """Where the kernels of these files lie, once they are compiled."""
    base = Path(_config.CACHE_DIR) if _config.CACHE_DIR else HERE / "__pycache__"
    return base / f"thermoviz-kernels-{digest()}"


def compiled() -> bool:
    """Whether an earlier process has left all kernels of these files compiled, for numba's version and processor."""
    return (folder() / _mark()).exists()


def mark_compiled() -> None:
    """What `compiled` asks for; where nothing can be written there is nothing to mark."""
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        (folder() / _mark()).touch()


def _mark() -> str:
    """For another processor or numba, kernels are compiled anew."""
    state = f"{numba.__version__} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    return f"compiled-{hashlib.sha256(state.encode()).hexdigest()[:16]}"


class KernelLocator(caching.InTreeCacheLocator):
    """numba's way to ask where a function's machine code lies; None for functions that are not ours."""

    def __init__(self, py_func: Any, py_file: str):
        super().__init__(py_func, py_file)
        self._cache_path = os.fspath(folder())

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        return super().from_function(py_func, py_file) if Path(py_file) in sources() else None


def _nothing() -> None:
    """What `_can_cache` tries."""


def _can_cache() -> bool:
    """Whether compiled code can be kept on disk; where no folder is writable numba refuses the option instead."""
    try:
        numba.njit(cache=True)(_nothing)
    except RuntimeError:
        return False
    return True


if not _config.CACHE_LOCATOR_CLASSES:  # a user's own choice stays
    _config.CACHE_LOCATOR_CLASSES = ",".join([f"{__name__}.{KernelLocator.__name__}", *OTHERS])
CACHE = _can_cache()
