"""The answer of a report in a line: who leads on how many measures, and on how many the data cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

from reports.page.outcomes import Outcome, leads, outcomes_of
from reports.tables.table import Table

NAMED, MOST_NAMES = 3, 6
CANNOT = "the data cannot tell"


def answers(tables: Sequence[Table], headlines: Sequence[Table] = ()) -> list[str]:
    """The answer in a line, then one for each further headline, whose models are others: who leads on how many of its
    measures, and on how many the data cannot tell. Without headlines: over the main measures of all tasks."""
    compared = [(table, models_of([table])) for table in headlines]
    if not any(models for _, models in compared):
        outcomes = [one for table in tables for one in outcomes_of(table)]
        return [_answer(models_of(tables), controls_of(tables), outcomes)]
    compared.sort(key=lambda item: len(item[1]) < 2)  # a model alone is no answer where there is another
    (first, models), *others = compared
    said = [_answer(models, [], outcomes_of(first))]
    for table, models in others:
        text = _answer(models, [], outcomes_of(table))
        if len(models) > 1:
            text = f"Of {counted(len(models), 'other model')}, {_uncapital(text, models)}"
        said += [text] if models else []
    return said


def title(tables: Sequence[Table], headlines: Sequence[Table] = ()) -> str:
    """The answer, as the title of the page."""
    return answers(tables, headlines)[0]


def _answer(models: Sequence[str], controls: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    if not models:
        return f"{counted(len(controls), 'control')} measured, no model"
    if len(models) == 1:
        return f"{models[0]} is measured, and no other model"
    if all(one.kind == "alone" for one in outcomes):
        return f"{len(models):,} models are measured, and no two are compared on any measure"
    if len(outcomes) == 1:
        return _of_one(outcomes[0])
    return _of_many(outcomes)


def _of_many(outcomes: Sequence[Outcome]) -> str:
    """The first count that is named says of how many."""
    total, leaders = len(outcomes), leads(outcomes)
    counts = [(f"{label} leads", len(led)) for label, led in leaders[:1]]
    counts += [(label, len(led)) for label, led in leaders[1:NAMED]]
    if rest := leaders[NAMED:]:
        counts.append((counted(len(rest), "other"), sum(len(led) for _, led in rest)))
    first = [f"{who} {_on(number, total, not place)}" for place, (who, number) in enumerate(counts)]
    kinds = (("open", CANNOT), ("unranked", "the best is not ranked"), ("alone", "no two are compared"))
    numbers = [(sum(one.kind == kind for one in outcomes), words) for kind, words in kinds]
    then = [
        f"{_on(number, total, not counts and not place)} {words}"
        for place, (number, words) in enumerate(item for item in numbers if item[0])
    ]
    if counts:
        return "; ".join(filter(None, [", ".join(first), ", ".join(then)]))
    return (
        f"{_capital(then[0])} who leads"
        if then[0].endswith(CANNOT) and len(then) == 1
        else f"Nobody leads: {', '.join(then)}"
    )


def _on(number: int, total: int, told: bool) -> str:
    """``on 3 of 8 measures``; where that was told before ``on 3``."""
    if not told:
        return f"on {number:,}"
    return f"on all {total:,} measures" if number == total else f"on {number:,} of {total:,} measures"


def _of_one(only: Outcome) -> str:
    where = "" if only.column.group else f" on {only.table.task}"
    if only.kind == "led":
        return f"{only.front[0].label} leads in {only.name}{where}"
    if only.kind == "unranked":
        return f"{only.front[0].label} has the best {only.name}{where} and is not ranked"
    return f"In {only.name}{where} {CANNOT} who leads"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _uncapital(text: str, names: Sequence[str]) -> str:
    """To go on with; a name stays as it is."""
    return text if text.startswith(tuple(names)) else text[0].lower() + text[1:]


def models_of(tables: Sequence[Table]) -> list[str]:
    """Their names, each once."""
    return list(dict.fromkeys(row.label for table in tables for row in table.models))


def controls_of(tables: Sequence[Table]) -> list[str]:
    """Their names, each once."""
    return list(dict.fromkeys(row.label for table in tables for row in table.controls))


def counted(number: int, thing: str) -> str:
    """``1 task``, ``12 tasks``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def some(names: Sequence[str]) -> str:
    """The first few by name."""
    few = names if len(names) <= MOST_NAMES else [*names[:NAMED], f"{len(names) - NAMED:,} others"]
    return joined(few)


def joined(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""
