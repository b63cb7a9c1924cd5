"""What a report may say in words: sentences made from the estimates, and nothing that the data do not separate."""

from __future__ import annotations

from collections.abc import Sequence

from reports.tables.table import Table, leading

COLUMNS_PER_TASK = 3


def title(tables: Sequence[Table]) -> str:
    """What was compared: the models by name, or how many there are."""
    models = _models(tables)
    if not models:
        return f"{_count(len(_controls(tables)), 'control')} measured"
    return f"{_join(models)} compared" if 1 < len(models) <= 4 else f"{_count(len(models), 'model')} measured"


def lede(tables: Sequence[Table], headline: Table | None = None) -> str:
    """One paragraph: how much was compared, and who leads and who cannot be told apart: over all tasks by the headline,
    where there is one, else task by task."""
    groups = ((_models(tables), "model"), (_controls(tables), "control"))
    compared = " and ".join(_count(len(names), thing) for names, thing in groups if names)
    cases = sum(table.cases for table in tables)
    opening = f"{compared} on {_count(len(tables), 'task')}, {cases:,} cases in all."
    if headline is not None:
        return f"{opening} {overall(headline)}".strip()
    return " ".join([opening, *(sentence for table in tables if (sentence := finding(table)))])


def overall(headline: Table) -> str:
    """Who is alone in front in which columns of the headline, and in which the data separate nobody from the best."""
    leads: dict[str, list[str]] = {}
    shared = []
    for place, column in enumerate(headline.columns):
        name = f"{column.group} ({column.label})"
        marks = {row.label: row.cells[place].mark for row in headline.models if row.cells[place].mark}
        if "tied" in marks.values():
            shared.append(name)
        for label, mark in marks.items():
            if mark == "best":
                leads.setdefault(label, []).append(name)
    parts = [f"{label} leads in {_join(names)}" for label, names in leads.items()]
    parts += [f"in {_join(shared)} the data do not tell those in front apart"] if shared else []
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def finding(table: Table) -> str:
    """One sentence on a task from its leading columns in which somebody was ranked; '' where nobody was."""
    clauses: dict[tuple[str, str], list[str]] = {}
    for place in leading(table):
        column = table.columns[place]
        best = [row.label for row in table.models if row.cells[place].mark == "best"]
        mixed = any(row.cells[place].protocol for row in table.rows)
        if not best or mixed or column.kind == "cost":
            continue
        tied = [row.label for row in table.models if row.cells[place].mark == "tied"]
        clauses.setdefault((_join(best), _join(tied)), []).append(_value(table, place))
        if sum(len(values) for values in clauses.values()) == COLUMNS_PER_TASK:
            break
    parts = []
    for (best_names, tied_names), values in clauses.items():
        if tied_names:
            parts.append(f"in {_join(values)} the data do not separate {best_names} from {tied_names}")
        else:
            parts.append(f"{best_names} {'lead' if ' and ' in best_names else 'leads'} in {_join(values)}")
    return f"On {table.task}, {'; '.join(parts)}." if parts else ""


def _value(table: Table, place: int) -> str:
    """``PSNR (24.13 dB [24.01, 24.25])``."""
    column = table.columns[place]
    cell = next(row.cells[place] for row in table.models if row.cells[place].mark == "best")
    words = [cell.text, column.unit, cell.interval]
    return f"{column.label} ({' '.join(word for word in words if word)})"


def _models(tables: Sequence[Table]) -> list[str]:
    return list(dict.fromkeys(row.label for table in tables for row in table.models))


def _controls(tables: Sequence[Table]) -> list[str]:
    return list(dict.fromkeys(row.label for table in tables for row in table.controls))


def warnings(table: Table) -> list[str]:
    """Signs that a measurement is wrong: a model above the identity, or below the mean colour, in PSNR."""
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
            found.append(
                f"{row.label} has a higher PSNR than the identity, which returns the image: a measurement is wrong."
            )
        if flat is not None and flat.value is not None and cell.value < flat.value:
            found.append(
                f"{row.label} has a lower PSNR than one mean colour: it does worse than not looking at the image."
            )
    return found


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""
