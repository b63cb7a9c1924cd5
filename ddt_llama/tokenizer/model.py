"""The DDT tokenizer, top to bottom: encode = latents -> query features -> nearest codes; decode = noise -> flow
guided by the codes.

Satisfies ``ImageTokenizer`` and ``Denoises`` (harness.contracts). One class is small or large by configuration alone.
An absent code is zero and masked as a key; whatever the caller shows is intersected with what the schedule shows at
each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ddt_llama.tokenizer.decoder import Parts, TokenDecoder
from ddt_llama.tokenizer.encoder import TokenEncoder
from ddt_llama.tokenizer.flow import estimate_clean, euler, mix
from ddt_llama.tokenizer.latents import LatentAutoencoder
from ddt_llama.tokenizer.quantizer import make_quantizer
from ddt_llama.tokenizer.schedule import Schedule
from harness.errors import UserError
from harness.seeding import noise_for
from harness.weights.checkpoints import fill_module, load_checkpoint


class DDTTokenizer(nn.Module):
    """Discrete diffusion timestep tokens of an image (DDT-LLaMA section 3; released Selftok for constants)."""

    family = "ddt"
    version = 1

    def __init__(
        self,
        autoencoder: Mapping[str, Any],
        codes: int,
        codebook: Mapping[str, Any],
        encoder: Mapping[str, Any],
        decoder: Mapping[str, Any],
        schedule: Mapping[str, Any],
        sampler_steps: int = 25,
    ) -> None:
        super().__init__()
        self._config = {
            "autoencoder": dict(autoencoder),
            "codes": codes,
            "codebook": dict(codebook),
            "encoder": dict(encoder),
            "decoder": dict(decoder),
            "schedule": dict(schedule),
            "sampler_steps": sampler_steps,
        }
        self.autoencoder = LatentAutoencoder(**autoencoder)
        channels, grid = self.autoencoder.channels, self.autoencoder.image_size // self.autoencoder.downsampling
        self.latent_shape = (channels, grid, grid)
        self.encoder = TokenEncoder(codes, channels, grid, **encoder)
        self.quantizer = make_quantizer(self.encoder.query_tokens.shape[-1], codes, **codebook)
        self.decoder = TokenDecoder(codes, self.quantizer.code_width, channels, grid, **decoder)
        self.schedule = Schedule.from_config({"count": codes, **schedule})
        self.sampler_steps = sampler_steps
        self.card: Mapping[str, Any] = {}
        self.checkpoint_digest: str | None = None  # of a published file, which has no card
        self.chosen_weights = ""  # which of such a file's

    # -- what it is

    @property
    def image_size(self) -> int:
        return self.autoencoder.image_size

    @property
    def code_count(self) -> int:
        return self.schedule.count

    @property
    def codebook_size(self) -> int:
        return self.quantizer.codebook_size

    @property
    def settings(self) -> dict[str, Any]:
        """What changes a reconstruction without changing the weights; part of the run's key."""
        if self.decoder.canvas:
            return {"sampler": "renderer"}
        return {"sampler": "euler", "sampler_steps": self.sampler_steps}

    def config(self) -> dict[str, Any]:
        """What rebuilds the module."""
        return self._config

    def decoder_modules(self) -> list[nn.Module]:
        """What decoding needs: the table's decoder parameters are counted here."""
        return [self.decoder, self.autoencoder.net.decoder, self.autoencoder.net.post_quant_conv]

    # -- ImageTokenizer

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        """Codes in native order: the first is seen at every time (fine), the last only in most noise (coarse)."""
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise UserError(
                f"this tokenizer takes {self.image_size}-pixel images, not {images.shape[-1]}x{images.shape[-2]}"
            )
        return self.quantizer.indices(self.encoder(self.autoencoder.encode(images)))

    @torch.no_grad()
    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """Images in [0, 1] by the Euler sampler from pure noise, seeded per image; by a renderer in one pass, which
        draws nothing."""
        return self._decoded(self._vectors(codes), visible, seeds)

    def _decoded(
        self,
        vectors: Float[Tensor, "batch codes W"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        if self.decoder.canvas:
            if visible is not None and visible.shape != vectors.shape[:2]:
                raise ValueError(
                    f"the visible mask is {tuple(visible.shape)}, the codes are {tuple(vectors.shape[:2])}"
                )
            return self.autoencoder.decode(self.decoder.render(vectors, visible))
        start = noise_for(seeds, len(vectors), self.latent_shape).to(vectors.device)
        parts = self.decoder.code_parts()  # once for all steps
        latents = euler(lambda x, t: self._velocity(x, t, vectors, visible, parts), start, self.sampler_steps)
        return self.autoencoder.decode(latents)

    @torch.no_grad()
    def reconstructions(
        self, images: Float[Tensor, "batch 3 size size"], steps: Sequence[int], continuous: bool = False
    ) -> dict[str, Tensor]:
        """``N steps`` -> the images as they come back from their codes through N Euler steps; ``continuous``: from the
        features as they were before quantisation."""
        if continuous:
            vectors = self.quantizer(self.encoder(self.autoencoder.encode(images)), continuous=True)[0]
        else:
            vectors = self._vectors(self.encode(images))
        kept = self.sampler_steps
        found = {}
        try:
            for count in steps:
                self.sampler_steps = count
                found[f"{count} step{'' if count == 1 else 's'}"] = self._decoded(vectors, seeds=range(len(vectors)))
        finally:
            self.sampler_steps = kept
        return found

    # -- Denoises

    @torch.no_grad()
    def add_noise(
        self, images: Float[Tensor, "batch 3 size size"], t: float, seeds: Sequence[int] | None = None
    ) -> Float[Tensor, "batch C side side"]:
        """Noisy latents x_t of these images."""
        clean = self.autoencoder.encode(images)
        noise = noise_for(seeds, len(images), self.latent_shape).to(clean.device)
        return mix(clean, noise, torch.full((len(clean),), t, device=clean.device))

    @torch.no_grad()
    def denoise(
        self,
        codes: Int[Tensor, "batch codes"],
        noisy: Float[Tensor, "batch C side side"],
        t: float,
        visible: Bool[Tensor, "batch codes"] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """The one-step estimate of the clean image from any time: x_0 = x_t - t v."""
        times = torch.full((len(noisy),), t, device=noisy.device)
        velocity = self._velocity(noisy, times, self._vectors(codes), visible)
        return self.autoencoder.decode(estimate_clean(noisy, velocity, times))

    # -- inside

    def _vectors(self, codes: Int[Tensor, "batch codes"]) -> Tensor:
        if codes.ndim != 2 or codes.shape[1] != self.code_count:
            raise UserError(f"this tokenizer takes {self.code_count} codes per image, not {tuple(codes.shape)}")
        if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= self.codebook_size):
            raise UserError(f"codes must lie in 0..{self.codebook_size - 1}")
        return self.quantizer.lookup(codes)

    def _velocity(
        self,
        x: Tensor,
        t: Tensor,
        vectors: Tensor,
        visible: Tensor | None,
        code_parts: Sequence[Parts | None] | None = None,
    ) -> Tensor:
        if self.decoder.canvas:
            raise UserError("a one-step renderer has no timesteps, so it cannot denoise")
        shown = self.schedule.visible(t)
        if visible is not None:
            if visible.shape != shown.shape:
                raise ValueError(f"the visible mask is {tuple(visible.shape)}, the codes are {tuple(shown.shape)}")
            shown = shown & visible
        velocity: Tensor = self.decoder(x, t, vectors, shown, code_parts)
        return velocity


def open_sampled(source: str, device: str = "cpu") -> DDTTokenizer:
    """The same checkpoint decoded in 25 Euler steps: a draw from what the codes leave open, not its mean."""
    model = open_tokenizer(source, device)
    model.sampler_steps = 25
    return model


def open_tokenizer(source: str, device: str = "cpu") -> DDTTokenizer:
    """The DDT tokenizer of a checkpoint folder, in evaluation mode."""
    state, card = load_checkpoint(source, DDTTokenizer.family)
    model = DDTTokenizer(**card["config"])
    fill_module(model, state, source)
    model.card = card
    return model.eval().requires_grad_(False).to(device)
