"""How the published FIDs bring a picture to the network's 299 pixels. They differ, and so do the numbers.

Each function takes one picture ``3 height width``, float32 in [0, 255], and returns it at ``3 side side``; a picture
that is not square is stretched. The one that anti-aliases least makes the largest FIDs on pictures made smaller; all
agree on a picture that has the size already (Parmar et al. 2022, arXiv 2104.11222).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from jaxtyping import Float

SIDE = 299

Resize = Callable[[Tensor, int], Tensor]


def bicubic_pillow(picture: Float[Tensor, "3 height width"], side: int = SIDE) -> Float[Tensor, "3 side side"]:
    """Pillow's anti-aliased bicubic filter on each channel as float32, not rounded after, cut to [0, 255]: clean-fid's
    ``clean``."""
    from PIL import Image

    channels = [
        np.asarray(Image.fromarray(channel).resize((side, side), Image.Resampling.BICUBIC))
        for channel in picture.numpy()
    ]
    return torch.from_numpy(np.stack(channels).clip(0, 255))


def bilinear_torch(picture: Float[Tensor, "3 height width"], side: int = SIDE) -> Float[Tensor, "3 side side"]:
    """Bilinear between pixel centres without anti-aliasing: pytorch-fid, and clean-fid's ``legacy_pytorch``."""
    return functional.interpolate(picture[None], size=(side, side), mode="bilinear", align_corners=False)[0]


def bilinear_antialias(picture: Float[Tensor, "3 height width"], side: int = SIDE) -> Float[Tensor, "3 side side"]:
    """Bilinear with anti-aliasing: torchmetrics from 1.8 on, unless told otherwise."""
    resized = functional.interpolate(
        picture[None], size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0]


def bilinear_tensorflow1(picture: Float[Tensor, "3 height width"], side: int = SIDE) -> Float[Tensor, "3 side side"]:
    """TensorFlow 1's ``ResizeBilinear`` with ``align_corners=False``: output pixel i looks at i * size / side, not at
    pixel centres, without anti-aliasing, the border repeated. It is in the original graph, and so in the ADM evaluator;
    torch-fidelity and the resize inside NVIDIA's file do the same."""
    _, height, width = picture.shape
    (top, bottom, down), (left, right, across) = _places(height, side), _places(width, side)
    above = torch.lerp(picture[:, top][:, :, left], picture[:, top][:, :, right], across)
    below = torch.lerp(picture[:, bottom][:, :, left], picture[:, bottom][:, :, right], across)
    return torch.lerp(above, below, down[:, None])


def _places(size: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """(pixel before, pixel after, share of the latter) of each output pixel; positions in float32, as TensorFlow's."""
    position = torch.arange(side, dtype=torch.float32) * torch.tensor(size / side, dtype=torch.float32)
    before = position.long().clamp(max=size - 1)
    return before, (before + 1).clamp(max=size - 1), position - before
