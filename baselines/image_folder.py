"""Images that were made elsewhere, as a subject: ``image-folder@FOLDER``, in the layout of the benchmark that asks.

A task that can read such a folder (``geneval``: ``NNNNN/samples/NNNN.png``) takes the images from it, after checking
that it is complete; for any other task it is no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checkpoints import sha256_of
from harness.errors import UserError
from harness.images import load_rgb
from harness.paths import user_path
from harness.walk import walk

if TYPE_CHECKING:
    from torch import Tensor


class ImageFolder:
    """``folder`` is what tasks look at; ``image_size`` is the short side of its first image."""

    version = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = walk(folder, (".png",)).files
        if not self._files:
            raise UserError(f"{folder} holds no .png below it: name the folder of NNNNN/samples/NNNN.png")

    @cached_property
    def image_size(self) -> int:
        """Raises UserError where the first image cannot be read."""
        try:
            return int(min(load_rgb(next(iter(self._files.values()))).shape[:2]))
        except ValueError as error:
            raise UserError(f"{self.folder}: {error}") from error

    @cached_property
    def checkpoint_digest(self) -> str:
        """Over name and content of every image: other images are another subject."""
        total = hashlib.sha256()
        for name, path in self._files.items():
            total.update(f"{name}\0{sha256_of(path)}\n".encode())
        return total.hexdigest()

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Raises UserError: it makes nothing."""
        raise UserError("a folder of images generates nothing; tasks that read one: geneval")


def open_image_folder(source: str, device: str) -> ImageFolder:
    """``image-folder@FOLDER``."""
    folder = user_path(source) if source else None
    if folder is None or not folder.is_dir():
        raise UserError(f"no folder at '{source}': write image-folder@FOLDER")
    return ImageFolder(folder)
