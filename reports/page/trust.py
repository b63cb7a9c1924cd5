"""What was compared and how far to trust it: cases, seeds, chance, failures, and the N of metrics of sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.contracts import Estimate
from reports.page.answer import controls_of, counted, joined, models_of, some
from reports.page.outcomes import main_measures
from reports.page.provenance import environments_of
from reports.reading.runs import Run, Stored
from reports.tables.table import Row, Table

APART = ("name", "seed", "notes", "threads", "workers")
"""What recipes of one kind of training may differ in."""


@dataclass(frozen=True)
class Fact:
    """A line of it: ``figure`` in short, ``text`` in full sentences. ``warn``: it limits what may be concluded."""

    term: str
    figure: str
    text: str
    warn: bool = False


def trust(stored: Stored, tables: Sequence[Table], headlines: Sequence[Table] = ()) -> list[Fact]:
    """Every fact that the stored runs tell."""
    facts = (
        _compared(stored, tables),
        _cases(stored, tables),
        _training_seeds(stored.runs),
        _sampling_seeds(stored.runs),
        _chance(headlines or tables),
        _failures(tables),
        _sizes(tables),
        _environments(stored.runs),
    )
    return [fact for fact in facts if fact is not None]


def _compared(stored: Stored, tables: Sequence[Table]) -> Fact:
    models, controls = models_of(tables), controls_of(tables)
    named = f"{some(models)}." if models else ""
    scale = f" Controls show the scale: {some(controls)}." if controls else ""
    figure = f"{counted(len(models), 'model')} on {counted(len(tables), 'task')}"
    return Fact("compared", figure, f"{named}{scale} {counted(len(stored.runs), 'run')}.".strip())


def _cases(stored: Stored, tables: Sequence[Table]) -> Fact:
    asked = sum(table.cases for table in tables)
    held = [cases_held(stored, table) for table in tables]
    unlike = [table.task for table in tables if len(_digests(stored.of_task(table.task))) > 1]
    words = []
    if all(held) and sum(held) > asked:
        words.append(f"The tasks hold {sum(held):,}: this is a part of them.")
    elif all(held):
        words.append("These are all that the tasks hold.")
    if unlike:
        words.append(f"On {some(unlike)} the models were asked different cases: such values are not ranked together.")
    elif len(models_of(tables)) > 1:
        words.append("On each task every model was asked the same.")
    return Fact("cases", f"{asked:,}", " ".join(words), bool(unlike))


def cases_held(stored: Stored, table: Table) -> int:
    """How many cases a task has, by the runs that say so; 0 where none does."""
    return max((run.in_task for run in stored.of_task(table.task)), default=0)


def _digests(runs: Sequence[Run]) -> set[str]:
    return {run.measure.digest for run in runs if run.measure is not None}


def _training_seeds(runs: Sequence[Run]) -> Fact | None:
    models = [run for run in runs if not run.control]
    if not models:
        return None
    kinds: dict[str, set[int]] = {}
    stating: set[str] = set()
    for run in models:
        stated = run.cost.get("training")
        recipe = stated.get("recipe") if isinstance(stated, Mapping) else None
        if isinstance(recipe, Mapping) and isinstance(recipe.get("seed"), int):
            stating.add(run.subject)
            kind = {name: value for name, value in recipe.items() if name not in APART}
            kind["model"] = str(run.spec.get("model", "")).partition("@")[0]
            kinds.setdefault(json.dumps(kind, sort_keys=True, default=str), set()).add(recipe["seed"])
    silent = len({run.subject for run in models} - stating)
    if not kinds:
        return Fact("training seeds", "not stated", "No model says with which seed it was trained.", True)
    counts = sorted({len(seeds) for seeds in kinds.values()})
    figure = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    words = [f"{counted(len(kinds), 'kind')} of model, each trained with {_range(counts)}."]
    if counts[0] == 1:
        words.append("Tests compare these checkpoints: a claim about a kind of model needs several training seeds.")
    if silent:
        words.append(f"{counted(silent, 'model')} {'does' if silent == 1 else 'do'} not state a seed.")
    return Fact("training seeds", figure, " ".join(words), counts[0] == 1)


def _range(counts: Sequence[int]) -> str:
    return counted(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _sampling_seeds(runs: Sequence[Run]) -> Fact | None:
    found: dict[tuple[str, str, str], set[int]] = {}
    for run in runs:
        if not run.control:
            key = (run.subject, run.task, str(run.spec.get("checkpoint", "")))
            found.setdefault(key, set()).add(int(run.spec.get("seed", 0)))
    if not found:
        return None
    counts = sorted({len(seeds) for seeds in found.values()})
    figure = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    seeds = sorted({seed for mine in found.values() for seed in mine})
    named = f" ({', '.join(map(str, seeds))})" if len(seeds) <= 6 else ""
    said = f"Every model answered each task with {_range(counts)} of sampling{named}."
    return Fact("sampling seeds", figure, said)


def _chance(tables: Sequence[Table]) -> Fact | None:
    measures = [(table, place) for table in tables for place in main_measures(table)]
    stated, below = 0, []
    for table, place in measures:
        column = table.columns[place]
        found = [(row, item) for row in table.models if (item := row.cells[place].estimate) and item.chance is not None]
        stated += bool(found)
        name = f"{column.group or table.task} ({column.label})"
        below += [f"{row.label} in {name}" for row, item in found if not _better_than_chance(item)]
    if not measures:
        return None
    figure = f"stated for {stated:,} of {len(measures):,}"
    if not stated:
        return Fact("chance", figure, "No measure states what a model that knows nothing would reach.")
    if below:
        return Fact("chance", figure, f"Not above chance: {some(below)}.", True)
    return Fact("chance", figure, "On these measures every model is better than one that knows nothing.")


def _better_than_chance(item: Estimate) -> bool:
    """By the whole interval, where there is one."""
    if item.value is None or item.chance is None:
        return True
    if item.direction == "higher":
        return (item.value if item.low is None else item.low) > item.chance
    return (item.value if item.high is None else item.high) < item.chance


def _failures(tables: Sequence[Table]) -> Fact:
    rows = [(table, row) for table in tables for row in table.rows]
    failed, total = sum(row.failed for _, row in rows), sum(row.total for _, row in rows)
    if not failed:
        return Fact("failures", "none", f"All {total:,} answers are there.")
    out = [f"{row.label} on {table.task}" for table, row in rows if _left_out(row)]
    words = f"Of {total:,} answers {failed:,} failed. They are counted, never scored."
    if out:
        words += f" Not ranked, since more than 1 % failed: {some(out)}."
    return Fact("failures", f"{failed:,}", words, bool(out))


def _left_out(row: Row) -> bool:
    return bool(row.failed) and not row.control and not row.ranked


def _sizes(tables: Sequence[Table]) -> Fact | None:
    """By metric, every N with the tasks that have it."""
    found: dict[str, dict[str, list[str]]] = {}
    differ = []
    for table in tables:
        for column in table.columns:
            if column.direction == "none":
                continue
            for size in column.sizes:
                found.setdefault(column.label, {}).setdefault(size, []).append(table.task)
            if len(column.sizes) > 1:
                differ.append(f"{column.label} on {table.task}")
    if not found:
        return None
    by_sizes: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for label, sizes in found.items():
        by_sizes.setdefault(tuple((size, some(tasks)) for size, tasks in sizes.items()), []).append(label)
    words = ["A value of a set depends on how many pictures are in it: compare only where N is equal."]
    for where, labels in by_sizes.items():
        words.append(f"{some(labels)}: {joined([f'N = {size} on {tasks}' for size, tasks in where])}.")
    if differ:
        words.append(f"N is not the same for all models: {some(differ)}.")
    every = list(dict.fromkeys(size for sizes in found.values() for size in sizes))
    figure = f"N = {every[0]}" if len(every) == 1 else f"{len(every)} different"
    return Fact("sizes of sets", figure, " ".join(words), len(every) > 1)


def _environments(runs: Sequence[Run]) -> Fact | None:
    several = len(environments_of(runs))
    if not several:
        return None
    same = "All runs were made in one." if several == 1 else "Last digits may differ between them."
    return Fact("environments", f"{several:,}", same)
