"""The frozen values that pass between the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np


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
    made, "output" what it made, further names as the task says); they are stored as PNG. ``record``:
    what the subject says of how it came to each of its answers (``KeepsRecord``); nothing is scored by it.
    """

    case: Case
    outcome: Literal["ok", "failed"] = "ok"
    reason: str = ""
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    codes: Sequence[int] = ()
    text: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    record: Sequence[Mapping[str, Any]] = ()


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
