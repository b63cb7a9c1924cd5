"""The rows of a data set as lmms-eval reads them: a folder in the hub's layout, under ``data_root() / "lmms"``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import data_root
from tasks.lmms.definition import DIGITS, Definition

PICTURES = ("image_id", "imageId", "img_id", "image_source", "data_id", "question_id")
"""Columns that tell pictures apart, the first of which that a set has; questions on one picture are one cluster."""
STRATA = ("category", "data_type")


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
    except (ValueError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{folder} is not laid out as on the hub ({reason}): fetch it again, README.md included"
        ) from error
    if definition.split not in splits:
        there = ", ".join(sorted(map(str, splits))) or "none"
        raise UserError(f"{folder} lacks {wanted}split '{definition.split}' (it has: {there}): fetch its files too")
    files = [Path(str(name)) for name in splits[definition.split]]
    other = next((file for file in files if file.suffix != ".parquet"), None)
    if other is not None:
        raise UserError(f"{other} is not Parquet, which is all that lmms@{definition.task} reads")
    return files


@lru_cache(maxsize=4)
def _read(files: tuple[tuple[Path, int, int], ...]) -> Documents:
    """Once per process, as long as the files stay as they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[Mapping[str, Any]] = []
    digest = hashlib.sha256()
    for file, _, _ in files:
        try:
            schema = pq.read_schema(file)
            plain = [field.name for field in schema if _is_plain(field.type)]
            rows += pq.read_table(file, columns=plain).to_pylist()
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{file} is not a Parquet file ({reason}): fetch it again") from error
    if not rows:
        raise UserError(f"{files[0][0]} holds no rows: fetch it again")
    return Documents(tuple(rows), f"lmms-{digest.hexdigest()[:DIGITS]}")


def _is_plain(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind))
