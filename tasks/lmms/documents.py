"""The rows of a data set as lmms-eval reads them: a folder in the hub's layout, under ``data_root() / "lmms"``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import beside, data_root
from harness.texts import first_line
from tasks.data.parquet import reading_parquet
from tasks.lmms.definition import DIGITS, Definition

PICTURES = ("image_id", "imageId", "img_id", "image_source", "data_id", "question_id")
"""Columns that tell pictures apart, the first of which that a set has; questions on one picture are one cluster."""
STRATA = ("category", "data_type")
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Documents:
    """``rows`` hold the columns that are texts or whole numbers. ``revision`` is a digest of the files."""

    rows: tuple[Mapping[str, Any], ...]
    revision: str

    def column(self, names: Sequence[str]) -> str:
        """The first of these columns that is there, or ''."""
        there = self.rows[0].keys() if self.rows else ()
        return next((name for name in names if name in there), "")


def lmms_root() -> Path:
    """The folder that holds data sets under their names on the hub."""
    return data_root() / "lmms"


def documents_of(definition: Definition) -> Documents:
    """Raises UserError, one line with the cure: no folder, no such configuration or split, no Parquet."""
    folder = lmms_root() / definition.dataset
    if not folder.is_dir():
        prepared = " (or 'ddtbench data prepare mme --from PATH')" if definition.task == "mme" else ""
        raise UserError(
            f"lmms@{definition.task} reads the data set {definition.dataset}, which is not in {folder}: "
            f"hf download {definition.dataset} --repo-type dataset --local-dir {folder}{prepared}"
        )
    files = _files(definition, folder)
    stats = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return _read(stats)


def _files(definition: Definition, folder: Path) -> list[Path]:
    import datasets

    wanted = f"configuration '{definition.configuration}', " if definition.configuration else ""
    try:
        builder = datasets.load_dataset_builder(str(folder), definition.configuration or None)
        splits = builder.config.data_files or {}
    except (ValueError, OSError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(
            f"{folder} is not laid out as on the hub ({first_line(error)}): fetch it again, README.md included"
        ) from error
    if definition.split not in splits:
        there = ", ".join(sorted(map(str, splits))) or "none"
        raise UserError(f"{folder} lacks {wanted}split '{definition.split}' (it has: {there}): fetch its files too")
    files = [Path(str(name)) for name in splits[definition.split]]
    # a README.md in the folder says which files there are
    outside = next((file for file in files if not _is_inside(file, folder)), None)
    if outside is not None:
        raise UserError(f"{folder} names {outside}, which is not in that folder: it is not read; fetch the set again")
    other = next((file for file in files if file.suffix != ".parquet"), None)
    if other is not None:
        raise UserError(f"{other} is not Parquet, which is all that lmms@{definition.task} reads")
    return files


def _is_inside(file: Path, folder: Path) -> bool:
    """Whether a data set's own file lies below its folder as it is written; links are the user's (``hf download`` makes
    some)."""
    return "://" not in str(file) and Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder))


@lru_cache(maxsize=4)
def _read(files: tuple[tuple[Path, int, int], ...]) -> Documents:
    """Once per process, as long as the files stay as they are."""
    import pyarrow.parquet as pq

    rows: list[Mapping[str, Any]] = []
    digest = hashlib.sha256()
    for file, _, _ in files:
        with reading_parquet(f"{file} is not a Parquet file", "fetch it again"):
            schema = pq.read_schema(file)
            _require_inside(file, schema)
            plain = [field.name for field in schema if _is_plain(field.type)]
            rows += pq.read_table(file, columns=plain).to_pylist()
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    if not rows:
        raise UserError(f"{files[0][0]} holds no rows: fetch it again")
    return Documents(tuple(rows), f"lmms-{digest.hexdigest()[:DIGITS]}")


def _require_inside(file: Path, schema: Any) -> None:
    """Refuse a row whose picture is a path that leads out of the file's folder: the library would open it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for field in schema:
        kind = field.type
        while pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind = kind.value_type
        if not (pa.types.is_struct(kind) and {"bytes", "path"} <= {inner.name for inner in kind}):
            continue
        opened = pq.ParquetFile(file)
        paths = [leaf.path for leaf in opened.schema if leaf.path.startswith(f"{field.name}.") and leaf.name == "path"]
        # Most files name no picture outside: then their bytes, which are most of them, need not be read for this.
        if not any(_leads_out(name) for row in _values(opened, paths, ROWS_AT_ONCE) for name, _ in row):
            continue
        for number, row in enumerate(_values(opened, [field.name], ROWS_AT_ONCE)):
            for name, content in row:
                if not content and (reason := _leads_out(name)):
                    raise UserError(f"{file}, row {number}, '{field.name}': {reason}")


def _leads_out(name: str) -> str:
    try:
        beside(Path(), name)
    except ValueError as error:
        return str(error)
    return ""


def _values(file: Any, columns: Sequence[str], rows: int) -> Iterator[list[tuple[str, bytes]]]:
    """(path, bytes) of the pictures of each row that have a path."""
    for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
        for value in batch.column(0).to_pylist():
            pictures = value if isinstance(value, list) else [value]
            yield [(item["path"], item.get("bytes") or b"") for item in pictures if item and item["path"]]


def _is_plain(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind))
