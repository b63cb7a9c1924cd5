"""From logits to one token: guidance, temperature, top-k and top-p in transformers' order, one seeded stream a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from harness.errors import UserError


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. ``temperature`` 0 takes the best token; ``top_k`` 0 and ``top_p`` 1 keep all; ``guidance``
    1 is none: scores are unconditional + guidance * (conditional - unconditional)."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise UserError(f"temperature must be at least 0, not {self.temperature}")
        if self.top_k < 0:
            raise UserError(f"top-k must be at least 0 (0: all), not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top-p must lie in (0, 1], not {self.top_p}")
        if not abs(self.guidance) < float("inf"):
            raise UserError(f"guidance must be a finite number, not {self.guidance}")


GREEDY = Sampling(temperature=0.0)


def guide(logits: Float[Tensor, "rows kept"], guidance: float) -> Float[Tensor, "batch kept"]:
    """Classifier-free guidance on rows that hold the conditional ones first, then as many unconditional ones.

    The published form mixes log-probabilities. A softmax's normaliser is one constant per row, so mixing raw logits
    gives the same probabilities and the same best token.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    if guidance == 1:
        return logits
    conditional, unconditional = logits.chunk(2)
    return torch.add(unconditional, conditional - unconditional, alpha=guidance)


def probabilities(logits: Float[Tensor, "batch kept"], sampling: Sampling) -> Float[Tensor, "batch kept"]:
    """The distribution that is drawn from, float64: temperature, then top-k, then top-p, as transformers has them."""
    scores = logits.double() / sampling.temperature
    if 0 < sampling.top_k < scores.shape[-1]:
        least = scores.topk(sampling.top_k, dim=-1).values[:, -1:]
        scores = scores.masked_fill(scores < least, float("-inf"))
    if sampling.top_p < 1:
        ranked, order = scores.sort(dim=-1, descending=False)
        below = ranked.softmax(dim=-1).cumsum(dim=-1) <= 1 - sampling.top_p
        below[:, -1] = False
        scores = scores.masked_fill(below.scatter(-1, order, below), float("-inf"))
    return scores.softmax(dim=-1)


def choose(
    logits: Float[Tensor, "batch kept"], sampling: Sampling, uniform: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """The index of one token per row: the best, or the one at ``uniform`` of the cumulative distribution."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    chances = probabilities(logits, sampling)
    reached = chances.cumsum(dim=-1)
    index = torch.searchsorted(reached, (uniform * reached[:, -1])[:, None], right=True).squeeze(-1)
    # a uniform that rounds up to the total must not run past the last token that can be drawn
    last = chances.shape[-1] - 1 - (chances > 0).flip(-1).to(torch.uint8).argmax(dim=-1)
    return torch.minimum(index, last)


def uniforms(seeds: Sequence[int] | None, count: int, steps: int) -> Float[Tensor, "batch steps"]:
    """Numbers in [0, 1), float64 on the CPU; row i depends on ``seeds[i]`` only (None: seed 0 for all), and a prefix
    of its steps does not depend on how many follow."""
    values = [0] * count if seeds is None else list(seeds)
    if len(values) != count:
        raise ValueError(f"{len(values)} seeds for {count} prompts")
    rows = [
        torch.rand(steps, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float64) for seed in values
    ]
    return torch.stack(rows) if rows else torch.empty((0, steps), dtype=torch.float64)
