"""The world's feature network: 64 numbers per picture for FD-world, and feature maps for a perceptual loss.

It was trained to name what stands in every cell of a scene, the background, the class of a Fashion-MNIST product, and
how blurred and noisy the picture is (``tasks/world/feature_training.py``). A Frechet distance on its features is called
**FD-world**, never FID: it is in other units and means nothing beside a published FID.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.errors import UserError
from harness.instruments.devices import looking
from harness.weights.checkpoints import digest_of, fill_module, load_checkpoint
from tasks.world.scene import SIDE

if TYPE_CHECKING:
    from jaxtyping import Float

    from harness.contracts import Sample

FAMILY = "world-features"
SOURCE = "zoo/world-features"
FEATURES = 64
CHUNK = 64


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class FeatureNet(nn.Module):
    """Four stages of 3x3 convolutions, 32 to 4 pixels wide, and a linear map of the last to 64 features."""

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        first, second, third, fourth = self.widths
        self.stages = nn.ModuleList(
            [
                _conv(3, first, 1),
                _conv(first, second, 2),
                nn.Sequential(_conv(second, third, 2), _conv(third, third, 1)),
                nn.Sequential(_conv(third, fourth, 2), _conv(fourth, fourth, 1)),
            ]
        )
        self.feature = nn.Linear(fourth * (SIDE // 8) ** 2, FEATURES)

    def maps(self, images: Float[Tensor, "batch 3 32 32"]) -> list[Tensor]:
        """The four stages' outputs, 32, 16, 8 and 4 pixels wide."""
        found, x = [], images * 2 - 1
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, images: Float[Tensor, "batch 3 32 32"]) -> Float[Tensor, "batch 64"]:
        features: Tensor = self.feature(self.maps(images)[-1].flatten(1))
        return features


def load_features(source: str = SOURCE) -> FeatureNet:
    """The trained network, frozen, in evaluation mode. Raises UserError where the checkpoint is missing or damaged."""
    state, card = load_checkpoint(source, FAMILY)
    net = FeatureNet(card["config"]["widths"])
    fill_module(net, state, source)
    return net.eval().requires_grad_(False)


class PerceptualNet(nn.Module):
    """Feature maps and a distance as in LPIPS (Zhang et al. 2018, section 3.1), with all channel weights equal to 1.

    Gradients flow to the images; the network itself is frozen.
    """

    def __init__(self, net: FeatureNet) -> None:
        super().__init__()
        self.net = net.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> PerceptualNet:
        """Stays in evaluation mode, whatever the module that holds it does: batch statistics would make it drift."""
        return self

    def features(self, images: Float[Tensor, "batch 3 32 32"]) -> list[Tensor]:
        """Four maps ``batch channels height width``, each scaled to unit length over its channels."""
        return [x / (x.square().sum(1, keepdim=True) + 1e-6).sqrt() for x in self.net.maps(images)]

    def forward(self, images: Tensor, others: Tensor) -> Float[Tensor, " batch"]:
        """The distance of pairs, in [0, 2], 0 for equal images: squared differences summed over channels, averaged over
        places and then over stages. (At most 2, not 4, since features are not negative.)"""
        pairs = zip(self.features(images), self.features(others), strict=True)
        return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).mean(0)


class WorldFeatures:
    """The instrument ``world-features``: columns ``output`` and ``reference``, float32 vectors of length 64.

    A column is there if every sample of the batch has an image of that name. Pictures must be 32x32.
    """

    name = "world-features"
    columns = ("output", "reference")

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        """``given``: the folder of a checkpoint of this family in place of the embedded one."""
        self._source, self.device = given or SOURCE, device

    @cached_property
    def digest(self) -> str:
        return digest_of(self._source)

    @cached_property
    def _net(self) -> FeatureNet:
        return load_features(self._source).to(self.device)

    @cached_property
    def _perceptual(self) -> PerceptualNet:
        return PerceptualNet(self._net)

    def unavailable(self) -> str:
        try:
            return "" if self.digest else "its card names no digest"
        except UserError as error:
            return str(error)

    def perceptual_features(self, images: Float[Tensor, "batch 3 32 32"]) -> list[Tensor]:
        """As :meth:`PerceptualNet.features`."""
        return self._perceptual.features(images)

    def embed(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """``count 64`` float32 from 8-bit pictures ``32 32 3``. Raises ValueError for another size."""
        rows = []
        for start in range(0, len(pictures), CHUNK):
            chunk = np.stack(pictures[start : start + CHUNK])
            if chunk.shape[1:] != (SIDE, SIDE, 3):
                raise ValueError(
                    f"world-features needs pictures of {SIDE}x{SIDE}, not {chunk.shape[1]}x{chunk.shape[2]}"
                )
            shown = torch.from_numpy(chunk).permute(0, 3, 1, 2).float().div(255)
            with looking(self.device):
                rows.append(self._net(shown.to(self.device)).cpu().numpy())
        return np.concatenate(rows) if rows else np.empty((0, FEATURES), np.float32)

    def observe(self, samples: Sequence[Sample]) -> dict[str, Sequence[Any]]:
        shared = [name for name in self.columns if samples and all(name in sample.images for sample in samples)]
        return {name: list(self.embed([sample.images[name] for sample in samples])) for name in shared}


def open_world_features(given: str = "", device: str = "cpu") -> WorldFeatures:
    """The catalogue's factory; ``given`` is the folder of a checkpoint."""
    return WorldFeatures(given, device)


def smoothed(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with a width of its own, in pixels, for every image (0: as it is); borders are replicated."""
    reach = 4
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma.clamp(min=1e-3)[:, None]).square())
    weights = weights / weights.sum(1, keepdim=True)
    count, channels, height, width = images.shape
    kernel = weights.repeat_interleave(channels, 0)
    x = functional.pad(images.reshape(1, count * channels, height, width), (reach,) * 4, mode="replicate")
    x = functional.conv2d(x, kernel[:, None, :, None], groups=count * channels)
    x = functional.conv2d(x, kernel[:, None, None, :], groups=count * channels)
    return x.reshape(count, channels, height, width)
