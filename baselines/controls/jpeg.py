"""The control ``jpeg``: an ordinary codec in the bits of the tokenizers.

64 codes of 256 are 64 bytes. The first says size and quality, the others hold the start-to-end entropy-coded data
(the scan) of a baseline JPEG with 4:2:0 chroma and the standard Huffman tables. Header and tables follow from size
and quality, so they are not counted: real JPEG files are larger.

The highest quality whose scan fits is taken, at full size; if not even quality 1 fits, at half, then a quarter of the
size; then the mean colour alone. Decoding needs nothing but the codes. An absent byte ends what can be read: the
picture is what the bytes before the first absent one give, and middle grey if that is the first byte.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from baselines.controls.tokenizers import GREY, IMAGE_SIZE, LEVELS, size_of
from baselines.vqgan import check_codes
from harness.images import from_bytes, to_bytes

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, UInt8
    from torch import Tensor

CODE_COUNT = 64
BEST = 95
"""Pillow's documented upper end: above it quality hardly rises and size does."""
END_OF_IMAGE = b"\xff\xd9"
# first byte of each size: full, half and quarter, with the quality added
SIZES = ((1, 0), (2, 96), (4, 192))
LAST_QUALITY = 255 - SIZES[-1][1]


def _scan(image: Image.Image, quality: int) -> tuple[bytes, bytes]:
    """(everything before the entropy-coded data, the entropy-coded data without the end marker)."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0", optimize=False, progressive=False)
    data = buffer.getvalue()
    start = data.index(b"\xff\xda")
    start += 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:start], data[start : -len(END_OF_IMAGE)]


@cache
def _header(side: int, quality: int) -> bytes:
    """Header and tables: the same for every image of this size and quality."""
    return _scan(Image.new("RGB", (side, side)), quality)[0]


class Jpeg:
    """Satisfies ``harness.contracts.ImageTokenizer``."""

    code_count = CODE_COUNT
    codebook_size = LEVELS

    def __init__(self, image_size: int = IMAGE_SIZE) -> None:
        self.image_size = image_size

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        rows = [self._pack(pixels) for pixels in to_bytes(images)]
        codes = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), CODE_COUNT)
        return torch.from_numpy(codes.astype(np.int64)).to(images.device)

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        check_codes(codes, visible, CODE_COUNT)
        lengths = [CODE_COUNT] * len(codes) if visible is None else visible.long().cumprod(1).sum(1).tolist()
        rows = [bytes(row[:length]) for row, length in zip(codes.tolist(), lengths, strict=True)]
        blank = np.empty((0, self.image_size, self.image_size, 3), np.uint8)
        return from_bytes(np.stack([self._unpack(row) for row in rows]) if rows else blank).to(codes.device)

    def _pack(self, pixels: UInt8[np.ndarray, "size size 3"]) -> bytes:
        image = Image.fromarray(pixels)
        for divisor, first in SIZES:
            small = image.reduce(divisor) if divisor > 1 else image
            best = min(BEST, 255 - first)
            for quality in _qualities(small, best):
                scan = _scan(small, quality)[1]
                if len(scan) < CODE_COUNT:
                    return bytes([first + quality]) + scan.ljust(CODE_COUNT - 1, b"\0")
        return self._pack(np.broadcast_to(pixels.mean((0, 1)).round().astype(np.uint8), pixels.shape).copy())

    def _unpack(self, row: bytes) -> UInt8[np.ndarray, "size size 3"]:
        shape = (self.image_size, self.image_size, 3)
        grey = np.full(shape, GREY, np.uint8)
        if not row or row[0] == 0:
            return grey
        divisor, first = next((divisor, first) for divisor, first in reversed(SIZES) if row[0] > first)
        side = -(-self.image_size // divisor)
        try:
            with Image.open(io.BytesIO(_header(side, row[0] - first) + row[1:] + END_OF_IMAGE)) as image:
                image.load()
        except (OSError, SyntaxError):
            # codes that no encoder wrote can hold markers; they are read as no picture
            return grey
        return np.asarray(image.convert("RGB").resize(shape[:2], Image.Resampling.BICUBIC))


def _qualities(image: Image.Image, best: int) -> Sequence[int]:
    """Qualities to try, in falling order. A scan grows with quality but for a few bytes, so the search starts a
    little above the place that bisection finds."""
    low, high = 1, best
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(_scan(image, middle)[1]) < CODE_COUNT else (low, middle - 1)
    return range(min(best, low + 8), max(0, low - 8), -1)


def open_jpeg(source: str, device: str) -> Jpeg:
    """``jpeg`` or ``jpeg@SIZE``."""
    return Jpeg(size_of(source, "jpeg"))
