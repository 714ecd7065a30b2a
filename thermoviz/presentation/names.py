"""What things are called in figures, stage and page: dynamics, valleys, axes and energies."""

import dataclasses
import re
from typing import Any

import numpy as np

from ..runs.record import Lost
from .numbers import number
from .words import _, term

# The setting that sets an optimiser's pace; it is part of its name.
_PACE = ("lr", "dt")


def member_names(run: Any) -> list[str]:
    """A name for each of the conditions whose paths a run shows: those it gives itself in `members`, its dynamics'."""
    if "members" in run.numbers:
        return [term(name) for name in run.numbers["members"]]
    return dynamics_names(tuple(getattr(run.spec, "dynamics", ()))) or [_("your model")]


def who_diverged(run: Any) -> str:
    """Which groups of networks lost some, and when first; "" where none did. An older file holds the sentence."""
    kept = run.numbers.get("diverged")
    if isinstance(kept, str):
        return kept
    found = [Lost(**{**one, "name": term(one["name"])}) for one in kept] if kept else lost_bodies(run)
    return "; ".join(_("{name}: {n} of {of} diverged, the first at step {step}").format(
        name=one.name, n=one.n, of=one.of, step=one.first) for one in found)


def lost_bodies(run: Any) -> list[Lost]:
    """For each of the dynamics, or groups, that a run's slice shows: how many left the finite numbers, and when."""
    return [Lost(member_names(run)[k], n, int((run.arrays["member"] == k).sum()), first) for k, n, first in run.lost]


def dynamics_names(dynamics: tuple[Any, ...]) -> list[str]:
    """One short, different name for each of the compared dynamics, such as "SGD lr 0.1, momentum 0.9".

    A setting is named when it sets the pace or differs between two members of the same class.
    """
    return [_dynamics_name(one, [other for other in dynamics if type(other) is type(one)])
            for one in dynamics]


def _dynamics_name(one: Any, alike: list[Any]) -> str:
    fields = [field.name for field in dataclasses.fields(one) if field.name != "kind"]
    shown = [name for name in fields if name in _PACE or len({getattr(o, name) for o in alike}) > 1]
    settings = ", ".join(f"{name} {_setting(getattr(one, name))}" for name in shown)
    return f"{class_title(type(one))} {settings}".strip()


WRITTEN = {"Xor": "XOR", "TeacherStudent": "Teacher's network"}  # names that are not read as they are written


def class_title(cls: type) -> str:
    """A class's name as words: "GradientDescent" -> "Gradient descent", "RMSProp" and "SGD" as they are."""
    if cls.__name__ in WRITTEN:
        return term(WRITTEN[cls.__name__])
    first, *rest = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).split(" ")
    return term(" ".join([first, *(word if word.isupper() else word.lower() for word in rest)]))


def _setting(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"{_setting(value[0])}…{_setting(value[-1])}"
    return number(value) if isinstance(value, float) else str(value)


def at_scale(run: Any) -> Any:
    """The run's equilibrium at the temperature nearest to the surface's scale (its barrier, or its height)."""
    scale = float(run.surface.scale)
    return min(run.equilibria, key=lambda eq: abs(eq.T - scale)) if run.equilibria else run.surface.equilibrium(scale)


def basin_names(run: Any) -> list[str]:
    """A name for each valley of the run's surface, in its order: by depth, by width, else by number.

    The widest has the largest Boltzmann share at T = the surface's scale (its barrier, or its height). Valleys as deep
    or as wide as one another, within a thousandth of the scale or two hundredths of the share, get numbers.
    """
    basins = run.surface.basins
    n = len(basins.energies)
    if n == 1:
        return [_("the valley")]
    deepest = _first_alone(-np.asarray(basins.energies), 1e-3 * run.surface.scale)
    widest = _first_alone(np.asarray(at_scale(run).shares), 0.02)
    names = [_("valley {n}").format(n=i + 1) for i in range(n)]
    if widest is not None:
        names[widest] = _("widest")
    if deepest is not None:
        names[deepest] = _("deepest and widest") if deepest == widest else _("deepest")
    return names


def _first_alone(values: np.ndarray, margin: float) -> int | None:
    """Which value is the largest by more than a margin, or None."""
    second, first = np.argsort(values)[-2:]
    return int(first) if values[first] - values[second] > margin else None


def analytic(run: Any) -> bool:
    """Whether the run's surface is a potential's own, and no slice of something larger."""
    landscape = getattr(run.spec, "landscape", None)
    return run.kind == "potential" or (landscape is not None and landscape.kind not in ("slice", "own_slice"))


def energy_title(run: Any) -> str:
    """Name and unit of the height, which is what training descends: loss and regulariser, or a potential's E."""
    if analytic(run):
        return _("energy E")
    added = regulariser_title(run)
    if not added:
        return loss_title(run)
    titles = {"classification": _("loss + {regulariser}, nats"), "regression": _("½ squared error + {regulariser}")}
    if "data_y_scale" in run.arrays:
        titles["regression"] = _("½ squared error + {regulariser}, variances of the target")
    return titles.get(task(run), _("loss + {regulariser}")).format(regulariser=added)


def loss_title(run: Any) -> str:
    """Name and unit of the loss of data alone, in which train and test can be compared."""
    titles = {"classification": _("loss, nats"), "regression": _("loss, ½ squared error")}
    if "data_y_scale" in run.arrays:  # targets were scaled for training
        titles["regression"] = _("loss, ½ squared error, variances of the target")
    return titles.get(task(run), _("loss"))


def regulariser_title(run: Any) -> str:
    """What is added to the loss of the data, in words; "" where nothing is, or the specification does not say."""
    decay, sparse = getattr(run.spec, "weight_decay", 0.0) > 0, getattr(run.spec, "l1", 0.0) > 0
    if decay and sparse:
        return _("weight decay and L1")
    return _("weight decay") if decay else _("L1") if sparse else ""


def task(run: Any) -> str:
    """ "classification" or "regression" of a run of networks; "" where its specification names no data."""
    return getattr(getattr(run.spec, "dataset", None), "task", "")


def axis_titles(run: Any) -> tuple[str, str]:
    """Titles of the slice's two axes."""
    if analytic(run):
        return _("x"), _("y")
    explained = getattr(run.plane, "explained", None)
    if explained is None:
        return _("u, length in parameter space"), _("v, length in parameter space")
    shares = np.atleast_1d(explained)
    if len(shares) < 2:
        return _("first principal direction"), _("second principal direction")
    return (_("first principal direction ({share:.0%} of the path)").format(share=shares[0]),
            _("second principal direction ({share:.0%})").format(share=shares[1]))
