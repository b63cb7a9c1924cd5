"""Stored samples and observations as columns, one array per name in case order: what metrics read.

An instrument's columns appear only if it has seen every unit as it is stored now; a unit made again makes them stale.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.contracts import Columns
from harness.errors import UserError
from harness.spec import path_safe
from harness.store.contents import Contents
from harness.store.parts import RECORD, Part, metadata_of
from harness.store.stored_vectors import Piece, StoredVectors
from harness.texts import first_line

HELD = 1 << 23
"""Bytes of one column of vectors that are held in memory; a larger one is read when it is looked at."""


def observations_folder(name: str, digest: str) -> str:
    """Where an instrument's observations lie inside the run folder."""
    return f"observations/{path_safe(name)}-{path_safe(digest)}"


@dataclass(frozen=True)
class StoredCases:
    """What measuring needs of a run: ``columns`` of the ok cases in case order; ``failed``, the others' reasons.

    An ok case in which an instrument failed has a reason in ``columns["<instrument>._failed"]`` ("" elsewhere); its
    numbers there are NaN (0 in a whole-number column, "" in a text column) and must not be scored.
    """

    columns: Columns
    failed: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)
    strata: Mapping[str, str] = field(default_factory=dict)


def stored_cases(folder: Contents, limit: int | None, unreadable: dict[str, str] | None = None) -> StoredCases:
    """The columns of the ok cases, and the failed cases with their reasons. An instrument whose observations do not
    hold is added to ``unreadable`` with the reason; without it, raises UserError."""
    parts = _without_images(folder, limit)
    if not parts:
        return StoredCases({}, {})
    everything = pa.concat_tables([table for _, table in parts])
    good = pc.equal(everything["outcome"], "ok")
    ok, bad = everything.filter(good), everything.filter(pc.invert(good))
    known: dict[str, str] = {}
    columns: dict[str, Any] = {name: _texts(ok[name], known) for name in ("case", "group", "stratum", "facts")}
    columns["codes"] = _code_arrays(ok["codes"])
    columns.update(_numbers(ok["numbers"]))
    for instrument in sorted(folder.instruments()):
        try:
            seen = _observed(folder, instrument, parts, HELD)
        except UserError as error:
            if unreadable is None:
                raise
            unreadable[instrument] = str(error)
            continue
        columns.update({f"{instrument}.{name}": values for name, values in seen.items()})
    # where no case failed, the texts that are there already
    ids, groups, strata = (
        _texts(everything[name], known) if bad.num_rows else columns[name] for name in ("case", "group", "stratum")
    )
    return StoredCases(
        columns,
        dict(zip(bad["case"].to_pylist(), bad["reason"].to_pylist(), strict=True)),
        dict(zip(ids, groups, strict=True)),
        dict(zip(ids, strata, strict=True)),
    )


def observed(folder: Contents, instrument: str, limit: int | None) -> dict[str, Any]:
    """The columns of one instrument for the ok cases; {} if it has not seen all of them."""
    return _observed(folder, instrument, _without_images(folder, limit))


def _without_images(folder: Contents, limit: int | None) -> list[tuple[Part, pa.Table]]:
    """Also without what subjects say of their answers, which some parts of a run have and others do not."""

    def light(table: pa.Table) -> pa.Table:
        return table.drop_columns([name for name in ("images", RECORD) if name in table.column_names])

    return [(part, light(table)) for part, table in folder.limited_tables(limit)]


def _texts(column: pa.ChunkedArray, known: dict[str, str]) -> np.ndarray:
    """An object array of strings, of which equal ones are one object, also with those ``known``."""
    found = np.empty(len(column), object)
    place = 0
    for chunk in column.chunks:
        texts = chunk.to_pylist()
        found[place : place + len(texts)] = [known.setdefault(text, text) for text in texts]
        place += len(texts)
    return found


def _code_arrays(column: pa.ChunkedArray) -> np.ndarray:
    """An object array of int32 arrays: views of one, and the same empty one for all samples without codes."""
    arrays, none = np.empty(len(column), object), np.zeros(0, np.int32)
    place = 0
    for chunk in column.chunks:
        values, ends = chunk.values.to_numpy(), chunk.offsets.to_numpy()
        for start, end in itertools.pairwise(ends):
            arrays[place] = values[start:end] if end > start else none
            place += 1
    return arrays


def _numbers(column: pa.ChunkedArray) -> dict[str, np.ndarray]:
    """``number.<name>`` as float64; NaN where a sample does not have that number."""
    found: dict[str, np.ndarray] = {}
    texts = itertools.chain.from_iterable(chunk.to_pylist() for chunk in column.chunks)
    try:
        for place, text in enumerate(texts):
            for name, value in json.loads(text).items():
                if name not in found:
                    found[name] = np.full(len(column), np.nan)
                found[name][place] = value
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"the numbers of a stored sample cannot be read ({first_line(error)}): run again") from error
    return {f"number.{name}": found[name] for name in sorted(found)}


def _observed(
    folder: Contents, instrument: str, parts: Sequence[tuple[Part, pa.Table]], held: float = np.inf
) -> dict[str, Any]:
    """Vectors of more than ``held`` bytes in a column stay on disk (``StoredVectors``)."""
    digest = folder.instruments().get(instrument)
    if digest is None:
        return {}
    place = observations_folder(instrument, digest)
    rows = sum(samples.num_rows for _, samples in parts)
    large: dict[str, int] = {}
    stored: dict[str, tuple[Part, pa.Table]] = {}
    for part, table in folder.tables(place):
        kinds = {field.name: field.type for field in table.schema if pa.types.is_fixed_size_list(field.type)}
        large |= {name: kind.list_size for name, kind in kinds.items() if 4 * rows * kind.list_size > held}
        kept = table.drop_columns([name for name in kinds if name in large])
        stored[table_source(table)] = part, kept
    tables, pieces = [], []
    for part, samples in parts:
        if part.digest not in stored:
            return {}
        of, seen = stored[part.digest]
        # A limit may cut a unit: keep the observations of its ok cases alone.
        chosen = samples["case"].combine_chunks()
        tables.append(seen.filter(pc.is_in(seen["case"], chosen)))
        pieces.append((tables[-1].num_rows, of, chosen))
    names = sorted({name for table in tables for name in table.column_names} - {"case"})
    found: dict[str, Any] = {name: _merge([_array(table, name) for table in tables]) for name in names}
    read = _Reader(folder, place)
    for name, width in large.items():
        lazy = [Piece(count, partial(read.vectors, of, name, width, chosen)) for count, of, chosen in pieces]
        found[name] = StoredVectors(lazy, width)
    return found


class _Reader:
    """Reads the vectors of one part; the part read last is kept, since its columns are asked for in turn."""

    def __init__(self, folder: Contents, place: str) -> None:
        self._folder, self._place = folder, place
        self._last: tuple[Part, pa.Table] | None = None

    def vectors(self, part: Part, name: str, width: int, chosen: pa.Array) -> np.ndarray:
        """The column of these cases: NaN where the instrument failed."""
        if self._last is None or self._last[0] != part:
            table, problem = self._folder.inspect(part, self._place)
            if table is None:
                raise UserError(f"{self._folder.path}/{self._place}/{part.file} {problem}: observe again")
            self._last = part, table
        table = self._last[1]
        found = _array(table.filter(pc.is_in(table["case"], chosen)), name)
        return np.full((found, width), np.nan, np.float32) if isinstance(found, int) else found


def table_source(table: pa.Table) -> str:
    """The digest of the samples part that an observations part was made from."""
    return metadata_of(table).get("samples", "")


def _array(table: pa.Table, name: str) -> Any:
    """The values of a column, or how many rows lack it (a unit in which the instrument failed on every sample)."""
    if name not in table.column_names:
        return table.num_rows
    column = table[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # no rows at all
        column = pa.array([], column.type)
    kind = column.type
    if pa.types.is_fixed_size_list(kind):
        rows = np.full((len(column), kind.list_size), np.nan, np.float32)
        present = column.is_valid().to_numpy(zero_copy_only=False)
        rows[present] = column.drop_null().flatten().to_numpy().reshape(-1, kind.list_size)
        return rows
    if pa.types.is_string(kind):
        return np.array([value or "" for value in column.to_pylist()], object)
    if pa.types.is_integer(kind):
        return np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _merge(arrays: Sequence[np.ndarray | int]) -> np.ndarray:
    """Concatenate over units; where a whole unit lacks the column, its rows hold what a null becomes."""
    example = next((array for array in arrays if isinstance(array, np.ndarray) and len(array)), np.zeros(0))
    missing: Any = "" if example.dtype == object else 0 if example.dtype == np.int64 else np.nan
    filled = [
        np.full((array, *example.shape[1:]), missing, example.dtype) if isinstance(array, int) else array
        for array in arrays
        if isinstance(array, int) or len(array) or len(arrays) == 1
    ]
    return np.concatenate(filled) if filled else example
