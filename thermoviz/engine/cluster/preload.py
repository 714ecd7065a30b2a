"""Makes a process of a Dask cluster one of ours: `thermoviz worker ADDRESS`, or Dask's own program by

    dask worker ADDRESS --nthreads 1 --preload thermoviz.engine.cluster.preload
"""

from typing import Any

from ...core.settings import settings


def dask_setup(worker: Any) -> None:
    """Called by Dask before the process joins: polite, limited and warm it offers one place.

    Dask's nanny loads this module as well, for nothing; so what a worker needs is loaded here.
    """
    from ..worker import start
    from . import task, terms

    start(int(settings().worker_gigabytes * 2**30))
    assert task  # loaded before the first question
    for resources in (worker.state.total_resources, worker.state.available_resources):
        resources[terms.RESOURCE] = 1.0
