"""Image latents: the KL autoencoder under the DDT tokenizer.

One class serves both sizes: diffusers' ``AutoencoderKL``, a small one trained by our recipe, or Stable Diffusion 3's
by its own configuration (16 channels, f8). Latents are taken at the mode of the posterior and normalised per channel,
so that the flow runs between unit-variance data and unit-variance noise. SD3's published normalisation is one shift
and one scale for all channels, (z - 0.0609) * 1.5305, which is the special case of equal entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from jaxtyping import Float
from torch import Tensor, nn

from harness.weights.checkpoints import fill_module, load_checkpoint


class LatentAutoencoder(nn.Module):
    """Images in [0, 1] to normalised latents ``batch channels size/f size/f`` and back."""

    family = "autoencoder"
    version = 1
    shift: Tensor
    scale: Tensor

    def __init__(self, image_size: int, network: Mapping[str, Any]) -> None:
        super().__init__()
        self.image_size = image_size
        self.card: Mapping[str, Any] = {}
        self.network = dict(network)
        self.net = AutoencoderKL(**self.network)
        channels = int(network["latent_channels"])
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def config(self) -> dict[str, Any]:
        """What rebuilds the module."""
        return {"image_size": self.image_size, "network": self.network}

    @property
    def downsampling(self) -> int:
        """Image pixels per latent cell along an axis."""
        return int(2 ** (len(self.network["block_out_channels"]) - 1))

    @property
    def channels(self) -> int:
        return int(self.network["latent_channels"])

    def encode(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channels rows columns"]:
        """Normalised latents at the mode of the posterior."""
        mean: Tensor = self.net.encode(images * 2 - 1).latent_dist.mode()
        return (mean - self.shift[:, None, None]) * self.scale[:, None, None]

    def decode(self, latents: Float[Tensor, "batch channels rows columns"]) -> Float[Tensor, "batch 3 height width"]:
        """Images in [0, 1] (clamped)."""
        return self.decode_unclamped(latents).clamp(0, 1)

    def decode_unclamped(
        self, latents: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """The same before clamping, for losses: a clamped pixel has no gradient."""
        raw = latents / self.scale[:, None, None] + self.shift[:, None, None]
        signed: Tensor = self.net.decode(raw).sample
        return signed / 2 + 0.5

    @torch.no_grad()
    def set_normalisation(self, images: Float[Tensor, "batch 3 height width"]) -> None:
        """Measure mean and standard deviation per channel on these images and keep them."""
        mean = self.net.encode(images * 2 - 1).latent_dist.mode()
        self.shift.copy_(mean.mean(dim=(0, 2, 3)))
        self.scale.copy_(1 / mean.std(dim=(0, 2, 3)))


def open_autoencoder(source: str, device: str = "cpu") -> LatentAutoencoder:
    """The autoencoder in a checkpoint folder of ours, in evaluation mode."""
    state, card = load_checkpoint(source, LatentAutoencoder.family)
    model = LatentAutoencoder(**card["config"])
    fill_module(model, state, source)
    model.card = card
    return model.eval().requires_grad_(False).to(device)
