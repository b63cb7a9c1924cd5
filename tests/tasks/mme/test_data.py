"""The official schema: what is read, and that each defect is one line with file, row and cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import UserError
from tasks.mme.data import parquet_files, read_data
from tasks.mme.schema import COLUMNS

Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]


def failure(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read_data(parquet_files(path))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_pairs_in_file_order_with_their_pictures(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    rows = rows_of("count", 3) + rows_of("OCR", 2)
    data = read_data(parquet_files(write(tmp_path / "mme.parquet", rows)))
    assert [(pair.category, pair.question_id) for pair in data.pairs] == [
        *(("count", f"count/{number:04d}.png") for number in range(3)),
        *(("OCR", f"OCR/{number:04d}.png") for number in range(2)),
    ]
    assert data.subtasks == ("count", "OCR")
    for place, pair in enumerate(data.pairs):
        assert data.picture(pair) == rows[2 * place]["image"]["bytes"]
        assert pair.questions == (rows[2 * place]["question"], rows[2 * place + 1]["question"])
        assert pair.answers == ("Yes", "No")


def test_a_folder_of_shards_is_one_set(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    whole = read_data([write(tmp_path / "one" / "mme.parquet", rows_of("color", 4))])
    write(tmp_path / "many" / "data" / "test-00000-of-00002.parquet", rows_of("color", 4)[:3])
    write(tmp_path / "many" / "data" / "test-00001-of-00002.parquet", rows_of("color", 4)[3:])
    shards = read_data(parquet_files(tmp_path / "many"))
    assert shards.revision == whole.revision  # how rows are stored changes nothing
    assert [shards.picture(pair) for pair in shards.pairs] == [whole.picture(pair) for pair in whole.pairs]


def test_the_revision_follows_the_content(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    other = rows_of("count", 9)[-1]["image"]
    changes: list[dict[str, Any]] = [{}, {"question": "Other?"}, {"answer": "No"}, {"image": other}]
    revisions = set()
    for number, change in enumerate(changes):
        rows = rows_of("count", 2)
        for row in rows[:2] if "image" in change else rows[:1]:
            row.update(change)
        revisions.add(read_data([write(tmp_path / f"{number}.parquet", rows)]).revision)
    assert len(revisions) == 4


def test_pictures_may_lie_beside_the_file(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    rows = rows_of("count", 1)
    content = rows[0]["image"]["bytes"]
    (tmp_path / "count").mkdir()
    (tmp_path / "count" / "0000.png").write_bytes(content)
    for row in rows:
        row["image"] = {"bytes": None, "path": "count/0000.png"}
    schema = pa.schema(
        [
            pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            *(pa.field(name, pa.string()) for name in COLUMNS if name != "image"),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "mme.parquet")
    data = read_data(parquet_files(tmp_path / "mme.parquet"))
    assert data.picture(data.pairs[0]) == content
    (tmp_path / "count" / "0000.png").unlink()
    assert failure(tmp_path / "mme.parquet").startswith(
        "mme.parquet, row 0: the question 'count/0000.png' has no image: the image 'count/0000.png' is not beside"
    )


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named_with_the_file(tmp_path: Path, rows_of: Rows, write: Write, column: str) -> None:
    line = failure(write(tmp_path / "mme.parquet", rows_of("count", 1), without=column))
    assert line.startswith(f"mme.parquet: the column '{column}' is missing (it has ") and "MME's columns are" in line


@pytest.mark.parametrize(("kept", "words"), [(1, "has 1 question;"), (3, "has 3 questions, the last one at")])
def test_an_odd_number_of_questions_for_an_image(
    tmp_path: Path, rows_of: Rows, write: Write, kept: int, words: str
) -> None:
    first, second = rows_of("count", 2)[:2], rows_of("count", 2)[2:]
    rows = [*first, *(second + second)[:kept]]
    line = failure(write(tmp_path / "mme.parquet", rows))
    assert line.startswith(f"mme.parquet, row 2: image 'count/0001.png' of subtask 'count' {words}")
    assert "exactly two: add or remove rows" in line


@pytest.mark.parametrize("image", [None, {"bytes": None, "path": None}, {"bytes": b"", "path": ""}])
def test_a_question_without_an_image(tmp_path: Path, rows_of: Rows, write: Write, image: Any) -> None:
    rows = rows_of("count", 2)
    rows[3]["image"] = image
    line = failure(write(tmp_path / "mme.parquet", rows))
    assert line.startswith(
        "mme.parquet, row 3: the question 'count/0001.png' has no image: the column 'image' holds no"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": "Maybe"}, "row 1: the answer is 'Maybe', and must be Yes or No"),
        ({"question": " "}, "row 1: 'question' is empty: fill it in or remove the row"),
        ({"question_id": None}, "row 1: 'question_id' must be text, is null"),
        ({"category": "colour"}, "row 1: unknown category 'colour'; did you mean 'color'?"),
    ],
)
def test_a_bad_cell_is_named_with_its_row(
    tmp_path: Path, rows_of: Rows, write: Write, change: dict[str, Any], words: str
) -> None:
    rows = rows_of("count", 1)
    rows[1].update(change)
    assert words in failure(write(tmp_path / "mme.parquet", rows))


def test_a_pair_that_shows_two_pictures(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    rows = rows_of("count", 2)
    rows[1]["image"] = rows[2]["image"]
    assert "row 1: shows a different image from mme.parquet, row 0" in failure(write(tmp_path / "mme.parquet", rows))


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "there is no such file or folder: give the official Parquet file" in failure(tmp_path / "missing")
    assert "it holds no Parquet file" in failure(tmp_path)
    (tmp_path / "mme.parquet").write_text("question\tanswer")
    assert failure(tmp_path).startswith("mme.parquet is not a Parquet file (")


def test_images_of_another_kind(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    rows = [{**row, "image": "count/0000.png"} for row in rows_of("count", 1)]
    line = failure(write(tmp_path / "mme.parquet", rows))
    assert "the column 'image' is string, and must be a struct of bytes and path" in line


def test_a_damaged_file_is_one_line(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    path = write(tmp_path / "mme.parquet", rows_of("count", 40))
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    for place in range(200, len(content) - footer, 7):
        content[place] ^= 0xFF
    path.write_bytes(content)
    line = failure(path)
    assert line.startswith("mme.parquet is damaged (") and line.endswith("fetch MME's again")


@pytest.mark.parametrize("key", ["question_id", "question", "answer", "category"])
def test_a_cell_that_is_no_text_is_refused_by_row_and_key(
    tmp_path: Path, rows_of: Rows, write: Write, key: str
) -> None:
    rows = [{**row, key: 1} for row in rows_of("count", 1)]
    assert f"row 0: '{key}' must be text, is 1" in failure(write(tmp_path / "mme.parquet", rows))


def test_a_path_that_leads_out_of_the_folder_is_not_read(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    rows = rows_of("count", 1)
    (tmp_path / "secret.png").write_bytes(rows[0]["image"]["bytes"])
    for name in (str(tmp_path / "secret.png"), "../secret.png"):
        for row in rows:
            row["image"] = {"bytes": b"", "path": name}
        line = failure(write(tmp_path / "data" / "mme.parquet", rows))
        assert f"'{name}' leads out of the data's folder, so it is not read" in line


def test_files_in_a_folder_behind_a_link_are_read(tmp_path: Path, rows_of: Rows, write: Write) -> None:
    write(tmp_path / "store" / "mme.parquet", rows_of("count", 1))
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "data").symlink_to(tmp_path / "store", target_is_directory=True)
    assert [file.name for file in parquet_files(tmp_path / "view")] == ["mme.parquet"]
