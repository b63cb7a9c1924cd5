"""VQGAN (Esser et al. 2021, arXiv 2012.09841) as taming-transformers publishes it, sized by configuration alone.

Encoder, 1x1 convolution to the codebook's width, nearest code, 1x1 convolution back, decoder. State-dict keys are the
published ones, so ``model.ckpt``'s weights (without ``loss.*``) load once converted to safetensors.

An absent code is the mean codebook vector: the decoder then sees, at that place, what it would see on average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from baselines.convnet import ConvNetConfig, Decoder, Encoder, to_signed, to_unit
from harness.weights.checkpoints import fill_module, load_checkpoint

FAMILY = "vqgan"


@dataclass(frozen=True)
class VQGANConfig:
    """``embed_dim`` and ``n_embed`` are the codebook's width and size, ``beta`` the weight of the commitment term.
    ``unit_length``: latents and codebook rows are scaled to unit length before the search, and the unit-length rows are
    what the decoder sees (LlamaGen)."""

    embed_dim: int
    n_embed: int
    convnet: ConvNetConfig
    beta: float = 0.25
    unit_length: bool = False

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> VQGANConfig:
        """From a published model configuration or our card. Unknown keys raise TypeError."""
        own = {key: value for key, value in values.items() if key != "ddconfig"}
        return cls(convnet=ConvNetConfig.from_mapping(values["ddconfig"]), **own)

    def to_mapping(self) -> dict[str, Any]:
        """JSON-able; ``from_mapping`` reads it back."""
        own = {key: value for key, value in vars(self).items() if key != "convnet"}
        return {**own, "ddconfig": self.convnet.to_mapping()}


def nearest_codes(z: Float[Tensor, "n c"], codebook: Float[Tensor, "codes c"]) -> Int[Tensor, " n"]:
    """The index of the nearest codebook row by squared distance."""
    distances = (codebook * codebook).sum(1) - 2.0 * z @ codebook.T
    return distances.argmin(1)


class VectorQuantizer(nn.Module):
    """The codebook, and the passage between latents and codes."""

    def __init__(self, n_embed: int, embed_dim: int, beta: float, unit_length: bool = False) -> None:
        super().__init__()
        self.beta, self.unit_length = beta, unit_length
        self.embedding = nn.Embedding(n_embed, embed_dim)
        nn.init.uniform_(self.embedding.weight, -1.0 / n_embed, 1.0 / n_embed)

    @property
    def vectors(self) -> Float[Tensor, "codes c"]:
        """What each code stands for."""
        rows = self.embedding.weight
        return functional.normalize(rows, dim=1) if self.unit_length else rows

    def _scaled(self, z: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return functional.normalize(z, dim=1) if self.unit_length else z

    def assign(self, z: Float[Tensor, "b c h w"]) -> Int[Tensor, "b h w"]:
        """Nearest codes, row-major."""
        b, c, h, w = z.shape
        return nearest_codes(self._scaled(z).permute(0, 2, 3, 1).reshape(-1, c), self.vectors).view(b, h, w)

    def lookup(self, indices: Int[Tensor, "b h w"]) -> Float[Tensor, "b c h w"]:
        return functional.embedding(indices, self.vectors).permute(0, 3, 1, 2).contiguous()

    def forward(
        self, z: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, ""], Int[Tensor, "b h w"]]:
        """(codes' vectors with straight-through gradients, codebook loss, indices).

        ``beta`` multiplies the codebook term instead of the commitment term: taming's historical order. LlamaGen's
        (``unit_length``) is the one of the papers.
        """
        indices = self.assign(z)
        z, z_q = self._scaled(z), self.lookup(indices)
        commitment, codebook = functional.mse_loss(z_q.detach(), z), functional.mse_loss(z_q, z.detach())
        loss = codebook + self.beta * commitment if self.unit_length else commitment + self.beta * codebook
        return z + (z_q - z).detach(), loss, indices


class VQGAN(nn.Module):
    """The generator: everything but the discriminator. Satisfies ``harness.contracts.ImageTokenizer``."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        self.card: Mapping[str, Any] = {}
        self.checkpoint_digest: str | None = None  # of a published file, which has no card
        self.chosen_weights = ""  # which of such a file's
        z_channels = config.convnet.z_channels
        self.encoder = Encoder(config.convnet)
        self.decoder = Decoder(config.convnet)
        self.quantize = VectorQuantizer(config.n_embed, config.embed_dim, config.beta, config.unit_length)
        self.quant_conv = nn.Conv2d(z_channels, config.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.embed_dim, z_channels, 1)

    @property
    def image_size(self) -> int:
        return self.config.convnet.resolution

    @property
    def side(self) -> int:
        """Codes per row and per column."""
        return self.image_size // self.config.convnet.downsampling

    @property
    def code_count(self) -> int:
        return self.side * self.side

    @property
    def codebook_size(self) -> int:
        return self.config.n_embed

    def latents(self, signed: Float[Tensor, "b 3 size size"]) -> Float[Tensor, "b c side side"]:
        """Latents before quantisation of images in [-1, 1]."""
        found: Tensor = self.quant_conv(self.encoder(signed))
        return found

    def render(self, z_q: Float[Tensor, "b c side side"]) -> Float[Tensor, "b 3 size size"]:
        """Images in [-1, 1], not clamped, from quantised latents."""
        made: Tensor = self.decoder(self.post_quant_conv(z_q))
        return made

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        """Codes in row-major order."""
        return self.quantize.assign(self.latents(to_signed(images))).flatten(1)

    @torch.no_grad()
    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """Images in [0, 1]; absent codes are the mean codebook vector. Nothing is drawn: ``seeds`` change nothing."""
        check_codes(codes, visible, self.code_count)
        z_q = self.quantize.lookup(codes.view(-1, self.side, self.side))
        if visible is not None:
            mean = self.quantize.vectors.mean(0).view(1, -1, 1, 1)
            z_q = torch.where(visible.view(-1, 1, self.side, self.side), z_q, mean)
        return to_unit(self.render(z_q))


def check_codes(codes: Tensor, visible: Tensor | None, count: int) -> None:
    """ValueError unless codes are ``batch count`` and the mask, if any, is bool of the same shape."""
    if codes.ndim != 2 or codes.shape[1] != count:
        raise ValueError(f"codes have shape {tuple(codes.shape)}, expected (batch, {count})")
    if visible is not None and (visible.shape != codes.shape or visible.dtype != torch.bool):
        raise ValueError(f"visible is {visible.dtype} {tuple(visible.shape)}, expected torch.bool {tuple(codes.shape)}")


def open_vqgan(source: str, device: str) -> VQGAN:
    """The tokenizer of a checkpoint folder, in evaluation mode. UserError as ``harness.weights.checkpoints`` says."""
    state, card = load_checkpoint(source, FAMILY)
    model = VQGAN(VQGANConfig.from_mapping(card["config"]))
    fill_module(model, state, source)
    model.card = card
    return model.to(device).eval().requires_grad_(False)
