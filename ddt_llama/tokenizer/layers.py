"""Parts that the encoder and the decoder share: positions, timestep embedding, feed-forward, modulation, attention.

Layout letters: B batch, N tokens, D width, H heads. Norms have no weights, epsilon 1e-6; GELU is the tanh form (as in
SD3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

FREQUENCIES = 256


def sinusoid(positions: Float[Tensor, " N"], width: int, cosine_first: bool) -> Float[Tensor, "N D"]:
    """Sine/cosine table with frequencies 10000^(-i / (width/2))."""
    half = width // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float64, device=positions.device) / half)
    angles = positions.double()[:, None] * rates[None, :]
    pair = (angles.cos(), angles.sin()) if cosine_first else (angles.sin(), angles.cos())
    return torch.cat(pair, dim=-1).float()


def grid_sinusoid(rows: int, width: int) -> Float[Tensor, "1 N D"]:
    """2-d table for a square grid: half of the channels for the row, half for the column."""
    axis = torch.arange(rows, dtype=torch.float32)
    row = sinusoid(axis.repeat_interleave(rows), width // 2, cosine_first=False)
    column = sinusoid(axis.repeat(rows), width // 2, cosine_first=False)
    return torch.cat([column, row], dim=-1)[None]


def code_positions(count: int) -> Float[Tensor, " N"]:
    """Positions of codes, 1000 + 8 j: beyond every timestep (0..1000), in one table with them (Selftok)."""
    return 1000.0 + 8.0 * torch.arange(count, dtype=torch.float32)


def norm(x_BND: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
    return F.layer_norm(x_BND, x_BND.shape[-1:], eps=1e-6)


def modulate(x_BND: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x_BND * (1 + scale) + shift


class TimestepEmbedder(nn.Module):
    """Scalars (timesteps in 0..1000, or code positions) to vectors of the model's width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, positions: Float[Tensor, " N"]) -> Float[Tensor, "N D"]:
        return self.mlp(sinusoid(positions, FREQUENCIES, cosine_first=True))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """Two layers, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))  # type: ignore[no-any-return]


def modulation(width: int, parts: int, open_gates: Sequence[int] = ()) -> nn.Sequential:
    """SiLU and a linear layer that starts at zero, so that a new block is the identity (adaLN-zero).

    ``open_gates`` are the parts that start at one instead.
    """
    layer = nn.Linear(width, parts * width)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        for gate in open_gates:
            layer.bias[gate * width : (gate + 1) * width] = 1.0
    return nn.Sequential(nn.SiLU(), layer)


def attend(
    q_BND: Float[Tensor, "B N D"],
    k_BMD: Float[Tensor, "B M D"],
    v_BMD: Float[Tensor, "B M D"],
    heads: int,
    keys: Bool[Tensor, "B 1 Nq M"] | None = None,
) -> Float[Tensor, "B N D"]:
    """Multi-head attention; ``keys`` is True where a key may be looked at."""
    if q_BND.device.type == "cpu":
        # on CPUs the backward pass of fused attention in bfloat16 costs ten times that in float32
        with torch.autocast("cpu", enabled=False):
            return _attend(q_BND.float(), k_BMD.float(), v_BMD.float(), heads, keys)
    return _attend(q_BND, k_BMD, v_BMD, heads, keys)


def _attend(q_BND: Tensor, k_BMD: Tensor, v_BMD: Tensor, heads: int, keys: Tensor | None) -> Tensor:
    q, k, v = (x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q_BND, k_BMD, v_BMD))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keys).transpose(1, 2).flatten(2)
