"""A file of prepared data is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.errors import UserError
from harness.isolation import DISK_FULL


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file under a temporary name, fsynced and renamed at the end; nothing is left of it after an error.

    Raises UserError with the cure for what the operating system refuses, and for a source that breaks off while it is
    read inside (an OSError of a library, without a number).
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None:
            raise UserError(f"{path} is not written, its source breaks off ({error}): fetch it again") from error
        cure = "free space" if error.errno in DISK_FULL else "make it writable"
        raise UserError(
            f"cannot write {path} ({error.strerror}): {cure}, or set DDTBENCH_DATA to another folder"
        ) from error
    finally:  # renamed by now, unless something stopped it
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
