"""The comparison in one table: models down, one or two metrics of each task across, controls and chance apart.

The p values of all its columns are corrected together (Holm). Here nobody is called best whom the paired tests do not
separate from every other: the leaders then share a mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reports.comparing.ranking import FAILED_LIMIT, rank_together
from reports.figures.style import label_of
from reports.reading.kinds import TaskKind, headline_tasks
from reports.reading.runs import Run, Stored, in_order
from reports.tables.cells import Cell, Column, Notes, chance_cell, column_for, metric_cells
from reports.tables.numbers import ABSENT
from reports.tables.table import Row, Table

FEWEST_TASKS = 2
_Key = tuple[str, str, int]


def build_headline(stored: Stored, allow_mixed: bool = False) -> Table | None:
    """The table over all tasks; None where fewer than two kinds of task were run that have a headline metric."""
    notes = Notes()
    chosen = [(kind, task, _one_each(stored.of_task(task), task, notes)) for kind, task in headline_tasks(stored.tasks)]
    if len(chosen) < FEWEST_TASKS:
        return None
    blocks = [(kind, task, runs, _metrics(kind, runs)) for kind, task, runs in chosen]
    ranking = rank_together([(runs, metrics) for _, _, runs, metrics in blocks])
    columns: list[Column] = []
    chance: list[Cell] = []
    filled: list[dict[_Key, tuple[Cell, Run]]] = []
    for kind, task, runs, metrics in blocks:
        for metric in metrics:
            column = column_for(metric, runs)
            label = "overall" if column.label == kind.title else column.label
            columns.append(replace(column, label=label, group=kind.title, task=task))
            models = [run for run in runs if not run.control] or runs
            chance.append(chance_cell([run.estimate(metric) for run in models]))
            cells = _shared_lead(metric_cells(metric, runs, ranking, notes, allow_mixed))
            filled.append({_key(run): (cell, run) for run, cell in zip(runs, cells, strict=True)})
    every = in_order([run for _, _, runs, _ in blocks for run in runs])
    keys = list(dict.fromkeys(map(_key, every)))
    rows = [_row(key, keys, [run for run in every if _key(run) == key], filled) for key in keys]
    _note_failures(blocks, notes)
    title = f"{len(blocks)} tasks side by side"
    about = "; ".join(f"{kind.title}: {_size(runs):,} cases of {task}" for kind, task, runs, _ in blocks)
    cases = sum(_size(runs) for _, _, runs, _ in blocks)
    return Table(
        "headline",
        title,
        tuple(columns),
        tuple(rows),
        tuple(notes.texts),
        cases,
        about=about,
        chance=tuple(chance),
        headline=True,
    )


def _key(run: Run) -> _Key:
    return run.subject, str(run.spec.get("checkpoint", "")), int(run.spec.get("seed", 0))


def _one_each(runs: Sequence[Run], task: str, notes: Notes) -> list[Run]:
    """One run per model, checkpoint and seed: that of most cases."""
    found: dict[_Key, Run] = {}
    for run in in_order(runs):
        other = found.get(_key(run))
        if other is not None:
            notes.number(f"{label_of(run.subject)} was run on {task} more than once: the run of most cases is shown")
        if other is None or _size([run]) > _size([other]):
            found[_key(run)] = run
    return list(found.values())


def _metrics(kind: TaskKind, runs: Sequence[Run]) -> list[str]:
    there = {item.metric for run in runs for item in run.estimates}
    return [metric for metric in kind.headline if metric in there]


def _shared_lead(cells: Sequence[Cell]) -> list[Cell]:
    """Where somebody cannot be told from the best, the best is one of those who lead."""
    if [cell.mark for cell in cells if cell.mark] in ([], ["best"]):
        return list(cells)
    return [replace(cell, mark="tied") if cell.mark == "best" else cell for cell in cells]


def _row(key: _Key, keys: Sequence[_Key], runs: Sequence[Run], filled: Sequence[dict[_Key, tuple[Cell, Run]]]) -> Row:
    first = runs[0]
    alike = [other for other in keys if other[0] == key[0]]
    by_seed = len({other[1] for other in alike}) == 1  # one checkpoint, drawn with several seeds
    twin = f" seed {key[2]}" if by_seed else f" #{first.key[:6]}"
    label = label_of(first.subject) + (twin if len(alike) > 1 else "")
    nothing = Cell(text="" if first.control else ABSENT), None
    pairs = [found.get(key, nothing) for found in filled]
    own = list({run.key: run for _, run in pairs if run is not None}.values())
    failed, total = sum(_failed(run) for run in own), sum(_size([run]) for run in own)
    cells, of_column = tuple(cell for cell, _ in pairs), tuple(run for _, run in pairs)
    return Row(first, label, first.control, not first.control, failed, total, cells, of_column)


def _note_failures(blocks: Sequence[tuple[TaskKind, str, list[Run], list[str]]], notes: Notes) -> None:
    for _, task, runs, _ in blocks:
        for run in runs:
            if not run.control and run.failed_share > FAILED_LIMIT:
                count = f"{_failed(run):,} of {_size([run]):,} cases failed, more than 1 %"
                notes.number(f"{label_of(run.subject)} is not ranked on {task}: {count}")


def _size(runs: Sequence[Run]) -> int:
    return max((item.scored + item.failed for run in runs for item in run.estimates if not item.stratum), default=0)


def _failed(run: Run) -> int:
    return max((item.failed for item in run.estimates if not item.stratum), default=len(run.failures))
