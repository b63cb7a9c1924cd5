"""Training of the DDT tokenizer on cached latents: velocity loss under the schedule's mask, plus commitment.

For the first steps the features pass unquantised, then k-means starts the codebook. At first every code is visible at
every time, so that codes learn to carry the image; over the first third of the training the mask is annealed to the
schedule. Each image is encoded once and decoded at several times, since the encoder is half of the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ddt_llama.tokenizer.flow import mix, spread_times
from ddt_llama.tokenizer.model import DDTTokenizer
from ddt_llama.training.revival import revive
from harness.contracts import TrainingImages

STEPS = (1, 8, 25)
"""Euler steps at which a training is looked at."""


class LatentPool:
    """Images encoded once by the autoencoder, then drawn by (seed, step): satisfies ``TrainingImages`` with latents
    in fp16."""

    def __init__(self, model: DDTTokenizer, images: TrainingImages, count: int, chunk: int = 500) -> None:
        self.description = f"{count:,} cached latents of {images.description}"
        device = next(model.autoencoder.parameters()).device
        with torch.no_grad():
            batches = (images.batch(i, chunk).to(device) for i in range(count // chunk))
            rows = [model.autoencoder.encode(batch).half().cpu() for batch in batches]
        self.latents = torch.cat(rows)

    def batch(self, step: int, size: int) -> Float[Tensor, "batch C side side"]:
        """Epochs of a seeded permutation, so that every latent is seen equally often."""
        total = len(self.latents)
        per_epoch = total // size
        epoch, place = divmod(step, per_epoch)
        order = torch.randperm(total, generator=torch.Generator().manual_seed(epoch))
        return self.latents[order[place * size : (place + 1) * size]].float()


class DDTTraining(nn.Module):
    """Satisfies ``harness.contracts.Trainable``."""

    family = DDTTokenizer.family

    def __init__(
        self,
        model: DDTTokenizer,
        pool: int = 80_000,
        repeats: int = 2,
        full_noise: float = 0.1,
        commitment: float = 0.25,
        anneal: float = 1 / 3,
        continuous: float = 0.05,
        start_images: int = 0,
        dropped: float = 0.0,
        cpu_hours_of_parts: Mapping[str, float] | None = None,
        keeps: Sequence[str] = (),
        copies: Mapping[int, int] | None = None,
    ) -> None:
        """``full_noise``: share of pure noise among the times. ``anneal``, ``continuous``: shares of the training (a
        ``continuous`` of 1: it never quantises).
        ``start_images``: latents whose features start the codebook (0: those of one batch). ``dropped``: share of the
        times below 1 at which no code is shown, so that the decoder can be guided (Selftok: 0.1).
        ``cpu_hours_of_parts``: what training the frozen parts cost, for the card. ``keeps``: beginnings of
        the names of weights that a checkpoint, which the training starts from, does not bring: the autoencoder is
        another, or the codebook is to be started anew. ``copies``: positions of that checkpoint that begin again, each
        as a copy of another (``revive``).
        """
        super().__init__()
        self.model = model
        self.cpu_hours_of_parts = dict(cpu_hours_of_parts or {})
        self.pool, self.repeats, self.full_noise, self.commitment, self.anneal = (
            pool,
            repeats,
            full_noise,
            commitment,
            anneal,
        )
        self.continuous, self.start_images, self.dropped = continuous, start_images, dropped
        self.own_weights, self.copies = tuple(keeps), dict(copies or {})
        self.new_codes = any(name.startswith("quantizer.") for name in keeps)
        self.free_settings = ("codebook",) if self.new_codes else ()
        self.latents: LatentPool | None = None
        model.autoencoder.requires_grad_(False).eval()

    def turns(self) -> list[list[nn.Parameter]]:
        return [[p for p in self.model.parameters() if p.requires_grad]]

    def matrices(self) -> list[nn.Parameter]:
        """Those inside the blocks; what enters, leaves or modulates them is left out."""
        outside = ("adaLN_modulation", "t_embedder")
        return [
            parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
            and parameter.ndim == 2
            and "blocks." in name
            and not any(part in name for part in outside)
        ]

    def compilable(self) -> list[nn.Module]:
        """What a step spends its time in."""
        return [self.model.encoder, self.model.decoder]

    def prepare_data(self, images: TrainingImages) -> TrainingImages:
        """Latents are computed once."""
        self.latents = LatentPool(self.model, images, self.pool)
        return self.latents

    def loss(
        self, images: Float[Tensor, "batch C side side"], turn: int, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        continuous = progress < self.continuous
        if not continuous:
            self._start_codebook()
        vectors, commitment, indices = self.model.quantizer(self.model.encoder(images), continuous)
        clean = images.repeat(self.repeats, 1, 1, 1)
        vectors = vectors.repeat(self.repeats, 1, 1)
        # drawn on the CPU and moved, so that every device sees the same draws
        t = spread_times(len(clean))
        t = torch.where(torch.rand(len(clean)) < self.full_noise, torch.ones(()), t).to(clean.device)
        noise = torch.randn(clean.shape).to(clean.device)
        shown = self._visible(t, progress)
        error = self.model.decoder(mix(clean, noise, t), t, vectors, shown).float() - (noise - clean)
        per_image = error.square().flatten(1).mean(dim=1)
        flow = per_image.mean()
        at_noise = per_image.detach()[t > 0.9].mean()
        counts = torch.bincount(indices.flatten(), minlength=self.model.codebook_size).float()
        share = counts / counts.sum()
        perplexity = torch.exp(-(share * (share + 1e-12).log()).sum())
        logs = {"flow": flow.detach(), "noisy": at_noise, "commit": commitment.detach(), "perplexity": perplexity}
        return flow + self.commitment * commitment, logs

    @torch.no_grad()
    def _start_codebook(self) -> None:
        """k-means over many images, where it was asked for and no codebook is there yet."""
        quantizer = self.model.quantizer
        if not self.start_images or self.latents is None or getattr(quantizer, "started", True):
            return
        device = next(self.model.encoder.parameters()).device
        chunks = torch.split(self.latents.latents[: self.start_images], 500)
        quantizer.start(torch.cat([self.model.encoder(chunk.float().to(device)).float() for chunk in chunks]))

    def _visible(self, t: Tensor, progress: float) -> Tensor:
        """The schedule's mask, with a floor that falls from all codes to none over the annealing share."""
        floor = 1 - min(1.0, progress / self.anneal) if self.anneal else 0.0
        count = self.model.code_count
        shown = self.model.schedule.visible_count(t).clamp(min=round(floor * count))
        visible = torch.arange(count, device=t.device)[None, :] < shown[:, None]
        if self.dropped:
            hidden = (torch.rand(len(t)).to(t.device) < self.dropped) & (t < 1)
            visible = visible & ~hidden[:, None]
        return visible

    def averaged_keys(self, names: list[str]) -> list[str]:
        """The codebook is its own average, and the autoencoder is frozen."""
        return [name for name in names if not name.startswith(("autoencoder.", "quantizer.codebook"))]

    def reconstructions(self, images: Float[Tensor, "batch 3 size size"]) -> dict[str, Tensor]:
        """By one step, and by chains of 8 and 25; without quantisation where the training never quantises."""
        return self.model.reconstructions(images, STEPS, continuous=self.continuous >= 1)

    def codes(self, images: Float[Tensor, "batch 3 size size"]) -> tuple[Tensor, int] | None:
        """(codes, the size of their codebook); None where the training never quantises."""
        if self.continuous >= 1:
            return None
        return self.model.encode(images), self.model.codebook_size

    def config(self) -> Mapping[str, Any]:
        return self.model.config()

    def begin_from_weights(self) -> None:
        """Silent positions begin again. The codebook of a checkpoint is a started one: k-means must not replace it."""
        if self.copies:
            revive(self.model, self.copies)
        if self.new_codes:
            return
        self.model.quantizer.resume_from_codebook()

    def export_state(self) -> dict[str, Tensor]:
        return self.model.state_dict()
