"""MME's official schema, read from Parquet and checked: question_id, image, question, answer, category.

One row is one question. The two rows of a pair share ``question_id`` and ``category`` (as in the published set, where
``question_id`` is the picture's name, such as ``count/000000006040.jpg``) and show the same picture. ``image`` is the
Image struct of Hugging Face datasets: encoded ``bytes``, or a ``path`` relative to the Parquet file.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError, nearest
from harness.paths import beside, user_path
from harness.texts import text_of
from harness.walk import walk
from tasks.data.parquet import reading_parquet
from tasks.mme.schema import COLUMNS, SUBTASKS

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROWS_AT_ONCE = 64
DIGITS = 16
CURE = "fetch MME's again"

Source = Path | bytes
"""A Parquet file, or the content of one."""


@dataclass(frozen=True)
class Pair:
    """Two questions about one picture. ``picture`` is the digest of its bytes, ``row`` where they are in ``source``."""

    category: str
    question_id: str
    questions: tuple[str, str]
    answers: tuple[str, str]
    picture: str
    source: int
    row: int


@dataclass(frozen=True)
class MmeData:
    """Pairs in file order. ``revision`` depends on rows and pictures alone, not on how Parquet stores them."""

    sources: tuple[Source, ...]
    pairs: tuple[Pair, ...]
    revision: str

    @property
    def subtasks(self) -> tuple[str, ...]:
        """The subtasks that have pairs, in MME's order."""
        there = {pair.category for pair in self.pairs}
        return tuple(name for name in SUBTASKS if name in there)

    def picture(self, pair: Pair) -> bytes:
        """The encoded picture of a pair."""
        source = self.sources[pair.source]
        return _picture_bytes(_image_cell(source, pair.row), source)


@dataclass(frozen=True)
class _Row:
    """A checked question; ``where`` names file and row for errors."""

    where: str
    source: int
    row: int
    question_id: str
    category: str
    question: str
    answer: str
    picture: str


def parquet_files(path: str | Path) -> tuple[Path, ...]:
    """The file, or all Parquet files below the folder, by name. Raises UserError if there is none."""
    place = user_path(path)
    if place.is_file():
        return (place,)
    found = sorted(walk(place, (".parquet",)).files.values()) if place.is_dir() else []
    if not found:
        what = "it holds no Parquet file" if place.is_dir() else "there is no such file or folder"
        raise UserError(f"MME's data at '{path}': {what}; give the official Parquet file or its folder, or 'world'")
    return tuple(found)


def read_data(sources: Sequence[Source]) -> MmeData:
    """Read and check everything but the pixels.

    Raises UserError, one line with file, row (counted from 0) and cure: no Parquet, a missing column, an empty or
    unknown value, a question without image, a number of questions per image other than two, two images in a pair.
    """
    rows = [row for number, source in enumerate(sources) for row in _rows(source, number)]
    if not rows:
        raise UserError(f"{_name_of(sources[0])}: no questions: MME's file holds two rows for each image")
    digest = hashlib.sha256()
    for row in rows:
        cells = (row.question_id, row.category, row.question, row.answer, row.picture)
        digest.update("\x1f".join(cells).encode() + b"\n")
    pairs: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        pairs.setdefault((row.category, row.question_id), []).append(row)
    return MmeData(tuple(sources), tuple(map(_pair, pairs.values())), f"mme-{digest.hexdigest()[:DIGITS]}")


def _pair(rows: Sequence[_Row]) -> Pair:
    first, last = rows[0], rows[-1]
    if len(rows) != 2:
        others = "" if len(rows) == 1 else f", the last one at {last.where}"
        raise UserError(
            f"{first.where}: image '{first.question_id}' of subtask '{first.category}' has {len(rows)} "
            f"question{'s' if len(rows) > 1 else ''}{others}; the score needs exactly two: add or remove rows"
        )
    if first.picture != last.picture:
        raise UserError(
            f"{last.where}: shows a different image from {first.where}, though both have the question_id "
            f"'{first.question_id}' and the category '{first.category}': give each image its own question_id"
        )
    return Pair(
        first.category,
        first.question_id,
        (first.question, last.question),
        (first.answer, last.answer),
        first.picture,
        first.source,
        first.row,
    )


def _rows(source: Source, number: int) -> Iterator[_Row]:
    row = 0
    batches = _open(source).iter_batches(batch_size=ROWS_AT_ONCE, columns=list(COLUMNS))
    while True:
        with reading_parquet(f"{_name_of(source)} is damaged after row {row}", CURE):
            batch = next(batches, None)
            records = [] if batch is None else batch.to_pylist()
        if batch is None:
            return
        for record in records:
            yield _checked(record, source, number, row)
            row += 1


def _checked(record: Mapping[str, Any], source: Source, number: int, row: int) -> _Row:
    where = f"{_name_of(source)}, row {row}"
    texts = {name: text_of(record[name], where, name) for name in ("question_id", "question", "answer", "category")}
    answer = texts["answer"].strip().rstrip(".").capitalize()
    if answer not in ("Yes", "No"):
        raise UserError(f"{where}: the answer is '{texts['answer']}', and must be Yes or No")
    if texts["category"] not in SUBTASKS:
        raise UserError(f"{where}: unknown category '{texts['category']}'{nearest(texts['category'], SUBTASKS)}")
    try:
        picture = hashlib.sha256(_picture_bytes(record["image"], source)).hexdigest()[:DIGITS]
    except ValueError as error:
        raise UserError(f"{where}: the question '{texts['question_id']}' has no image: {error}") from None
    return _Row(where, number, row, texts["question_id"], texts["category"], texts["question"], answer, picture)


def _picture_bytes(cell: Any, source: Source) -> bytes:
    """The encoded picture of an Image struct. Raises ValueError if there is none."""
    content, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, Mapping) else (None, None)
    if content:
        return bytes(content)
    if not path:
        raise ValueError("store its bytes in the column 'image', or its path beside the Parquet file")
    if isinstance(source, bytes):
        raise ValueError(f"only the path '{path}' is given")
    try:
        return beside(source.parent, path).read_bytes()
    except OSError:
        raise ValueError(f"the file '{path}' is not beside {source.name}: put it there") from None


def _open(source: Source) -> pq.ParquetFile:
    """Raises UserError for what is no Parquet, and for a schema that lacks a column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading_parquet(f"{_name_of(source)} is not a Parquet file", CURE):
        file = pq.ParquetFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    schema = file.schema_arrow
    for name in COLUMNS:
        if name not in schema.names:
            raise UserError(
                f"{_name_of(source)}: the column '{name}' is missing (it has {', '.join(schema.names)}): "
                f"MME's schema is {', '.join(COLUMNS)}"
            )
    kind = schema.field("image").type
    if not (pa.types.is_struct(kind) and {"bytes", "path"} <= {field.name for field in kind}):
        raise UserError(
            f"{_name_of(source)}: the column 'image' is {kind}, and must be a struct of bytes and path: "
            "write it with Hugging Face datasets' Image feature"
        )
    return file


@lru_cache(maxsize=2)
def _images(source: Source, group: int) -> Any:
    """The column of images of one row group: cases come in file order, so that one is read at a time."""
    with reading_parquet(f"{_name_of(source)} is damaged", CURE, ValueError):
        return _open(source).read_row_group(group, columns=["image"])["image"]


def _image_cell(source: Source, row: int) -> Any:
    metadata = _metadata(source)
    for group, count in enumerate(metadata):
        if row < count:
            return _images(source, group)[row].as_py()
        row -= count
    raise IndexError(f"{_name_of(source)} has no row {row}")


@lru_cache(maxsize=64)
def _metadata(source: Source) -> tuple[int, ...]:
    """Rows of each row group."""
    metadata = _open(source).metadata
    return tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))


def _name_of(source: Source) -> str:
    return "the world's questions" if isinstance(source, bytes) else source.name
