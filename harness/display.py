"""How a run is shown, taken from the catalogue when it is made and stored with it, so that a report of copied folders
opens no catalogue and needs no plug-in. Only what differs from the default is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, replace
from typing import Any, TypeVar

from harness import catalog
from harness.contracts import ShownInstrument, ShownMetric, ShownModel, ShownSeries, ShownTask, Task, TaskEntry
from harness.errors import UserError

SHOWING = "showing"
"""In the manifest: ``task``, ``model``, ``metrics`` by the name of their estimates, ``instruments`` by their own."""
Shown = TypeVar("Shown", ShownTask, ShownMetric, ShownModel, ShownInstrument)


def shown_task(task: Task, entry: TaskEntry) -> ShownTask:
    """As the task says for its argument, else as its entry says."""
    own: ShownTask | None = getattr(task, "shown", None)
    return own if own is not None else entry.shown


def require_shown(task: Task, name: str) -> None:
    """Raise UserError where a task heads itself with what it does not measure."""
    shown = shown_task(task, catalog.lookup("task", name))
    measured = {*task.metrics, *(catalog.split_name(metric)[0] for metric in task.metrics)}
    for what, metrics in (
        ("headline", shown.headline),
        ("verdict", filter(None, (shown.verdict,))),
        ("breakdown", filter(None, (shown.breakdown,))),
    ):
        for metric in metrics:
            if metric not in measured:
                raise UserError(
                    f"task '{name}' of {catalog.package_of('task', name)} names '{metric}' as its {what} and does not "
                    f"measure it: add it to the task's metrics, or change its ShownTask"
                )


def metric_shown(text: str, name: str) -> ShownMetric:
    """How the metric of the catalogue that ``text`` stands for is shown; ``name`` is that of its estimates. An unknown
    one is shown by its name."""
    plain, _, features = name.partition("@")
    try:
        entry = catalog.lookup("metric", catalog.split_name(text)[0])
    except UserError:
        return ShownMetric(plain_label(name))
    label = (entry.shown.label or plain_label(plain)) + (f" ({features})" if features else "")
    return replace(entry.shown, label=label, meaning=entry.shown.meaning or entry.summary)


def instruments_shown(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Of the instruments of these names (``NAME@PATH``) those that find what can be drawn, as they say of it."""
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        with suppress(UserError):  # a plug-in that is gone
            entry = catalog.lookup("instrument", catalog.split_name(name)[0])
            if entry.shown.objects:
                found[entry.name] = written(entry.shown)
    return found


def of_before(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """How task and model of a run are shown that says nothing of it, as far as the catalogue tells by their names: of
    a task only where it measures what heads the entry's."""
    found: dict[str, Any] = {}
    model, task_name = (catalog.split_name(str(protocol["request"].get(name, "")))[0] for name in ("model", "task"))
    with suppress(UserError):  # a plug-in that is gone
        found["model"] = written(catalog.lookup("model", model).shown)
    with suppress(UserError):
        task = catalog.lookup("task", task_name).shown
        if set(filter(None, (*task.headline, task.verdict))) <= set(protocol["metrics"]):
            found["task"] = written(task)
    return found


def plain_label(name: str) -> str:
    """A name as words: what has no label is shown so."""
    plain, _, rest = name.partition("@")
    words = plain.replace("_", " ").replace("-", " ")
    return f"{words} ({rest})" if rest else words


def written(shown: Any) -> dict[str, Any]:
    """What differs from the default, for JSON."""
    found: dict[str, Any] = {}
    for field in fields(shown):
        value = getattr(shown, field.name)
        if value != field.default:
            found[field.name] = _written(value)
    return found


def _written(value: Any) -> Any:
    if isinstance(value, ShownSeries):
        return written(value)
    return tuple(map(_written, value)) if isinstance(value, tuple) else value


def read_shown(kind: type[Shown], stored: Any) -> Shown:
    """What ``written`` wrote. Keys that are not known here (a newer version's) and values of another kind are left at
    their defaults."""
    return kind(**_kept(kind, stored))


def _kept(kind: type[Any], stored: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(kind) if isinstance(stored, Mapping) else ():
        if field.name not in stored:
            continue
        value = _tuples(stored[field.name])
        if field.name == "series":
            value = _series(value)
        elif field.name == "further" and isinstance(value, tuple):
            value = tuple(filter(None, map(_series, value)))
        elif isinstance(field.default, float) and isinstance(value, int):
            value = float(value)
        wanted = (
            (str, tuple) if field.default is MISSING else ShownSeries if field.default is None else type(field.default)
        )
        if isinstance(value, wanted):
            found[field.name] = value
    return found


def _series(stored: Any) -> ShownSeries | None:
    try:
        return ShownSeries(**_kept(ShownSeries, stored)) if isinstance(stored, Mapping) else None
    except TypeError:
        return None


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
