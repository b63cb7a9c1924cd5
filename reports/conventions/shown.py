"""Conventions in a terminal, in Markdown and in CSV: one row a convention, one column a run, the spread below."""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from harness.conventions import Convention
from reports.conventions.rescored import Rescored
from reports.conventions.tables import ConventionsTable
from reports.tables.formats import letters, markdown_text, spreadsheet_safe
from reports.tables.layout import folded, left, right, width, wrapped
from reports.tables.numbers import ABSENT, fixed, plain

DEFAULT_WIDTH, NARROWEST = 100, 60
GAP, RULE = "  ", "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
SPREAD = "spread"
CSV_HEADER = ("task", "model", "convention", "group", "label", "evaluators", "value", "unit", "absent")
DRAWN = (
    "Stored pictures are 8-bit. What scores floats, or truncates them, is shown values that are drawn within half a "
    "level of the stored ones."
)


def to_text(tables: Sequence[ConventionsTable], room: int | None = None) -> str:
    """At most ``room`` columns wide (default: the terminal's, or 100)."""
    room = max(NARROWEST, room or shutil.get_terminal_size((DEFAULT_WIDTH, 40)).columns)
    parts = ["\n".join(_block(table, room)) for table in tables]
    return "\n\n".join([*parts, "\n".join(wrapped(DRAWN, room))]) + "\n"


def to_markdown(tables: Sequence[ConventionsTable]) -> str:
    """A table for each task; evaluators below it."""
    made = []
    for table in tables:
        named = _letters(table)
        made += [f"### {markdown_text(f'{table.known.title}, {table.task}')}", ""]
        made += ["| convention | by | " + " | ".join(map(markdown_text, table.labels)) + " |"]
        made += ["|:--|:--|" + "--:|" * len(table.labels)]
        reasons: list[str] = []
        for row in _rows(table, named, reasons):
            name = f"*{row.label}*" if row.label == SPREAD else markdown_text(row.label)
            cells = row.cells or ("",) * len(table.labels)
            made.append(f"| {name if row.cells else f'**{name}**'} | {row.by} | " + " | ".join(cells) + " |")
        made += ["", *(f"- ({place}) {markdown_text(reason)}" for place, reason in enumerate(reasons, 1))]
        made += [f"- ({letter}) {markdown_text(about)}" for letter, about in _evaluators(table, named)] + [""]
    return "\n".join([*made, DRAWN]) + "\n"


def to_csv(tables: Sequence[ConventionsTable]) -> str:
    """A line for each run and convention, with every digit."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for table in tables:
        for label, row in zip(table.labels, table.cells, strict=True):
            for item in row:
                way = item.way
                value = "" if item.value is None else repr(item.value)
                told = [table.task, label, way.name, way.group, way.label, "|".join(way.evaluators), value, way.unit]
                writer.writerow([spreadsheet_safe(text) for text in (*told, item.absent)])
    return buffer.getvalue()


def _block(table: ConventionsTable, room: int) -> list[str]:
    named = _letters(table)
    reasons: list[str] = []
    pictures = " to ".join(f"{count:,}" for count in dict.fromkeys((min(table.counts), max(table.counts))))
    lines = wrapped(f"{table.known.title} \N{MIDDLE DOT} {table.task} \N{MIDDLE DOT} {pictures} pictures", room)
    rows = _rows(table, named, reasons)
    sizes = [
        max(width(name), *(width(row.cells[n]) for row in rows if row.cells)) for n, name in enumerate(table.labels)
    ]
    by = max(width("by"), *(width(row.by) for row in rows))
    values = sum(size + len(GAP) for size in sizes)
    first = min(max(width(row.label) for row in rows), max(24, room - by - len(GAP) - values))
    for shown in _fitting(sizes, room - first - by - len(GAP)):
        wide = first + by + len(GAP) + sum(sizes[n] + len(GAP) for n in shown)
        head = [right(table.labels[n], sizes[n]) for n in shown]
        lines += ["", GAP.join([left("convention", first), left("by", by), *head]).rstrip()]
        for row in rows:
            if not row.cells:  # the head of a group
                lines.append(f"{row.label} {RULE * max(0, min(room, wide) - width(row.label) - 1)}")
                continue
            begun, *rest = folded(row.label, first - 2)
            cells = [right(row.cells[n], sizes[n]) for n in shown]
            lines.append(GAP.join([left(begun, first), left(row.by, by), *cells]).rstrip())
            lines += [f"  {text}" for text in rest]
    told = [f"({n}) not measured: {reason}" for n, reason in enumerate(reasons, 1)]
    told += [f"({letter}) {about}" for letter, about in _evaluators(table, named)]
    return [*lines, "", *(line for text in told for line in wrapped(text, room, "    "))]


@dataclass(frozen=True)
class _Row:
    """The head of a group has no cells."""

    label: str
    by: str = ""
    cells: tuple[str, ...] = ()


def _rows(table: ConventionsTable, named: dict[str, str], reasons: list[str]) -> list[_Row]:
    """Groups with their conventions, and how far apart these are."""
    found = []
    for group in _groups(table):
        found.append(_Row(group))
        for place in _places(table, group):
            way = table.known.ways[place]
            cells = tuple(_cell(row[place], reasons) for row in table.cells)
            found.append(_Row(way.label, _by(way, named), cells))
        spread = tuple(_spread(table, group, n) for n in range(len(table.labels)))
        if any(spread):
            found.append(_Row(SPREAD, "", spread))
    return found


def _fitting(sizes: Sequence[int], room: int) -> list[range]:
    """Columns side by side as far as there is room, the others below."""
    found, start = [], 0
    while start < len(sizes):
        stop, used = start, 0
        while stop < len(sizes) and (stop == start or used + sizes[stop] + len(GAP) <= room):
            used += sizes[stop] + len(GAP)
            stop += 1
        found.append(range(start, stop))
        start = stop
    return found


def _groups(table: ConventionsTable) -> list[str]:
    return list(dict.fromkeys(way.group for way in table.known.ways))


def _places(table: ConventionsTable, group: str) -> list[int]:
    return [place for place, way in enumerate(table.known.ways) if way.group == group]


def _letters(table: ConventionsTable) -> dict[str, str]:
    used = dict.fromkeys(key for way in table.known.ways for key in way.evaluators)
    return {key: letters([place]) for place, key in enumerate(used, 1)}


def _evaluators(table: ConventionsTable, named: dict[str, str]) -> list[tuple[str, str]]:
    known = {one.key: one for one in table.known.evaluators}
    told = ((letter, known[key]) for key, letter in named.items())
    return [(letter, one.about + (f" ({one.commit})" if one.commit else "")) for letter, one in told]


def _by(way: Convention, named: dict[str, str]) -> str:
    return ",".join(named[key] for key in way.evaluators)


def _cell(item: Rescored, reasons: list[str]) -> str:
    """The value, or the number of the reason why there is none."""
    if item.value is None:
        if item.absent not in reasons:
            reasons.append(item.absent)
        return f"{ABSENT} ({reasons.index(item.absent) + 1})"
    return _number(item.value, item.way)


def _number(value: float, way: Convention) -> str:
    if not math.isfinite(value):
        return plain(value)
    if way.unit == "dB":
        return fixed(value, 2)
    return fixed(value, 4) if abs(value) < 1 else plain(value, 4)


def _spread(table: ConventionsTable, group: str, run: int) -> str:
    """Largest minus smallest of what was measured, where there are two or more."""
    items = [table.cells[run][place] for place in _places(table, group)]
    values = [item.value for item in items if item.value is not None and math.isfinite(item.value)]
    return _number(max(values) - min(values), items[0].way) if len(values) > 1 else ""
