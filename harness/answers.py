"""The border where a subject's answers enter: checked for what they are before anything is made of them.

What a check refuses is a ValueError, so that the case of that answer fails with the reason and the others go on.
Without the checks an image in [-1, 1], or one of 8-bit values, would be clipped and scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.images import Rounding, to_bytes
from harness.store.parts import stored_text

if TYPE_CHECKING:
    from jaxtyping import Float, Int, UInt8
    from torch import Tensor

SLACK = 0.05
"""How far outside of [0, 1] a value may lie, as those of an unclamped decoder do; ``to_bytes`` clips it."""


def pixels_of(
    images: Float[Tensor, "batch 3 size size"] | np.ndarray, count: int, size: int, rounding: Rounding = "nearest"
) -> UInt8[np.ndarray, "batch size size 3"]:
    """8-bit pixels of the images that a subject made for ``count`` cases.

    Raises ValueError for another number, shape or size, for what is no floating-point array, and for values that are
    not finite or lie outside of [0, 1] by more than ``SLACK``; it says the range seen.
    """
    shape = tuple(getattr(images, "shape", ()))
    if len(shape) != 4 or shape[1] != 3:
        raise ValueError(f"the model's images must be 'batch 3 height width', not {shape or type(images).__name__}")
    if len(images) != count:
        raise ValueError(f"the model made {len(images)} images for {count} cases")
    if shape[2:] != (size, size):
        raise ValueError(f"the model's images must be {size}x{size}, as its image_size says, not {shape[2]}x{shape[3]}")
    # the dtype of a tensor is told by its name (torch.float32), since torch need not be imported here
    if "float" not in str(images.dtype):
        raise ValueError(f"the model's images must be floats in [0, 1], not {images.dtype}")
    values = images.detach().float().cpu().numpy() if hasattr(images, "detach") else np.asarray(images, np.float32)
    _require_range(values)
    return to_bytes(values, rounding)


def _require_range(values: np.ndarray) -> None:
    finite = np.isfinite(values)
    low, high = (float(end) for end in (values.min(initial=np.inf, where=finite), values.max(initial=0, where=finite)))
    seen = f"from {low:.3g} to {high:.3g}" if finite.any() else "none that is finite"
    if not finite.all():
        count = int(values.size - finite.sum())
        raise ValueError(f"the model's image holds {count} values that are not finite (the others {seen})")
    if low < -SLACK or high > 1 + SLACK:
        hint = "; is it in [-1, 1]?" if -1 - SLACK <= low < -SLACK and high <= 1 + SLACK else ""
        hint = "; is it in 0..255?" if low >= -SLACK and 2 < high <= 256 else hint
        raise ValueError(f"the model's image must have values in [0, 1], and they go {seen}{hint}")


def codes_of(codes: Int[Tensor, "batch codes"], count: int, subject: Any) -> Int[Tensor, "batch codes"]:
    """The same codes, of ``count`` images. Raises ValueError for another shape, for what are no whole numbers, and for
    a code outside of the codebook."""
    shape, kind = tuple(getattr(codes, "shape", ())), str(getattr(codes, "dtype", type(codes).__name__))
    if shape != (count, int(subject.code_count)):
        raise ValueError(f"the model's codes must be {count} x {subject.code_count}, not {shape or kind}")
    if "int" not in kind:
        raise ValueError(f"the model's codes must be whole numbers, not {kind}")
    if count and not 0 <= (low := int(codes.min())) <= (high := int(codes.max())) < int(subject.codebook_size):
        wrong = low if low < 0 else high
        raise ValueError(f"the model's code {wrong} is outside of its codebook, 0 to {int(subject.codebook_size) - 1}")
    return codes


def texts_of(texts: Sequence[str], count: int) -> list[str]:
    """What a subject answered in words to ``count`` cases. Raises ValueError for another number, and for an answer that
    is no string or cannot be stored as UTF-8."""
    if isinstance(texts, (str, bytes)) or not hasattr(texts, "__len__"):
        raise ValueError(f"the model must give a list of {count} answers, not {type(texts).__name__}")
    if len(texts) != count:
        raise ValueError(f"the model gave {len(texts)} answers to {count} questions")
    return [stored_text(text, "the answer") for text in texts]
