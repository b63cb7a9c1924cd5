"""A published table: rows as they were printed, with their sources and what is known of their protocol.
``harness.published`` reads one from the file of a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

Trust = Literal["primary", "secondary", "own arithmetic"]
UNKNOWN = "UNKNOWN"
NOTHING = "-"
TRUSTS: tuple[str, ...] = get_args(Trust)
CASES = "cases"
"""The one key of a protocol that is no fingerprint's: how many cases were asked."""


@dataclass(frozen=True)
class Source:
    """Where numbers were read. ``trust``: *primary* (printed by the authors), *secondary* (told by somebody else), or
    *own arithmetic*."""

    key: str
    about: str
    trust: str
    protocol: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class PublishedColumn:
    """A column. ``metrics`` are those of the catalogue that measure it (``NAME*``: all that begin so), overall or in
    ``stratum``; a value in the table is ``scale`` times the metric's. ``mean_of`` and ``sum_of`` name the columns that
    it is computed from; ``trials``: of how many yes or no answers it is the share, where a source followed the
    benchmark."""

    name: str
    label: str
    metrics: tuple[str, ...] = ()
    stratum: str = ""
    direction: str = "higher"
    unit: str = ""
    scale: Decimal = Decimal(1)
    group: str = ""
    mean_of: tuple[str, ...] = ()
    sum_of: tuple[str, ...] = ()
    trials: int = 0
    protocol: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class PublishedNumber:
    """``printed`` as it stands in the source; ``exact`` is the same in the table's unit, none of its digits lost."""

    printed: str
    exact: Decimal

    @property
    def value(self) -> float:
        return float(self.exact)

    @property
    def half_digit(self) -> float:
        """Half of the last printed digit, in the table's unit: 0.005 of 0.66."""
        exponent = self.exact.as_tuple().exponent
        assert isinstance(exponent, int)
        return float(Decimal(5).scaleb(exponent - 1))

    @property
    def text(self) -> str:
        return format(self.exact, "f")


@dataclass(frozen=True)
class PublishedRow:
    """One row of one source. ``models``: whose runs are compared with it. ``counted``: the source asked the benchmark's
    own number of cases, so that ``trials`` of the columns hold. ``parameters`` of the model, 0 where none are told."""

    model: str
    variant: str
    group: str
    sources: tuple[Source, ...]
    trust: str
    models: tuple[str, ...]
    values: Mapping[str, PublishedNumber] = field(hash=False)
    protocol: Mapping[str, Any] = field(hash=False)
    note: str = ""
    counted: bool = False
    parameters: float = 0.0

    @property
    def label(self) -> str:
        return f"{self.model}, {self.variant}" if self.variant else self.model


@dataclass(frozen=True)
class PublishedTable:
    """All of a file. ``run`` is the command that measures a row, with ``{model}`` in it, ``elsewhere`` what to do for a
    row that no model of the catalogue opens; ``data`` and ``instruments`` are what it needs. ``words`` tell what
    follows the ``@`` of a task."""

    name: str
    title: str
    about: str
    tasks: tuple[str, ...]
    run: str
    elsewhere: str
    data: tuple[str, ...]
    instruments: tuple[str, ...]
    protocol: Mapping[str, Any] = field(hash=False)
    columns: tuple[PublishedColumn, ...]
    sources: tuple[Source, ...]
    rows: tuple[PublishedRow, ...]
    words: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column.group for column in self.columns))

    def of_group(self, group: str) -> tuple[PublishedColumn, ...]:
        return tuple(column for column in self.columns if column.group == group)

    def column(self, name: str) -> PublishedColumn:
        return next(column for column in self.columns if column.name == name)

    def protocol_of(self, column: PublishedColumn, row: PublishedRow | None = None) -> dict[str, Any]:
        """By which protocol a column's number was made, as far as it is known; without a row the benchmark's own.
        What a source says of other columns alone (how a PSNR is averaged) is left out."""
        own = {**self.protocol, **column.protocol}
        elsewhere = {key for other in self.columns for key in other.protocol} - own.keys()
        told = row.protocol.items() if row else ()
        return own | {key: value for key, value in told if key not in elsewhere}

    def others(self, row: PublishedRow, column: str) -> tuple[PublishedRow, ...]:
        """Rows of other sources that print something else of the same model, variant and column."""
        value = row.values[column].exact
        return tuple(
            other
            for other in self.rows
            if (other.label, other.group) == (row.label, row.group)
            and column in other.values
            and other.values[column].exact != value
        )
