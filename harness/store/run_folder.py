"""The run folder (schema 1): one spec, its samples, what instruments saw in them, and what was measured.

    ROOT/<subject>/<task>/<key>/
      spec.json  environment.json  cost.json  manifest.json  lock
      samples/<unit>-<sha16>.parquet
      observations/<instrument>-<digest>/<unit>-<sha16>.parquet
      measures/<case-set digest>/scores.parquet, estimates.json, reasons.parquet where metrics give reasons

Parts are read only if they hold (``integrity``), measures and ``cost.json`` only if they have the digest that the
manifest seals them with (``seals``). A folder may be *results only*: its manifest says so, and its samples are not
kept. Writing needs the folder's lock (``writing``); reading does not, since every file appears whole. One unit of
images is held in memory at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from harness.contracts import Columns, Estimate, Sample
from harness.errors import UserError
from harness.redaction import redacted
from harness.spec import RunSpec
from harness.store.columns import StoredCases, observations_folder, observed, stored_cases
from harness.store.contents import SAMPLES
from harness.store.files import Folder
from harness.store.integrity import incomplete, missing_parts, part_problem
from harness.store.parts import (
    FAILED,
    SCHEMA,
    Part,
    encode_table,
    metadata_of,
    observations_problem,
    read_part,
    samples_of,
    samples_problem,
)
from harness.store.sealed_files import REASONS, SealedFiles, require_schema
from harness.store.summary import Stored

if TYPE_CHECKING:
    import pandas as pd


def case_set_digest(cases: Sequence[str]) -> str:
    """The name of a set of cases, whatever their order: 16 hex digits."""
    return hashlib.sha256("\n".join(sorted(cases)).encode()).hexdigest()[:16]


class RunFolder(SealedFiles):
    """One run on disk or on an object store. Open it with ``create_or_open`` or ``open``."""

    @classmethod
    def create_or_open(cls, root: str | os.PathLike[str], spec: RunSpec) -> RunFolder:
        """The folder of this spec under ``root``, made if it is not there. The same spec lands in the same place.

        Raises UserError for a spec that holds a secret, which would be stored."""
        if redacted(spec.canonical()) != spec.canonical():
            raise UserError(
                f"the run of {spec.model} on {spec.task} would store a secret in its spec (a key, or a password in an "
                "address): give it by the environment"
            )
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
        require_schema(stored, str(folder))
        if not isinstance(stored.get("spec"), dict):
            raise UserError(f"{folder}/spec.json holds no spec")
        try:
            spec = RunSpec.from_dict(stored["spec"])
            key = spec.key()
        except (UserError, TypeError, ValueError) as error:
            raise UserError(f"{folder}/spec.json is damaged: {error}") from error
        if key != stored.get("key"):
            raise UserError(f"{folder}/spec.json was changed: its spec has the key {key}, not {stored.get('key')}")
        return cls(folder, spec)

    # -------------------------------------------------------------------------------------------- parts

    def parts(self, folder: str = SAMPLES) -> list[Part]:
        """The parts that are there, by name alone, in unit order. Their bytes are not looked at."""
        found = (Part.parse(name) for name in self.folder.names(folder))
        return sorted((part for part in found if part), key=lambda part: (int(part.unit), part.digest))

    def read(self, part: Part, folder: str = SAMPLES, columns: Sequence[str] | None = None) -> pa.Table | None:
        """The table of a part (of these columns, where it has them), or None if it does not hold."""
        return self.inspect(part, folder, columns)[0]

    def inspect(
        self, part: Part, folder: str = SAMPLES, columns: Sequence[str] | None = None
    ) -> tuple[pa.Table | None, str]:
        """(the table of a part, ""), or (None, why it does not hold). Raises UserError for a newer schema."""
        data = self.folder.read(f"{folder}/{part.file}")
        reason = part_problem(part, data, self.key, folder)
        if reason:
            return None, reason
        table = read_part(data, f"{self.path}/{folder}/{part.file}", columns)
        reason = (samples_problem if folder == SAMPLES else observations_problem)(table, columns)
        return (None, reason) if reason else (table, "")

    def write_part(self, unit: str, data: bytes, folder: str = SAMPLES) -> Part:
        """Store a part, then remove older parts of its unit."""
        part = Part.of(unit, data)
        self.folder.write(f"{folder}/{part.file}", data)
        self._remove_others(part, folder)
        return part

    def keep(self, unit: str, made: bytes | Stored, folder: str = SAMPLES) -> Part:
        """Store the part that a worker made, or take in the one that it says it has stored. Raises UserError where that
        is not here."""
        if isinstance(made, bytes):
            return self.write_part(unit, made, folder)
        if not self.folder.exists(f"{folder}/{made.part.file}"):
            raise UserError(
                f"a worker stored {made.part.file}, and it is not in {self.path}/{folder}: --out must be a folder that "
                "all machines of the cluster share, or a URL such as s3://BUCKET/runs"
            )
        self._remove_others(made.part, folder)
        return made.part

    def _remove_others(self, part: Part, folder: str) -> None:
        """Remove the other parts of its unit."""
        there = self._parts_by_unit(folder)
        for other in there.get(int(part.unit), set()) - {part}:
            self.folder.remove(f"{folder}/{other.file}")
        there[int(part.unit)] = {part}

    def _parts_by_unit(self, folder: str) -> dict[int, set[Part]]:
        """Unit -> its parts. The only writer lists a folder once, since listing it at every part would take ever
        longer."""
        if not self._held or folder not in self._known:
            found: dict[int, set[Part]] = {}
            for part in self.parts(folder):
                found.setdefault(int(part.unit), set()).add(part)
            self._known[folder] = found
        return self._known[folder]

    def tables(self, folder: str = SAMPLES) -> Iterator[tuple[Part, pa.Table]]:
        """The parts in unit order, one per unit (the longest, should a killed writer have left two).

        Raises UserError for a part that does not hold, and for samples that are not all there.
        """
        if folder == SAMPLES and (why := incomplete(self)):
            raise UserError(f"{self.path} {why}: run again to make them again")
        for _, parts in itertools.groupby(self.parts(folder), key=lambda part: int(part.unit)):
            held = []
            for part in parts:
                table, reason = self.inspect(part, folder)
                if table is None:
                    cure = "run" if folder == SAMPLES else "observe"
                    raise UserError(f"{self.path}/{folder}/{part.file} {reason}: {cure} again to make it again")
                held.append((part, table))
            yield max(held, key=lambda pair: pair[1].num_rows)

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

    def columns(self, limit: int | None = None, unreadable: dict[str, str] | None = None) -> StoredCases:
        """What measuring needs: samples, and the observations of every instrument that has seen all of them.

        Raises UserError for observations that do not hold, or adds instrument -> reason to ``unreadable``.
        """
        return stored_cases(self, limit, unreadable)

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
    def results_only(self) -> bool:
        """Whether the manifest says that samples are not kept, and they are not there."""
        return self.manifest().get("results_only") is True and bool(missing_parts(self))

    @property
    def mixed_environment(self) -> bool:
        """Whether samples, or what one instrument saw, were made under more than one environment; observations that do
        not hold say nothing."""
        if len(self.environments()) > 1:
            return True
        for item in self.instruments().items():
            with contextlib.suppress(UserError):
                if len(self.environments(observations_folder(*item))) > 1:
                    return True
        return False

    def write_measures(
        self,
        digest: str,
        scores: pd.DataFrame | pa.Table,
        estimates: Sequence[Estimate],
        reasons: pa.Table | None = None,
    ) -> None:
        """Store scores (metric, case, group, stratum, numerator, denominator), estimates and, where metrics give them,
        reasons (metric, case, reason) of a case set."""
        table = scores if isinstance(scores, pa.Table) else pa.Table.from_pandas(scores, preserve_index=False)
        head = {"schema": SCHEMA, "subject": self.spec.model, "task": self.spec.task, "key": self.key, "cases": digest}
        body = {**head, "mixed_environment": self.mixed_environment, "estimates": [asdict(item) for item in estimates]}
        with self.writing():
            self.folder.write(f"measures/{digest}/scores.parquet", encode_table(table))
            self.folder.write_json(f"measures/{digest}/estimates.json", body)
            self.folder.remove(f"measures/{digest}/{REASONS}")
            if reasons is not None:
                self.folder.write(f"measures/{digest}/{REASONS}", encode_table(reasons))
            self.seal_measures(digest, measured=digest)

    def environments(self, folder: str = SAMPLES) -> set[str]:
        """The digests of the environments in which the parts were made."""
        return {metadata_of(table).get("environment", "") for _, table in self.tables(folder)}


def run_paths(root: str | os.PathLike[str]) -> list[str]:
    """``SUBJECT/TASK/KEY`` of every folder under a root that holds a spec, sorted, links followed; none is opened.

    "" alone where ``root`` itself is a run folder.
    """
    top = Folder(root)
    if top.exists("spec.json"):
        return [""]
    return [
        f"{subject}/{task}/{key}"
        for subject in top.names(folders=True)
        for task in top.names(subject, folders=True)
        for key in top.names(f"{subject}/{task}", folders=True)
        if top.exists(f"{subject}/{task}/{key}/spec.json")
    ]


def find_run_folders(root: str | os.PathLike[str]) -> list[RunFolder]:
    """All run folders under a root, sorted by subject, task and key; or the one that ``root`` itself is.

    Raises UserError if there is none, or one of a newer schema.
    """
    top = Folder(root)
    found = run_paths(root)
    if not found:
        raise UserError(
            f"no run folders under {top}: expected SUBJECT/TASK/KEY/spec.json, as 'ddtbench run' makes them"
        )
    return [RunFolder.open(f"{top.url}/{path}") for path in found]


def facts_of(columns: Columns) -> list[dict[str, Any]]:
    """The ``facts`` column, decoded."""
    return [json.loads(text) for text in columns["facts"]]


__all__ = [
    "FAILED",
    "SAMPLES",
    "RunFolder",
    "StoredCases",
    "case_set_digest",
    "facts_of",
    "find_run_folders",
    "observations_folder",
    "run_paths",
]
