"""Every model beside a baseline: paired differences with intervals, corrected together, and what could not be compared.

``compare_runs`` is the call for notebooks; the command prints what ``compare_stored`` returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

from harness.errors import UserError, nearest
from reports.comparing.differences import difference, is_within_strata, shared_cases, unlike
from reports.comparing.models import Model, chosen, models_of
from reports.comparing.paired import holm
from reports.comparing.ranking import FAILED_LIMIT
from reports.comparing.rows import Compared, Comparison, as_dict
from reports.reading.runs import Run, Stored
from reports.reading.together import read_together

if TYPE_CHECKING:
    import pandas as pd


def compare_runs(
    runs: str | PathLike[str] | Sequence[str | PathLike[str]],
    baseline: str,
    *,
    metrics: Sequence[str] = (),
    tasks: Sequence[str] = (),
    models: Sequence[str] = (),
    suite: str | None = None,
) -> pd.DataFrame:
    """Every other model beside ``baseline``, on the same cases: one row per task, metric and model.

    ``runs``: the folder that ``run`` wrote, or several. Without ``metrics`` those that head each task, without
    ``tasks`` all that have some, without ``models`` all that are no controls. ``difference`` is the model minus the
    baseline in the metric's own unit, with its 95 % interval ``low`` and ``high``; ``effect`` is the same, positive for
    the better; ``p_holm`` is corrected over all rows; ``smallest_effect`` is 2.8 standard errors. A row that could not
    be compared has a ``note``. Raises UserError for runs, models, tasks and metrics that are not there, and where
    nothing can be compared.
    """
    import pandas as pd

    roots = [str(runs)] if isinstance(runs, str | PathLike) else [str(root) for root in runs]
    found = compare_stored(
        read_together(roots, suite), baseline, metrics=metrics, tasks=tasks, models=models, where=" and ".join(roots)
    )
    return pd.DataFrame([as_dict(row) for row in found.rows])


def compare_stored(
    stored: Stored,
    baseline: str,
    *,
    metrics: Sequence[str] = (),
    tasks: Sequence[str] = (),
    models: Sequence[str] = (),
    where: str = "these runs",
) -> Comparison:
    """As ``compare_runs``, of runs that are read. Raises UserError."""
    known = models_of(stored.runs)
    _require_whole(stored, [baseline, *models], known)
    reference = chosen(known, baseline, where)
    others = [chosen(known, name, where) for name in models] or [item for item in known if not item.control]
    others = [item for item in dict.fromkeys(others) if item != reference]
    if not others:
        raise UserError(
            f"{where} holds one model only, {reference.label}: 'ddtbench run' another on the same tasks and into the "
            f"same folder{_left_out(stored)}"
        )
    asked_tasks = _tasks(stored, reference, others, tasks, metrics, where)
    asked = {task: _metrics(stored, task, metrics) for task in asked_tasks}
    if metrics:
        _require_known(stored, asked_tasks, asked, metrics)
    rows = [
        _compared(task, metric, model, reference, explicit=bool(metrics))
        for task, names in asked.items()
        for metric in names
        for model in others
        if model.on(task) is not None
    ]
    compared = [row for row in rows if row.found is not None]
    if not compared:
        first = next((row for row in rows if row.refused), rows[0] if rows else None)
        said = "no metric heads these tasks: name one (--metric)" if first is None else f"{first.task}: {first.why}"
        raise UserError(f"nothing can be compared in {where}: {said}")
    tested = {(row.task, row.metric, row.model.label): row.found.p for row in compared if row.found is not None}
    corrected = holm({name: p for name, p in tested.items() if p is not None})
    finished = tuple(replace(row, p=corrected.get((row.task, row.metric, row.model.label))) for row in rows)
    return Comparison(reference, finished, len(corrected), where, _notes(finished), stored.problems)


def _require_whole(stored: Stored, names: Sequence[str], known: Sequence[Model]) -> None:
    """Raise UserError for a model that is named and of which nothing could be read, with the reason."""
    there = {name.casefold() for model in known for name in model.names}
    for name in names:
        for item in stored.problems:
            folders = item.where.casefold().split("/")
            if name.casefold() in folders and name.casefold() not in there:
                raise UserError(f"'{name}' cannot be used: {item.where}: {item.reason}")


def _left_out(stored: Stored) -> str:
    """What could not be read, behind an error that it may explain."""
    if not stored.problems:
        return ""
    first, more = stored.problems[0], len(stored.problems) - 1
    return f" (left out: {first.where}: {first.reason}{f', and {more} more' if more else ''})"


# ------------------------------------------------------------------------------------------------ what is compared


def _tasks(
    stored: Stored, reference: Model, others: Sequence[Model], asked: Sequence[str], metrics: Sequence[str], where: str
) -> list[str]:
    """The tasks that the baseline and another model answered: those asked, else those that a metric heads; of these,
    else of all, those that have one of ``metrics``."""
    wanted = [name.replace("@", "-") for name in asked]
    for name, task in zip(asked, wanted, strict=True):
        if task not in stored.tasks:
            raise UserError(f"there is no task '{name}' in {where}{nearest(task, stored.tasks)}")
        if reference.on(task) is None:
            cure = f"name another baseline, or run it{_left_out(stored)}"
            raise UserError(f"{reference.label} was not run on {task}: {cure}")
    common = [task for task in reference.tasks if any(model.on(task) is not None for model in others)]
    if not common or (wanted and not set(wanted) & set(common)):
        of = f"{', '.join(wanted)}" if wanted else ", ".join(reference.tasks)
        cure = f"run another on the same task{_left_out(stored)}"
        raise UserError(f"{where} holds one model only of {of}, {reference.label}: {cure}")
    if wanted:
        return [task for task in dict.fromkeys(wanted) if task in common]
    heading = [task for task in common if stored.shown(task).headline]
    having = [[task for task in some if metrics and _metrics(stored, task, metrics)] for some in (heading, common)]
    chosen_tasks = having[0] or having[1] or heading or common
    return sorted(chosen_tasks, key=lambda task: (stored.shown(task).order, task))


def _metrics(stored: Stored, task: str, asked: Sequence[str]) -> list[str]:
    """Those asked that any run of the task has, by name or label; else those that head it; else all that rank."""
    runs = stored.of_task(task)
    there = list(dict.fromkeys(item.metric for run in runs for item in run.estimates if not item.stratum))
    if asked:
        labels = {run.metric(name).label.casefold(): name for run in runs for name in there}
        found = [name if name in there else labels.get(name.casefold(), "") for name in asked]
        return [name for name in dict.fromkeys(found) if name]
    heading = [name for name in stored.shown(task).headline if name in there]
    return heading or [name for name in there if _ranks(runs, name)]


def _ranks(runs: Sequence[Run], metric: str) -> bool:
    estimates = (run.estimate(metric) for run in runs)
    score = all(run.metric(metric).role == "score" for run in runs)
    return score and any(item is not None and item.direction != "none" for item in estimates)


def _require_known(stored: Stored, tasks: Sequence[str], asked: dict[str, list[str]], metrics: Sequence[str]) -> None:
    """Raise UserError for a metric that no run of these tasks has."""
    for name in metrics:
        if not any(_metrics(stored, task, [name]) for task in asked):
            there = {item.metric for task in tasks for run in stored.of_task(task) for item in run.estimates}
            raise UserError(f"no run of {', '.join(tasks)} has a metric '{name}'{nearest(name, there)}")


# ------------------------------------------------------------------------------------------------ one comparison


def _compared(task: str, metric: str, model: Model, reference: Model, explicit: bool) -> Compared:
    first, second = model.on(task), reference.on(task)
    assert first is not None and second is not None
    one, two = first.estimate(metric), second.estimate(metric)
    stated = next((item for item in (two, one) if item is not None), None)
    shown = second.metric(metric) if metric in second.shown_metrics else first.metric(metric)
    row = Compared(
        task,
        metric,
        shown.label,
        shown.unit or (stated.unit if stated else ""),
        stated.direction if stated else "none",
        model,
        reference,
        None if one is None else one.value,
        None if two is None else two.value,
    )
    for run, name in ((first, model.label), (second, reference.label)):
        if run.failed_share > FAILED_LIMIT:
            return replace(row, why=f"{name}: {_failed(run)} cases failed, more than 1 %: not compared", refused=True)
    if why := unlike(_called(first, model), _called(second, reference), metric):
        missing = row.value is None and row.reference is None
        return replace(row, why=f"{why}{_cure(row)}", refused=explicit or not missing)
    common, ours, theirs = shared_cases(first, second, metric)
    if is_within_strata(one) and one is not None and two is not None:  # cases that weigh nothing are none of its
        ours, theirs = min(ours, one.scored), min(theirs, two.scored)
        common = min(common, ours, theirs)
    found = difference(first, second, metric)
    if found is None:
        why = f"no scores of {metric} are stored to pair: 'ddtbench measure' makes them"
        return replace(row, why=why, refused=explicit)
    return replace(row, found=found, cases=common, of_cases=(ours, theirs))


def _called(run: Run, model: Model) -> Run:
    """The run under the name that its model has here."""
    return run if run.label == model.label else replace(run, subject=model.label, named=True)


def _cure(row: Compared) -> str:
    if row.value is None or row.reference is None:
        return ": measure it ('ddtbench measure'), or name other metrics (--metric)"
    return ": only equal protocols are compared; measure both with one version of data, instruments and settings"


def _failed(run: Run) -> str:
    total = max((item.scored + item.failed for item in run.estimates if not item.stratum), default=run.asked)
    failed = max((item.failed for item in run.estimates if not item.stratum), default=len(run.failures))
    return f"{failed:,} of {total:,}"


def _notes(rows: Sequence[Compared]) -> tuple[str, ...]:
    notes: dict[str, None] = {}
    for row in rows:
        if row.found is None:
            notes[f"{row.task}, {row.label}, {row.model.label}: not compared: {row.why}"] = None
        elif row.found.low is None:
            notes[f"{row.task}, {row.label}, {row.model.label}: {row.found.method}"] = None
        elif {*row.of_cases} != {row.cases} and row.cases:
            ours, theirs = row.of_cases
            notes[
                f"{row.task}: {row.model.label} and {row.baseline.label} are compared on the {row.cases:,} cases that "
                f"both have, of {ours:,} and {theirs:,}"
            ] = None
    return tuple(notes)
