"""The adversarial part of a tokenizer's loss: PatchGAN discriminator, hinge loss, adaptive weight; the perceptual
distance beside it.

As in taming-transformers (Esser et al. 2021, arXiv 2012.09841, equations 6-7; the discriminator is that of Isola et
al. 2017), scaled by configuration: the published one has width 64 and 3 layers for 256 px. It is needed for training
only and never exported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

PerceptualFeatures = Callable[[Tensor], Sequence[Tensor]]
"""Images in [0, 1] -> maps, layer by layer."""


class PatchDiscriminator(nn.Module):
    """One logit per patch: ``layers`` 4x4 convolutions of stride 2, one of stride 1, one to a single channel."""

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        stack: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        channels = width
        for index in range(1, layers + 1):
            inputs, channels = channels, width * min(1 << index, 8)
            stride = 2 if index < layers else 1
            # the norm has a bias of its own
            stack += [
                nn.Conv2d(inputs, channels, 4, stride, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.LeakyReLU(0.2),
            ]
        stack.append(nn.Conv2d(channels, 1, 4, padding=1))
        self.main = nn.Sequential(*stack)
        self.apply(_start)

    def forward(self, signed: Float[Tensor, "b 3 size size"]) -> Float[Tensor, "b 1 h w"]:
        logits: Tensor = self.main(signed)
        return logits


def _start(module: nn.Module) -> None:
    """The start values of Isola et al."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises: 0 once real logits are above 1 and fake ones below -1."""
    return 0.5 * (functional.relu(1.0 - real).mean() + functional.relu(1.0 + fake).mean())


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, last_layer: Tensor) -> Tensor:
    """The ratio of the two losses' gradient norms at the decoder's last layer, at most 10,000, detached."""
    wanted: Tensor = torch.autograd.grad(reconstruction, last_layer, retain_graph=True)[0]
    given: Tensor = torch.autograd.grad(adversarial, last_layer, retain_graph=True)[0]
    ratio: Tensor = wanted.norm() / (given.norm() + 1e-4)
    return ratio.clamp(0.0, 1e4).detach()


def perceptual_distance(
    features: PerceptualFeatures, made: Float[Tensor, "b 3 size size"], wanted: Float[Tensor, "b 3 size size"]
) -> Tensor:
    """LPIPS' form with all weights 1: squared distance of unit-length channels, averaged over places, layers summed.

    Gradients flow to ``made`` alone; both are images in [0, 1].
    """
    with torch.no_grad():
        theirs = features(wanted)
    pairs = [
        (functional.normalize(a.float(), dim=1), functional.normalize(b.float(), dim=1))
        for a, b in zip(features(made), theirs, strict=True)
    ]
    return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).sum()
