"""The one walk: links followed, cycles ended, what is left out counted, nothing that cannot be listed passed over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.walk import PICTURES, walk


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "view"
    for name in ("b/2.png", "a/1.PNG", "0.jpg", "notes.txt", ".hidden/no.png", "._0.jpg"):
        put(place / name)
    return place


def test_files_come_by_relative_name_and_the_rest_is_counted(folder: Path) -> None:
    listing = walk(folder, PICTURES)
    assert list(listing.files) == ["0.jpg", "a/1.PNG", "b/2.png"]
    assert listing.files["a/1.PNG"] == folder / "a" / "1.PNG"
    assert listing.left_out == {".txt": 1, "hidden": 2}
    assert listing.says() == f"{folder}: 3 files read, 3 left out (2 hidden, 1 .txt)"
    known = walk(folder, PICTURES, known=("notes.txt",))
    assert known.left_out == {"hidden": 2}


def test_where_nothing_is_left_out_nothing_is_said(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    assert walk(tmp_path, PICTURES).says() == ""


def test_links_to_files_and_folders_are_followed(folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "store" / "c" / "3.png")
    (folder / "c").symlink_to(tmp_path / "store" / "c", target_is_directory=True)
    (folder / "z.png").symlink_to(tmp_path / "store" / "c" / "3.png")
    assert list(walk(folder, PICTURES).files) == ["0.jpg", "a/1.PNG", "b/2.png", "c/3.png", "z.png"]
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in "ab":
        (twice / name).symlink_to(tmp_path / "store" / "c", target_is_directory=True)
    assert list(walk(twice, PICTURES).files) == ["a/3.png", "b/3.png"], "two links are two folders, and no cycle"


def test_a_link_back_ends(folder: Path) -> None:
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "b" / "self").symlink_to(folder / "b", target_is_directory=True)
    listing = walk(folder, PICTURES)
    assert list(listing.files) == ["0.jpg", "a/1.PNG", "b/2.png"] and listing.left_out["a link back"] == 2


def test_a_link_to_nothing_is_for_its_reader_to_name(folder: Path) -> None:
    (folder / "lost.png").symlink_to(folder / "nowhere.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    assert {"lost.png", "loop.png"} <= walk(folder, PICTURES).files.keys()


def test_a_pipe_is_no_picture(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    listing = walk(folder, PICTURES)
    assert "pipe.png" not in listing.files and listing.left_out["no plain file"] == 1


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a" / "1.png")
    listed = os.scandir

    def refusing(place: os.PathLike[str]) -> object:
        if Path(place).name == "a":
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UserError, match="a cannot be listed: Permission denied"):
        walk(tmp_path, PICTURES)


def test_names_that_are_no_utf8_are_spelt_out(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    assert list(walk(tmp_path, PICTURES).files) == ["caf\\xe9.png"]
