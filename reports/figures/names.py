"""Names in figures: how wide they are, folded to a room, and shortened in the middle where they are too long.

Widths are those of the font that the files embed; a page's own is mostly narrower.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from reports.figures.style import FONT, SMALL
from reports.tables.layout import clean, cut, width

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

LONGEST = 72
"""Characters of a name in a figure; the whole one stands in the table."""
HINTED = 1.04
"""On a screen letters stand on whole pixels, and a line of them may be so much wider."""
LACKED = 1.16
"""Of a character that the font lacks, as a share of its size: matplotlib draws a box of 1.15, other fonts up to 1."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@lru_cache(maxsize=2)
def _font(bold: bool) -> FT2Font:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    # one of our own: matplotlib sets the size of those that it shares
    font = FT2Font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    font.set_size(100, 72)
    return font


@lru_cache(maxsize=4096)
def _advance(character: str, bold: bool) -> float:
    """Of a character, as a share of the font's size."""
    from matplotlib.ft2font import LoadFlags

    if unicodedata.combining(character):
        return 0.0
    font = _font(bold)
    if not font.get_char_index(ord(character)):
        return LACKED
    return float(font.load_char(ord(character), flags=LoadFlags.NO_HINTING).linearHoriAdvance) / 6_553_600


def breadth(text: str, size: float = SMALL, bold: bool = False) -> float:
    """Points that a line of text takes."""
    return HINTED * size * sum(_advance(character, bold) for character in text)


def shortened(text: str, room: int = LONGEST) -> str:
    """A name of so many characters (a wide one counts twice): of a longer one the middle goes, since the ends tell
    checkpoints apart.

    Examples:
        >>> shortened("a tokenizer of mine, epoch 120", 17)
        'a tokeni…poch 120'
    """
    text = clean(text)
    if width(text) <= room:
        return text
    end = cut(text[::-1], room // 2 + 1)[:-1][::-1].lstrip()
    return cut(text, room - width(end)).removesuffix(ELLIPSIS).rstrip() + ELLIPSIS + end


def apart(labels: Iterable[str], room: int = LONGEST) -> Mapping[str, str]:
    """label -> what stands in a figure; those that come out alike are numbered."""
    taken: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        name, number = shortened(label, room) or "(no name)", 1
        while name in taken.values():
            number += 1
            name = shortened(label, room - len(f" ({number})")) + f" ({number})"
        taken[label] = name
    return taken


def fitted(text: str, room: float, size: float = SMALL, bold: bool = False) -> str:
    """Text in as many lines as it takes at ``room`` points a line: broken at spaces and hyphens, else anywhere."""
    lines: list[str] = []
    line = ""
    for word in _words(clean(text).strip()):
        if breadth(line + word.rstrip(), size, bold) <= room:
            line += word
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = word.lstrip()
        while line and breadth(line.rstrip(), size, bold) > room:
            fits = 1
            while fits < len(line) and breadth(line[: fits + 1], size, bold) <= room:
                fits += 1
            lines.append(line[:fits])
            line = line[fits:]
    return "\n".join([*lines, line.rstrip()] if line.strip() else lines or [""])


def _words(text: str) -> Sequence[str]:
    """Text in parts after which a line may end."""
    parts: list[str] = []
    for character in text:
        if parts and not (parts[-1][-1] in " -" and character not in " -"):
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def broadest(text: str, size: float = SMALL, bold: bool = False) -> float:
    """Points that the broadest line of a text takes."""
    return max(breadth(line, size, bold) for line in text.split("\n"))
