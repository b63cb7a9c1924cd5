"""What is known of a stored part without opening it again: what whoever stored it hands on."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from harness.store.files import Folder
from harness.store.parts import Part, metadata_of, read_part


@dataclass(frozen=True)
class Stored:
    """A part that is there: its rows, the failed cases of samples with their reasons, and the digest of the environment
    that it was made in."""

    part: Part
    rows: int
    failed: tuple[tuple[str, str], ...]
    environment: str

    @classmethod
    def of(cls, part: Part, table: pa.Table) -> Stored:
        failed: tuple[tuple[str, str], ...] = ()
        if "outcome" in table.column_names:
            columns = (table[name].to_pylist() for name in ("case", "outcome", "reason"))
            failed = tuple((case, reason) for case, outcome, reason in zip(*columns, strict=True) if outcome != "ok")
        return cls(part, table.num_rows, failed, metadata_of(table).get("environment", ""))


def store_part(place: str, unit: str, data: bytes) -> Stored:
    """Store a part in the folder ``place``, from wherever this process is. Older parts of its unit stay: only who holds
    the run folder's lock may remove one."""
    part = Part.of(unit, data)
    Folder(place).write(part.file, data)
    return Stored.of(part, read_part(data, part.file))
