"""Verdicts as words: a number with its uncertainty, whether the claim is true, and whether theory agrees."""

import math
from typing import Any

from .numbers import number
from .words import _, term

DIGITS = 2  # of an uncertainty
NOTHING = 0.02  # share of an uncertainty below which a number is shown as 0


def measured(verdict: Any) -> str:
    """The measured number as "0.123 ± 0.045": two digits of the error, the number to the same place."""
    return with_error(verdict.measured, verdict.stderr) if was_measured(verdict) else "–"


def with_error(value: float, error: float | None) -> str:
    """A number with its error, if there is one: two digits of the error, the number to the same place."""
    if error is None or not math.isfinite(error) or error <= 0:
        return number(value)
    decimals = _decimals(value, error)
    if decimals is None:
        return f"{number(value)} ± {number(error, DIGITS)}"
    shown = f"{value:.{decimals}f}"
    shown = shown.lstrip("-") if float(shown) == 0 else shown
    return f"{shown} ± {error:.{decimals}f}".replace("-", "−")


def compared(verdict: Any) -> list[tuple[str, str]]:
    """What stands beside the measured number, as (name, number): theory and control, where there are any."""
    known = ((_("theory"), verdict.theory, verdict.theory_stderr), (_("control"), verdict.control,
                                                                    verdict.control_stderr))
    return [(name, with_error(value, error) if error else reference(value, verdict.stderr))
            for name, value, error in known if value is not None]


def _decimals(value: float, error: float) -> int | None:
    """Decimals that show two digits of the error; None where powers of ten read better."""
    place = DIGITS - 1 - math.floor(math.log10(error))
    return None if not -2 <= place <= 6 or max(abs(value), error) >= 1e5 else max(place, 0)


def reference(value: float | None, error: float | None = None) -> str:
    """What theory or a control gives, or a dash where there is none; 0 for what is far below the error beside it.

    To the last place of the error where the two are close, so that one can compare; else to three digits.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if not error or not math.isfinite(error) or error <= 0:
        return number(value, 3)
    if abs(value) < NOTHING * error:
        return "0"
    decimals = _decimals(value, error)
    short = number(value, 3)
    fine = decimals is not None and abs(value) >= 100 * error
    return f"{value:.{decimals}f}".replace("-", "−") if fine else short


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


def rule_words(rule: Any, stderr: float | None = None) -> str:
    """By which rule the claim was called true, false or open; empty where no rule is kept (older files)."""
    if rule is None:
        return ""
    sentences = {
        "above": _("True if more than {far} standard errors above {value}, false if as far below."),
        "below": _("True if more than {far} standard errors below {value}, false if as far above."),
        "equals": _("True if within {far} standard errors of {value} and farther than that from {unlike}."),
        "within": _("True if no more than {margin} from {value}, with {far} standard errors to spare."),
    }
    numbers = {name: reference(value, error) for name, error in
               (("value", stderr), ("unlike", None), ("margin", None)) if (value := getattr(rule, name)) is not None}
    text = sentences[rule.kind]
    if rule.kind == "equals" and rule.unlike is None:
        text = _("True if within {far} standard errors of {value}.")
    return text.format(far=number(rule.far, 2), **numbers)


def told(verdict: Any) -> str:
    """A verdict in one line of text: claim, standing, theory, numbers, rule, and how it was measured."""
    claim, agreed = standing(verdict)[0], agreement(verdict)
    parts = [f"{term(verdict.name)}: {claim}" + (f", {agreed[0]}" if agreed else "")]
    if was_measured(verdict):
        others = ", ".join(f"{name} {words}" for name, words in compared(verdict))
        parts.append(f"{measured(verdict)} {term(verdict.unit)}".rstrip() + (f" ({others})" if others else ""))
    how = f"{rule_words(verdict.rule, verdict.stderr)} {term(verdict.sentence)}".strip()
    return ". ".join(parts) + f". {how}"
