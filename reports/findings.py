"""What a report may say in words: sentences made from the estimates, and nothing that the data do not separate."""

from __future__ import annotations

from collections.abc import Sequence

from reports.formats import cell_text
from reports.tables import Row, Table, leading

SENTENCES_PER_TASK = 3


def lede(tables: Sequence[Table], suite: str = "") -> str:
    """One paragraph: how much was compared, and per task what leads and what cannot be told apart."""
    models = list(dict.fromkeys(row.label for table in tables for row in table.models))
    controls = list(dict.fromkeys(row.label for table in tables for row in table.controls))
    compared = _count(len(models), "model")
    if controls:
        compared += f" and {_count(len(controls), 'control')}"
    cases = sum(table.cases for table in tables)
    opening = f"{compared} on {_count(len(tables), 'task')}, {cases:,} cases in all{f' (suite {suite})' if suite else ''}."
    return " ".join([opening[0].upper() + opening[1:], *(sentence for table in tables for sentence in findings(table))])


def findings(table: Table) -> list[str]:
    """At most three sentences on a task: its leading columns, in which somebody could be ranked."""
    found = []
    for place in leading(table):
        column = table.columns[place]
        best = [row for row in table.models if row.cells[place].mark == "best"]
        if not best or column.kind == "cost" or any(row.cells[place].protocol for row in table.rows):
            continue
        tied = [row for row in table.models if row.cells[place].mark == "tied"]
        found.append(_sentence(table, place, best, tied))
        if len(found) == SENTENCES_PER_TASK:
            break
    if found:
        return [f"On {table.task}: {found[0]}", *found[1:]]
    return [f"On {table.task} no model is ranked against another."] if len(table.models) > 1 else []


def _sentence(table: Table, place: int, best: Sequence[Row], tied: Sequence[Row]) -> str:
    column = table.columns[place]
    word = "highest" if column.direction == "higher" else "lowest"
    value = cell_text(best[0].cells[place]).split(" (")[0] + (f" {column.unit}" if column.unit else "")
    if len(best) > 1:
        return f"{_join([row.label for row in best])} share the {word} {column.label}, {value}."
    others = [row for row in table.models if row.ranked and row.cells[place].value is not None and row not in best]
    if not tied:
        apart = "all others" if len(others) > 1 else _join([row.label for row in others])
        return f"{best[0].label} has the {word} {column.label}, {value}, and is separable from {apart}."
    names = _join([row.label for row in tied])
    return f"{best[0].label} has the {word} {column.label}, {value}, which the data do not separate from {names}."


def warnings(table: Table) -> list[str]:
    """Signs that something is wrong with the measurement: a model above the identity, or below the mean colour, in PSNR."""
    place = table.column("psnr")
    if place is None:
        return []
    found = []
    by_name = {row.run.subject: row.cells[place] for row in table.rows}
    identity, flat = by_name.get("identity"), by_name.get("mean-colour")
    for row in table.models:
        cell = row.cells[place]
        if cell.value is None:
            continue
        if identity is not None and identity.value is not None and cell.value > identity.value:
            found.append(f"{row.label} has a higher PSNR than the identity, which returns the image itself: a measurement is wrong.")
        if flat is not None and flat.value is not None and cell.value < flat.value:
            found.append(f"{row.label} has a lower PSNR than a picture of one mean colour: it keeps less than nothing of the layout.")
    return found


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else "nobody"
