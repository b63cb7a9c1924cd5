"""The lines of the catalogue: a name, and the place that it is loaded from when it is asked for.

``place`` is ``"module:attribute"``; each class says what lies there. Nothing of it is imported by listing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from harness.contracts.shown import ShownInstrument, ShownMetric, ShownModel, ShownTask

Kind = Literal[
    "model",
    "task",
    "suite",
    "metric",
    "instrument",
    "data",
    "stream",
    "recipe",
    "trainer",
    "claims",
    "published",
    "conventions",
]


@dataclass(frozen=True)
class CatalogueEntry:
    """What all lines have: a name, a place, one line that says what it is, its licence and its paper.

    ``cites``: keys of ``references.bib``, for what ``paper`` tells no arXiv id of (``harness.citations``).
    """

    kind: ClassVar[Kind]
    name: str
    place: str
    summary: str
    licence: str = field(default="", kw_only=True)
    paper: str = field(default="", kw_only=True)
    cites: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class ModelEntry(CatalogueEntry):
    """``open(source: str, device: str) -> subject``; ``source`` is a folder, a file or a hub id (``""``: nothing to
    open).

    ``provides`` names the Protocols that it satisfies. ``source`` is the default checkpoint, relative to the checkout;
    without one, ``needs`` says what must follow the ``@`` (``("FILE last.ckpt",)``). ``cpus`` and ``gpus`` are what one
    worker with it takes on a cluster (None: a CPU for each thread, and one GPU where it is opened on a GPU); a share
    (``gpus=0.25``) lets workers share a GPU.
    """

    kind: ClassVar[Kind] = "model"
    provides: tuple[str, ...] = field(default=(), kw_only=True)
    source: str = field(default="", kw_only=True)
    needs: tuple[str, ...] = field(default=(), kw_only=True)
    shown: ShownModel = field(default=ShownModel(), kw_only=True)
    cpus: float | None = field(default=None, kw_only=True)
    gpus: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class TaskEntry(CatalogueEntry):
    """``build(argument: str, subject) -> Task``; ``argument`` is what follows ``@`` in ``NAME@ARGUMENT``.

    ``data`` are the data entries that it can read beside what needs no preparing; ``needs`` says what must follow the
    ``@`` of a task that has nothing of that kind and whose data are not prepared. ``exports`` are the forms of other
    programs that its runs can be written in, each with the place of a ``harness.export.Writer``. ``shown`` needs a
    title; a task whose argument changes how it is shown has a ``shown`` of its own.
    """

    kind: ClassVar[Kind] = "task"
    data: tuple[str, ...] = field(default=(), kw_only=True)
    needs: tuple[str, ...] = field(default=(), kw_only=True)
    exports: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    shown: ShownTask = field(default=ShownTask(), kw_only=True)


@dataclass(frozen=True)
class MetricEntry(CatalogueEntry):
    """A function without arguments, or of what follows ``@``, that returns a metric.

    ``reads``: the instruments that it reads and whose weights are not shipped; ``needs``: what must follow the ``@``.
    """

    kind: ClassVar[Kind] = "metric"
    reads: tuple[str, ...] = field(default=(), kw_only=True)
    needs: tuple[str, ...] = field(default=(), kw_only=True)
    shown: ShownMetric = field(default=ShownMetric(), kw_only=True)


@dataclass(frozen=True)
class InstrumentEntry(CatalogueEntry):
    """A function of what follows ``@`` and of the ``device``, as far as it takes them, that returns an instrument.

    ``source``: its weights in the checkout. ``weights``: the places of ``harness.weights.places.Weights`` that say
    where its other weights are looked for, all of which it needs; the first is what ``NAME@PATH`` names (they import
    nothing heavy: ``list`` asks them). ``shown``: what it finds that can be drawn over a picture.
    """

    kind: ClassVar[Kind] = "instrument"
    source: str = field(default="", kw_only=True)
    weights: tuple[str, ...] = field(default=(), kw_only=True)
    shown: ShownInstrument = field(default=ShownInstrument(), kw_only=True)


@dataclass(frozen=True)
class DataEntry(CatalogueEntry):
    """A data set that is prepared once: ``prepare(source: str | None) -> Path``. ``at_hand`` is the place of a function
    without arguments that says, without opening the data, whether it is prepared here (it imports nothing heavy)."""

    kind: ClassVar[Kind] = "data"
    at_hand: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class StreamEntry(CatalogueEntry):
    """What models learn from, or are chosen by: ``open(seed: int)`` of ``TrainingImages``, ``TrainingLessons`` or
    ``ValidationImages``."""

    kind: ClassVar[Kind] = "stream"


@dataclass(frozen=True)
class RecipeEntry(CatalogueEntry):
    """A ``Recipe``, a function that returns one, or a TOML file of the checkout (``folder/name.toml``). ``needs`` are
    the recipes whose checkpoints it is made from."""

    kind: ClassVar[Kind] = "recipe"
    needs: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class SuiteEntry(CatalogueEntry):
    """A function without arguments that returns a ``SuiteSpec``."""

    kind: ClassVar[Kind] = "suite"


@dataclass(frozen=True)
class TrainerEntry(CatalogueEntry):
    """A function that trains what a recipe says."""

    kind: ClassVar[Kind] = "trainer"


@dataclass(frozen=True)
class ClaimsEntry(CatalogueEntry):
    """Claims of a paper as testable statements: a TOML file of the checkout (``folder/name.toml``), or what such a file
    would say. ``ddtbench claims`` answers them from stored runs, those of low ``order`` first."""

    kind: ClassVar[Kind] = "claims"
    order: int = field(default=100, kw_only=True)


@dataclass(frozen=True)
class PublishedEntry(CatalogueEntry):
    """A published table: a TOML file of the package, ``package/folder/published.toml`` (``harness.published`` says what
    stands in it)."""

    kind: ClassVar[Kind] = "published"


@dataclass(frozen=True)
class ConventionsEntry(CatalogueEntry):
    """The ways in which published programs score the same pictures: a TOML file of the package (``harness.conventions``
    says what stands in it)."""

    kind: ClassVar[Kind] = "conventions"


CLASSES: dict[str, type[CatalogueEntry]] = {
    kind.kind: kind
    for kind in (
        ModelEntry,
        TaskEntry,
        MetricEntry,
        InstrumentEntry,
        DataEntry,
        StreamEntry,
        RecipeEntry,
        SuiteEntry,
        TrainerEntry,
        ClaimsEntry,
        PublishedEntry,
        ConventionsEntry,
    )
}


def Entry(kind: str, name: str, place: str, summary: str, **rest: Any) -> CatalogueEntry:
    """The line of this kind, as packages wrote it before there was a class for each.

    A task is shown by its name, and ``control=True`` is a model's role. Raises TypeError for an unknown kind or key.
    """
    if kind not in CLASSES:
        raise TypeError(f"'{name}' is of the unknown kind '{kind}'")
    if kind == "task":
        rest.setdefault("shown", ShownTask(title=name))
    if kind == "model" and rest.pop("control", False):
        rest.setdefault("shown", ShownModel(role="control"))
    return CLASSES[kind](name, place, summary, **rest)
