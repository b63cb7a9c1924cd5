"""One data set, prepared once: checked, converted to one Parquet file under the data folder, and opened again.

The file carries its revision, a digest of every cell and image in order, so that opening it reads no image; page
checksums tell a damaged one when it is read. A data set can also be read where it lies, ``NAME:PATH``; then every image
is read once for the revision, and the number of rows is the user's own affair, which the fingerprint states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import data_root, user_path
from harness.progress import Progress
from harness.spec import canonical_json
from harness.walk import walk
from tasks.data.parquet import reading_parquet
from tasks.data.tables import Cells, Records, Schema, Table, parquet_files
from tasks.data.writing import whole_data_file

DIGITS = 16
REVISION = b"ddtbench.revision"
ROWS_PER_GROUP = 32


@dataclass(frozen=True)
class DataSet:
    """``name`` is that of the catalogue, ``split`` names the files at the source and the file that is written,
    ``rows`` is how many the published split has. ``read`` turns the user's path into records (default: Parquet as the
    hub has it); ``check`` raises UserError for cells that do not belong together."""

    name: str
    schema: Schema
    split: str
    rows: int
    read: Callable[[Path], Records] | None = None
    check: Callable[[Records], None] | None = None

    @property
    def file(self) -> Path:
        """Where the prepared file lies."""
        return data_root() / self.name / f"{self.split}.parquet"

    def at_hand(self) -> bool:
        """Whether it is prepared, without opening it."""
        return self.file.is_file()

    def records_at(self, path: Path) -> Records:
        """What lies at a path of the user's, checked but for pixels and number. Raises UserError."""
        records = self.read(path) if self.read else Table(parquet_files(path, self.schema, self.split), self.schema)
        if not len(records.cells):
            raise UserError(f"{self.schema.title} at '{path}' holds no row: {self.schema.cure}")
        if self.check:
            self.check(records)
        return records

    def prepare(self, source: str | None) -> Path:
        """Check and convert what lies at ``source``; None: what is prepared already. Returns the folder; raises
        UserError, and leaves what was there before, for anything that is not the published split."""
        if source is None:
            if not self.at_hand():
                raise UserError(f"{self.schema.title} is not on this machine: {self.schema.cure}")
            print(f"{self.name} is already prepared in {self.file.parent}")
            return self.file.parent
        return self.store(self.require(user_path(source)))

    def require(self, path: Path) -> Records:
        """What lies at a path, which must be the whole published split. Raises UserError."""
        records = self.records_at(path)
        if len(records.cells) != self.rows:
            raise UserError(
                f"{self.schema.title} at '{path}' has {len(records.cells):,} rows, and its {self.split} split has "
                f"{self.rows:,}: {self.schema.cure}"
            )
        return records

    def store(self, records: Records) -> Path:
        """Write the prepared file and say so; returns its folder."""
        revision = write_table(self.file, self.schema, records, self.name)
        print(f"{self.name}: {len(records.cells):,} rows of the {self.split} split, revision {revision}")
        return self.file.parent

    def open(self, path: str = "") -> tuple[Records, str]:
        """(records, revision) of the prepared file, or of the user's own path. Raises UserError with the command."""
        if path:
            return _opened_at(self, user_path(path), _stamp(user_path(path)))
        if not self.at_hand():
            raise UserError(f"{self.schema.title} is not prepared (no {self.file}): {self.schema.cure}")
        return _opened_prepared(self, self.file, _stamp(self.file))


@lru_cache(maxsize=4)
def _opened_prepared(data: DataSet, file: Path, stamp: Any) -> tuple[Records, str]:
    import pyarrow.parquet as pq

    with reading_parquet(f"{file} cannot be read", "delete it and prepare again"):
        revision = (pq.read_metadata(file).metadata or {}).get(REVISION, b"").decode()
    if not revision:
        raise UserError(f"{file} was not written by 'ddtbench data prepare': delete it and prepare again")
    return Table((file,), data.schema), f"{data.name}-{revision}"


@lru_cache(maxsize=4)
def _opened_at(data: DataSet, path: Path, stamp: Any) -> tuple[Records, str]:
    """Once per process, as long as the files stay as they are; every model is asked the same."""
    records = data.records_at(path)
    return records, f"{data.name}-{revision_of(records, data.schema.images)}"


def revision_of(records: Records, images: Sequence[str] = ()) -> str:
    """The revision that the prepared file of these records has; every image is read. Raises UserError."""
    digest = Revision()
    for row, cells in enumerate(records.cells):
        digest.add(cells, [_content(records, row, column) for column in images])
    return str(digest)


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    files = walk(path, ("",)).files.values() if path.is_dir() else [path]
    stats = [(str(file), file.stat()) for file in files if file.is_file()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _content(records: Records, row: int, column: str) -> bytes:
    try:
        return records.content(row, column)
    except ValueError as error:
        raise UserError(str(error)) from error


class Revision:
    """A digest of rows in order: of cells and of images' bytes, not of how Parquet stores them."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, cells: Cells, contents: Sequence[bytes]) -> None:
        images = [hashlib.sha256(content).hexdigest() for content in contents]
        self._digest.update(canonical_json([dict(cells), images]).encode() + b"\n")

    def __str__(self) -> str:
        return self._digest.hexdigest()[:DIGITS]


def write_table(path: Path, schema: Schema, records: Records, label: str) -> str:
    """Decode every image, write all rows to one file, whole or not at all, and return its revision. Raises UserError
    for an image that is missing or unreadable, and for a disk that is full."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [name for name in (*schema.texts, *schema.blank, *schema.maybe) if name in records.cells[0]]
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = {name: pa.string() for name in names} | dict.fromkeys(schema.numbers, pa.int64())
    arrow = pa.schema({**kinds, **dict.fromkeys(schema.images, image)})
    digest, total = Revision(), len(records.cells)
    with (
        Progress().stage(f"prepare {label}", total) as stage,
        whole_data_file(path) as file,
        pq.ParquetWriter(file, arrow, compression="zstd", use_dictionary=False, write_page_checksum=True) as writer,
    ):
        for start in range(0, total, ROWS_PER_GROUP):
            rows = []
            for row in range(start, min(start + ROWS_PER_GROUP, total)):
                contents = [_checked_image(records, row, column) for column in schema.images]
                digest.add(records.cells[row], contents)
                images = zip(schema.images, contents, strict=True)
                rows.append({**records.cells[row], **{name: {"bytes": data, "path": None} for name, data in images}})
            writer.write_table(pa.Table.from_pylist(rows, arrow), row_group_size=ROWS_PER_GROUP)
            stage.advance(len(rows))
        writer.add_key_value_metadata({REVISION: str(digest).encode()})
    return str(digest)


def _checked_image(records: Records, row: int, column: str) -> bytes:
    from harness.images import decode_rgb

    content = _content(records, row, column)
    try:
        decode_rgb(content, f"{records.where(row)}, '{column}'")
    except ValueError as error:
        raise UserError(f"{error}: fetch it again") from error
    return content
