"""Verdicts of the lab "interactions", from the numbers of a whole run."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.errors import TooFewSamples
from ...core.statistics.estimators import independent_mean, rare
from ...runs.verdict import Verdict, above, equals, judge
from .baths import BATHS, draws_of
from .specification import Interactions
from .training import late

# What a slope between minima may be off by, as a share of it: minima are settled to about this.
SETTLED = 1e-6


def verdicts(spec: Interactions, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[Verdict]:
    """The claims of the lab."""
    return [_data_pay(numbers), _total_energy(numbers), *_baths(spec, numbers), _linear_forth(numbers),
            _linear_back(numbers), _loop(numbers), _network(numbers), _gap(arrays)]


# Energies


def _slope(numbers: Mapping[str, Any], name: str) -> tuple[float, float]:
    """A derivative along the minima and its error, from halving the step and from how well minima are settled."""
    found = numbers["forces"]
    return found[name], max(found[f"{name}_error"], SETTLED * abs(found[f"{name}_theory"]))


def _data_pay(numbers: Mapping[str, Any]) -> Verdict:
    forces = numbers["forces"]
    return judge("data_pay", _slope(numbers, "data"), above(0.0), theory=forces["data_theory"],
                 control=forces["random"])


def _total_energy(numbers: Mapping[str, Any]) -> Verdict:
    forces = numbers["forces"]
    theory, paid_too = forces["total_theory"], forces["total_theory"] + forces["data"]
    return judge("total_energy", _slope(numbers, "total"), equals(theory, unlike=paid_too), theory=theory,
                 control=paid_too)


# Baths


def _baths(spec: Interactions, numbers: Mapping[str, Any]) -> list[Verdict]:
    far = rare(draws_of(numbers["d"]))
    ratio, shift = above(1.0, far), above(0.0, far)
    return [judge("dropout_heats", rule=ratio, **_noise(numbers, "dropout", "ratio", spec.dropout > 0)),
            judge("labels_heat", rule=ratio, **_noise(numbers, "labels", "ratio", spec.label_noise > 0)),
            judge("labels_pull", rule=shift, **_noise(numbers, "labels", "loss_shift", spec.label_noise > 0))]


def _noise(numbers: Mapping[str, Any], name: str, quantity: str, on: bool) -> dict[str, Any]:
    """What `judge` is told of a quantity of a bath beside that of the plain one; nothing measured where it is off."""
    bath, plain = numbers["baths"][name], numbers["baths"]["none"]["measured"]
    found, theory = bath["measured"], bath["theory"]
    return {"found": (found[quantity], found[f"{quantity}_error"]) if on else None,
            "theory": theory[quantity] if on and theory is not None else None, "control": plain[quantity],
            "values": {"on": on}}


# Work


def _work(found: Mapping[str, Any], T: float) -> tuple[float, float] | None:
    """Jarzynski's dF over T and its error; None where too few weights count."""
    return None if found["dF"] is None else (found["dF"] / T, found["dF_error"] / T)


def _linear_forth(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    T, dF = found["T"], found["dF"]
    return judge("linear_forth", _work(found["groups"][-1], T), equals(dF / T, unlike=found["sudden"] / T),
                 theory=dF / T, control=(found["sudden"] / T, found["sudden_error"] / T))


def _linear_back(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers["linear"]
    T, dF, back = found["T"], found["dF"], found["back"]
    control = None if back["work"] is None else (back["work"] / T, back["work_error"] / T)
    return judge("linear_back", _work(back, T), equals(dF / T, unlike=control[0] if control else math.nan),
                 theory=dF / T, control=control)


def _loop(numbers: Mapping[str, Any]) -> Verdict:
    loop = numbers["linear"]["loop"]
    sgd, isotropic = loop["sgd"], loop["isotropic"]
    return judge("loop", (sgd["work"], sgd["error"]), equals(0.0, unlike=sgd["exact"], far=rare(loop["walkers"])),
                 theory=sgd["exact"], control=(isotropic["work"], isotropic["error"]))


def _network(numbers: Mapping[str, Any]) -> Verdict:
    found = numbers.get("network")
    if found is None:
        return judge("network", None, equals(0.0, unlike=math.nan), values={"valley": "none"})
    T, known, measured = found["T"], found["anharmonic"] is not None, _work(found["slow"], found["T"])
    lack, its_error = (found["anharmonic"] / T, found["anharmonic_error"] / T) if known else (0.0, 0.0)
    theory, control = found["dF"] / T + lack, found["sudden"] / T
    return judge("network", None if measured is None else (measured[0], math.hypot(measured[1], its_error)),
                 equals(theory, unlike=control), theory=theory, control=control, known=known,
                 values={"valley": "parabolic" if known else "bent"})


# Training


def _gap(arrays: Mapping[str, np.ndarray]) -> Verdict:
    gap = late(arrays, "gap")
    plain, decayed = gap[BATHS.index("none")], gap[BATHS.index("l2")]
    both = np.isfinite(plain) & np.isfinite(decayed)
    half = int(both.sum()) // 2
    try:
        found = independent_mean((plain - decayed)[both])
        halves = [independent_mean(plain[both][:half]), independent_mean(plain[both][half:])]
    except (TooFewSamples, ValueError):
        return judge("gap", None, above(0.0), values={"measured": False})
    control = (halves[0].value - halves[1].value, math.hypot(*(one.stderr for one in halves)))
    return judge("gap", found, above(0.0, rare(int(both.sum()))), control=control, values={"measured": True})
