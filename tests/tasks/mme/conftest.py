"""Miniatures in MME's official schema, and a subject whose answers are written down."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from torch import Tensor

from harness.errors import UserError

Row = dict[str, Any]
LIMIT = 80
"""Characters that the subject reads at most."""


def picture(red: int = 0, size: tuple[int, int] = (8, 6)) -> bytes:
    """PNG bytes, told apart by their red."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (red, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


class Scripted:
    """Satisfies AnswersQuestions: says what ``script`` holds for a question, else nothing; refuses long ones."""

    version = 1
    image_size = 32

    def __init__(self, script: dict[str, str] | None = None) -> None:
        self.script = script or {}
        self.seen: list[tuple[int, ...]] = []
        self.asked: list[str] = []

    def answer(self, images: Tensor, questions: Sequence[str]) -> list[str]:
        self.seen.append(tuple(images.shape))
        self.asked += questions
        if any(len(question) > LIMIT for question in questions):
            raise UserError(f"a question is longer than the context of {LIMIT} characters: shorten it")
        return [self.script.get(question, "") for question in questions]


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def rows_of() -> Callable[..., list[Row]]:
    return make_rows


def make_rows(category: str, count: int, start: int = 0) -> list[Row]:
    """The official schema: two rows per picture, one true and one false, as the published file has them."""
    rows = []
    for number in range(start, start + count):
        name = f"{category}/{number:04d}.png"
        image = {"bytes": picture(number), "path": name}
        for answer in ("Yes", "No"):
            question = f"{category} {number} {answer.lower()}?  Please answer yes or no."
            rows.append(
                {"question_id": name, "image": image, "question": question, "answer": answer, "category": category}
            )
    return rows


@pytest.fixture
def write() -> Callable[..., Path]:
    def to(path: Path, rows: Sequence[Row], without: str = "", group: int = 3) -> Path:
        table = pa.Table.from_pylist([{name: row[name] for name in row if name != without} for row in rows])
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=group)
        return path

    return to
