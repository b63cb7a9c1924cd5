"""Where things lie: the checkout, the folder that holds prepared data, and a path as a user writes it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from harness.errors import UserError


def checkout_root() -> Path:
    """The folder that holds ``harness/``, ``zoo/`` and the rest."""
    return Path(__file__).resolve().parent.parent


def packaged_file(place: str) -> Path:
    """A file beside a package's modules, ``package/folder/file.toml``, wherever the package is installed; one whose
    first folder is no package lies in the checkout (``zoo/...``)."""
    from importlib.util import find_spec

    found = find_spec(PurePosixPath(place).parts[0])
    if found is None or not found.origin:  # a folder without __init__.py is none of a package
        return checkout_root() / place
    return Path(found.origin).parent.parent / place


def data_root() -> Path:
    """Prepared data: ``$DDTBENCH_DATA``, else ``~/.cache/ddtbench``."""
    return Path(os.environ.get("DDTBENCH_DATA") or Path.home() / ".cache" / "ddtbench")


def user_path(text: str | os.PathLike[str]) -> Path:
    """A path as a user writes it, ``~`` and ``~NAME`` made their home folders. Raises UserError for a home folder that
    there is not, and for a NUL character, which no path can hold."""
    written = os.fspath(text)
    if "\0" in written:
        raise UserError(f"'{written}' holds a NUL character, which no path can: remove it")
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise UserError(f"'{written}': {Path(written).parts[0]} has no home folder here: write the path out") from None


def is_address(text: str) -> bool:
    """Whether this is where a server is asked, and no path."""
    return text.lower().startswith(("http://", "https://"))


def beside(folder: Path, name: object) -> Path:
    """The file that a data set in ``folder`` names. Raises ValueError unless it is a relative path that stays below
    ``folder``: data of others must not choose which files of this machine are read."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{name!r} is not a file name")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"'{name}' leads out of the data's folder, so it is not read: name a file inside it")
    return folder / path
