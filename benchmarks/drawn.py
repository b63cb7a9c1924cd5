"""Weights drawn by their names: the same for two programs that call them alike, and of a size that keeps activations in
bounds."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def drawn(name: str, shape: Sequence[int]) -> Tensor:
    """Mean 0 with a variance of one over what is summed; scales near 1, shifts near 0."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    values = torch.randn(tuple(shape), generator=generator)
    if len(shape) > 1:
        return values / math.sqrt(math.prod(shape[1:]))
    return 0.1 * values + (1.0 if name.endswith("weight") else 0.0)


def drawn_like(state: Mapping[str, Tensor], kept: Sequence[str] = ()) -> dict[str, Tensor]:
    """For every tensor of a state; whole numbers and those ``kept`` stay."""
    return {
        name: value if name in kept or not value.is_floating_point() else drawn(name, value.shape)
        for name, value in state.items()
    }
