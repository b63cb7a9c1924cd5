"""Names of a report's files: every file system takes them, they stay in their folder, and no two are the same."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 120
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""What Windows takes for a device, whatever ending follows."""


def file_name(text: str) -> str:
    """A name that every file system takes and that stays in its folder.

    Examples:
        >>> file_name("../../etc/passwd"), file_name("aux.html"), file_name("")
        ('etc-passwd', '_aux.html', 'unnamed')
    """
    name = re.sub(r"[^A-Za-z0-9._@+-]+", "-", text)[:LONGEST].strip(".-") or "unnamed"
    return f"_{name}" if name.partition(".")[0].lower() in RESERVED else name


def file_names(texts: Iterable[str]) -> dict[str, str]:
    """text -> its file name; those that would come out alike, capitals or not, are numbered.

    Examples:
        >>> file_names(["Quiz", "quiz", "quiz?"])
        {'Quiz': 'Quiz', 'quiz': 'quiz-2', 'quiz?': 'quiz-3'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        name, number = file_name(text), 1
        while name.lower() in taken:  # some file systems do not tell capitals
            number += 1
            name = f"{file_name(text)}-{number}"
        taken.add(name.lower())
        names[text] = name
    return names
