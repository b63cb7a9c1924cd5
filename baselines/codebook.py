"""Keeping a small codebook in use during training. Training only: nothing here is exported.

A deviation from the published recipes, whose codebooks of 1,024 and more learn by gradient alone: with 64 or 256
codes and a few thousand steps most would never be hit. So the codebook starts by k-means on latents of a tokenizer
that has learned for a while without quantisation, may follow its latents by moving averages (van den Oord et al.
2017, arXiv 1711.00937, appendix A.1), and codes that nothing hits are put where a random latent lies.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from baselines.vqgan import nearest_codes


def k_means(points: Float[Tensor, "n c"], count: int, rounds: int = 20) -> Float[Tensor, "count c"]:
    """Lloyd's algorithm from random points; an empty cluster moves to a random point. Draws from torch's generator."""
    centres = points[torch.randperm(len(points))[:count]].clone()
    for _ in range(rounds):
        nearest = nearest_codes(points, centres)
        sizes = nearest.bincount(minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        centres = sums / sizes.clamp(min=1).unsqueeze(1)
        empty = sizes == 0
        centres[empty] = points[torch.randint(len(points), (int(empty.sum()),))]
    return centres


class CodebookCare(nn.Module):
    """Use counts (and, with ``follow``, sums) of each code as moving averages, and what is done with them."""

    counts: Tensor
    sums: Tensor
    started: Tensor

    def __init__(self, codebook: nn.Embedding, follow: bool, decay: float = 0.99, dead_share: float = 0.05) -> None:
        super().__init__()
        size, width = codebook.weight.shape
        self.follow, self.decay, self.dead_share = follow, decay, dead_share
        self.register_buffer("counts", torch.zeros(size))
        self.register_buffer("sums", torch.zeros(size, width))
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def start(self, codebook: nn.Embedding, vectors: Float[Tensor, "n c"]) -> None:
        """K-means on ``vectors``; every code counts as used equally."""
        centres = k_means(vectors, codebook.num_embeddings)
        codebook.weight.copy_(centres)
        self.counts.fill_(len(vectors) / codebook.num_embeddings)
        self.sums.copy_(centres * self.counts.unsqueeze(1))
        self.started.fill_(True)

    @torch.no_grad()
    def update(
        self, codebook: nn.Embedding, vectors: Float[Tensor, "n c"], indices: Int[Tensor, " n"], revive: bool
    ) -> None:
        """Move the averages by one batch; then the codebook follows them, and dead codes are revived, where asked."""
        size = codebook.num_embeddings
        self.counts.lerp_(indices.bincount(minlength=size).float(), 1.0 - self.decay)
        self.sums.lerp_(torch.zeros_like(self.sums).index_add_(0, indices, vectors), 1.0 - self.decay)
        usual = float(self.counts.mean())
        if self.follow:
            codebook.weight.copy_(self.sums / self.counts.clamp(min=1e-3 * usual).unsqueeze(1))
        dead = (self.counts < self.dead_share * usual).nonzero().flatten()
        if not revive or not len(dead):
            return
        fresh = vectors[torch.randint(len(vectors), (len(dead),))]
        codebook.weight[dead] = fresh
        self.counts[dead] = usual * 0.5
        self.sums[dead] = fresh * usual * 0.5

    @property
    def perplexity(self) -> Tensor:
        """exp of the entropy of the recent use: how many codes are in use, in effect."""
        share = self.counts / self.counts.sum().clamp(min=1e-9)
        return torch.exp(-(share * share.clamp(min=1e-9).log()).sum())
