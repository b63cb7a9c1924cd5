"""What stored samples hold, read when it is shown: pictures, texts, facts, failures and the order of cases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.contracts import Sample
from harness.errors import UserError
from harness.store.run_folder import RunFolder

if TYPE_CHECKING:
    import pyarrow as pa

# All that a truncated, foreign or hand-edited file of a run can raise while it is read (pyarrow's errors among them).
UNREADABLE = (UserError, OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError)


COLUMNS = ("case", "group", "stratum", "outcome", "reason", "text", "facts", "numbers", "images")
"""What is read of a sample."""


@dataclass(frozen=True)
class Failure:
    """A case that a subject could not do, with the reason it gave."""

    case: str
    reason: str


def pictures(folder: RunFolder, cases: Iterable[str]) -> dict[str, dict[str, bytes]]:
    """case -> image name -> PNG bytes, for the cases that succeeded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(set(cases)), type=pa.string())
    found: dict[str, dict[str, bytes]] = {}
    for _, table in _samples(folder):
        if table is None:
            continue
        for row in (
            table.filter(pc.is_in(table["case"], value_set=wanted)).select(["case", "outcome", "images"]).to_pylist()
        ):
            if row["outcome"] == "ok":
                found[row["case"]] = {item["name"]: item["image"]["bytes"] for item in row["images"] or []}
        if len(found) == len(wanted):
            break
    return found


@dataclass(frozen=True)
class StoredSample:
    """One sample as it is stored: facts of its case, what was said and drawn (PNG bytes by name), and the part of the
    run folder that holds it."""

    case: str
    ok: bool
    reason: str
    text: str
    facts: Mapping[str, Any] = field(hash=False)
    images: Mapping[str, bytes] = field(hash=False)
    part: str = ""


def stored_samples(folder: RunFolder, cases: Iterable[str]) -> dict[str, StoredSample]:
    """case -> sample, failed ones among them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(set(cases)), type=pa.string())
    found: dict[str, StoredSample] = {}
    for part, table in _samples(folder):
        if table is None:
            continue
        for row in table.filter(pc.is_in(table["case"], value_set=wanted)).to_pylist():
            images = {item["name"]: item["image"]["bytes"] for item in row["images"] or []}
            facts = facts_in(row["facts"])
            words = row["reason"] or "", row["text"] or ""
            found[row["case"]] = StoredSample(row["case"], row["outcome"] == "ok", *words, facts, images, part)
    return found


def decoded_samples(folder: RunFolder, limit: int | None = None) -> Iterator[list[Sample]]:
    """The samples of the first ``limit`` cases that succeeded, part by part in the order in which they were asked,
    their pictures as arrays. Raises UserError for a part that does not hold."""
    for samples in folder.samples(limit):
        yield [sample for sample in samples if sample.outcome == "ok"]


def case_order(folder: RunFolder) -> dict[str, str]:
    """case -> stratum, in the order in which the cases were asked."""
    return {
        row["case"]: row["stratum"] or ""
        for _, table in _samples(folder)
        if table is not None
        for row in table.select(["case", "stratum"]).to_pylist()
    }


def sample_numbers(folder: RunFolder) -> tuple[list[str], dict[str, list[float]]]:
    """(cluster of each case, name -> number of each case): what samples state themselves.

    Failed cases are left out, and so are names that not every sample has.
    """
    groups: list[str] = []
    rows: list[dict[str, float]] = []
    for _, table in _samples(folder):
        if table is None:
            continue
        for row in table.select(["group", "outcome", "numbers"]).to_pylist():
            if row["outcome"] == "ok":
                groups.append(row["group"])
                rows.append({name: value for name, value in facts_in(row["numbers"]).items() if _is_number(value)})
    names = [name for name in (rows[0] if rows else {}) if all(name in row for row in rows)]
    return groups, {name: [float(row[name]) for row in rows] for name in names}


def facts_in(text: str | None) -> dict[str, Any]:
    """What is stored, or nothing where it is no JSON object: a report shows what it can."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _samples(folder: RunFolder) -> Iterator[tuple[str, pa.Table | None]]:
    """(name, table) of every part; None for one whose bytes are not what its name says, that cannot be read, or that
    lacks a column."""
    for part in folder.parts():
        try:
            table = folder.read(part)
            shown = None if table is None else table.select(list(COLUMNS))
        except UNREADABLE:
            shown = None
        yield part.file, shown


def read_failures(folder: RunFolder) -> tuple[tuple[Failure, ...], int, list[tuple[str, str]]]:
    """(failures by name, samples stored, parts that cannot be read)."""
    if folder.results_only:  # its manifest keeps what the samples said of failures
        kept = folder.manifest()
        return tuple(Failure(str(case), str(why)) for case, why in kept.get("failures", ())), int(kept["stored"]), []
    failures: list[Failure] = []
    troubles: list[tuple[str, str]] = []
    asked = 0
    for name, table in _samples(folder):
        if table is None:
            troubles.append((f"samples/{name}", "damaged: run again to make it again"))
            continue
        asked += table.num_rows
        rows = table.select(["case", "outcome", "reason"]).to_pylist()
        failures += [Failure(row["case"], row["reason"] or "") for row in rows if row["outcome"] != "ok"]
    return tuple(sorted(failures, key=lambda item: item.case)), asked, troubles
