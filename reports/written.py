"""What a command of ours makes: in which form it was asked for, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from harness.errors import UserError, nearest
from harness.paths import user_path
from harness.store.files import Folder

BY_SUFFIX = {".md": "markdown", ".csv": "csv", ".tex": "latex"}


def form_of(form: str, to: str, known: Sequence[str]) -> str:
    """The form asked for, else that which the file's name ends in, else the first. Raises UserError for an unknown
    one."""
    form = form or BY_SUFFIX.get(PurePath(to).suffix, known[0])
    if form not in known:
        raise UserError(f"there is no form '{form}'{nearest(form, known)}")
    return form


def put(text: str, to: str) -> None:
    """Printed, or written whole to a file whose folder is made."""
    if not to:
        print(text, end="")
        return
    path = user_path(to)
    path.parent.mkdir(parents=True, exist_ok=True)
    Folder(path.parent).write(path.name, text.encode())
    print(f"written: {to}")
