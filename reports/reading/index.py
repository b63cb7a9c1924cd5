"""Which part of a run folder holds which cases: every part is passed over once, and read again only for what is shown.

A report asks for a few cases again and again; of a run of a million samples it must not read them all each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from harness.errors import UserError
from harness.store.parts import Part
from harness.store.run_folder import RunFolder

if TYPE_CHECKING:
    import pyarrow as pa

# All that a truncated, foreign or hand-edited file of a run can raise while it is read (pyarrow's errors among them).
UNREADABLE = (UserError, OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError)
COLUMNS = ("case", "group", "stratum", "outcome", "reason", "text", "facts", "numbers", "images")
"""What is read of a sample."""
KEPT = ("case", "stratum", "reason", "outcome")
"""What is kept of every sample."""


@dataclass(frozen=True, eq=False)
class Index:
    """``rows`` has the columns of ``KEPT`` and ``place``, the part's place in ``parts``: a row for each stored sample,
    in the order of the parts. ``unread`` are the files that do not hold, cannot be read, or lack a column."""

    parts: tuple[Part, ...]
    rows: pa.Table
    unread: tuple[str, ...]

    def parts_with(self, cases: Iterable[str]) -> list[Part]:
        """The parts that hold any of the cases, in their order."""
        return [self.parts[place] for place in sorted(set(self.where(cases).values()))]

    def where(self, cases: Iterable[str]) -> dict[str, int]:
        """case -> the place of its part, of those that are there; the last, should a killed writer have left two."""
        import pyarrow.compute as pc

        rows = self.rows.filter(pc.is_in(self.rows["case"], value_set=as_set(cases)))
        return dict(zip(rows["case"].to_pylist(), rows["place"].to_pylist(), strict=True))


_KNOWN: WeakKeyDictionary[RunFolder, Index] = WeakKeyDictionary()


def index_of(folder: RunFolder) -> Index:
    """Made when first asked for, and kept as long as the folder is open."""
    if folder not in _KNOWN:
        _KNOWN[folder] = _indexed(folder)
    return _KNOWN[folder]


def _indexed(folder: RunFolder) -> Index:
    import pyarrow as pa

    parts: list[Part] = []
    tables: list[pa.Table] = []
    unread: list[str] = []
    for part, table in read_parts(folder, folder.parts(), KEPT):
        try:
            texts = [] if table is None else [table[name].combine_chunks().cast(pa.string()) for name in KEPT]
        except UNREADABLE:
            texts = []
        if not texts:
            unread.append(part.file)
            continue
        place = pa.array([len(parts)] * len(texts[0]), pa.int32())
        tables.append(pa.table([*texts[:-1], texts[-1].fill_null(""), place], names=[*KEPT, "place"]))
        parts.append(part)
    schema = pa.schema([*((name, pa.string()) for name in KEPT), ("place", pa.int32())])
    return Index(tuple(parts), pa.concat_tables(tables) if tables else schema.empty_table(), tuple(unread))


def read_parts(
    folder: RunFolder, parts: Iterable[Part], columns: Sequence[str]
) -> Iterator[tuple[Part, pa.Table | None]]:
    """(part, table of these columns); None for one whose bytes are not what its name says, that cannot be read, or that
    lacks a column."""
    for part in parts:
        try:
            table = folder.read(part, columns=columns)
            shown = None if table is None else table.select(list(columns))
        except UNREADABLE:
            shown = None
        yield part, shown


def as_set(cases: Iterable[str]) -> pa.Array:
    """The cases for Arrow to look up."""
    import pyarrow as pa

    return pa.array(sorted(set(cases)), type=pa.string())
