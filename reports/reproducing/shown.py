"""A reproduction as rows of text, whatever the form of the file: the table as the paper lays it out, and below it each
number that was measured beside its published one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.contracts.published import PublishedColumn, PublishedRow, PublishedTable, Source
from reports.reproducing.beside import Beside, Reproduction
from reports.reproducing.cures import files_for
from reports.tables.cells import ARROWS
from reports.tables.formats import letters
from reports.tables.numbers import ABSENT, decimals_for, fixed, plain, show

MEASURED = ("model", "number", "published", "measured", "difference", "verdict")
TRUST = {"primary": "", "secondary": "\N{DEGREE SIGN}", "own arithmetic": "="}
LEGEND = "\N{DEGREE SIGN}: told by somebody else than the authors; =: our own arithmetic"
TINY = "Models of the zoo are tiny: their numbers say nothing about the published ones."


@dataclass(frozen=True)
class Line:
    """A row of the paper's table: its name, a cell for each column, where it is from, and what was said of it."""

    name: str
    cells: tuple[str, ...]
    sources: str
    verdict: str = ""


@dataclass(frozen=True)
class Block:
    """One group of columns with the rows that have a value in it; ``own`` are runs of ours."""

    title: str
    columns: tuple[PublishedColumn, ...]
    lines: tuple[Line, ...]
    own: tuple[Line, ...]


def blocks(found: Reproduction) -> list[Block]:
    named = source_letters(found.table)
    made = []
    for group in found.table.groups:
        columns = found.table.of_group(group)
        rows = [row for row in found.table.rows if row.group == group]
        lines = tuple(_line(row, columns, named, found) for row in rows)
        own = tuple(
            Line(
                mine.label,
                tuple(_own(mine.cells.get(column.name)) for column in columns),
                "",
                _summary([mine.cells[column.name] for column in columns if column.name in mine.cells]),
            )
            for mine in found.own
            if any(column.name in mine.cells for column in columns)
        )
        made.append(Block(group, columns, lines, own))
    return made


def source_letters(table: PublishedTable) -> dict[str, str]:
    """Key of a source -> its letter; those that no row is from have none."""
    used = dict.fromkeys(source.key for row in table.rows for source in row.sources)
    return {key: letters([place]) for place, key in enumerate(used, 1)}


def lettered(table: PublishedTable) -> list[tuple[str, Source]]:
    known = {source.key: source for source in table.sources}
    return [(letter, known[key]) for key, letter in source_letters(table).items()]


def head(column: PublishedColumn) -> str:
    """``rFID`` with its arrow, and the unit where there is one."""
    return " ".join(word for word in (column.label, ARROWS[column.direction]) if word)


def _line(row: PublishedRow, columns: Sequence[PublishedColumn], named: dict[str, str], found: Reproduction) -> Line:
    cells = tuple(row.values[column.name].text if column.name in row.values else ABSENT for column in columns)
    where = ",".join(named[source.key] for source in row.sources) + TRUST[row.trust]
    return Line(row.label, cells, where, _summary(found.of_row(row)))


def _summary(items: Sequence[Beside]) -> str:
    """What was said of a row's numbers: one word where it is the same of all, else each with its count."""
    words = Counter(item.verdict.word for item in items)
    if len(words) > 1 and "not measured" in words:
        del words["not measured"]
    if len(words) == 1:
        return next(iter(words))
    return ", ".join(f"{count} {word}" for word, count in words.most_common())


def _own(item: Beside | None) -> str:
    if item is None or item.value is None:
        return ABSENT
    return show(item.value, item.low, item.high)[0]


def measured_rows(found: Reproduction) -> tuple[list[tuple[str, ...]], list[str]]:
    """(a row for each number that a run measured, or could not; what is to be known of verdicts, numbered)."""
    named = source_letters(found.table)
    notes: list[str] = []
    rows: list[tuple[str, ...]] = []
    for item in found.beside:
        if item.run is None:
            continue
        value, interval = show(item.value, item.low, item.high)
        published = ABSENT
        if item.row and item.number:
            published = f"{item.number.text} ({named[item.row.sources[0].key]})"
        rows.append(
            (
                item.label,
                item.column.label,
                published,
                f"{value} {interval}".strip(),
                _difference(item),
                item.verdict.word + _numbers(item, notes),
            )
        )
    return rows, notes


def _difference(item: Beside) -> str:
    if item.difference is None or item.value is None:
        return ABSENT
    decimals = decimals_for(item.low, item.high)
    text = plain(item.difference) if decimals is None else fixed(item.difference, decimals)
    return text if text.startswith("\N{MINUS SIGN}") else f"+{text}"


def _numbers(item: Beside, notes: list[str]) -> str:
    """The numbers of the notes on this verdict, in brackets."""
    said = [item.verdict.why] if item.verdict.why else []
    if item.verdict.unknown and item.row:
        said.append(f"UNKNOWN of the published number: {', '.join(item.verdict.unknown)}")
    for text in said:
        if text not in notes:
            notes.append(text)
    return f" ({','.join(str(notes.index(text) + 1) for text in said)})" if said else ""


def remarks(found: Reproduction) -> list[str]:
    """What the sources say of single rows, and where two of them disagree; beside runs of the rows that were
    measured."""
    named = source_letters(found.table)
    beside = [item.row for item in found.measured]
    rows = [row for row in found.table.rows if not found.asked or any(row is other for other in beside)]
    lines = [f"{row.label} ({named[row.sources[0].key]}): {row.note}" for row in rows if row.note]
    told: set[frozenset[int]] = set()
    for row in rows:
        apart: dict[int, list[str]] = {}
        others = {}
        for name in row.values:
            for other in found.table.others(row, name):
                apart.setdefault(id(other), []).append(found.table.column(name).label)
                others[id(other)] = other
        for key, names in apart.items():
            pair = frozenset((id(row), key))
            if pair not in told:
                told.add(pair)
                one, two = named[row.sources[0].key], named[others[key].sources[0].key]
                where = f"({one}) and ({two})" if one != two else f"two rows of ({one})"
                lines.append(f"{row.label}: {where} disagree in {', '.join(names)}; both stand here")
    return lines


def not_measured(found: Reproduction) -> list[str]:
    """How many numbers no run has, the commands that would measure them, and the files that these need."""
    absent = [item for item in found.beside if item.run is None and item.verdict.word == "not measured"]
    if not absent:
        return []
    total = sum(len(row.values) for row in found.table.rows)
    commands = Counter(item.verdict.why for item in absent)
    lines = [f"not measured: {len(absent)} of {total} published numbers. What would:"]
    lines += [f"{command} ({count})" for command, count in commands.most_common()]
    return lines + [f"needs {line}" for line in files_for(found.table)]


def matters(found: Reproduction) -> list[str]:
    """What is said once about the verdicts."""
    if not found.asked:
        return []
    errors = sum(1 for item in found.measured if item.row and not item.row.counted)
    lines = [
        "reproduced: within 1.96 standard errors and half a published digit, if that is within the metric's margin"
    ]
    if errors:
        lines.append(
            "The standard error of a published number is taken to be 0 where its source allows none, as of "
            f"{'all' if errors == sum(1 for item in found.measured if item.row) else errors} here"
        )
    return [*lines, TINY] if found.own else lines
