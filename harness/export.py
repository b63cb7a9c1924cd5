"""``ddtbench export``: a run as the files of a program that is not ours.

What a task's runs can be written as stands in its line of the catalogue (``TaskEntry.exports``); pictures as plain PNG
folders (``png``) come of every run that stored some. A folder is written beside its place and moved there whole.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import catalog
from harness.contracts import Sample, TaskEntry
from harness.errors import UserError
from harness.images import encode_png
from harness.paths import user_path
from harness.places import places_of
from harness.store.run_folder import RunFolder, find_run_folders

PNG = "png"
CASES = "cases.jsonl"


@dataclass(frozen=True)
class StoredRun:
    """A run to be written: its folder, what follows the ``@`` of its task, and how many cases were asked for last."""

    folder: RunFolder
    argument: str
    limit: int | None

    def samples(self) -> Iterator[Sample]:
        """The cases that were asked for, in order, failed ones among them."""
        for unit in self.folder.samples(self.limit):
            yield from unit


Writer = Callable[[StoredRun, Path], str]
"""Writes a run into an empty folder; returns one line that says what was written and what was not."""


def export_run(run: str, to: Path | str, form: str = "") -> str:
    """Write a run (its folder, or one that holds no other) into the folder ``to`` and say what was written.

    ``form`` is one of the task's own forms or ``png``; "" is the task's first, else ``png``. Raises UserError for a
    folder that is not empty, an unknown form, and a run that has nothing of that form, that was not finished, or that
    has a part which is damaged, missing or another run's.
    """
    folder = _only_run(run)
    total = folder.manifest().get("cases")
    if not isinstance(total, int):
        raise UserError(f"{folder.path} was never finished: repeat the command that started it")
    entry, argument, limit = _asked(folder)
    write = _writer(entry, folder, form)
    target = user_path(to)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            f"{target} is not empty: name a new folder, since a stray file would be read as part of the run"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}.building-", dir=target.parent))
    except OSError as error:
        raise UserError(f"cannot write beside {target}: {error.strerror or error}") from error
    try:
        said = write(StoredRun(folder, argument, limit), building)
        asked = len(folder.cases(limit))
        building.chmod(0o755)
        os.replace(building, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return said if asked == total else f"{said}; {asked:,} of the task's {total:,} cases were asked"


def _only_run(run: str) -> RunFolder:
    found = find_run_folders(run)
    if len(found) > 1:
        some = ", ".join(folder.path for folder in found[:3])
        raise UserError(f"{run} holds {len(found)} runs: name the folder of one of them, for example {some}")
    return found[0]


def _asked(folder: RunFolder) -> tuple[TaskEntry | None, str, int | None]:
    """(the task's entry, what follows its ``@``, the limit), as the run states; of a run that does not, by its name."""
    request = folder.manifest().get("protocol", {}).get("request", {})
    tasks = {entry.name: entry for entry in catalog.entries("task")}
    task = str(request.get("task", ""))
    name, argument = catalog.split_name(places_of(folder.key).get(task, task))
    if name in tasks:
        return tasks[name], argument, request.get("limit")
    stored = folder.spec.task
    known = [task for task in tasks if stored == task or stored.startswith(f"{task}-")]
    if not known:  # another package's, which is not installed here
        return None, "", None
    longest = max(known, key=len)
    return tasks[longest], stored.removeprefix(longest).removeprefix("-"), None


def _writer(entry: TaskEntry | None, folder: RunFolder, form: str) -> Writer:
    forms = dict(entry.exports) if entry else {}
    chosen = form or next(iter(forms), PNG)
    if chosen == PNG:
        return write_pictures
    if chosen not in forms:
        known = ", ".join([*forms, PNG])
        raise UserError(f"a run of {folder.spec.task} is not written as '{chosen}'; it can be: {known}")
    writer: Writer = catalog.load(forms[chosen], f"export '{chosen}' of task '{entry.name if entry else ''}'")
    return writer


def write_pictures(run: StoredRun, folder: Path) -> str:
    """``NAME/NNNNNN.png`` for each picture that the cases hold (``output``, ``reference`` ...), numbered by case, so
    that the folders pair by file name; ``cases.jsonl`` says which case a number is, and which failed."""
    counts: dict[str, int] = {}
    failed = cases = 0
    with (folder / CASES).open("w", encoding="utf-8") as index:
        for number, sample in enumerate(run.samples()):
            cases += 1
            failed += sample.outcome != "ok"
            for name, picture in sample.images.items():
                if name not in counts:
                    (folder / name).mkdir()
                counts[name] = counts.get(name, 0) + 1
                (folder / name / f"{number:06d}.png").write_bytes(encode_png(picture))
            line = {"number": number, "case": sample.case.id, "outcome": sample.outcome, "reason": sample.reason}
            index.write(json.dumps({**line, "text": sample.text, "facts": dict(sample.case.facts)}) + "\n")
    if not counts:
        raise UserError(f"{run.folder.path} stored no pictures: its task asks for text")
    said = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    return f"{said}, of {cases:,} cases" + left_out(failed)


def left_out(failed: int) -> str:
    """The end of a line about what was written: what failed is not there."""
    return f"; {failed:,} failed and {'is' if failed == 1 else 'are'} left out" if failed else ""
