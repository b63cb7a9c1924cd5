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

from harness.instruments.picture_features import Layers, PictureFeatures
from harness.weights.hub_folders import HubModel

NAME = "dinov2-vitl14"
HUB_ID, VARIABLE = "facebook/dinov2-large", "DDTBENCH_DINOV2"
EXPECTED = (("model_type", "dinov2"), ("hidden_size", 1024), ("num_hidden_layers", 24), ("patch_size", 14))
SIDE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROTOCOL = "bicubic-224/8-bit/imagenet-mean-and-deviation/class-token"
LAYER = "class-token"


class Dinov2:
    """The class token of each picture."""

    def __init__(self, given: str = "") -> None:
        self._model = HubModel(HUB_ID, VARIABLE, EXPECTED, given)

    def unavailable(self) -> str:
        return self._model.unavailable()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(f"{self._model.digest}\n{PROTOCOL}".encode()).hexdigest()

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[Layers]:
        import torch

        pixels = np.stack([resized(picture, SIDE) for picture in pictures]).astype(np.float32) / 255
        pixels = (pixels - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
        with torch.inference_mode():
            tokens = self._net(torch.from_numpy(pixels).permute(0, 3, 1, 2)).pooler_output
        return [{LAYER: row.copy()} for row in tokens.numpy()]

    @cached_property
    def _net(self) -> Any:
        from transformers import Dinov2Model

        return self._model.load(Dinov2Model)


def resized(picture: np.ndarray, side: int) -> np.ndarray:
    """An 8-bit picture at ``side side 3`` by Pillow's bicubic filter; one that is not square is stretched."""
    from PIL import Image

    return np.array(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def open_dinov2(given: str = "") -> PictureFeatures:
    """The catalogue's factory; ``given`` is a folder or a hub id."""
    return PictureFeatures(NAME, Dinov2(given), LAYER)
