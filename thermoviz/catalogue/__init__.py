"""The first floor on which all kinds of experiments are known: their table, links to them, what is shipped of them."""

import dataclasses
from typing import Any

from ..core.errors import BadInput
from ..core.landscape.planes import ThroughSolutions
from ..core.learning.datasets import Moons
from ..core.learning.networks import MLP
from ..experiments.landscape.specification import Descent, Potential
from ..runs.progress import Progress
from ..runs.run import Run
from .kinds import EXPERIMENTS, LABS, OF_MANY, OPENED_ONLY, all_experiments, askable, known_kinds, register

# What a worker runs to be warm: every kernel that default runs need, at the smallest size. Few networks are computed
# one by one, more of them side by side.
WARM_UP = (
    Potential(resolution=9, tolerance=0.5),
    Descent(Moons(n=20), MLP((4,)), steps=4, replicas=4, resolution=33, batch_size=4),
    Descent(Moons(n=20), steps=4, replicas=3, plane=ThroughSolutions(), resolution=33, batch_size=4),
    *(kind(**kind.WARM_UP) for kind in EXPERIMENTS.values() if hasattr(kind, "WARM_UP")),
)


def run(spec: Any, progress: Progress | None = None) -> Run:
    """Computes what the specification asks for.

    progress(fraction, stage, partial Run or None) is called at least every 50 ms of work and may raise
    Cancelled. Raises BadInput for what is not a specification of an experiment, and what the experiment raises.
    """
    refuse_unknown(spec, progress)
    return spec.compute(progress)


def refuse_unknown(spec: Any, progress: Any = None) -> None:
    """Raises BadInput for what is not a specification of an experiment, and for a progress that cannot be called."""
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type) or not hasattr(spec, "compute"):
        known = ", ".join(f"tv.{experiment.__name__}(...)" for experiment in EXPERIMENTS.values())
        raise BadInput(f"tv.run needs the specification of an experiment ({known}), got {type(spec).__name__}.")
    if progress is not None and not callable(progress):
        raise BadInput(f"progress must be callable, progress(fraction, stage, partial), got {progress!r}.")


__all__ = ["EXPERIMENTS", "LABS", "OF_MANY", "OPENED_ONLY", "WARM_UP", "all_experiments", "askable", "known_kinds",
           "refuse_unknown", "register", "run"]
