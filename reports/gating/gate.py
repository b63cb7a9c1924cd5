"""Run a checkpoint on a suite, and the baseline where it is not stored, and judge it; or say what so many cases decide.

BASELINE is a saved name, else run folders, else a model that is run too. Of a stored one the tasks of the suite count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.commands import outline, run_suite, suite_for
from harness.errors import UserError, nearest
from harness.outline import Outline
from harness.places import without_folders
from harness.plan import expand_model
from harness.spec import SuiteSpec, path_safe
from reports.gating.judge import Judgement, judge_sides
from reports.gating.policy import Policy
from reports.gating.saved import is_saved, names
from reports.gating.sides import Side, read_side
from reports.reading.runs import Run, read_stored


@dataclass(frozen=True)
class Asked:
    """What the command was given."""

    checkpoint: str
    against: str
    suite: str = "gate"
    limit: int | None = None
    seed: int | None = None
    out: str = "runs"
    workers: int | None = 1
    device: str = "cpu"

    def spec(self, model: str) -> SuiteSpec:
        """The suite of one model. Raises UserError for a glob of several checkpoints."""
        if len(found := expand_model(model)) > 1:
            raise UserError(f"'{model}' is {len(found)} checkpoints, and a gate judges one: name it")
        suite = suite_for(self.suite, models=[model], limit=self.limit, seed=self.seed)
        if len(suite.drawn_with) > 1:
            raise UserError(f"suite '{suite.name}' has {len(suite.drawn_with)} seeds, and a gate judges one: --seed 0")
        return suite


def run_of_task(side: Side, task: str) -> Run | None:
    """The run that was asked for as ``task``, an argument after ``@`` included."""
    names = {task, task.replace("@", "-"), path_safe(task), without_folders(task)}
    return next((run for run in side.runs if run.task in names or _request(run) in names), None)


def _request(run: Run) -> str:
    try:
        return str(run.folder.manifest().get("protocol", {}).get("request", {}).get("task", ""))
    except UserError:
        return ""


def stored_baseline(asked: Asked) -> Side | None:
    """The baseline where it is stored, only the tasks of the suite; None where it is a model to be run.

    Raises UserError for what is none of them.
    """
    if is_saved(asked.against) or Path(asked.against).exists() or "://" in asked.against:
        side = read_side(asked.against, option="")
        tasks = asked.spec(asked.checkpoint).tasks
        kept = tuple(run for task in tasks if (run := run_of_task(side, task)) is not None)
        if not kept:
            raise UserError(f"{asked.against} holds none of {', '.join(tasks)}: run the suite on it first")
        return replace(side, runs=kept)
    from harness import catalog

    models = {entry.name for entry in catalog.entries("model")}
    if catalog.split_name(asked.against)[0] not in models:
        close = nearest(asked.against, models | set(names()))
        raise UserError(f"'{asked.against}' is neither a saved baseline nor a run folder nor a model{close}")
    return None


def judged(asked: Asked, policy: Policy) -> tuple[Judgement, list[str]]:
    """The judgement, and a line for each thing that could not be run. Everything that can be wrong with the request is
    found before anything is run."""
    ours = asked.spec(asked.checkpoint)
    old = stored_baseline(asked)
    theirs = asked.spec(asked.against) if old is None else None
    failed: list[str] = []
    new = _run(ours, asked, failed)
    if theirs is not None:
        old = _run(theirs, asked, failed)
    assert old is not None
    return judge_sides(new, old, policy), failed


def _run(suite: SuiteSpec, asked: Asked, failed: list[str]) -> Side:
    """Run it, and read what it has stored on the cases that it asked."""
    workers, device = asked.workers, asked.device
    frame = run_suite(suite, asked.out, workers=workers, device=device, failed=failed)
    keys = set(map(tuple, frame[["model", "task", "key"]].drop_duplicates().values.tolist()))
    stored = read_stored(asked.out)
    runs = [run for run in stored.runs if (str(run.spec["model"]), run.task, run.key) in keys]
    for problem in stored.problems:
        if any(problem.where.startswith("/".join(key)) for key in keys):
            raise UserError(f"{asked.out}/{problem.where}: {problem.reason}")
    return Side(runs[0].label if runs else suite.models[0], tuple(map(_as_measured_last, runs)), (), suite.models[0])


def _as_measured_last(run: Run) -> Run:
    """On the cases that were asked just now, whatever else is stored of it."""
    last = run.folder.measured()
    asked = next((item for item in run.measures if item.digest == last), run.measure)
    return replace(run, measures=(asked,) if asked else (), measure=asked)


def planned(asked: Asked, policy: Policy) -> str:
    """What each metric can decide with so many cases, as a table; nothing is run or opened."""
    from harness.listing import width
    from reports.gating.plan import Planned, counted, plan_lines, plan_rows

    suite = asked.spec(asked.checkpoint)
    old = stored_baseline(asked)
    outlined: Outline = outline(suite, asked.out)
    outlined.require_all()
    rows: list[Planned] = []
    for run in outlined.runs:
        before = run_of_task(old, run.request.task) if old else None
        cases = counted(run.request.task, run.request.limit) if run.cases is None else run.cases
        rows += plan_rows(run.request.task, cases, before, policy)
    lines: Sequence[str] = plan_lines(asked.checkpoint, asked.against, rows, width())
    return "\n".join(lines)
