"""What stored samples hold, read when it is shown: pictures, texts, facts, failures and the order of cases."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.contracts import Sample
from harness.store.run_folder import RunFolder
from reports.reading.index import COLUMNS, UNREADABLE, as_set, index_of, read_parts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "COLUMNS",
    "UNREADABLE",
    "Failure",
    "StoredSample",
    "case_order",
    "decoded_samples",
    "pictures",
    "read_failures",
    "sample_numbers",
    "stored_samples",
]


@dataclass(frozen=True)
class Failure:
    """A case that a subject could not do, with the reason it gave."""

    case: str
    reason: str


def pictures(folder: RunFolder, cases: Iterable[str]) -> dict[str, dict[str, bytes]]:
    """case -> image name -> PNG bytes, for the cases that succeeded."""
    found: dict[str, dict[str, bytes]] = {}
    for _, table in _with_cases(folder, cases, ("case", "outcome", "images")):
        for row in table.to_pylist():
            if row["outcome"] == "ok":
                found[row["case"]] = {item["name"]: item["image"]["bytes"] for item in row["images"] or []}
    return found


@dataclass(frozen=True)
class StoredSample:
    """One sample as it is stored: facts of its case, what was said and drawn (PNG bytes by name), the part of the run
    folder that holds it, and the numbers that it states itself."""

    case: str
    ok: bool
    reason: str
    text: str
    facts: Mapping[str, Any] = field(hash=False)
    images: Mapping[str, bytes] = field(hash=False)
    part: str = ""
    numbers: Mapping[str, float] = field(hash=False, default_factory=dict)


def stored_samples(folder: RunFolder, cases: Iterable[str]) -> dict[str, StoredSample]:
    """case -> sample, failed ones among them."""
    found: dict[str, StoredSample] = {}
    for part, table in _with_cases(folder, cases, COLUMNS):
        for row in table.to_pylist():
            images = {item["name"]: item["image"]["bytes"] for item in row["images"] or []}
            facts = facts_in(row["facts"])
            words = row["reason"] or "", row["text"] or ""
            numbers = _numbers_in(row["numbers"])
            found[row["case"]] = StoredSample(row["case"], row["outcome"] == "ok", *words, facts, images, part, numbers)
    return found


def decoded_samples(folder: RunFolder, limit: int | None = None) -> Iterator[list[Sample]]:
    """The samples of the first ``limit`` cases that succeeded, part by part in the order in which they were asked,
    their pictures as arrays. Raises UserError for a part that does not hold."""
    for samples in folder.samples(limit):
        yield [sample for sample in samples if sample.outcome == "ok"]


def case_order(folder: RunFolder) -> dict[str, str]:
    """case -> stratum, in the order in which the cases were asked."""
    rows = index_of(folder).rows
    strata = (stratum or "" for stratum in rows["stratum"].to_pylist())
    return dict(zip(rows["case"].to_pylist(), strata, strict=True))


def sample_numbers(folder: RunFolder) -> tuple[list[str], dict[str, array[float]]]:
    """(cluster of each case, name -> number of each case): what samples state themselves.

    Failed cases are left out, and so are names that not every sample has.
    """
    groups: list[str] = []
    found: dict[str, array[float]] = {}
    for _, table in read_parts(folder, index_of(folder).parts, ("group", "outcome", "numbers")):
        for row in table.to_pylist() if table is not None else ():
            if row["outcome"] != "ok":
                continue
            stated = _numbers_in(row["numbers"])
            found = found if groups else {name: array("d") for name in stated}
            groups.append(row["group"])
            for name in [name for name in found if name not in stated]:
                del found[name]
            for name, values in found.items():
                values.append(float(stated[name]))
    return groups, found


def facts_in(text: str | None) -> dict[str, Any]:
    """What is stored, or nothing where it is no JSON object: a report shows what it can."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _numbers_in(text: str | None) -> dict[str, float]:
    return {name: value for name, value in facts_in(text).items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _with_cases(folder: RunFolder, cases: Iterable[str], columns: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """(file, rows of the cases) of every part that holds some of them."""
    import pyarrow.compute as pc

    wanted = list(cases)
    for part, table in read_parts(folder, index_of(folder).parts_with(wanted), columns):
        if table is not None:
            yield part.file, table.filter(pc.is_in(table["case"], value_set=as_set(wanted)))


def read_failures(folder: RunFolder) -> tuple[tuple[Failure, ...], int, list[tuple[str, str]]]:
    """(failures by name, samples stored, parts that cannot be read)."""
    if folder.results_only:  # its manifest keeps what the samples said of failures
        kept = folder.manifest()
        return tuple(Failure(str(case), str(why)) for case, why in kept.get("failures", ())), int(kept["stored"]), []
    import pyarrow.compute as pc

    index = index_of(folder)
    failed = index.rows.filter(pc.not_equal(index.rows["outcome"], "ok")).select(["case", "reason"]).to_pylist()
    failures = sorted((Failure(row["case"], row["reason"] or "") for row in failed), key=lambda item: item.case)
    troubles = [(f"samples/{name}", "damaged: run again to make it again") for name in index.unread]
    return tuple(failures), index.rows.num_rows, troubles
