"""What a run is called below a published table: ``DDT-LLaMA (zoo, 2.95M, embedded world)``."""

from __future__ import annotations

from collections.abc import Sequence

from harness import catalog
from harness.catalog import split_name
from harness.contracts.published import PublishedTable
from harness.errors import UserError
from reports.reading.runs import Run
from reports.tables.cells import COSTS
from reports.tables.numbers import with_unit_prefix
from reports.tables.table import twin_mark


def label_of(run: Run, runs: Sequence[Run], table: PublishedTable) -> str:
    """``DDT-LLaMA (zoo, 2.95M, embedded world)``: the model, where its weights are from, its size, the data."""
    asked, task = run.request
    name, source = split_name(asked)
    argument = split_name(task)[1]
    origin = source.rstrip("/").rpartition("/")[2] if source else _default_source(name)
    data = table.words.get(argument, argument)
    other = split_name(task)[0] if split_name(task)[0] != table.tasks[0] else ""
    inside = ", ".join(word for word in ("" if run.named else origin, _size(run), data, other) if word)
    alike = [other for other in runs if other.subject == run.subject and other.task == run.task]
    label = run.subject if run.named else _model_label(run, name)
    return f"{label} ({inside}){twin_mark(run, alike)}" if inside else label + twin_mark(run, alike)


def _model_label(run: Run, name: str) -> str:
    if run.shown_model.label:
        return run.shown_model.label
    try:
        return catalog.lookup("model", name).shown.label or name
    except UserError:
        return name


def _default_source(name: str) -> str:
    """The folder that a model's own checkpoint lies in, for example the checkout's ``zoo``."""
    try:
        return catalog.lookup("model", name).source.partition("/")[0]
    except UserError:
        return ""


def _size(run: Run) -> str:
    """Parameters of the language model, else of the decoder."""
    known = (run.cost.get(cost.key) for cost in reversed(COSTS) if cost.name.endswith("-parameters"))
    return next((with_unit_prefix(float(n)).replace(" ", "") for n in known if isinstance(n, int | float)), "")
