"""The samples of a run, found by case: parts are read column by column, and none is held longer than it is needed."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.store.parts import Part
from harness.store.run_folder import SAMPLES, RunFolder, observations_folder
from reports.reading.index import index_of
from reports.reading.run import Run
from reports.reading.samples import UNREADABLE, case_order

if TYPE_CHECKING:
    import pyarrow as pa

READ = ("case", "outcome", "reason", "text", "facts", "images", "codes")
"""What is read of a sample."""
Row = Mapping[str, Any]


class SamplesByCase:
    """The samples of one run. ``seen``: instrument -> columns of what it found, which are read beside them.

    Parts were checked when the run was read; one that can no longer be read holds nothing.
    """

    def __init__(self, run: Run, seen: Mapping[str, Collection[str]]) -> None:
        self._folder: RunFolder = run.folder
        self._parts = () if run.results_only else index_of(self._folder).parts
        self._places = _places(self._folder, seen)
        self._where: dict[str, int] = {}
        self._held: tuple[int, dict[str, Row]] = (-1, {})

    @property
    def bytes(self) -> int:
        """What its samples take on disk."""
        return 0 if not self._parts else sum(self._folder.folder.sizes(SAMPLES).values())

    def order(self) -> Iterator[tuple[str, str]]:
        """(case, stratum) in the order in which the cases were asked."""
        return iter(case_order(self._folder).items()) if self._parts else iter(())

    def expect(self, cases: Collection[str]) -> None:
        """Find out where these cases stand: they are asked for next."""
        if self._parts:
            self._where |= index_of(self._folder).where(cases)

    def row(self, case: str) -> Row | None:
        """The sample of an expected case as it is stored, what instruments found in it under ``seen``; None where the
        run has none."""
        place = self._where.get(case)
        if place is None:
            return None
        if self._held[0] != place:
            self._held = place, self._read(place)
        return self._held[1].get(case)

    def _read(self, place: int) -> dict[str, Row]:
        import pyarrow as pa
        import pyarrow.compute as pc

        part = self._parts[place]
        table = self._columns(SAMPLES, part, READ)
        if table is None:
            return {}
        wanted = pa.array([case for case, where in self._where.items() if where == place], pa.string())
        found = {row["case"]: row for row in table.filter(pc.is_in(table["case"], value_set=wanted)).to_pylist()}
        for instrument, (folder, parts, columns) in self._places.items():
            of = parts.get(int(part.unit))
            seen = None if of is None else self._columns(folder, of, ("case",), columns)
            for row in seen.to_pylist() if seen is not None else ():
                if row["case"] in found:
                    found[row["case"]].setdefault("seen", {})[instrument] = row
        return found

    def _columns(self, folder: str, part: Part, names: Collection[str], also: Collection[str] = ()) -> pa.Table | None:
        """These columns of a part, and ``also`` those of these that it has; None where it cannot be read."""
        import pyarrow.parquet as pq

        store, name = self._folder.folder, f"{folder}/{part.file}"
        try:
            with pq.ParquetFile(store.local_path(name) if store.local else io.BytesIO(store.read(name))) as file:
                there = set(file.schema_arrow.names)
                wanted = [*names, *(item for item in also if item in there)]
                return file.read(wanted, use_threads=False) if there.issuperset(names) else None
        except UNREADABLE:
            return None


def _places(
    folder: RunFolder, seen: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, dict[int, Part], Collection[str]]]:
    """instrument -> (its folder, its parts by unit, columns)."""
    digests = folder.instruments() if seen else {}
    found = {}
    for instrument, columns in seen.items():
        if instrument in digests:
            place = observations_folder(instrument, digests[instrument])
            found[instrument] = place, {int(part.unit): part for part in folder.parts(place)}, columns
    return found
