"""How numbers are written: as many digits as the interval supports, and no more."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EM DASH}"
MOST_DECIMALS = 6


def decimals_for(low: float | None, high: float | None) -> int | None:
    """Decimals such that half the interval keeps one significant digit, or two when that is 1 or 2.

    None when there is no interval to go by; never more than ``MOST_DECIMALS``. ``decimals_for(24.01, 24.25)`` is 2.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    half = abs(high - low) / 2
    if half <= 0 or half < 1e-9 * max(abs(low), abs(high)):
        return None
    exponent = math.floor(math.log10(half))
    leading = half / 10.0**exponent
    return min(MOST_DECIMALS, max(0, -exponent + (1 if leading < 2.95 else 0)))


def fixed(value: float, decimals: int) -> str:
    """A number with that many decimals, thousands separated, a true minus sign and no negative zero."""
    if not math.isfinite(value):
        return "n/a" if math.isnan(value) else (MINUS if value < 0 else "") + "\N{INFINITY}"
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        text = MINUS + text[1:] if any(character in "123456789" for character in text) else text[1:]
    return text


def plain(value: float, digits: int = 4) -> str:
    """A number without an interval: whole numbers whole, others to ``digits`` significant digits."""
    if not math.isfinite(value):
        return fixed(value, 0)
    if value == round(value) and abs(value) < 1e15:
        return fixed(value, 0)
    exponent = math.floor(math.log10(abs(value)))
    text = fixed(value, min(9, max(0, digits - 1 - exponent)))
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_unit_prefix(value: float) -> str:
    """A count to three digits with k, M, G or T: ``2_140_000`` is ``2.14 M``."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * factor:
            return f"{plain(value / factor, 3)} {prefix}"
    return plain(value, 3)


def show(value: float | None, low: float | None = None, high: float | None = None) -> tuple[str, str]:
    """(value, interval) as text, both to the digits the interval supports; the interval is '' when there is none."""
    if value is None:
        return ABSENT, ""
    decimals = decimals_for(low, high)
    if decimals is None or low is None or high is None:
        return plain(value), ""
    if max(abs(low), abs(high)) < 0.5 * 10.0**-MOST_DECIMALS:
        return "0", ""
    return fixed(value, decimals), f"[{fixed(low, decimals)}, {fixed(high, decimals)}]"
