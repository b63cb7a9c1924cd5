"""VAR's multi-scale residual tokenizer (Tian et al. 2024, arXiv 2404.02905, section 3.2, algorithms 1 and 2).

The latent map is coded coarse to fine: at each scale what is left is averaged down, replaced by the nearest codes of
one shared codebook, brought back up, filtered by a phi convolution and subtracted. State-dict keys are the published
ones.

Codes run scale by scale (coarse first), row-major within a scale. A scale of which no code is visible adds nothing,
so a mask that shows the first scales gives VAR's own progressive decoding. Within a partly visible scale an absent
code is the zero vector before the map is brought back up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from baselines.convnet import ConvNetConfig, Decoder, Encoder, to_signed, to_unit
from baselines.vqgan import check_codes, nearest_codes
from harness.weights.checkpoints import fill_module, load_checkpoint

FAMILY = "var"


@dataclass(frozen=True)
class VARConfig:
    """Names as published. ``v_patch_nums`` are the sides of the scales; the last must be the side of the latent map."""

    vocab_size: int
    z_channels: int
    ch: int
    v_patch_nums: tuple[int, ...]
    ch_mult: tuple[int, ...] = (1, 1, 2, 2, 4)
    num_res_blocks: int = 2
    share_quant_resi: int = 4
    quant_resi: float = 0.5
    beta: float = 0.25
    dropout: float = 0.0
    norm_groups: int = 32

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> VARConfig:
        """From our card. Unknown keys raise TypeError."""
        own: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**own)

    def to_mapping(self) -> dict[str, Any]:
        """JSON-able; ``from_mapping`` reads it back."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @property
    def side(self) -> int:
        return self.v_patch_nums[-1]

    @property
    def convnet(self) -> ConvNetConfig:
        """Attention at the lowest resolution and in the middle, one fused qkv convolution."""
        factor = 1 << (len(self.ch_mult) - 1)
        return ConvNetConfig(
            ch=self.ch,
            ch_mult=self.ch_mult,
            num_res_blocks=self.num_res_blocks,
            attn_resolutions=(self.side,),
            resolution=self.side * factor,
            z_channels=self.z_channels,
            dropout=self.dropout,
            norm_groups=self.norm_groups,
            fused_qkv=True,
        )


class Phi(nn.Conv2d):
    """phi(x) = (1 - share) x + share conv(x): smooths a map after it was brought up."""

    def __init__(self, channels: int, share: float) -> None:
        super().__init__(channels, channels, 3, padding=1)
        self.share = abs(share)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x * (1.0 - self.share) + super().forward(x) * self.share


class SharedPhi(nn.Module):
    """A few phi filters shared between the scales: scale k of K takes the filter whose tick is nearest to k / (K -
    1)."""

    def __init__(self, channels: int, share: float, filters: int, scales: int) -> None:
        super().__init__()
        self.qresi_ls = nn.ModuleList(Phi(channels, share) for _ in range(filters))
        self.of_scale = phi_of_scale(filters, scales)

    def forward(self, x: Float[Tensor, "b c h w"], scale: int) -> Float[Tensor, "b c h w"]:
        filtered: Tensor = self.qresi_ls[self.of_scale[scale]](x)
        return filtered

    def start_as_identity(self) -> None:
        """Filters that change nothing, to start a short training from. A random filter would at first halve what every
        code adds, while codes are chosen as if they were added whole; the published training has time to learn that.
        """
        for phi in self.qresi_ls:
            assert isinstance(phi, Phi) and phi.bias is not None
            nn.init.dirac_(phi.weight)
            nn.init.zeros_(phi.bias)


def phi_of_scale(filters: int, scales: int) -> tuple[int, ...]:
    """Which filter each scale uses. Four filters have the published ticks, which are set a little wider."""
    margin = 1.0 / 3.0 / filters if filters == 4 else 1.0 / 2.0 / filters
    # NumPy's ticks as they are: with an odd number of scales the middle one is a tie, which their last bit decides
    ticks = np.linspace(margin, 1.0 - margin, filters)
    places = [k / (scales - 1) if scales > 1 else 0.0 for k in range(scales)]
    return tuple(int(np.argmin(np.abs(ticks - place))) for place in places)


class MultiScaleQuantizer(nn.Module):
    """The shared codebook, the phi filters, and the passage between a latent map and its codes per scale."""

    ema_vocab_hit_SV: Tensor

    def __init__(self, config: VARConfig) -> None:
        super().__init__()
        self.sides = config.v_patch_nums
        self.beta = config.beta
        self.register_buffer("ema_vocab_hit_SV", torch.zeros(len(self.sides), config.vocab_size))
        self.hits_recorded = 0
        self.quant_resi = SharedPhi(config.z_channels, config.quant_resi, config.share_quant_resi, len(self.sides))
        self.embedding = nn.Embedding(config.vocab_size, config.z_channels)

    def raise_map(self, vectors: Float[Tensor, "b c p p"], scale: int) -> Float[Tensor, "b c side side"]:
        """What a scale adds to the latent map: bicubic up (the last scale has the full size already), then phi."""
        if scale < len(self.sides) - 1:
            vectors = functional.interpolate(vectors, size=(self.sides[-1],) * 2, mode="bicubic")
        raised: Tensor = self.quant_resi(vectors, scale)
        return raised

    def lower_map(self, latents: Float[Tensor, "b c side side"], scale: int) -> Float[Tensor, "b c p p"]:
        """The mean of each area; the last scale is the map itself."""
        return latents if scale == len(self.sides) - 1 else self.lower_to(latents, scale)

    def lower_to(self, latents: Float[Tensor, "b c side side"], scale: int) -> Float[Tensor, "b c p p"]:
        """The mean of each area of a scale."""
        return functional.interpolate(latents, size=(self.sides[scale],) * 2, mode="area")

    def assign(self, latents: Float[Tensor, "b c p p"]) -> Int[Tensor, "b p p"]:
        """Nearest codes, row-major."""
        b, c, p, _ = latents.shape
        return nearest_codes(latents.permute(0, 2, 3, 1).reshape(-1, c), self.embedding.weight).view(b, p, p)

    def lookup(self, indices: Int[Tensor, "b p p"]) -> Float[Tensor, "b c p p"]:
        vectors: Tensor = self.embedding(indices)
        return vectors.permute(0, 3, 1, 2).contiguous()

    def encode(
        self, latents: Float[Tensor, "b c side side"]
    ) -> tuple[list[Int[Tensor, "b p p"]], list[Float[Tensor, "b c side side"]]]:
        """(codes per scale, the map rebuilt from the scales up to and including each). No gradients pass here."""
        rest, rebuilt = latents.detach().clone(), torch.zeros_like(latents)
        codes, maps = [], []
        for scale in range(len(self.sides)):
            indices = self.assign(self.lower_map(rest, scale))
            added = self.raise_map(self.lookup(indices), scale).detach()
            rebuilt, rest = rebuilt + added, rest - added
            codes.append(indices)
            maps.append(rebuilt)
        return codes, maps

    def split(self, codes: Int[Tensor, "b n"]) -> list[Int[Tensor, "b p p"]]:
        """One map of codes per scale from codes in native order."""
        parts = torch.split(codes, [p * p for p in self.sides], dim=1)
        return [part.reshape(-1, p, p) for part, p in zip(parts, self.sides, strict=True)]

    def rebuild(self, codes: Int[Tensor, "b n"], visible: Bool[Tensor, "b n"] | None) -> Float[Tensor, "b c side side"]:
        """The latent map from any subset of the codes."""
        total: Tensor | float = 0.0
        masks = [None] * len(self.sides) if visible is None else self.split(visible)
        for scale, (indices, mask) in enumerate(zip(self.split(codes), masks, strict=True)):
            vectors = self.lookup(indices)
            if mask is None:
                total = total + self.raise_map(vectors, scale)
                continue
            added = self.raise_map(vectors * mask.unsqueeze(1), scale)
            # phi has a bias: a scale that is wholly absent must not leave even that
            total = total + torch.where(mask.flatten(1).any(1).view(-1, 1, 1, 1), added, torch.zeros_like(added))
        assert isinstance(total, Tensor)
        return total

    def next_scale_input(self, codes: Int[Tensor, "b n"]) -> Float[Tensor, "b later c"]:
        """What VAR's transformer is fed when teacher-forced: for each scale but the first, the map so far averaged to
        its size."""
        total: Tensor | float = 0.0
        rows = []
        for scale, indices in enumerate(self.split(codes)[:-1]):
            total = total + self.raise_map(self.lookup(indices), scale)
            rows.append(self.lower_to(total, scale + 1).flatten(2).transpose(1, 2))
        return torch.cat(rows, dim=1)

    def forward(
        self, latents: Float[Tensor, "b c side side"]
    ) -> tuple[Float[Tensor, "b c side side"], Float[Tensor, ""], list[Tensor]]:
        """(rebuilt map with straight-through gradients, codebook loss averaged over scales, codes per scale)."""
        fixed = latents.detach()
        rest, rebuilt = fixed.clone(), torch.zeros_like(fixed)
        loss = latents.new_zeros(())
        codes = []
        for scale in range(len(self.sides)):
            indices = self.assign(self.lower_map(rest, scale))
            added = self.raise_map(self.lookup(indices), scale)
            rebuilt, rest = rebuilt + added, rest - added.detach()
            loss = (
                loss + self.beta * functional.mse_loss(rebuilt.detach(), latents) + functional.mse_loss(rebuilt, fixed)
            )
            codes.append(indices)
        if self.training:
            self._record_hits(codes)
        return latents + (rebuilt - latents).detach(), loss / len(self.sides), codes

    @torch.no_grad()
    def _record_hits(self, codes: Sequence[Tensor]) -> None:
        """Moving averages of how often each code is hit, per scale: first copied, then 0.9, from the 100th batch on
        0.99."""
        for scale, indices in enumerate(codes):
            hits = indices.flatten().bincount(minlength=self.embedding.num_embeddings).float()
            keep = 0.0 if self.hits_recorded == 0 else 0.9 if self.hits_recorded < 100 else 0.99
            self.ema_vocab_hit_SV[scale].mul_(keep).add_(hits, alpha=1.0 - keep)
        self.hits_recorded += 1


class VARTokenizer(nn.Module):
    """VAR's VQVAE. Satisfies ``harness.contracts.ImageTokenizer``."""

    def __init__(self, config: VARConfig) -> None:
        super().__init__()
        if config.share_quant_resi < 2:
            raise ValueError(
                f"share_quant_resi is {config.share_quant_resi}: only partly shared phi filters (2 or more) are built"
            )
        self.config = config
        self.card: Mapping[str, Any] = {}
        self.checkpoint_digest: str | None = None  # of a published file, which has no card
        self.chosen_weights = ""  # which of such a file's
        z = config.z_channels
        self.encoder = Encoder(config.convnet)
        self.decoder = Decoder(config.convnet)
        self.quantize = MultiScaleQuantizer(config)
        self.quant_conv = nn.Conv2d(z, z, 3, padding=1)
        self.post_quant_conv = nn.Conv2d(z, z, 3, padding=1)

    @property
    def image_size(self) -> int:
        return self.config.convnet.resolution

    @property
    def code_count(self) -> int:
        return sum(side * side for side in self.config.v_patch_nums)

    @property
    def scales(self) -> tuple[int, ...]:
        """How many codes each scale has."""
        return tuple(side * side for side in self.config.v_patch_nums)

    @property
    def codebook_size(self) -> int:
        return self.config.vocab_size

    def latents(self, signed: Float[Tensor, "b 3 size size"]) -> Float[Tensor, "b c side side"]:
        """The latent map before quantisation of images in [-1, 1]."""
        found: Tensor = self.quant_conv(self.encoder(signed))
        return found

    def render(self, rebuilt: Float[Tensor, "b c side side"]) -> Float[Tensor, "b 3 size size"]:
        """Images in [-1, 1], not clamped, from a rebuilt map."""
        made: Tensor = self.decoder(self.post_quant_conv(rebuilt))
        return made

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        """Codes scale by scale, coarse first, row-major within a scale."""
        codes, _ = self.quantize.encode(self.latents(to_signed(images)))
        return torch.cat([indices.flatten(1) for indices in codes], dim=1)

    @torch.no_grad()
    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """Images in [0, 1]; absent codes and scales add nothing. Nothing is drawn, so ``seeds`` change nothing."""
        check_codes(codes, visible, self.code_count)
        return to_unit(self.render(self.quantize.rebuild(codes, visible)))


def open_var(source: str, device: str) -> VARTokenizer:
    """The tokenizer of a checkpoint folder, in evaluation mode. UserError as ``harness.weights.checkpoints`` says."""
    state, card = load_checkpoint(source, FAMILY)
    model = VARTokenizer(VARConfig.from_mapping(card["config"]))
    fill_module(model, state, source)
    model.card = card
    return model.to(device).eval().requires_grad_(False)
