"""LlamaGen's class-conditional transformer (Sun et al. 2024, arXiv 2406.06525, section 3.2): next code in raster order.

A Llama without biases whose rotary positions are two-dimensional. State-dict keys are the published ones. Known
deviations from the published code: none in what is computed (``tests/parity/test_llamagen.py``); dropout, label
dropout and the caption model are left out, so this class generates and does not train.

Layout letters: B batch, N tokens, D width, H heads, V codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from baselines.class_subject import Pick, check_labels


@dataclass(frozen=True)
class GPTConfig:
    """Names as published. ``block_size`` is the number of codes, a square number; the feed-forward width is int(8 dim /
    3) rounded up to ``multiple_of``."""

    dim: int
    n_layer: int
    n_head: int
    vocab_size: int = 16384
    num_classes: int = 1000
    block_size: int = 256
    multiple_of: int = 256
    rope_base: float = 10000
    norm_eps: float = 1e-5

    @property
    def feed_forward(self) -> int:
        return -(-int(8 * self.dim / 3) // self.multiple_of) * self.multiple_of


def rotary_table(grid: int, head_width: int, base: float) -> Float[Tensor, "positions pairs 2"]:
    """Cosine and sine per position and pair of adjacent channels. The first half of the pairs turns with the row, the
    second with the column. The first position, the class token's, is all zeros: its query and key vanish."""
    rates = 1.0 / base ** (torch.arange(0, head_width // 2, 2).float() / (head_width // 2))
    turns = torch.outer(torch.arange(grid).float(), rates)
    angles = torch.cat([turns.repeat_interleave(grid, 0), turns.repeat(grid, 1)], dim=1)
    codes = torch.stack([angles.cos(), angles.sin()], dim=-1)
    return torch.cat([torch.zeros_like(codes[:1]), codes])


def rotate(x_BNHC: Tensor, table: Float[Tensor, "N pairs 2"]) -> Tensor:
    """Each pair of adjacent channels turned by its angle."""
    even, odd = x_BNHC[..., 0::2], x_BNHC[..., 1::2]
    cosine, sine = table[:, None].unbind(-1)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], dim=-1).flatten(-2)


def split_last(x_BND: Tensor, heads: int) -> Tensor:
    return x_BND.reshape(*x_BND.shape[:-1], heads, -1)


class Cache:
    """Keys and values of one layer, filled from the front."""

    def __init__(self, rows: int, heads: int, length: int, head_width: int, like: Tensor) -> None:
        self.keys = like.new_empty(rows, heads, length, head_width)
        self.values = torch.empty_like(self.keys)
        self.filled = 0

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """The new ones stored, and all up to them."""
        end = self.filled + key.shape[2]
        self.keys[:, :, self.filled : end], self.values[:, :, self.filled : end] = key, value
        self.filled = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.wqkv = nn.Linear(dim, 3 * dim, bias=False)
        self.wo = nn.Linear(dim, dim, bias=False)

    def forward(self, x_BND: Tensor, table: Tensor, cache: Cache | None) -> Tensor:
        query, key, value = (split_last(part, self.heads) for part in self.wqkv(x_BND).chunk(3, dim=-1))
        query, key = rotate(query, table), rotate(key, table)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        if cache is not None:
            key, value = cache.extend(key, value)
        causal = query.shape[2] > 1
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
        out: Tensor = self.wo(mixed.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.w1, self.w3 = nn.Linear(dim, inner, bias=False), nn.Linear(dim, inner, bias=False)
        self.w2 = nn.Linear(inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.w2(functional.silu(self.w1(x)) * self.w3(x))
        return out


class Block(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention = Attention(config.dim, config.n_head)
        self.feed_forward = FeedForward(config.dim, config.feed_forward)
        self.attention_norm = nn.RMSNorm(config.dim, config.norm_eps)
        self.ffn_norm = nn.RMSNorm(config.dim, config.norm_eps)

    def forward(self, x_BND: Tensor, table: Tensor, cache: Cache | None) -> Tensor:
        x_BND = x_BND + self.attention(self.attention_norm(x_BND), table, cache)
        out: Tensor = x_BND + self.feed_forward(self.ffn_norm(x_BND))
        return out


class LlamaGenGPT(nn.Module):
    """Class label to codes in raster order. Class ``num_classes`` stands for none, which guidance needs."""

    table: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.cls_embedding = nn.ModuleDict({"embedding_table": nn.Embedding(config.num_classes + 1, config.dim)})
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.RMSNorm(config.dim, config.norm_eps)
        self.output = nn.Linear(config.dim, config.vocab_size, bias=False)
        table = rotary_table(round(config.block_size**0.5), config.dim // config.n_head, config.rope_base)
        self.register_buffer("table", table, persistent=False)

    @property
    def class_count(self) -> int:
        return self.config.num_classes

    def embed_classes(self, labels: Int[Tensor, " B"]) -> Float[Tensor, "B 1 D"]:
        found: Tensor = self.cls_embedding["embedding_table"](labels)[:, None]
        return found

    def logits(
        self, x_BND: Float[Tensor, "B N D"], first: int = 0, caches: list[Cache] | None = None
    ) -> Float[Tensor, "B N V"]:
        """Scores of the code after each input; ``first`` is the position of the first input."""
        table = self.table[first : first + x_BND.shape[1]]
        for index, layer in enumerate(self.layers):
            x_BND = layer(x_BND, table, caches[index] if caches else None)
        scores: Tensor = self.output(self.norm(x_BND))
        return scores

    def forward(self, labels: Int[Tensor, " B"], codes: Int[Tensor, "B N"]) -> Float[Tensor, "B N+1 V"]:
        """Teacher-forced: row i predicts code i."""
        return self.logits(torch.cat([self.embed_classes(labels), self.tok_embeddings(codes)], dim=1))

    def new_caches(self, rows: int) -> list[Cache]:
        config = self.config
        sizes = (rows, config.n_head, len(self.table), config.dim // config.n_head)
        return [Cache(*sizes, like=self.output.weight) for _ in self.layers]

    @torch.no_grad()
    def generate(
        self, labels: Int[Tensor, " B"], guidance: float, pick: Pick, interval: int = -1
    ) -> Int[Tensor, "B N"]:
        """One code at a time with cached keys and values; scores are unconditional + guidance * (conditional -
        unconditional). ``interval`` c >= 0: after the code at index c + 1 there is no guidance (published option
        ``cfg-interval``)."""
        labels = check_labels(labels, self.class_count).to(self.output.weight.device)
        rows = len(labels)
        both = torch.cat([labels, torch.full_like(labels, self.class_count)]) if guidance != 1 else labels
        caches, x_BND, codes = self.new_caches(len(both)), self.embed_classes(both), []
        for step in range(self.config.block_size):
            scores = self.logits(x_BND, step, caches)
            if guidance != 1:
                conditional, unconditional = scores[:rows], scores[rows:]
                guided = unconditional + (conditional - unconditional) * guidance
                scores = conditional if 0 <= interval < step - 1 else guided
            codes.append(pick(scores, step))
            x_BND = self.tok_embeddings(torch.cat([codes[-1]] * (len(both) // rows)))
        return torch.cat(codes, dim=1)
