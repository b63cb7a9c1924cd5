"""Training of FD-fashion's feature network: ``ddtbench train tokenizer fashion-features --out zoo/fashion-features``.

Training images only, moved by up to two pixels and mirrored at random. Half of them are blurred or made noisy, and the
network says by how much, so that its features (hence FD-fashion) notice bad pictures as well as wrong ones. The head
that names the class is kept, since it tells whether a generated picture shows what was asked for; the other one is
thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contracts import Recipe, Trainable
from harness.seeding import rng_for, seed_for
from tasks.data.fashion_mnist import SIDE, open_fashion
from tasks.fashion.features import FAMILY, FEATURES, FashionNet
from tasks.tokenizing.streams import FashionStream
from tasks.world.feature_training import damaged

REACH = 2
"""How far a picture is moved, in pixels."""


@dataclass(frozen=True)
class Labelled:
    """Pictures ``batch 1 28 28`` with their class, and how blurred and noisy they are (``batch 2``)."""

    images: Tensor
    classes: Tensor
    damage: Tensor

    def to(self, device: torch.device) -> Labelled:
        return Labelled(self.images.to(device), self.classes.to(device), self.damage.to(device))


class LabelledProducts:
    """Training images with their classes; addressed by step."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        images, self._classes = open_fashion("train")
        self._padded = np.pad(images, ((0, 0), (REACH, REACH), (REACH, REACH)))
        self.description = (
            f"Fashion-MNIST's {len(images):,} training images, moved by up to {REACH} px, mirrored at random; "
            "half of all blurred or noisy"
        )

    def batch(self, step: int, size: int) -> Labelled:
        rng = rng_for("fashion-features", self._seed, step)
        chosen = rng.integers(len(self._padded), size=size)
        places = rng.integers(2 * REACH + 1, size=(2, size))
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, (SIDE, SIDE), axis=(1, 2))
        pixels = windows[chosen, places[0], places[1]]
        mirrored = rng.random(size) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        generator = torch.Generator().manual_seed(seed_for("fashion-features", self._seed, step))
        images, damage = damaged(torch.from_numpy(pixels)[:, None].float() / 255, generator)
        return Labelled(images, torch.from_numpy(self._classes[chosen]), damage)


class FashionTraining(nn.Module):
    """Satisfies ``harness.contracts.Trainable``: the network, and a head for the damage that is not exported."""

    family = FAMILY

    def __init__(self, examined: int = 10_000) -> None:
        """``examined``: how many test images the card's accuracies are taken from."""
        super().__init__()
        self.examined = examined
        self.net = FashionNet()
        self.damage = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, 2))
        self.to(memory_format=torch.channels_last)  # a tenth less time on a CPU

    def turns(self) -> list[list[nn.Parameter]]:
        return [list(self.parameters())]

    def prepare_data(self, images: FashionStream) -> LabelledProducts:
        """The stream's training images with their classes, which it does not tell."""
        return LabelledProducts(images.seed)

    def loss(self, images: Labelled, turn: int, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        features = self.net(images.images)
        found = {
            "class": functional.cross_entropy(self.net.logits(features), images.classes),
            "damage": functional.smooth_l1_loss(self.damage(features), images.damage, beta=0.1),
        }
        return torch.stack(list(found.values())).sum(), {name: value.detach() for name, value in found.items()}

    def config(self) -> dict[str, Any]:
        return {"widths": list(self.net.widths)}

    def export_state(self) -> dict[str, Tensor]:
        return self.net.state_dict()

    def examine(self) -> dict[str, float]:
        """What the card says of it: accuracies on test images."""
        return test_accuracy(self.net.eval(), self.examined)


@torch.no_grad()
def test_accuracy(net: FashionNet, count: int) -> dict[str, float]:
    """Share of the first test images whose class is read: as they are, and half of them damaged as in training."""
    pixels, classes = (values[:count] for values in open_fashion("test"))
    images = torch.from_numpy(pixels.astype(np.float32) / 255)[:, None]
    harmed, _ = damaged(images, torch.Generator().manual_seed(seed_for("fashion-features", "test")))
    found = {}
    for name, pictures in (("test: class", images), ("test, half blurred or noisy: class", harmed)):
        read = torch.cat([net.logits(net(chunk)).argmax(1) for chunk in torch.split(pictures, 500)]).numpy()
        found[name] = round(float((read == classes).mean()), 4)
    return found


def build(find: Callable[[str, str], Any]) -> Trainable:
    return FashionTraining()


RECIPE = Recipe(
    "fashion-features",
    build,
    data="fashion",
    steps=4000,
    batch=128,
    learning_rate=3e-3,
    warmup=300,
    weight_decay=0.01,
    clip=10.0,
    final_share=0.001,
    threads=1,
    precision="bf16",
)
