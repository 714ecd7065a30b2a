"""Numbers as a reader sees them."""


def number(value: float, digits: int = 3) -> str:
    """A number for reading: `digits` significant digits, a true minus sign, powers of ten where they help."""
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, power = text.split("e")
        text = f"{mantissa} × 10^{int(power)}"
    return text.replace("-", "−")
