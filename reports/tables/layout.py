"""Text in columns of a terminal: widths as they are seen, no control characters, lines that fit."""

from __future__ import annotations

import re
import textwrap
import unicodedata


def clean(text: str) -> str:
    """Without control characters: a name from a file must not steer the terminal."""
    return "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)


def width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in clean(text)
    )


def cut(text: str, room: int) -> str:
    text = clean(text)
    if width(text) <= room:
        return text
    while text and width(text) > room - 1:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}"


def left(text: str, room: int) -> str:
    text = cut(text, room)
    return text + " " * (room - width(text))


def right(text: str, room: int) -> str:
    text = cut(text, room)
    return " " * (room - width(text)) + text


def folded(text: str, room: int) -> list[str]:
    """A name in as many lines as it takes, none of it cut: at spaces and hyphens, else wherever the room ends."""
    lines, line = [], ""
    for word in re.findall(r"[^\s-]+-*|-+|\s+", clean(text).strip()):
        while width(line + word.rstrip()) > room:
            if line.strip():
                lines.append(line.rstrip())
                line, word = "", word.lstrip()
                continue
            fits = next(count for count in range(len(word), 0, -1) if width(word[:count]) <= max(room, 2))
            lines.append(word[:fits])
            word = word[fits:]
        line += word
    return [*lines, line.rstrip()] if line.strip() else lines or [""]


def wrapped(text: str, room: int, indent: str = "") -> list[str]:
    return textwrap.wrap(clean(text), room, subsequent_indent=indent, break_long_words=True)
