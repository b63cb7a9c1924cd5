"""What a run is called below a published table: ``DDT-LLaMA (zoo, 2.95M, embedded world)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness import catalog
from harness.catalog import split_name
from harness.contracts.published import PublishedTable
from harness.errors import UserError
from reports.reading.runs import Run
from reports.tables.numbers import with_unit_prefix
from reports.tables.table import twin_mark

AMONG = "checkpoints"
"""The folder of a training that holds its checkpoints."""


def label_of(run: Run, runs: Sequence[Run], table: PublishedTable) -> str:
    """``DDT-LLaMA (zoo, 2.95M, embedded world)``: the model, where its weights are from, its size, the data."""
    asked, task = run.request
    name, source = split_name(asked)
    argument = split_name(task)[1]
    origin = _origin(source) if source else _default_source(name)
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


def _origin(source: str) -> str:
    """``RECIPE STAGE`` of a checkpoint that lies among those of its training, else the last part of a path."""
    parts = [part for part in source.split("/") if part]
    if len(parts) > 2 and parts[-2] == AMONG:
        return f"{parts[-3]} {parts[-1]}"
    return parts[-1] if parts else source


def parameters_of(run: Run) -> float | None:
    """Of the language model, without embeddings, as the run states it."""
    training = run.cost.get("training")
    stated = training.get("non_embedding_parameters") if isinstance(training, Mapping) else None
    found = run.cost.get("language_parameters", stated)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _size(run: Run) -> str:
    """Parameters of the language model, else of the decoder."""
    found = parameters_of(run) or run.cost.get("decoder_parameters")
    return with_unit_prefix(float(found)).replace(" ", "") if isinstance(found, int | float) else ""
