"""MME's official schema, read and checked: question_id, image, question, answer, category.

One row is one question. The two rows of a pair share ``question_id`` and ``category`` (as in the published set, where
``question_id`` is the picture's name, such as ``count/000000006040.jpg``) and show the same picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError, nearest
from harness.paths import user_path
from tasks.data import tables
from tasks.data.tables import Schema, Source, Table
from tasks.mme.schema import SUBTASKS

DIGITS = 16
SCHEMA = Schema(
    "MME",
    "give the official Parquet file or its folder, or fetch MME's again",
    texts=("question_id", "question", "answer", "category"),
    images=("image",),
)


@dataclass(frozen=True)
class Pair:
    """Two questions about one picture. ``picture`` is the digest of its bytes, ``row`` where they are in the table."""

    category: str
    question_id: str
    questions: tuple[str, str]
    answers: tuple[str, str]
    picture: str
    row: int


@dataclass(frozen=True)
class MmeData:
    """Pairs in file order. ``revision`` depends on rows and pictures alone, not on how Parquet stores them."""

    table: Table
    pairs: tuple[Pair, ...]
    revision: str

    @property
    def subtasks(self) -> tuple[str, ...]:
        """The subtasks that have pairs, in MME's order."""
        there = {pair.category for pair in self.pairs}
        return tuple(name for name in SUBTASKS if name in there)

    def picture(self, pair: Pair) -> bytes:
        """The encoded picture of a pair."""
        return self.table.content(pair.row, "image")


@dataclass(frozen=True)
class _Row:
    """A checked question; ``where`` names file and row for errors."""

    where: str
    row: int
    question_id: str
    category: str
    question: str
    answer: str
    picture: str


def parquet_files(path: str | Path) -> tuple[Path, ...]:
    """The file, or all Parquet files below the folder, by name. Raises UserError if there is none."""
    return tables.parquet_files(user_path(path), SCHEMA, "")


def read_data(sources: Sequence[Source]) -> MmeData:
    """Read and check everything but the pixels.

    Raises UserError, one line with file, row (counted from 0) and cure: no Parquet, a missing column, an empty or
    unknown value, a question without image, a number of questions per image other than two, two images in a pair.
    """
    table = Table(tuple(sources), SCHEMA)
    rows = list(_rows(table))
    if not rows:
        raise UserError(f"{sources[0].name}: no questions: MME's file holds two rows for each image")
    digest = hashlib.sha256()
    for row in rows:
        cells = (row.question_id, row.category, row.question, row.answer, row.picture)
        digest.update("\x1f".join(cells).encode() + b"\n")
    pairs: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        pairs.setdefault((row.category, row.question_id), []).append(row)
    return MmeData(table, tuple(map(_pair, pairs.values())), f"mme-{digest.hexdigest()[:DIGITS]}")


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
    questions, answers = (first.question, last.question), (first.answer, last.answer)
    return Pair(first.category, first.question_id, questions, answers, first.picture, first.row)


def _rows(table: Table) -> Iterator[_Row]:
    for row, cells in enumerate(table.cells):
        where, category = table.where(row), cells["category"]
        answer = cells["answer"].strip().rstrip(".").capitalize()
        if answer not in ("Yes", "No"):
            raise UserError(f"{where}: the answer is '{cells['answer']}', and must be Yes or No")
        if category not in SUBTASKS:
            raise UserError(f"{where}: unknown category '{category}'{nearest(category, SUBTASKS)}")
        try:
            picture = hashlib.sha256(table.content(row, "image")).hexdigest()[:DIGITS]
        except ValueError as error:
            why = str(error).removeprefix(f"{where}: ")
            raise UserError(f"{where}: the question '{cells['question_id']}' has no image: {why}") from None
        yield _Row(where, row, cells["question_id"], category, cells["question"], answer, picture)
