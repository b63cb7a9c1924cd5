"""Rectified flow: the straight path between image and noise, and its Euler sampler.

x_t = t * noise + (1 - t) * x_0, velocity v = noise - x_0, so x_0 = x_t - t * v. t = 1 is pure noise (Liu et al.,
arXiv 2209.03003; Selftok's released convention).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]


def mix(clean: Float[Tensor, "B ..."], noise: Float[Tensor, "B ..."], t: Float[Tensor, " B"]) -> Float[Tensor, "B ..."]:
    """x_t on the straight path."""
    share = t.view(-1, *[1] * (clean.ndim - 1))
    return share * noise + (1 - share) * clean


def estimate_clean(noisy: Float[Tensor, "B ..."], velocity: Float[Tensor, "B ..."], t: Float[Tensor, " B"]) -> Tensor:
    """x_0 = x_t - t v."""
    return noisy - t.view(-1, *[1] * (noisy.ndim - 1)) * velocity


def euler(
    velocity: Velocity, start: Float[Tensor, "B ..."], steps: int, t_start: float = 1.0
) -> Float[Tensor, "B ..."]:
    """From ``t_start`` down to 0 in equal steps. Gradients flow through the whole chain where they are wanted."""
    x = start
    times = torch.linspace(t_start, 0, steps + 1, dtype=torch.float64).tolist()
    for now, after in pairwise(times):
        t = torch.full((len(x),), now, dtype=torch.float32, device=x.device)
        x = x + (after - now) * velocity(x, t)
    return x


def spread_times(count: int, generator: torch.Generator | None = None) -> Float[Tensor, " B"]:
    """Uniform times in (0, 1), one per equal stratum and shuffled: the same distribution with less variance between
    batches."""
    offsets = torch.rand(count, generator=generator)
    return ((torch.arange(count) + offsets) / count)[torch.randperm(count, generator=generator)]
