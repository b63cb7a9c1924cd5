"""What a report may say in words: sentences made from the estimates, and nothing that the data do not separate."""

from __future__ import annotations

from collections.abc import Sequence

from reports.comparing.differences import difference, unlike
from reports.reading.runs import Run
from reports.tables.cells import Column
from reports.tables.numbers import show
from reports.tables.table import Table, leading

COLUMNS_PER_TASK = 3


def title(tables: Sequence[Table]) -> str:
    """What was compared: the models by name, or how many there are."""
    models = _models(tables)
    if not models:
        return f"{_count(len(_controls(tables)), 'control')} measured"
    return f"{_join(models)} compared" if 1 < len(models) <= 4 else f"{_count(len(models), 'model')} measured"


def lede(tables: Sequence[Table], headlines: Sequence[Table] = ()) -> str:
    """One paragraph: how much was compared, and who leads and who cannot be told apart: over all tasks by the
    headlines, where there are some, else task by task."""
    groups = ((_models(tables), "model"), (_controls(tables), "control"))
    compared = " and ".join(_count(len(names), thing) for names, thing in groups if names)
    cases = sum(table.cases for table in tables)
    opening = f"{compared} on {_count(len(tables), 'task')}, {cases:,} cases in all."
    if headlines:
        return " ".join(filter(None, [opening, *map(overall, headlines), *map(leads_by, headlines)]))
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


def leads_by(headline: Table) -> str:
    """By how much whoever is alone in front is ahead of the next: paired differences in each column's own unit."""
    said = []
    for place, column in enumerate(headline.columns):
        rows = [row for row in headline.models if row.cells[place].value is not None]
        rows.sort(key=lambda row: row.cells[place].value or 0.0, reverse=column.direction == "higher")
        marked = [row for row in rows if row.cells[place].mark]
        if len(rows) < 2 or [row.cells[place].mark for row in marked] != ["best"] or rows[0] is not marked[0]:
            continue
        first, second = rows[0].run_in(place), rows[1].run_in(place)
        gap = "" if unlike(first, second, column.name) else _ahead(first, second, column)
        if gap:
            said.append(f"{column.group} ({column.label}): {gap} ahead of {rows[1].label}")
    return f"Paired differences: {'; '.join(said)}." if said else ""


def _ahead(first: Run, second: Run, column: Column) -> str:
    """``0.33 [0.23, 0.43]``, positive for the better; "" where there is no interval."""
    found = difference(first, second, column.name)
    if found is None or found.low is None or found.high is None:
        return ""
    ends = (found.low, found.high) if column.direction == "higher" else (-found.high, -found.low)
    value, interval = show(abs(found.value), *ends)
    return " ".join(word for word in (value, column.unit, interval) if word)


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
    """Signs that a measurement is wrong, by the metric that heads the task: a model better than what cannot be beaten,
    or worse than what every model should beat."""
    headline = next((row.run.shown_task.headline for row in table.rows if row.run.shown_task.headline), ())
    place = table.column(headline[0]) if headline else None
    if place is None:
        return []
    column, found = table.columns[place], []
    sign = -1 if column.direction == "lower" else 1
    for role, relation, what in (("ceiling", 1, "better"), ("floor", -1, "worse")):
        for control in (row for row in table.controls if row.run.shown_model.role == role):
            bound = control.cells[place].value
            for row in table.models:
                value = row.cells[place].value
                if bound is None or value is None or relation * sign * (value - bound) <= 0:
                    continue
                found.append(
                    f"{row.label} is {what} than {control.label} by {column.label}, which "
                    + ("nothing can be" if role == "ceiling" else "no model that looks at its input should be")
                    + ": a measurement is wrong, or the model has learned nothing."
                )
    return found


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""
