"""Where a model of the Hugging Face hub is looked for: a folder that the user names, prepared data, the hub's cache.

Nothing is downloaded here: what is missing is named.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import data_root, user_path
from harness.texts import read_json
from harness.weights.checkpoints import sha256_of
from harness.weights.fitting import open_fitting
from harness.weights.places import PLACE

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class HubModel:
    """``hub_id`` is the published model, ``given`` a folder or another id, ``expected`` keys of its configuration
    (dotted where nested) with the values that they must have."""

    hub_id: str
    variable: str
    expected: tuple[tuple[str, Any], ...]
    given: str = ""

    @cached_property
    def folder(self) -> Path | None:
        """The folder that holds configuration and weights."""
        named = self.given or os.environ.get(self.variable, "")
        folders = [user_path(named)] if named else [data_root() / "backbones" / self.hub_id.rpartition("/")[2]]
        cached = _in_cache(named or self.hub_id)
        return next((folder for folder in (*folders, *cached) if _complete(folder)), None)

    def unavailable(self) -> str:
        """Why it cannot be used, in one line, or ""."""
        if self.folder is None:
            files = f"{CONFIG} and {WEIGHTS[0]} of {self.hub_id}"
            if named := self.given or os.environ.get(self.variable, ""):
                return f"'{named}' is not a folder with {files}, nor a model in the hub's cache"
            name = self.hub_id.rpartition("/")[2]
            return f"it is missing: put {files} into {name}/ in {PLACE}, or the folder's path into ${self.variable}"
        try:
            config = read_json(self.folder / CONFIG)
        except UserError as error:
            return str(error)
        for key, wanted in self.expected:
            if (found := _nested(config, key)) != wanted:
                return f"the folder does not hold {self.hub_id}: its {key} is {found!r}, not {wanted!r}"
        return ""

    @cached_property
    def digest(self) -> str:
        """Of configuration and weights. Raises LookupError where there is none."""
        if self.folder is None:
            raise LookupError(self.hub_id)
        files = [self.folder / CONFIG, *_weights(self.folder)]
        return hashlib.sha256("\n".join(sha256_of(path) for path in files).encode()).hexdigest()

    def load(self, of: Any, unused: Sequence[str] = ()) -> Any:
        """A model of this class of transformers, frozen, in evaluation mode. ``unused``: parts of the published file
        that this class leaves out. Raises UserError where the folder cannot be used or does not fit."""
        if reason := self.unavailable():
            raise UserError(f"{self.hub_id}: {reason}")
        folder = self.folder
        assert folder is not None
        net = open_fitting(
            of, folder, what=self.hub_id, where=f"{folder} as {self.hub_id}", unused=unused, local_files_only=True
        )
        return net.eval().requires_grad_(False)


def _weights(folder: Path) -> list[Path]:
    return [folder / name for name in WEIGHTS if (folder / name).is_file()][:1]


def _complete(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and bool(_weights(folder))


def _in_cache(hub_id: str) -> list[Path]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return [Path(snapshot_download(hub_id, local_files_only=True))]
    except (HFValidationError, LocalEntryNotFoundError, OSError, ValueError):
        return []


def _nested(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config
