"""Paths as users and as data write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.paths import beside, user_path


def test_a_home_folder_is_found_and_one_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert user_path("~/runs") == Path("/home/somebody/runs") and user_path("a/b") == Path("a/b")
    with pytest.raises(UserError, match="'~nobody-of-that-name/x': ~nobody-of-that-name has no home folder here"):
        user_path("~nobody-of-that-name/x")


def test_a_nul_character_is_no_path() -> None:
    with pytest.raises(UserError, match="NUL character, which no path can"):
        user_path("a\0b")


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.png", "a/../../secret.png", "a/..", "", None, 3, "a\0b"])
def test_data_names_no_file_outside_its_folder(name: object) -> None:
    with pytest.raises(ValueError, match=r"leads out of the data's folder|is not a file name"):
        beside(Path("data"), name)


def test_data_names_files_below_its_folder() -> None:
    assert beside(Path("data"), "images/a..b.png") == Path("data/images/a..b.png")
