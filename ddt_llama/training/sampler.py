"""A second stage for the DDT tokenizer: codes stay, the decoder learns to end its own chains of steps near the image.

FlowMo (arXiv 2503.11056, section 3.3, stage 1B) backpropagates through the sampler's own chain. Here one of ``chains``
(1, 2, 4 or 8 Euler steps) is drawn for each batch, so that no step count breaks; the error at the end of the chain is
taken in latents and, through the frozen autoencoder, in pixels. Encoder, codebook and autoencoder are frozen, so the
codes do not change and language models on them stay valid.

What it costs in meaning: a chain trained by squared error moves from a *draw* towards the *mean* of what the codes
leave open. The untouched sampler is kept beside it. Deviation from FlowMo: squared pixel error instead of LPIPS, no
gradient checkpointing, chains of several lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddt_llama.tokenizer.flow import euler
from ddt_llama.tokenizer.model import DDTTokenizer
from ddt_llama.training.ddt import STEPS, LatentPool
from harness.contracts import TrainingImages


class SamplerTraining(nn.Module):
    """Satisfies ``harness.contracts.Trainable``; learns from cached latents of normalised variance."""

    family = DDTTokenizer.family
    keeps_codes = True
    free_settings = ("sampler_steps",)

    def __init__(
        self,
        model: DDTTokenizer,
        pool: int = 80_000,
        chains: Sequence[int] = (1, 2, 4, 8),
        pixel_weight: float = 4.0,
    ) -> None:
        """``pixel_weight``: what squared error of pixels in [0, 1] counts beside that of latents."""
        super().__init__()
        self.model = model
        self.pool, self.chains, self.pixel_weight = pool, tuple(chains), pixel_weight
        model.requires_grad_(False).eval()
        model.decoder.requires_grad_(True)

    def turns(self) -> list[list[nn.Parameter]]:
        return [list(self.model.decoder.parameters())]

    def compilable(self) -> list[nn.Module]:
        """What a step spends its time in."""
        return [self.model.encoder, self.model.decoder]

    def prepare_data(self, images: TrainingImages) -> TrainingImages:
        """Latents are computed once."""
        return LatentPool(self.model, images, self.pool)

    def loss(
        self, images: Float[Tensor, "batch C side side"], turn: int, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One chain from pure noise, of a length drawn for the batch; both errors are means over the batch."""
        with torch.no_grad():
            vectors = self.model.quantizer.lookup(self.model.quantizer.indices(self.model.encoder(images)))
        steps = self.chains[int(torch.randint(len(self.chains), ()))]
        noise = torch.randn(images.shape).to(images.device)  # drawn on the CPU, so that every device sees the same
        made = euler(lambda x, t: self._velocity(x, t, vectors), noise, steps).float()
        latent = (made - images).square().mean()
        pixel = (self._pixels(made) - self._pixels(images)).square().mean()
        logs = {f"latent_{steps}": latent.detach(), f"psnr_{steps}": -10 * pixel.detach().log10()}
        return latent + self.pixel_weight * pixel, logs

    def _velocity(self, x: Tensor, t: Tensor, vectors: Tensor) -> Tensor:
        velocity: Tensor = self.model.decoder(x, t, vectors, self.model.schedule.visible(t))
        return velocity

    def _pixels(self, latents: Tensor) -> Tensor:
        return self.model.autoencoder.decode_unclamped(latents)

    def averaged_keys(self, names: list[str]) -> list[str]:
        """Only the decoder moves."""
        return [name for name in names if name.startswith("decoder.")]

    def reconstructions(self, images: Float[Tensor, "batch 3 size size"]) -> dict[str, Tensor]:
        """By one step, and by chains of 8 and 25."""
        return self.model.reconstructions(images, STEPS)

    def codes(self, images: Float[Tensor, "batch 3 size size"]) -> tuple[Tensor, int]:
        """(codes, the size of their codebook)."""
        return self.model.encode(images), self.model.codebook_size

    def config(self) -> Mapping[str, Any]:
        return self.model.config()

    def export_state(self) -> dict[str, Tensor]:
        return self.model.state_dict()
