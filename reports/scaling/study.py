"""From stored runs to an analysis of each task: which metric, which runs may stand in one law, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence

from harness.contracts import ShownTask
from harness.errors import UserError, nearest
from reports.comparing.differences import shared_cases
from reports.comparing.ranking import FAILED_LIMIT, protocol_groups
from reports.reading.runs import Run, Stored, read_stored
from reports.scaling.analysis import fits_of, predictions_of
from reports.scaling.trainings import Training, families, is_scaled, one_stage, trainings
from reports.scaling.values import Analysis
from reports.tables.cells import column_for


def study(stored: Stored, metric: str = "", task: str = "") -> list[Analysis]:
    """One analysis for each task (or the ``task`` asked for) whose leading metric (or ``metric``) was measured of
    checkpoints that took different compute. Raises UserError where there is none, with what is missing."""
    tasks = _asked(stored, task)
    every = {item.metric for name in tasks for run in stored.of_task(name) for item in run.estimates}
    if metric and metric not in every:
        raise UserError(f"no run here measured '{metric}'{nearest(metric, every)}")
    found = [one for name in tasks if (one := _of_task(stored, name, metric)) is not None]
    if not found:
        raise UserError(_why_nothing([run for name in tasks for run in stored.of_task(name)], metric))
    return found


def _asked(stored: Stored, task: str) -> list[str]:
    if not task:
        return list(stored.tasks)
    name = task.replace("@", "-")
    if name not in stored.tasks:
        raise UserError(f"no run here is of task '{task}'{nearest(name, stored.tasks)}")
    return [name]


def _why_nothing(runs: Sequence[Run], metric: str) -> str:
    if not any(isinstance(run.cost.get("training"), dict) for run in runs):
        return (
            "no run here states what its model's training took: run checkpoints of 'ddtbench train mllm', or write "
            "non_embedding_parameters, tokens_seen and training_flops into their card.json"
        )
    said = f" of '{metric}'" if metric else ""
    return f"no two checkpoints here took different compute, so there is no curve{said}: run further sizes or shares"


def _of_task(stored: Stored, task: str, metric: str) -> Analysis | None:
    runs, shown = stored.of_task(task), stored.shown(task)
    for name in (metric,) if metric else _leading(runs, shown):
        kept, notes = _comparable(runs, name)
        found = trainings(kept, name)
        if is_scaled(found):
            return _analysis(task, name, kept, found, notes)
    return None


def _leading(runs: Sequence[Run], shown: ShownTask) -> Sequence[str]:
    """The task's headline metrics, or, where it states none, its metrics in their order."""
    return shown.headline or tuple(dict.fromkeys(item.metric for run in runs for item in run.estimates))


def _comparable(runs: Sequence[Run], metric: str) -> tuple[list[Run], list[str]]:
    """The runs whose numbers share one protocol and set of cases, and a note for each that may not stand beside
    them."""
    notes = []
    held = [run for run in runs if not run.control]
    failing = [run for run in held if run.failed_share > FAILED_LIMIT]
    notes += [f"left out: {run.label}: more than 1 % of its cases failed" for run in failing]
    rest = [run for run in held if run not in failing]
    lacking = [run.label for run in rest if (item := run.estimate(metric)) is None or item.value is None]
    if lacking:
        notes.append(f"left out: {', '.join(lacking)}: not measured by {metric}")
    groups = protocol_groups(rest, metric)
    if len(groups) > 1:
        kept = [run for run in rest if run.key in groups[0].keys]
        others = [run for run in rest for group in groups[1:] if run.key in group.keys]
        common, ours, theirs = shared_cases(kept[0], others[0], metric)
        plural = "s" * (len(others) != 1)
        notes.append(
            f"left out: {len(others)} run{plural} of another protocol or set of cases than the {len(kept)} that are "
            f"shown; the first, {others[0].label}, has {theirs:,} cases, {common:,} of them among the {ours:,} here"
        )
        rest = kept
    return rest, notes


def _analysis(task: str, metric: str, runs: Sequence[Run], found: Sequence[Training], notes: Sequence[str]) -> Analysis:
    column = column_for(metric, runs)
    stated = [item for run in runs if (item := run.estimate(metric)) is not None]
    loss = all(item.direction == "lower" for item in stated) and all(one.value.y > 0 for one in found)
    fitted = fits_of(found) if loss else []
    more = []
    for family in families(found):
        own = [one for one in found if one.family == family]
        kept = one_stage(own)
        if len(kept) < len(own):
            more.append(f"left out: {len(own) - len(kept)} of {family}, which are not of stage '{kept[0].stage}'")
    return Analysis(
        task,
        metric,
        column.label,
        column.unit,
        column.direction,
        loss,
        tuple(found),
        tuple(fitted),
        tuple(predictions_of(fitted)),
        (*notes, *more),
    )


def read_runs(root: str, suite: str | None = None) -> Stored:
    """The runs under the root. Raises UserError where there is none that can be read, with the first reason."""
    stored = read_stored(root, suite)
    if stored.runs:
        return stored
    if stored.problems:
        first = stored.problems[0]
        raise UserError(f"no run under '{root}' can be read; the first, {first.where}: {first.reason}")
    raise UserError(f"no runs under '{root}': name the folder that 'ddtbench run ... --out FOLDER' wrote")
