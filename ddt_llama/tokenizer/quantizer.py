"""Cosine vector quantisation: nearest code by largest cosine, EMA codebook, k-means start, dead codes reset.

DDT-LLaMA: linear projection to 16 dimensions, nearest code by cosine, EMA updates, dead entries reset to encoder
outputs of the batch. Constants are those of the released Selftok code (decay 0.99, threshold 0.2 of the expected
hits). Deviations, small scale: no entropy term (with a few hundred codes the reset keeps them in use), reset draws
uniformly instead of by position.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class CosineQuantizer(nn.Module):
    """Features ``B K D`` to indices, and indices to what the decoder sees ``B K code_width`` (a LayerNorm follows the
    lookup)."""

    codebook: Tensor
    average: Tensor
    hits: Tensor
    started: Tensor

    def __init__(
        self,
        width: int,
        codebook_size: int,
        code_width: int = 16,
        decay: float = 0.99,
        dead: float = 0.2,
    ) -> None:
        super().__init__()
        self.codebook_size, self.decay, self.dead = codebook_size, decay, dead
        self.project_in = nn.Linear(width, code_width)
        self.out_norm = nn.LayerNorm(code_width, eps=1e-6)
        self.register_buffer("codebook", F.normalize(torch.randn(codebook_size, code_width), dim=-1))
        # training only: what the moving averages need; never exported
        self.register_buffer("average", self.codebook.clone(), persistent=False)
        self.register_buffer("hits", torch.ones(codebook_size), persistent=False)
        self.register_buffer("started", torch.zeros(()), persistent=False)

    def unit_features(self, features: Float[Tensor, "B K D"]) -> Float[Tensor, "B K C"]:
        with torch.autocast(features.device.type, enabled=False):  # nearest-code decisions in full precision
            return F.normalize(self.project_in(features.float()), dim=-1)

    def indices(self, features: Float[Tensor, "B K D"]) -> Int[Tensor, "B K"]:
        """The code of the largest cosine."""
        return (self.unit_features(features) @ self.codebook.T).argmax(dim=-1)

    def lookup(self, codes: Int[Tensor, "B K"]) -> Float[Tensor, "B K C"]:
        """What the decoder sees for these codes."""
        return self.out_norm(self.codebook[codes])  # type: ignore[no-any-return]

    def forward(self, features: Float[Tensor, "B K D"], continuous: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Training: (decoder input with straight-through gradient, commitment loss, indices); updates the codebook.

        ``continuous`` lets the features through as they are: an encoder must first learn to say something about the
        image, or k-means would find one cluster per position and the commitment would keep it there (seen;
        docs/log.md).
        """
        unit = self.unit_features(features)
        flat = unit.detach().flatten(0, 1)
        if continuous:
            return (
                self.out_norm(unit),
                unit.new_zeros(()),
                (flat @ self.codebook.T).argmax(dim=-1).view(unit.shape[:-1]),
            )
        if not self.started:
            self._start(flat)
        indices = (flat @ self.codebook.T).argmax(dim=-1)
        chosen = self.codebook[indices].view_as(unit)
        self._update(flat, indices)
        commitment = (unit - chosen).square().sum(dim=-1).mean()
        through = unit + (chosen - unit).detach()
        return self.out_norm(through), commitment, indices.view(unit.shape[:-1])

    @torch.no_grad()
    def _start(self, flat: Float[Tensor, "N C"], rounds: int = 10) -> None:
        """Spherical k-means on the first batch."""
        count = self.codebook_size
        picks = torch.randperm(len(flat))[:count] if len(flat) >= count else torch.randint(len(flat), (count,))
        centres = flat[picks].clone()
        for _ in range(rounds):
            nearest = (flat @ centres.T).argmax(dim=-1)
            sums = torch.zeros_like(centres).index_add_(0, nearest, flat)
            used = sums.norm(dim=-1) > 1e-6
            centres[used] = F.normalize(sums[used], dim=-1)
        self.codebook.copy_(centres)
        self.average.copy_(centres)
        self.hits.fill_(1.0)
        self.started.fill_(1.0)

    @torch.no_grad()
    def _update(self, flat: Float[Tensor, "N C"], indices: Int[Tensor, " N"]) -> None:
        hits = torch.bincount(indices, minlength=self.codebook_size).float()
        sums = torch.zeros_like(self.average).index_add_(0, indices, flat)
        expected = len(flat) / self.codebook_size
        self.hits.lerp_(hits / expected, 1 - self.decay)
        self.average.lerp_(sums / expected, 1 - self.decay)
        self.codebook.copy_(F.normalize(self.average, dim=-1))
        dead = self.hits < self.dead
        if dead.any():
            count = int(dead.sum())
            drawn = flat[torch.randint(len(flat), (count,))]
            self.codebook[dead] = drawn
            # a reborn code gets the weight at which it is just alive, so that it must earn its place
            self.average[dead] = drawn * self.dead
            self.hits[dead] = self.dead
