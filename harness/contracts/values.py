"""The frozen values that pass between the stages, and the lines of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["model", "task", "suite", "metric", "instrument", "data", "recipe", "trainer", "published"]


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue: a name and the place it is loaded from, only when asked for.

    ``place`` is ``"module:attribute"``. What the attribute is depends on ``kind``: for a model, a callable
    ``open(source: str, device: str) -> subject`` where ``source`` is a folder, file or hub id (``""``: nothing to
    open); for a task, ``build(argument: str, subject) -> Task`` where ``argument`` is what follows ``@`` in
    ``NAME@ARGUMENT``; for a suite, a function without arguments that returns a SuiteSpec; for a metric or an
    instrument, a function without arguments; for data, a factory ``open(seed: int)`` of ``TrainingImages`` or
    ``TrainingLessons``; for a recipe, a ``Recipe`` or a function that returns one, or a
    TOML file of the checkout (``folder/name.toml``). ``provides`` names the Protocols a model satisfies; ``source`` is
    the default checkpoint, relative to the checkout. A model that is a ``control`` shows the scale and is never ranked.
    ``needs`` are the recipes whose checkpoints this recipe is made from; of a model without a default checkpoint, what
    must follow its ``@`` (``("FILE last.ckpt",)``). ``data`` are the data entries that a task can read beside what
    needs no preparing; ``at_hand`` of such an entry is the place of a function without arguments that says, without
    opening the data, whether it is prepared here (it imports nothing heavy: ``list`` calls it). ``exports`` of a task
    are the forms of other programs that its runs can be written in, each with the place of a ``harness.export.Writer``.
    """

    kind: Kind
    name: str
    place: str
    summary: str
    provides: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    paper: str = ""
    control: bool = False
    needs: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    at_hand: str = ""
    exports: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Case:
    """One question put to a subject. ``id`` survives code changes: it is the join key of every paired comparison.

    ``group`` is the cluster for the bootstrap (a prompt, an image), ``stratum`` an optional tag that tables break
    down by, ``facts`` is JSON-able ground truth that measuring needs (objects of a scene, caption ...).
    """

    id: str
    group: str
    stratum: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """What a subject made of a case. A failure has a ``reason`` and nothing else; it is counted, never scored 0.

    ``images`` are named 8-bit RGB arrays ``height width 3`` ("reference" is what the subject was shown or should have
    made, "output" what it made, further names as the task says); they are stored as PNG.
    """

    case: Case
    outcome: Literal["ok", "failed"] = "ok"
    reason: str = ""
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    codes: Sequence[int] = ()
    text: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, the method that made the interval, and how many cases were scored and failed.

    ``value is None`` means *not measured*, and ``absent`` says why. ``failures_wrong`` is the value with every failed
    case counted at the metric's worst (None where the metric has no worst). ``fingerprint`` is the protocol: two
    estimates may be ranked only if equal. ``chance`` is the value of a subject that knows nothing (None: not stated, as
    in estimates of older versions).
    """

    metric: str
    version: int
    value: float | None
    low: float | None
    high: float | None
    method: str
    scored: int
    failed: int
    direction: Literal["higher", "lower", "none"]
    unit: str = ""
    stratum: str = ""
    failures_wrong: float | None = None
    absent: str = ""
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    chance: float | None = None
