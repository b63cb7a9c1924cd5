"""Parquet with given columns: every error names file, row and cure; images are read when they are needed.

An image cell is the Image struct of Hugging Face datasets: encoded ``bytes``, or a ``path`` relative to the Parquet
file. Rows are counted from 0 in each file.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import UserError
from harness.paths import beside
from harness.texts import text_of, whole_number_of
from harness.walk import walk
from tasks.data.parquet import reading_parquet

if TYPE_CHECKING:
    import numpy as np
    import pyarrow.parquet as pq

Cells = Mapping[str, Any]


@dataclass(frozen=True)
class InMemory:
    """The content of a Parquet file that lies nowhere, and what errors call it."""

    name: str
    content: bytes = field(repr=False)


Source = Path | InMemory


@dataclass(frozen=True)
class Schema:
    """The columns of a data set called ``title``: ``texts`` that hold something, ``blank`` texts that may be empty,
    ``maybe`` texts whose column may be absent, whole ``numbers``, and ``images``. ``cure``: where to get the data."""

    title: str
    cure: str
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        return (*self.texts, *self.blank, *self.numbers, *self.images)


class Records(Protocol):
    """Rows of a data set, wherever they lie."""

    @property
    def cells(self) -> Sequence[Cells]:
        """Texts and numbers of every row."""
        ...

    def where(self, row: int) -> str:
        """File and row in words, for errors."""
        ...

    def content(self, row: int, column: str) -> bytes:
        """An encoded image. Raises ValueError, which begins with file and row, where there is none."""
        ...


@dataclass(frozen=True)
class Listed:
    """Records of which a reader has made a list: cells, where each is, and its images' files below ``folder``, as the
    data set names them."""

    cells: Sequence[Cells]
    places: Sequence[str]
    folder: Path = Path()
    files: Sequence[Mapping[str, str]] = ()

    def where(self, row: int) -> str:
        return self.places[row]

    def content(self, row: int, column: str) -> bytes:
        name = self.files[row][column]
        return read_beside(self.folder, name, self.places[row], f"the image '{Path(name).name}' is missing")


@dataclass(frozen=True)
class Table:
    """Records of Parquet files, in their order. Texts and numbers are read and checked at once, images one by one."""

    files: tuple[Source, ...]
    schema: Schema

    @cached_property
    def _rows(self) -> list[tuple[Source, int, Cells]]:
        return [(file, row, cells) for file in self.files for row, cells in enumerate(_cells(file, self.schema))]

    @cached_property
    def cells(self) -> Sequence[Cells]:
        """Raises UserError for files that are no Parquet, lack a column or hold an empty cell."""
        return [cells for _, _, cells in self._rows]

    def where(self, row: int) -> str:
        file, inside, _ = self._rows[row]
        return f"{file.name}, row {inside}"

    def content(self, row: int, column: str) -> bytes:
        file, inside, _ = self._rows[row]
        cell = _image_cell(file, inside, column, self.schema.cure) or {}
        if cell.get("bytes"):
            return bytes(cell["bytes"])
        if not cell.get("path"):
            raise ValueError(f"{self.where(row)}: the column '{column}' holds no image: fill it in or remove the row")
        name = cell["path"]
        if isinstance(file, InMemory):
            raise ValueError(f"{self.where(row)}: of the image '{name}' only the path is given")
        return read_beside(file.parent, name, self.where(row), f"the image '{name}' is not beside {file.name}")


def read_beside(folder: Path, name: object, where: str, missing: str) -> bytes:
    """An image that the data names by a path relative to ``folder``. Raises ValueError, which begins with ``where``,
    for one that is not there (``missing`` says so) and for a path that leads out of the folder, which is never
    read."""
    try:
        path = beside(folder, name)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    try:
        return path.read_bytes()
    except OSError:
        raise ValueError(f"{where}: {missing}: put it there") from None


def picture(records: Records, row: int, column: str) -> np.ndarray:
    """A decoded image, uint8 ``height width 3``. Raises ValueError, which begins with file and row."""
    from harness.images import decode_rgb

    return decode_rgb(records.content(row, column), f"{records.where(row)}, '{column}'")


def parquet_files(path: Path, schema: Schema, split: str) -> tuple[Path, ...]:
    """The file, or the Parquet files of a split below a folder, by name; all files where none is named after a split.

    Raises UserError if there is none.
    """
    if path.is_file():
        return (path,)
    found = sorted(walk(path, (".parquet",)).files.values()) if path.is_dir() else []
    of_split = [file for file in found if file.name.startswith(split) or file.parent.name == split]
    if not found:
        what = "it holds no Parquet file" if path.is_dir() else "there is no such file or folder"
        raise UserError(f"{schema.title} at '{path}': {what}: {schema.cure}")
    return tuple(of_split or found)


def _cells(path: Source, schema: Schema) -> list[Cells]:
    file = _open(path, schema)
    names = [name for name in (*schema.texts, *schema.blank, *schema.numbers, *schema.maybe) if name in _names(file)]
    with reading_parquet(f"{path.name} is damaged", schema.cure):
        rows: list[dict[str, Any]] = file.read(columns=names).to_pylist() if names else [{}] * file.metadata.num_rows
    for number, row in enumerate(rows):
        where = f"{path.name}, row {number}"
        for name in schema.texts:
            text_of(row[name], where, name)
        for name in schema.blank:
            text_of(row[name], where, name, empty=True)
        for name in schema.maybe:
            if name in row:  # null in a column that may be absent: the row has none
                row[name] = "" if row[name] is None else text_of(row[name], where, name, empty=True)
        for name in schema.numbers:
            whole_number_of(row[name], where, name)
    return list(rows)


def _open(path: Source, schema: Schema) -> pq.ParquetFile:
    """Raises UserError for what is no Parquet, and for a schema that lacks a column or has another kind of image."""
    import pyarrow as pa

    with reading_parquet(f"{path.name} is not a Parquet file", schema.cure):
        file = _parquet(path)
    there = _names(file)
    for name in schema.required:
        if name not in there:
            raise UserError(
                f"{path.name}: the column '{name}' is missing (it has {', '.join(there)}): "
                f"{schema.title}'s columns are {', '.join(schema.required)}"
            )
    for name in schema.images:
        kind = file.schema_arrow.field(name).type
        if not (pa.types.is_struct(kind) and {"bytes", "path"} <= {field.name for field in kind}):
            raise UserError(
                f"{path.name}: the column '{name}' is {kind}, and must be a struct of bytes and path: "
                "write it with Hugging Face datasets' Image feature"
            )
    return file


def _names(file: pq.ParquetFile) -> list[str]:
    return list(file.schema_arrow.names)


def _parquet(source: Source) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    file = io.BytesIO(source.content) if isinstance(source, InMemory) else source
    return pq.ParquetFile(file, page_checksum_verification=True)


def _image_cell(path: Source, row: int, column: str, cure: str) -> Mapping[str, Any] | None:
    stamp = 0 if isinstance(path, InMemory) else path.stat().st_mtime_ns
    for group, count in enumerate(_group_sizes(path, stamp)):
        if row < count:
            return _column(path, stamp, group, column, cure)[row].as_py()  # type: ignore[no-any-return]
        row -= count
    raise IndexError(f"{path.name} has no row {row}")


@lru_cache(maxsize=2)
def _column(path: Source, stamp: int, group: int, column: str, cure: str) -> Any:
    """The images of one row group: rows come in order, so that a group is read once for its two columns."""
    with reading_parquet(f"{path.name} is damaged", cure, ValueError):
        return _parquet(path).read_row_group(group, columns=[column])[column]


@lru_cache(maxsize=64)
def _group_sizes(path: Source, stamp: int) -> tuple[int, ...]:
    metadata = _parquet(path).metadata
    return tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
