"""A file of prepared data is whole or not there, whatever goes wrong."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from harness.errors import UserError
from tasks.data.writing import whole_data_file


def test_it_stands_there_at_the_end_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "data.bin"
    with whole_data_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "told", "said"),
    [
        (ValueError("bad row"), ValueError, "bad row"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        (
            OSError("Unexpected end of stream"),
            UserError,
            "Unexpected end of stream.*fetch it again",
        ),
        (OSError(errno.EIO, "Input/output error"), UserError, "cannot write .*Input/output error"),
        (OSError(errno.ENOSPC, "No space left on device"), UserError, "No space left on device.*free space"),
        (OSError(errno.EROFS, "Read-only file system"), UserError, "Read-only file system.*make it writable"),
    ],
    ids=["mistake", "interrupt", "source", "device", "full", "read-only"],
)
def test_after_an_error_the_old_file_is_kept_and_nothing_else(
    tmp_path: Path, error: BaseException, told: type[BaseException], said: str
) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"old")
    with pytest.raises(told, match=said), whole_data_file(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot write .*DDTBENCH_DATA"), whole_data_file(tmp_path / "file" / "x"):
        pass
