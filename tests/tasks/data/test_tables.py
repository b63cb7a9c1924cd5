"""Parquet of a user's: what is read, and the one line that each kind of bad file gets, with file, row and cure."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import UserError
from tasks.data.tables import Listed, Schema, Table, parquet_files, picture

SCHEMA = Schema(
    "Pairs", "get it again", texts=("told",), numbers=("turn",), images=("img",), blank=("note",), maybe=("more",)
)


@pytest.fixture
def rows(miniatures: ModuleType) -> list[dict[str, Any]]:
    made = [{"told": f"say {n}", "turn": n, "img": miniatures.image(n, (20 + n, 30)), "note": ""} for n in range(5)]
    return [{**row, "unused": 1.5} for row in made]


def refused(path: Path, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        _ = Table((path,), SCHEMA).cells
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_rows_of_several_files_in_order_with_their_places(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    files = [miniatures.write(tmp_path / f"test-{n}.parquet", rows, group=2) for n in range(2)]
    table = Table(tuple(files), SCHEMA)
    assert [dict(cells) for cells in table.cells] == 2 * [{"told": f"say {n}", "turn": n, "note": ""} for n in range(5)]
    assert (table.where(4), table.where(5)) == ("test-0.parquet, row 4", "test-1.parquet, row 0")
    for row in (6, 0, 3, 9):
        assert table.content(row, "img") == rows[row % 5]["img"]["bytes"]
        assert picture(table, row, "img").shape == (20 + row % 5, 30, 3)
    copy = pickle.loads(pickle.dumps(table))
    assert np.array_equal(picture(copy, 7, "img"), picture(table, 7, "img"))


def test_a_path_beside_the_file_is_an_image_too(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    (tmp_path / "one.png").write_bytes(miniatures.encoded(1))
    rows[0]["img"], rows[1]["img"] = {"bytes": None, "path": "one.png"}, {"bytes": None, "path": "two.png"}
    table = Table((miniatures.write(tmp_path / "f.parquet", rows),), SCHEMA)
    assert table.content(0, "img") == miniatures.encoded(1)
    with pytest.raises(ValueError, match=r"f\.parquet, row 1: the image 'two\.png' is not beside f\.parquet"):
        table.content(1, "img")


@pytest.mark.parametrize("name", ["told", "turn", "img", "note"])
def test_a_missing_column(tmp_path: Path, miniatures: ModuleType, rows: Any, name: str) -> None:
    said = f"the column '{name}' is missing .*: Pairs's columns are told, note, turn, img"
    refused(miniatures.write(tmp_path / "f.parquet", rows, without=name), said)


def test_empty_cells_and_cells_of_another_kind(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    def changed(**cells: Any) -> Path:
        some = [{**row, **(cells if number == 3 else {})} for number, row in enumerate(rows)]
        return miniatures.write(tmp_path / "f.parquet", some)

    refused(changed(told="  "), "row 3: 'told' is empty: fill it in or remove the row")
    refused(changed(told=None), "row 3: 'told' must be text, is null")
    refused(changed(note=None), "row 3: 'note' must be text, is null")
    refused(changed(turn=None), "row 3: 'turn' must be a whole number, is null")
    table = Table((changed(img={"bytes": b"", "path": None}),), SCHEMA)
    with pytest.raises(ValueError, match=r"f\.parquet, row 3: the column 'img' holds no image"):
        table.content(3, "img")


def test_what_is_no_parquet_and_no_image_column(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    (tmp_path / "f.parquet").write_bytes(b"<html>404</html>")
    refused(tmp_path / "f.parquet", "is not a Parquet file .*: get it again")
    flat = [{**row, "img": row["img"]["bytes"]} for row in rows]
    refused(miniatures.write(tmp_path / "g.parquet", flat), "the column 'img' is binary, and must be a struct")


def test_an_image_that_is_none_names_file_row_and_column(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    rows[2]["img"] = {"bytes": b"GIF89a broken", "path": None}
    table = Table((miniatures.write(tmp_path / "f.parquet", rows),), SCHEMA)
    with pytest.raises(ValueError, match=r"^f\.parquet, row 2, 'img': "):
        picture(table, 2, "img")


def test_the_files_of_a_split(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    for name in ("data/test-00000.parquet", "data/test-00001.parquet", "data/validation-00000.parquet"):
        miniatures.write(tmp_path / name, rows)
    names = [file.name for file in parquet_files(tmp_path, SCHEMA, "test")]
    assert names == ["test-00000.parquet", "test-00001.parquet"]
    assert len(parquet_files(tmp_path, SCHEMA, "train")) == 3, "no file is named after the split: all are it"
    only = tmp_path / "data" / "validation-00000.parquet"
    assert parquet_files(only, SCHEMA, "test") == (only,)
    (tmp_path / "empty").mkdir()
    for path, said in ((tmp_path / "empty", "it holds no Parquet file"), (tmp_path / "no", "no such file")):
        with pytest.raises(UserError, match=f"{said}.*: get it again"):
            parquet_files(path, SCHEMA, "test")


@pytest.mark.parametrize("value", [["one", "two"], {"a": 1}, 3, 2.5, True])
def test_a_text_that_is_something_else_is_refused_by_file_row_and_key(
    tmp_path: Path, miniatures: ModuleType, rows: Any, value: Any
) -> None:
    for key in ("told", "note", "more"):
        some = [{**row, key: value} for row in rows]
        refused(miniatures.write(tmp_path / "f.parquet", some), f"row 0: '{key}' must be text, is ")


def test_null_in_a_column_that_may_be_absent_is_none(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    some = [{**row, "more": None if number else "said"} for number, row in enumerate(rows)]
    cells = Table((miniatures.write(tmp_path / "f.parquet", some),), SCHEMA).cells
    assert [row["more"] for row in cells] == ["said", "", "", "", ""]


@pytest.mark.parametrize("outside", ["absolute", "../secret.png", "a/../../secret.png"])
def test_a_path_that_leads_out_of_the_folder_is_not_read(
    tmp_path: Path, miniatures: ModuleType, rows: Any, outside: str
) -> None:
    (tmp_path / "secret.png").write_bytes(miniatures.encoded(1))
    name = str(tmp_path / "secret.png") if outside == "absolute" else outside
    rows[2]["img"] = {"bytes": None, "path": name}
    table = Table((miniatures.write(tmp_path / "data" / "f.parquet", rows),), SCHEMA)
    with pytest.raises(ValueError, match=r"f\.parquet, row 2: '.*secret\.png' leads out of the data's folder"):
        table.content(2, "img")
    listed = Listed([{}], ["row 0"], tmp_path / "data", [{"img": name}])
    with pytest.raises(ValueError, match=r"row 0: '.*secret\.png' leads out of the data's folder"):
        listed.content(0, "img")


def test_text_that_is_no_utf8_is_a_damaged_file(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    table = pq.read_table(miniatures.write(tmp_path / "f.parquet", rows))
    told = pa.array([b"a", b"\xff", b"b", b"c", b"d"], pa.binary()).view(pa.string())
    pq.write_table(table.set_column(table.column_names.index("told"), "told", told), tmp_path / "f.parquet")
    refused(tmp_path / "f.parquet", "is damaged .*utf-8.*: get it again")


def test_files_in_a_folder_behind_a_link_are_read(tmp_path: Path, miniatures: ModuleType, rows: Any) -> None:
    miniatures.write(tmp_path / "store" / "test-0.parquet", rows)
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "data").symlink_to(tmp_path / "store", target_is_directory=True)
    assert [file.name for file in parquet_files(tmp_path / "view", SCHEMA, "test")] == ["test-0.parquet"]
