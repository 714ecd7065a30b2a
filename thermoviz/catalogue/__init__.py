"""One file per question: its specification, and how it becomes a Run. The table of all of them: EXPERIMENTS."""

import dataclasses
from typing import Any

from ..core.errors import BadInput
from ..core.landscape.planes import ThroughSolutions
from ..core.learning.datasets import Moons
from ..experiments.landscape.specification import Descent, Potential
from ..experiments.own_model import OwnModel
from ..labs.crystal_or_glass.specification import CrystalOrGlass
from ..labs.equilibrium.specification import Equilibrium
from ..labs.heat_bath.specification import HeatBath
from ..labs.interactions.specification import Interactions
from ..labs.second_law.specification import SecondLaw
from ..labs.volume_or_depth.specification import VolumeOrDepth
from ..runs.progress import Progress
from ..runs.run import Run

# kind -> specification class; its `compute(progress) -> Run` answers the question.
EXPERIMENTS: dict[str, Any] = {
    "descent": Descent,
    "potential": Potential,
    "heat_bath": HeatBath,
    "volume_or_depth": VolumeOrDepth,
    "second_law": SecondLaw,
    "equilibrium": Equilibrium,
    "crystal_or_glass": CrystalOrGlass,
    "interactions": Interactions,
}
# What a worker runs to be warm: every kernel that a page's first question needs, at the smallest size.
WARM_UP = (
    Potential(resolution=9, tolerance=0.5),
    Descent(Moons(n=20), steps=4, replicas=3, plane=ThroughSolutions(), resolution=33, batch_size=4),
    CrystalOrGlass(steps=100, balls=4),
)
# What a run file may hold besides: the landscape of one's own model, which only `explore` can compute.
OPENED_ONLY: dict[str, Any] = {"own_model": OwnModel}


def run(spec: Any, progress: Progress | None = None) -> Run:
    """Computes what the specification asks for.

    progress(fraction, stage, partial Run or None) is called at least every 50 ms of work and may raise
    Cancelled. Raises BadInput for what is not a specification of an experiment, and what the experiment raises.
    """
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type) or not hasattr(spec, "compute"):
        known = ", ".join(f"tv.{experiment.__name__}(...)" for experiment in EXPERIMENTS.values())
        raise BadInput(f"tv.run needs the specification of an experiment ({known}), got {type(spec).__name__}.")
    if progress is not None and not callable(progress):
        raise BadInput(f"progress must be callable, progress(fraction, stage, partial), got {progress!r}.")
    return spec.compute(progress)


__all__ = ["EXPERIMENTS", "OPENED_ONLY", "WARM_UP", "run"]
