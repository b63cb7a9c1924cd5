"""Controls: tokenizers whose score is known beforehand, so that a wrong table shows.

``identity`` cannot be beaten, ``mean-colour`` should be near the worst, ``shuffled-NAME`` shows what is left of a
model when its codes say the right things at the wrong places. ``jpeg`` (``baselines.controls.jpeg``) is what an
ordinary codec makes of the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from baselines.vqgan import check_codes
from harness.catalog import find
from harness.contracts import ImageTokenizer
from harness.errors import UserError
from harness.images import from_bytes, to_bytes
from harness.seeding import rng_for

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

IMAGE_SIZE = 32
GREY = 128
LEVELS = 256
MAX_IMAGE_SIZE = 1024


class Identity:
    """Codes are the 8-bit pixels, row-major, red, green and blue of a pixel side by side. An absent code is middle
    grey (128)."""

    codebook_size = LEVELS

    def __init__(self, image_size: int = IMAGE_SIZE) -> None:
        self.image_size = image_size

    @property
    def code_count(self) -> int:
        return 3 * self.image_size * self.image_size

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        return torch.from_numpy(to_bytes(images)).flatten(1).long().to(images.device)

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        check_codes(codes, visible, self.code_count)
        seen = codes if visible is None else torch.where(visible, codes, GREY)
        pixels = seen.view(-1, self.image_size, self.image_size, 3).to(torch.uint8).cpu().numpy()
        return from_bytes(pixels).to(codes.device)


class MeanColour:
    """Three codes: the image's mean red, green and blue. An absent code is middle grey (128)."""

    codebook_size = LEVELS
    code_count = 3

    def __init__(self, image_size: int = IMAGE_SIZE) -> None:
        self.image_size = image_size

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        mean = images.mean(dim=(2, 3), keepdim=True)
        return torch.from_numpy(to_bytes(mean)).flatten(1).long().to(images.device)

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        check_codes(codes, visible, self.code_count)
        seen = codes if visible is None else torch.where(visible, codes, GREY)
        colour = from_bytes(seen.view(-1, 1, 1, 3).to(torch.uint8).cpu().numpy()).to(codes.device)
        return colour.expand(-1, 3, self.image_size, self.image_size).contiguous()


class Shuffled:
    """A tokenizer whose codes come out in a fixed wrong order. What an absent code is, the tokenizer inside says."""

    def __init__(self, inside: ImageTokenizer, seed: int = 0) -> None:
        self.inside = inside
        order = rng_for("shuffled codes", seed, inside.code_count).permutation(inside.code_count)
        self.order = torch.from_numpy(order)

    @property
    def image_size(self) -> int:
        return self.inside.image_size

    @property
    def code_count(self) -> int:
        return self.inside.code_count

    @property
    def codebook_size(self) -> int:
        return self.inside.codebook_size

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        codes = self.inside.encode(images)
        return codes[:, self.order.to(codes.device)]

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        return self.inside.decode(codes, visible, seeds)


def size_of(source: str, name: str) -> int:
    """The image size that ``NAME@SIZE`` asks for; 32 for an empty source. UserError for anything else."""
    if not source:
        return IMAGE_SIZE
    if not source.isascii() or not source.isdigit() or not 8 <= int(source) <= MAX_IMAGE_SIZE:
        raise UserError(
            f"{name} reads no checkpoint, so '{source}' means nothing: write {name}, or {name}@64 for 64 px"
        )
    return int(source)


def open_identity(source: str, device: str) -> Identity:
    """``identity`` or ``identity@SIZE``."""
    return Identity(size_of(source, "identity"))


def open_mean_colour(source: str, device: str) -> MeanColour:
    """``mean-colour`` or ``mean-colour@SIZE``."""
    return MeanColour(size_of(source, "mean-colour"))


def _open_shuffled(name: str, source: str, device: str) -> Shuffled:
    opened: Any = find("model", name)(source, device)
    return Shuffled(opened)


def open_shuffled_ddt(source: str, device: str) -> Shuffled:
    """The DDT tokenizer with its codes shuffled."""
    return _open_shuffled("ddt", source, device)


def open_shuffled_vqgan(source: str, device: str) -> Shuffled:
    """VQGAN with its codes shuffled."""
    return _open_shuffled("vqgan", source, device)


def open_shuffled_var(source: str, device: str) -> Shuffled:
    """VAR's tokenizer with its codes shuffled, across scales."""
    return _open_shuffled("var", source, device)
