"""What is judged against what: one model a side, from run folders, a saved baseline, or files of other programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UserError, nearest
from harness.paths import user_path
from harness.store.files import Folder
from harness.store.run_folder import run_paths
from reports.gating.saved import is_saved, names, opened
from reports.reading.case_files import is_case_file, read_case_files
from reports.reading.runs import Problem, Run, Stored, read_stored


@dataclass(frozen=True)
class Side:
    """One model: its runs, a run a task. ``label`` is what it is called, ``notes`` what of it is not judged, ``where``
    what the user named."""

    label: str
    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()
    where: str = ""

    def of_task(self, task: str) -> Run | None:
        return next((run for run in self.runs if run.task == task), None)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(run.task for run in self.runs)


def read_side(text: str, model: str = "", option: str = "--model", otherwise: str = "") -> Side:
    """``text`` is the name of a saved baseline, else a run folder or a root of run folders, else a file; ``model`` the
    one that ``option`` names, ``otherwise`` the one of several where it names none. Without an option to name it by,
    its folder is to be named. Raises UserError, in one line, for what cannot be judged."""
    if is_saved(text):
        held = opened(text)
        return _chosen(read_stored(str(held)), model, f"baseline '{text}'", option, text)
    place = user_path(text) if "://" not in text else None
    if place is not None and is_case_file(place) and not run_paths(place):
        runs, notes = read_case_files(place, model or otherwise)
        return Side(runs[0].label, tuple(runs), tuple(notes), text)
    if not Folder(text).exists():
        saved = nearest(text, names())
        raise UserError(f"'{text}' is neither a run folder nor a file of results nor a saved baseline{saved}")
    root, below = _root_of(text)
    stored = read_stored(root)
    if not stored.runs and not stored.problems:
        raise UserError(
            f"no run folders under {text}: expected SUBJECT/TASK/KEY/spec.json, as 'ddtbench run' makes them"
        )
    return _chosen(_below(stored, below), model, text, option, otherwise=otherwise)


def _root_of(text: str) -> tuple[str, str]:
    """(the root to read, the part of it that is meant): of a folder of one model or task the root is above it."""
    if run_paths(text) or "://" in text:
        return text, ""
    path = os.path.abspath(user_path(text))
    for above in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
        below = os.path.relpath(path, above).replace(os.sep, "/")
        if any(found.startswith(f"{below}/") for found in run_paths(above)):
            return above, below
    return text, ""


def _below(stored: Stored, below: str) -> Stored:
    if not below:
        return stored
    runs = tuple(run for run in stored.runs if f"{_place(run)}/".startswith(f"{below}/"))
    problems = tuple(item for item in stored.problems if item.where.startswith(f"{below}/"))
    return Stored(runs, problems)


def _place(run: Run) -> str:
    return f"{run.spec['model']}/{run.task}/{run.key}"


def _chosen(stored: Stored, model: str, where: str, option: str, label: str = "", otherwise: str = "") -> Side:
    """The runs of one model. A folder of it that does not hold is an error: a gate must not judge by what is left."""
    subjects = {run.subject: str(run.spec["model"]) for run in stored.runs}
    if not subjects:
        raise UserError(f"{where}: {_said(stored.problems) or 'no run of it can be read'}")
    models = _models(stored.runs)
    if not model and len(models) > 1:
        model = otherwise
    subject = _named(subjects, model, where, option) if model else _only(models, where, option)
    runs = tuple(run for run in stored.runs if run.subject == subject)
    problems = [item for item in stored.problems if item.where.partition("/")[0] == subjects[subject]]
    if problems:
        raise UserError(f"{where}: {_said(problems)}")
    for run in runs:
        alike = [other for other in runs if other.task == run.task]
        if len(alike) > 1:
            raise UserError(
                f"{where} holds {len(alike)} runs of {run.label} on {run.task} (seed {_seeds(alike)}): name the folder "
                f"of one, {_place(run)}"
            )
    return Side(label or runs[0].label, runs, (), where)


def _seeds(runs: Sequence[Run]) -> str:
    return ", ".join(str(run.spec.get("seed", 0)) for run in runs)


def _said(problems: Sequence[Problem]) -> str:
    return f"{problems[0].where} {problems[0].reason}".strip() if problems else ""


def _named(subjects: dict[str, str], model: str, where: str, option: str) -> str:
    exact = [name for name, folder in subjects.items() if model in (name, folder)]
    found = exact or [name for name, folder in subjects.items() if model in name or model in folder]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{where}: {option} {model} is {len(found)} models: {_some(found)}")
    raise UserError(f"{where} has no model '{model}'{nearest(model, subjects)}")


def _models(runs: Sequence[Run]) -> list[str]:
    """The models that are there; controls beside them are not meant."""
    models = list(dict.fromkeys(run.subject for run in runs if not run.control))
    return models or list(dict.fromkeys(run.subject for run in runs))


def _only(models: Sequence[str], where: str, option: str) -> str:
    if len(models) > 1:
        cure = f"{option} NAME" if option else f"name the folder of one, {where.rstrip('/')}/NAME"
        raise UserError(f"{where} holds {len(models)} models, and one is judged: {cure}, of {_some(models)}")
    return models[0]


def _some(names: Sequence[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
