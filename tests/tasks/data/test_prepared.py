"""Preparing published data sets: what is written, what is refused, and nothing half-written."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness import catalog
from harness.commands import prepare_data
from harness.errors import UserError
from harness.listing import list_text
from harness.showing import show_text
from tasks.data import coco_captions, emu_edit, imagenet_val, magicbrush, wikitext
from tasks.data.entries import DATA_ENTRIES
from tasks.data.tables import picture

COUNTS = {magicbrush: 6, emu_edit: 4, imagenet_val: 6, coco_captions: 8}


def rows_of(miniatures: ModuleType, module: Any) -> list[dict[str, Any]]:
    name = module.__name__.rpartition(".")[2]
    makers = {
        "magicbrush": miniatures.magicbrush_rows,
        "emu_edit": miniatures.emu_rows,
        "imagenet_val": miniatures.imagenet_rows,
        "coco_captions": miniatures.coco_rows,
    }
    made: list[dict[str, Any]] = makers[name]()
    return made


@pytest.fixture(params=COUNTS, ids=lambda module: module.__name__.rpartition(".")[2])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A data set whose published split is as small as its miniature."""
    found = request.param
    monkeypatch.setattr(found, "DATA", replace(found.DATA, rows=COUNTS[found]))
    return found


def test_what_is_prepared_is_what_lay_there(tmp_path: Path, miniatures: ModuleType, module: Any, capsys: Any) -> None:
    rows = rows_of(miniatures, module)
    source = miniatures.write(tmp_path / "from" / "data" / f"{module.DATA.split}-0.parquet", rows)
    assert not module.at_hand()
    folder = module.prepare(str(tmp_path / "from"))
    assert module.at_hand() and [path.name for path in folder.iterdir()] == [f"{module.DATA.split}.parquet"]
    assert f"{len(rows)} rows" in capsys.readouterr().out
    records, revision = module.DATA.open()
    there, same = module.DATA.open(str(source))
    assert revision == same, "prepared or not, the same content has the same revision"
    assert [dict(cells) for cells in records.cells] == [dict(cells) for cells in there.cells]
    for column in module.SCHEMA.images:
        for row in range(len(rows)):
            assert records.content(row, column) == rows[row][column]["bytes"]
    assert module.prepare(None) == folder and "already prepared" in capsys.readouterr().out


def test_another_content_has_another_revision(tmp_path: Path, miniatures: ModuleType, module: Any) -> None:
    rows = rows_of(miniatures, module)
    first = module.DATA.open(str(miniatures.write(tmp_path / "a.parquet", rows)))[1]
    rows[-1][module.SCHEMA.images[-1]] = miniatures.image(99)
    assert module.DATA.open(str(miniatures.write(tmp_path / "b.parquet", rows)))[1] != first


def test_a_wrong_count_says_both_counts(tmp_path: Path, miniatures: ModuleType, module: Any, data_folder: Path) -> None:
    rows = rows_of(miniatures, module)
    path = miniatures.write(tmp_path / "f.parquet", rows[:1])
    with pytest.raises(UserError, match=f"has 1 rows, and its .* split has {len(rows)}: get ") as caught:
        module.prepare(str(path))
    assert "\n" not in str(caught.value) and not data_folder.exists()


def test_an_unreadable_image_stops_it_and_leaves_what_was_there(
    tmp_path: Path, miniatures: ModuleType, module: Any
) -> None:
    rows = rows_of(miniatures, module)
    module.prepare(str(miniatures.write(tmp_path / "good.parquet", rows)))
    before = module.DATA.file.read_bytes()
    column = module.SCHEMA.images[-1]
    rows[-2][column] = {"bytes": rows[-2][column]["bytes"][:40], "path": None}
    bad = miniatures.write(tmp_path / "bad.parquet", rows)
    with pytest.raises(UserError, match=rf"bad\.parquet, row {len(rows) - 2}, '{column}': .*: fetch it again"):
        module.prepare(str(bad))
    assert module.DATA.file.read_bytes() == before
    assert [path.name for path in module.DATA.file.parent.iterdir()] == [module.DATA.file.name]


def test_a_missing_column_and_no_data_at_all(tmp_path: Path, miniatures: ModuleType, module: Any) -> None:
    column = module.SCHEMA.required[0]
    path = miniatures.write(tmp_path / "f.parquet", rows_of(miniatures, module), without=column)
    with pytest.raises(UserError, match=rf"f\.parquet: the column '{column}' is missing"):
        module.prepare(str(path))
    for ask in (lambda: module.prepare(None), module.DATA.open):
        with pytest.raises(UserError, match=f"ddtbench data prepare {module.DATA.name} --from FOLDER"):
            ask()
    whole = miniatures.write(tmp_path / "none.parquet", rows_of(miniatures, module))
    pq.write_table(pq.read_table(whole).slice(0, 0), whole)
    with pytest.raises(UserError, match="holds no row"):
        module.prepare(str(whole))


def test_a_prepared_file_that_is_another_or_damaged_is_refused(
    tmp_path: Path, miniatures: ModuleType, module: Any
) -> None:
    rows = rows_of(miniatures, module)
    module.prepare(str(miniatures.write(tmp_path / "f.parquet", rows)))
    whole = bytearray(module.DATA.file.read_bytes())
    column = module.SCHEMA.images[0]
    place = pq.ParquetFile(module.DATA.file).metadata.row_group(0)
    chunk = next(
        place.column(n) for n in range(place.num_columns) if place.column(n).path_in_schema == f"{column}.bytes"
    )
    whole[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 255
    module.DATA.file.write_bytes(whole)
    records, _ = module.DATA.open()
    with pytest.raises(ValueError, match="is damaged"):
        picture(records, 0, column)
    module.DATA.file.write_bytes(b"")
    with pytest.raises(UserError, match="delete it and prepare again"):
        module.DATA.open()
    miniatures.write(module.DATA.file, rows)
    with pytest.raises(UserError, match="was not written by 'ddtbench data prepare'"):
        module.DATA.open()


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, miniatures: ModuleType, module: Any, data_folder: Path
) -> None:
    data_folder.write_text("a file where the folder should be")
    with pytest.raises(UserError, match="DDTBENCH_DATA"):
        module.prepare(str(miniatures.write(tmp_path / "f.parquet", rows_of(miniatures, module))))


# ------------------------------------------------------------------------------------------------ each set's own


def test_magicbrushs_archive_has_captions_and_the_hubs_files_have_none(
    tmp_path: Path, miniatures: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(magicbrush, "DATA", replace(magicbrush.DATA, rows=6))
    miniatures.magicbrush_archive(tmp_path / "from" / "test")
    magicbrush.prepare(str(tmp_path / "from"))
    records, _ = magicbrush.DATA.open()
    hub, _ = magicbrush.DATA.open(str(miniatures.write(tmp_path / "hub.parquet", miniatures.magicbrush_rows())))
    for row, (ours, theirs) in enumerate(zip(records.cells, hub.cells, strict=True)):
        assert ours == {**theirs, "caption": f"blocks, {theirs['turn_index']} times as bright"}
        for column in magicbrush.SCHEMA.images:
            assert records.content(row, column) == hub.content(row, column)


def spoil(folder: Path, kind: str) -> str:
    """Damage MagicBrush's archive in one way; what must be said."""
    sessions = json.loads((folder / "edit_sessions.json").read_text())
    if kind == "image":
        (folder / "images" / "201" / "201-output2.png").unlink()
        return "edit_sessions.json, session '201', turn 2: the image '201-output2.png' is missing"
    if kind == "description":
        (folder / "global_descriptions.json").write_text("{}")
        return "global_descriptions.json: no description of '200-output1.png' of session '200'"
    if kind == "no file":
        (folder / "global_descriptions.json").unlink()
        return "global_descriptions.json is missing: get the test archive"
    if kind == "no JSON":
        (folder / "edit_sessions.json").write_text("<html>")
        return "edit_sessions.json is not JSON"
    if kind == "instruction":
        sessions["202"][1]["instruction"] = " "
    else:
        sessions["202"] = []
    (folder / "edit_sessions.json").write_text(json.dumps(sessions))
    return "turn 2: 'instruction' is missing" if kind == "instruction" else "session '202': no turns"


@pytest.mark.parametrize("kind", ["image", "description", "no file", "no JSON", "instruction", "turns"])
def test_a_damaged_archive_is_one_line(
    tmp_path: Path, miniatures: ModuleType, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(magicbrush, "DATA", replace(magicbrush.DATA, rows=6))
    folder = miniatures.magicbrush_archive(tmp_path / "from")
    said = spoil(folder, kind)
    with pytest.raises(UserError) as caught:
        magicbrush.prepare(str(folder))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not magicbrush.at_hand()


def test_turns_that_are_out_of_order_are_named(tmp_path: Path, miniatures: ModuleType) -> None:
    rows = miniatures.magicbrush_rows()
    for order, said in (
        ([0, 2, 1, 3, 4, 5], "row 1: turn 2 of session '201' comes where turn 1 is due"),
        ([1, 2, 4, 3, 5, 0], "row 3: turn 3 of session '201' comes where turn 3 is due: order the rows"),
        ([0, 1, 2, 3, 4, 4], "row 5: turn 1 of session '202' comes where turn 2 is due"),
    ):
        path = miniatures.write(tmp_path / f"{order}.parquet", [rows[n] for n in order])
        with pytest.raises(UserError, match=said):
            magicbrush.DATA.open(str(path))


def coco_files(folder: Path, miniatures: ModuleType, count: int = 12) -> Path:
    """COCO's own layout: two captions a picture."""
    images = [{"id": 10 + n, "file_name": f"COCO_val2014_{10 + n:012d}.jpg"} for n in range(count)]
    notes = [
        {"id": 2 * n + k, "image_id": 10 + n, "caption": f"picture {n},\n caption {k}"}
        for n in range(count)
        for k in (0, 1)
    ]
    (folder / "val2014").mkdir(parents=True)
    for number, item in enumerate(images):
        (folder / "val2014" / item["file_name"]).write_bytes(miniatures.encoded(number, kind="JPEG"))
    (folder / "annotations").mkdir()
    (folder / "annotations" / "captions_val2014.json").write_text(json.dumps({"images": images, "annotations": notes}))
    return folder


def test_cocos_own_files_are_drawn_by_the_seed(
    tmp_path: Path, miniatures: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = coco_files(tmp_path / "from", miniatures)
    monkeypatch.setattr(coco_captions, "ROWS", 8)
    drawn = coco_captions.read(folder)
    numbers = [int(cells["caption"].split(",")[0].split()[1]) for cells in drawn.cells]
    assert len(set(numbers)) == 8 and numbers == sorted(numbers), "eight pictures, each once, in their order"
    assert {cells["caption"][-1] for cells in drawn.cells} == {"0", "1"} and "\n" not in drawn.cells[0]["caption"]
    for row, number in enumerate(numbers):
        assert drawn.content(row, "image") == miniatures.encoded(number, kind="JPEG")
    assert [dict(cells) for cells in coco_captions.read(folder).cells] == [dict(cells) for cells in drawn.cells]
    monkeypatch.setattr(coco_captions, "SEED", 1)
    assert list(coco_captions.read(folder).cells) != list(drawn.cells)


def test_cocos_missing_pictures_and_broken_annotations(tmp_path: Path, miniatures: ModuleType) -> None:
    folder = coco_files(tmp_path / "from", miniatures)
    (folder / "val2014" / "COCO_val2014_000000000012.jpg").unlink()
    with pytest.raises(ValueError, match=r"image 12: the image 'COCO_val2014_000000000012\.jpg' is missing"):
        coco_captions.read(folder).content(2, "image")
    file = folder / "annotations" / "captions_val2014.json"
    whole = json.loads(file.read_text())
    for broken, said in (
        ({**whole, "annotations": whole["annotations"][2:]}, "the image 10 has no caption"),
        ({"images": whole["images"]}, "is not COCO's caption file .it has no list of 'annotations'"),
        (
            {**whole, "annotations": [{**whole["annotations"][0], "caption": " "}]},
            r"annotations\[0\]: 'caption' is empty",
        ),
    ):
        file.write_text(json.dumps(broken))
        with pytest.raises(UserError, match=said):
            coco_captions.read(folder)


def test_wikitext_is_prepared_as_documents(
    tmp_path: Path, miniatures: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = miniatures.write(tmp_path / "test-0.parquet", [{"text": line} for line in miniatures.LINES])
    with pytest.raises(UserError, match=r"has 13 rows, and its test split has 4,358: get test-\*\.parquet"):
        wikitext.prepare(str(path))
    monkeypatch.setattr(wikitext, "LINES", replace(wikitext.LINES, rows=len(miniatures.LINES)))
    wikitext.prepare(str(tmp_path))
    assert "2 rows" in capsys.readouterr().out
    assert wikitext.open_pages() == wikitext.open_pages(str(path))
    first, second = wikitext.open_pages()[0]
    assert first.startswith(" = Robert Boulter = \n \n Robert Boulter is") and second.startswith(" = Du Fu = \n")
    whole = "".join(line or " \n" for line in miniatures.LINES)
    assert first + "\n" + second == whole[2:], "nothing is lost but the blank line before the first title"
    with pytest.raises(UserError, match="holds no text"):
        wikitext.open_pages(str(miniatures.write(tmp_path / "blank.parquet", [{"text": ""}])))


# ------------------------------------------------------------------------------------------------ the command line's


@pytest.mark.parametrize("entry", DATA_ENTRIES, ids=lambda entry: entry.name)
def test_every_line_of_the_catalogue_prepares_and_says_whether_it_is_there(entry: Any, data_folder: Path) -> None:
    with pytest.raises(UserError, match=f"ddtbench data prepare {entry.name} --from"):
        prepare_data(entry.name)
    module, _, attribute = entry.at_hand.partition(":")
    assert getattr(importlib.import_module(module), attribute)() is False
    command = f"missing: ddtbench data prepare {entry.name} --from PATH"
    assert "no: not prepared" in show_text(f"data/{entry.name}") and command.partition(": ")[2] in show_text(entry.name)
    (reader, *_) = (task.name for task in catalog.entries("task") if entry.name in task.data)
    assert f"{entry.name} ({command})" in " ".join(show_text(f"task/{reader}").split())
    found = importlib.import_module(module).DATA
    found.file.parent.mkdir(parents=True)
    found.file.write_bytes(b"anything")
    assert f"{entry.name} (present)" in " ".join(show_text(f"task/{reader}").split())
    assert re.search(rf"\n{entry.name} .* yes\n", list_text("data"))


@pytest.mark.parametrize("caption", [None, ["one"], {"a": 1}, 3])
def test_captions_that_are_no_text_are_refused_in_each_sets_own_files(
    tmp_path: Path, miniatures: ModuleType, monkeypatch: pytest.MonkeyPatch, caption: Any
) -> None:
    monkeypatch.setattr(magicbrush, "DATA", replace(magicbrush.DATA, rows=6))
    folder = miniatures.magicbrush_archive(tmp_path / "brush")
    told = json.loads((folder / "global_descriptions.json").read_text())
    told["201"]["201-output2.png"] = caption
    (folder / "global_descriptions.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=r"global_descriptions\.json, session '201': '201-output2\.png' must be text"):
        magicbrush.prepare(str(folder))
    coco = coco_files(tmp_path / "coco", miniatures)
    file = coco / "annotations" / "captions_val2014.json"
    whole = json.loads(file.read_text())
    whole["annotations"][3]["caption"] = caption
    file.write_text(json.dumps(whole))
    with pytest.raises(UserError, match=r"captions_val2014\.json, annotations\[3\]: 'caption' must be text"):
        coco_captions.read(coco)


def test_files_that_climb_out_of_an_archive_are_not_read(
    tmp_path: Path, miniatures: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(magicbrush, "DATA", replace(magicbrush.DATA, rows=6))
    folder = miniatures.magicbrush_archive(tmp_path / "brush")
    sessions = json.loads((folder / "edit_sessions.json").read_text())
    sessions["201"][0]["input"] = "../../../secret.png"
    (folder / "edit_sessions.json").write_text(json.dumps(sessions))
    (tmp_path / "secret.png").write_bytes(miniatures.encoded(1))
    with pytest.raises(UserError, match=r"session '201', turn 1: '.*secret\.png' leads out of the data's folder"):
        magicbrush.prepare(str(folder))
    coco = coco_files(tmp_path / "coco", miniatures)
    file = coco / "annotations" / "captions_val2014.json"
    whole = json.loads(file.read_text())
    whole["images"][0]["file_name"] = str(tmp_path / "secret.png")
    file.write_text(json.dumps(whole))
    with pytest.raises(ValueError, match="leads out of the data's folder"):
        coco_captions.read(coco).content(0, "image")
