"""The instrument ``dinov2-vitl14``: 1024 features of DINOv2 ViT-L/14 (Oquab et al. 2023, arXiv 2304.07193), on which
Stein et al. (2023, arXiv 2306.04675) measure Frechet distances (FD-DINOv2).

Pictures are resized to 224 pixels by Pillow's bicubic filter on 8-bit pixels, as dgm-eval does with torchvision, and
shifted by ImageNet's mean and deviation. Features are the class token after the last norm.

Known deviation from dgm-eval: the network is transformers', whose position table is interpolated to the size of the
grid, where the original's is by a factor with an offset of 0.1; the features differ slightly.
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
from harness.instruments.weights import DINOV2_LARGE
from harness.weights.located import Located

NAME = "dinov2-vitl14"
SIDE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROTOCOL = "bicubic-224/8-bit/imagenet-mean-and-deviation/class-token"
LAYER = "class-token"


class Dinov2:
    """The class token of each picture."""

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        self.device = device
        self._weights = Located(DINOV2_LARGE, given)

    def unavailable(self) -> str:
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(f"{hub_digest(self._weights)}\n{PROTOCOL}".encode()).hexdigest()

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[Layers]:
        import torch

        pixels = np.stack([resized(picture, SIDE) for picture in pictures]).astype(np.float32) / 255
        pixels = (pixels - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
        with looking(self.device):
            tokens = self._net(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self.device)).pooler_output
        return [{LAYER: row.copy()} for row in tokens.cpu().numpy()]

    @cached_property
    def _net(self) -> Any:
        from transformers import Dinov2Model

        return open_network(self._weights, self.device, Dinov2Model)


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """An 8-bit picture at ``side side 3`` by Pillow's bicubic filter; one that is not square is stretched."""
    from PIL import Image

    return np.array(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def open_dinov2(given: str = "", device: str = "cpu") -> PictureFeatures:
    """The catalogue's factory; ``given`` is a folder or a hub id."""
    return PictureFeatures(NAME, Dinov2(given, device), LAYER)
