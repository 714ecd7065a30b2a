"""Verdicts as words: a number with its uncertainty, and whether the claim holds."""

import math
from typing import Any

from ..words import _
from .paper import number

DIGITS = 2  # of an uncertainty
NOTHING = 0.02  # share of an uncertainty below which a number is shown as 0


def measured(verdict: Any) -> str:
    """The measured number as "0.123 ± 0.045": two digits of the error, the number to the same place."""
    value, error = verdict.measured, verdict.stderr
    if value is None or not math.isfinite(value):
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
    """(words, tone): tone "good", "poor" or "open", for the badge."""
    if verdict.holds is None:
        return _("cannot tell"), "open"
    return (_("holds"), "good") if verdict.holds else (_("does not hold"), "poor")
