"""The instrument ``clip-vitl14-336``: image embeddings of OpenAI's CLIP ViT-L/14 at 336 pixels (Radford et al. 2021,
arXiv 2103.00020), on which CMMD is defined (Jayasumana et al. 2024, arXiv 2401.09603).

As in sayakpaul/cmmd-pytorch: the centre square is resized to 336 pixels by Pillow's bicubic filter on 8-bit pixels and
shifted by CLIP's mean and deviation; embeddings are projected and scaled to unit length. Known deviations: none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from harness.instruments.devices import looking
from harness.instruments.hub_networks import hub_digest, open_network
from harness.instruments.picture_features import Layers, PictureFeatures
from harness.instruments.weights import CLIP_VIT_L14_336
from harness.weights.located import Located

NAME = "clip-vitl14-336"
SIDE = 336
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
PROTOCOL = "centre-square/bicubic-336/8-bit/clip-mean-and-deviation/projected/unit-length"
LAYER = "embedding"
TEXT_SIDE = (r"^text_model\.", r"^text_projection\.", r"^logit_scale$")
"""What the published file holds and embeddings of pictures do not need."""


class Clip:
    """The embedding of each picture, of unit length."""

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        self.device = device
        self._weights = Located(CLIP_VIT_L14_336, given)

    def unavailable(self) -> str:
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(f"{hub_digest(self._weights)}\n{PROTOCOL}".encode()).hexdigest()

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[Layers]:
        import torch

        pixels = np.stack([centre_square(picture, SIDE) for picture in pictures]).astype(np.float32) / 255
        pixels = (pixels - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
        with looking(self.device):
            found = self._net(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self.device)).image_embeds
            found = found / found.norm(dim=1, keepdim=True)
        return [{LAYER: row.copy()} for row in found.cpu().numpy()]

    @cached_property
    def _net(self) -> Any:
        from transformers import CLIPVisionModelWithProjection

        return open_network(self._weights, self.device, CLIPVisionModelWithProjection, unused=TEXT_SIDE)


def centre_square(picture: np.ndarray, side: int) -> np.ndarray:
    """The largest square in the middle of an 8-bit picture, at ``side side 3``."""
    from PIL import Image

    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = Image.fromarray(np.ascontiguousarray(picture[top : top + short, left : left + short]))
    return np.array(square.resize((side, side), Image.Resampling.BICUBIC))


def open_clip_vitl14(given: str = "", device: str = "cpu") -> PictureFeatures:
    """The catalogue's factory; ``given`` is a folder or a hub id."""
    return PictureFeatures(NAME, Clip(given, device), LAYER)
