"""Which runs are of one model, what it is called, and which one a user means."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import UserError
from harness.spec import canonical_json, path_safe
from reports.reading.runs import Run, in_order
from reports.reading.samples import UNREADABLE

OF_THE_MODEL = ("model", "model_version", "checkpoint", "settings", "seed", "dtype")
"""What of a spec is the model's: runs that agree in it are one model on several tasks."""
MOST_NAMED = 8


@dataclass(frozen=True, eq=False)
class Model:
    """Runs of one model, one per task. ``label`` is its own among those it stands with. Equal is only the same one."""

    label: str
    runs: tuple[Run, ...]
    names: frozenset[str]

    @property
    def control(self) -> bool:
        return self.runs[0].control

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(run.task for run in self.runs)

    def on(self, task: str) -> Run | None:
        """Its run of a task."""
        return next((run for run in self.runs if run.task == task), None)


def models_of(runs: Sequence[Run]) -> list[Model]:
    """The models of these runs, in the order that they state, controls last. Of several runs of one task that of most
    cases stands for the model."""
    found: dict[str, list[Run]] = {}
    for run in in_order(runs):
        own = {name: run.spec.get(name) for name in OF_THE_MODEL}
        found.setdefault(canonical_json([run.subject, own]), []).append(run)
    groups = list(found.values())
    return [_model(group, [other for other in groups if other[0].label == group[0].label]) for group in groups]


def _model(group: Sequence[Run], alike: Sequence[Sequence[Run]]) -> Model:
    first = group[0]
    label = f"{first.label}{_twin_mark(group, alike)}"
    names = {label, *(name for run in group for name in _names(run))}
    largest: dict[str, Run] = {}
    for run in group:
        if run.task not in largest or _size(run) > _size(largest[run.task]):
            largest[run.task] = run
    return Model(label, tuple(largest.values()), frozenset(names))


def _twin_mark(group: Sequence[Run], alike: Sequence[Sequence[Run]]) -> str:
    """What tells a model from others of the same label: its seed, its checkpoint, or whatever else its spec says."""
    if len(alike) < 2:
        return ""
    for name, mark in (("seed", " seed {}"), ("checkpoint", " #{:.6}")):
        values = [str(other[0].spec.get(name)) for other in alike]
        if len(set(values)) == len(values):
            return mark.format(group[0].spec.get(name))
    own = {name: group[0].spec.get(name) for name in OF_THE_MODEL}
    return f" #{hashlib.sha256(canonical_json(own).encode()).hexdigest()[:6]}"


def _names(run: Run) -> Iterable[str]:
    """As it was named, as its folder is called, and as it was typed."""
    yield from (run.subject, run.label, str(run.spec.get("model", "")))
    try:
        request = run.folder.manifest().get("protocol", {}).get("request", {})
    except UNREADABLE:
        request = {}
    typed = request.get("model") if isinstance(request, dict) else None
    if isinstance(typed, str):
        yield typed
        yield path_safe(typed)


def _size(run: Run) -> int:
    return run.measure.size if run.measure else 0


def chosen(models: Sequence[Model], name: str, where: str) -> Model:
    """The model that is called so, by its label, its subject, its folder, or as it was typed. Raises UserError for one
    that is not there, naming those that are, the nearest first, and for a name that several have."""
    wanted = name.strip()
    for spelled in (lambda text: text, str.casefold):
        found = [model for model in models if spelled(wanted) in {spelled(known) for known in model.names}]
        exact = [model for model in found if spelled(model.label) == spelled(wanted)]
        if len(exact) == 1 or len(found) == 1:
            return (exact or found)[0]
        if found:
            labels = _listed(sorted(model.label for model in found))
            raise UserError(f"'{name}' is {len(found)} models in {where}: name one of {labels}")
    near = sorted(models, key=lambda model: (-max(_near(wanted, known) for known in model.names), model.label))
    raise UserError(f"there is no model '{name}' in {where}: there are {_listed([model.label for model in near])}")


def _near(wanted: str, known: str) -> float:
    return difflib.SequenceMatcher(None, wanted.casefold(), known.casefold()).ratio()


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:MOST_NAMED]) + more
