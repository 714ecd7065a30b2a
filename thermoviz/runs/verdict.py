"""Verdict: one claim, measured, and the one rule by which claims are true, false, or cannot be told.

Two questions are kept apart. *Is the claim true?* a `Rule` decides: `above`, `below`, `equals` or `within` a number, by
a stated number of standard errors. *Does theory agree?* is asked of the same number, whatever the claim, so that
"false, as theory predicts" can be said. A claim that the measurement could not have refuted is not called true.

A verdict is a key and numbers. What it says is asked of the lab's `words.py` where it is read, in the reader's
language: `VERDICTS: dict[str, Callable[[Verdict], Told]]`, by key.
"""

import contextlib
import contextvars
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

from .files import plain
from .late import perhaps

# Standard errors by which numbers are told apart: as rare as 1 in 370, of normal ones. Few copies need more
# (`core.statistics.estimators.rare`), and say so in their rule.
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


class Told(NamedTuple):
    """A verdict in words: the claim, how it was measured and where the analogy breaks, and the number's unit."""

    name: str
    sentence: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Verdict:
    """One claim, measured.

    key: names the claim in its lab's `words.VERDICTS`. measured, stderr: the number and its standard error (NaN:
    nothing was measured), in `unit`, as are theory and control. theory: what theory says, +- theory_stderr. control:
    what the case gives in which the claim must fail, +- control_stderr. holds: whether the claim is true; None for
    "cannot tell". confirmed: whether theory and measurement agree, whatever the claim; None where there is no theory,
    or it cannot be told. rule: by which `holds` was decided. values: plain JSON values that its words tell besides.
    room: the package whose words they are, set by the run that it belongs to. stored: the words that files of before
    the keys carry.
    """

    key: str
    measured: float
    stderr: float
    theory: float | None = None
    control: float | None = None
    holds: bool | None = None
    confirmed: bool | None = None
    rule: Rule | None = None
    theory_stderr: float = 0.0
    control_stderr: float = 0.0
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    stored: Told | None = None
    room: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.rule, Mapping):  # from a run's file
            object.__setattr__(self, "rule", Rule(**self.rule))
        for name in ("measured", "stderr"):  # JSON knows no NaN
            if getattr(self, name) is None:
                object.__setattr__(self, name, math.nan)

    @property
    def name(self) -> str:
        """The claim, in words that are true or false."""
        return self._told.name

    @property
    def sentence(self) -> str:
        """How it was measured, and where the analogy breaks."""
        return self._told.sentence

    @property
    def unit(self) -> str:
        """Of the measured number, theory and control."""
        return self._told.unit

    @property
    def _told(self) -> Told:
        if self.stored is not None:
            return self.stored
        words = _words(self.room).get(self.key)
        return Told(self.key) if words is None else words(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values, of which `from_json` makes the same verdict; without prose, but what an older file had."""
        values = {**asdict(self), **(self.stored._asdict() if self.stored else {})}
        return {name: value for name, value in values.items() if name not in ("room", "stored")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], room: str = "") -> "Verdict":
        """The verdict of these plain values, also of older ones, which have its words instead of a key."""
        if "name" not in values:
            return cls(**values, room=room)
        told = Told(*(values.get(name, "") for name in Told._fields))
        rest = {name: value for name, value in values.items() if name not in Told._fields}
        verdict = cls(**{"key": told.name, **rest}, stored=told, room=room)
        return replace(verdict, key=_key_of(verdict))


def _words(room: str) -> Mapping[str, Any]:
    """What the lab in `room` says of its verdicts, by key; nothing where there is no such lab."""
    return getattr(perhaps(room, "words"), "VERDICTS", {})


def _key_of(verdict: Verdict) -> str:
    """The key of a claim of which an older file has only the English name; the name where no claim is called so."""
    source = contextvars.Context()  # in which nobody has chosen a language yet
    unknown: Mapping[str, Any] = defaultdict(lambda: math.nan)  # the values that words tell besides
    for key, words in _words(verdict.room).items():
        with contextlib.suppress(KeyError, TypeError, ValueError):
            if source.run(words, replace(verdict, key=key, values=unknown)).name == verdict.name:
                return key
    return verdict.key


def judge(
    key: str, found: Any, rule: Rule, *, values: Mapping[str, Any] | None = None, theory: Any = None,
    control: Any = None, known: bool = True,
) -> Verdict:
    """The verdict on a claim: `rule` says whether it is true, and theory is compared with the same number.

    key: of its words. found: an Estimate, or (number, standard error); None or NaN where nothing could be measured.
    theory, control: a number, an Estimate, (number, error) or None. known: False where the measurement is not valid
    (not settled, too few copies): then nothing is claimed, and the words should say why. values: numbers and names
    that the words need beside the verdict's own.
    """
    measured, stderr = _pair(found)
    expected, its_error = _pair(theory)
    at_control, control_stderr = _pair(control)
    return Verdict(
        key, measured, stderr, _or_none(expected), _or_none(at_control),
        rule.decide(measured, stderr) if known else None,
        agrees((measured, stderr), (expected, its_error), at_control, rule.far) if known else None, rule,
        its_error if math.isfinite(its_error) else 0.0, control_stderr if math.isfinite(control_stderr) else 0.0,
        plain(values or {}))


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
