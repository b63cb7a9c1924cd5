"""What a task, an instrument and a metric are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from harness.contracts.values import Case, Sample

if TYPE_CHECKING:
    import numpy as np


class Task(Protocol):
    """One benchmark: its cases, how a subject is asked, which instruments look at the samples, which metrics count.

    Optional: ``ChecksAhead``, ``HasOwnCases``, ``HasSettings``, ``ComputesUnits``; ``shown``, a ``ShownTask``, where
    its argument changes how it is shown; ``reads_data``, the data entries that its argument names, which its runs cite.
    """

    @property
    def name(self) -> str:
        """The name with its argument, safe in a path, for example ``reconstruction-fashion``."""
        ...

    @property
    def version(self) -> int: ...

    @property
    def examines(self) -> str:
        """The name of the Protocol a subject must satisfy, for example ``ImageTokenizer``."""
        ...

    @property
    def data_revision(self) -> str:
        """A digest or version of the data, part of the run's key."""
        ...

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The protocol of the numbers, JSON-able: reference set, crop, resize filter, rounding ..."""
        ...

    @property
    def instruments(self) -> Sequence[str]: ...

    @property
    def metrics(self) -> Sequence[str]: ...

    def cases(self) -> Sequence[Case]: ...

    def load(self, case: Case) -> Any:
        """The input of one case. An exception here fails that case only."""
        ...

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> Sequence[Sample]:
        """One batch. An exception makes the engine ask again case by case, so that only the guilty case fails."""
        ...

    def probe(self, subject: Any) -> Mapping[str, float]:
        """What asking costs: parameters, FLOPs, milliseconds per image ... (never part of the byte promise)."""
        ...


@runtime_checkable
class ChecksAhead(Protocol):
    """A task that can tell beforehand what would fail later."""

    def check(self) -> None:
        """Called when a run is planned. Raises UserError."""
        ...


@runtime_checkable
class HasOwnCases(Protocol):
    """A task whose cases may be the subject's own pictures, so that two subjects need not have the same."""

    @property
    def own_cases(self) -> bool: ...


@runtime_checkable
class HasSettings(Protocol):
    """A task that sets what a subject may set too (sampling); JSON-able, part of the run's key."""

    @property
    def settings(self) -> Mapping[str, Any]: ...


@runtime_checkable
class ComputesUnits(Protocol):
    """A task that another program puts to the subject, all cases of a run at once: it brings its own engine."""

    def engine(self, model: str, device: str, job: Any) -> Any:
        """An ``Engine`` for this job, of the model ``NAME[@SOURCE]``. The task's ``load`` and ``ask`` are not called,
        nor is a subject opened for it."""
        ...


class Instrument(Protocol):
    """Sees samples in batches: detector, feature extractor, perceptual net. ``digest`` names the version of what it
    sees with.

    Its maker takes what follows ``@`` in ``NAME@PATH`` where it has weights, and ``device`` where it can compute
    elsewhere than on the CPU. Optional: ``device``, where it does compute (``cpu`` without it), which its observations
    are stored with.
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def unavailable(self) -> str:
        """Why it cannot be used here (a missing backbone ...), or an empty string. Downloads nothing, ever."""
        ...

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """Columns of equal length, one row per sample: floats, ints, strings (JSON for structures) or float32
        vectors."""
        ...


Columns = Mapping[str, Any]
"""Per-case arrays in case order, ok cases only: ``case``, ``group``, ``stratum``, ``facts`` (JSON strings), ``codes``
(list of int arrays), ``number.<name>``, and ``<instrument>.<column>`` for each observed column. Vectors are 2-d float
arrays, or stay on disk where they are many: rows of them can be taken, and ``np.asarray`` reads them."""


class RatioMetric(Protocol):
    """A metric that is a ratio of sums over cases (a mean is a ratio with denominators 1). Clustered bootstrap.

    Optional, of every kind of metric: ``traits`` (``MetricTraits``) and the methods of ``harness.contracts.traits``.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def direction(self) -> Literal["higher", "lower", "none"]: ...
    @property
    def unit(self) -> str: ...
    @property
    def worst(self) -> float | None: ...
    @property
    def needs(self) -> Sequence[str]:
        """The columns that it reads; if one is absent the estimate is *not measured*, with the reason."""
        ...

    def parts(self, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """(numerators, denominators), float64, one per case."""
        ...


class SetMetric(Protocol):
    """A metric of a set: features -> sufficient statistics -> value, and statistics add. Grouped jackknife."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def direction(self) -> Literal["higher", "lower", "none"]: ...
    @property
    def unit(self) -> str: ...
    @property
    def needs(self) -> Sequence[str]: ...

    def state(self, columns: Columns) -> Any:
        """Sufficient statistics of these cases; states of disjoint cases add with ``+``."""
        ...

    def value(self, state: Any) -> float: ...


class StatedMetric(Protocol):
    """A number that another program states over all cases; nothing of it belongs to a case, so it has no interval."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def direction(self) -> Literal["higher", "lower", "none"]: ...
    @property
    def unit(self) -> str: ...
    @property
    def method(self) -> str:
        """Who states it, in place of an interval's method."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """As ``RatioMetric.needs``; the values may be NaN where a case does not have them."""
        ...

    def stated(self, columns: Columns, asked: int) -> float:
        """The number; ``asked`` counts all cases, failed ones among them. Raises NotMeasured with the reason."""
        ...
