"""Image sources: ids, revisions and rules for what is in a folder."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.errors import UserError
from tasks.tokenizing.sources import FolderSource, open_source


def picture(side: int = 20, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "my photos"
    (place / "b" / "deep").mkdir(parents=True)
    (place / ".hidden").mkdir()
    for number, name in enumerate(["z.png", "a.PNG", "b/1.jpg", "b/deep/x.webp", "c.bmp", "d.tiff"]):
        picture(seed=number).save(place / name)
    picture().save(place / ".hidden" / "no.png")
    picture().save(place / "._a.png")
    (place / "notes.txt").write_text("not an image")
    return place


def test_a_folder_is_sorted_by_relative_path_whatever_the_disk_says(folder: Path) -> None:
    source = open_source(str(folder))
    assert [case.id for case in source.cases()] == ["a.PNG", "b/1.jpg", "b/deep/x.webp", "c.bmp", "d.tiff", "z.png"]
    assert source.name == "folder-my-photos"
    assert source.image(source.cases()[0]).shape == (20, 20, 3)


def test_the_revision_is_of_names_and_content_only(folder: Path, tmp_path: Path) -> None:
    before = open_source(str(folder)).revision
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    os.utime(copy / "z.png", (0, 0))
    assert open_source(str(copy)).revision == before
    picture(seed=99).save(copy / "z.png")
    changed = open_source(str(copy)).revision
    assert changed != before
    (copy / "z.png").rename(copy / "y.png")
    assert open_source(str(copy)).revision not in (before, changed)


def test_bad_files_are_cases_that_fail_by_name(folder: Path) -> None:
    (folder / "empty.png").write_bytes(b"")
    whole = (folder / "b" / "1.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    source = open_source(str(folder))
    cases = {case.id: case for case in source.cases()}
    for name in ("empty.png", "half.jpg"):
        with pytest.raises(ValueError, match=name):
            source.image(cases[name])
    assert source.image(cases["z.png"]).dtype == np.uint8
    assert source.revision.startswith("files-")


def test_a_file_that_vanishes_leaves_a_revision_and_fails_alone(folder: Path) -> None:
    source = open_source(str(folder))
    (folder / "z.png").unlink()
    assert source.revision.startswith("files-")
    with pytest.raises(ValueError, match=r"z\.png"):
        source.image(source.cases()[-1])


def test_names_that_are_no_utf8_become_text(tmp_path: Path) -> None:
    picture().save(tmp_path / "plain.png")
    try:
        os.rename(os.fsencode(tmp_path / "plain.png"), os.fsencode(tmp_path) + b"/caf\xe9.png")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    source = FolderSource(tmp_path)
    assert [case.id for case in source.cases()] == ["caf\\xe9.png"]
    json.dumps(source.cases()[0].id).encode("utf-8")
    assert source.image(source.cases()[0]).shape == (20, 20, 3)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"")
    with pytest.raises(ValueError, match="empty") as caught:
        source.image(source.cases()[0])
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("fashon", "did you mean 'fashion'"),
        ("/no/such/folder", "give a folder"),
        ("photo", "did you mean 'photos'"),
    ],
)
def test_what_is_no_source_is_one_line_with_the_nearest(argument: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        open_source(argument)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no image"):
        open_source(str(tmp_path))
    picture().save(tmp_path / "one.png")
    with pytest.raises(UserError, match="is a file"):
        open_source(str(tmp_path / "one.png"))


def test_photographs_are_named_with_a_licence() -> None:
    pytest.importorskip("skimage")
    source = open_source("photos")
    cases = source.cases()
    assert "scikit-image/astronaut.png" in {case.id for case in cases}
    assert all(case.facts["licence"] for case in cases)
    images = [source.image(case) for case in cases]
    assert all(image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 for image in images)


def test_photographs_without_their_packages_name_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.tokenizing.sources.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install scikit-image foolbox"):
        open_source("photos")


def test_sources_travel_to_other_processes(folder: Path) -> None:
    source = pickle.loads(pickle.dumps(open_source(str(folder))))
    assert len(source.cases()) == 6
