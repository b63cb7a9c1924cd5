"""spec -> samples: ask a subject every case that is not stored yet, unit by unit.

A run resumes by looking at what is there: a part counts if its bytes have the digest in its name, it belongs to this
spec, and it holds at least the cases that are wanted of its unit. Everything else is made again. Only the
holder of the folder's lock removes anything; parts are stored by it, or by workers elsewhere (``engines.ray``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from harness.contracts import Case, Task
from harness.engines import Engine, Team
from harness.engines.local import Crew
from harness.environment import ENVIRONMENT, Environment, checked_record, circumstances, difference
from harness.errors import UserError
from harness.isolation import storable
from harness.jobs import Unit
from harness.progress import Progress
from harness.spec import RunSpec
from harness.store.holder import telling
from harness.store.parts import Part, metadata_of, read_part
from harness.store.run_folder import RunFolder
from harness.store.sealed_files import COST, MANIFEST
from harness.store.summary import Stored
from harness.units import AskingJob, split
from harness.watch import current


def run(
    spec: RunSpec,
    task: Task,
    open_subject: Callable[[], Any],
    folder: RunFolder,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    mixed_environment: bool = False,
    workers: int | None = 1,
    device: str = "cpu",
    training: Mapping[str, Any] | None = None,
    engine: Callable[[AskingJob], Engine] | None = None,
    crew: Team | None = None,
    retry_failed: bool = False,
) -> None:
    """Make every sample of the first ``limit`` cases that is missing, then ``cost.json`` and ``manifest.json``.

    ``device`` names the kind of device in the environment; ``open_subject`` is what opens the subject there.
    ``training`` is stored beside what the task's probe returns. ``engine`` replaces the local one. With more than one
    worker, task and ``open_subject`` are pickled; ``crew`` are workers that several runs share. One worker is this
    process, which a subject can end. ``retry_failed`` asks every unit again that holds a failed case. Raises UserError
    for a folder in use, a full disk, memory that ran out, or parts of another environment (unless
    ``mixed_environment``).
    """
    progress = progress or Progress("quiet")
    if spec.key() != folder.key:
        raise UserError(f"{folder.path} belongs to the run {folder.key}, not {spec.key()}")
    cases = _cases(task, limit)
    with folder.writing():
        _drop_damaged(folder, progress)
        stored = _stored(folder, cases, progress)
        wanted = split(cases[:limit], spec.unit_size)
        missing = [unit for unit in wanted if _is_missing(unit, stored.get(unit.name), retry_failed)]
        hands: Team = crew or Crew(workers, spec.threads, device)
        environment = Environment.current(spec.threads, device, hands.processes)
        known = {item.environment for item in stored.values()}
        if missing or (known == {environment.digest} and not folder.folder.exists(ENVIRONMENT)):
            _settle_environment(folder, environment, stored, mixed_environment)
        job = AskingJob(spec, task, open_subject, environment.digest, folder.folder.place())
        driver = engine(job) if engine else hands.engine(job, missing)
        try:
            current().rest()
            _compute(driver, missing, folder, stored, progress, sum(len(unit.cases) for unit in wanted))
            if not folder.cost():
                folder.write_cost({**driver.probe(), **({"training": dict(training)} if training else {})})
        finally:
            driver.close()
            if crew is None:
                hands.close()
        folder.write_manifest(**_summary(stored, len(cases)), results_only=False)


def _drop_damaged(folder: RunFolder, progress: Progress) -> None:
    """Small files that can be made again stop no run: a damaged one is reported and removed."""
    files: dict[str, Callable[[], Any]] = {
        MANIFEST: folder.manifest,  # the first, since it says what the others should be
        COST: folder.cost,
        ENVIRONMENT: lambda: checked_record(folder.folder.read_json(ENVIRONMENT), f"{folder.path}/{ENVIRONMENT}"),
    }
    for name, read in files.items():
        try:
            read()
        except UserError as error:
            progress.note(f"{error}; {name} is made again")
            folder.folder.remove(name)
            if name == COST:
                folder.write_cost({})  # not probed: the seal of the damaged one goes with it


def _is_missing(unit: Unit, there: Stored | None, retry_failed: bool) -> bool:
    return there is None or there.rows < len(unit.cases) or (retry_failed and bool(there.failed))


def _cases(task: Task, limit: int | None) -> Sequence[Case]:
    if limit is not None and limit < 1:
        raise UserError(f"the limit must be at least 1, not {limit}")
    cases = task.cases()
    if not cases:
        raise UserError(f"task '{task.name}' has no cases")
    ids = [case.id for case in cases]
    if len(set(ids)) != len(ids):
        twice = next(case for index, case in enumerate(ids) if case in ids[:index])
        raise UserError(f"task '{task.name}' has two cases with the id '{twice}'")
    return cases


def _stored(folder: RunFolder, cases: Sequence[Case], progress: Progress) -> dict[str, Stored]:
    """The good part of each unit. Bad ones are reported and removed, shorter doubles are removed."""
    found: dict[str, Stored] = {}
    for part in folder.parts():
        table, problem = folder.inspect(part)
        if table is not None and metadata_of(table).get("key") != folder.key:
            problem = "belongs to no run that it names"
        if problem or table is None:
            progress.note(f"{folder.path}/samples/{part.file} {problem}: it is made again")
            folder.folder.remove(f"samples/{part.file}")
            continue
        _require_same_cases(folder, part, table, cases)
        this, other = Stored.of(part, table), found.get(part.unit)
        if other:
            loser = min(this, other, key=lambda item: item.rows)
            folder.folder.remove(f"samples/{loser.part.file}")
            this = other if loser is this else this
        found[part.unit] = this
    return found


def _require_same_cases(folder: RunFolder, part: Part, table: pa.Table, cases: Sequence[Case]) -> None:
    start = int(part.unit) * folder.spec.unit_size
    expected = [storable(case.id) for case in cases[start : start + table.num_rows]]
    if table["case"].to_pylist() != expected:
        raise UserError(
            f"{folder.path}: unit {part.unit} holds other cases than task '{folder.spec.task}' has now; "
            "the data changed without a new revision: use another --out"
        )


def _settle_environment(
    folder: RunFolder, now: Environment, stored: Mapping[str, Stored], mixed_environment: bool
) -> None:
    """Refuse to go on under another environment than the stored parts', and note this one."""
    record = folder.folder.read_json(ENVIRONMENT)
    known: dict[str, Any] = record.get("environments", {})
    others = {item.environment for item in stored.values()} - {now.digest}
    if others and not mixed_environment:
        what = difference(known.get(min(others), {}), now.to_dict())
        raise UserError(
            f"{folder.path} was started in another environment ({what}): continue in that one, "
            "allow it with --mixed-environment (the estimates are marked), or use another --out"
        )
    known = {**known, now.digest: now.to_dict()}
    runs = [*record.get("runs", []), {"environment": now.digest, **circumstances()}]
    folder.folder.write_json(ENVIRONMENT, {**record, "schema": 1, "environments": known, "runs": runs})


def _compute(
    driver: Engine,
    missing: Sequence[Unit],
    folder: RunFolder,
    stored: dict[str, Stored],
    progress: Progress,
    asked: int,
) -> None:
    todo = sum(len(unit.cases) for unit in missing)
    label = f"{folder.spec.model} on {folder.spec.task}"
    if not todo:
        return
    if todo < asked:
        progress.note(f"{label}: {asked - todo} of {asked} cases are already there")
    made: list[Stored] = []
    with progress.stage(label, todo, telling(folder.folder.tell, "asking", asked - todo)) as stage:
        for unit, result in driver.compute(missing, stage.advance):
            part = folder.keep(unit.name, result)
            known = result if isinstance(result, Stored) else Stored.of(part, read_part(result, part.file))
            stored[unit.name] = known
            made.append(stored[unit.name])
    failed = [pair for item in made for pair in item.failed]
    if failed:
        case, reason = min(failed)
        progress.note(f"{label}: {len(failed)} of {todo} cases failed, for example '{case}': {reason}")


def _summary(stored: Mapping[str, Stored], total: int) -> dict[str, Any]:
    units = [stored[name] for name in sorted(stored, key=int)]
    rows = sum(item.rows for item in units)
    return {
        "cases": total,
        "stored": rows,
        "failed": sum(len(item.failed) for item in units),
        "complete": rows == total,
        "mixed_environment": len({item.environment for item in units}) > 1,
        "parts": [item.part.file for item in units],
    }
