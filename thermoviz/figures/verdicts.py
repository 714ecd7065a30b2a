"""Verdicts as words: a number with its uncertainty, whether the claim is true, and whether theory agrees."""

import math
from typing import Any

from ..words import _, term
from .paper import number

DIGITS = 2  # of an uncertainty
NOTHING = 0.02  # share of an uncertainty below which a number is shown as 0


def measured(verdict: Any) -> str:
    """The measured number as "0.123 ± 0.045": two digits of the error, the number to the same place."""
    value, error = verdict.measured, verdict.stderr
    if not was_measured(verdict):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return number(value)
    place = DIGITS - 1 - math.floor(math.log10(error))
    largest = max(abs(value), error)
    if not -2 <= place <= 6 or largest >= 1e5:
        return f"{number(value)} ± {number(error, DIGITS)}"
    return f"{value:.{max(place, 0)}f} ± {error:.{max(place, 0)}f}".replace("-", "−")


def reference(value: float | None, error: float | None = None) -> str:
    """What theory or a control gives, or a dash where there is none; 0 for what is far below the error beside it."""
    if value is None or not math.isfinite(value):
        return "–"
    return "0" if error and abs(value) < NOTHING * error else number(value, 3)


def standing(verdict: Any) -> tuple[str, str]:
    """Whether the claim is true, as (words, tone): tone "yes", "no" or "open". Neither is good nor bad news."""
    if verdict.holds is None:
        return _("cannot tell"), "open"
    return (_("true"), "yes") if verdict.holds else (_("false"), "no")


def agreement(verdict: Any) -> tuple[str, str] | None:
    """Whether theory and measurement agree, as (words, tone): tone "good", "poor" or "open"; None without a theory."""
    if verdict.theory is None or not was_measured(verdict):
        return None
    if verdict.confirmed is None:
        return _("theory: cannot tell"), "open"
    return (_("theory confirmed"), "good") if verdict.confirmed else (_("theory missed"), "poor")


def was_measured(verdict: Any) -> bool:
    """Whether there is a number at all."""
    return verdict.measured is not None and math.isfinite(verdict.measured)


def rule_words(rule: Any) -> str:
    """By which rule the claim was called true, false or open; empty where no rule is kept (older files)."""
    if rule is None:
        return ""
    sentences = {
        "above": _("True if more than {far} standard errors above {value}, false if as far below."),
        "below": _("True if more than {far} standard errors below {value}, false if as far above."),
        "equals": _("True if within {far} standard errors of {value} and farther than that from {unlike}."),
        "within": _("True if no more than {margin} from {value}, with {far} standard errors to spare."),
    }
    numbers = {name: number(value) for name in ("value", "unlike", "margin")
               if (value := getattr(rule, name)) is not None}
    text = sentences[rule.kind]
    if rule.kind == "equals" and rule.unlike is None:
        text = _("True if within {far} standard errors of {value}.")
    return text.format(far=number(rule.far, 2), **numbers)


def told(verdict: Any) -> str:
    """A verdict in one line of text: claim, standing, theory, numbers, rule, and how it was measured."""
    claim, agreed = standing(verdict)[0], agreement(verdict)
    parts = [f"{term(verdict.name)}: {claim}" + (f", {agreed[0]}" if agreed else "")]
    if was_measured(verdict):
        others = [f"{name} {reference(value, verdict.stderr)}" for name, value in
                  ((_("theory"), verdict.theory), (_("control"), verdict.control)) if value is not None]
        compared = f" ({', '.join(others)})" if others else ""
        parts.append(f"{measured(verdict)} {term(verdict.unit)}".rstrip() + compared)
    return ". ".join(part for part in parts) + f". {rule_words(verdict.rule)} {term(verdict.sentence)}".rstrip()
