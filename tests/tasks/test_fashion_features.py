"""FD-fashion's network: what its checkpoint says, what it looks at, and that it can be trained again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.catalog import find
from harness.contracts import Case, Sample
from harness.weights.checkpoints import load_checkpoint, read_card
from tasks.data.fashion_mnist import SIDE, open_fashion, padded_rgb
from tasks.fashion import feature_training as fashion_feature_training
from tasks.fashion.feature_training import REACH, RECIPE, FashionTraining, LabelledProducts
from tasks.fashion.features import FAMILY, FEATURES, SOURCE, FashionFeatures, FashionNet, open_fashion_features
from tasks.tokenizing import streams
from tasks.world.features import smoothed

needs_fashion = pytest.mark.needs("fashion-mnist")
FACTS = {"crop": [2, 2, 28, 28], "grey": True}


@pytest.fixture(scope="module")
def products() -> tuple[np.ndarray, np.ndarray]:
    images, labels = open_fashion("test")
    return images[:600], labels[:600]


def sample(number: int, label: int | None = None, **images: np.ndarray) -> Sample:
    facts = FACTS if label is None else {**FACTS, "label": label}
    return Sample(Case(f"case-{number}", "g", facts=facts), images=images)


def test_the_card_tells_how_it_was_trained() -> None:
    card = read_card(SOURCE)
    assert {"recipe", "data", "steps", "cpu_hours", "final"} <= card["training"].keys()
    assert card["training"]["examined"]["test: class"] > 0.9
    assert open_fashion_features().digest == card["sha256"] and not open_fashion_features().unavailable()
    assert "zoo/nothing" in FashionFeatures("zoo/nothing").unavailable()
    assert sum(value.numel() for value in FashionNet().parameters()) < 250_000


@needs_fashion
def test_it_reads_as_well_as_the_card_says(products: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = products
    accuracy = read_card(SOURCE)["training"]["examined"]["test: class"]
    _, classes = open_fashion_features().look(images.astype(np.float32) / 255)
    # Three standard errors of a share of 600.
    assert abs((classes == labels).mean() - accuracy) < 3 * np.sqrt(accuracy * (1 - accuracy) / 600)


@needs_fashion
def test_columns_and_agreement(products: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = products
    pictures, instrument = padded_rgb(images[:70]), open_fashion_features()
    samples = [
        sample(number, int(label), output=picture, reference=pictures[0])
        for number, (picture, label) in enumerate(zip(pictures, labels, strict=False))
    ]
    found = instrument.observe(samples)
    assert set(found) == {"output", "reference", "class", "agrees", "reference_agrees"}
    features, classes = instrument.look(images[:70].astype(np.float32) / 255)
    assert features.shape == (70, FEATURES) and features.dtype == np.float32
    # Pixels are the mean of three equal channels here, which rounds in the last place of float32.
    np.testing.assert_allclose(np.stack(found["output"]), features, atol=1e-4)
    assert found["class"] == classes.tolist()
    assert found["agrees"] == [int(seen == asked) for seen, asked in zip(classes, labels, strict=False)]
    assert found["reference_agrees"] == [int(classes[0] == asked) for asked in labels[:70]]
    alone = instrument.observe(samples[66:67])
    np.testing.assert_allclose(alone["output"][0], found["output"][66], atol=1e-4)
    assert set(instrument.observe([sample(0, output=pictures[0])])) == {"output", "class"}
    assert instrument.observe([]) == {}


def test_padding_and_colour_do_not_count_and_another_size_is_refused() -> None:
    rng, instrument = np.random.default_rng(0), open_fashion_features()
    plain = padded_rgb(rng.integers(0, 256, (1, SIDE, SIDE), dtype=np.uint8))[0]
    framed, tinted = plain.copy(), plain.astype(int)
    framed[:2], framed[:, 30:] = 255, 255
    shift = np.minimum(tinted[..., 0], 255 - tinted[..., 1]) // 2
    tinted[..., 0], tinted[..., 1] = tinted[..., 0] - shift, tinted[..., 1] + shift
    found = instrument.observe(
        [sample(number, output=picture) for number, picture in enumerate((plain, framed, tinted.astype(np.uint8)))]
    )["output"]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    with pytest.raises(ValueError, match=r"case-4.*28x28, not 28x20"):
        instrument.observe([sample(4, output=plain[:, :22])])


@needs_fashion
def test_features_move_with_damage(products: tuple[np.ndarray, np.ndarray]) -> None:
    images = torch.from_numpy(products[0][:200].astype(np.float32) / 255)[:, None]
    instrument, noise = open_fashion_features(), torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    clean, _ = instrument.look(images[:, 0].numpy())
    for doses in (
        [smoothed(images, torch.full((200,), sigma)) for sigma in (0.4, 0.8, 1.4)],
        [(images + sigma * noise).clamp(0, 1) for sigma in (0.02, 0.06, 0.12)],
    ):
        moved = [float(np.square(instrument.look(harmed[:, 0].numpy())[0] - clean).sum(1).mean()) for harmed in doses]
        assert 0 < moved[0] < moved[1] < moved[2]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Training sees the first 500 test images, for speed."""
    images, labels = (values[:500] for values in open_fashion("test"))
    for module in (fashion_feature_training, streams):
        monkeypatch.setattr(module, "open_fashion", lambda split: (images, labels))
    return images, labels


@needs_fashion
def test_training_batches_are_addressed_by_step_and_hold_the_right_class(
    few: tuple[np.ndarray, np.ndarray],
) -> None:
    data = LabelledProducts(0)
    one, again, other = data.batch(3, 40), LabelledProducts(0).batch(3, 40), data.batch(4, 40)
    assert torch.equal(one.images, again.images) and torch.equal(one.classes, again.classes)
    assert not torch.equal(one.images, other.images)
    images, labels = few
    checked = 0
    for picture, label, damage in zip(one.images[:, 0], one.classes, one.damage, strict=True):
        assert float(picture.min()) >= 0 and float(picture.max()) <= 1 and float(damage.min()) >= 0
        if damage.any():
            continue
        # A clean one is a training image of its class, moved or mirrored: the columns' sums of the middle are found.
        pixels = (picture * 255).round().byte().numpy()
        middle = pixels[REACH + 6 : -REACH - 6, REACH + 6 : -REACH - 6]
        ways = (middle, middle[:, ::-1])
        candidates = images[labels == int(label)]
        windows = np.lib.stride_tricks.sliding_window_view(candidates, middle.shape, axis=(1, 2))[:, 6:11, 6:11]
        assert any((windows == way).all(axis=(3, 4)).any() for way in ways)
        checked += 1
        if checked == 3:
            break
    assert checked == 3


@pytest.mark.usefixtures("few")
@needs_fashion
def test_training_is_seeded_and_writes_what_can_be_read(tmp_path: Path) -> None:
    train = find("trainer", "tokenizer")
    for name, seed in zip("abc", (0, 0, 1), strict=True):
        recipe = replace(RECIPE, batch=8, seed=seed, precision="no", build=lambda _: FashionTraining(examined=32))
        train(recipe, tmp_path / name, find, steps=2, say=lambda _: None)
    digests = [read_card(str(tmp_path / name))["sha256"] for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    state, card = load_checkpoint(str(tmp_path / "a"), FAMILY)
    assert set(card["training"]["examined"]) == {"test: class", "test, half blurred or noisy: class"}
    assert state.keys() == FashionNet().state_dict().keys()
