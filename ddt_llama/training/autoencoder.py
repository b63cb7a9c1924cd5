"""Training of the small KL autoencoder: L1 and L2 in pixels and in pixel gradients, a perceptual term, a light KL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddt_llama.tokenizer.latents import LatentAutoencoder

Perceptual = Callable[[Tensor], list[Tensor]]


class AutoencoderTraining(nn.Module):
    """Satisfies ``harness.contracts.Trainable``. Edges carry the shapes' identity, so differences of neighbours are
    weighed too."""

    family = LatentAutoencoder.family

    def __init__(self, model: LatentAutoencoder, perceptual: Perceptual | None, kl_weight: float = 1e-6) -> None:
        super().__init__()
        self.model = model
        self.perceptual = perceptual
        self.kl_weight = kl_weight

    def turns(self) -> list[list[nn.Parameter]]:
        return [list(self.model.net.parameters())]

    def loss(
        self, images: Float[Tensor, "batch 3 height width"], turn: int, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        posterior = self.model.net.encode(images * 2 - 1).latent_dist
        noise = torch.randn(posterior.mean.shape).to(posterior.mean.device)
        output = self.model.net.decode(posterior.mean + posterior.std * noise).sample.float() / 2 + 0.5
        error = output - images
        pixel = error.abs().mean() + error.square().mean() * 4
        edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        kl = posterior.kl().mean()
        total = pixel + edges + self.kl_weight * kl
        logs = {"psnr": -10 * error.detach().square().mean().log10(), "kl": kl.detach(), "edges": edges.detach()}
        if self.perceptual is not None:
            pairs = zip(self.perceptual(output.clamp(0, 1)), self.perceptual(images), strict=True)
            perceptual = torch.stack([(a - b).square().mean() for a, b in pairs]).sum()
            total = total + 0.1 * perceptual
            logs["perceptual"] = perceptual.detach()
        return total, logs

    def finish(self, images: Float[Tensor, "batch 3 height width"]) -> None:
        """Called once after the last step: fix the normalisation of the latents."""
        self.model.set_normalisation(images)

    def reconstructions(self, images: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        """One way back; it has no name."""
        return {"": self.model.decode(self.model.encode(images))}

    def config(self) -> Mapping[str, Any]:
        return self.model.config()

    def export_state(self) -> dict[str, Tensor]:
        return self.model.state_dict()
