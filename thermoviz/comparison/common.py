"""What two runs can have in common: heights and colours, heat, and a plane."""

import dataclasses
import math
from typing import Any

import numpy as np

from ..core.specs import canonical
from ..experiments.landscape.specification import Descent
from ..presentation import names
from ..presentation.settings import describe
from ..presentation.words import _, term

DECADE = 10.0  # a surface that would fill less of the common height than its tenth is better drawn on its own
WARMED = 5.0  # times a surface's scale: what the common slider must reach on each
MOST_DYNAMICS = 4
GROUP = "compared"  # of the stages
# What two trainings on one plane may differ in: the first one's slice is taken.
_OF_THE_SLICE = ("plane", "resolution", "margin", "tolerance")


def heights(a: Any, b: Any) -> tuple[float, float]:
    """The energies between which both surfaces can be drawn."""
    return (min(float(run.surface.minimum) for run in (a, b)), max(float(run.surface.ceiling) for run in (a, b)))


def why_apart(a: Any, b: Any) -> str:
    """Why one scale of heights would show little; "" where it shows both."""
    if names.energy_title(a) != names.energy_title(b):
        return _("The heights are different quantities: {a}, and {b}.").format(
            a=names.energy_title(a), b=names.energy_title(b))
    low, high = heights(a, b)
    least = min(float(run.surface.ceiling - run.surface.minimum) for run in (a, b))
    if least <= 0 or high - low > DECADE * least:
        return _("The heights differ by more than a factor of ten: on one scale the lower surface would look flat.")
    return ""


def heat_scale(a: Any, b: Any) -> float:
    """Of the sliders of both, which go from a thousandth to ten times of it: the geometric mean of the surfaces' own,
    or more where the larger one could not be warmed through by that."""
    return max(math.prod(_scales(a, b)) ** 0.5, max(_scales(a, b)) / WARMED)


def _scales(a: Any, b: Any) -> list[float]:
    return [float(run.surface.scale) or 1.0 for run in (a, b)]


def first_temperature(a: Any, b: Any) -> float:
    """With which both begin: a tenth of the geometric mean of their scales."""
    return float(f"{0.1 * math.prod(_scales(a, b)) ** 0.5:.3g}")


def same_plane(a: Any, b: Any) -> bool:
    """Whether both surfaces lie on the same plane in parameter space."""
    keys = ("plane_origin", "plane_u", "plane_v")
    return all(key in a.arrays and key in b.arrays and np.array_equal(a.arrays[key], b.arrays[key]) for key in keys)


def about_planes(a: Any, b: Any) -> str:
    """How places on one surface are related to places on the other, in a sentence."""
    if names.analytic(a) and names.analytic(b):
        return ""
    if same_plane(a, b):
        return _("Both surfaces lie on the same plane: the same place is the same network.")
    return _("Each surface is a slice of its own, chosen by its own run: the same place on both is not the same "
             "network.")


@dataclasses.dataclass(frozen=True)
class OnePlane:
    """`spec`: the experiment that trains both and cuts one plane through all paths; None: `why` there is none."""

    spec: Descent | None = None
    why: str = ""


def one_plane(a: Any, b: Any) -> OnePlane:
    """Both trainings as the optimisers of one experiment, where they differ in nothing else but their slices.

    All optimisers of a `Descent` begin with the same networks and are given the same batches, so that each path is the
    one of its own run.
    """
    if not (isinstance(a, Descent) and isinstance(b, Descent)):
        return OnePlane()
    apart = [term(setting.title) for setting in describe(Descent) if setting.name not in ("dynamics", *_OF_THE_SLICE)
             and getattr(a, setting.name) != getattr(b, setting.name)]
    if apart:
        return OnePlane(why=_("One plane through both trainings needs runs that differ in their optimisers alone; "
                              "these differ in: {settings}.").format(settings=", ".join(apart)))
    dynamics = tuple({canonical(one): one for one in (*a.dynamics, *b.dynamics)}.values())
    if len(dynamics) > MOST_DYNAMICS or dynamics in (a.dynamics, b.dynamics):
        return OnePlane()
    return OnePlane(dataclasses.replace(a, dynamics=dynamics))
