"""The table that a terminal shows: one block per task, models down, as many columns as fit the width."""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Sequence

from reports.cells import Cell, Column
from reports.formats import BEST, TIED, letters
from reports.read import Stored, read_stored
from reports.tables import Row, Table, build_table, is_empty, leading, row_notes

DEFAULT_WIDTH = 100
NARROWEST = 40
GAP = "  "
LEGEND = (
    "[95 % interval]   * best   \N{DAGGER} not separable from the best   "
    "\N{GREATER-THAN OR EQUAL TO}\N{LESS-THAN OR EQUAL TO} if failures counted wrong   "
    "tests compare these checkpoints, not kinds of tokenizers"
)


def summary_text(runs_root: str, suite: str | None = None, width: int | None = None) -> str:
    """The comparison as plain text, at most ``width`` columns wide (default: the terminal's, or 100).

    Raises UserError for a suite that was not run under the root.
    """
    return text_of(read_stored(runs_root, suite), width)


def text_of(stored: Stored, width: int | None = None) -> str:
    """As ``summary_text``, from runs that are already read."""
    room = max(NARROWEST, width or shutil.get_terminal_size((DEFAULT_WIDTH, 40)).columns)
    if not stored.runs:
        lines = ["No runs here yet: `ddtbench run demo` makes some."]
        return "\n".join(_wrapped(lines[0], room) + _problems(stored, room)) + "\n"
    blocks = [_block(build_table(task, stored.of_task(task)), room) for task in stored.tasks]
    parts = ["\n".join(block) for block in blocks]
    parts.append("\n".join(_wrapped(LEGEND, room) + _problems(stored, room)))
    return "\n\n".join(parts) + "\n"


def _problems(stored: Stored, room: int) -> list[str]:
    return [
        line for item in stored.problems for line in _wrapped(f"cannot read {item.where}: {item.reason}", room, "  ")
    ]


def _block(table: Table, room: int) -> list[str]:
    """Title, header, rule, models, rule, controls, and what to know."""
    names = ["model", *(row.label for row in table.rows)]
    first = min(max(_width(name) for name in names), max(12, room // 4))
    shown, widths = _fitting(table, room - first)
    rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * (first + sum(widths) + len(GAP) * len(shown))
    lines = [_cut(f"{_clean(table.task)} \N{MIDDLE DOT} {table.cases:,} cases", room)]
    lines += _wrapped(table.about, room)
    lines.append(rule)
    lines += _header(table, shown, widths, first)
    lines.append(rule)
    lines += [_line(row, shown, widths, first) for row in table.models]
    if table.controls and table.models:
        lines.append(rule)
    lines += [_line(row, shown, widths, first) for row in table.controls]
    lines.append(rule)
    return lines + _remarks(table, shown, room)


def _remarks(table: Table, shown: Sequence[int], room: int) -> list[str]:
    """Failures, reasons for what is absent, and the columns for which there was no room."""
    lines = []
    for row in table.rows:
        if row.failed and (row.ranked or row.control):  # of the others a note says it
            lines += _wrapped(f"{row.label}: {row.failed:,} of {row.total:,} cases failed", room, "  ")
    for note in row_notes(table):
        lines += _wrapped(note, room, "  ")
    used = _notes_of(table, shown)
    left = [place for place in range(len(table.columns)) if place not in shown]
    unsaid = _notes_of(table, [place for place in left if is_empty(table, place)]) - used
    for number, note in enumerate(table.notes, 1):
        if number in used:
            lines += _wrapped(f"({letters([number])}) {note}", room, "  ")
        elif number in unsaid:
            lines += _wrapped(note, room, "  ")
    if table.controls:
        lines += _wrapped("below the second rule: controls, which are not ranked", room) if table.models else []
    also = [table.columns[place].label for place in left if not is_empty(table, place)]
    if also:
        lines += _wrapped("in the report also: " + ", ".join(also), room, "  ")
    return lines


def _notes_of(table: Table, places: Sequence[int]) -> set[int]:
    return {number for row in table.rows for place in places for number in row.cells[place].notes}


def _fitting(table: Table, room: int) -> tuple[list[int], list[int]]:
    """The most important columns that fit, in table order, with their widths. At least one, however narrow."""
    chosen: list[int] = []
    used = 0
    for place in leading(table):
        need = _column_width(table, place) + len(GAP)
        if used + need <= room or not chosen:
            chosen.append(place)
            used += need
    chosen.sort()
    return chosen, [min(_column_width(table, place), room - len(GAP)) for place in chosen]


def _column_width(table: Table, place: int) -> int:
    head = max(_width(part) for part in _head(table.columns[place]))
    return max([head, *(_width(_cell(row.cells[place])) for row in table.rows)])


def _head(column: Column) -> tuple[str, str]:
    unit = column.unit or ""
    return _clean(column.label), _clean(f"{unit} {column.arrow}".strip())


def _header(table: Table, shown: Sequence[int], widths: Sequence[int], first: int) -> list[str]:
    lines = []
    for level in (0, 1):
        name = "model" if level == 0 else ""
        cells = [_right(_head(table.columns[place])[level], width) for place, width in zip(shown, widths, strict=True)]
        lines.append((_left(name, first) + GAP + GAP.join(cells)).rstrip())
    return lines


def _line(row: Row, shown: Sequence[int], widths: Sequence[int], first: int) -> str:
    cells = [_right(_cell(row.cells[place]), width) for place, width in zip(shown, widths, strict=True)]
    return (_left(row.label, first) + GAP + GAP.join(cells)).rstrip()


def _cell(cell: Cell) -> str:
    """Marks stand right after the value, padded so that numbers of a column stay aligned."""
    mark = {"best": BEST, "tied": TIED, "": " "}[cell.mark]
    text = f"{cell.text}{mark}" if cell.interval or cell.mark else cell.text
    parts = [text, cell.interval, cell.bound.replace(" ", "") if cell.bound else "", cell.protocol]
    notes = f"({letters(cell.notes)})" if cell.notes else ""
    return " ".join(part for part in (*parts, notes) if part)


def _clean(text: str) -> str:
    """Without control characters: a name from a file must not steer the terminal."""
    return "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in _clean(text)
    )


def _cut(text: str, room: int) -> str:
    text = _clean(text)
    if _width(text) <= room:
        return text
    while text and _width(text) > room - 1:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}"


def _left(text: str, room: int) -> str:
    text = _cut(text, room)
    return text + " " * (room - _width(text))


def _right(text: str, room: int) -> str:
    text = _cut(text, room)
    return " " * (room - _width(text)) + text


def _wrapped(text: str, room: int, indent: str = "") -> list[str]:
    return textwrap.wrap(_clean(text), room, subsequent_indent=indent, break_long_words=True)
