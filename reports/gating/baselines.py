"""``ddtbench baseline save|list``: the results of a model, kept under a name."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.command_line import Debug
from harness.errors import UserError
from reports.gating.saved import (
    INDEX,
    KEPT,
    NAME,
    RUNS,
    SCHEMA,
    Baseline,
    described,
    digest_of,
    is_saved,
    names,
    sha_of,
)
from reports.gating.saved import store as store_of_baselines
from reports.reading.runs import Run

app = typer.Typer(help="Keep runs to judge later ones against.", rich_markup_mode=None, add_completion=False)


def save(name: str, runs: str, model: str = "", replace: bool = False) -> Baseline:
    """Keep the results of one model. Raises UserError for a name that is taken, and for runs that do not hold."""
    from reports.gating.sides import read_side

    if not NAME.fullmatch(name):
        raise UserError(f"'{name}' cannot name a baseline: write letters, digits, dots, hyphens and underscores")
    if is_saved(name) and not replace:
        raise UserError(f"a baseline is called '{name}' already: use another name, or --replace")
    side = read_side(runs, model)
    unmeasured = next((run.task for run in side.runs if run.measure is None), None)
    if unmeasured or any(not run.folder.folder.exists("spec.json") for run in side.runs):
        raise UserError(f"{runs} cannot be a baseline: {unmeasured or 'a file of results'} has no measured run folder")
    folder, half = store_of_baselines() / name, store_of_baselines() / f".{name}.half"
    shutil.rmtree(half, ignore_errors=True)
    for run in side.runs:
        _copy_results(run, half / RUNS / str(run.spec["model"]) / run.task / run.key)
    files = {p.relative_to(half).as_posix(): sha_of(p) for p in sorted((half / RUNS).rglob("*")) if p.is_file()}
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "model": side.label,
        "tasks": list(side.tasks),
        "cases": sum(run.measure.size for run in side.runs if run.measure),
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
    }
    body["digest"] = digest_of(body)
    (half / INDEX).write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    half.rename(folder)
    return described(name)


def _copy_results(run: Run, to: Path) -> None:
    """As 'ddtbench prune' leaves a run: its samples are not kept, and it says so."""
    from harness.store.run_folder import RunFolder

    held = run.folder
    to.mkdir(parents=True)
    for name in (*KEPT, *held.folder.sizes("measures")):
        if held.folder.exists(name):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes(held.folder.read(name))
    failures = {} if held.results_only else {"failures": [(item.case, item.reason) for item in run.failures]}
    RunFolder.open(to).write_manifest(results_only=True, **failures)
    (to / "lock").unlink(missing_ok=True)


@app.command("save")
def save_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    runs: Annotated[str, typer.Argument(metavar="RUNS", help="A root of run folders, or one run folder.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Of several models under RUNS, this one.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="In place of the one of that name.")] = False,
    debug: Debug = False,
) -> None:
    """Keep the results of a model under a name.

    Scores and estimates are copied, with the digest of every file; samples are not.
    """
    found = save(name, runs, model, replace)
    print(f"saved: {store_of_baselines() / name} ({found.model}, {len(found.tasks)} tasks, {found.cases:,} cases)")
    print(f"\nNext: ddtbench gate CHECKPOINT --against {name}")


@app.command("list")
def list_command(debug: Debug = False) -> None:
    """List the baselines that are saved, and whether each is as it was saved."""
    found = [described(name) for name in names()]
    if not found:
        print(f"no baselines in {store_of_baselines()}: ddtbench baseline save NAME RUNS")
        return
    head = ("NAME", "MODEL", "TASKS", "CASES", "SAVED", "HOLDS?")
    rows = [
        (item.name, item.model, str(len(item.tasks)), f"{item.cases:,}", item.saved[:10], item.problem or "yes")
        for item in found
    ]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(5)]
    for row in (head, *rows):
        print("  ".join([*(f"{text:{size}}" for text, size in zip(row, widths, strict=False)), row[5]]).rstrip())
