"""Training of the feature network: ``ddtbench train tokenizer world-features --out zoo/world-features``.

Three quarters of a batch are labelled world scenes, a quarter Fashion-MNIST products. Half of all pictures are blurred
or made noisy, and the network says by how much, so that its features (hence FD-world) notice bad pictures as well as
wrong ones. Heads on the last map name shape, colour and size in each of the 3x3 cells; heads on the 64 features name
the pairs of shape and colour, the cells in use, the number of objects, the background and the product. The heads are
thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contracts import Recipe, Trainable
from harness.seeding import rng_for, seed_for
from tasks.data.fashion_mnist import open_fashion, padded_rgb
from tasks.world.draw import draw
from tasks.world.features import FAMILY, FEATURES, FeatureNet, smoothed
from tasks.world.sampling import scenes_of
from tasks.world.scene import BACKGROUND_NAMES, CELLS, COLOUR_NAMES, MOST, SHAPES, SIDE, SIZE_NAMES, SceneBatch
from tasks.world.stream import WorldImages

PRODUCTS = 10
PAIRS = len(SHAPES) * len(COLOUR_NAMES)
NOTHING = -100
"""The label which cross_entropy leaves out."""

KINDS = {"cell_shape": len(SHAPES) + 1, "cell_colour": len(COLOUR_NAMES), "cell_size": len(SIZE_NAMES)}
"""Answers per cell, read off the last map."""

SINGLE = {"count": MOST, "top": len(BACKGROUND_NAMES), "bottom": len(BACKGROUND_NAMES), "product": PRODUCTS}
"""Questions with one answer, read off the features."""


def world_labels(batch: SceneBatch) -> dict[str, Tensor]:
    """The truth about scenes. No two objects share a cell: it has one shape (last class: none), colour and size."""
    count = len(batch)
    row, slot = np.nonzero(batch.present)
    cell = (3 * (3 * batch.y // SIDE) + 3 * batch.x // SIDE).astype(np.int64)[row, slot]
    shape, colour, size = (value[row, slot] for value in (batch.shape, batch.colour, batch.size))
    labels: dict[str, Any] = {name: np.full((count, len(CELLS)), NOTHING, np.int64) for name in KINDS}
    labels["cell_shape"][:] = len(SHAPES)
    for name, value in zip(KINDS, (shape, colour, size), strict=True):
        labels[name][row, cell] = value
    pairs = np.zeros((count, PAIRS), np.float32)
    pairs[row, shape * len(COLOUR_NAMES) + colour] = 1
    cells = np.zeros((count, len(CELLS)), np.float32)
    cells[row, cell] = 1
    labels |= {
        "pairs": pairs,
        "cells": cells,
        "count": batch.present.sum(1) - 1,
        "top": batch.top,
        "bottom": batch.bottom,
    }
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in labels.items()}


class Heads(nn.Module):
    """What is asked of the network while it learns."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, len(CELLS) * sum(KINDS.values()))
        self.wide = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, 256), nn.ReLU())
        self.outputs = nn.ModuleDict({name: nn.Linear(256, size) for name, size in SINGLE.items()})
        self.outputs.update(
            {"pairs": nn.Linear(256, PAIRS), "cells": nn.Linear(256, len(CELLS)), "damage": nn.Linear(256, 2)}
        )

    def forward(self, last: Tensor, features: Tensor) -> dict[str, Tensor]:
        """Logits by question; those per cell are ``batch classes cells``."""
        dense = self.dense(last.flatten(1)).unflatten(1, (sum(KINDS.values()), len(CELLS)))
        answers = dict(zip(KINDS, dense.split(list(KINDS.values()), dim=1), strict=True))
        wide = self.wide(features)
        return answers | {name: layer(wide) for name, layer in self.outputs.items()}


def damaged(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(images, how much): half stay clean; others get a blur of up to 1.5 px, noise of up to 0.15, or both."""
    count = len(images)
    draw_blur, draw_noise, kind = torch.rand((3, count), generator=generator)
    blur = torch.where((kind > 0.5) & (kind < 0.85), 0.3 + 1.2 * draw_blur, 0.0)
    noise = torch.where(kind > 0.7, 0.01 + 0.14 * draw_noise, 0.0)
    images = smoothed(images, blur) + noise[:, None, None, None] * torch.randn(images.shape, generator=generator)
    return images.clamp(0, 1), torch.stack([blur / 1.5, noise / 0.15], dim=1)


def losses(answers: Mapping[str, Tensor], labels: Mapping[str, Tensor], damage: Tensor) -> dict[str, Tensor]:
    """One loss per question: labels cover the first pictures (world) or, for ``product``, the last ones (products)."""
    world, products = len(labels["count"]), len(labels["product"])
    found = {
        name: functional.cross_entropy(answers[name][:world], labels[name])
        for name in (*KINDS, *SINGLE)
        if name != "product"
    }
    for name in ("pairs", "cells"):
        per = functional.binary_cross_entropy_with_logits(answers[name][:world], labels[name], reduction="none")
        found[name] = per.sum(1).mean() / 4
    found["product"] = functional.cross_entropy(answers["product"][-products:], labels["product"])
    found["damage"] = functional.smooth_l1_loss(answers["damage"], damage, beta=0.1)
    return found


@dataclass(frozen=True)
class Labelled:
    """Pictures with the answers: labels cover the first ones (world) or, for ``product``, the last ones."""

    images: Tensor
    labels: Mapping[str, Tensor]
    damage: Tensor

    def to(self, device: torch.device) -> Labelled:
        labels = {name: value.to(device) for name, value in self.labels.items()}
        return Labelled(self.images.to(device), labels, self.damage.to(device))


class LabelledPictures:
    """Three quarters world scenes, a quarter products, half of all damaged; addressed by step."""

    def __init__(self, world: WorldImages) -> None:
        self.world = world
        self.photographs, self.classes = open_fashion("train")
        self.description = f"3/4 {world.description}; 1/4 Fashion-MNIST's training images; half of all blurred or noisy"

    def batch(self, step: int, size: int) -> Labelled:
        seed = self.world.seed
        scenes = self.world.scenes(step, size * 3 // 4)
        chosen = rng_for("world-features", seed, step).integers(len(self.photographs), size=size - len(scenes))
        products = torch.from_numpy(padded_rgb(self.photographs[chosen])).permute(0, 3, 1, 2).float() / 255
        generator = torch.Generator().manual_seed(seed_for("world-features", seed, step))
        images, damage = damaged(torch.cat([draw(scenes), products]), generator)
        labels = world_labels(scenes) | {"product": torch.from_numpy(self.classes[chosen].astype(np.int64))}
        return Labelled(images, labels, damage)


class FeatureTraining(nn.Module):
    """Satisfies ``harness.contracts.Trainable``: the network with its heads; the heads are not exported."""

    family = FAMILY

    def __init__(self, examined: int = 2000) -> None:
        """``examined``: how many pictures of each held-out kind the card's accuracies are taken from."""
        super().__init__()
        self.net = FeatureNet()
        self.heads = Heads(self.net.widths[-1] * (SIDE // 8) ** 2)
        self.examined = examined

    def turns(self) -> list[list[nn.Parameter]]:
        return [list(self.parameters())]

    def prepare_data(self, images: WorldImages) -> LabelledPictures:
        """The stream of scenes with its ground truth, and products beside it."""
        return LabelledPictures(images)

    def loss(self, images: Labelled, turn: int, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        mapped = self.net.maps(images.images)[-1]
        answers = self.heads(mapped, self.net.feature(mapped.flatten(1)))
        found = losses(answers, images.labels, images.damage)
        return torch.stack(list(found.values())).sum(), {name: value.detach() for name, value in found.items()}

    def config(self) -> dict[str, Any]:
        return {"widths": list(self.net.widths)}

    def export_state(self) -> dict[str, Tensor]:
        return self.net.state_dict()

    def examine(self) -> dict[str, float]:
        """What the card says of it: accuracies on held-out pictures."""
        return held_out_accuracy(self.net.eval(), self.heads.eval(), self.examined)


def build(find: Callable[[str, str], Any]) -> Trainable:
    return FeatureTraining()


RECIPE = Recipe(
    "world-features",
    build,
    data="world",
    steps=3000,
    batch=128,
    learning_rate=3e-3,
    warmup=300,
    weight_decay=0.01,
    clip=10.0,
    final_share=0.001,
    threads=1,
)


@torch.no_grad()
def held_out_accuracy(net: FeatureNet, heads: Heads, count: int) -> dict[str, float]:
    """Share of right answers on clean pictures: validation scenes, test scenes with a held-out pair, test products."""
    tests = scenes_of("test", 0, count)
    unseen = tests.select(np.array([scene.held_out for scene in tests.scenes()]))
    found: dict[str, float] = {}
    for split, scenes in (("val", scenes_of("val", 0, count)), ("test with a held-out pair", unseen)):
        mapped = net.maps(draw(scenes))[-1]
        answers, labels = heads(mapped, net.feature(mapped.flatten(1))), world_labels(scenes)
        for name in (*KINDS, "count", "top", "bottom"):
            asked = labels[name] != NOTHING
            found[f"{split}: {name}"] = (answers[name].argmax(1) == labels[name])[asked].float().mean().item()
        for name in ("pairs", "cells"):
            found[f"{split}: {name}, all right"] = (
                ((answers[name] > 0) == (labels[name] > 0)).all(1).float().mean().item()
            )
    photographs, classes = open_fashion("test")
    images = torch.from_numpy(padded_rgb(photographs[:count])).permute(0, 3, 1, 2).float() / 255
    mapped = net.maps(images)[-1]
    products = heads(mapped, net.feature(mapped.flatten(1)))["product"].argmax(1).numpy()
    found["Fashion-MNIST test: product"] = float((products == classes[:count]).mean())
    return {name: round(value, 4) for name, value in found.items()}
