"""What a report may say in words below its title: sentences made from the estimates, and nothing that the data do not
separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.comparing.differences import difference, unlike
from reports.page.answer import controls_of, counted, joined, models_of, some
from reports.page.outcomes import Outcome, leads, outcomes_of
from reports.tables.numbers import show
from reports.tables.table import Row, Table, leading

COLUMNS_PER_TASK = 3
NAMED_MEASURES, TOLD_TASKS, MOST_MARGINS = 6, 4, 12


@dataclass(frozen=True)
class Margin:
    """By how much a leader leads: ``gap`` with its interval, over the one who follows, in a measure."""

    leader: Row
    measure: str
    gap: str
    second: str


def lede(tables: Sequence[Table], headlines: Sequence[Table] = ()) -> str:
    """One paragraph: how much was compared, and where nobody leads: over all tasks by the headlines, where there are
    some, else a finding task by task."""
    groups = ((models_of(tables), "model"), (controls_of(tables), "control"))
    compared = " and ".join(counted(len(names), thing) for names, thing in groups if names)
    cases = sum(table.cases for table in tables)
    opening = f"{compared} on {counted(len(tables), 'task')}, {cases:,} cases in all."
    if headlines:
        return " ".join([opening, *_nobody([one for table in headlines for one in outcomes_of(table)])])
    sentences = [sentence for table in tables if (sentence := finding(table))]
    more = [f"{counted(len(sentences) - TOLD_TASKS, 'more task')} below."] if len(sentences) > TOLD_TASKS else []
    return " ".join([opening, *sentences[:TOLD_TASKS], *more])


def margins(headlines: Sequence[Table]) -> list[Margin]:
    """By how much whoever is alone in front is ahead of the next, leader by leader."""
    outcomes = [one for table in headlines for one in outcomes_of(table)]
    return [
        Margin(one.front[0], one.name, gap_of(one), one.second.label if one.second else "")
        for _, led in leads(outcomes)
        for one in led
    ][:MOST_MARGINS]


def _nobody(outcomes: Sequence[Outcome]) -> list[str]:
    """Sentences: where nobody leads, and whose best value does not count."""
    said = []
    if names := _grouped([one for one in outcomes if one.kind == "open"]):
        said.append(f"In {joined(names)} the data do not tell those in front apart.")
    said += [
        f"In {one.name} {one.front[0].label} has the best value and is not ranked, since too many of its cases failed."
        for one in outcomes
        if one.kind == "unranked"
    ]
    return said


def gap_of(one: Outcome) -> str:
    """``0.33 [0.23, 0.43]``: how far the leader is ahead of the next in the measure's own unit, paired, positive for
    the better; "" where there is no interval."""
    if one.second is None:
        return ""
    first, second = one.front[0].run_in(one.place), one.second.run_in(one.place)
    if unlike(first, second, one.column.name):
        return ""
    found = difference(first, second, one.column.name)
    if found is None or found.low is None or found.high is None:
        return ""
    ends = (found.low, found.high) if one.column.direction == "higher" else (-found.high, -found.low)
    value, interval = show(abs(found.value), *ends)
    return " ".join(word for word in (value, one.column.unit, interval) if word)


def _grouped(outcomes: Sequence[Outcome]) -> list[str]:
    """``editing (instruction done and L1)``: the measures of a task together, the first few by name."""
    found: dict[str, list[str]] = {}
    for one in outcomes[:NAMED_MEASURES]:
        found.setdefault(one.column.group, []).append(one.column.label)
    names = [text for group, labels in found.items() for text in ([f"{group} ({joined(labels)})"] if group else labels)]
    more = len(outcomes) - NAMED_MEASURES
    return [*names, counted(more, "more measure")] if more > 0 else names


def finding(table: Table, named: bool = True) -> str:
    """One sentence on a task from its leading columns in which somebody was ranked; '' where nobody was. ``named``:
    with the task's name."""
    clauses: dict[tuple[str, str], list[str]] = {}
    for place in leading(table):
        column = table.columns[place]
        best = [row.label for row in table.models if row.cells[place].mark == "best"]
        mixed = any(row.cells[place].protocol for row in table.rows)
        if not best or mixed or column.kind == "cost":
            continue
        tied = [row.label for row in table.models if row.cells[place].mark == "tied"]
        clauses.setdefault((some(best), some(tied)), []).append(_value(table, place))
        if sum(len(values) for values in clauses.values()) == COLUMNS_PER_TASK:
            break
    parts = []
    for (best_names, tied_names), values in clauses.items():
        if tied_names:
            parts.append(f"in {joined(values)} the data do not separate {best_names} from {tied_names}")
        else:
            parts.append(f"{best_names} {'lead' if ' and ' in best_names else 'leads'} in {joined(values)}")
    text = "; ".join(parts)
    if named:
        return f"On {table.task}, {text}." if text else ""
    return f"{'In' + text[2:] if text.startswith('in ') else text}." if text else ""


def _value(table: Table, place: int) -> str:
    """``PSNR (24.13 dB [24.01, 24.25])``."""
    column = table.columns[place]
    cell = next(row.cells[place] for row in table.models if row.cells[place].mark == "best")
    words = [cell.text, column.unit, cell.interval]
    return f"{column.label} ({' '.join(word for word in words if word)})"


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
