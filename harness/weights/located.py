"""Some weights, found: whether they are the right ones, and their digests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.texts import read_json
from harness.weights.digests import sha256_of
from harness.weights.places import CONFIG, Weights


class Located:
    """Some weights for one ``NAME@ARGUMENT``: where they lie and whether they are the right ones, each read once."""

    def __init__(self, weights: Weights, argument: str = "") -> None:
        self.weights, self.argument = weights, argument

    @cached_property
    def path(self) -> Path:
        """Raises UserError where there is none."""
        return self.weights.find(self.argument)

    def problem(self) -> str:
        """Why they cannot be used, in one line, or "". Nothing is downloaded for it."""
        try:
            return self._wrong_file() if self.path.is_file() else self._wrong_shape()
        except UserError as error:
            return str(error)

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of the file, or of each file that the folder must hold, by name. Raises UserError."""
        files = [self.path] if self.path.is_file() else [_first(self.path, item) for item in self.weights.holds]
        return {file.name: sha256_of(file) for file in files}

    @property
    def digest(self) -> str:
        """The SHA-256 of the one file. Raises UserError where there is none."""
        return next(iter(self.digests.values()))

    def _wrong_file(self) -> str:
        known = [digest for _, digest in self.weights.files if digest]
        if not known or any(self.digest.startswith(digest) for digest in known):
            return ""
        start = dict(self.weights.files).get(self.path.name) or known[0]
        return (
            f"{self.path.name} is damaged or another file: its SHA-256 does not start with {start[:16]}; "
            f"get the file again{self.weights.instead}"
        )

    def _wrong_shape(self) -> str:
        if not self.weights.shape:
            return ""
        try:
            config = read_json(self.path / CONFIG)
        except UserError:
            return f"{CONFIG} is not JSON: take that of {self.weights.hub}"
        for key, due in self.weights.shape:
            found: Any = config
            for part in key.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found != due:
                return f"it is a different network from {self.weights.hub}: its {key} is {found!r}, not {due!r}"
        return ""


def _first(folder: Path, item: str) -> Path:
    return next(path for pattern in item.split("|") for path in sorted(folder.glob(pattern)))
