"""The feature network of Fashion-MNIST: 64 numbers per picture for FD-fashion, and the class that it reads.

It was trained on Fashion-MNIST's training images to name the class and to say how blurred and noisy the picture is
(``tasks/fashion/feature_training.py``). A Frechet distance on its features is called **FD-fashion**, never FID: it is
in other units and means nothing beside a published FID.

What is looked at is one channel of 28x28 pixels: the region of the fact ``crop`` (all of the picture without one), the
mean of its three channels.
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
from tasks.data.fashion_mnist import SIDE

if TYPE_CHECKING:
    from jaxtyping import Float

    from harness.contracts import Sample

FAMILY = "fashion-features"
SOURCE = "zoo/fashion-features"
FEATURES = 64
CLASSES = 10
CHUNK = 64


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class FashionNet(nn.Module):
    """3x3 convolutions, 28 to 4 pixels wide, a linear map of the last map to 64 features, and one of those to ten
    classes."""

    def __init__(self, widths: Sequence[int] = (24, 48, 80, 64)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        first, second, third, fourth = self.widths
        self.stages = nn.Sequential(
            _conv(1, first, 1),
            _conv(first, second, 2),
            _conv(second, second, 1),
            _conv(second, third, 2),
            _conv(third, third, 1),
            _conv(third, fourth, 2),
        )
        self.feature = nn.Linear(fourth * (SIDE // 7) ** 2, FEATURES)
        self.classes = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 64"]:
        features: Tensor = self.feature(self.stages(images * 2 - 1).flatten(1))
        return features

    def logits(self, features: Float[Tensor, "batch 64"]) -> Float[Tensor, "batch 10"]:
        """Of the classes, from the features."""
        found: Tensor = self.classes(functional.relu(features))
        return found


def load_features(source: str = SOURCE) -> FashionNet:
    """The trained network, frozen, in evaluation mode. Raises UserError where the checkpoint is missing or damaged."""
    state, card = load_checkpoint(source, FAMILY)
    net = FashionNet(card["config"]["widths"])
    fill_module(net, state, source)
    return net.eval().requires_grad_(False)


class FashionFeatures:
    """The instrument ``fashion-features``: columns ``output`` and ``reference``, float32 vectors of length 64,
    ``class``, which it reads in the output, and, where the fact ``label`` says which one was asked for, ``agrees`` and
    ``reference_agrees`` (1 or 0).

    A column is there if every sample of the batch has what it is made from.
    """

    name = "fashion-features"
    columns = ("output", "reference")

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        """``given``: the folder of a checkpoint of this family in place of the embedded one."""
        self._source, self.device = given or SOURCE, device

    @cached_property
    def digest(self) -> str:
        return digest_of(self._source)

    @cached_property
    def _net(self) -> FashionNet:
        return load_features(self._source).to(self.device)

    def unavailable(self) -> str:
        try:
            return "" if self.digest else "its card names no digest"
        except UserError as error:
            return str(error)

    def look(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(features float32 ``count 64``, classes int64 ``count``) of floats ``count 28 28`` in [0, 1]."""
        features, classes = [np.empty((0, FEATURES), np.float32)], [np.empty(0, np.int64)]
        for start in range(0, len(pictures), CHUNK):
            with looking(self.device):
                found = self._net(torch.from_numpy(pictures[start : start + CHUNK])[:, None].to(self.device))
                features.append(found.cpu().numpy())
                classes.append(self._net.logits(found).argmax(1).cpu().numpy())
        return np.concatenate(features), np.concatenate(classes)

    def observe(self, samples: Sequence[Sample]) -> dict[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a region that is not 28x28."""
        found: dict[str, Sequence[Any]] = {}
        labels = [sample.case.facts.get("label") for sample in samples]
        for name, agreement in zip(self.columns, ("agrees", "reference_agrees"), strict=True):
            if not samples or not all(name in sample.images for sample in samples):
                continue
            features, classes = self.look(np.stack([_seen(sample, name) for sample in samples]))
            found[name] = list(features)
            if name == "output":
                found["class"] = classes.tolist()
            if None not in labels:
                found[agreement] = [int(seen == asked) for seen, asked in zip(classes.tolist(), labels, strict=True)]
        return found


def _seen(sample: Sample, name: str) -> np.ndarray:
    """The grey region of one image, float32 ``28 28`` in [0, 1]."""
    pixels = sample.images[name]
    top, left, height, width = sample.case.facts.get("crop") or (0, 0, *pixels.shape[:2])
    region = pixels[top : top + height, left : left + width]
    if region.shape[:2] != (SIDE, SIDE):
        raise ValueError(
            f"case '{sample.case.id}': fashion-features needs a region of {SIDE}x{SIDE}, "
            f"not {region.shape[0]}x{region.shape[1]}"
        )
    grey: np.ndarray = region.sum(axis=2, dtype=np.float32) / np.float32(3 * 255)
    return grey


def open_fashion_features(given: str = "", device: str = "cpu") -> FashionFeatures:
    """The catalogue's factory; ``given`` is the folder of a checkpoint."""
    return FashionFeatures(given, device)
