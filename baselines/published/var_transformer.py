"""VAR's class-conditional transformer (Tian et al. 2024, arXiv 2404.02905, section 3.2): next scale after next scale.

All codes of a scale are predicted at once, from the map that the coarser scales make. State-dict keys are the published
ones. Known deviations from the published code: none in what is computed (``tests/parity/test_var_transformer.py``);
label dropout and drop path are left out, so this class generates and does not train. ``shared_aln`` (the 512 px model)
is not built.

Layout letters: B batch, N tokens, D width, H heads, V codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from baselines.class_subject import Pick, check_labels
from baselines.var import MultiScaleQuantizer

NORM_EPSILON = 1e-6
LARGEST_SCALE = math.log(100)


@dataclass(frozen=True)
class VARTransformerConfig:
    """The published sizes follow from ``depth``: width 64 depth, as many heads as blocks."""

    depth: int
    embed_dim: int
    num_heads: int
    patch_nums: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)
    num_classes: int = 1000
    vocab_size: int = 4096
    code_width: int = 32
    mlp_ratio: float = 4.0

    @property
    def code_count(self) -> int:
        return sum(side * side for side in self.patch_nums)


def _norm(x_BND: Tensor) -> Tensor:
    return functional.layer_norm(x_BND, x_BND.shape[-1:], eps=NORM_EPSILON)


class Cache:
    """Keys and values of one block over the scales done so far."""

    def __init__(self) -> None:
        self.kept: tuple[Tensor, Tensor] | None = None

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        if self.kept is not None:
            key, value = torch.cat([self.kept[0], key], dim=2), torch.cat([self.kept[1], value], dim=2)
        self.kept = (key, value)
        return self.kept


class Attention(nn.Module):
    """Queries and keys have unit length; one learnt scale per head, at most 100, takes the place of 1/sqrt(width)."""

    zero_k_bias: Tensor

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale_mul_1H11 = nn.Parameter(torch.full((1, heads, 1, 1), math.log(4.0)))
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("zero_k_bias", torch.zeros(width))
        self.mat_qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x_BND: Tensor, bias: Tensor | None, cache: Cache | None) -> Tensor:
        shift = torch.cat([self.q_bias, self.zero_k_bias, self.v_bias])
        parts = functional.linear(x_BND, self.mat_qkv.weight, shift).chunk(3, dim=-1)
        query, key, value = (part.reshape(*part.shape[:-1], self.heads, -1).transpose(1, 2) for part in parts)
        query = functional.normalize(query, dim=-1) * self.scale_mul_1H11.clamp(max=LARGEST_SCALE).exp()
        key = functional.normalize(key, dim=-1)
        if cache is not None:
            key, value = cache.extend(key, value)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(functional.gelu(self.fc1(x), approximate="tanh"))
        return out


def _modulation(width: int, parts: int) -> nn.Sequential:
    return nn.Sequential(nn.SiLU(), nn.Linear(width, parts * width))


class Block(nn.Module):
    """Attention and feed-forward, each gated, scaled and shifted by the class."""

    def __init__(self, config: VARTransformerConfig) -> None:
        super().__init__()
        width = config.embed_dim
        self.attn = Attention(width, config.num_heads)
        self.ffn = FeedForward(width, round(width * config.mlp_ratio))
        self.ada_lin = _modulation(width, 6)

    def forward(self, x_BND: Tensor, class_BD: Tensor, bias: Tensor | None, cache: Cache | None) -> Tensor:
        gate1, gate2, scale1, scale2, shift1, shift2 = self.ada_lin(class_BD)[:, None].chunk(6, dim=-1)
        x_BND = x_BND + gate1 * self.attn(_norm(x_BND) * (1 + scale1) + shift1, bias, cache)
        out: Tensor = x_BND + gate2 * self.ffn(_norm(x_BND) * (1 + scale2) + shift2)
        return out


class HeadNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ada_lin = _modulation(width, 2)

    def forward(self, x_BND: Tensor, class_BD: Tensor) -> Tensor:
        scale, shift = self.ada_lin(class_BD)[:, None].chunk(2, dim=-1)
        out: Tensor = _norm(x_BND) * (1 + scale) + shift
        return out


class VARTransformer(nn.Module):
    """Class label to the codes of ``baselines.var``, scale by scale. Class ``num_classes`` stands for none."""

    lvl_1L: Tensor
    attn_bias_for_masking: Tensor

    def __init__(self, config: VARTransformerConfig) -> None:
        super().__init__()
        self.config = config
        width, count = config.embed_dim, config.code_count
        self.pos_start = nn.Parameter(torch.zeros(1, config.patch_nums[0] ** 2, width))
        self.pos_1LC = nn.Parameter(torch.zeros(1, count, width))
        levels = torch.tensor([scale for scale, side in enumerate(config.patch_nums) for _ in range(side * side)])
        self.register_buffer("lvl_1L", levels[None])
        hidden = levels[:, None] < levels[None, :]
        self.register_buffer("attn_bias_for_masking", torch.zeros(1, 1, count, count).masked_fill(hidden, -torch.inf))
        self.word_embed = nn.Linear(config.code_width, width)
        self.class_emb = nn.Embedding(config.num_classes + 1, width)
        self.lvl_embed = nn.Embedding(len(config.patch_nums), width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.head_nm = HeadNorm(width)
        self.head = nn.Linear(width, config.vocab_size)

    @property
    def class_count(self) -> int:
        return self.config.num_classes

    def _logits(self, x_BND: Tensor, class_BD: Tensor, bias: Tensor | None, caches: list[Cache] | None) -> Tensor:
        for index, block in enumerate(self.blocks):
            x_BND = block(x_BND, class_BD, bias, caches[index] if caches else None)
        scores: Tensor = self.head(self.head_nm(x_BND, class_BD))
        return scores

    def _start(self, class_BD: Tensor) -> Tensor:
        """The input at the first scale."""
        return class_BD[:, None] + self.pos_start

    def _places(self) -> Float[Tensor, "1 N D"]:
        found: Tensor = self.pos_1LC + self.lvl_embed(self.lvl_1L)
        return found

    def forward(self, labels: Int[Tensor, " B"], maps: Float[Tensor, "B later C"]) -> Float[Tensor, "B N V"]:
        """Teacher-forced: ``maps`` is what ``MultiScaleQuantizer.next_scale_input`` makes of the true codes."""
        class_BD = self.class_emb(labels)
        x_BND = torch.cat([self._start(class_BD), self.word_embed(maps)], dim=1) + self._places()
        return self._logits(x_BND, class_BD, self.attn_bias_for_masking, None)

    @torch.no_grad()
    def generate(
        self, labels: Int[Tensor, " B"], guidance: float, pick: Pick, quantizer: MultiScaleQuantizer
    ) -> Int[Tensor, "B N"]:
        """All scales, with cached keys and values. Guidance grows along the K scales: at scale k scores are (1 + t)
        conditional - t unconditional with t = guidance k / (K - 1), so the first scale is unguided and 0 is none.
        """
        labels = check_labels(labels, self.class_count).to(self.pos_start.device)
        rows, sides, first = len(labels), self.config.patch_nums, 0
        class_BD = self.class_emb(torch.cat([labels, torch.full_like(labels, self.class_count)]))
        caches, places = [Cache() for _ in self.blocks], self._places()
        x_BND, codes = self._start(class_BD), []
        total = torch.zeros(rows, self.config.code_width, sides[-1], sides[-1], device=class_BD.device)
        for scale, side in enumerate(sides):
            count = side * side
            conditional, unconditional = self._logits(
                x_BND + places[:, first : first + count], class_BD, None, caches
            ).chunk(2)
            strength = guidance * scale / (len(sides) - 1)
            codes.append(pick((1 + strength) * conditional - strength * unconditional, first))
            first += count
            if scale < len(sides) - 1:
                total = total + quantizer.raise_map(quantizer.lookup(codes[-1].view(rows, side, side)), scale)
                lowered = quantizer.lower_to(total, scale + 1)
                x_BND = self.word_embed(lowered.flatten(2).transpose(1, 2)).repeat(2, 1, 1)
        return torch.cat(codes, dim=1)
