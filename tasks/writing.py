"""A file of prepared data is there whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.errors import UserError
from harness.isolation import DISK_FULL

REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file under a temporary name, fsynced and renamed at the end; nothing is left of it after an error.

    Raises UserError with the cure for what the operating system refuses.
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
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        # what is read inside can fail, too, and says so itself
        if isinstance(error, OSError) and (cure := _cure(error)):
            raise UserError(
                f"cannot write {path} ({error.strerror}): {cure}, or set DDTBENCH_DATA to another folder"
            ) from error
        raise


def _cure(error: OSError) -> str:
    if error.errno in DISK_FULL:
        return "free space"
    return "make it writable" if error.errno in REFUSED else ""
