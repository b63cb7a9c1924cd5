"""``ddtbench data prepare mme``: generated records in the official schema and number, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.commands import prepare_data
from harness.errors import UserError
from tasks.mme.data import read_data
from tasks.mme.prepare import QUESTIONS, prepared_path
from tasks.mme.schema import COLUMNS, SUBTASKS
from tasks.mme.task import build

Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))


@pytest.fixture
def published(rows_of: Rows) -> list[dict[str, Any]]:
    """As many questions as MME has, on pictures of a few pixels."""
    counts = dict.fromkeys(SUBTASKS, 80)
    counts["OCR"] += QUESTIONS // 2 - sum(counts.values())
    return [row for name, count in counts.items() for row in rows_of(name, count)]


def test_the_published_number_is_stored_where_both_ways_read_it(
    tmp_path: Path, published: list[dict[str, Any]], write: Write, capsys: pytest.CaptureFixture[str], scripted: Any
) -> None:
    source = write(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", published, group=512)
    folder = prepare_data("mme", str(tmp_path / "hub"))
    assert capsys.readouterr().out == "mme: 2,374 questions on 1,187 pictures, 14 subtasks\n"
    assert prepared_path().parent == folder
    stored = pq.read_table(prepared_path())
    assert stored.column_names == list(COLUMNS) and stored.num_rows == QUESTIONS
    assert b'"_type": "Image"' in stored.schema.metadata[b"huggingface"]  # else lmms-eval sees no pictures
    assert stored["image"][0].as_py()["bytes"] == published[0]["image"]["bytes"]
    official = build("official", scripted())
    assert official.name == "mme-official" and official.data_revision == read_data([source]).revision
    assert {"mme-perception", "mme-cognition-vlmevalkit"} <= set(official.metrics)
    prepare_data("mme")  # what is there is checked again


def refused(source: Path | None = None) -> str:
    with pytest.raises(UserError) as error:
        prepare_data("mme", None if source is None else str(source))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_another_number_or_a_missing_subtask_is_refused(
    tmp_path: Path, published: list[dict[str, Any]], write: Write
) -> None:
    line = refused(write(tmp_path / "few.parquet", published[:-2], group=512))
    assert "few.parquet holds 2,372 questions of 14 subtasks; MME has 2,374 of 14" in line and "mme@PATH" in line
    without = [row for row in published if row["category"] != "scene"]
    assert "of 13 subtasks, lacks scene; MME has 2,374 of 14" in refused(
        write(tmp_path / "less.parquet", without, group=512)
    )
    assert not prepared_path().exists()


def test_defects_of_the_schema_are_refused_and_nothing_is_written(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    rows = rows_of("count", 2)
    assert "the column 'category' is missing" in refused(write(tmp_path / "a.parquet", rows, without="category"))
    assert "has 1 question; the score needs exactly two" in refused(write(tmp_path / "b.parquet", rows[:3]))
    rows[3]["image"] = {"bytes": None, "path": None}
    assert "row 3: the question 'count/0001.png' has no image" in refused(write(tmp_path / "c.parquet", rows))
    assert not prepared_path().exists() and "hf download lmms-lab-encoder/MME" in refused()


def test_official_before_it_is_prepared_is_one_line_with_the_command(scripted: Any) -> None:
    with pytest.raises(UserError, match=r"MME is not prepared .* run 'ddtbench data prepare mme --from FOLDER'"):
        build("official", scripted()).cases()
