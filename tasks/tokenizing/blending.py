"""What a mixed picture is made of: how much of it a cut explains, how much a cross-fade, and what neither does.

A and B are two pictures and M a third, made from codes of both. All are compared as 8-bit pixels over 255, and what is
to be explained is the energy of A - B, its sum of squares. An explanation is a picture made of A and B; what it leaves
is the squared difference of M to it.

* *cut and paste*: each patch of 4x4 pixels is taken from A or from B, whichever is nearer to M there (the best binary
  mask). CutMix (Yun et al. 2019, arXiv 1905.04899) is such a picture.
* *mix-up*: ``alpha A + (1 - alpha) B``, with the one alpha in [0, 1] that is nearest to M. MixUp (Zhang et al. 2017,
  arXiv 1710.09412) is such a picture.

A alone and B alone are pictures of both kinds: a mix that is merely B leaves nothing unexplained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.world.matching import TOLERANCE

if TYPE_CHECKING:
    from jaxtyping import UInt8

Floats = NDArray[np.float64]

PATCH = 4
"""Side of the patches of a cut, in pixels."""

HALF = 0.5
"""An object's pixels are explained where an explanation leaves no more than this share of the energy in its box."""


@dataclass(frozen=True)
class Blend:
    """One mixed picture. Each map is ``height width``: squared differences, summed over channels."""

    energy: Floats
    cut: Floats
    mix: Floats

    @property
    def left(self) -> float:
        """What the better of the two explanations leaves of the whole picture."""
        return float(min(self.cut.sum(), self.mix.sum()))


def blend(
    first: UInt8[np.ndarray, "height width 3"],
    second: UInt8[np.ndarray, "height width 3"],
    mixed: UInt8[np.ndarray, "height width 3"],
) -> Blend:
    """What the best mask and the best alpha leave of ``mixed``, as a picture made of ``first`` and ``second``."""
    a, b, m = (picture.astype(np.float64) / 255 for picture in (first, second, mixed))
    energy, to_a, to_b = (np.square(gap).sum(axis=-1) for gap in (a - b, m - a, m - b))
    from_a = _patches(to_a) <= _patches(to_b)
    share = float(((m - b) * (a - b)).sum() / energy.sum()) if energy.any() else 1.0
    alpha = min(1.0, max(0.0, share))
    return Blend(energy, np.where(from_a, to_a, to_b), np.square(m - alpha * a - (1 - alpha) * b).sum(axis=-1))


def _patches(gaps: Floats) -> Floats:
    """At each pixel the sum over its patch; the last patches of a side that 4 does not divide are smaller."""
    height, width = gaps.shape
    rows, columns = (np.arange(0, side, PATCH) for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(gaps, rows, axis=0), columns, axis=1)
    return sums.repeat(PATCH, axis=0)[:height].repeat(PATCH, axis=1)[:, :width]


Objects = Sequence[Mapping[str, Any]]


def semantic(found: Objects, first: Objects, second: Objects, blended: Blend) -> int:
    """How many of the objects found in the mixed picture are *semantic* blends.

    ``first`` and ``second`` are the objects found in A and in B, as they come out of the same tokenizer whole. An
    object of the mix is semantic if

    1. its shape is that of some object of A or B, its colour is that of some object of A or B, and its centre lies
       within 2.5 pixels of that of some object of A or B. Each attribute is thus whole: nothing between two shapes,
       colours or places. They need not come from the same object, nor from the same picture;
    2. neither explanation accounts for its pixels: inside its box, cut to the picture, the best mask as well as the
       best alpha (both found for the whole picture; A alone and B alone are among them) leave more than half of the
       energy of A - B there.
    """
    known = [*first, *second]
    shapes, colours = {item["shape"] for item in known}, {item["colour"] for item in known}
    return sum(
        item["shape"] in shapes
        and item["colour"] in colours
        and any(np.hypot(item["x"] - other["x"], item["y"] - other["y"]) <= TOLERANCE for other in known)
        and not _explained(item, blended)
        for item in found
    )


def _explained(item: Mapping[str, Any], blended: Blend) -> bool:
    height, width = blended.energy.shape
    x, y, radius = item["x"], item["y"], item["radius"]
    rows = slice(max(0, int(np.floor(y - radius))), min(height, int(np.ceil(y + radius))))
    columns = slice(max(0, int(np.floor(x - radius))), min(width, int(np.ceil(x + radius))))
    allowed = HALF * blended.energy[rows, columns].sum()
    return bool(min(blended.cut[rows, columns].sum(), blended.mix[rows, columns].sum()) <= allowed)
