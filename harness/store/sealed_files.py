"""The small files of a run folder: the manifest, and cost, scores and estimates as it seals them (``seals``)."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from harness.contracts import Estimate
from harness.errors import UserError
from harness.places import without_folders_anywhere
from harness.redaction import redacted_anywhere
from harness.spec import RunSpec
from harness.store.files import Folder
from harness.store.parts import SCHEMA, USE_NEWER, Part, read_part
from harness.store.seals import SEALS, opened_manifest, seal_of, sealed_manifest
from harness.store.stated import checked_manifest, estimates_of

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
COST = "cost.json"
MEASURES = ("scores.parquet", "estimates.json")
REASONS = "reasons.parquet"


class SealedFiles:
    """A run folder without its parts: what ``RunFolder`` adds."""

    def __init__(self, folder: Folder, spec: RunSpec) -> None:
        self.folder = folder
        self.spec = spec
        self.key = spec.key()
        self._held = False
        self._known: dict[str, dict[int, set[Part]]] = {}

    @property
    def path(self) -> str:
        """The path or URL."""
        return self.folder.url

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer; what a killed one left half-made is removed. Inside itself it does nothing."""
        if self._held:
            yield
            return
        with self.folder.lock():
            self._held = True
            self._known.clear()  # others may have written before
            try:
                self.folder.clean()
                yield
            finally:
                self._held = False

    # -------------------------------------------------------------------------------------------- manifest and cost

    def manifest(self) -> dict[str, Any]:
        """What is there, in short; before the end of the first run only how it is shown. Raises UserError if it was
        changed."""
        where = f"{self.path}/{MANIFEST}"
        return checked_manifest(opened_manifest(self.folder.read_json(MANIFEST), self.key, where), where)

    def write_manifest(self, **changes: Any) -> None:
        """Replace these entries."""
        with self.writing():
            head = {"schema": SCHEMA, "subject": self.spec.model, "task": self.spec.task, "key": self.key}
            whole = redacted_anywhere({**head, **self.manifest(), **changes})  # before its digest is taken
            self.folder.write_json(MANIFEST, sealed_manifest(whole))

    def cost(self) -> dict[str, Any]:
        """What ``Task.probe`` returned, and the facts about training; empty if it was not probed."""
        return self._sealed_json(COST)

    def write_cost(self, cost: Mapping[str, Any]) -> None:
        """Store the cost; not part of the byte promise."""
        with self.writing():
            self.folder.write_json(COST, without_folders_anywhere(cost))
            self._seal(COST)

    # -------------------------------------------------------------------------------------------- seals

    def _seal(self, *names: str, gone: str = "", **changes: Any) -> None:
        """Seal these files as they are, and replace entries of the manifest, in one write of it. ``gone``: a file that
        was sealed and is no more."""
        seals = {name: seal_of(self.folder.read(name)) for name in names}
        kept = {name: seal for name, seal in self.manifest().get(SEALS, {}).items() if name != gone}
        self.write_manifest(**changes, **{SEALS: {**kept, **seals}})

    def _sealed(self, name: str) -> bytes | None:
        """The bytes of a file; None if it is not there and nothing says that it should be. Raises UserError if the
        manifest seals it and it is another."""
        manifest = self.manifest()
        seal = manifest.get(SEALS, {}).get(name)
        cure = f"{'measure' if name.startswith('measures/') else 'run'} again to make it again"
        if manifest.get("results_only") is True:
            cure = "the folder holds results only, so get it again, or run again"
        if not self.folder.exists(name):
            if seal is not None:
                raise UserError(f"{self.path}/{name} is missing: {cure}")
            return None
        data = self.folder.read(name)
        if seal is not None and seal_of(data) != seal:
            raise UserError(f"{self.path}/{name} was changed after it was written: {cure}")
        return data

    def _sealed_json(self, name: str) -> dict[str, Any]:
        return {} if self._sealed(name) is None else self.folder.read_json(name)

    def is_sealed(self, digest: str) -> bool:
        """Whether the manifest holds the digests of what was measured on a case set; false of folders of before."""
        sealed = self.manifest().get(SEALS, {})
        return all(f"measures/{digest}/{name}" in sealed for name in MEASURES)

    # -------------------------------------------------------------------------------------------- measures

    def seal_measures(self, digest: str, **changes: Any) -> None:
        """Seal what was measured on a case set, as it is, and what the run cost."""
        also = [COST] if self.folder.exists(COST) and COST not in self.manifest().get(SEALS, {}) else []
        names = [f"measures/{digest}/{name}" for name in MEASURES]
        reasons = f"measures/{digest}/{REASONS}"
        said = [reasons] if self.folder.exists(reasons) else []
        self._seal(*names, *said, *also, gone="" if said else reasons, **changes)

    def case_sets(self) -> list[str]:
        """The case sets that were measured: those that are there and those that the manifest seals, sorted."""
        sealed = {name.split("/")[1] for name in self.manifest().get(SEALS, {}) if name.startswith("measures/")}
        return sorted(sealed.union(self.folder.names("measures", folders=True)))

    def measured(self) -> str:
        """The case set that was measured last; "" if none was."""
        return str(self.manifest().get("measured", ""))

    def read_estimates(self, digest: str | None = None) -> list[Estimate]:
        """The estimates on a case set (default: the one measured last); [] if it was not measured."""
        header = self.read_estimates_header(digest)
        where = f"{self.path}/measures/{digest or self.measured()}/estimates.json"
        return estimates_of(header.get("estimates", []), where)

    def read_estimates_header(self, digest: str | None = None) -> dict[str, Any]:
        """The whole of ``estimates.json``: schema, subject, task, key, cases, mixed_environment, estimates."""
        digest = digest or self.measured()
        stored = self._sealed_json(f"measures/{digest}/estimates.json") if digest else {}
        require_schema(stored, f"{self.path}/measures/{digest}/estimates.json")
        for name, own in (("key", self.key), ("cases", digest)):
            if stored.get(name, own) != own:
                raise UserError(
                    f"{self.path}/measures/{digest}/estimates.json belongs to another run or other cases "
                    f"({name} {stored[name]}): measure again"
                )
        return stored

    def read_scores(self, digest: str | None = None) -> pd.DataFrame:
        """The scores on a case set (default: the one measured last). Raises UserError if it was not measured."""
        digest = digest or self.measured()
        data = self._sealed(f"measures/{digest}/scores.parquet") if digest else None
        if data is None:
            raise UserError(f"{self.path} was not measured: run 'ddtbench measure' on it first")
        frame: pd.DataFrame = read_part(data, self.path).to_pandas()
        return frame

    def read_reasons(self, digest: str, cases: Collection[str] | None = None) -> dict[tuple[str, str], str]:
        """(metric, case) -> why the case has its score, of the metrics that give reasons; ``cases``: of these alone.
        Raises UserError for a file that is not as it was sealed."""
        data = self._sealed(f"measures/{digest}/{REASONS}")
        if data is None:
            return {}
        table = read_part(data, self.path)
        for name in ("metric", "case", "reason"):
            if name not in table.column_names or not pa.types.is_string(table.schema.field(name).type):
                raise UserError(f"{self.path}/measures/{digest}/{REASONS} has no texts in '{name}': measure again")
        if cases is not None:
            table = table.filter(pc.is_in(table["case"], value_set=pa.array(list(cases), pa.string())))
        return {(row["metric"], row["case"]): row["reason"] for row in table.to_pylist()}

    def require_measure(self, digest: str) -> None:
        """Raise UserError unless scores and estimates of a case set are as the manifest seals them."""
        for name in MEASURES:
            self._sealed(f"measures/{digest}/{name}")


def require_schema(stored: Mapping[str, Any], where: str) -> None:
    """Raise UserError for a file that a newer version wrote."""
    schema = stored.get("schema", 0)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise UserError(f"{where} has schema {schema}, newer than the {SCHEMA} read here: {USE_NEWER}")
