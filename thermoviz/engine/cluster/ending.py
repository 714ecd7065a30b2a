"""Preloaded by a scheduler that `thermoviz cluster` starts: it ends when that was killed, as workers do anyway."""

from typing import Any

from ..worker import end_with_parent


def dask_setup(scheduler: Any) -> None:
    """Called by Dask before the scheduler takes questions."""
    end_with_parent()
