"""The instrument ``dino-vits16``: embeddings of pictures by DINO ViT-S/16 (Caron et al. 2021, arXiv 2104.14294), the
encoder of MagicBrush's DINO score and of most follow-ups.

Weights: a folder of the hub's ``facebook/dino-vits16``, opened with transformers (``harness.instruments.weights`` says
where it lies). A picture enters as MagicBrush's script prepares it: short side to 256 by Pillow's bicubic filter on
8-bit pixels, centre crop of 224, ImageNet's mean and deviation. The embedding is the class token after the last norm,
which is what ``torch.hub``'s ``dino_vits16`` returns.

Known deviation: the norms' epsilon is that of the folder's ``config.json``; torch.hub's code has 1e-6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError
from harness.instruments.devices import looking
from harness.instruments.encoders import Remembered, files_digest, normalised, shared_images
from harness.instruments.weights import DINO_VITS16
from harness.weights.fitting import open_fitting
from harness.weights.located import Located

NAME = "dino-vits16"
SHORT, CROP = 256, 224
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""OSU-NLP-Group/MagicBrush, evaluation/image_eval.py."""
PROTOCOL = f"short-side-{SHORT}/bicubic-antialias/8-bit/centre-crop-{CROP}/imagenet-normalised/class-token"


class DinoEmbeddings:
    """Columns ``output`` and ``reference``, float32 vectors; a column is there if every sample of the batch has an
    image of that name."""

    name = NAME
    images = ("output", "reference")

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        self.device = device
        self._weights = Located(DINO_VITS16, given)
        self._pictures = Remembered(self._look)

    def unavailable(self) -> str:
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        """Of the files and of what is done to a picture. Raises UserError where a file is missing."""
        if reason := self.unavailable():
            raise UserError(f"{self.name}: {reason}")
        return hashlib.sha256(f"{files_digest(self._weights)}\n{PROTOCOL}".encode()).hexdigest()

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample."""
        return {name: self._pictures(pictures) for name, pictures in shared_images(samples, self.images).items()}

    def _look(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        pixels = normalised(pictures, SHORT, CROP, MEAN, DEVIATION).to(self.device)
        with looking(self.device):
            vectors: np.ndarray = self._net(pixel_values=pixels).last_hidden_state[:, 0].cpu().numpy()
        return vectors

    @cached_property
    def _net(self) -> Any:
        if reason := self.unavailable():
            raise UserError(f"{self.name}: {reason}")
        import torch
        from transformers import ViTModel

        net = open_fitting(
            ViTModel,
            self._weights.path,
            what="ViT",
            unused=(r"^pooler\.",),
            dtype=torch.float32,
            local_files_only=True,
            add_pooling_layer=False,
        )
        return net.eval().requires_grad_(False).to(self.device)


def open_dino_vits16(given: str = "", device: str = "cpu") -> DinoEmbeddings:
    """The catalogue's factory; ``given`` is a folder or a hub id."""
    return DinoEmbeddings(given, device)
