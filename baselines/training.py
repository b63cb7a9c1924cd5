"""VQGAN and VAR's tokenizer as ``harness.contracts.Trainable``: reconstruction, perceptual, codebook and adversarial
losses.

Loss of taming (Esser et al. 2021, equation 7): L1 + perceptual + codebook + adaptive weight * adversarial.
Deviations, all of them because the zoo's nets are tiny and learn a few thousand steps: an L2 term beside L1; the
perceptual net may be any that ``perceptual_features`` asks of; ``baselines.codebook`` keeps codes in use;
quantisation sets in after ``continuous``; bf16 products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.codebook import CodebookCare
from baselines.convnet import to_signed
from baselines.var import FAMILY as VAR_FAMILY
from baselines.var import VARTokenizer
from baselines.vqgan import FAMILY as VQGAN_FAMILY
from baselines.vqgan import VQGAN
from ddt_llama.training.adversarial import (
    PatchDiscriminator,
    PerceptualFeatures,
    adaptive_weight,
    hinge_loss,
    perceptual_distance,
)
from ddt_llama.training.precision import bf16_pays

Find = Callable[[str, str], Any]


@dataclass(frozen=True)
class Losses:
    """Weights of the terms, and the shares of the training at which they begin.

    ``continuous``: until then nothing is quantised. ``adversarial_start``: when the discriminator begins, and with it
    its term. ``revive_until``: when dead codes stop being moved. ``follow``: the codebook is a moving average and
    learns by no gradient.
    """

    l1: float = 1.0
    l2: float = 1.0
    perceptual: float = 0.1
    codebook: float = 1.0
    adversarial: float = 0.1
    continuous: float = 0.03
    adversarial_start: float = 0.75
    revive_until: float = 0.8
    follow: bool = True
    half: bool = True


class AdversarialTokenizer(nn.Module):
    """A tokenizer with its losses; turn 0 is the tokenizer, turn 1 (if there is one) the discriminator."""

    def __init__(
        self,
        model: VQGAN | VARTokenizer,
        losses: Losses,
        discriminator: PatchDiscriminator | None = None,
        perceptual: PerceptualFeatures | None = None,
    ) -> None:
        super().__init__()
        self.model, self.losses, self.discriminator = model, losses, discriminator
        self.family = VQGAN_FAMILY if isinstance(model, VQGAN) else VAR_FAMILY
        self.care = CodebookCare(model.quantize.embedding, losses.follow)
        model.quantize.embedding.weight.requires_grad_(not losses.follow)
        # a tuple hides a perceptual net from parameters() and state_dict(): it is neither trained nor exported
        self._perceptual = (perceptual,)
        self._made: tuple[Tensor, Tensor] | None = None

    def turns(self) -> list[list[nn.Parameter]]:
        own = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        return [own] if self.discriminator is None else [own, list(self.discriminator.parameters())]

    def config(self) -> dict[str, Any]:
        return self.model.config.to_mapping()

    def export_state(self) -> dict[str, Tensor]:
        """The tokenizer alone, under the published keys."""
        return self.model.state_dict()

    def loss(
        self, images: Float[Tensor, "b 3 size size"], turn: int, progress: float
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Turn 1 sees the reconstruction that turn 0 made of the same images."""
        return self._discriminate(progress) if turn else self._reconstruct(to_signed(images), progress)

    def _reconstruct(self, signed: Tensor, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        weights = self.losses
        with self._products(signed):
            latents = self.model.latents(signed)
        quantised, codebook = self._quantise(latents.float(), progress)
        with self._products(signed):
            made = self.model.render(quantised)
        made = made.float()
        l1, l2 = functional.l1_loss(made, signed), functional.mse_loss(made, signed)
        total = weights.l1 * l1 + weights.l2 * l2
        seen = {"l1": l1.detach(), "psnr": _psnr(made, signed), "codebook": codebook.detach()}
        if self._perceptual[0] is not None and weights.perceptual:
            perceptual = self._distance(made, signed)
            total = total + weights.perceptual * perceptual
            seen["perceptual"] = perceptual.detach()
        if self._plays(progress):
            self._made = (made.detach(), signed)
            fooled = -self._judge(made).mean()
            balance = adaptive_weight(total, fooled, self.model.decoder.conv_out.weight)
            total = total + weights.adversarial * balance * fooled
            seen |= {"fooled": fooled.detach(), "balance": balance}
        return total + weights.codebook * codebook, seen | {"codes": self.care.perplexity}

    def _discriminate(self, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        assert self.discriminator is not None
        if not self._plays(progress) or self._made is None:
            # before its start the discriminator has nothing to learn: a zero that still has gradients
            return sum((p.sum() * 0.0 for p in self.discriminator.parameters()), torch.zeros(())), {}
        made, signed = self._made
        real, fake = self._judge(signed), self._judge(made)
        self._made = None
        return hinge_loss(real, fake), {"real": real.mean().detach(), "fake": fake.mean().detach()}

    def _quantise(self, latents: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        """(latents for the decoder, codebook loss), with the codebook cared for."""
        quantize, care = self.model.quantize, self.care
        if progress < self.losses.continuous:
            return latents, latents.new_zeros(())
        if not care.started:
            care.start(quantize.embedding, torch.cat(list(self._targets(latents, None))))
        quantised, loss, codes = quantize(latents)
        per_scale = [codes] if isinstance(codes, Tensor) else codes
        if self.training:
            vectors = torch.cat(list(self._targets(latents, per_scale)))
            indices = torch.cat([part.flatten() for part in per_scale])
            care.update(quantize.embedding, vectors, indices, revive=progress < self.losses.revive_until)
        return quantised, loss

    @torch.no_grad()
    def _targets(self, latents: Tensor, codes: Sequence[Tensor] | None) -> Iterable[Float[Tensor, "n c"]]:
        """The vectors that the codebook stood for: the latents, or per scale what was left of them (before there are
        codes: what the scales above would leave if they were exact)."""
        if isinstance(self.model, VQGAN):
            yield _rows(latents)
            return
        quantize, rest = self.model.quantize, latents
        for scale in range(len(quantize.sides)):
            lowered = quantize.lower_map(rest, scale)
            yield _rows(lowered)
            rest = rest - quantize.raise_map(lowered if codes is None else quantize.lookup(codes[scale]), scale)

    def _distance(self, made: Tensor, signed: Tensor) -> Tensor:
        features = self._perceptual[0]
        assert features is not None
        with self._products(signed):
            return perceptual_distance(features, (made + 1.0) * 0.5, (signed + 1.0) * 0.5)

    def _judge(self, signed: Tensor) -> Tensor:
        assert self.discriminator is not None
        with self._products(signed):
            logits: Tensor = self.discriminator(signed)
        return logits.float()

    def _plays(self, progress: float) -> bool:
        return self.discriminator is not None and progress >= self.losses.adversarial_start

    def _products(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, dtype=torch.bfloat16, enabled=self.losses.half and bf16_pays())


def _rows(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "n c"]:
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _psnr(made: Tensor, signed: Tensor) -> Tensor:
    """In dB on the range 2, the mean over the batch's pixels."""
    return 10.0 * torch.log10(4.0 / (made.detach() - signed).square().mean().clamp(min=1e-10))
