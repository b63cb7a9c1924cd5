"""Texts of runs as a page may show them: what cannot be seen is shown, and what would turn the rest around."""

from __future__ import annotations

import re

LONGEST = 20_000
"""Characters of one text that a page shows."""
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029")
_PICTURES = 0x2400
"""Where Unicode's pictures of the first control characters begin."""


def visible(text: object) -> str:
    """The text with its control characters shown, and those that set the direction: a bell as its picture, others by
    their number. Line ends are newlines.

    Examples:
        >>> visible("a\\x07b\\u202ec")
        'a\\u2407b\\u27e8U+202E\\u27e9c'
    """
    return _HIDDEN.sub(_shown, _LINE_ENDS.sub("\n", str(text)))


def readable(text: object, longest: int = LONGEST) -> str:
    """``visible``, and cut where it is long, which it says."""
    words = str(text)
    if len(words) <= longest:
        return visible(words)
    return f"{visible(words[:longest])} \N{HORIZONTAL ELLIPSIS} (cut: {len(words):,} characters)"


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return (
        chr(_PICTURES + code)
        if code < 32
        else f"\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{code:04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"
    )
