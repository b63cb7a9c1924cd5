"""Where a published weight file is looked for. Nothing is downloaded here: what is missing is named.

A file counts only if its SHA-256 is the published one, so that a number can be traced to its network, and before it is
opened, since a TorchScript file holds code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.paths import data_root, user_path
from harness.weights.checkpoints import sha256_of

PLACE = "backbones/ in $DDTBENCH_DATA, by default ~/.cache/ddtbench"
"""In words: reasons are stored beside the numbers, which must not depend on anyone's home folder."""


def torch_hub() -> Path:
    """Where ``torch.hub`` keeps downloaded files: pytorch-fid, torch-fidelity, torchmetrics."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


@dataclass(frozen=True)
class WeightFile:
    """One file under any of its published names, its SHA-256, the environment variable that can name it, and the cache
    folders of the libraries that download it."""

    names: tuple[str, ...]
    sha256: str
    variable: str
    caches: tuple[Callable[[], Path], ...] = ()

    def find(self, given: str = "") -> Path | None:
        """The file at ``given`` (a file, or a folder that holds it), else at the environment variable, else in
        prepared data, else in a cache."""
        named = given or os.environ.get(self.variable, "")
        if named:
            path = user_path(named)
            places: Sequence[Path] = [path] if path.is_file() else [path / name for name in self.names]
        else:
            folders = (data_root() / "backbones", *(cache() for cache in self.caches))
            places = [folder / name for folder in folders for name in self.names]
        return next((place for place in places if place.is_file()), None)

    def missing(self, given: str = "") -> str:
        """One line: which file to put where."""
        named = given or os.environ.get(self.variable, "")
        if named:
            where = "its name's @PATH" if given else f"${self.variable}"
            return f"{where} points to nothing: it must be {self.names[0]} or a folder that holds it"
        return f"its weights are missing: put {self.names[0]} into {PLACE}, or its path into ${self.variable}"


class FoundWeights:
    """The first of some weight files that is there; digests are read once."""

    def __init__(self, files: Sequence[WeightFile], given: str = "", names_others: bool = False) -> None:
        self._files, self._given, self._names_others = files, given, names_others

    @cached_property
    def _found(self) -> tuple[WeightFile, Path] | None:
        places = ((file, file.find(self._given)) for file in self._files)
        return next(((file, place) for file, place in places if place is not None), None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file; "" where there is none."""
        return sha256_of(self._found[1]) if self._found else ""

    @property
    def path(self) -> Path:
        """Raises LookupError where there is none."""
        if self._found is None:
            raise LookupError("no weights")
        return self._found[1]

    def problem(self) -> str:
        """Why the file cannot be used, in one line, or ""."""
        if self._found is None:
            return self._files[0].missing(self._given)
        file, path = self._found
        # One path may hold any of the files.
        if self.digest not in {known.sha256 for known in self._files}:
            expected = f"its SHA-256 does not start with {file.sha256[:16]}"
            other = f"{path.name} is damaged or another file: {expected}; get the file again"
            return f"{other}, or name other weights by themselves: inception@FILE" if self._names_others else other
        return ""


class GivenWeights:
    """One file of the user's own, whatever is in it: what is made of it is called by its digest."""

    def __init__(self, path: Path, digest: str) -> None:
        self.path, self.digest = path, digest

    def problem(self) -> str:
        """Why the file cannot be used, in one line, or ""."""
        if not self.path.name:
            return "no weights are named: write inception@[PROTOCOL@]FILE"
        return "" if self.path.is_file() else f"there is no file {self.path.name} any more"
