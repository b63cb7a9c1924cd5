"""A file of prepared data is there whole or not at all, and what keeps it from being written is said with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.errors import UserError
from harness.isolation import DISK_FULL
from harness.writing import written_whole


@contextmanager
def whole_data_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is written whole; nothing is left of it after an error.

    Raises UserError with the cure for what the operating system refuses, and for a source that breaks off while it is
    read inside (an OSError of a library, without a number).
    """
    try:
        with written_whole(path) as temporary, temporary.open("wb") as file:
            yield file
    except OSError as error:
        if error.errno is None:
            raise UserError(f"{path} is not written, its source breaks off ({error}): fetch it again") from error
        cure = "free space" if error.errno in DISK_FULL else "make it writable"
        raise UserError(
            f"cannot write {path} ({error.strerror}): {cure}, or set DDTBENCH_DATA to another folder"
        ) from error
