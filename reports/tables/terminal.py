"""The table that a terminal shows: one block per task, models down, as many columns as fit the width."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from reports.comparing.seeds import build_seeds_table
from reports.reading.runs import Stored, read_stored
from reports.tables.cells import Cell, Column
from reports.tables.formats import BEST, TIED, letters
from reports.tables.headline import build_headlines
from reports.tables.layout import clean, cut, folded, left, right, width, wrapped
from reports.tables.overview import headline_lines
from reports.tables.table import Row, Table, build_table, is_empty, leading, row_notes

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
        none = "No run here can be shown:" if stored.problems else "No runs here yet: `ddtbench run demo` makes some."
        return "\n".join(wrapped(none, room) + _problems(stored, room)) + "\n"
    blocks = [headline_lines(table, room) for table in build_headlines(stored)]
    for task in stored.tasks:
        blocks.append(_block(build_table(task, stored.of_task(task)), room))
        over_seeds = build_seeds_table(task, stored.of_task(task))
        if over_seeds is not None:
            blocks.append(_block(over_seeds, room))
    parts = ["\n".join(block) for block in blocks]
    parts.append("\n".join(wrapped(LEGEND, room) + _problems(stored, room)))
    return "\n\n".join(parts) + "\n"


def _problems(stored: Stored, room: int) -> list[str]:
    return [line for item in stored.problems for line in wrapped(f"not shown: {item.where}: {item.reason}", room, "  ")]


def _block(table: Table, room: int) -> list[str]:
    """Title, header, rule, models, rule, controls, and what to know."""
    names = ["model", *(row.label for row in table.rows)]
    first = min(max(width(name) for name in names), max(14, room // 4))
    shown, widths = _fitting(table, room - first)
    rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * (first + sum(widths) + len(GAP) * len(shown))
    part = f", {table.part}" if table.part else ""
    lines = [cut(f"{clean(table.task)}{part} \N{MIDDLE DOT} {table.cases:,} cases", room)]
    lines += wrapped(table.about, room)
    lines.append(rule)
    lines += _header(table, shown, widths, first)
    lines.append(rule)
    lines += [line for row in table.models for line in _lines(row, shown, widths, first)]
    if any(table.chance[place].text for place in shown if table.chance):
        cells = [right(table.chance[place].text, size) for place, size in zip(shown, widths, strict=True)]
        lines.append((left("chance", first) + GAP + GAP.join(cells)).rstrip())
    if table.controls and table.models:
        lines.append(rule)
    lines += [line for row in table.controls for line in _lines(row, shown, widths, first)]
    lines.append(rule)
    return lines + _remarks(table, shown, room)


def _remarks(table: Table, shown: Sequence[int], room: int) -> list[str]:
    """Failures, reasons for what is absent, and the columns for which there was no room."""
    lines = []
    for row in table.rows:
        if row.failed and (row.ranked or row.control):  # of the others a note says it
            lines += wrapped(f"{row.label}: {row.failed:,} of {row.total:,} cases failed", room, "  ")
    for note in row_notes(table):
        lines += wrapped(note, room, "  ")
    used = _notes_of(table, shown)
    hidden = [place for place in range(len(table.columns)) if place not in shown]
    unsaid = _notes_of(table, [place for place in hidden if is_empty(table, place)]) - used
    for number, note in enumerate(table.notes, 1):
        if number in used:
            lines += wrapped(f"({letters([number])}) {note}", room, "  ")
        elif number in unsaid:
            lines += wrapped(note, room, "  ")
    if table.controls:
        lines += wrapped("below the second rule: controls, which are not ranked", room) if table.models else []
    left = [table.columns[place] for place in hidden if not is_empty(table, place)]
    labels = [column.label for column in table.columns]
    # where two columns have one label (training), their units tell them apart
    also = [f"{column.label} ({column.unit})" if labels.count(column.label) > 1 else column.label for column in left]
    if also:
        lines += wrapped("in the report also: " + ", ".join(also), room, "  ")
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
    head = max(width(part) for part in _head(table.columns[place]))
    shown = [_cell(row.cells[place]) for row in table.rows] + [cell.text for cell in table.chance[place : place + 1]]
    return max([head, *map(width, shown)])


def _head(column: Column) -> tuple[str, str]:
    unit = column.unit or ""
    return clean(column.label), clean(f"{unit} {column.arrow}".strip())


def _header(table: Table, shown: Sequence[int], widths: Sequence[int], first: int) -> list[str]:
    lines = []
    for level in (0, 1):
        name = "model" if level == 0 else ""
        cells = [right(_head(table.columns[place])[level], size) for place, size in zip(shown, widths, strict=True)]
        lines.append((left(name, first) + GAP + GAP.join(cells)).rstrip())
    return lines


def _lines(row: Row, shown: Sequence[int], widths: Sequence[int], first: int) -> list[str]:
    """A long name goes on below, so that two that begin alike are told apart."""
    cells = [right(_cell(row.cells[place]), size) for place, size in zip(shown, widths, strict=True)]
    begun, *rest = folded(row.label, first)
    return [(left(begun, first) + GAP + GAP.join(cells)).rstrip(), *rest]


def _cell(cell: Cell) -> str:
    """Marks stand right after the value, padded so that numbers of a column stay aligned."""
    mark = {"best": BEST, "tied": TIED, "": " "}[cell.mark]
    text = f"{cell.text}{mark}" if cell.interval or cell.mark else cell.text
    parts = [text, cell.interval, cell.bound.replace(" ", "") if cell.bound else "", cell.protocol]
    notes = f"({letters(cell.notes)})" if cell.notes else ""
    return " ".join(part for part in (*parts, notes) if part)
