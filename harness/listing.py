"""``ddtbench list``: the catalogue as a table, a line for each entry: its name, what it is, and whether it is ready."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence

from harness import catalog
from harness.contracts import CatalogueEntry, InstrumentEntry, Kind
from harness.errors import UserError, nearest
from harness.isolation import tried
from harness.readiness import YES, looked, readiness

PLURALS: dict[str, Kind] = {
    "models": "model",
    "tasks": "task",
    "suites": "suite",
    "metrics": "metric",
    "instruments": "instrument",
    "data": "data",
    "streams": "stream",
    "recipes": "recipe",
    "trainers": "trainer",
    "claims": "claims",
    "published": "published",
    "conventions": "conventions",
}
ABOUT: dict[str, str] = {
    "models": "what is examined: tokenizers, language models, controls",
    "tasks": "what a model is asked",
    "suites": "models and tasks that are run together",
    "metrics": "what is measured on stored samples",
    "instruments": "what looks at samples before they are measured",
    "data": "data sets that are prepared once",
    "streams": "what models learn from",
    "recipes": "how each checkpoint of the zoo is trained",
    "trainers": "what trains a recipe",
    "claims": "what a paper says, as statements that runs can answer",
    "conventions": "ways in which published programs score the same pictures",
    "published": "tables of papers, for 'ddtbench reproduce'",
}
HEAD = ("NAME", "WHAT IT IS", "READY?")
NARROWEST, GAP, INDENT = 60, 2, "  "
BOLD, FAINT, GREEN = "1", "2", "32"


def kind_named(word: str) -> Kind | None:
    """The kind that ``models`` or ``model`` names; None for another word."""
    return PLURALS.get(word) or next((kind for kind in PLURALS.values() if kind == word), None)


def list_entries(kind: str) -> tuple[CatalogueEntry, ...]:
    """The entries of ``models``, ``tasks``, ... Raises UserError for another word, with the nearest one."""
    named = kind_named(kind)
    if named is None:
        raise UserError(f"there is no list of '{kind}'{nearest(kind, PLURALS)}")
    return catalog.entries(named)


def list_text(kind: str = "", ready: bool = False) -> str:
    """The table of a kind, or of the kinds that there are. ``ready``: only what can be used here now."""
    if not kind:
        return _kinds()
    found = [(entry, readiness(entry)) for entry in list_entries(kind)]
    if not found:
        return f"no {kind} in the catalogue"
    count = sum(word == YES for _, word in found)
    shown = [(entry, word) for entry, word in found if word == YES or not ready]
    rows = [(entry.name, plain(entry.summary), word) for entry, word in shown]
    lines = table(HEAD, rows)
    if kind_named(kind) == "instrument":
        lines = [lines[0], *(line for pair in zip(lines[1:], shown, strict=True) for line in _with_places(*pair))]
    alone = " (--ready lists these alone)" if count < len(found) and not ready else ""
    return "\n".join([*lines, "", f"{count} of {len(found)} are ready here{alone}. More: ddtbench show NAME"])


def _kinds() -> str:
    rows = [(word, ABOUT[word], str(len(catalog.entries(kind)))) for word, kind in PLURALS.items()]
    lines = table(("KIND", "WHAT THEY ARE", "HOW MANY"), rows)
    return "\n".join([*lines, "", "More: ddtbench list KIND, or ddtbench show NAME"])


def _with_places(line: str, shown: tuple[CatalogueEntry, str]) -> list[str]:
    """The instrument's line, and below it where its weights were found or looked for."""
    entry, word = shown
    if not isinstance(entry, InstrumentEntry):
        return [line]
    places, _ = tried(lambda: looked(entry))  # the isolation boundary: another package's place
    if word == YES:
        words = [next(place.words for place in one if place.path) for one in places or ()]
    else:
        words = list(dict.fromkeys(place.words for one in places or () for place in one))
    words = [entry.source] if entry.source else words
    where = f"{'found' if word == YES else 'looked'} in {', '.join(words)}" if words else ""
    return [line, *(faint(text) for text in wrapped(where, INDENT))]


# ------------------------------------------------------------------------------------------------ text of a width


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines no wider than the terminal; the middle column is cut, the last one says ``yes`` or why not."""
    first, last = (max(len(row[place]) for row in (head, *rows)) for place in (0, -1))
    middle = max(12, width() - first - last - 2 * GAP)
    lines = []
    for row in (head, *rows):
        text = f"{row[0]:{first + GAP}}{cut(row[1], middle):{middle + GAP}}"
        style = GREEN if row[2] == YES else FAINT
        lines.append(styled(f"{text}{row[2]}", BOLD) if row is head else text + styled(row[2], style))
    return lines


def wrapped(text: str, indent: str) -> list[str]:
    """Lines of the terminal's width; a command to type is not broken at its hyphens."""
    return textwrap.wrap(
        text,
        width(),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def cut(text: str, most: int) -> str:
    """The text, or its first words and ``...``."""
    if len(text) <= most:
        return text
    words = text[: most - 2].rpartition(" ")[0] or text[: most - 3]
    return f"{words.rstrip(' ,;:(')[: most - 3]}..."


def plain(text: str) -> str:
    """In one line."""
    return " ".join(text.split())


def faint(text: str) -> str:
    """Drawn back, on a terminal."""
    return styled(text, FAINT)


def styled(text: str, style: str) -> str:
    """With colours where there is a terminal that shows them (``NO_COLOR`` turns them off)."""
    shows = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\033[{style}m{text}\033[0m" if shows else text
