"""A file is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp-"
"""How the names of files begin that are not whole yet."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Another name in the same folder, to be written to; at the end it is fsynced and renamed to ``path``.

        with written_whole(folder / "state.pt") as file:
            torch.save(state, file)

    After an error nothing is left of it, and what stood there before stays. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    temporary.unlink(missing_ok=True)  # of a killed process of this number, or a link that would be written through
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    finally:  # renamed by now, unless something stopped it
        if temporary.exists():
            temporary.unlink()
    _sync(path.parent)  # the rename itself must survive a power cut


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
