"""Images that were made elsewhere, as a subject: ``image-folder@FOLDER``, in the layout of the benchmark that asks.

A task that can read such a folder takes the images from it: ``geneval`` (``NNNNN/samples/NNNN.png``) after checking
that it is complete, ``fid`` any pictures. For ``fid`` it may be a file of their statistics, ``image-folder@FILE.npz``.
For any other task it is no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UserError
from harness.images import load_rgb
from harness.paths import user_path
from harness.walk import PICTURES, walk_pictures
from harness.weights.digests import sha256_of

if TYPE_CHECKING:
    from torch import Tensor


MAKES_NOTHING = "a folder of images generates nothing; tasks that read one: geneval, fid"


class ImageFolder:
    """``made_elsewhere`` is the folder that tasks look at; ``image_size`` is the short side of its first image."""

    version = 1

    def __init__(self, folder: Path) -> None:
        self.made_elsewhere = folder
        self._files = walk_pictures(folder, known=("metadata.jsonl",)).files
        if not self._files:
            raise UserError(f"{folder} holds no image below it: looked for {', '.join(PICTURES)}")

    @cached_property
    def image_size(self) -> int:
        """Raises UserError where the first image cannot be read."""
        try:
            return int(min(load_rgb(next(iter(self._files.values()))).shape[:2]))
        except ValueError as error:
            raise UserError(f"{self.made_elsewhere}: {error}") from error

    @cached_property
    def checkpoint_digest(self) -> str:
        """Over name and content of every image: other images are another subject."""
        total = hashlib.sha256()
        for name, path in self._files.items():
            total.update(f"{name}\0{sha256_of(path)}\n".encode())
        return total.hexdigest()

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Raises UserError: it makes nothing."""
        raise UserError(MAKES_NOTHING)


class ImageStatistics:
    """``made_elsewhere`` is the file of statistics."""

    version = 1

    def __init__(self, statistics: Path) -> None:
        self.made_elsewhere = statistics

    @cached_property
    def checkpoint_digest(self) -> str:
        return sha256_of(self.made_elsewhere)

    @property
    def image_size(self) -> int:
        """Raises UserError: it has no images."""
        raise UserError(f"{self.made_elsewhere} holds statistics and no images; tasks that read it: fid")

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Raises UserError: it makes nothing."""
        raise UserError(MAKES_NOTHING)


def open_image_folder(source: str, device: str) -> ImageFolder | ImageStatistics:
    """``image-folder@FOLDER`` or ``image-folder@STATISTICS.npz``."""
    path = user_path(source) if source else None
    if path is not None and path.is_file() and path.suffix == ".npz":
        return ImageStatistics(path)
    if path is None or not path.is_dir():
        raise UserError(f"no folder at '{source}': write image-folder@FOLDER, or @FILE.npz of statistics for fid")
    return ImageFolder(path)
