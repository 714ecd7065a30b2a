"""Makes a process of a Dask cluster one of ours: `thermoviz worker ADDRESS`, or Dask's own program by

    dask worker ADDRESS --nthreads 1 --preload thermoviz.engine.cluster.preload
"""

from typing import Any

from ...core.settings import settings
from ..worker import start
from . import task
from .terms import RESOURCE

__all__ = ["dask_setup", "task"]  # the latter so that a first task finds everything loaded


def dask_setup(worker: Any) -> None:
    """Called by Dask before the process joins: polite, limited and warm it offers one place."""
    start(int(settings().worker_gigabytes * 2**30))
    for resources in (worker.state.total_resources, worker.state.available_resources):
        resources[RESOURCE] = 1.0
