"""The feature network: what its checkpoint says, what its features notice, and that it can be trained again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.catalog import find
from harness.contracts import Case, Recipe, Sample
from harness.weights.checkpoints import load_checkpoint, read_card
from tasks.world.detector_card import blurred, noisy
from tasks.world.draw import draw
from tasks.world.entries import WORLD_ENTRIES
from tasks.world.feature_training import KINDS, NOTHING, RECIPE, FeatureTraining, world_labels
from tasks.world.features import (
    FAMILY,
    FEATURES,
    SOURCE,
    FeatureNet,
    PerceptualNet,
    WorldFeatures,
    load_features,
    open_world_features,
)
from tasks.world.sampling import scenes_of
from tasks.world.scene import CELLS, COLOUR_NAMES, SHAPES


def shown(count: int) -> torch.Tensor:
    return draw(scenes_of("test", 0, count))


def eight_bit(images: torch.Tensor) -> list[np.ndarray]:
    return list(images.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy())


def test_the_card_tells_how_it_was_trained() -> None:
    card = read_card(SOURCE)
    assert {"recipe", "data", "steps", "cpu_hours", "final"} <= card["training"].keys()
    assert card["training"]["examined"]["val: cell_shape"] > 0.99
    assert open_world_features().digest == card["sha256"] and not open_world_features().unavailable()
    assert "zoo/nothing" in WorldFeatures("zoo/nothing").unavailable()


def test_columns_are_vectors_and_do_not_depend_on_the_batch() -> None:
    instrument = open_world_features()
    pictures = eight_bit(shown(70))
    whole = instrument.embed(pictures)
    assert whole.shape == (70, FEATURES) and whole.dtype == np.float32
    # Matrix products of another batch size add up in another order: float32 rounding at values of about 10.
    np.testing.assert_allclose(instrument.embed(pictures[66:]), whole[66:], atol=1e-4)
    samples = [Sample(Case(str(i), ""), images={"output": p, "reference": p}) for i, p in enumerate(pictures[:3])]
    columns = instrument.observe(samples)
    assert set(columns) == {"output", "reference"} and np.array_equal(columns["output"], columns["reference"])
    alone = Sample(Case("x", ""), images={"output": pictures[0]})
    assert set(instrument.observe([*samples, alone])) == {"output"}
    with pytest.raises(ValueError, match="32x32, not 8x8"):
        instrument.embed([pictures[0][:8, :8]])


def test_features_and_perceptual_distance_grow_with_damage() -> None:
    images, net, perceptual = shown(100), load_features(), PerceptualNet(load_features())
    for harm, doses in ((noisy, (30, 24, 18)), (blurred, (0.7, 1.0, 1.6))):
        harmed = [harm(images, dose).clamp(0, 1) for dose in doses]
        with torch.no_grad():
            moved = [float((net(images) - net(other)).square().sum(1).mean()) for other in harmed]
            distance = [float(perceptual(images, other).mean()) for other in harmed]
        assert moved[0] < moved[1] < moved[2] and distance[0] < distance[1] < distance[2]


def test_perceptual_distance_is_zero_on_itself_symmetric_and_has_gradients() -> None:
    perceptual = PerceptualNet(load_features()).train()
    images, others = shown(8), shown(16)[8:]
    assert perceptual(images, images).abs().max() == 0
    torch.testing.assert_close(perceptual(images, others), perceptual(others, images))
    assert not perceptual.net.training and not any(p.requires_grad for p in perceptual.parameters())
    leaf = images.clone().requires_grad_()
    torch.autograd.backward(perceptual(leaf, others).sum())
    assert leaf.grad is not None and leaf.grad.abs().sum() > 0
    for features in perceptual.features(images):
        norms = features.square().sum(1)
        # Unit length, but for places where all channels are (nearly) off.
        assert norms.max() <= 1.001 and norms.median() > 0.99
    assert float(perceptual(images, others).min()) > 0 and float(perceptual(images, others).max()) <= 2


def test_labels_say_what_the_scene_holds() -> None:
    batch = scenes_of("train", 0, 60)
    labels = world_labels(batch)
    for row, scene in enumerate(batch.scenes()):
        assert int(labels["count"][row]) == len(scene.objects) - 1
        assert int(labels["pairs"][row].sum()) == len({(item.shape, item.colour) for item in scene.objects})
        by_cell = {item.cell: item for item in scene.objects}
        for cell, name in enumerate(CELLS):
            item = by_cell.get(name)
            shape, colour, _ = (int(labels[kind][row, cell]) for kind in KINDS)
            assert shape == (SHAPES.index(item.shape) if item else len(SHAPES))
            assert colour == (COLOUR_NAMES.index(item.colour) if item else NOTHING)
            assert bool(labels["cells"][row, cell]) == (item is not None)


@pytest.mark.needs("fashion-mnist")
def test_training_is_seeded_and_writes_what_can_be_read(tmp_path: Path) -> None:
    train = find("trainer", "tokenizer")
    for name, seed in zip("abc", (0, 0, 1), strict=True):
        recipe = replace(RECIPE, batch=16, seed=seed, build=lambda _: FeatureTraining(examined=64))
        train(recipe, tmp_path / name, find, steps=2, say=lambda _: None)
    digests = [read_card(str(tmp_path / name))["sha256"] for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    state, card = load_checkpoint(str(tmp_path / "a"), FAMILY)
    assert set(card["training"]["examined"]) >= {"val: cell_shape", "Fashion-MNIST test: product"}
    assert state.keys() == FeatureNet().state_dict().keys()


@pytest.mark.parametrize("entry", WORLD_ENTRIES, ids=lambda entry: entry.name)
def test_entries_lead_somewhere(entry: object) -> None:
    import importlib

    module, _, attribute = entry.place.partition(":")  # type: ignore[attr-defined]
    found = getattr(importlib.import_module(module), attribute)
    assert callable(found) or isinstance(found, Recipe)
