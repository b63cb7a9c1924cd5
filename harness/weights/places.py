"""Where weights lie: one way to ask, for models and instruments alike.

``Weights`` says under which names something is published and where it is looked for; ``find`` gives its path and
``looked`` every place with whether it is there. Nothing is downloaded and nothing heavy is imported for an answer, so
that a list may ask for all of them. In this order, and the first that is named decides:

1. ``NAME@PATH``: a file, a folder that holds it, or the id of a model in the hub's cache;
2. the environment variable, the same;
3. prepared data (``$DDTBENCH_DATA``), the Python package that ships it, the caches of the libraries that fetch it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import checkout_root, data_root, user_path
from harness.weights import caches

DATA = "$DDTBENCH_DATA"
"""In words: reasons are stored beside the numbers, which must not depend on anyone's home folder."""
CONFIG = "config.json"
ONE_FILE = "model.safetensors|pytorch_model.bin"
"""How the hub keeps the weights of a model that fits into one file."""


@dataclass(frozen=True)
class Place:
    """One place that was looked at: in ``words`` that name nobody's home, and its ``path`` where the weights are
    there."""

    words: str
    path: Path | None = None


@dataclass(frozen=True)
class Weights:
    """``files``: (name, start of its SHA-256 or "") of the files any of which is it; ``holds``: what a folder of it
    holds, names or patterns, alternatives with ``|``. ``shape``: keys of its ``config.json`` (dots lead into nested
    objects) with the values they must have, so that no other network gives numbers under this name.

    ``variable``: the environment variable that names it; ``prepared``: its folders in prepared data; ``hub``: its id;
    ``hub_ids``: a name may be any model's id; ``package``: the folder of a Python package that ships it;
    ``libraries``: which caches may hold it (``torch``, ``clean-fid``); ``in_checkout``: a relative path may start at
    the checkout. ``noun`` and ``what`` call it in messages, ``absent`` is what is said where it is nowhere, if that
    is not "put it there", ``instead`` what else to do with a file of another digest.
    """

    files: tuple[tuple[str, str], ...] = ()
    holds: tuple[str, ...] = ()
    shape: tuple[tuple[str, Any], ...] = ()
    variable: str = ""
    prepared: tuple[str, ...] = ()
    hub: str = ""
    hub_ids: bool = False
    package: str = ""
    libraries: tuple[str, ...] = ()
    in_checkout: bool = False
    noun: str = ""
    what: str = "its weights are"
    absent: str = ""
    instead: str = ""

    def find(self, argument: str = "") -> Path:
        """The file or folder. Raises UserError that says which file to put where."""
        places = self.looked(argument)
        found = next((place.path for place in places if place.path is not None), None)
        if found is None:
            raise UserError(self._missing(argument))
        return found

    def looked(self, argument: str = "") -> tuple[Place, ...]:
        """Every place that is looked at for this argument of ``NAME@ARGUMENT``, in order."""
        named, by = self._named(argument)
        if named:
            return tuple(Place(by, self.inside(path)) for path in self._at(named))
        unset = (Place(f"${self.variable} (not set)"),) if self.variable else ()
        known = [Place(words, self.inside(path)) for words, path in self._folders()]
        return (*unset, *known)

    def inside(self, path: Path) -> Path | None:
        """The file or folder that this path is or holds."""
        if path.is_file():
            return path if self.files else None
        if self.holds and not self.lacks(path):
            return path
        return next((path / name for name, _ in self.files if (path / name).is_file()), None)

    def lacks(self, folder: Path) -> list[str]:
        """What a folder of it should hold and this one does not."""
        return [item.partition("|")[0] for item in self.holds if not _held(folder, item)]

    def _named(self, argument: str) -> tuple[str, str]:
        """(what the user names, by what)."""
        if argument:
            return argument, "@PATH"
        return (os.environ.get(self.variable, "") if self.variable else ""), f"${self.variable}"

    def _at(self, named: str) -> Iterator[Path]:
        yield user_path(named)
        if self.in_checkout:
            yield checkout_root() / named
        if (self.hub or self.hub_ids) and (snapshot := caches.hub_snapshot(named)):
            yield snapshot

    def _folders(self) -> Iterator[tuple[str, Path]]:
        for folder in self.prepared:
            yield f"{_in_words(folder)} in {DATA}", data_root() / folder
        if self.package:
            name, _, below = self.package.partition("/")
            yield f"Python package {name}", caches.package_folder(name) / below
        for library in self.libraries:
            yield caches.of_library(library)
        if self.hub:
            yield "the hub's cache", caches.hub_snapshot(self.hub) or Path(os.devnull)

    # ------------------------------------------------------------------------------------------------- in words

    def form(self) -> str:
        """What it must be: ``model.pth or a folder that holds it``."""
        forms = []
        if self.files:
            names = " or ".join(dict.fromkeys(name for name, _ in self.files[:2]))
            forms.append(f"{names}, or a folder that holds it" if not self.holds else names)
        if self.holds:
            forms.append(f"a folder that holds {_listed(item.partition('|')[0] for item in self.holds)}")
        if self.hub or self.hub_ids:
            forms.append("the id of a model in the hub's cache")
        return ", or ".join(forms)

    def _missing(self, argument: str) -> str:
        named, by = self._named(argument)
        if named:
            return self._not_there(named, f"its name's {by}" if argument else by)
        if self.absent:
            return self.absent
        first = (self.lacks(data_root() / self.prepared[0]) or [""])[0] if self.holds and self.prepared else ""
        wanted = ", ".join(item.partition("|")[0] for item in self.holds) or self.files[0][0]
        of = f" of {self.hub}" if self.hub else ""
        ways = [
            f"put {wanted}{of} into {_in_words(folder)} in {DATA} (by default ~/.cache/ddtbench)"
            for folder in self.prepared
        ]
        ways += [f"set {self.variable} to its path"] * bool(self.variable)
        return f"{f'{first} is' if first else self.what} missing: {', '.join([*ways, 'or name it by @PATH'])}"

    def _not_there(self, named: str, by: str) -> str:
        due = f"{'give' if self.noun else 'it must be'} {self.form()}"
        there = next((path for path in self._at(named) if path.exists()), None)
        if there is not None and there.is_dir():
            names = self.lacks(there)[:1] if self.holds else dict.fromkeys(name for name, _ in self.files)
            return f"{there} holds no {' or '.join(names)}: {due}"
        if there is not None:
            return f"{there} is a file: {due}"
        if (self.hub or self.hub_ids) and caches.is_hub_id(named):
            how = f"fetch it once (hf download {named}), or name a folder"
            return f"there is no folder '{named}', and the hub's cache does not hold it: {how}"
        return f"there is no {self.noun} at '{named}': {due}" if self.noun else f"{by} points to nothing: {due}"


def published(*names: str) -> Weights:
    """A file that is found only where the user names it: the file, or a folder that holds it."""
    return Weights(files=tuple((name, "") for name in names), noun="file")


def _held(folder: Path, item: str) -> bool:
    return any(True for pattern in item.split("|") for _ in folder.glob(pattern))


def _in_words(folder: str) -> str:
    return folder if "/" in folder else f"{folder}/"


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
