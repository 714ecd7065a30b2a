"""Verdict: one claim, measured, and the one rule by which claims are true, false, or cannot be told.

Two questions are kept apart. *Is the claim true?* a `Rule` decides: `above`, `below`, `equals` or `within` a number, by
a stated number of standard errors. *Does theory agree?* is asked of the same number, whatever the claim, so that
"false, as theory predicts" can be said. A claim that the measurement could not have refuted is not called true.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

# Standard errors by which numbers are told apart: as rare as 1 in 370, of normal ones. Few copies need more
# (`core.estimators.rare`), and say so in their rule.
FAR = 3.0
# What sums in another order may differ by, as a share of the number.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Rule:
    """When a claim about a number is true: plain settings, which a run's file keeps.

    kind "above" or "below": the number lies `far` standard errors beyond `value`; false if as far on the other side.
    "equals": it lies within `far` errors of `value` and farther than that from `unlike`, the number in a world where
    the claim fails; false beyond. "within": it lies within `margin` of `value`, errors added; false if outside, errors
    taken off. Whatever is neither cannot be told.
    """

    kind: Literal["above", "below", "equals", "within"]
    value: float
    unlike: float | None = None
    margin: float | None = None
    far: float = FAR

    def decide(self, measured: float, stderr: float) -> bool | None:
        """Whether the claim is true of measured +- stderr; None where that cannot be told."""
        if not (math.isfinite(measured) and math.isfinite(stderr) and stderr >= 0):
            return None
        reach = self.far * stderr + ROUNDING * max(abs(measured), abs(self.value))
        above = measured - self.value
        if self.kind == "above":
            return True if above > reach else False if above < -reach else None
        if self.kind == "below":
            return True if above < -reach else False if above > reach else None
        if self.kind == "within":
            margin = self.margin or 0.0
            return True if abs(above) + reach <= margin else False if abs(above) - reach > margin else None
        if abs(above) > reach:
            return False
        return True if self.unlike is None or abs(measured - self.unlike) > reach else None


def above(value: float, far: float = FAR) -> Rule:
    """The claim is that the number is larger than `value`."""
    return Rule("above", float(value), far=float(far))


def below(value: float, far: float = FAR) -> Rule:
    """The claim is that the number is smaller than `value`."""
    return Rule("below", float(value), far=float(far))


def equals(value: float, unlike: float, far: float = FAR) -> Rule:
    """The claim is that the number is `value`; where the claim fails it is about `unlike`."""
    return Rule("equals", float(value), unlike=float(unlike), far=float(far))


def within(value: float, margin: float, far: float = FAR) -> Rule:
    """The claim is that the number is `value` for all practical purposes: no farther away than `margin`."""
    return Rule("within", float(value), margin=float(margin), far=float(far))


def among(n: int, far: float = FAR) -> float:
    """Standard errors that the largest of n numbers exceeds by chance no more often than one number exceeds `far`.

    Bonferroni's inequality, whatever their correlations: for a number that was chosen among n since it is the largest.
    """
    return -NormalDist().inv_cdf(NormalDist().cdf(-far) / n)


@dataclass(frozen=True)
class Verdict:
    """One claim, measured.

    name: the claim, in words that are true or false. measured, stderr: the number and its standard error (NaN: nothing
    was measured), in `unit`, as are theory and control. theory: what theory says, +- theory_stderr. control: what the
    case gives in which the claim must fail, +- control_stderr. holds: whether the claim is true; None for "cannot
    tell". confirmed: whether theory and measurement agree, whatever the claim; None where there is no theory, or it
    cannot be told. rule: by which `holds` was decided. sentence: how it was measured and where the analogy breaks.
    """

    name: str
    measured: float
    stderr: float
    theory: float | None
    control: float | None
    holds: bool | None
    sentence: str = ""
    unit: str = ""
    confirmed: bool | None = None
    rule: Rule | None = None
    theory_stderr: float = 0.0
    control_stderr: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.rule, Mapping):  # from a run's file
            object.__setattr__(self, "rule", Rule(**self.rule))
        for name in ("measured", "stderr"):  # JSON knows no NaN
            if getattr(self, name) is None:
                object.__setattr__(self, name, math.nan)

    def to_json(self) -> dict[str, Any]:
        """Plain values, of which `Verdict(**values)` makes the same verdict."""
        return asdict(self)


def judge(
    name: str, found: Any, rule: Rule, *, unit: str, sentence: str, theory: Any = None, control: Any = None,
    known: bool = True,
) -> Verdict:
    """The verdict on a claim: `rule` says whether it is true, and theory is compared with the same number.

    found: an Estimate, or (number, standard error); None or NaN where nothing could be measured. theory, control: a
    number, an Estimate, (number, error) or None. known: False where the measurement is not valid (not settled, too
    few copies): then nothing is claimed, and the sentence should say why.
    """
    measured, stderr = _pair(found)
    expected, its_error = _pair(theory)
    at_control, control_stderr = _pair(control)
    return Verdict(
        name, measured, stderr, _or_none(expected), _or_none(at_control),
        rule.decide(measured, stderr) if known else None, sentence, unit,
        agrees((measured, stderr), (expected, its_error), at_control, rule.far) if known else None, rule,
        its_error if math.isfinite(its_error) else 0.0, control_stderr if math.isfinite(control_stderr) else 0.0)


def agrees(found: Any, theory: Any, control: float = math.nan, far: float = FAR) -> bool | None:
    """Whether a measurement and a theory agree within `far` of their errors.

    None where either is unknown, or where the control agrees just as well, so that nothing was tested.
    """
    (measured, stderr), (expected, its_error) = _pair(found), _pair(theory)
    error = math.hypot(stderr, its_error)
    if not (math.isfinite(expected) and math.isfinite(measured) and math.isfinite(error)):
        return None
    unlike = control if math.isfinite(control) else None
    return Rule("equals", expected, unlike=unlike, far=far).decide(measured, error)


def _pair(number: Any) -> tuple[float, float]:
    """(value, standard error) of an Estimate, a pair or a number, whose error is 0; NaN where there is none."""
    if number is None:
        return math.nan, math.nan
    if isinstance(number, (tuple, list)):
        value, error = number
        return (math.nan if value is None else float(value)), (math.nan if error is None else float(error))
    return float(number), float(getattr(number, "stderr", 0.0))


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
