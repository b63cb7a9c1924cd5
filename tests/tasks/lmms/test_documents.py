"""Rows of sets in the hub's layout, and what is said of a folder that is not laid out so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import UserError
from tasks.lmms.definition import Definition
from tasks.lmms.documents import PICTURES, documents_of

Define = Callable[..., Definition]
GQA = "testdev_balanced_instructions"


def test_rows_hold_texts_and_whole_numbers_alone(data: Path, miniatures: ModuleType, define: Define) -> None:
    miniatures.vqav2_val(data)
    found = documents_of(define("vqav2_val", "VQAv2", ["exact_match"], split="validation"))
    assert found.rows[2] == {"image_id": 2, "question_id": 2, "question": "Is it 2?"}
    assert found.column(PICTURES) == "image_id" and found.column(["category"]) == ""


def test_a_configuration_has_its_own_rows(data: Path, miniatures: ModuleType, define: Define) -> None:
    miniatures.gqa(data)
    found = documents_of(define("gqa", "GQA", ["exact_match"], split="testdev", configuration=GQA))
    assert [row["imageId"] for row in found.rows] == ["n0", "n0", "n1", "n1"]


def test_the_revision_follows_the_files(data: Path, miniatures: ModuleType, define: Define) -> None:
    definition = define("mme", "MME", [])
    revisions = []
    for count in (2, 4, 2):
        miniatures.mme(data, count)
        revisions.append(documents_of(definition).revision)
    assert revisions[0] == revisions[2] != revisions[1]


def failure(definition: Definition) -> str:
    with pytest.raises(UserError) as error:
        documents_of(definition)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_each_defect_is_one_line(data: Path, miniatures: ModuleType, define: Define) -> None:
    gqa = define("gqa", "GQA", [], split="testdev", configuration=GQA)
    assert "hf download lmms-lab-encoder/GQA --repo-type dataset --local-dir" in failure(gqa)
    miniatures.gqa(data)
    (data / "lmms-lab-encoder" / "GQA" / "README.md").unlink()
    assert "is not laid out as on the hub (" in failure(gqa) and "README.md included" in failure(gqa)
    miniatures.mme(data)
    assert "lacks split 'val' (it has: test): fetch its files too" in failure(define("mme", "MME", [], split="val"))
    (file,) = (data / "lmms-lab-encoder" / "MME").rglob("*.parquet")
    file.write_bytes(b"PAR1 no more PAR1")
    assert "is not a Parquet file (" in failure(define("mme", "MME", []))


def test_a_picture_by_a_path_that_leads_out_is_refused_where_the_library_would_open_it(
    data: Path, miniatures: ModuleType, define: Define
) -> None:
    definition = define("mme", "MME", [])
    miniatures.mme(data, 4)
    (file,) = data.rglob("*.parquet")
    whole = pq.read_table(file)
    for outside in ("/etc/hostname", "../../secret.png"):
        for content, refused in ((None, True), (b"\x89PNG", False)):
            cells = whole["image"].to_pylist()
            cells[3] = {"bytes": content, "path": outside}
            images = pa.array(cells, whole.schema.field("image").type)
            place = whole.column_names.index("image")
            pq.write_table(whole.set_column(place, whole.schema.field("image"), images), file)
            if refused:
                assert f"row 3, 'image': '{outside}' leads out of the data's folder" in failure(definition)
            else:
                assert len(documents_of(definition).rows) == 8, "bytes are there: the path is only a name"
