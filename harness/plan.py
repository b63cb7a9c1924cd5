"""From what a user asks for to runs that can start: names resolved, checkpoints found, pairs that do not fit refused.

Everything that can be wrong with the request is found here, before anything is written.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from harness import catalog
from harness.contracts import Case, ChecksAhead, HasOwnCases, HasSettings, Task
from harness.display import require_shown
from harness.errors import UserError, nearest
from harness.isolation import reason_of
from harness.paths import checkout_root, is_address, user_path
from harness.progress import slowly
from harness.provenance import Provenance, provenance_of
from harness.spec import RunRequest, RunSpec, SuiteSpec, checked_name, path_safe, suite_from_toml
from harness.watch import OPENING, current
from harness.weights.checkpoints import digest_of, read_card


@dataclass(frozen=True)
class PlannedRun:
    """A run that can start: its spec, its task, how to open its subject, and what the card says of its training."""

    request: RunRequest
    spec: RunSpec
    task: Task
    open_subject: Callable[[], Any] = field(compare=False)
    training: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""
    noted: Mapping[str, Any] = field(default_factory=dict)
    """What stands in the fingerprint beside the task's."""

    def halved(self) -> PlannedRun | None:
        """The same in half the batch, which stands in its fingerprint; None where a batch is one case."""
        batch = self.spec.batch
        if batch == 1:
            return None
        noted = {**self.noted, "batch": f"{batch // 2}, since memory ran out with {batch}"}
        return replace(self, spec=replace(self.spec, batch=batch // 2), noted=noted)

    @property
    def cases(self) -> Sequence[Case]:
        """The cases that this run asks, in order."""
        return list(self.task.cases())[: self.request.limit]


def suite_for(
    target: SuiteSpec | str,
    *,
    models: Sequence[str] = (),
    tasks: Sequence[str] = (),
    limit: int | None = None,
    names: Sequence[str] = (),
    **shared: Any,
) -> SuiteSpec:
    """The suite that a user names: a suite, a task (then with models), or a TOML file; checkpoint globs are expanded.
    Or the suite given, changed likewise.

    ``names`` are what to call the ``models``, one each. ``models`` and ``tasks`` replace those of a suite, ``shared``
    its seed or seeds, batch, unit_size or threads. Raises UserError for an unknown name, with the nearest known one.
    """
    if isinstance(models, str) or isinstance(tasks, str):
        raise UserError("models and tasks are lists of names, for example models=['ddt']")
    named = target if isinstance(target, SuiteSpec) else _named_suite(target, models, tasks)
    suite = named.changed(models=models, tasks=tasks, limit=limit, **shared)
    for model in suite.models:
        catalog.lookup("model", catalog.split_name(model)[0])
    for task in suite.tasks:
        catalog.lookup("task", catalog.split_name(task)[0])
    shown = _names_of(models, names)
    expanded = (
        replace(request, model=model, shown=shown.get(request.model, request.shown))
        for request in suite.runs
        for model in expand_model(request.model)
    )
    return replace(suite, runs=tuple(expanded))


def _names_of(models: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """model -> what to call it. Raises UserError unless there is one name for each."""
    if names and len(names) != len(models):
        raise UserError(f"{len(names)} names (--as) for {len(models)} models (--model): give each --model one --as")
    for model, name in zip(models, names, strict=False):
        if len(found := expand_model(model)) > 1:
            raise UserError(f"'{model}' is {len(found)} checkpoints, which '{name}' cannot name: give each its --model")
    return {model: checked_name(name) for model, name in zip(models, names, strict=False)}


def _named_suite(target: str, models: Sequence[str], tasks: Sequence[str]) -> SuiteSpec:
    name = catalog.split_name(target)[0]
    suites = {entry.name for entry in catalog.entries("suite")}
    known_tasks = {entry.name for entry in catalog.entries("task")}
    if target in suites:
        suite: SuiteSpec = catalog.find("suite", target)()
        return suite
    if name in known_tasks:
        if tasks:
            raise UserError(f"'{target}' is already a task: drop --task, or name a suite")
        if not models:
            known = ", ".join(entry.name for entry in catalog.entries("model"))
            raise UserError(f"which models on {target}? add --model NAME (known: {known})")
        return SuiteSpec.of(_name_of_task(target), models, [target])
    if target.endswith(".toml"):
        return suite_from_toml(user_path(target))
    for of in ("suite", "task"):
        if why := catalog.refused().get((of, name)):
            raise UserError(why)
    raise UserError(f"no suite, task or .toml file is called '{target}'{nearest(target, suites | known_tasks)}")


def _name_of_task(target: str) -> str:
    """``reconstruction-photos``; of a folder only its own name, since reports are passed on and show it."""
    name, argument = catalog.split_name(target)
    last = user_path(argument).resolve().name if argument else ""
    return path_safe(f"{name}-{last}")


def expand_model(text: str) -> list[str]:
    """``NAME@GLOB`` as one model per checkpoint, in natural order (step_2 before step_10); others as they are, and so
    is what exists: ``runs[1]`` that is there is a folder and no pattern."""
    name, source = catalog.split_name(text)
    if is_address(source):  # [::1] is no pattern
        return [text]
    if not glob.has_magic(source) or user_path(source).exists() or (checkout_root() / source).exists():
        return [text]
    found = [path for path in glob.glob(_pattern(user_path(source))) if not path.endswith(".json")]
    if not found:
        raise UserError(f"no checkpoint matches '{source}' of model '{text}'")
    return [f"{name}@{path}" for path in sorted(found, key=_natural)]


def _pattern(path: Path) -> str:
    """The path as a pattern, in which the folders that exist stand for themselves."""
    known = next(parent for parent in path.parents if parent.exists())
    return str(Path(glob.escape(str(known)), path.relative_to(known)))


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


@lru_cache(maxsize=1)
def opened(model: str, device: str) -> Any:
    """The subject, kept until another one is asked for: planning opens it, and so does the first run.

    Raises UserError also where the model or a library of it asks for the program's end.
    """
    current().enter(f"{OPENING}{model}")
    try:
        with slowly(f"opening {model}"):
            return catalog.open_model(model, device)
    except SystemExit as error:
        raise UserError(
            f"model '{model}' cannot be opened: opening it ends the program ({reason_of(error)})"
        ) from error
    finally:
        current().rest()


def opened_as_planned(model: str, device: str, checkpoint: str) -> Any:
    """The subject, opened again in a worker or after another one. Raises UserError if its weights are others now than
    those of the plan, under whose digest the samples are stored."""
    subject = opened(model, device)
    if _checkpoint(model, provenance_of(subject, model)) != checkpoint:
        raise UserError(f"the weights of {model} have changed since this run was planned: start the command again")
    return subject


def resolve_device(device: str) -> str:
    """``auto`` is the GPU where there is one; anything else must be usable here."""
    if device == "cpu":
        return device
    import torch

    usable = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if usable else "cpu"
    try:
        kind = torch.device(device)
    except RuntimeError:
        raise UserError(f"unknown device '{device}'{nearest(device, ['auto', 'cpu', 'cuda', 'cuda:0'])}") from None
    if kind.type == "cuda" and (not usable or (kind.index or 0) >= torch.cuda.device_count()):
        raise UserError(f"device '{device}' is not on this machine; use --device cpu")
    return device


def plan(suite: SuiteSpec, device: str = "cpu") -> list[PlannedRun]:
    """Every run of the suite, grouped by model so that each is opened once. Raises UserError if one cannot start."""
    runs = [
        plan_run(suite, request, device) for model in suite.models for request in suite.runs if request.model == model
    ]
    require_same_cases(runs)
    _require_other_names(runs)
    return [one for run in runs for one in with_seeds(suite, run)]


def with_seeds(suite: SuiteSpec, run: PlannedRun) -> list[PlannedRun]:
    """The run once per seed of the suite; nothing but the draws differs."""
    return [replace(run, spec=replace(run.spec, seed=seed)) for seed in suite.drawn_with]


def _require_other_names(runs: Sequence[PlannedRun]) -> None:
    """Raise UserError where two models are to be shown under one name."""
    holders: dict[str, str] = {}
    for run in runs:
        name = run.shown or run.spec.model
        if holders.setdefault(name, run.spec.model) != run.spec.model:
            raise UserError(f"'{name}' would name both {holders[name]} and {run.spec.model}: rename one with --as")


def plan_run(suite: SuiteSpec, request: RunRequest, device: str) -> PlannedRun:
    """One run: the subject is opened to learn its version and settings, the task to learn its data."""
    subject = opened(request.model, device)
    try:
        task = catalog.build_task(request.task, subject)
    except AttributeError as error:  # the task asked the subject for something that it does not have
        raise UserError(f"task '{request.task}' cannot be run with model '{request.model}': {error}") from error
    catalog.require_fit(request.model, request.task, task.examines, subject)
    require_shown(task, catalog.split_name(request.task)[0])
    if isinstance(task, ChecksAhead):
        task.check()
    said = provenance_of(subject, request.model)
    checkpoint = _checkpoint(request.model, said)
    spec = RunSpec(
        model=model_label(request.model, checkpoint),
        model_version=said.version,
        checkpoint=checkpoint,
        task=task.name,
        task_version=task.version,
        data_revision=task.data_revision,
        settings=_settings(request, task, said),
        seed=suite.drawn_with[0],
        dtype=suite.dtype,
        batch=suite.batch,
        unit_size=suite.unit_size,
        threads=suite.threads,
    )
    open_again = partial(opened_as_planned, request.model, device, checkpoint)
    shown = request.shown or said.display_name
    return PlannedRun(request, spec, task, open_again, _training(request.model), checked_name(shown) if shown else "")


def model_label(text: str, checkpoint: str) -> str:
    """What tables call the model: its name, and for a checkpoint of the user's own ``NAME@FOLDER-DIGEST``, where one on
    the way (``TRAINING/checkpoints/STAGE-SHARE``) is ``NAME@TRAINING-STAGE-SHARE-DIGEST``."""
    name, source = catalog.split_name(text)
    if not source or checkpoint == _digest_or_none(catalog.lookup("model", name).source):
        return name
    return f"{name}@{path_safe(_folder_name(source))}-{checkpoint[:6]}" if checkpoint else f"{name}@{path_safe(source)}"


def _folder_name(source: str) -> str:
    """The folder's name; of a checkpoint on the way (``TRAINING/checkpoints/STAGE-SHARE``) with that of its training,
    since all trainings have checkpoints of the same names. Of an address (``http://HOST/...#NAME``) the last part of
    what it names there."""
    if is_address(source):
        return source.split("#")[1].rstrip("/").rpartition("/")[2] if "#" in source else ""
    path = Path(source)
    training = path.parent.parent.name if path.parent.name == "checkpoints" else ""
    return f"{training}-{path.name}" if training else path.name


def _checkpoint(model: str, said: Provenance) -> str:
    """The SHA-256 of the weights: as the subject states it (``checkpoint_digest``), else as its card does."""
    if said.checkpoint_digest is not None:
        return said.checkpoint_digest
    source = catalog.source_of(model)
    default = catalog.lookup("model", catalog.split_name(model)[0]).source
    # What follows the @ of a model that has no weights is a setting of it (identity@64).
    return digest_of(source) if default or user_path(source).is_dir() else ""


def _training(model: str) -> Mapping[str, Any]:
    """What the card of the checkpoint says of its training; nothing for a checkpoint without a card of ours."""
    source = catalog.source_of(model)
    if is_address(source):
        return {}
    try:
        return dict(read_card(source).get("training", {})) if source else {}
    except UserError:
        return {}


def _digest_or_none(source: str) -> str | None:
    try:
        return digest_of(source) or None
    except UserError:
        return None  # the default checkpoint is not there; the user's own one is another


def _settings(request: RunRequest, task: Task, said: Provenance) -> Mapping[str, Any]:
    ours = dict(task.settings) if isinstance(task, HasSettings) else {}
    theirs = dict(said.settings)
    if said.chosen_weights:
        theirs["weights"] = said.chosen_weights
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            raise UserError(
                f"{request.model} and {request.task} both set '{name}', to {theirs[name]} and to {ours[name]}"
            )
    return {**ours, **theirs}


def require_same_cases(runs: Sequence[PlannedRun]) -> None:
    """Raise UserError if a task puts other cases to one model than to another: their numbers could not be compared."""
    first: dict[str, tuple[str, tuple[str, ...]]] = {}
    for run in runs:
        if isinstance(run.task, HasOwnCases) and run.task.own_cases:
            continue  # of a set that a model has made, every model has its own
        ids = tuple(case.id for case in run.cases)
        model, expected = first.setdefault(run.request.task, (run.request.model, ids))
        if ids != expected:
            raise UserError(f"task '{run.request.task}' does not ask {run.request.model} the same cases as {model}")
