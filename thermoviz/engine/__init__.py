"""Where runs are computed and kept: a fair queue, worker processes, progress, cancel, and a store of run files.

Names load on first use, so that a worker can set its threads before numpy starts.
"""

import importlib
from typing import Any

_HOME = {"Engine": "engine", "JobState": "jobs", "Store": "store"}
__all__ = ["Engine", "JobState", "Store"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'thermoviz.engine' has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
