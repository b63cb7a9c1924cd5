"""A reproduction in a terminal: the table of the paper, below it runs of ours, then each number beside its published
one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from reports.reproducing.beside import Reproduction
from reports.reproducing.shown import (
    LEGEND,
    MEASURED,
    Block,
    Line,
    blocks,
    head,
    lettered,
    matters,
    measured_rows,
    not_measured,
    remarks,
)
from reports.tables.layout import folded, left, right, width, wrapped

DEFAULT_WIDTH, NARROWEST = 100, 60
GAP = "  "
INDENT = 2
LEAST = 18
"""Columns that names get at least."""
RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


def to_text(found: Reproduction, room: int | None = None) -> str:
    """At most ``room`` columns wide (default: the terminal's, or 100)."""
    room = max(NARROWEST, room or shutil.get_terminal_size((DEFAULT_WIDTH, 40)).columns)
    table = found.table
    parts = [
        "\n".join([*wrapped(f"{table.title} (ddtbench reproduce {table.name})", room), *wrapped(table.about, room)])
    ]
    parts += ["\n".join(_block(block, room, found.asked)) for block in blocks(found)]
    rows, notes = measured_rows(found)
    if rows:
        lines = _grid(MEASURED, rows, room)
        lines += [line for place, note in enumerate(notes, 1) for line in wrapped(f"({place}) {note}", room, "    ")]
        parts.append("\n".join(["measured beside published", *lines]))
    elif found.asked:
        parts.append(f"No run here is of {' or '.join(table.tasks)}: nothing was measured of this table.")
    after = [f"({letter}) {source.trust}: {source.about}" for letter, source in lettered(table)]
    parts.append(_list([*after, LEGEND], room))
    if told := remarks(found):
        parts.append(_list(told, room))
    if told := [*matters(found), *not_measured(found)]:
        parts.append(_list(told, room))
    return "\n\n".join(parts) + "\n"


def _list(lines: Sequence[str], room: int) -> str:
    return "\n".join(line for text in lines for line in wrapped(text, room, "    "))


def _block(block: Block, room: int, asked: bool) -> list[str]:
    """The rows, columns that do not fit going on below; the verdicts stand here where there is room for them, too."""
    lines = [*block.lines, *block.own]
    most = max(14, room // 3)
    first = min(max([width("model"), *(width(line.name) for line in lines)]), most)
    alike = {column.direction for column in block.columns} if len(block.columns) > 1 else set()
    heads = [column.label if len(alike) == 1 else head(column) for column in block.columns]
    sizes = [max(width(name), *(width(line.cells[n]) for line in lines)) for n, name in enumerate(heads)]
    ends = [("from", [line.sources for line in lines])]
    if asked:
        ends.append(("verdict", [line.verdict for line in lines]))
    tails = [max(width(name), *map(width, words)) for name, words in ends]
    if first + sum(sizes) + sum(tails) + 2 * (len(sizes) + len(tails)) > room:
        ends, tails = ends[:1], tails[:1]
    gap = GAP if first + sum(sizes) + tails[0] + 2 * (len(sizes) + 1) <= room else " "
    spare = room - sum(sizes) - tails[0] - len(gap) * (len(sizes) + 1)
    first = min(first, max(spare, LEAST))  # a little less for names may save a second block
    made = [block.title] if block.title else []
    if len(alike) == 1 and alike != {"none"}:
        made.append(f"{alike.pop()} is better")
    start = 0
    while start < len(sizes):
        free = room - first - sum(size + len(gap) for size in tails)
        stop = start
        while stop < len(sizes) and (stop == start or free >= sizes[stop] + len(gap)):
            free -= sizes[stop] + len(gap)
            stop += 1
        made += _part(block, heads, range(start, stop), first, sizes, list(zip(ends, tails, strict=True)), gap)
        start = stop
    return made


def _part(
    block: Block,
    heads: Sequence[str],
    shown: range,
    first: int,
    sizes: Sequence[int],
    ends: Sequence[tuple[tuple[str, list[str]], int]],
    gap: str,
) -> list[str]:
    rule = RULE * (first + sum(sizes[n] + len(gap) for n in shown) + sum(size + len(gap) for _, size in ends))
    tops = [right(heads[n], sizes[n]) for n in shown]
    tail = [left(name, size) for (name, _), size in ends]
    lines = [gap.join([left("model", first), *tops, *tail]).rstrip(), rule]

    def row(line: Line, place: int) -> list[str]:
        begun, *rest = folded(line.name, first)
        cells = [right(line.cells[n], sizes[n]) for n in shown]
        after = [left(words[place], size) for (_, words), size in ends]
        return [gap.join([left(begun, first), *cells, *after]).rstrip(), *rest]

    lines += [text for place, line in enumerate(block.lines) for text in row(line, place)]
    if block.own:
        lines += [rule, *(text for n, line in enumerate(block.own) for text in row(line, len(block.lines) + n))]
    return [*lines, rule]


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[str]:
    """A line for each number, under the name of its run."""
    sizes = [max(width(row[n]) for row in (heads, *rows)) for n in range(1, len(heads))]
    gap = GAP if INDENT + sum(sizes) + len(GAP) * (len(sizes) - 1) <= room else " "
    made = [_cells(heads, sizes, gap), RULE * min(room, INDENT + sum(sizes) + len(gap) * (len(sizes) - 1))]
    before = ""
    for row in rows:
        if row[0] != before:
            made += folded(row[0], room)
            before = row[0]
        made.append(_cells(row, sizes, gap))
    return made


def _cells(row: Sequence[str], sizes: Sequence[int], gap: str) -> str:
    """The number's name and the verdict on the left of their columns, values on the right."""
    values = [right(text, size) for text, size in zip(row[2:-1], sizes[1:-1], strict=True)]
    return (" " * INDENT + gap.join([left(row[1], sizes[0]), *values, left(row[-1], sizes[-1])])).rstrip()
