"""The convolutional encoder and decoder of taming-transformers, which VQGAN and VAR's tokenizer share.

Module names give exactly the published state-dict keys. The two families differ in one thing: taming's attention has
separate 1x1 convolutions ``q``, ``k``, ``v``; VAR's has one fused ``qkv``. Papers: Esser et al. 2021 (arXiv
2012.09841, appendix A), Tian et al. 2024 (arXiv 2404.02905, section 3.2).

``down.0`` and ``up.0`` are the highest resolution. Norms are GroupNorm with epsilon 1e-6; the published 32 groups are
lowered for narrow nets by ``norm_groups``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

MOST_LAYERS = 1000


@dataclass(frozen=True)
class ConvNetConfig:
    """Sizes of encoder and decoder, under the names of taming's ``ddconfig``.

    Attention blocks stand at the *nominal* resolutions in ``attn_resolutions`` (halved per level from
    ``resolution``), whatever the size of the input, and always once in the middle.
    """

    ch: int
    ch_mult: tuple[int, ...]
    num_res_blocks: int
    attn_resolutions: tuple[int, ...]
    resolution: int
    z_channels: int
    in_channels: int = 3
    out_ch: int = 3
    dropout: float = 0.0
    norm_groups: int = 32
    fused_qkv: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for more layers than any such network has: they would be built before a weight is looked
        at, which may have no end."""
        layers = self.num_res_blocks * len(self.ch_mult)
        if not 0 < layers <= MOST_LAYERS:
            raise ValueError(f"num_res_blocks for each of ch_mult makes {layers} blocks, not 1 to {MOST_LAYERS}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ConvNetConfig:
        """From a published ``ddconfig`` (``double_z`` must be false) or our card. Unknown keys raise TypeError."""
        own: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
            if key != "double_z"
        }
        if values.get("double_z"):
            raise ValueError("double_z belongs to KL autoencoders; a vector-quantised one has it false")
        return cls(**own)

    def to_mapping(self) -> dict[str, Any]:
        """JSON-able; ``from_mapping`` reads it back."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @property
    def downsampling(self) -> int:
        """The pixels per latent cell, per direction."""
        return 1 << (len(self.ch_mult) - 1)

    def attends(self, level: int) -> bool:
        return self.resolution >> level in self.attn_resolutions


def _norm(channels: int, groups: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups, channels, eps=1e-6, affine=True)


class ResnetBlock(nn.Module):
    """Norm, swish, 3x3, twice, beside a shortcut (1x1 where the width changes)."""

    def __init__(self, inputs: int, outputs: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = _norm(inputs, groups)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = _norm(outputs, groups)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        h = self.conv1(functional.silu(self.norm1(x)))
        h = self.conv2(self.dropout(functional.silu(self.norm2(h))))
        out: Tensor = (x if self.nin_shortcut is None else self.nin_shortcut(x)) + h
        return out


class AttnBlock(nn.Module):
    """Single-head attention over all positions, scaled by channels ** -0.5, added to its input."""

    def __init__(self, channels: int, groups: int, fused: bool) -> None:
        super().__init__()
        self.norm = _norm(channels, groups)
        self.fused = fused
        if fused:
            self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        else:
            self.q, self.k, self.v = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        normed = self.norm(x)
        parts = self.qkv(normed).chunk(3, dim=1) if self.fused else (self.q(normed), self.k(normed), self.v(normed))
        q, k, v = (part.flatten(2).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        out: Tensor = x + self.proj_out(mixed)
        return out


class Downsample(nn.Module):
    """One zero column on the right and one zero row below, then 3x3 with stride 2 and no padding."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        out: Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return out


class Upsample(nn.Module):
    """Nearest neighbour times 2, then 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        out: Tensor = self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out


class Level(nn.Module):
    """One resolution: residual blocks, each with attention after it where asked, and a change of resolution, if any."""

    def __init__(
        self,
        blocks: list[nn.Module],
        attentions: list[nn.Module],
        downsample: Downsample | None = None,
        upsample: Upsample | None = None,
    ) -> None:
        super().__init__()
        self.block = nn.ModuleList(blocks)
        self.attn = nn.ModuleList(attentions)
        self.downsample = downsample
        self.upsample = upsample

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        for index, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[index](x)
        for resample in (self.downsample, self.upsample):
            if resample is not None:
                x = resample(x)
        return x


class Middle(nn.Module):
    """Residual block, attention, residual block at the lowest resolution."""

    def __init__(self, channels: int, groups: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels, groups, dropout)
        self.attn_1 = AttnBlock(channels, groups, fused)
        self.block_2 = ResnetBlock(channels, channels, groups, dropout)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        out: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return out


def _level(config: ConvNetConfig, level: int, inputs: int, count: int, down: bool = False, up: bool = False) -> Level:
    """``count`` blocks from ``inputs`` channels to the level's width, then half or twice the size where asked."""
    width = config.ch * config.ch_mult[level]
    blocks: list[nn.Module] = [
        ResnetBlock(inputs if index == 0 else width, width, config.norm_groups, config.dropout)
        for index in range(count)
    ]
    attends = count if config.attends(level) else 0
    attentions: list[nn.Module] = [AttnBlock(width, config.norm_groups, config.fused_qkv) for _ in range(attends)]
    return Level(blocks, attentions, Downsample(width) if down else None, Upsample(width) if up else None)


class Encoder(nn.Module):
    """Images in [-1, 1] to latents, ``downsampling`` times smaller."""

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(config.in_channels, config.ch, 3, padding=1)
        levels, width, last = [], config.ch, len(config.ch_mult) - 1
        for index in range(last + 1):
            levels.append(_level(config, index, width, config.num_res_blocks, down=index < last))
            width = config.ch * config.ch_mult[index]
        self.down = nn.ModuleList(levels)
        self.mid = Middle(width, config.norm_groups, config.dropout, config.fused_qkv)
        self.norm_out = _norm(width, config.norm_groups)
        self.conv_out = nn.Conv2d(width, config.z_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c size size"]) -> Float[Tensor, "b z side side"]:
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        out: Tensor = self.conv_out(functional.silu(self.norm_out(self.mid(x))))
        return out


class Decoder(nn.Module):
    """Latents to images in [-1, 1], not clamped. One residual block more per level than the encoder."""

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        width = config.ch * config.ch_mult[-1]
        self.conv_in = nn.Conv2d(config.z_channels, width, 3, padding=1)
        self.mid = Middle(width, config.norm_groups, config.dropout, config.fused_qkv)
        levels: list[Level] = []
        for index in reversed(range(len(config.ch_mult))):
            levels.insert(0, _level(config, index, width, config.num_res_blocks + 1, up=index > 0))
            width = config.ch * config.ch_mult[index]
        self.up = nn.ModuleList(levels)
        self.norm_out = _norm(width, config.norm_groups)
        self.conv_out = nn.Conv2d(width, config.out_ch, 3, padding=1)

    def forward(self, z: Float[Tensor, "b z side side"]) -> Float[Tensor, "b c size size"]:
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        out: Tensor = self.conv_out(functional.silu(self.norm_out(x)))
        return out


def to_signed(images: Float[Tensor, "b 3 size size"]) -> Float[Tensor, "b 3 size size"]:
    """[0, 1] at the border to [-1, 1] inside."""
    return images * 2.0 - 1.0


def to_unit(images: Float[Tensor, "b 3 size size"]) -> Float[Tensor, "b 3 size size"]:
    """[-1, 1] inside to [0, 1] at the border, clamped."""
    return torch.clamp((images + 1.0) * 0.5, 0.0, 1.0)
