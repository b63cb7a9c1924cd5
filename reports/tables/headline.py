"""The comparison in one table: models down, one or two metrics of each task across, controls and chance apart.

The p values of all its columns are corrected together (Holm). Here nobody is called best whom the paired tests do not
separate from every other: the leaders then share a mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.contracts import ShownTask
from reports.comparing.ranking import FAILED_LIMIT, rank_together
from reports.reading.runs import Run, Stored, in_order
from reports.tables.cells import Cell, Column, Notes, chance_cell, column_for, metric_cells
from reports.tables.numbers import ABSENT
from reports.tables.table import Row, Table

FEWEST_TASKS = 2
_Key = tuple[str, str, int]


def build_headlines(stored: Stored, allow_mixed: bool = False) -> list[Table]:
    """A table for each set of tasks that were put to the same models, none where fewer than two tasks stand in any.

    Language models and tokenizers answer no task in common, so that one table of both would be half empty.
    """
    chosen = headline_tasks(stored)
    if len(chosen) < FEWEST_TASKS:
        return []
    sets = _asked_together(stored, [task for _, task in chosen])
    return [
        _headline(stored, [(shown, task) for shown, task in chosen if task in tasks], place, allow_mixed)
        for place, tasks in enumerate(sets)
    ]


def headline_tasks(stored: Stored) -> list[tuple[ShownTask, str]]:
    """(how it is shown, task) of every task that heads a comparison, in the order that they state; of tasks of one
    title the first."""
    known = [(stored.shown(task), task) for task in sorted(stored.tasks)]
    heading = [(shown, task) for shown, task in known if shown.headline and _there(stored, shown, task)]
    found: dict[str, tuple[ShownTask, str]] = {}
    for shown, task in sorted(heading, key=lambda item: (item[0].order, item[1])):
        found.setdefault(shown.title, (shown, task))
    return list(found.values())


def _there(stored: Stored, shown: ShownTask, task: str) -> bool:
    return bool(_metrics(shown, stored.of_task(task)))


def _asked_together(stored: Stored, tasks: Sequence[str]) -> list[set[str]]:
    """Tasks that share a model which is no control, directly or through others; in the order of the first of each."""
    sets: list[tuple[set[str], set[str]]] = []
    for task in tasks:
        runs = stored.of_task(task)
        mine = {run.subject for run in runs if not run.control} or {run.subject for run in runs}
        joined = [item for item in sets if item[1] & mine]
        merged = {task}.union(*(names for names, _ in joined)), mine.union(*(models for _, models in joined))
        place = sets.index(joined[0]) if joined else len(sets)
        sets = [item for item in sets if item not in joined]
        sets.insert(place, merged)
    return [names for names, _ in sets]


def _headline(stored: Stored, chosen: Sequence[tuple[ShownTask, str]], place: int, allow_mixed: bool) -> Table:
    notes = Notes()
    blocks = [
        (shown, task, runs, _metrics(shown, runs))
        for shown, task in chosen
        for runs in [_one_each(stored.of_task(task), task, notes)]
    ]
    ranking = rank_together([(runs, metrics) for _, _, runs, metrics in blocks])
    columns: list[Column] = []
    chance: list[Cell] = []
    filled: list[dict[_Key, tuple[Cell, Run]]] = []
    for shown, task, runs, metrics in blocks:
        for metric in metrics:
            column = column_for(metric, runs)
            label = "overall" if column.label == shown.title else column.label
            columns.append(replace(column, label=label, group=shown.title, task=task))
            models = [run for run in runs if not run.control] or runs
            chance.append(chance_cell([run.estimate(metric) for run in models]))
            cells = _shared_lead(metric_cells(metric, runs, ranking, notes, allow_mixed))
            filled.append({_key(run): (cell, run) for run, cell in zip(runs, cells, strict=True)})
    every = in_order([run for _, _, runs, _ in blocks for run in runs])
    keys = list(dict.fromkeys(map(_key, every)))
    rows = [_row(key, keys, [run for run in every if _key(run) == key], filled) for key in keys]
    _note_failures(blocks, notes)
    about = "; ".join(f"{shown.title}: {_size(runs):,} cases of {task}" for shown, task, runs, _ in blocks)
    return Table(
        "headline" if not place else f"headline-{place + 1}",
        f"{len(blocks)} tasks side by side" if len(blocks) > 1 else blocks[0][0].title,
        tuple(columns),
        tuple(rows),
        tuple(notes.texts),
        sum(_size(runs) for _, _, runs, _ in blocks),
        about=about,
        chance=tuple(chance) if any(cell.text for cell in chance) else (),
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
            notes.number(f"{run.label} was run on {task} more than once: the run of most cases is shown")
        if other is None or _size([run]) > _size([other]):
            found[_key(run)] = run
    return list(found.values())


def _metrics(shown: ShownTask, runs: Sequence[Run]) -> list[str]:
    there = {item.metric for run in runs for item in run.estimates}
    return [metric for metric in shown.headline if metric in there]


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
    label = first.label + (twin if len(alike) > 1 else "")
    nothing = Cell(text="" if first.control else ABSENT), None
    pairs = [found.get(key, nothing) for found in filled]
    own = list({run.key: run for _, run in pairs if run is not None}.values())
    failed, total = sum(_failed(run) for run in own), sum(_size([run]) for run in own)
    cells, of_column = tuple(cell for cell, _ in pairs), tuple(run for _, run in pairs)
    return Row(first, label, first.control, not first.control, failed, total, cells, of_column)


def _note_failures(blocks: Sequence[tuple[ShownTask, str, list[Run], list[str]]], notes: Notes) -> None:
    for _, task, runs, _ in blocks:
        for run in runs:
            if not run.control and run.failed_share > FAILED_LIMIT:
                count = f"{_failed(run):,} of {_size([run]):,} cases failed, more than 1 %"
                notes.number(f"{run.label} is not ranked on {task}: {count}")


def _size(runs: Sequence[Run]) -> int:
    return max((item.scored + item.failed for run in runs for item in run.estimates if not item.stratum), default=0)


def _failed(run: Run) -> int:
    return max((item.failed for item in run.estimates if not item.stratum), default=len(run.failures))
