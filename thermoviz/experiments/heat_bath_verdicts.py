"""What a run of HeatBath decides: each claim with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.estimators import rare
from .linear_bath import MORE
from .verdict import Verdict

if TYPE_CHECKING:
    from .heat_bath import HeatBath

# A ratio known no better than this decides nothing.
VAGUE = 0.15
# Standard errors that come from hundreds of samples, not from a few copies.
SAMPLES_FAR = 3.0


def verdicts(spec: "HeatBath", arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[Verdict]:
    """All of them. Where the copies had no time to settle, those of the stationary state cannot tell.

    Numbers agree within so many standard errors (`far`) as are as rare, for this many copies, as three of many.
    """
    far = rare(spec.replicas)
    return [
        _relation(numbers, far, "SGD", "SGD obeys fluctuation-dissipation",
                  "What the noise adds to the distance from the minimum, descent takes away: both sides of FDR1, with "
                  "the gradient of all samples. Control: shuffled epochs, whose batches know of each other. It says "
                  "that the state stands still, not that it is an equilibrium."),
        _relation(numbers, far, "momentum", "So does momentum, in its own form",
                  "The same relation with (1 + μ)/(2 lr) times the squared step on its right side. Control: shuffled "
                  "epochs. It breaks while velocities or soft directions still remember the start."),
        _relation(numbers, far, "fresh draws", "So do batches without repetition",
                  "Every batch is drawn afresh, no sample twice in it: batches stay independent, the relation holds "
                  "with less noise. Control: shuffled epochs. It breaks once a batch depends on the one before."),
        _epochs(numbers, far), _full_batch(numbers), _one_temperature(numbers, far), _thermometers(arrays, far),
        _rate_law(numbers, far), _balance(arrays, numbers, far), _turning(arrays, numbers, far),
        _normal(spec, numbers), _second_relation(numbers, rare(MORE * spec.replicas)),
        _covariance(numbers, rare(MORE * spec.replicas)), _whirl(numbers, far)]


def _one(found: float, error: float, far: float) -> bool | None:
    """Whether a ratio is 1; None where its error is unknown or larger than VAGUE."""
    if not (math.isfinite(found) and math.isfinite(error)) or error > VAGUE:
        return None
    return abs(found - 1) <= far * error


def _if_settled(numbers: Mapping[str, Any], holds: bool | None) -> bool | None:
    return holds if numbers["settled"] else None


def _unsettled(numbers: Mapping[str, Any]) -> str:
    return "" if numbers["settled"] else "The copies had too few steps to settle, so nothing is claimed. "


def _relation(numbers: Mapping[str, Any], far: float, condition: str, name: str, sentence: str) -> Verdict:
    ratios = numbers["stationary"]["ratios"]
    found, error = ratios[condition]
    return Verdict(name, found, error, 1.0, ratios["shuffled epochs"][0],
                   _if_settled(numbers, _one(found, error, far)), _unsettled(numbers) + sentence)


def _epochs(numbers: Mapping[str, Any], far: float) -> Verdict:
    ratios = numbers["stationary"]["ratios"]
    found, error = ratios["shuffled epochs"]
    told = math.isfinite(error) and error <= VAGUE
    return Verdict(
        "Shuffled epochs: less noise than it seems", found, error, numbers["stationary"]["epochs"], ratios["SGD"][0],
        _if_settled(numbers, bool(found < 1 - far * error) if told else None),
        _unsettled(numbers) + "Within an epoch every sample comes once, so the noise of one batch is paid back by the "
        "others, and FDR1 falls short of 1. Theory: the closed form for noise that does not depend on the place; the "
        "control draws independent batches. It fades as an epoch gets longer than the memory of the soft directions.")


def _full_batch(numbers: Mapping[str, Any]) -> Verdict:
    found, error = numbers["stationary"]["ratios"]["full batch"]
    return Verdict(
        "Without noise there is nothing to test", found, error, None, numbers["stationary"]["ratios"]["SGD"][0], None,
        "All samples at every step: the copies come to rest, both sides of the relation are 0, and their ratio says "
        "nothing. An instrument that gave 1 here would be broken. The control is SGD.")


def _one_temperature(numbers: Mapping[str, Any], far: float) -> Verdict:
    state = numbers["stationary"]
    found, error = state["spread"]["SGD"]
    equal, its_error = state["spread"]["isotropic heat"]
    told = math.isfinite(found) and math.isfinite(equal) and error <= 0.5 * max(found, its_error)
    uneven = told and found > equal + far * math.hypot(error, its_error)
    return Verdict(
        "The bath has one temperature", found, error, state["spread_theory"], equal,
        _if_settled(numbers, (not uneven) if told else None),
        _unsettled(numbers) + "How much h⟨y²⟩ differs from one direction of the Hessian to the next: standard "
        "deviation over mean, 0 in equilibrium. Theory: the gradient noise in each direction. Control: isotropic heat "
        "of equal strength, whose remainder is sampling. The mean over directions agrees with the noise by FDR1 in "
        "any case, so only the differences test equilibrium.")


def _thermometers(arrays: Mapping[str, np.ndarray], far: float) -> Verdict:
    """The hottest reading over the coldest, of the thermometers that could be read."""
    (found, error), (equal, _) = (_disagreement(arrays["thermometers"][k], arrays["thermometers_error"][k])
                                  for k in (0, 1))
    told = math.isfinite(found) and error <= VAGUE * found
    return Verdict(
        "Different thermometers agree", found, error, 1.0, equal, bool(found <= 1 + far * error) if told else None,
        "The hottest reading over the coldest: strength of the noise, mean over modes, squared slope over curvature, "
        "energy gained per entropy gained. One temperature would make all alike. Control: isotropic heat, read by the "
        "first three. A single “temperature of SGD” is a matter of which thermometer one holds.")


def _disagreement(readings: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    known = np.isfinite(readings) & np.isfinite(errors) & (readings > 0)
    if known.sum() < 2:
        return math.nan, math.nan
    values, relative = readings[known], errors[known] / readings[known]
    high, low = int(np.argmax(values)), int(np.argmin(values))
    ratio = float(values[high] / values[low])
    return ratio, ratio * math.hypot(relative[high], relative[low])


def _rate_law(numbers: Mapping[str, Any], far: float) -> Verdict:
    law = numbers["law"]
    found, error = law["ratio"]
    broken = "" if law["breaks_at"] is None else f" Here it breaks at a rate of {law['breaks_at']:.2g}."
    return Verdict(
        "Equal lr/B, equal loss", found, error, 1.0, law["control"], _one(found, error, far),
        "Excess loss at four times the learning rate and four times the batch, over that of the slowest pair, at equal "
        "learning rate × steps. Control: four times the rate at the same batch. It breaks where a single step is no "
        f"longer small against the curvature.{broken}")


def _balance(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any], far: float) -> Verdict:
    state = numbers["stationary"]
    (found, error), (equal, its_error) = state["production_0"], state["production_1"]
    seen = math.isfinite(found) and math.isfinite(error)
    turns = seen and found > far * error
    theory = state["production_theory"]
    quiet = seen and theory is not None and far * error < theory
    clean = not math.isfinite(its_error) or abs(equal) <= far * its_error
    return Verdict(
        "SGD keeps detailed balance", found, error, theory, equal,
        _if_settled(numbers, (False if turns else True if quiet else None) if clean else None),
        _unsettled(numbers) + "Entropy produced in the plane of the slice, nats per unit of lr × steps, its bias taken "
        "off: 0 only in equilibrium, a lower bound for all directions together. Theory: noise and curvature of the "
        "minimum, for small steps. Control: isotropic heat. What looks still turns without end.")


def _turning(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any], far: float) -> Verdict:
    k = _pair(arrays, numbers)
    T = numbers["T"]
    found, error = float(arrays["area"][0, k]) / T, float(arrays["area_error"][0, k]) / T
    theory, equal = float(arrays["area_theory"][k]) / T, float(arrays["area"][1, k]) / T
    seen = math.isfinite(error) and abs(theory) > far * error
    near = seen and abs(found - theory) <= far * error + 0.5 * numbers["step"] * abs(theory)
    return Verdict(
        "The cloud turns as theory says", found, error, theory, equal, _if_settled(numbers, near if seen else None),
        _unsettled(numbers) + "Area that a copy sweeps per unit of time in the plane of the slice, in units of T; its "
        "sign is the sense of rotation. Theory: D₁₂(h₁ − h₂)/(h₁ + h₂), right for steps that are small against the "
        "curvature. Control: isotropic heat, which turns nowhere. It needs noise that is not aligned with the "
        "curvature.")


def _pair(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> int:
    """Where the plane of the slice stands among the pairs."""
    return int(np.flatnonzero((arrays["area_pairs"] == numbers["plane_modes"]).all(axis=1))[0])


def _normal(spec: "HeatBath", numbers: Mapping[str, Any]) -> Verdict:
    found, error = numbers["kurtosis"]
    told = math.isfinite(found) and math.isfinite(error)
    return Verdict(
        "The noise of a sample is Gaussian", found, error, 0.0, found / spec.batch_size,
        bool(abs(found) <= SAMPLES_FAR * error) if told else None,
        "Excess kurtosis of single samples' gradients along the noisiest direction: 0 for Gaussian noise, above it "
        "where few samples push hard. Control: the mean over a batch, whose excess is smaller by the batch size. With "
        "batches of a few samples the bath is not one of many small kicks.")


def _second_relation(numbers: Mapping[str, Any], far: float) -> Verdict:
    linear = numbers["linear"]
    (found, error), control = linear["fdr2"][0], linear["fdr2"][3][0]
    return Verdict(
        "Linear regression: the second relation", found, error, 1.0, control, _one(found, error, far),
        "⟨|∇f|²⟩ against the curvature felt by the steps, exact where the loss is quadratic: 48 samples, 3 inputs, "
        "large steps. Control: shuffled epochs. In networks the curvature changes from place to place, and it is only "
        "near.")


def _covariance(numbers: Mapping[str, Any], far: float) -> Verdict:
    linear = numbers["linear"]
    n = linear["entries"]
    error = 1 / math.sqrt(2 * n) if n else math.nan
    found, additive = linear["away"], linear["away_additive"]
    sees = math.isfinite(found) and additive > 1 + SAMPLES_FAR * error
    return Verdict(
        "Linear regression: covariance as computed", found, error, 1.0, additive,
        bool(found <= 1 + far * error) if sees else None,
        "Root mean square distance of measured covariances (plain, fresh draws, momentum) from the exact ones, in "
        "standard errors; about 1 says that they agree. Control: the usual theory, in which noise does not depend on "
        "the place. That theory breaks at steps as large as these, the exact one does not.")


def _whirl(numbers: Mapping[str, Any], far: float) -> Verdict:
    whirl = numbers["linear"]["whirl"]
    (found, error), (still, its_error) = whirl["production"], whirl["control"]
    seen = found > far * error and abs(still) <= far * its_error
    return Verdict(
        "The instrument: a known whirl", found, error, whirl["production_exact"], still,
        bool(abs(found - whirl["production_exact"]) <= far * error) if seen else None,
        "Entropy production of balls in a well with a rotation added to its force, against its closed form. Control: "
        "no rotation. Gradients alone never whirl: in SGD it is the unequal noise that does.")
