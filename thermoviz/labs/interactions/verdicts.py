"""Verdicts of the lab "interactions", from the results of a whole run."""

import math
from typing import Any

import numpy as np

from ...core.errors import TooFewSamples
from ...core.statistics.estimators import Estimate, independent_mean, rare
from ...runs.verdict import Verdict, above, equals, judge
from .baths import draws_of
from .results import BATHS, Baths, Forces, LinearRamps, Loops, Minima, NetworkRamp, Training
from .specification import Interactions
from .training import late

# What a slope between minima may be off by, as a share of it: minima are settled to about this.
SETTLED = 1e-6


def verdicts(spec: Interactions, minima: Minima, forces: Forces, shaken: Baths, linear: Any, trained: Any,
             ramped: Any) -> list[Verdict]:
    """The claims of the lab."""
    ramps, loops = linear
    return [_data_pay(forces), _total_energy(forces), *_baths(spec, minima, shaken), _linear_forth(ramps),
            _linear_back(ramps), _loop(loops), _network(ramped[0] if ramped else None), _gap(trained.training)]


# Energies


def _slope(found: Estimate, theory: float) -> tuple[float, float]:
    """A derivative along the minima and its error, from halving the step and from how well minima are settled."""
    return found.value, max(found.stderr, SETTLED * abs(theory))


def _data_pay(forces: Forces) -> Verdict:
    return judge("data_pay", _slope(forces.data, forces.data_theory), above(0.0), theory=forces.data_theory,
                 control=forces.random)


def _total_energy(forces: Forces) -> Verdict:
    theory, paid_too = forces.total_theory, forces.total_theory + forces.data.value
    return judge("total_energy", _slope(forces.total, theory), equals(theory, unlike=paid_too), theory=theory,
                 control=paid_too)


# Baths


def _baths(spec: Interactions, minima: Minima, shaken: Baths) -> list[Verdict]:
    far = rare(draws_of(minima.d))
    ratio, shift = above(1.0, far), above(0.0, far)
    return [judge("dropout_heats", rule=ratio, **_noise(shaken, "dropout", "ratio", spec.dropout > 0)),
            judge("labels_heat", rule=ratio, **_noise(shaken, "labels", "ratio", spec.label_noise > 0)),
            judge("labels_pull", rule=shift, **_noise(shaken, "labels", "loss_shift", spec.label_noise > 0))]


def _noise(shaken: Baths, name: str, quantity: str, on: bool) -> dict[str, Any]:
    """What `judge` is told of a quantity of a bath beside that of the plain one; nothing measured where it is off."""
    bath, plain = shaken.baths[name], shaken.baths["none"].measured
    return {"found": bath.measured.found(quantity) if on else None,
            "theory": getattr(bath.theory, quantity) if on and bath.theory is not None else None,
            "control": getattr(plain, quantity), "values": {"on": on}}


# Work


def _over(found: Estimate | None, T: float) -> tuple[float, float] | None:
    """In units of T."""
    return None if found is None else (found.value / T, found.stderr / T)


def _linear_forth(ramps: LinearRamps) -> Verdict:
    T, dF, sudden = ramps.T, ramps.dF, ramps.sudden
    return judge("linear_forth", _over(ramps.groups[-1].free_energy, T), equals(dF / T, unlike=sudden.value / T),
                 theory=dF / T, control=_over(sudden, T))


def _linear_back(ramps: LinearRamps) -> Verdict:
    T, dF, control = ramps.T, ramps.dF, _over(ramps.back.mean, ramps.T)
    return judge("linear_back", _over(ramps.back.free_energy, T),
                 equals(dF / T, unlike=control[0] if control else math.nan), theory=dF / T, control=control)


def _loop(loops: Loops) -> Verdict:
    sgd, isotropic = loops.loop.sgd, loops.loop.isotropic
    return judge("loop", (sgd.work, sgd.error), equals(0.0, unlike=sgd.exact, far=rare(loops.loop.walkers)),
                 theory=sgd.exact, control=(isotropic.work, isotropic.error))


def _network(found: NetworkRamp | None) -> Verdict:
    if found is None:
        return judge("network", None, equals(0.0, unlike=math.nan), values={"valley": "none"})
    T, known, measured = found.T, found.anharmonic is not None, _over(found.slow.free_energy, found.T)
    lack, its_error = _over(found.anharmonic, T) or (0.0, 0.0)
    theory, control = found.dF / T + lack, math.nan if found.sudden is None else found.sudden.value / T
    return judge("network", None if measured is None else (measured[0], math.hypot(measured[1], its_error)),
                 equals(theory, unlike=control), theory=theory, control=control, known=known,
                 values={"valley": "parabolic" if known else "bent"})


# Training


def _gap(training: Training) -> Verdict:
    gap = late(training.test - training.train)
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
