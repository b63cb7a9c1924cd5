"""The runs of a suite, asked one after the other by the same hands; half the batch where memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness import catalog
from harness.citations import REFERENCES, cited, lines_of, merged, of_request
from harness.contracts import ComputesUnits
from harness.display import SHOWING, shown_task, written
from harness.engines import Team
from harness.isolation import OutOfMemory
from harness.looking import died_of
from harness.plan import PlannedRun, opened
from harness.progress import Progress
from harness.run import run
from harness.store.files import Folder
from harness.store.run_folder import RunFolder
from harness.store.sealed_files import MANIFEST

MEMORY = "memory_ran_out_with"
"""In the manifest of a run in half the batch: the batch that was too large."""


@dataclass(frozen=True)
class Asking:
    """How runs are asked. ``mixed``: going on under another environment is allowed; ``retry``: failed cases are asked
    again."""

    out: str
    device: str
    crew: Team
    progress: Progress
    mixed: bool = False
    retry: bool = False

    def run(self, item: PlannedRun) -> tuple[PlannedRun, RunFolder]:
        """The run as it was done, and its folder. Where memory runs out half the batch is tried, once; what was done so
        is not tried in the whole batch again. Raises UserError."""
        half, label = item.halved(), f"{item.spec.model} on {item.spec.task}"
        if half is None:
            return item, self._run(item)
        if self._done_in(half, item.spec.batch):
            self.progress.note(f"{label}: batch {half.noted['batch']}")
            return half, self._run(half)
        try:
            return item, self._run(item)
        except OutOfMemory as error:
            self.progress.note(f"{label}: {error}; trying once more with a batch of {half.spec.batch}")
            self.crew.close()  # they hold memory as well
            opened.cache_clear()
        folder = self._run(half)
        folder.write_manifest(**{MEMORY: item.spec.batch})
        return half, folder

    def _done_in(self, half: PlannedRun, batch: int) -> bool:
        place = f"{Folder(self.out).url}/{half.spec.model}/{half.spec.task}/{half.spec.key()}"
        if not Folder(place).exists("spec.json"):
            return False
        stored = RunFolder.open(place).manifest()
        return stored.get(MEMORY) == batch and int(stored.get("stored", 0)) >= len(half.cases)

    def _run(self, item: PlannedRun) -> RunFolder:
        folder = RunFolder.create_or_open(self.out, item.spec)
        if not folder.folder.exists(MANIFEST):  # who looks on meanwhile is shown what was asked
            folder.write_manifest(**shown_as(item))
        own = item.task.engine if isinstance(item.task, ComputesUnits) else None
        if own is not None:
            opened.cache_clear()  # another process opens the subject
        run(
            item.spec,
            item.task,
            item.open_subject,
            folder,
            limit=item.request.limit,
            progress=self.progress,
            mixed_environment=self.mixed,
            device=self.device,
            training=item.training,
            engine=None if own is None else partial(own, item.request.model, self.device),
            crew=self.crew,
            retry_failed=self.retry,
        )
        return folder


def shown_as(item: PlannedRun) -> dict[str, Any]:
    """For the manifest: how its task and its model are shown and what they cite, and the name that was given to it."""
    task = catalog.lookup("task", catalog.split_name(item.request.task)[0])
    model = catalog.lookup("model", catalog.split_name(item.request.model)[0])
    data: Sequence[str] = getattr(item.task, "reads_data", ())
    references = merged(of_request(vars(item.request)), cited(lines_of("data", data)))
    showing = {"task": written(shown_task(item.task, task)), "model": written(model.shown), REFERENCES: references}
    return {SHOWING: showing, **({"shown": item.shown} if item.shown else {})}


def shortfalls(folder: RunFolder, instruments: Sequence[str]) -> list[str]:
    """A line for each thing that keeps a complete run from being a success: no case was answered, an instrument that
    ends its process."""
    label, stored = f"{folder.spec.model} on {folder.spec.task}", folder.manifest()
    lines = [f"{label}: {name}: {reason}" for name in instruments if (reason := died_of(folder, name))]
    if stored.get("stored") and stored.get("failed") == stored["stored"]:
        lines.append(f"{label}: all {stored['stored']} cases failed")
    return lines
