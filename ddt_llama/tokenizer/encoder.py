"""The encoder: learned queries and an image stream, joined in attention (two independent sets of weights, as in SD3).

The image stream never sees the queries; queries attend to image and queries. Each query is modulated by its own
position, so that it knows which timestep its code will serve. Only the queries come out (DDT-LLaMA figure 2; sizes of
the released Selftok encoder: 16 blocks, image width 64, query width 512).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddt_llama.tokenizer.layers import (
    FeedForward,
    TimestepEmbedder,
    attend,
    code_positions,
    grid_sinusoid,
    modulate,
    modulation,
    norm,
)


class EncoderAttention(nn.Module):
    """Image attends to image; queries attend to [image, queries]."""

    def __init__(self, width: int, heads: int, query_width: int, query_heads: int) -> None:
        super().__init__()
        self.heads, self.query_heads = heads, query_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.to_query_kv = nn.Linear(width, 2 * query_width)
        self.query_linear = nn.Linear(query_width, 3 * query_width)
        self.proj = nn.Linear(width, width)
        self.query_proj = nn.Linear(query_width, query_width)

    def forward(self, x_BND: Tensor, q_BKD: Tensor) -> tuple[Tensor, Tensor]:
        image_q, image_k, image_v = self.qkv(x_BND).chunk(3, dim=-1)
        image = attend(image_q, image_k, image_v, self.heads)
        shown_k, shown_v = self.to_query_kv(x_BND).chunk(2, dim=-1)
        query, own_k, own_v = self.query_linear(q_BKD).chunk(3, dim=-1)
        keys, values = torch.cat([shown_k, own_k], dim=1), torch.cat([shown_v, own_v], dim=1)
        queries = attend(query, keys, values, self.query_heads)
        return self.proj(image), self.query_proj(queries)


class EncoderBlock(nn.Module):
    """A plain image block beside a query block that is modulated by code position."""

    def __init__(self, width: int, heads: int, query_width: int, query_heads: int) -> None:
        super().__init__()
        self.attn = EncoderAttention(width, heads, query_width, query_heads)
        self.mlp = FeedForward(width)
        self.q_mlp = FeedForward(query_width)
        # gates start open: with closed ones the codes of a fresh encoder would not depend on the image at all
        self.adaLN_modulation = modulation(query_width, 6, open_gates=(2, 5))
        self.t_embedder = TimestepEmbedder(query_width)

    def forward(self, x_BND: Tensor, q_BKD: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.adaLN_modulation(self.t_embedder(positions)).chunk(6, dim=-1)
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = parts
        image, queries = self.attn(norm(x_BND), modulate(norm(q_BKD), shift, scale))
        x_BND = x_BND + image
        x_BND = x_BND + self.mlp(norm(x_BND))
        q_BKD = q_BKD + gate * queries
        q_BKD = q_BKD + gate_mlp * self.q_mlp(modulate(norm(q_BKD), shift_mlp, scale_mlp))
        return x_BND, q_BKD


class TokenEncoder(nn.Module):
    """Latents to one feature vector per code."""

    positions: Tensor
    pos_embed: Tensor

    def __init__(
        self,
        codes: int,
        channels: int,
        grid: int,
        patch: int = 2,
        depth: int = 4,
        width: int = 64,
        heads: int = 4,
        query_width: int = 128,
        query_heads: int = 4,
        table: int = 0,
    ) -> None:
        """``grid`` is the latent's side; ``table`` the side of the stored position table (default: as many as there
        are patches)."""
        super().__init__()
        self.rows = grid // patch
        self.x_embedder = nn.Conv2d(channels, width, patch, stride=patch)
        self.register_buffer("pos_embed", grid_sinusoid(table or self.rows, width))
        self.query_tokens = nn.Parameter(torch.randn(1, codes, query_width) * 0.02)
        self.blocks = nn.ModuleList(EncoderBlock(width, heads, query_width, query_heads) for _ in range(depth))
        self.register_buffer("positions", code_positions(codes), persistent=False)

    def forward(self, latents: Float[Tensor, "B C side side"]) -> Float[Tensor, "B K D"]:
        x_BND = self.x_embedder(latents).flatten(2).transpose(1, 2) + centre_crop(self.pos_embed, self.rows)
        q_BKD = self.query_tokens.expand(len(latents), -1, -1)
        for block in self.blocks:
            x_BND, q_BKD = block(x_BND, q_BKD, self.positions)
        return q_BKD


def centre_crop(table: Float[Tensor, "1 N D"], rows: int) -> Float[Tensor, "1 M D"]:
    """The central ``rows x rows`` of a square position table, so that one table serves several image sizes."""
    side = round(table.shape[1] ** 0.5)
    start = (side - rows) // 2
    square = table.view(1, side, side, -1)[:, start : start + rows, start : start + rows]
    return square.flatten(1, 2)
