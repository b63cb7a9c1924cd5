"""Selftok's one-step renderer for the DDT tokenizer: codes stay, a learnt canvas takes the place of the noise.

As published (arXiv 2505.07538, appendix B.2): it starts from the decoder's weights, sees every code, time stands at
pure noise, encoder and codebook are frozen; the loss is squared pixel error + 0.1 perceptual, and for the last part of
the training + 0.5 perceptual + 0.5 adversarial. How long it was trained is unknown.

Deviations: the canvas begins as the decoder's place embedding and the output as minus the velocity, so that the first
step shows already what the decoder knew at pure noise. Pixels are compared with the autoencoder's own round trip (as in
the released evaluation), since the autoencoder is frozen as well. The perceptual net is any ``PerceptualFeatures``. The
adversarial term is balanced as VQGAN's, because the nets are small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddt_llama.tokenizer.encoder import centre_crop
from ddt_llama.tokenizer.model import DDTTokenizer
from ddt_llama.training.adversarial import (
    PatchDiscriminator,
    PerceptualFeatures,
    adaptive_weight,
    hinge_loss,
    perceptual_distance,
)
from ddt_llama.training.ddt import LatentPool
from harness.contracts import TrainingImages


@dataclass(frozen=True)
class RendererLosses:
    """Weights before and after ``adversarial_start``, a share of the training (1: never)."""

    perceptual: float = 0.1
    late_perceptual: float = 0.5
    adversarial: float = 0.5
    adversarial_start: float = 0.75


class RendererTraining(nn.Module):
    """Satisfies ``harness.contracts.Trainable``; learns from cached latents. Turn 0 is the renderer, turn 1 (if there
    is one) the discriminator."""

    family = DDTTokenizer.family
    keeps_codes = True
    free_settings = ("sampler_steps", "decoder.canvas")
    own_weights = ("decoder.mask_token", "decoder.positional_embedding", "decoder.x_embedder")

    def __init__(
        self,
        model: DDTTokenizer,
        perceptual: PerceptualFeatures,
        discriminator: PatchDiscriminator | None = None,
        losses: RendererLosses | None = None,
        pool: int = 80_000,
    ) -> None:
        """``model``: with a decoder that has a ``canvas``. Raises ValueError for another."""
        super().__init__()
        if not model.decoder.canvas:
            raise ValueError("a renderer is a decoder with a canvas")
        self.model, self.discriminator = model, discriminator
        self.losses, self.pool = losses or RendererLosses(), pool
        self._perceptual = (perceptual,)  # in a tuple it is neither trained nor exported
        self._made: tuple[Tensor, Tensor] | None = None
        model.requires_grad_(False).eval()
        model.decoder.requires_grad_(True)

    def turns(self) -> list[list[nn.Parameter]]:
        own = list(self.model.decoder.parameters())
        return [own] if self.discriminator is None else [own, list(self.discriminator.parameters())]

    def prepare_data(self, images: TrainingImages) -> TrainingImages:
        """Latents are computed once."""
        return LatentPool(self.model, images, self.pool)

    @torch.no_grad()
    def begin_from_weights(self) -> None:
        """The decoder of the checkpoint gave velocity (noise - image) for a noisy input with places added."""
        decoder = self.model.decoder
        decoder.positional_embedding.copy_(centre_crop(decoder.pos_embed, decoder.rows)[0])
        decoder.final_linear.weight.neg_()
        decoder.final_linear.bias.neg_()

    def loss(
        self, images: Float[Tensor, "batch C side side"], turn: int, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Turn 1 sees the pictures that turn 0 made of the same latents."""
        return self._discriminate(progress) if turn else self._render(images, progress)

    def _render(self, latents: Tensor, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        weights, plays = self.losses, self._plays(progress)
        with torch.no_grad():
            vectors = self.model.quantizer.lookup(self.model.quantizer.indices(self.model.encoder(latents)))
            wanted = self._pixels(latents).clamp(0, 1)
        made = self._pixels(self.model.decoder.render(vectors).float())
        pixel = (made - wanted).square().mean()
        perceptual = perceptual_distance(self._perceptual[0], made, wanted)
        # squared error as published: of pixels in [-1, 1]
        total = 4 * pixel + (weights.late_perceptual if plays else weights.perceptual) * perceptual
        logs = {"psnr": -10 * pixel.detach().log10(), "perceptual": perceptual.detach()}
        if plays and self.discriminator is not None:
            self._made = (made.detach() * 2 - 1, wanted * 2 - 1)
            fooled = -self.discriminator(made * 2 - 1).mean()
            balance = adaptive_weight(total, fooled, self.model.decoder.final_linear.weight)
            total = total + weights.adversarial * balance * fooled
            logs |= {"fooled": fooled.detach(), "balance": balance}
        return total, logs

    def _discriminate(self, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        assert self.discriminator is not None
        if self._made is None or not self._plays(progress):
            # before its start it has nothing to learn: a zero that still has gradients
            return sum((p.sum() * 0.0 for p in self.discriminator.parameters()), torch.zeros(())), {}
        made, wanted = self._made
        self._made = None
        real, fake = self.discriminator(wanted), self.discriminator(made)
        return hinge_loss(real, fake), {"real": real.mean().detach(), "fake": fake.mean().detach()}

    def _plays(self, progress: float) -> bool:
        return self.discriminator is not None and progress >= self.losses.adversarial_start

    def _pixels(self, latents: Tensor) -> Tensor:
        return self.model.autoencoder.decode_unclamped(latents)

    def averaged_keys(self, names: list[str]) -> list[str]:
        """Only the decoder moves."""
        return [name for name in names if name.startswith("decoder.")]

    def reconstructions(self, images: Float[Tensor, "batch 3 size size"]) -> dict[str, Tensor]:
        """One way back; it has no name."""
        return {"": self.model.decode(self.model.encode(images))}

    def codes(self, images: Float[Tensor, "batch 3 size size"]) -> tuple[Tensor, int]:
        """(codes, the size of their codebook)."""
        return self.model.encode(images), self.model.codebook_size

    def config(self) -> Mapping[str, Any]:
        return self.model.config()

    def export_state(self) -> dict[str, Tensor]:
        return self.model.state_dict()
