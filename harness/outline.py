"""The plan of a suite, at once: what there is to do and how much disk it takes. No model is opened, nothing is written.

What is stored is matched by model, task and sampling, as the manifests say, so that weights that changed in their place
are told by a dry run only. Cases are counted by another process while a few seconds last; a task that takes longer is
counted up to its limit. Bytes of a case are those of stored runs of the task, else an estimate by what a case holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from harness import catalog
from harness.contracts import Case, Task
from harness.errors import UserError
from harness.isolation import attempt
from harness.places import without_folders
from harness.progress import in_bytes
from harness.spec import RunRequest, SuiteSpec
from harness.store.files import Folder

SECONDS = 2.0
"""How long cases are counted."""
PROCESSES = 2
NOMINAL = 20_000
"""Bytes of a case of which nothing is known."""
TEXT, PNG = 1_000, 0.6
"""Bytes of a sample without pictures, and of a picture for each byte of its pixels."""
SIDE = 256
"""Pixels of a side of a picture that a model makes, where nothing says how many."""
SHARED = ("batch", "unit_size", "threads", "dtype")


@dataclass(frozen=True)
class Outlined:
    """One run. ``cases`` is None where they were not counted; ``size`` is what the missing ones take, in bytes."""

    request: RunRequest
    cases: int | None
    stored: int = 0
    size: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Outline:
    """All runs of a suite; ``free``: bytes of the disk that ``out`` is on, None where that is not known."""

    suite: SuiteSpec
    runs: tuple[Outlined, ...]
    free: int | None

    @property
    def size(self) -> float:
        """Bytes that are still to be written."""
        return sum(run.size for run in self.runs)

    def require_all(self) -> None:
        """Raise UserError if a run cannot start."""
        found = [run for run in self.runs if run.problem]
        if found:
            first = f"{_title(found[0].request)}: {found[0].problem}"
            raise UserError(f"{len(found)} of {len(self.runs)} runs cannot start; {first}")

    def __str__(self) -> str:
        width = max(len(_title(run.request)) for run in self.runs)
        lines = [f"{self.suite.name}: {len(self.runs)} runs", f"{'':{width}}   cases  stored   to do  disk"]
        for run in self.runs:
            title = f"{_title(run.request):{width}}"
            if run.problem:
                lines.append(f"{title}  cannot start: {run.problem}")
                continue
            if run.cases is None:
                lines.append(f"{title}  {'all':>6}  {run.stored:6d}  {'?':>6}  not counted in the time of a plan")
                continue
            left = run.cases - run.stored
            takes = f"about {in_bytes(run.size)}" if left else "done"
            lines.append(f"{title}  {run.cases:6d}  {run.stored:6d}  {left:6d}  {takes}")
        least = "at least" if any(run.cases is None for run in self.runs) else "about"
        lines.append(f"in all {least} {in_bytes(self.size)} of disk{self._room()}")
        lines.append("no model was opened, nothing was written")
        return "\n".join(lines)

    def _room(self) -> str:
        if self.free is None:
            return ""
        return f", {in_bytes(self.free)} are free" + (": too little" if self.size > self.free else "")


def _title(request: RunRequest) -> str:
    return f"{request.model} on {request.task}"


@dataclass(frozen=True)
class _Known:
    """What is known of a task: how many cases it has, and the bytes of one."""

    cases: int | None = None
    size: float | None = None
    problem: str = ""


def outline(suite: SuiteSpec, out: str = "runs") -> Outline:
    """What a suite would do. A run that cannot start is listed with the reason."""
    counting = _start_counting(suite.tasks)
    stored = _stored(suite, out)
    known = _counts(counting)
    seeds = suite.drawn_with
    runs = tuple(_outlined(request, seeds, stored, known.get(request.task, _Known())) for request in suite.runs)
    return Outline(suite, runs, _free(out))


def _outlined(
    request: RunRequest, seeds: Sequence[int], stored: Sequence[Mapping[str, Any]], known: _Known
) -> Outlined:
    """The run with all of its seeds."""
    problem = known.problem or _cannot_start(request)
    if problem:
        return Outlined(request, 0, problem=problem)
    alike = [row for row in stored if row["task"] == without_folders(request.task)]
    mine = [row for row in alike if row["mine"] and row["model"] == without_folders(request.model)]
    total = known.cases if known.cases is not None else max((row["cases"] for row in alike), default=None)
    cases = request.limit if total is None else min(total, request.limit or total)
    there = 0
    for seed in seeds:
        most = max((row["stored"] for row in mine if row["seed"] == seed), default=0)
        there += most if cases is None else min(most, cases)
    cases = None if cases is None else cases * len(seeds)
    asked = sum(row["stored"] for row in alike)
    each = sum(row["size"] for row in alike) / asked if asked else known.size
    return Outlined(request, cases, there, (NOMINAL if each is None else each) * max(0, (cases or 0) - there))


def _cannot_start(request: RunRequest) -> str:
    """What the catalogue alone can say against a run."""
    model = catalog.lookup("model", catalog.split_name(request.model)[0])
    if model.needs and not catalog.source_of(request.model):
        return f"model '{model.name}' needs a path: write {model.name}@PATH"
    return ""


def _stored(suite: SuiteSpec, out: str) -> list[dict[str, Any]]:
    """A row for every run under ``out`` whose manifest can be read: ``mine`` if it is sampled as the suite would."""
    from harness.store.run_folder import RunFolder, run_paths  # while others count

    rows = []
    root = Folder(out)
    for path in run_paths(out):
        try:
            folder = RunFolder.open(f"{root.url}/{path}".rstrip("/"))
            manifest = folder.manifest()
            request = manifest["protocol"]["request"]
            parts = [folder.folder.sizes(place) for place in ("samples", "observations")]
            rows.append(
                {
                    "model": without_folders(str(request["model"])),
                    "task": without_folders(str(request["task"])),
                    "cases": int(manifest["cases"]),
                    "stored": 0 if folder.results_only else int(manifest["stored"]),
                    "size": sum(size for found in parts for size in found.values()),
                    "seed": folder.spec.seed,
                    "mine": all(getattr(folder.spec, name) == getattr(suite, name) for name in SHARED),
                }
            )
        except (UserError, KeyError, TypeError, ValueError):
            continue  # a run that cannot be read is made again: it is to do
    return rows


def _free(out: str) -> int | None:
    folder = Folder(out)
    if not folder.local:
        return None
    place = os.path.abspath(folder.local_path())
    while not os.path.exists(place):
        place = os.path.dirname(place)
    return shutil.disk_usage(place).free


# ------------------------------------------------------------------------------------------------ counting


class _AnyModel:
    """Stands for a model that is not opened: what a task asks of one when it is built."""

    image_size = SIDE
    code_count = 0
    codebook_size = 0


@dataclass(frozen=True)
class _Counting:
    """Processes that count, and when they are stopped."""

    processes: Sequence[subprocess.Popen[bytes]]
    end: float


def _start_counting(tasks: Sequence[str]) -> _Counting:
    """The tasks, dealt out to other processes, which have ``SECONDS`` from now."""
    end = time.monotonic() + SECONDS
    code = "import sys; from harness.outline import tell_counts; tell_counts(sys.argv[1:])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(word or os.getcwd() for word in sys.path)}
    shares = [tasks[start::PROCESSES] for start in range(min(PROCESSES, len(tasks)))]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *share],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        for share in shares
    ]
    return _Counting(processes, end)


def _counts(counting: _Counting) -> dict[str, _Known]:
    """What was found out of each task in time; one that is late is not counted."""
    found = {}
    for process in counting.processes:
        try:
            said, _ = process.communicate(timeout=max(0.0, counting.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()  # what it said until then
        for line in said.decode(errors="replace").splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                row = json.loads(line)
                found[row["task"]] = _Known(row["cases"], row["size"], row["problem"])
    return found


def tell_counts(tasks: Sequence[str]) -> None:
    """Print a line of JSON for each task as it is counted: the other side of ``_counts``."""
    with _without_torch():  # a task that imports it, for seconds, is counted after the others
        late = [name for name in tasks if not _tell(name)]
    for name in late:
        _tell(name)  # one that asks more of the model is counted when it is run


@contextlib.contextmanager
def _without_torch() -> Iterator[None]:
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]


def _tell(name: str) -> bool:
    found, _ = attempt(partial(_counted, name))
    if found is not None:
        print(json.dumps({"task": name, **asdict(found)}), flush=True)
    return found is not None


def _counted(name: str) -> _Known:
    try:
        task = catalog.build_task(name, _AnyModel())
        cases = task.cases()
    except UserError as error:
        return _Known(problem=str(error))
    return _Known(len(cases), _bytes_of(task, cases[0]) if cases else 0.0)


def _bytes_of(task: Task, case: Case) -> float:
    """Bytes of a sample by what its case holds: the pictures that are shown, and one that is made, as PNG."""
    loaded, _ = attempt(partial(task.load, case))
    pictures = loaded if isinstance(loaded, tuple) else (loaded,)
    shown = [float(picture.nbytes) for picture in pictures if hasattr(picture, "nbytes")]
    draws = "Generates" in task.examines
    made = shown[0] if shown else 3.0 * SIDE**2 if draws else 0.0
    return TEXT + PNG * (sum(shown) + made)
