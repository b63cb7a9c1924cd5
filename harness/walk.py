"""The one walk over a user's folder: what is read, and what digests are of, are files of the same list.

Links are followed, to files and to folders, as the readers follow them; a link that leads back to a folder above it
ends there. Hidden files and folders (``.name``) are left out, and so are files of other endings; ``Listing.says``
counts them, in one line. A folder that cannot be listed is an error, not an empty one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.progress import note_once

PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".webp", ".avif"),
    *(".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff"),
)
"""Endings of the picture files that are read, in any case: those that Pillow reads without a program beside it."""
HIDDEN, NO_FILE, BACK = "hidden", "no plain file", "a link back"
_SHOWN = 4


@dataclass(frozen=True)
class Listing:
    """``files`` by relative name, in the order of these names; ``left_out``: why -> how many."""

    folder: Path
    files: Mapping[str, Path]
    left_out: Mapping[str, int]

    def says(self) -> str:
        """One line that counts what is left out; "" where nothing is."""
        if not self.left_out:
            return ""
        total, listed = sum(self.left_out.values()), sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
        parts = [f"{count} {reason}" for reason, count in listed[:_SHOWN]]
        if rest := sum(count for _, count in listed[_SHOWN:]):
            parts.append(f"{rest} of other endings")
        return f"{self.folder}: {len(self.files):,} files read, {total:,} left out ({', '.join(parts)})"


def walk(folder: Path, endings: Sequence[str], known: Sequence[str] = ()) -> Listing:
    """The files below ``folder`` whose names end in one of ``endings`` (lower case; names of any case), by relative
    path. Files called as one of ``known`` are read elsewhere, and not counted as left out.

    A link that leads nowhere is listed: who reads it says so by its name. Raises UserError for a folder that cannot be
    listed.
    """
    left_out: Counter[str] = Counter()
    found = {_name(folder, path): path for path in _below(folder, tuple(endings), frozenset(known), (), left_out)}
    return Listing(folder, dict(sorted(found.items())), dict(left_out))


def walk_pictures(folder: Path, known: Sequence[str] = ()) -> Listing:
    """The pictures below a folder; what is left out is said, once in a process. Raises UserError as ``walk`` does."""
    listing = walk(folder, PICTURES, known)
    if listing.files and (told := listing.says()):
        note_once(told)
    return listing


def _below(
    folder: Path,
    endings: tuple[str, ...],
    known: frozenset[str],
    above: tuple[tuple[int, int], ...],
    left_out: Counter[str],
) -> Iterator[Path]:
    try:
        stat = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder} cannot be listed: {error.strerror or error}") from error
    here = (*above, (stat.st_dev, stat.st_ino))
    for entry in entries:
        if entry.name.startswith("."):
            left_out[HIDDEN] += 1
        elif _is_folder(entry):
            inside = entry.stat()
            if (inside.st_dev, inside.st_ino) in here:
                left_out[BACK] += 1
            else:
                yield from _below(folder / entry.name, endings, known, here, left_out)
        elif entry.name in known:
            continue
        elif not entry.name.lower().endswith(endings):
            left_out[os.path.splitext(entry.name)[1].lower() or "without ending"] += 1
        elif _is_special(entry):
            left_out[NO_FILE] += 1
        else:
            yield folder / entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere, or to itself
        return False


def _is_special(entry: os.DirEntry[str]) -> bool:
    """Whether it exists and is no plain file: a pipe would be waited for without end."""
    try:
        return not entry.is_file() and os.path.exists(entry.path)
    except OSError:
        return False


def _name(folder: Path, path: Path) -> str:
    """Relative to the folder, with forward slashes, as text."""
    return storable(path.relative_to(folder).as_posix())


def storable(name: str) -> str:
    """Bytes of a file name that are no UTF-8 are spelt out, since ids and reasons are stored as text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
