"""Controls of counterfactual interpolation: tokenizers whose mixed codes decode to something known beforehand.

Of each, the first half of the codes of one picture and the second half of another give a true CutMix, a true MixUp, or
the first picture alone. All of them keep every 8-bit pixel, and an absent code is middle grey (128).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from baselines.controls.tokenizers import GREY, IMAGE_SIZE, LEVELS, Identity, size_of
from baselines.vqgan import check_codes
from harness.errors import UserError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

LAYERS = 8
"""How often the layered controls code a picture: mixing by eighths replaces whole layers."""


class CutMix(Identity):
    """Codes are the 8-bit pixels patch by patch, 4x4 each, row-major; red, green and blue of a pixel side by side.
    Mixed codes are patches of the one picture, then patches of the other."""

    PATCH = 4

    def __init__(self, image_size: int = IMAGE_SIZE) -> None:
        super().__init__(image_size)
        side = image_size // self.PATCH
        row_major = torch.arange(self.code_count).view(side, self.PATCH, side, self.PATCH, 3)
        self._order = row_major.transpose(1, 2).flatten()
        self._back = self._order.argsort()

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        return super().encode(images)[:, self._order]

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        check_codes(codes, visible, self.code_count)
        shown = None if visible is None else visible[:, self._back]
        return super().decode(codes[:, self._back], shown, seeds)


class MixUp(Identity):
    """Codes are the 8-bit pixels, as of ``Identity``, eight times over; a picture is the mean of its layers. Mixed
    codes are a cross-fade of the two pictures."""

    @property
    def code_count(self) -> int:
        return LAYERS * super().code_count

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        return super().encode(images).repeat(1, LAYERS)

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        check_codes(codes, visible, self.code_count)
        seen = codes if visible is None else torch.where(visible, codes, GREY)
        pixels = self.merged(seen.view(-1, LAYERS, self.image_size, self.image_size, 3).float())
        return pixels.permute(0, 3, 1, 2) / (LEVELS - 1)

    def merged(self, layers: Float[Tensor, "batch layers size size 3"]) -> Float[Tensor, "batch size size 3"]:
        """One picture of the layers, in 8-bit values."""
        return layers.mean(dim=1)


class Swap(MixUp):
    """The same codes, of which the first layer alone is looked at: as soon as an eighth is replaced, all is."""

    def merged(self, layers: Float[Tensor, "batch layers size size 3"]) -> Float[Tensor, "batch size size 3"]:
        return layers[:, 0]


def open_cutmix(source: str, device: str) -> CutMix:
    """``cutmix`` or ``cutmix@SIZE``, a multiple of 4. Raises UserError for anything else."""
    size = size_of(source, "cutmix")
    if size % CutMix.PATCH:
        raise UserError(f"cutmix has patches of {CutMix.PATCH} pixels: {size} is not a multiple of it")
    return CutMix(size)


def open_mixup(source: str, device: str) -> MixUp:
    """``mixup`` or ``mixup@SIZE``."""
    return MixUp(size_of(source, "mixup"))


def open_swap(source: str, device: str) -> Swap:
    """``swap`` or ``swap@SIZE``."""
    return Swap(size_of(source, "swap"))
