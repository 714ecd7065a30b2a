"""Words of a figure: the few marks of HTML that Plotly reads, as plain text; numbers as its tick formats write them."""

import html
import math
import re
from typing import Any

_RAISED = str.maketrans("0123456789+-−()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-−()aeijoruvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎ₐₑᵢⱼₒᵣᵤᵥₓ")
_SPECIFIER = re.compile(r"(,?)(?:\.(\d+))?(~?)([a-z%]?)")
_SI = {-9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def plain(text: Any) -> str:
    """Text with `<br>` as line ends, raised and lowered parts in Unicode's letters, and without other marks."""
    lines = re.sub(r"<br\s*/?>", "\n", str(text))
    lines = re.sub(r"<sup>(.*?)</sup>", lambda found: found[1].translate(_RAISED), lines)
    lines = re.sub(r"<sub>(.*?)</sub>", lambda found: found[1].translate(_LOWERED), lines)
    lines = html.unescape(re.sub(r"</?(?:b|i|em|strong|span)\b[^>]*>", "", lines))
    return re.sub(r"10\^([−-]?\d+)", lambda found: "10" + found[1].translate(_RAISED), lines)


def is_bold(text: Any) -> bool:
    """Whether all of it is set in bold."""
    return bool(re.fullmatch(r"\s*<b>.*</b>\s*", str(text), re.DOTALL))


def formatted(value: float, form: str = "") -> str:
    """A number by a format of d3's (",", ".0%", "~g", "~s", ".4~g"); without one, as few digits as it needs.

    Raises ValueError for a format of another kind.
    """
    found = _SPECIFIER.fullmatch(form)
    if found is None:
        raise ValueError(f"unknown number format {form!r}")
    comma, precision, trim, kind = found.groups()
    if not math.isfinite(value):
        return ""
    if kind == "%":
        return _signed(_trimmed(f"{100 * value:.{precision or 6}f}", bool(trim)) + "%")
    if kind == "s":
        return _signed(_with_prefix(value, int(precision or 6)))
    if kind in ("f", "e"):
        return _signed(_trimmed(f"{value:{comma}.{precision or 6}{kind}}", bool(trim)))
    if kind in ("", "g") and (comma or not form):
        return _signed(f"{value:,.10g}") if comma else shortest(value)
    return shortest(value, int(precision or 6))


def shortest(value: float, digits: int = 6) -> str:
    """A number with at most so many digits; a power of ten where it is very small or large, in Unicode's letters."""
    text = f"{value:.{digits}g}"
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        mantissa = _trimmed(mantissa, True)
        raised = "10" + str(int(power)).translate(_RAISED)
        return _signed(raised if mantissa == "1" else f"{mantissa}×{raised}")
    return _signed(f"{float(text):f}".rstrip("0").rstrip(".") if "e" in text else text)


def as_power(value: float) -> str:
    """A power of ten as one, unless it is 1; another number as `shortest` does."""
    power = math.log10(value)
    if value == 1 or abs(power - round(power)) > 1e-9:
        return shortest(value)
    return f"10{str(round(power)).translate(_RAISED)}"


def _trimmed(text: str, wanted: bool) -> str:
    return text.rstrip("0").rstrip(".") if wanted and "." in text else text


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _with_prefix(value: float, digits: int) -> str:
    power = 0 if value == 0 else max(-9, min(12, 3 * math.floor(math.log10(abs(value)) / 3)))
    return f"{value / 10.0**power:.{digits}g}{_SI[power]}"
