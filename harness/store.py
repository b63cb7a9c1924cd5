"""The run folder (schema 1): one spec, its samples, what instruments saw in them, and what was measured.

    ROOT/<subject>/<task>/<key>/
      spec.json  environment.json  cost.json  manifest.json  lock
      samples/<unit>-<sha16>.parquet
      observations/<instrument>-<digest>/<unit>-<sha16>.parquet
      measures/<case-set digest>/scores.parquet, estimates.json

Parts are read only if their bytes have the digest in their name. Writing needs the folder's lock (``writing``);
reading does not, since every file appears whole. One unit of images is held in memory at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from harness.columns import StoredCases, observations_folder, observed, stored_cases
from harness.contracts import Columns, Estimate, Sample
from harness.errors import UserError
from harness.files import Folder
from harness.parts import FAILED, SCHEMA, Part, digest16, encode_table, metadata_of, read_part, samples_of
from harness.spec import RunSpec

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = "samples"


def case_set_digest(cases: Sequence[str]) -> str:
    """The name of a set of cases, whatever their order: 16 hex digits."""
    return hashlib.sha256("\n".join(sorted(cases)).encode()).hexdigest()[:16]


class RunFolder:
    """One run on disk or on an object store. Open it with ``create_or_open`` or ``open``."""

    def __init__(self, folder: Folder, spec: RunSpec) -> None:
        self.folder = folder
        self.spec = spec
        self.key = spec.key()
        self._held = False

    @property
    def path(self) -> str:
        """The path or URL."""
        return self.folder.url

    @classmethod
    def create_or_open(cls, root: str | os.PathLike[str], spec: RunSpec) -> RunFolder:
        """The folder of this spec under ``root``, made if it is not there. The same spec lands in the same place."""
        folder = Folder(f"{Folder(root).url}/{spec.model}/{spec.task}/{spec.key()}")
        run_folder = cls(folder, spec)
        if folder.exists("spec.json"):
            return cls.open(folder.url)
        with run_folder.writing():
            folder.write_json("spec.json", {"schema": SCHEMA, "key": run_folder.key, "spec": spec.to_dict()})
        return run_folder

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """An existing run folder. Raises UserError if it is none, damaged, or of a newer schema."""
        folder = Folder(path)
        stored = folder.read_json("spec.json")
        if not stored:
            raise UserError(f"{folder} is not a run folder: it has no spec.json")
        schema = stored.get("schema", 0)
        if not isinstance(schema, int) or schema > SCHEMA:
            raise UserError(f"{folder} has schema {schema}, newer than the {SCHEMA} read here: use a newer ddtbench")
        if not isinstance(stored.get("spec"), dict):
            raise UserError(f"{folder}/spec.json holds no spec")
        spec = RunSpec.from_dict(stored["spec"])
        if spec.key() != stored.get("key"):
            raise UserError(
                f"{folder}/spec.json was changed: its spec has the key {spec.key()}, not {stored.get('key')}"
            )
        return cls(folder, spec)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer; what a killed one left half-made is removed. Inside itself it does nothing."""
        if self._held:
            yield
            return
        with self.folder.lock():
            self._held = True
            try:
                self.folder.clean()
                yield
            finally:
                self._held = False

    # -------------------------------------------------------------------------------------------- parts

    def parts(self, folder: str = SAMPLES) -> list[Part]:
        """The parts that are there, by name alone, in unit order. Their bytes are not looked at."""
        found = (Part.parse(name) for name in self.folder.names(folder))
        return sorted((part for part in found if part), key=lambda part: (int(part.unit), part.digest))

    def read(self, part: Part, folder: str = SAMPLES) -> pa.Table | None:
        """The table of a part, or None if its bytes do not have the digest in its name."""
        data = self.folder.read(f"{folder}/{part.file}")
        if digest16(data) != part.digest:
            return None
        return read_part(data, f"{self.path}/{folder}/{part.file}")

    def write_part(self, unit: str, data: bytes, folder: str = SAMPLES) -> Part:
        """Store a part, then remove older parts of its unit."""
        part = Part.of(unit, data)
        self.folder.write(f"{folder}/{part.file}", data)
        for other in self.parts(folder):
            if int(other.unit) == int(unit) and other != part:
                self.folder.remove(f"{folder}/{other.file}")
        return part

    def tables(self, folder: str = SAMPLES) -> Iterator[tuple[Part, pa.Table]]:
        """The parts in unit order, one per unit (the longest, should a killed writer have left two)."""
        units: dict[int, list[Part]] = {}
        for part in self.parts(folder):
            units.setdefault(int(part.unit), []).append(part)
        for parts in units.values():
            tables = [(part, table) for part in parts if (table := self.read(part, folder)) is not None]
            if not tables:
                cure = "run" if folder == SAMPLES else "observe"
                raise UserError(f"{self.path}/{folder}/{parts[0].file} is damaged: {cure} again, which makes it again")
            yield max(tables, key=lambda pair: pair[1].num_rows)

    # -------------------------------------------------------------------------------------------- reading

    def samples(self, limit: int | None = None) -> Iterator[list[Sample]]:
        """The samples of the first ``limit`` cases, unit by unit, images decoded."""
        for _, table in self.limited_tables(limit):
            yield samples_of(table)

    def limited_tables(self, limit: int | None) -> Iterator[tuple[Part, pa.Table]]:
        """The samples parts that hold the first ``limit`` cases, the last one cut."""
        left = limit
        for part, table in self.tables():
            if left is not None and left <= 0:
                return
            yield part, table if left is None else table.slice(0, left)
            left = None if left is None else left - table.num_rows

    def sample_frame(self, limit: int | None = None) -> pd.DataFrame:
        """The samples as a frame, without images; facts and numbers are JSON strings."""
        tables = [table.drop_columns(["images"]) for _, table in self.limited_tables(limit)]
        if not tables:
            import pandas as pd

            return pd.DataFrame()
        frame: pd.DataFrame = pa.concat_tables(tables).replace_schema_metadata(None).to_pandas()
        return frame

    def cases(self, limit: int | None = None) -> list[str]:
        """The ids of the cases that were asked, failed ones among them, in case order."""
        return [case for _, table in self.limited_tables(limit) for case in table.column("case").to_pylist()]

    def columns(self, limit: int | None = None) -> StoredCases:
        """What measuring needs: samples, and the observations of every instrument that has seen all of them."""
        return stored_cases(self, limit)

    def observation_columns(self, instrument: str, limit: int | None = None) -> dict[str, Any]:
        """One instrument's columns (its latest digest) for the ok cases, ``_failed`` too; {} if it has not seen all."""
        return observed(self, instrument, limit)

    def instruments(self) -> dict[str, str]:
        """Instrument -> digest, as last observed."""
        return dict(self.manifest().get("instruments", {}))

    def unavailable(self) -> dict[str, str]:
        """Instrument -> why it could not be used when last asked."""
        return dict(self.manifest().get("unavailable", {}))

    @property
    def mixed_environment(self) -> bool:
        """Whether samples, or what one instrument saw, were made under more than one environment."""
        folders = [SAMPLES, *(observations_folder(*item) for item in self.instruments().items())]
        return any(len(self.environments(folder)) > 1 for folder in folders)

    def environments(self, folder: str = SAMPLES) -> set[str]:
        """The digests of the environments in which the parts were made."""
        return {metadata_of(table).get("environment", "") for _, table in self.tables(folder)}

    # -------------------------------------------------------------------------------------------- small files

    def manifest(self) -> dict[str, Any]:
        """What is there, in short; empty before the first unit was finished."""
        return self.folder.read_json("manifest.json")

    def write_manifest(self, **changes: Any) -> None:
        """Replace these entries."""
        with self.writing():
            head = {"schema": SCHEMA, "subject": self.spec.model, "task": self.spec.task, "key": self.key}
            self.folder.write_json("manifest.json", {**head, **self.manifest(), **changes})

    def cost(self) -> dict[str, Any]:
        """What ``Task.probe`` returned, and the facts about training; empty if it was not probed."""
        return self.folder.read_json("cost.json")

    def write_cost(self, cost: Mapping[str, Any]) -> None:
        """Store the cost; not part of the byte promise."""
        with self.writing():
            self.folder.write_json("cost.json", dict(cost))

    # -------------------------------------------------------------------------------------------- measures

    def write_measures(self, digest: str, scores: pd.DataFrame | pa.Table, estimates: Sequence[Estimate]) -> None:
        """Store scores (metric, case, group, stratum, numerator, denominator) and estimates of a case set."""
        table = scores if isinstance(scores, pa.Table) else pa.Table.from_pandas(scores, preserve_index=False)
        head = {"schema": SCHEMA, "subject": self.spec.model, "task": self.spec.task, "key": self.key, "cases": digest}
        body = {**head, "mixed_environment": self.mixed_environment, "estimates": [asdict(item) for item in estimates]}
        with self.writing():
            self.folder.write(f"measures/{digest}/scores.parquet", encode_table(table))
            self.folder.write_json(f"measures/{digest}/estimates.json", body)
            self.write_manifest(measured=digest)

    def measured(self) -> str:
        """The case set that was measured last; "" if none was."""
        return str(self.manifest().get("measured", ""))

    def read_estimates(self, digest: str | None = None) -> list[Estimate]:
        """The estimates on a case set (default: the one measured last); [] if it was not measured."""
        header = self.read_estimates_header(digest)
        return [Estimate(**item) for item in header.get("estimates", [])]

    def read_estimates_header(self, digest: str | None = None) -> dict[str, Any]:
        """The whole of ``estimates.json``: schema, subject, task, key, cases, mixed_environment, estimates."""
        digest = digest or self.measured()
        stored = self.folder.read_json(f"measures/{digest}/estimates.json") if digest else {}
        if stored.get("schema", 0) > SCHEMA:
            raise UserError(f"{self.path} has estimates of schema {stored['schema']}: use a newer ddtbench")
        return stored

    def read_scores(self, digest: str | None = None) -> pd.DataFrame:
        """The scores on a case set (default: the one measured last). Raises UserError if it was not measured."""
        digest = digest or self.measured()
        if not digest or not self.folder.exists(f"measures/{digest}/scores.parquet"):
            raise UserError(f"{self.path} was not measured: run 'ddtbench measure' on it first")
        frame: pd.DataFrame = read_part(self.folder.read(f"measures/{digest}/scores.parquet"), self.path).to_pandas()
        return frame


def find_run_folders(root: str | os.PathLike[str]) -> list[RunFolder]:
    """All run folders under a root, sorted by subject, task and key; or the one that ``root`` itself is.

    Raises UserError if there is none, or one of a newer schema.
    """
    top = Folder(root)
    if top.exists("spec.json"):
        return [RunFolder.open(top.url)]
    found = [
        RunFolder.open(f"{top.url}/{subject}/{task}/{key}")
        for subject in top.names(folders=True)
        for task in top.names(subject, folders=True)
        for key in top.names(f"{subject}/{task}", folders=True)
        if top.exists(f"{subject}/{task}/{key}/spec.json")
    ]
    if not found:
        raise UserError(
            f"no run folders under {top}: expected SUBJECT/TASK/KEY/spec.json, as 'ddtbench run' makes them"
        )
    return found


def facts_of(columns: Columns) -> list[dict[str, Any]]:
    """The ``facts`` column, decoded."""
    return [json.loads(text) for text in columns["facts"]]


__all__ = [
    "FAILED",
    "RunFolder",
    "StoredCases",
    "case_set_digest",
    "facts_of",
    "find_run_folders",
    "observations_folder",
]
