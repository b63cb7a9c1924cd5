"""``ddtbench new``: a package of one's own, begun from the examples, so that what is written is what is tested.

An example is a folder of ``examples/``, named by what it adds; its package is ``my_KIND`` and its entries are called
``my-KIND``, which is replaced by the name that was asked for. Its ``README.md`` holds the commands that use it.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import catalog
from harness.contracts import Kind
from harness.errors import UserError, nearest
from harness.paths import checkout_root, user_path
from harness.writing import TEMPORARY

ADDS: dict[str, Kind] = {"task": "task", "model": "model", "metric": "metric", "tokenizer": "model"}
"""What can be begun -> the kind of its entry in the catalogue."""
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
INSTALL = "pip install -e ."


def new_package(what: str, name: str, to: str = "") -> str:
    """Write the package ``name`` that adds ``what`` to ``to`` (default: a folder of that name here); return what to do
    next.

    Raises UserError, before anything is written, for what cannot be begun, a name that is not a package's or is taken,
    and a folder that is there already.
    """
    if what not in ADDS:
        raise UserError(f"'{what}' cannot be begun{nearest(what, ADDS)}")
    _require_free(what, name)
    folder = user_path(to or name)
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} is there already: choose another folder by --to, or another name")
    written = {_renamed(path, what, name): _renamed(text, what, name) for path, text in example(what).items()}
    _write(folder, written)
    commands = [line.strip() for line in written["README.md"].splitlines() if line.startswith("    ")]
    shown = [command.replace(INSTALL, f"pip install -e {_quoted(folder)}") for command in commands]
    return "\n".join([f"written: {folder}", "", "Next:", *(f"    {command}" for command in shown)])


def example(what: str) -> dict[str, str]:
    """The files of an example: path within it -> text."""
    root = examples_root() / what
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix in (".py", ".toml", ".md"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


def examples_root() -> Path:
    """``examples/`` of the checkout; in an installed package it is inside of ``harness``."""
    installed = Path(__file__).parent / "examples"
    return installed if installed.is_dir() else checkout_root() / "examples"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """The folder is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=TEMPORARY, dir=folder.parent) as place:
        for name, text in files.items():
            file = Path(place) / "package" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        (Path(place) / "package").rename(folder)


def _require_free(what: str, name: str) -> None:
    """Raise UserError unless a package and its entry can have this name."""
    package = name.replace("-", "_")
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        near = "-".join(re.findall(r"[a-z0-9]+", name.lower())).lstrip("0123456789-")
        cure = near if NAME.fullmatch(near) and not keyword.iskeyword(near) else f"my-{what}"
        raise UserError(
            f"'{name}' is not a package's name: write small letters, digits and hyphens, for example {cure}"
        )
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.origin is not None:  # a folder without __init__.py is not in the way
        raise UserError(f"there is a Python package '{package}' already, which this would hide: choose another name")
    if name in (entry.name for entry in catalog.entries(ADDS[what])):
        owner = catalog.package_of(ADDS[what], name)
        raise UserError(f"there is a {ADDS[what]} '{name}' already, of {owner}: choose another name")


def _renamed(text: str, what: str, name: str) -> str:
    """Package, entries and words: ``my_task``, ``my-task``, ``my task``."""
    words = re.split("[-_]", name)
    for mark in "_- ":
        text = text.replace(f"my{mark}{what}", mark.join(words))
    return text


def _quoted(folder: Path) -> str:
    text = str(folder)
    return f'"{text}"' if " " in text else text
