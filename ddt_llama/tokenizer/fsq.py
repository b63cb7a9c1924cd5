"""Finite scalar quantisation (Mentzer et al., arXiv 2309.15505): each channel is rounded to one of a few levels.

There is no codebook to learn, to start or to keep alive. Satisfies what ``CosineQuantizer`` offers to the tokenizer and
its trainer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MARGIN = 1e-3


class FiniteScalarQuantizer(nn.Module):
    """Features ``B K D`` to indices below ``prod(levels)``, and indices to ``B K len(levels)`` in [-1, 1].

    Examples:
        >>> quantizer = FiniteScalarQuantizer(width=96, levels=(8, 8, 4))
        >>> quantizer.codebook_size, quantizer.lookup(quantizer.indices(torch.randn(2, 64, 96))).shape
        (256, torch.Size([2, 64, 3]))
    """

    levels: Tensor
    powers: Tensor

    def __init__(self, width: int, levels: Sequence[int]) -> None:
        super().__init__()
        self.codebook_size, self.code_width = prod(levels), len(levels)
        self.project_in = nn.Linear(width, len(levels))
        self.register_buffer("levels", torch.tensor([*levels]), persistent=False)
        powers = [prod(levels[:place]) for place in range(len(levels))]
        self.register_buffer("powers", torch.tensor(powers), persistent=False)

    def bounded(self, features: Float[Tensor, "B K D"]) -> Float[Tensor, "B K C"]:
        """Each channel within half a level of its outermost levels (section 3.1); even counts are moved by a half."""
        with torch.autocast(features.device.type, enabled=False):
            raw = self.project_in(features.float())
        half = (self.levels - 1) * (1 + MARGIN) / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        bounded: Tensor = (raw + (offset / half).atanh()).tanh() * half - offset
        return bounded

    def _rounded(self, features: Float[Tensor, "B K D"]) -> Float[Tensor, "B K C"]:
        bounded = self.bounded(features)
        return bounded + (bounded.round() - bounded).detach()

    def indices(self, features: Float[Tensor, "B K D"]) -> Int[Tensor, "B K"]:
        """The number of the nearest level in each channel, in a mixed base."""
        return ((self._rounded(features) + self.levels // 2).long() * self.powers).sum(dim=-1)

    def lookup(self, codes: Int[Tensor, "B K"]) -> Float[Tensor, "B K C"]:
        """What the decoder sees for these codes."""
        digits = codes[..., None] // self.powers % self.levels
        return (digits - self.levels // 2) / (self.levels // 2)

    def forward(self, features: Float[Tensor, "B K D"], continuous: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Training: (decoder input with a straight-through gradient, nothing to lower beside, indices)."""
        values = self.bounded(features) if continuous else self._rounded(features)
        return values / (self.levels // 2), values.new_zeros(()), self.indices(features)

    def start(self, features: Float[Tensor, "B K D"], rounds: int = 0) -> None:
        """Levels are where they are."""

    def resume_from_codebook(self) -> None:
        """There is none."""
